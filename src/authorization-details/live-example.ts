import { covers, inherit } from './covers.ts';
import type { AuthorizationDetail, DetailType, DetailTypes } from './detail-type.ts';
import { registryOf } from './registry.ts';
import { parseDetails } from './validation.ts';
import { describeDetail, type DetailWords } from './words.ts';

/** What was typed to be tried out: a detail, and one that is derived from it. Texts as sent. */
export interface Attempt {
  readonly example: string;
  readonly narrower: string;
}

/** What came of an attempt. */
export interface Tried {
  readonly granted: TriedDetail | undefined;
  readonly derived: TriedDetail | undefined;
  /** How the second lies to the first; undefined while one of them is not valid. */
  readonly comparison: { readonly isCovered: boolean; readonly sentence: string; readonly effective: string } | undefined;
}

/** One detail of an attempt: what is wrong with it, or its words. */
export interface TriedDetail {
  readonly fault: string | undefined;
  readonly words: DetailWords | undefined;
}

const RESOURCE_NAME = 'the resource server';

/** Validates what was typed, puts it into words, and compares the two as an exchange would. Changes nothing. */
export function tryOut(type: DetailType, { example, narrower }: Attempt): Tried {
  const types = registryOf([type]);
  const [first, second] = [example, narrower].map((text) => (text.trim() === '' ? undefined : readDetail(types, text)));
  const granted = first && shownOf(type, first);
  const derived = second && shownOf(type, second);
  if (first?.detail === undefined || second?.detail === undefined) return { granted, derived, comparison: undefined };
  return { granted, derived, comparison: compared(type, first.detail, second.detail) };
}

type Read = { readonly detail: AuthorizationDetail } | { readonly detail: undefined; readonly fault: string };

function readDetail(types: DetailTypes, text: string): Read {
  const parsed = parseDetails(types, `[${text}]`);
  const [detail] = parsed.ok ? parsed.details : [];
  if (parsed.ok && detail !== undefined && parsed.details.length === 1) return { detail };
  if (parsed.ok) return { detail: undefined, fault: 'Type one detail: a JSON object.' };
  const path = parsed.path.replace(/^\/0?/, '');
  return { detail: undefined, fault: path === '' ? `It ${parsed.message}.` : `${path} ${parsed.message}.` };
}

function shownOf(type: DetailType, read: Read): TriedDetail {
  return read.detail === undefined
    ? { fault: read.fault, words: undefined }
    : { fault: undefined, words: describeDetail(type, read.detail, RESOURCE_NAME) };
}

function compared(type: DetailType, granted: AuthorizationDetail, requested: AuthorizationDetail): NonNullable<Tried['comparison']> {
  const derived = inherit(granted, requested, type);
  const effective = JSON.stringify(derived, null, 2);
  const coverage = covers(granted, derived, type);
  if (!coverage.covered)
    return { isCovered: false, sentence: `The second reaches beyond the first: ${coverage.path} ${coverage.reason}.`, effective };
  const fault = type.faultOf(derived);
  if (fault !== undefined) return { isCovered: false, sentence: `Together they allow nothing: ${fault.path} ${fault.message}.`, effective };
  const isSame = covers(derived, granted, type).covered;
  const sentence = isSame
    ? 'The second allows exactly what the first allows.'
    : 'The second lies inside the first: whoever holds the first may hand on the second.';
  return { isCovered: true, sentence, effective };
}
