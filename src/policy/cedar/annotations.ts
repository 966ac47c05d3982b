import { ACR_VALUES } from '../../accounts/index.ts';
import type { Approvers, Obligation } from '../question.ts';

/** What the annotations of a policy say. */
export interface Annotated {
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** What lifts a `forbid`: every one of them is needed. */
  readonly obligations: readonly Obligation[];
  /** `@default("deny")`: where this `forbid` matches, a `permit` has to match as well. */
  readonly isDefault: boolean;
}

type Annotations = Readonly<Record<string, string>>;

const KNOWN: ReadonlySet<string> = new Set(['id', 'description', 'reason', 'remedy', 'approval', 'step_up', 'max_age', 'default']);
const OF_PERMITS: ReadonlySet<string> = new Set(['id', 'description', 'reason']);
const MAX_WORDS = 300;
const MAX_AGE_SECONDS = 86_400;
const CONTROL = /\p{Cc}/u;

/** What a policy is called: in decisions, in addresses, in the API. */
export const POLICY_ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;
/** Words that the addresses of policies use themselves. */
const TAKEN: ReadonlySet<string> = new Set(['schema', 'validate', 'versions', 'what-if', 'new', 'diff', 'drift', 'enrolment', 'rollback']);

const isApprover = (word: string): word is Approvers => /^(?:subject|owner|administrators|group:grp_[0-9a-f]{32})$/.test(word);

function approversOf(words: string): readonly string[] {
  return words.split(/[\s,]+/).filter((word) => word !== '');
}

/** Reads annotations that were checked. */
export function readAnnotations({ reason, remedy, approval, step_up: acr, max_age: age, default: fallback }: Annotations): Annotated {
  const approvals: Obligation[] = approval === undefined ? [] : [{ kind: 'approval', by: approversOf(approval).filter(isApprover) }];
  const maxAge = age === undefined ? {} : { maxAgeSeconds: Number(age) };
  const stepUps: Obligation[] = acr === undefined ? [] : [{ kind: 'step_up', acr, ...maxAge }];
  return { reason, remedy, obligations: [...approvals, ...stepUps], isDefault: fallback === 'deny' };
}

function* faultsOfForbid({ approval, step_up: acr, max_age: age, default: fallback }: Annotations): Generator<string> {
  if (approval !== undefined) {
    const words = approversOf(approval);
    const unknown = words.find((word) => !isApprover(word));
    if (words.length === 0) yield '@approval names who may approve: subject, owner, administrators or group:grp_….';
    if (unknown !== undefined) yield `@approval: ${unknown.slice(0, 60)} is none of subject, owner, administrators, group:grp_….`;
  }
  if (acr !== undefined && !ACR_VALUES.includes(acr)) yield `@step_up: this server knows ${ACR_VALUES.join(', ')}.`;
  if (age !== undefined && acr === undefined) yield '@max_age stands beside @step_up.';
  if (age !== undefined && !(/^\d{1,5}$/.test(age) && Number(age) >= 1 && Number(age) <= MAX_AGE_SECONDS))
    yield `@max_age is a number of seconds, 1 to ${MAX_AGE_SECONDS}.`;
  if (fallback !== undefined && fallback !== 'deny') yield '@default knows one value: deny.';
  if (fallback !== undefined && (approval !== undefined || acr !== undefined))
    yield '@default does not go with @approval or @step_up: write two policies.';
}

/** What is wrong with the annotations of a policy, in sentences. */
export function faultsOfAnnotations(annotations: Annotations, effect: 'permit' | 'forbid'): readonly string[] {
  const { id } = annotations;
  const known = effect === 'permit' ? OF_PERMITS : KNOWN;
  const faults: string[] = [];
  if (id === undefined) faults.push('Give the policy a name: @id("no-night-payments").');
  else if (!POLICY_ID.test(id)) faults.push('@id has lower-case letters, digits and hyphens, at most 64.');
  else if (TAKEN.has(id)) faults.push(`@id("${id}") is a word this server uses itself.`);
  for (const [name, value] of Object.entries(annotations)) {
    if (!KNOWN.has(name))
      faults.push(`@${name.slice(0, 40)} is not known here: there are ${[...KNOWN].map((each) => `@${each}`).join(', ')}.`);
    else if (!known.has(name)) faults.push(`@${name} stands on a forbid: a permit has nothing to lift.`);
    if (value.length > MAX_WORDS || CONTROL.test(value))
      faults.push(`@${name.slice(0, 40)} is one line of at most ${MAX_WORDS} characters.`);
  }
  return [...faults, ...(effect === 'forbid' ? faultsOfForbid(annotations) : [])];
}
