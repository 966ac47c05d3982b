import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openCedar } from '../../../src/policy/cedar/cedar.ts';
import { createEngine } from '../../../src/policy/cedar/engine.ts';
import { type ReadPolicy, readPolicy } from '../../../src/policy/cedar/head.ts';
import { createSlots } from '../../../src/policy/cedar/slices.ts';
import { partiesOf, requestOf } from '../../../src/policy/cedar/translate.ts';
import type { Question } from '../../../src/policy/question.ts';
import { BOT, botFacts, FINANCE, MIRA, PARENT, question, RESOURCE } from './questions.ts';

const cedar = await openCedar();
const OTHER = 'https://other.acme.test';

const heads = {
  principal: [
    'principal',
    'principal is Person',
    'principal is Agent',
    `principal == Agent::"${BOT}"`,
    `principal == Person::"${MIRA}"`,
    `principal in Agent::"${PARENT}"`,
    `principal in Group::"${FINANCE}"`,
    `principal == Group::"${FINANCE}"`,
  ],
  action: [
    'action',
    'action == Action::"issue_token"',
    'action == Action::"access"',
    'action in [Action::"issue_token", Action::"access"]',
  ],
  resource: [
    'resource',
    'resource is ResourceServer',
    'resource is Thing',
    `resource == ResourceServer::"${RESOURCE}"`,
    `resource in ResourceServer::"${RESOURCE}"`,
    `resource in ResourceServer::"${OTHER}"`,
    'resource == Thing::"tool:pay"',
    `resource is Thing in ResourceServer::"${OTHER}"`,
    'resource is Identity',
  ],
  condition: [
    '',
    'when { context.scopes.contains("pay") }',
    'when { context has agent && context.agent.risk > 1 }',
    'when { context.asked_as == "owner" }',
    'when { context.hour < 12 }',
    'unless { context.amounts has EUR }',
    'when { principal is Agent && context.chain_length > 0 }',
    `when { resource in ResourceServer::"${RESOURCE}" }`,
    'when { context == context && context.approved }',
    'when { {"Var": context.hour, "in": context.chain_length}["Var"] == 13 }',
  ],
  effect: ['forbid', 'forbid', 'permit', '@default("deny") forbid', '@approval("owner") forbid', '@step_up("phr") forbid'],
};

const policies = fc
  .array(
    fc.record({
      principal: fc.constantFrom(...heads.principal),
      action: fc.constantFrom(...heads.action),
      resource: fc.constantFrom(...heads.resource),
      condition: fc.constantFrom(...heads.condition),
      effect: fc.constantFrom(...heads.effect),
    }),
    { maxLength: 12 },
  )
  .map((all) =>
    all.map(({ principal, action, resource, condition, effect }, index) => ({
      id: `p${index}`,
      text: `${effect}(${principal}, ${action}, ${resource}) ${condition};`,
    })),
  );

const questions: fc.Arbitrary<Question> = fc
  .record({
    subject: fc.constantFrom<Question['subject']>(
      { kind: 'account', id: MIRA },
      { kind: 'agent', id: BOT },
      { kind: 'service', id: 'svc_1' },
    ),
    agent: fc.constantFrom(
      undefined,
      botFacts,
      { ...botFacts, line: [{ id: PARENT } as never] },
      { ...botFacts, owner: { kind: 'group', id: FINANCE } as const },
    ),
    resource: fc.constantFrom<Question['resource']>(
      { type: 'resource_server', id: RESOURCE, server: RESOURCE },
      { type: 'resource_server', id: OTHER, server: OTHER },
      { type: 'tool', id: 'pay', server: RESOURCE },
      { type: 'tool', id: 'read', server: OTHER },
      { type: 'resource_server', id: '', server: undefined },
    ),
    scopes: fc.constantFrom<readonly string[]>([], ['pay']),
    details: fc.constantFrom<Question['details']>([], question.details),
    hour: fc.integer({ min: 0, max: 23 }),
    approved: fc.boolean(),
    acr: fc.constantFrom(undefined, 'phr'),
    groups: fc.constantFrom<Question['groups']>({}, { [MIRA]: [FINANCE] }),
  })
  .map(({ subject, agent, resource, scopes, details, hour, approved, acr, groups }) => ({
    ...question,
    ...{ subject, resource, scopes, details, groups },
    action: { name: resource.type === 'tool' ? 'call' : 'issue_token' },
    facts: { ...question.facts, agent },
    context: { at: new Date(Date.UTC(2026, 11, 1, hour)), acr, isApproved: approved, approvers: approved ? (['owner'] as const) : [] },
  }));

const ALL = { attributes: new Set<string>(), everything: true, tags: true, hierarchy: true, groups: true, principal: true };

/** The whole set, asked about every party with everything there is to know. */
function wholeAnswer(read: readonly ReadPolicy[], of: Question): { effect: string; among: readonly string[] } {
  const matching = (effect: ReadPolicy['effect']) => {
    const staticPolicies = Object.fromEntries(read.filter((policy) => policy.effect === effect).map(({ id, text }) => [id, text]));
    const base = effect === 'forbid' ? { BASE: 'permit(principal, action, resource);' } : {};
    const found = partiesOf(of).flatMap((party) => {
      const answer = cedar.isAuthorized({ ...requestOf(of, party, ALL), policies: { staticPolicies: { ...staticPolicies, ...base } } });
      if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
      expect(answer.response.diagnostics.errors).toEqual([]);
      return answer.response.diagnostics.reason;
    });
    return read.filter(({ id }) => found.includes(id));
  };
  const [forbids, permits] = [matching('forbid'), matching('permit')];
  const refusing = forbids.filter(({ obligations, isDefault }) => obligations.length === 0 && !(isDefault && permits.length > 0));
  if (refusing.length > 0) return { effect: 'deny', among: refusing.map(({ id }) => id) };
  const isMissing = { approval: of.context.isApproved !== true, step_up: of.context.acr !== 'phr' };
  const waiting = forbids.filter(({ obligations }) => obligations.some(({ kind }) => isMissing[kind]));
  const effects = new Set(waiting.flatMap(({ obligations }) => obligations.map(({ kind }) => kind)));
  if (waiting.length === 0) return { effect: 'permit', among: [] };
  return { effect: [...effects].join(' or '), among: waiting.map(({ id }) => id) };
}

test('asking a slice, with only what it looks at, never answers otherwise than asking everything', () => {
  fc.assert(
    fc.property(policies, fc.array(questions, { minLength: 1, maxLength: 3 }), (texts, all) => {
      const engine = createEngine({ cedar, slots: createSlots('slicing') }, texts);
      const read = texts.map((policy) => readPolicy(cedar, policy));
      for (const of of all) {
        const whole = wholeAnswer(read, of);
        const [answer, again] = [engine.ask(of), engine.ask(of)];
        expect(again).toEqual(answer);
        expect(whole.effect.split(' or ')).toContain(answer.effect);
        if (answer.effect !== 'permit') expect(whole.among).toContain(answer.rule.slice('policy:'.length));
      }
      engine.dispose();
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('what an engine gave back is used by another one alone', () => {
  const slots = createSlots('shared');
  const of = (name: string) => [{ id: 'p', text: `forbid(principal, action, resource) when { context.scopes.contains("${name}") };` }];
  const first = createEngine({ cedar, slots }, of('pay'));
  expect(first.ask(question).effect).toBe('deny');
  first.dispose();
  first.dispose();
  const [second, third] = ['pay', 'other'].map((name) => createEngine({ cedar, slots }, of(name)));
  expect([second?.ask(question).effect, third?.ask(question).effect, second?.ask({ ...question, scopes: ['pay'] }).effect]).toEqual([
    'deny',
    'permit',
    'deny',
  ]);
});

test('an engine that is asked about more than it keeps prepared answers the same', async () => {
  const texts = Array.from({ length: 300 }, (_, index) => ({
    id: `p${index}`,
    text: `forbid(principal, action, resource == ResourceServer::"https://r${index}.test") when { context.scopes.contains("s${index % 2}") };`,
  }));
  const engine = createEngine({ cedar, slots: createSlots('many') }, texts);
  const at = (index: number): Question => ({
    ...question,
    scopes: ['s1'],
    resource: { type: 'resource_server', id: '', server: `https://r${index}.test` },
  });
  for (const round of [1, 2])
    for (let index = 0; index < 300; index += 1)
      expect([round, index, engine.ask(at(index)).effect]).toEqual([round, index, index % 2 === 1 ? 'deny' : 'permit']);
}, 30_000);
