import type { Answer, Obligation, Question } from '../question.ts';
import type { CedarLanguage } from './cedar.ts';
import { type ReadPolicy, readPolicy } from './head.ts';
import { isMet, wordsOf } from './obligations.ts';
import { createMemory } from './memory.ts';
import { BASE, createSlices, type Slice, type Slots } from './slices.ts';
import { partiesOf, type Request, requestOf } from './translate.ts';

/** A policy as it is kept: its name and its text. */
export interface PolicyText {
  readonly id: string;
  readonly text: string;
}

/** What an engine found, before it is put into words: for tests of its parts. */
export type Verdict = Omit<Answer, 'policyVersion'>;

/** Policies that can be asked. */
export interface PolicyEngine {
  /**
   * Pure: the same question gets the same answer. Never throws for what a question holds. `without`: as if these policies were not there,
   * by name.
   */
  ask(question: Question, without?: ReadonlySet<string>): Verdict;
  /** Whether a policy names a group of people. */
  readonly needsGroups: boolean;
  /** Whether a policy can be lifted by an approval. */
  readonly needsApprovers: boolean;
  readonly policies: ReadonlyMap<string, ReadPolicy>;
  /** Gives back what Cedar keeps for it: from then on it refuses everything. */
  dispose(): void;
  isDisposed(): boolean;
}

/** What the invariants permit is permitted, unless a policy says otherwise. */
export const PERMITTED: Verdict = { effect: 'permit', rule: 'policies', reason: 'No policy forbids it.', remedy: 'Nothing to change.' };

const MOST_REMEMBERED = 4_096;
const NONE: ReadonlySet<string> = new Set();

interface Found {
  /** Names of policies that match. */
  readonly matching: readonly string[];
  readonly failed: readonly string[];
}

const unjudged = (id: string): Verdict => ({
  effect: 'deny',
  rule: id === BASE ? 'policies-not-judged' : `policy:${id}`,
  reason: 'A policy could not be judged for this request, so it is refused.',
  remedy: 'An administrator can mend the policy.',
});

function refused({ id, reason, remedy, isDefault }: ReadPolicy): Verdict {
  const said = isDefault ? `${id}: this is closed by default, and no policy permits it.` : `The policy ${id} forbids it.`;
  return { effect: 'deny', rule: `policy:${id}`, reason: reason ?? said, remedy: remedy ?? 'An administrator can change the policy.' };
}

function permitted(id: string): Verdict {
  return { effect: 'permit', rule: `policy:${id}`, reason: `The policy ${id} permits it.`, remedy: 'Nothing to change.' };
}

function asked(policy: ReadPolicy, obligation: Obligation): Verdict {
  const words = wordsOf(obligation);
  const { id, reason, remedy } = policy;
  return { effect: obligation.kind, rule: `policy:${id}`, reason: reason ?? words.reason, remedy: remedy ?? words.remedy, obligation };
}

/** Half a surrogate pair, which a JSON body may hold, is no text for Cedar: it becomes U+FFFD, as it does in PostgreSQL. */
function wellFormed(request: Request): Request {
  const text = JSON.stringify(request, (_member, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
  return JSON.parse(text) as Request;
}

/** What an engine is made of. */
export interface EngineDeps {
  readonly cedar: CedarLanguage;
  readonly slots: Slots;
  /** Policies that were read before: the same text is not read again. */
  readonly known?: ReadonlyMap<string, ReadPolicy> | undefined;
}

/** Reads the policies and makes them ready. @throws when a text cannot be read: it was checked before it was kept. */
export function createEngine({ cedar, slots, known }: EngineDeps, texts: readonly PolicyText[]): PolicyEngine {
  const read = texts.map((policy) => {
    const before = known?.get(policy.id);
    return before?.text === policy.text ? before : readPolicy(cedar, policy);
  });
  let isDisposed = false;
  const policies = new Map(read.map((policy) => [policy.id, policy]));
  const forbids = createSlices(
    cedar,
    read.filter(({ effect }) => effect === 'forbid'),
    slots,
  );
  const permits = createSlices(
    cedar,
    read.filter(({ effect }) => effect === 'permit'),
    slots,
  );

  const found = createMemory<Found>(MOST_REMEMBERED);

  /** What Cedar says depends on nothing but what it is handed: the same again is not asked again. */
  const evaluate = ({ party, slot, needs }: Slice, question: Question): Found => {
    const asked = requestOf(question, party, needs);
    const key = JSON.stringify(asked);
    const request = key.includes('\\ud') ? wellFormed(asked) : asked;
    return found.of(`${slot.use} ${key}`, () => {
      const answer = cedar.statefulIsAuthorized({ ...request, preparsedPolicySetId: slot.name });
      if (answer.type === 'failure') return { matching: [], failed: [BASE] };
      const { reason, errors } = answer.response.diagnostics;
      // in the order of their names, so that two servers name the same one
      return { matching: reason.filter((id) => id !== BASE).sort(), failed: errors.map(({ policyId }) => policyId).sort() };
    });
  };
  /** What is closed by default is opened by a permit for any of those it is asked about. */
  const isOpened = (question: Question): boolean =>
    permits.find(question, partiesOf(question)).some((slice) => evaluate(slice, question).matching.length > 0);
  /** For a single access: the policy that permits it by name, because it may be one that no token speaks of. */
  const permitting = (question: Question, without: ReadonlySet<string>): Verdict | undefined => {
    for (const slice of permits.find(question, partiesOf(question))) {
      const id = evaluate(slice, question).matching.find((each) => !without.has(each));
      if (id !== undefined) return permitted(id);
    }
    return undefined;
  };
  /** Whether a policy stands in the way whoever approves and however somebody signed in. */
  const isRefusing = ({ obligations, isDefault }: ReadPolicy, question: Question): boolean =>
    obligations.length === 0 && !(isDefault && isOpened(question));
  const judge = (question: Question, without: ReadonlySet<string>): Verdict => {
    const waiting: ReadPolicy[] = [];
    for (const slice of forbids.find(question, partiesOf(question))) {
      const { matching, failed } = evaluate(slice, question);
      const [first] = failed.filter((id) => !without.has(id));
      if (first !== undefined) return unjudged(first);
      const present = matching.filter((id) => !without.has(id));
      const matched = present.map((id) => policies.get(id)).filter((policy) => policy !== undefined);
      const refusal = matched.find((policy) => isRefusing(policy, question));
      if (refusal !== undefined) return refused(refusal);
      waiting.push(...matched.filter(({ obligations }) => obligations.length > 0));
    }
    for (const policy of waiting) {
      const missing = policy.obligations.find((obligation) => !isMet(obligation, question));
      if (missing !== undefined) return asked(policy, missing);
    }
    return question.action.name === 'issue_token' ? PERMITTED : (permitting(question, without) ?? PERMITTED);
  };
  return {
    ask(question, without = NONE) {
      if (policies.size === 0) return PERMITTED;
      // what it had prepared is gone: it must not take that for a yes
      if (isDisposed) return unjudged(BASE);
      try {
        return judge(question, without);
      } catch {
        return unjudged(BASE);
      }
    },
    needsGroups: read.some(({ needs }) => needs.groups),
    needsApprovers: read.some(({ obligations }) => obligations.some(({ kind }) => kind === 'approval')),
    policies,
    isDisposed: () => isDisposed,
    dispose() {
      // names that were given back twice would be used twice
      if (isDisposed) return;
      isDisposed = true;
      forbids.dispose();
      permits.dispose();
    },
  };
}
