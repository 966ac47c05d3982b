import { type Coverage, covers, inherit } from './covers.ts';
import { type AuthorizationDetail, type MemberSchema, memberOf, pointer } from './detail-type.ts';
import type { DetailTypes } from './detail-type.ts';
import { validateDetails } from './validation.ts';

/** The details a derived token carries, or the first requested one that reaches beyond (JSON Pointer into the request). */
export type Derivation =
  | { readonly covered: true; readonly details: readonly AuthorizationDetail[] }
  | { readonly covered: false; readonly path: string; readonly reason: string };

/** A granted detail that can give a requested one, and what would come of it. */
interface Source {
  readonly grantedIndex: number;
  readonly effective: AuthorizationDetail;
}

/**
 * Whether every requested detail lies inside one granted detail, limits inherited; answers the *effective* details, which are
 * what must be issued (never the requested ones: they may lack a limit). A granted detail with a counted member (`max_calls`)
 * feeds at most one requested detail, so that one budget is not spent twice (RFC 9396 §7.1; R2).
 * Both lists must have passed validation.
 */
export function coversAll(
  types: DetailTypes,
  granted: readonly AuthorizationDetail[],
  requested: readonly AuthorizationDetail[],
): Derivation {
  const choices: Source[][] = [];
  for (const [index, detail] of requested.entries()) {
    const { sources, nearest } = sourcesOf(types, granted, detail);
    if (sources.length === 0)
      return { covered: false, path: `${pointer('', index)}${nearest.path === '/' ? '' : nearest.path}`, reason: nearest.reason };
    choices.push(sources);
  }
  const assigned = assign(choices, countedIndexes(types, granted));
  if (typeof assigned === 'number')
    return { covered: false, path: pointer('', assigned), reason: 'draws again on a counted limit that another entry already uses' };
  const checked = validateDetails(types, assigned);
  return checked.ok ? { covered: true, details: checked.details } : { covered: false, path: checked.path, reason: checked.message };
}

/**
 * Details of `held` whose type `requested` does not name. They go along with what is named: beside a scope, details of a type say what
 * that scope may be used for, so a token without any of them would allow more than the one it comes from.
 */
export function unnamedIn(held: readonly AuthorizationDetail[], requested: readonly AuthorizationDetail[]): readonly AuthorizationDetail[] {
  const named = new Set(requested.map(({ type }) => type));
  return held.filter(({ type }) => !named.has(type));
}

function sourcesOf(
  types: DetailTypes,
  granted: readonly AuthorizationDetail[],
  detail: AuthorizationDetail,
): { sources: Source[]; nearest: { path: string; reason: string } } {
  const sources: Source[] = [];
  let nearest = { path: '/type', reason: 'is of a type that was not granted' };
  for (const [grantedIndex, source] of granted.entries()) {
    const outcome = deriveOne(types, source, detail);
    if (outcome === undefined) continue;
    if (outcome.covered) sources.push({ grantedIndex, effective: outcome.effective });
    else nearest = outcome;
  }
  return { sources, nearest };
}

type OneDerivation = { readonly covered: true; readonly effective: AuthorizationDetail } | Exclude<Coverage, { covered: true }>;

function deriveOne(types: DetailTypes, source: AuthorizationDetail, detail: AuthorizationDetail): OneDerivation | undefined {
  const type = types.find(detail.type);
  if (type === undefined || source.type !== detail.type) return undefined;
  const effective = inherit(source, detail, type);
  const coverage = covers(source, effective, type);
  if (!coverage.covered) return coverage;
  const fault = type.faultOf(effective);
  return fault === undefined ? { covered: true, effective } : { covered: false, path: fault.path, reason: fault.message };
}

function countedIndexes(types: DetailTypes, granted: readonly AuthorizationDetail[]): ReadonlySet<number> {
  const indexes = granted.flatMap((detail, index) => (isCounted(types.find(detail.type)?.definition.schema, detail) ? [index] : []));
  return new Set(indexes);
}

function isCounted(schema: MemberSchema | undefined, detail: AuthorizationDetail): boolean {
  return Object.entries(schema?.properties ?? {}).some(
    ([name, member]) => member['x-counted'] === true && memberOf(detail, name) !== undefined,
  );
}

/**
 * Gives every request a source, counted sources at most once (augmenting paths, so the order of entries does not decide).
 * Answers the effective details, or the index of the entry that got none.
 */
function assign(choices: readonly (readonly Source[])[], counted: ReadonlySet<number>): readonly AuthorizationDetail[] | number {
  const chosen = new Map<number, Source>();
  const holder = new Map<number, number>();
  const place = (request: number, tried: Set<number>): boolean => {
    for (const source of choices[request] ?? []) {
      if (tried.has(source.grantedIndex)) continue;
      const isLimited = counted.has(source.grantedIndex);
      if (isLimited) tried.add(source.grantedIndex);
      const current = isLimited ? holder.get(source.grantedIndex) : undefined;
      if (current !== undefined && !place(current, tried)) continue;
      if (isLimited) holder.set(source.grantedIndex, request);
      chosen.set(request, source);
      return true;
    }
    return false;
  };
  for (const request of choices.keys()) if (!place(request, new Set())) return request;
  return choices.flatMap((_, request) => chosen.get(request)?.effective ?? []);
}
