import type { AuthorizationDetail, JsonValue } from '../../authorization-details/index.ts';
import { wordsOf } from '../cedar/obligations.ts';
import type { PolicyEngine } from '../cedar/engine.ts';
import type { ReadPolicy } from '../cedar/head.ts';
import type { Question } from '../question.ts';

/** Who can make a change: whoever runs the client, a person, whoever answers for the agent, or an administrator. */
export type ChangedBy = 'client' | 'person' | 'owner' | 'administrator';

/** A single change under which the same policies would have said yes: it was tried, not guessed. */
export interface Change {
  readonly by: ChangedBy;
  readonly words: string;
}

interface Try extends Change {
  readonly question: Question;
  readonly without?: string;
}

const MAX_SCOPES = 20;
const MAX_BOUNDS = 10;
const HOURS = 24;
const MAX_POLICIES = 5;
const HOUR_MS = 3_600_000;

const inContext = (question: Question, context: Partial<Question['context']>): Question => ({
  ...question,
  context: { ...question.context, ...context },
});

/** What obligations ask for, as if it had happened. */
function* met(question: Question, policy: ReadPolicy): Generator<Try> {
  const { at } = question.context;
  for (const obligation of policy.obligations) {
    const words = wordsOf(obligation);
    if (obligation.kind === 'step_up') {
      yield { by: 'person', words: words.remedy, question: inContext(question, { acr: obligation.acr, authTime: at }) };
      continue;
    }
    yield {
      by: 'person',
      words: `${words.reason} ${words.remedy}`,
      question: inContext(question, { isApproved: true, approvers: obligation.by }),
    };
  }
}

function* withoutScope(question: Question): Generator<Try> {
  for (const scope of question.scopes.slice(0, MAX_SCOPES))
    yield {
      by: 'client',
      words: `Ask without the scope ${scope}.`,
      question: { ...question, scopes: question.scopes.filter((each) => each !== scope) },
    };
}

function* withoutDetail(question: Question): Generator<Try> {
  for (const [index, { type }] of question.details.entries())
    yield {
      by: 'client',
      words: `Ask without the detail ${index + 1}, ${type}.`,
      question: { ...question, details: question.details.toSpliced(index, 1) },
    };
}

const decimals = (policy: ReadPolicy) => [...policy.text.matchAll(/decimal\("(\d+(?:\.\d+)?)"\)/g)].map(([, value = '']) => value);

/** The value with every amount of money in it set to `amount`. */
function withAmount(value: JsonValue, amount: string): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: JsonValue) => withAmount(each, amount));
  const isMoney = 'amount' in value && 'currency' in value;
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    isMoney && name === 'amount' ? amount : withAmount(each as JsonValue, amount),
  ]);
  return Object.fromEntries(entries) as JsonValue;
}

/** Amounts that a policy names, the largest first: what is allowed up to one of them is worth saying. */
function* smallerAmount(question: Question, policy: ReadPolicy): Generator<Try> {
  const bounds = [...new Set(decimals(policy))].sort((left, right) => Number(right) - Number(left)).slice(0, MAX_BOUNDS);
  for (const bound of bounds) {
    const details = withAmount(question.details as unknown as JsonValue, bound) as unknown as readonly AuthorizationDetail[];
    yield { by: 'client', words: `Ask for at most ${bound}.`, question: { ...question, details } };
  }
}

/** Only where a policy looks at the time: the next full hour at which it would be allowed. */
function* later(question: Question, policy: ReadPolicy): Generator<Try> {
  if (!['hour', 'minute', 'at', 'weekday'].some((name) => policy.needs.attributes.has(name))) return;
  const first = Math.ceil((question.context.at.getTime() + 1) / HOUR_MS) * HOUR_MS;
  for (let hour = 0; hour < HOURS; hour += 1) {
    const at = new Date(first + hour * HOUR_MS);
    yield {
      by: 'client',
      words: `Ask again from ${at.toISOString().slice(0, 16).replace('T', ' ')} UTC.`,
      question: inContext(question, { at }),
    };
  }
}

function* lessRisk(question: Question): Generator<Try> {
  const { agent } = question.facts;
  if (agent === undefined) return;
  for (const riskLevel of ['medium', 'low'] as const) {
    if (riskLevel === agent.riskLevel || agent.riskLevel === 'low') continue;
    const facts = { ...question.facts, agent: { ...agent, riskLevel } };
    yield { by: 'owner', words: `The risk of the agent would have to be ${riskLevel}.`, question: { ...question, facts } };
  }
}

function withoutPolicy(question: Question, { id, isDefault }: ReadPolicy): Try {
  const words = isDefault
    ? `An administrator can write a permit for this: ${id} closes it to all others.`
    : `An administrator can change the policy ${id}: no other one stands in the way.`;
  return { by: 'administrator', words, question, without: id };
}

/** The policies that stand in the way, one after the other: each is found by leaving out those before it. */
function inTheWay(question: Question, engine: PolicyEngine): ReadPolicy[] {
  const found: ReadPolicy[] = [];
  while (found.length < MAX_POLICIES) {
    const { effect, rule } = engine.ask(question, new Set(found.map(({ id }) => id)));
    const policy = effect === 'permit' ? undefined : engine.policies.get(rule.slice('policy:'.length));
    if (policy === undefined) return found;
    found.push(policy);
  }
  return found;
}

function* tries(question: Question, policies: readonly ReadPolicy[]): Generator<() => Generator<Try>> {
  for (const policy of policies) yield () => smallerAmount(question, policy);
  yield () => withoutScope(question);
  yield () => withoutDetail(question);
  for (const policy of policies) yield () => met(question, policy);
  for (const policy of policies) yield () => later(question, policy);
  yield () => lessRisk(question);
  for (const policy of policies)
    yield function* () {
      yield withoutPolicy(question, policy);
    };
}

/** What stands in the way, and every single change that would take it away. */
export interface Explained {
  /** Names of policies, the one that decided first. */
  readonly inTheWay: readonly string[];
  /** Of each kind the smallest, the least trouble first. Empty: no single change is enough. */
  readonly changes: readonly Change[];
}

/**
 * Tries single changes of a refused question, one kind after the other, and keeps of each kind the first under which these policies say
 * yes. Pure, and bounded: at most some eighty questions.
 */
export function explain(question: Question, engine: PolicyEngine): Explained {
  const policies = inTheWay(question, engine);
  const changes: Change[] = [];
  for (const kind of tries(question, policies)) {
    for (const { by, words, question: changed, without } of kind()) {
      if (engine.ask(changed, new Set(without === undefined ? [] : [without])).effect !== 'permit') continue;
      if (!changes.some((change) => change.words === words)) changes.push({ by, words });
      break;
    }
  }
  return { inTheWay: policies.map(({ id }) => id), changes };
}
