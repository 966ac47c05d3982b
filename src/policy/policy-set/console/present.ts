import type { TextFault } from '../../../platform/errors.ts';
import { momentOf } from '../../../platform/http/moment.ts';
import type { ReadPolicy } from '../../cedar/head.ts';
import { wordsOf } from '../../cedar/obligations.ts';
import type { Namer } from '../../present.ts';
import type { Policy, PolicyDifference, VersionHead } from '../policy-set.ts';
import { linesOf } from '../present.ts';

/** What pages need to know beside what they show. */
export interface Around {
  readonly base: string;
  readonly now: Date;
  readonly nameOf: Namer;
}

/** What a policy does, as a word with a colour. */
export function doesOf({ effect, obligations, isDefault }: ReadPolicy): { readonly word: string; readonly tone: string } {
  if (effect === 'permit') return { word: 'Permits', tone: 'yes' };
  if (isDefault) return { word: 'Closes', tone: 'stop' };
  const [first] = obligations;
  if (first === undefined) return { word: 'Forbids', tone: 'stop' };
  return first.kind === 'approval' ? { word: 'Asks for approval', tone: 'wait' } : { word: 'Asks to sign in again', tone: 'wait' };
}

function sentenceOf({ reason, obligations, isDefault }: ReadPolicy): string {
  if (reason !== undefined) return reason;
  if (isDefault) return 'Closed to all but those whom a permit names.';
  return obligations.map((obligation) => wordsOf(obligation).reason).join(' ');
}

/** One line of views/console/policies.eta. */
export function presentInList(policy: Policy, read: ReadPolicy, { base }: Pick<Around, 'base'>) {
  return {
    id: policy.id,
    href: `${base}/console/policies/rules/${policy.id}`,
    words: sentenceOf(read),
    does: doesOf(read),
    ...(policy.state === 'draft' ? { draft: { word: 'Draft', tone: '' } } : {}),
  };
}

/** A permit does something only where something is closed: a word about those that do nothing. */
export function noteOn(read: readonly ReadPolicy[]): string | undefined {
  const permits = read.filter(({ effect }) => effect === 'permit');
  if (permits.length === 0 || read.some(({ isDefault }) => isDefault)) return undefined;
  return 'A permit counts only where a policy with @default("deny") closes something, and none does: what nobody forbids is permitted anyway.';
}

/** The lines of a text, each with what is wrong in it. */
export function listingOf(text: string, faults: readonly TextFault[]) {
  return text.split('\n').map((line, index) => ({
    number: index + 1,
    text: line,
    faults: faults.filter((fault) => fault.line === index + 1).map(({ column, message }) => `Column ${column}: ${message}`),
  }));
}

/** One line of views/console/policy-versions.eta. */
export async function presentVersionInList(head: VersionHead, { base, now, nameOf }: Around) {
  const { version, summary, reason, changedBy, changedAt } = head;
  return {
    heading: `Version ${version}`,
    href: `${base}/console/policies/versions/${version}`,
    summary,
    reason,
    by: (await nameOf(changedBy)) ?? changedBy,
    when: momentOf(changedAt, now),
  };
}

const CHANGES = {
  added: { word: 'Added', tone: 'yes' },
  removed: { word: 'Removed', tone: 'stop' },
  changed: { word: 'Changed', tone: 'info' },
} as const;

function moved({ before, after }: PolicyDifference): string | undefined {
  if (before === undefined || after === undefined || before.state === after.state) return undefined;
  return after.state === 'draft' ? 'It was taken out of force.' : 'It was put in force.';
}

/** A difference for views/console/policy-version.eta. */
export function presentChange(difference: PolicyDifference) {
  const words = moved(difference);
  return { id: difference.id, state: CHANGES[difference.change], ...(words === undefined ? {} : { words }), lines: linesOf(difference) };
}
