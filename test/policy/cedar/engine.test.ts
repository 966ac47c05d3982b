import { describe, expect, test } from '@jest/globals';
import type { Question } from '../../../src/policy/question.ts';
import { BOT, botFacts, engineOf, FINANCE, MIRA, ownQuestion, PARENT, question, RESOURCE } from './questions.ts';

const asked = async (text: string, of: Question = question) => (await engineOf(text)).ask(of);
const effectOf = async (text: string, of?: Question) => (await asked(text, of)).effect;
const forbid = (condition: string, head = 'principal, action, resource') => `@id("p") forbid(${head}) when { ${condition} };`;
const withContext = (context: Partial<Question['context']>): Question => ({ ...question, context: { ...question.context, ...context } });
const withAgent = (agent: Partial<typeof botFacts>): Question => ({
  ...question,
  facts: { ...question.facts, agent: { ...botFacts, ...agent } },
});

test('without a policy, what the invariants permit is permitted; a permit of an administrator adds nothing to that', async () => {
  expect((await engineOf()).ask(question)).toMatchObject({ effect: 'permit', rule: 'policies' });
  expect(await effectOf('@id("p") permit(principal, action, resource) when { context.hour == 3 };')).toBe('permit');
});

test('a single access that a policy permits is permitted by its name; one that none speaks of only because nothing forbids it', async () => {
  const access: Question = { ...question, action: { name: 'read' } };
  const permit = '@id("may-read") permit(principal, action, resource) when { context.action == "read" };';
  expect(await asked(permit, access)).toMatchObject({
    effect: 'permit',
    rule: 'policy:may-read',
    reason: 'The policy may-read permits it.',
  });
  expect(await asked(permit, { ...access, action: { name: 'write' } })).toMatchObject({ effect: 'permit', rule: 'policies' });
  expect((await engineOf(permit, '@id("never") forbid(principal, action, resource);')).ask(access)).toMatchObject({ effect: 'deny' });
});

test('a refusal says which policy, why, and what would allow it, in the words of its annotations', async () => {
  const text = `@id("no-pay") @reason("Robots do not pay.") @remedy("Ask Mira.") forbid(principal is Agent, action, resource);`;
  expect(await asked(text)).toEqual({ effect: 'deny', rule: 'policy:no-pay', reason: 'Robots do not pay.', remedy: 'Ask Mira.' });
  expect(await asked('@id("p") forbid(principal, action, resource);')).toMatchObject({ reason: 'The policy p forbids it.' });
});

describe('what a policy sees', () => {
  test.each([
    ['context.scopes.contains("pay")', 'context.scopes.contains("write")'],
    ['context has agent && context.agent.risk == 2', 'context has agent && context.agent.risk > 2'],
    ['context has agent && context.agent.risk_level == "medium"', 'context has agent && context.agent.self_service'],
    ['context has agent && context.agent.environment == "production"', 'context has agent && context.agent.environment == "test"'].map(
      (text) => text.replace('context.agent.environment', 'context.agent has environment && context.agent.environment'),
    ) as [string, string],
    [
      'context has agent && context.agent has model_name && context.agent.model_name == "m1"',
      'context has agent && context.agent has model_version',
    ],
    ['context has agent && context.agent.data_classes.contains("invoices")', 'context has agent && context.agent.data_classes.isEmpty()'],
    [
      `context has agent && context.agent has owner && context.agent.owner == "${MIRA}"`,
      'context has agent && context.agent has valid_until',
    ],
    [
      'context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("120.49"))',
      'context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("120.50"))',
    ],
    ['["EUR", "USD"].containsAll(context.currencies)', '!["USD"].containsAll(context.currencies) && context.amounts has USD'],
    ['context.detail_types.contains("payment_initiation")', 'context.tools.contains("pay")'],
    ['context.hour == 13 && context.minute == 0 && context.weekday == 2', 'context.hour < 9 || context.hour >= 18'],
    ['context.at > datetime("2026-11-30T00:00:00Z")', 'context.at > datetime("2026-12-02T00:00:00Z")'],
    ['context has network && context.network.isInRange(ip("10.0.0.0/8"))', 'context has network && context.network.isLoopback()'],
    ['context has grant && context.grant == "authorization_code"', 'context has grant && context.grant == "ciba"'],
    [`context.actors.contains("${BOT}") && context.chain_length == 1`, 'context.chain_length > 1'],
    [`context.subject_kind == "person" && context.subject == "${MIRA}"`, 'context.subject_kind == "service"'],
    ['context.client == "bot" && context.client_kind == "admin"', 'context.client_purpose == "service"'],
    ['!context.approved', 'context has acr'],
  ])('%s, and not %s', async (matches, doesNot) => {
    expect([await effectOf(forbid(matches)), await effectOf(forbid(doesNot))]).toEqual(['deny', 'permit']);
  });

  test('how somebody signed in, and how long ago', async () => {
    const signedIn = withContext({ acr: 'phr', amr: ['hwk'], authTime: new Date('2026-12-01T12:00:00Z'), riskSignals: ['new-device'] });
    expect(await effectOf(forbid('context has acr && context.acr == "phr" && context.amr.contains("hwk")'), signedIn)).toBe('deny');
    expect(await effectOf(forbid('context has session_age_seconds && context.session_age_seconds >= 3600'), signedIn)).toBe('deny');
    expect(await effectOf(forbid('context.risk_signals.contains("new-device")'), signedIn)).toBe('deny');
  });

  test('where an agent stands, and what somebody is in', async () => {
    const below = withAgent({ line: [{ id: PARENT } as never] });
    const text = `@id("p") forbid(principal in Agent::"${PARENT}", action, resource);`;
    expect([await effectOf(text, below), await effectOf(text)]).toEqual(['deny', 'permit']);
    const unlessFinance = `@id("p") forbid(principal is Person, action, resource) unless { principal in Group::"${FINANCE}" };`;
    expect(await effectOf(unlessFinance, { ...question, groups: { [MIRA]: [FINANCE] } })).toBe('permit');
    expect(await effectOf(unlessFinance, { ...question, groups: {} })).toBe('deny');
  });

  test('a thing of a resource server, with what the caller said of it', async () => {
    const about: Question = {
      ...question,
      action: { name: 'call', properties: { dry_run: true } },
      resource: { type: 'tool', id: 'pay_invoice', server: RESOURCE, properties: { owner: 'mira' } },
    };
    const at = `action == Action::"access", resource in ResourceServer::"${RESOURCE}"`;
    expect(await effectOf(`@id("p") forbid(principal, ${at});`, about)).toBe('deny');
    expect(await effectOf('@id("p") forbid(principal, action, resource == Thing::"tool:pay_invoice");', about)).toBe('deny');
    const tagged = 'resource is Thing && resource.kind == "tool" && resource.hasTag("owner") && resource.getTag("owner") == "mira"';
    expect(await effectOf(`@id("p") forbid(principal, action == Action::"access", resource) when { ${tagged} };`, about)).toBe('deny');
    const said = 'context has said && context.said.hasTag("action.dry_run") && context.said.getTag("action.dry_run") == "true"';
    expect(await effectOf(forbid(said), about)).toBe('deny');
    expect(await effectOf('@id("p") forbid(principal, action == Action::"issue_token", resource);', about)).toBe('permit');
  });
});

describe('who has to be allowed', () => {
  const person = `@id("p") forbid(principal == Person::"${MIRA}", action, resource);`;
  const agent = `@id("p") forbid(principal == Agent::"${BOT}", action, resource);`;

  test('the person and the agent that acts for them', async () => {
    expect([await effectOf(person), await effectOf(agent)]).toEqual(['deny', 'deny']);
  });

  test('for an agent that acts for itself also its owner: what they may not, it may not', async () => {
    expect([await effectOf(person, ownQuestion), await effectOf(agent, ownQuestion)]).toEqual(['deny', 'deny']);
    const asOwner = '@id("p") forbid(principal, action, resource) when { context.asked_as == "owner" };';
    expect([await effectOf(asOwner, ownQuestion), await effectOf(asOwner)]).toEqual(['deny', 'permit']);
    const ofGroup = {
      ...ownQuestion,
      facts: { ...question.facts, agent: { ...botFacts, owner: { kind: 'group', id: FINANCE } } },
    } as Question;
    expect(await effectOf(`@id("p") forbid(principal == Group::"${FINANCE}", action, resource);`, ofGroup)).toBe('deny');
  });
});

describe('@default("deny")', () => {
  const closed = `@id("closed") @default("deny") forbid(principal, action, resource == ResourceServer::"${RESOURCE}");`;

  test('closes a resource to all but those whom a permit names', async () => {
    expect((await engineOf(closed)).ask(question)).toMatchObject({ effect: 'deny', rule: 'policy:closed' });
    const opened = await engineOf(closed, `@id("open") permit(principal == Agent::"${BOT}", action, resource);`);
    expect(opened.ask(question).effect).toBe('permit');
    expect(opened.ask({ ...question, facts: { ...question.facts, agent: { ...botFacts, id: PARENT } } }).effect).toBe('deny');
  });

  test('a permit opens it, and no forbid beside it', async () => {
    const open = '@id("open") permit(principal, action, resource);';
    const stop = '@id("stop") forbid(principal, action, resource) when { context.scopes.contains("pay") };';
    expect((await engineOf(closed, open, stop)).ask(question)).toMatchObject({ rule: 'policy:stop' });
  });
});

describe('what lifts a policy', () => {
  const payments = 'forbid(principal is Agent, action, resource) when { context.amounts has EUR };';

  test('@approval: by whom it names, and nobody else', async () => {
    const text = `@id("p") @approval("owner") ${payments}`;
    expect(await asked(text)).toMatchObject({ effect: 'approval', obligation: { kind: 'approval', by: ['owner'] } });
    expect(await effectOf(text, withContext({ isApproved: true, approvers: ['owner'] }))).toBe('permit');
    expect(await effectOf(text, withContext({ isApproved: true, approvers: ['subject'] }))).toBe('approval');
    expect(await effectOf(text, withContext({ approvers: ['owner'] }))).toBe('approval');
    expect(await effectOf(text, withContext({ isApproved: true }))).toBe('approval');
  });

  test('@step_up: as strong as it says, and as fresh', async () => {
    const text = `@id("p") @step_up("urn:behalf:acr:mfa") @max_age("300") ${payments}`;
    expect(await asked(text)).toMatchObject({
      effect: 'step_up',
      obligation: { kind: 'step_up', acr: 'urn:behalf:acr:mfa', maxAgeSeconds: 300 },
    });
    const at = (seconds: number) => new Date(question.context.at.getTime() - seconds * 1000);
    expect(await effectOf(text, withContext({ acr: 'urn:behalf:acr:pwd', authTime: at(1) }))).toBe('step_up');
    expect(await effectOf(text, withContext({ acr: 'phr', authTime: at(300) }))).toBe('permit');
    expect(await effectOf(text, withContext({ acr: 'phr', authTime: at(301) }))).toBe('step_up');
    expect(await effectOf(text, withContext({ acr: 'phr' }))).toBe('step_up');
  });

  test('both are needed, and nothing lifts a plain forbid beside them', async () => {
    const both = `@id("p") @approval("owner") @step_up("phr") ${payments}`;
    expect(await effectOf(both, withContext({ isApproved: true, approvers: ['owner'] }))).toBe('step_up');
    expect(await effectOf(both, withContext({ isApproved: true, approvers: ['owner'], acr: 'phr' }))).toBe('permit');
    const beside = await engineOf(both, '@id("z") forbid(principal, action, resource);');
    expect(beside.ask(withContext({ isApproved: true, approvers: ['owner'], acr: 'phr' }))).toMatchObject({ rule: 'policy:z' });
  });
});

test('what cannot be judged is refused: an overflow, and an engine that gave back what it had', async () => {
  const overflow = await engineOf('@id("p") forbid(principal, action, resource) when { context.hour * 9223372036854775807 > 1 };');
  expect(overflow.ask(question)).toMatchObject({ effect: 'deny', rule: 'policy:p' });
  const engine = await engineOf('@id("p") forbid(principal, action, resource) when { context.hour == 3 };');
  expect(engine.ask(question).effect).toBe('permit');
  engine.dispose();
  expect(engine.ask(question)).toMatchObject({ effect: 'deny', rule: 'policies-not-judged' });
});

test('whatever a question holds, it gets an answer', async () => {
  const everything = await engineOf('@id("p") forbid(principal, action, resource) when { context == context && context.hour == 25 };');
  const hostile = { constructor: 1, __proto__: { amount: '1' }, amount: [], currency: 'EUR', tools: [1, null, '\ud800'], max_calls: 1e300 };
  const of = (network: string, details: unknown[]) => ({
    ...question,
    details: details as never,
    context: { ...question.context, network },
  });
  for (const network of ['', '1.2.3.4:80', '::ffff:10.0.0.1', 'fe80::1%eth0', 'somewhere'])
    expect([network, everything.ask(of(network, [{ type: 'x', ...hostile }])).effect]).toEqual([network, 'permit']);
  const nested = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
  expect(everything.ask(of('10.0.0.1', [nested, ...Array.from({ length: 300 }, () => hostile)])).effect).toBe('permit');
});

test('an amount is never seen smaller than it is', async () => {
  const over =
    '@id("p") forbid(principal, action, resource) when { context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("200.0")) };';
  const engine = await engineOf(over);
  const of = (...amounts: unknown[]): Question => ({
    ...question,
    details: [{ type: 'x', deep: { list: amounts.map((amount) => ({ amount, currency: 'EUR' })) } } as never],
  });
  expect(engine.ask(of('200.0000')).effect).toBe('permit');
  for (const amount of ['200.00001', '999999999999999999', '1e3', 'NaN', 200.5, '٣'])
    expect([amount, engine.ask(of('1', amount)).effect]).toEqual([amount, 'deny']);
});
