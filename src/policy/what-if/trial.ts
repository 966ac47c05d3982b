import { z } from 'zod';
import type { PolicyEngine } from '../cedar/engine.ts';
import type { Effect, StoredDecision } from '../decision.ts';
import type { Policy } from '../policy-set/policy-set.ts';
import type { Question } from '../question.ts';
import { questionFrom } from '../token-question.ts';

export const findingChanges = ['newly_refused', 'newly_allowed', 'otherwise_refused'] as const;

/** What became of one kind of requests: who, through what, where, and by which rule. */
export interface TrialFinding {
  readonly change: (typeof findingChanges)[number];
  readonly agentId: string | undefined;
  readonly clientId: string;
  readonly subjectId: string | undefined;
  readonly resource: string | undefined;
  /** Before: the rule that decided; `invariants` for a yes. After: the policy that would. */
  readonly before: string;
  readonly after: string;
  readonly count: number;
  /** The newest decision of this kind. */
  readonly decisionId: string;
}

/** What a trial found so far. */
export interface TrialResult {
  readonly seen: number;
  readonly newlyRefused: number;
  readonly newlyAllowed: number;
  readonly otherwiseRefused: number;
  /** Requests that nobody can ask again: kept before questions were, or about groups that were not looked up then. */
  readonly notJudged: number;
  readonly findings: readonly TrialFinding[];
  /** There were more decisions, or more kinds of them, than a trial looks at. */
  readonly isCut: boolean;
}

export const trialStates = ['running', 'done', 'failed'] as const;

/** A draft that is asked about the decisions of a period. */
export interface Trial {
  readonly id: string;
  /** The version of the policies that the draft was made from. */
  readonly baseVersion: number;
  /** The whole set with the draft in it. */
  readonly policies: readonly Policy[];
  /** What was tried: texts that take the place of those of the same name, or are added. */
  readonly draft: readonly Policy[];
  readonly since: Date;
  readonly until: Date;
  readonly state: (typeof trialStates)[number];
  /** The id of the last decision that was looked at. */
  readonly position: string;
  readonly result: TrialResult;
  readonly startedBy: string;
  readonly startedAt: Date;
  /** When it last got on. */
  readonly touchedAt: Date;
}

export const trialLimits = { decisions: 100_000, findings: 500, days: 31, keptDays: 7, running: 5 } as const;

/** A trial as it is asked for. `remove`: names of policies that the draft does without. */
export const newTrial = z.strictObject({
  policies: z.array(z.string().max(20_000)).max(100).default([]),
  remove: z.array(z.string().max(64)).max(100).default([]),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});
export type NewTrial = z.output<typeof newTrial>;

export const NOTHING_FOUND: TrialResult = {
  seen: 0,
  newlyRefused: 0,
  newlyAllowed: 0,
  otherwiseRefused: 0,
  notJudged: 0,
  findings: [],
  isCut: false,
};

/** Ids of decisions begin with their time (UUIDv7): the smallest one of an instant. */
export function firstIdAt(at: Date): string {
  return `dec_${Math.max(0, at.getTime()).toString(16).padStart(12, '0')}${'0'.repeat(20)}`;
}

/** The set with the draft in place of what it changes; all of it as if in force. Pure. */
export function withDraft(policies: readonly Policy[], draft: readonly Policy[], removed: readonly string[]): readonly Policy[] {
  const changed = new Map(draft.map((policy) => [policy.id, policy]));
  const kept = policies.filter(({ id, state }) => state === 'in_force' && !changed.has(id) && !removed.includes(id));
  return [...kept, ...draft];
}

/** Whether a question was kept with what these policies need to know. */
function canBeJudged(question: Question, { needsGroups }: PolicyEngine): boolean {
  if (!needsGroups || question.groups !== undefined) return true;
  return question.subject.kind !== 'account' && question.facts.agent?.owner?.kind !== 'user';
}

type Outcome = 'same' | 'not_judged' | Pick<TrialFinding, 'change' | 'after'>;

/** What the draft would have made of a decision. An invariant that refused still does: no policy widens it. Pure. */
export function outcomeOf(decision: Pick<StoredDecision, 'effect' | 'rule' | 'input'>, engine: PolicyEngine): Outcome {
  const { effect, rule, input } = decision;
  if (effect !== 'permit' && !rule.startsWith('policy:')) return 'same';
  const question = questionFrom(input['question']);
  if (question === undefined || !canBeJudged(question, engine)) return 'not_judged';
  const after = engine.ask(question);
  const is = (one: Effect) => one === 'permit';
  if (is(effect) !== is(after.effect)) return { change: is(effect) ? 'newly_refused' : 'newly_allowed', after: after.rule };
  return after.rule === rule || is(effect) ? 'same' : { change: 'otherwise_refused', after: after.rule };
}

const COUNTED = { newly_refused: 'newlyRefused', newly_allowed: 'newlyAllowed', otherwise_refused: 'otherwiseRefused' } as const;

/** Adds what became of some decisions, oldest first, to what was found before. Pure. */
export function addTo(result: TrialResult, decisions: readonly StoredDecision[], engine: PolicyEngine): TrialResult {
  const findings = new Map(result.findings.map((finding) => [keyOf(finding), finding]));
  const counts = { newlyRefused: result.newlyRefused, newlyAllowed: result.newlyAllowed, otherwiseRefused: result.otherwiseRefused };
  let { notJudged, isCut } = result;
  for (const decision of decisions) {
    const outcome = outcomeOf(decision, engine);
    if (outcome === 'not_judged') notJudged += 1;
    if (typeof outcome === 'string') continue;
    counts[COUNTED[outcome.change]] += 1;
    const { agentId, clientId, subjectId, resource, rule: before, id: decisionId } = decision;
    const fresh = { ...outcome, agentId, clientId, subjectId, resource, before, decisionId };
    const known = findings.get(keyOf(fresh));
    if (known === undefined && findings.size >= trialLimits.findings) isCut = true;
    else findings.set(keyOf(fresh), { ...fresh, count: (known?.count ?? 0) + 1 });
  }
  return { ...counts, seen: result.seen + decisions.length, notJudged, isCut, findings: [...findings.values()] };
}

function keyOf({ change, agentId, clientId, subjectId, resource, before, after }: Omit<TrialFinding, 'count' | 'decisionId'>): string {
  return JSON.stringify([change, agentId, clientId, subjectId, resource, before, after]);
}
