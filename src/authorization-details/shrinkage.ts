import canonicalize from 'canonicalize';
import { covers } from './covers.ts';
import { type AuthorizationDetail, type DetailType, memberOf } from './detail-type.ts';
import type { DetailTypes } from './detail-type.ts';
import { describeDetail } from './words.ts';

/** What a limit was and what it became, in the type's own words: `Amount`, `up to 200 EUR`, `up to 50 EUR`. */
export interface Shrunk {
  /** The member for a human; the type's title when a whole detail is gone. */
  readonly label: string;
  readonly before: string;
  /** Left out when nothing is left. */
  readonly after?: string;
  /** Of a list: which are left, where `before` and `after` count. */
  readonly left?: string;
}

const UNLIMITED = 'no limit';

/** The detail that this one was narrowed from: one that covers it, else one of its type. */
function sourceOf(
  type: DetailType,
  granted: readonly AuthorizationDetail[],
  derived: AuthorizationDetail,
): AuthorizationDetail | undefined {
  const same = granted.filter((detail) => detail.type === derived.type);
  return same.find((detail) => covers(detail, derived, type).covered) ?? same[0];
}

function rowsOf(type: DetailType, detail: AuthorizationDetail): ReadonlyMap<string, string> {
  return new Map(describeDetail(type, detail, '').rows.map(({ label, value }) => [label, value]));
}

/** Lists say how many are left and which; everything else says its value before and after. */
function shrunkMembers(type: DetailType, granted: AuthorizationDetail, derived: AuthorizationDetail): Shrunk[] {
  const [before, after] = [rowsOf(type, granted), rowsOf(type, derived)];
  const lists = new Map<string, readonly [number, number]>();
  for (const [name, { 'x-label': label }] of Object.entries(type.definition.schema.properties ?? {})) {
    const [was, is] = [memberOf(granted, name), memberOf(derived, name)];
    if (label !== undefined && Array.isArray(was) && Array.isArray(is) && was.length !== is.length)
      lists.set(label, [was.length, is.length]);
  }
  const labels = [...new Set([...before.keys(), ...after.keys()])].filter((label) => before.get(label) !== after.get(label));
  return labels.map((label) => {
    const [was, is] = [before.get(label) ?? UNLIMITED, after.get(label) ?? UNLIMITED];
    const [many, few] = lists.get(label) ?? [];
    return many === undefined ? { label, before: was, after: is } : { label, before: String(many), after: String(few), left: is };
  });
}

/**
 * What a token lost against the one it was made from: limits of details that became narrower, and whole details that are gone.
 * Empty when nothing shrank. Pure; details of types that are no longer known are compared by their type alone.
 */
export function shrinkageOf(
  types: DetailTypes,
  granted: readonly AuthorizationDetail[],
  derived: readonly AuthorizationDetail[],
): readonly Shrunk[] {
  const used = new Set<AuthorizationDetail>();
  const narrowed = derived.flatMap((detail) => {
    const type = types.find(detail.type);
    const source = type === undefined ? granted.find((each) => each.type === detail.type) : sourceOf(type, granted, detail);
    if (source !== undefined) used.add(source);
    if (type === undefined || source === undefined || canonicalize(source) === canonicalize(detail)) return [];
    return shrunkMembers(type, source, detail);
  });
  const gone = granted.filter((detail) => !used.has(detail));
  return [...narrowed, ...gone.map(({ type }) => ({ label: types.find(type)?.definition.title ?? type, before: 'allowed' }))];
}

/** Details in words, for whoever keeps details without knowing their types. */
export interface DetailWriter {
  /** Each as a sentence; of a type that is no longer known, its name. */
  headlines(details: readonly object[], resourceName: string): readonly string[];
  /** `shrinkageOf` over the types of the moment. */
  shrinkage(granted: readonly object[], derived: readonly object[]): readonly Shrunk[];
}

/** Writes details as the types in force at the moment say. The details must have passed validation once. */
export function createDetailWriter(types: () => DetailTypes): DetailWriter {
  const known = (details: readonly object[]) => details as readonly AuthorizationDetail[];
  return {
    headlines: (details, resourceName) =>
      known(details).map((detail) => {
        const type = types().find(detail.type);
        return type === undefined ? detail.type : describeDetail(type, detail, resourceName).headline;
      }),
    shrinkage: (granted, derived) => shrinkageOf(types(), known(granted), known(derived)),
  };
}
