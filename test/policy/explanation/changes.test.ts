import { expect, test } from '@jest/globals';
import { explain } from '../../../src/policy/explanation/changes.ts';
import { keptQuestion, questionFrom } from '../../../src/policy/token-question.ts';
import { botFacts, engineOf, ownQuestion, question } from '../cedar/questions.ts';

const limit =
  '@id("limit") @approval("owner") forbid(principal is Agent, action, resource) when { context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("100.00")) };';

test('the amount that a policy allows, an approval, and the policy itself', async () => {
  expect(explain(question, await engineOf(limit))).toEqual({
    inTheWay: ['limit'],
    changes: [
      { by: 'client', words: 'Ask for at most 100.00.' },
      { by: 'client', words: 'Ask without the detail 1, payment_initiation.' },
      { by: 'person', words: expect.stringMatching(/approval by the owner.*CIBA/) },
      { by: 'administrator', words: expect.stringContaining('the policy limit') },
    ],
  });
});

test('a scope less, a later hour, less risk, a stronger sign-in: only what is enough', async () => {
  const wordsOf = async (...texts: string[]) => explain(question, await engineOf(...texts)).changes.map(({ words }) => words);
  expect(await wordsOf('@id("p") forbid(principal, action, resource) when { context.scopes.contains("pay") };')).toContain(
    'Ask without the scope pay.',
  );
  expect(await wordsOf('@id("p") forbid(principal, action, resource) when { context.hour < 15 };')).toContain(
    'Ask again from 2026-12-01 15:00 UTC.',
  );
  const risky = '@id("p") forbid(principal is Agent, action, resource) when { principal.risk >= 2 };';
  expect(await wordsOf(risky)).toContain('The risk of the agent would have to be low.');
  expect(await wordsOf('@id("p") @step_up("phr") forbid(principal, action, resource);')).toContain(
    'Send the person to sign in again with acr_values phr.',
  );
  expect(await wordsOf('@id("p") @default("deny") forbid(principal, action, resource);')).toEqual([
    expect.stringContaining('write a permit'),
  ]);
});

test('what no single change is enough for says so: both policies are named', async () => {
  const all = ['@id("a") forbid(principal, action, resource);', '@id("b") forbid(principal, action, resource);'];
  expect(explain(question, await engineOf(...all))).toEqual({ inTheWay: ['a', 'b'], changes: [] });
});

test('a question that was kept is asked again as it was', async () => {
  const engine = await engineOf(
    limit,
    '@id("p") forbid(principal, action, resource) when { context has session_age_seconds && context.session_age_seconds > 5 };',
  );
  const old = { ...question, context: { ...question.context, acr: 'phr', authTime: new Date('2026-12-01T12:00:00Z') } };
  const until = { ...ownQuestion, facts: { ...question.facts, agent: { ...botFacts, validUntil: new Date('2027-01-01T00:00:00Z') } } };
  for (const each of [question, ownQuestion, old, until, { ...question, details: [], scopes: [] }]) {
    const again = questionFrom(JSON.parse(JSON.stringify(keptQuestion(each))));
    expect(again && engine.ask(again)).toEqual(engine.ask(each));
    expect(again && keptQuestion(again)).toEqual(keptQuestion(each));
  }
  for (const nothing of [undefined, null, {}, { subject: 1, context: {} }, { subject: 1, context: { at: 'x' } }])
    expect(questionFrom(nothing)).toBeUndefined();
});
