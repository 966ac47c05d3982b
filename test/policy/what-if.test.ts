import { expect, test } from '@jest/globals';
import { keptQuestion } from '../../src/policy/token-question.ts';
import { addTo, firstIdAt, NOTHING_FOUND, outcomeOf, trialLimits, withDraft } from '../../src/policy/what-if/trial.ts';
import { progressOf } from '../../src/policy/what-if/present.ts';
import type { StoredDecision } from '../../src/policy/index.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { engineOf, FINANCE, MIRA, question } from './cedar/questions.ts';

const decision = (change: Partial<StoredDecision> = {}): StoredDecision => ({
  id: 'dec_1',
  at: question.context.at,
  effect: 'permit',
  rule: 'invariants',
  reason: '',
  remedy: '',
  clientId: 'bot',
  agentId: undefined,
  subjectId: MIRA,
  resource: undefined,
  action: 'issue_token',
  input: { question: JSON.parse(JSON.stringify(keptQuestion(question))) },
  policyVersion: 'invariants-4',
  ...change,
});
const refused = (rule: string) => decision({ effect: 'deny', rule });

test('a decision is newly refused, newly allowed, refused by another, or the same', async () => {
  const stop = await engineOf('@id("stop") forbid(principal, action, resource);');
  const nothing = await engineOf();
  expect(outcomeOf(decision(), stop)).toEqual({ change: 'newly_refused', after: 'policy:stop' });
  expect(outcomeOf(refused('policy:old'), nothing)).toEqual({ change: 'newly_allowed', after: 'policies' });
  expect(outcomeOf(refused('policy:old'), stop)).toEqual({ change: 'otherwise_refused', after: 'policy:stop' });
  expect([outcomeOf(decision(), nothing), outcomeOf(refused('policy:stop'), stop)]).toEqual(['same', 'same']);
});

test('what an invariant refused stays refused; what nobody can ask again is counted, not guessed', async () => {
  const nothing = await engineOf();
  expect(outcomeOf(refused('agent-proposed'), nothing)).toBe('same');
  expect(outcomeOf(decision({ input: {} }), nothing)).toBe('not_judged');
  const groups = await engineOf(`@id("g") forbid(principal is Person, action, resource) unless { principal in Group::"${FINANCE}" };`);
  expect(outcomeOf(decision(), groups)).toBe('not_judged');
  const kept = JSON.parse(JSON.stringify(keptQuestion({ ...question, groups: { [MIRA]: [FINANCE] } })));
  expect(outcomeOf(decision({ input: { question: kept } }), groups)).toBe('same');
});

test('the same kind of request is one finding with a number; there is an end to them', async () => {
  const stop = await engineOf('@id("stop") forbid(principal, action, resource);');
  const first = addTo(NOTHING_FOUND, [decision(), decision({ id: 'dec_2' })], stop);
  expect(first).toMatchObject({ seen: 2, newlyRefused: 2, findings: [{ count: 2, decisionId: 'dec_2', before: 'invariants' }] });
  const many = Array.from({ length: trialLimits.findings + 5 }, (_, index) => decision({ clientId: `c${index}` }));
  const cut = addTo(first, many, stop);
  expect([cut.findings.length, cut.isCut, cut.newlyRefused]).toEqual([trialLimits.findings, true, trialLimits.findings + 7]);
});

test('a draft takes the place of what has its name; other drafts stay out', () => {
  const policy = (id: string, text: string, state: 'in_force' | 'draft' = 'in_force') => ({ id, text, state });
  const set = [policy('a', '1'), policy('b', '1'), policy('c', '1', 'draft')];
  expect(withDraft(set, [policy('b', '2'), policy('d', '2')], ['a'])).toEqual([policy('b', '2'), policy('d', '2')]);
});

test('ids of decisions tell their time', () => {
  const now = new Date();
  const id = randomIds.next('dec');
  expect(firstIdAt(new Date(now.getTime() - 1)) < id && id < firstIdAt(new Date(now.getTime() + 1_000))).toBe(true);
  const period = { since: new Date(now.getTime() - 1_000), until: new Date(now.getTime() + 1_000), state: 'running' } as const;
  expect(progressOf({ ...period, position: firstIdAt(now) })).toBeCloseTo(0.5);
});
