import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { withoutPolicies } from '../../src/access-evaluation/index.ts';
import type { Answer as PolicyAnswer } from '../../src/policy/index.ts';
import { presentPage } from '../../src/policy/present.ts';
import { ACCESS_TOKEN, ADMINISTRATOR, EXCHANGE, type SeededClient } from '../support/seeding.ts';
import { type AccessServer, type Answer, createAccessServer, EVALUATION, EVALUATIONS } from './access-server.ts';

const INVOICES = 'https://invoices.example/mcp';
const OTHERS = 'https://others.example';
const permit: PolicyAnswer = { effect: 'permit', rule: 'policy:all', reason: 'Yes.', remedy: 'None.', policyVersion: 'test' };

let server: AccessServer;
let own: SeededClient;
let manager: SeededClient;
let agent: SeededClient;
let token: string;
let person: { type: string; id: string };

beforeAll(async () => {
  server = await createAccessServer();
  [own] = [await server.resource(INVOICES), await server.resource(OTHERS)];
  manager = await server.client('management', { purpose: 'management', is_management: true } as never);
  agent = await server.agent('reader', { token_endpoint_auth_method: 'private_key_jwt' });
  token = await server.accessToken(own);
  person = { type: 'user', id: server.accountId };
}, 60_000);
beforeEach(() => {
  server.app.parts.policies.ask = withoutPolicies;
});
afterAll(() => server.close());

const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` });
const ask = async (body: object, jwt = token): Promise<Answer> => {
  const response = await server.post(EVALUATION, body, bearer(jwt));
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
};
const reading = (context: object, more: object = {}) => ({
  ...{ subject: { type: 'agent', id: agent.agentId }, action: { name: 'read' }, resource: { type: 'invoice', id: 'INV-1' }, context },
  ...more,
});
const decisionOf = async ({ context }: Answer) => server.app.parts.policy.get(String(context?.['decision_id']));
const ruleOf = async (answer: Answer) => (await decisionOf(answer)).rule;
const allowAll = () => {
  server.app.parts.policies.ask = () => permit;
};

describe('who may ask (R6, R24)', () => {
  test('no token, another resource, another scope, a client of an agent: 401 or 403', async () => {
    expect((await server.post(EVALUATION, reading({}))).status).toBe(401);
    const { jwt } = await server.agentToken(agent, { scope: 'read', resource: INVOICES });
    expect((await server.post(EVALUATION, reading({}), bearer(jwt))).status).toBe(401);
    const searching = await server.accessToken(manager, 'access:search');
    expect((await server.post(EVALUATION, reading({}), bearer(searching))).status).toBe(403);
    await expect(server.accessToken(own, 'access:search')).rejects.toThrow('no token');
    const evaluating = await server.accessToken(own, 'access:evaluate');
    expect((await server.post('/access/v1/search/action', reading({}), bearer(evaluating))).status).toBe(403);
    await expect(server.agentToken(agent, { scope: 'access:evaluate', resource: `${server.issuer}/access/v1` })).rejects.toThrow(
      'no token',
    );
  });

  test('another resource server reads exactly like one that is not there', async () => {
    allowAll();
    const about = (id: string) => ({ subject: person, action: { name: 'read' }, resource: { type: 'resource_server', id } });
    expect(await ask(about(INVOICES))).toMatchObject({ decision: true });
    const [others, nowhere] = [await ask(about(OTHERS)), await ask(about('https://nowhere.example'))];
    for (const answer of [others, nowhere]) expect(await ruleOf(answer)).toBe('resource-known');
    const withoutId = ({ context, ...rest }: Answer) => ({ ...rest, context: { ...context, decision_id: undefined } });
    expect(withoutId(others)).toEqual(withoutId(nowhere));
    const inside = { subject: person, action: { name: 'read' }, resource: { type: 'invoice', id: '1', properties: { server: OTHERS } } };
    expect(await ask(inside)).toMatchObject({ decision: false });
  });

  test('a client for management names the resource server, and asks about all of them', async () => {
    allowAll();
    const jwt = await server.accessToken(manager);
    expect(await ask({ subject: person, action: { name: 'read' }, resource: { type: 'resource_server', id: OTHERS } }, jwt)).toMatchObject({
      decision: true,
    });
    const unnamed = await ask(reading({}), jwt);
    expect(await ruleOf(unnamed)).toBe('resource-known');
    const itself = { type: 'resource_server', id: `${server.issuer}/api/v1` };
    expect(await ask({ subject: person, action: { name: 'admin:read' }, resource: itself }, jwt)).toMatchObject({ decision: false });
  });
});

describe('who is asked about', () => {
  test.each([
    ['an unknown person', { type: 'user', id: 'usr_nobody' }],
    ['an agent under the name of a person', { type: 'user', id: 'agent' }],
    ['a type that is not known', { type: 'spaceship', id: 'agent' }],
    ['a name that only looks alike', { type: 'agent', id: 'agent ' }],
  ])('%s is refused, and no error', async (_name, subject) => {
    allowAll();
    const { type, id } = subject;
    const answer = await ask({ ...reading({}), subject: { type, id: id.replace('agent', agent.agentId ?? '') } });
    expect(answer.decision).toBe(false);
    const decision = await decisionOf(answer);
    expect(decision).toMatchObject({ rule: 'subject-known', subjectId: undefined, clientId: own.clientId });
    expect(decision.input).toMatchObject({ asked_by: own.clientId, request: { subject: { type } } });
  });

  test('an actor counts only under the name of this issuer, alive, and in a chain that is not cut', async () => {
    allowAll();
    const through = (act: object) => ask({ ...reading({}), subject: { ...person, properties: { act } } });
    const iss = server.issuer;
    expect(await through({ iss, sub: agent.agentId })).toMatchObject({ decision: true });
    expect(await ruleOf(await through({ iss: 'https://elsewhere.example', sub: agent.agentId }))).toBe('actor-known');
    expect(await ruleOf(await through({ iss, sub: 'agt_nobody' }))).toBe('actor-known');
    expect(await ruleOf(await through({ iss, sub: server.accountId }))).toBe('actor-known');
    const other = await server.agent('other');
    const byOther = { ...reading({ client_id: agent.clientId }), subject: { ...person, properties: { act: { iss, sub: other.agentId } } } };
    expect(await ruleOf(await ask(byOther))).toBe('actor-of-client');
    expect(await ruleOf(await through({ sub: agent.agentId }))).toBe('actors-readable');
    const deep = Array.from({ length: 5 }).reduce<object>((act) => ({ iss, sub: agent.agentId, act }), { iss, sub: agent.agentId });
    expect(await ruleOf(await through(deep))).toBe('actors-readable');
  });

  test('the client of an agent brings the agent as actor; an unknown client allows nothing', async () => {
    const asked: unknown[] = [];
    server.app.parts.policies.ask = (question) => {
      asked.push(question);
      return permit;
    };
    const by = (context: object) => ask({ ...reading(context), subject: person });
    // COAZ-MCP calls it agent
    for (const context of [{ client_id: agent.clientId }, { agent: agent.clientId }])
      expect(await by(context)).toMatchObject({ decision: true });
    expect(asked).toMatchObject([
      {
        actors: [{ iss: server.issuer, sub: agent.agentId }],
        clientId: agent.clientId,
        facts: { agent: { id: agent.agentId } },
        scopes: [],
      },
      { resource: { type: 'invoice', id: 'INV-1', server: INVOICES }, context: { properties: { agent: agent.clientId } } },
    ]);
    expect(await ruleOf(await by({ client_id: 'cli_nobody' }))).toBe('client-known');
    for (const strange of ['😀'.repeat(900), 'a\u0000', 7]) {
      expect(await ruleOf(await by({ client_id: strange }))).toBe('client-known');
      expect(await ruleOf(await by({ jti: strange }))).toBe('token-known');
      const act = { iss: server.issuer, sub: strange };
      expect(await ask({ ...reading({}), subject: { ...person, properties: { act } } })).toMatchObject({ decision: false });
    }
  });

  test('suspended agents and disabled people are refused at once, whatever the policies say', async () => {
    allowAll();
    const { agents, accounts } = server.app.parts;
    const passing = await server.agent('passing');
    const id = String(passing.agentId);
    const through = [
      { ...reading({}), subject: { type: 'agent', id } },
      { ...reading({ client_id: passing.clientId }), subject: { type: 'ai_agent', id } },
      { ...reading({ client_id: passing.clientId }), subject: person },
      { ...reading({}), subject: { ...person, properties: { act: { iss: server.issuer, sub: id } } } },
    ];
    for (const body of through) expect(await ask(body)).toMatchObject({ decision: true });
    await agents.setStatus(id, 'suspended', { by: ADMINISTRATOR, reason: 'test' } as never);
    for (const body of through) expect(await ask(body)).toMatchObject({ decision: false });
    const leaver = await accounts.create({ email: 'leaver@example.com', name: 'Lea', role: 'user' }, { kind: 'system', id: 'setup' });
    const asLeaver = { ...reading({}), subject: { type: 'identity', id: leaver.id } };
    expect(await ask(asLeaver)).toMatchObject({ decision: true });
    await accounts.disable(leaver.id, { by: ADMINISTRATOR, reason: 'left' } as never);
    expect(await ruleOf(await ask(asLeaver))).toBe('subject-known');
  });
});

describe('the token that the access was asked for with', () => {
  test('allows what it holds and nothing else, also where a policy allows more', async () => {
    const { jti } = await server.agentToken(agent, { scope: 'read', resource: INVOICES });
    expect(await ask(reading({ jti }))).toMatchObject({ decision: true });
    expect(await ruleOf(await ask({ ...reading({ jti }), action: { name: 'purge' } }))).toBe('access-granted');
    allowAll();
    const beyond = await ask({ ...reading({ jti }), action: { name: 'write' } });
    expect(await ruleOf(beyond)).toBe('token-scope');
    expect(await ruleOf(await ask({ ...reading({ jti, scope: 'read write' }), action: { name: 'show' } }))).toBe('token-scope');
    expect(await ask({ ...reading({ jti, scope: 'read' }), action: { name: 'show' } })).toMatchObject({ decision: true });
  });

  test('binds calls of tools to its details, by the cent', async () => {
    const details = [{ type: 'mcp_tool_call', tools: ['pay'], arguments: { amount: { max: '200' }, to: { prefix: 'DE' } } }];
    const { jti } = await server.agentToken(agent, { scope: 'read', resource: INVOICES, authorization_details: JSON.stringify(details) });
    const call = (tool: string, given: object) =>
      ask({ ...reading({ jti, arguments: given }), action: { name: 'tools/call' }, resource: { type: 'tool', id: tool } });
    expect(await call('pay', { amount: 200, to: 'DE1' })).toMatchObject({ decision: true });
    for (const [tool, given] of [
      ['pay', { amount: '200.01', to: 'DE1' }],
      ['pay', { amount: 200 }],
      ['pay', { amount: 1, to: 'FR1' }],
      ['pay', { amount: 1, to: 'DE/../x' }],
      ['refund', { amount: 1, to: 'DE1' }],
    ] as const)
      expect(await ruleOf(await call(tool, given))).toBe('token-details');
  });

  test('tells who acts through whom, whatever the request says of it', async () => {
    const second = await server.agent('second', { token_endpoint_auth_method: 'private_key_jwt', grant_types: [EXCHANGE] as never });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const delegation = { from: agent.agentId, to: second.agentId, resources: [INVOICES], scopes: ['read'], until };
    await server.app.parts.tokenExchange.delegations.create(delegation as never, { kind: 'account', id: 'usr_administrator' });
    const { jwt } = await server.agentToken(agent, { scope: 'read write', resource: INVOICES });
    const exchange = { grant_type: EXCHANGE, subject_token: jwt, subject_token_type: ACCESS_TOKEN, scope: 'read', resource: INVOICES };
    const { jti } = await server.agentToken(second, exchange);
    const asked: unknown[] = [];
    server.app.parts.policies.ask = (question) => {
      asked.push(question);
      return permit;
    };
    const forged = { act: { iss: server.issuer, sub: agent.agentId } };
    const body = { ...reading({ jti, client_id: agent.clientId }), subject: { type: 'identity', id: agent.agentId, properties: forged } };
    expect(await ask(body)).toMatchObject({ decision: true });
    const actors = [{ iss: server.issuer, sub: second.agentId }];
    expect(asked).toMatchObject([{ subject: { kind: 'agent', id: agent.agentId }, actors, clientId: second.clientId, scopes: ['read'] }]);
    expect(await ruleOf(await ask({ ...body, action: { name: 'write' } }))).toBe('token-scope');
    await server.app.parts.agents.setStatus(String(second.agentId), 'suspended', { by: ADMINISTRATOR, reason: 'test' } as never);
    expect(await ruleOf(await ask(body))).toBe('token-known');
  });

  test('of another subject, another resource server, or no longer alive is refused with the same words', async () => {
    allowAll();
    const [mine, elsewhere] = [
      await server.agentToken(agent, { scope: 'read', resource: INVOICES }),
      await server.agentToken(agent, { scope: 'read', resource: OTHERS }),
    ];
    const refusals = [
      await ask({ ...reading({ jti: mine.jti }), subject: person }),
      await ask(reading({ jti: elsewhere.jti })),
      await ask(reading({ jti: 'no-such-token' })),
    ];
    await server.app.parts.tokens.end({ by: 'jti', jti: mine.jti }, { cause: 'test', by: ADMINISTRATOR });
    refusals.push(await ask(reading({ jti: mine.jti })));
    for (const answer of refusals) expect(await ruleOf(answer)).toBe('token-known');
    expect(new Set(refusals.map(({ context }) => JSON.stringify(context?.['reason_admin']))).size).toBe(1);
  });

  test('without a token and without a policy nothing is allowed', async () => {
    expect(await ruleOf(await ask(reading({ client_id: agent.clientId })))).toBe('access-granted');
  });
});

describe('what the answer says', () => {
  const answerWith = async (answer: Partial<PolicyAnswer>, context: object = {}) => {
    server.app.parts.policies.ask = () => ({
      ...permit,
      effect: 'deny',
      rule: 'big',
      reason: 'Too much.',
      remedy: 'Ask for less.',
      ...answer,
    });
    return ask({ ...reading(context), subject: person });
  };

  test('a refusal has words for both, and a decision that can be read', async () => {
    const answer = await answerWith({});
    expect(answer).toEqual({
      decision: false,
      context: {
        reason: 'policy_denied',
        reason_user: { '403': 'You may not do this.' },
        reason_admin: { '403': 'Too much. Ask for less.' },
        next_action: 'none',
        decision_id: expect.stringMatching(/^dec_/),
      },
    });
    expect(await decisionOf(answer)).toMatchObject({
      ...{ effect: 'deny', rule: 'big', action: 'read', resource: INVOICES, subjectId: server.accountId, policyVersion: 'test' },
      input: {
        asked_by: own.clientId,
        question: { resource: { type: 'invoice', id: 'INV-1', server: INVOICES }, context: { at: expect.any(String) } },
      },
    });
  });

  test('its page says who may not do what', async () => {
    const headingOf = async (answer: Answer) => {
      const about = { nameOf: server.app.parts.directory.nameOf, now: new Date(), explanation: undefined, base: undefined };
      return (await presentPage(await decisionOf(answer), about)) as { heading: string };
    };
    expect(await headingOf(await answerWith({}))).toMatchObject({ heading: 'Pat Person may not do this: read' });
    expect(await headingOf(await ask(reading({ client_id: agent.clientId })))).toMatchObject({ heading: 'reader may not do this: read' });
    const unknown = await ask({ ...reading({}), subject: { type: 'user', id: 'usr_nobody' } });
    expect(await headingOf(unknown)).toMatchObject({ heading: 'Somebody who is not known here may not do this: read' });
  });

  test('an approval is asked for, a step-up is repeated, as far as the caller can carry it out', async () => {
    const approval = await answerWith({ effect: 'approval', obligation: { kind: 'approval', by: ['owner'] } });
    const custom = { id: 'approval', type: 'custom', properties: { vendor: 'behalf', action: 'approval', by: ['owner'] } };
    expect(approval.context).toMatchObject({ reason: 'approval_required', next_action: 'request', obligations: [custom] });
    const stepUp = { effect: 'step_up', obligation: { kind: 'step_up', acr: 'urn:strong', maxAgeSeconds: 60 } } as const;
    const obligation = { id: 'step-up', type: 'step-up', properties: { acr_value: 'urn:strong', max_age: 60 } };
    expect((await answerWith(stepUp)).context).toMatchObject({
      reason: 'step_up_required',
      next_action: 'retry',
      obligations: [obligation],
    });
    expect((await answerWith(stepUp, { supported_obligations: ['custom'] })).context).not.toHaveProperty('obligations');
  });

  test('keeps every refusal and a permit a minute of its kind, without anything that is a secret', async () => {
    const kept = async () => (await server.app.parts.policy.list({ clientId: own.clientId, limit: 200 })).decisions.length;
    const before = await kept();
    const { jwt } = await server.agentToken(agent, { scope: 'read', resource: INVOICES });
    const answer = await answerWith(
      {},
      {
        token: jwt,
        api_token: 'opaque-and-secret',
        note: `I hold ${jwt}`,
        nested: [{ authorization: 'Basic abcdefghijkl' }, 'half \ud800'],
      },
    );
    const text = JSON.stringify((await decisionOf(answer)).input);
    expect(text).not.toContain(jwt);
    for (const secret of ['abcdefghijkl', 'opaque-and-secret']) expect(text).not.toContain(secret);
    allowAll();
    const rare = () => ask({ ...reading({}), subject: person, action: { name: `rare-${before}` } });
    const [first, second] = [await rare(), await rare()];
    expect([first.context?.['decision_id'], second.context]).toEqual([expect.stringMatching(/^dec_/), undefined]);
    expect(await kept()).toBeGreaterThanOrEqual(before);
  });
});

describe('many at once', () => {
  const many = (semantic: string, names: readonly string[]) => ({
    ...{ subject: person, resource: { type: 'invoice', id: '1' }, options: { evaluations_semantic: semantic } },
    evaluations: names.map((name) => ({ action: { name } })),
  });
  const answers = async (body: object) => {
    const response = await server.post(EVALUATIONS, body, bearer(token));
    expect(response.status).toBe(200);
    return ((await response.json()) as { evaluations: Answer[] }).evaluations.map(({ decision }) => decision);
  };

  test('§7.1.2.1 the three semantics', async () => {
    server.app.parts.policies.ask = ({ action }) => ({ ...permit, effect: action.name === 'yes' ? 'permit' : 'deny' });
    expect(await answers(many('execute_all', ['yes', 'no', 'yes']))).toEqual([true, false, true]);
    expect(await answers(many('deny_on_first_deny', ['yes', 'no', 'yes']))).toEqual([true, false]);
    expect(await answers(many('permit_on_first_permit', ['no', 'yes', 'no']))).toEqual([false, true]);
    expect((await server.post(EVALUATIONS, many('maybe', ['yes']), bearer(token))).status).toBe(400);
  });

  test('at most 200, each bounded, none nested without end', async () => {
    allowAll();
    expect(
      await answers(
        many(
          'execute_all',
          Array.from({ length: 200 }, () => 'yes'),
        ),
      ),
    ).toHaveLength(200);
    const refused = async (body: unknown) => (await server.post(EVALUATIONS, body, bearer(token))).status;
    expect(
      await refused(
        many(
          'execute_all',
          Array.from({ length: 201 }, () => 'yes'),
        ),
      ),
    ).toBe(400);
    expect(await refused({ ...many('execute_all', []), evaluations: 7 })).toBe(400);
    expect(await refused(`{"context":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`)).toBe(400);
    expect(await refused(`"${'x'.repeat(1_100_000)}"`)).toBe(413);
    expect(await answers({ ...many('execute_all', ['yes', 'a\u0000b', 'a\u202eb', 'x'.repeat(300)]) })).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(await answers({ ...many('execute_all', ['yes']), evaluations: [7, null, { action: { name: 'yes' } }] })).toEqual([
      false,
      false,
      true,
    ]);
  });
});
