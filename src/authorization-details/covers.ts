import canonicalize from 'canonicalize';
import { beyondBudget } from './budget.ts';
import { compareDecimals, isDecimal } from './decimal.ts';
import {
  type AuthorizationDetail,
  type DetailType,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type MemberSchema,
  memberOf,
  memberSchema,
  type Narrowing,
  narrowingOf,
  pointer,
} from './detail-type.ts';

/** Whether a detail lies inside a granted one; if not, the member (JSON Pointer) that reaches beyond, and a sentence. */
export type Coverage = { readonly covered: true } | { readonly covered: false; readonly path: string; readonly reason: string };

/** One member of both details, with its schema. */
interface Pair {
  readonly schema: MemberSchema;
  readonly granted: JsonValue;
  readonly requested: JsonValue;
  readonly path: string;
}

const covered: Coverage = { covered: true };
const beyond = (path: string, reason: string): Coverage => ({ covered: false, path: path === '' ? '/' : path, reason });

/**
 * Whether every act that `requested` allows is allowed by `granted` (RFC 9396 §7.1 leaves the comparison to the type: here
 * the type's annotations say it, and this one algorithm reads them). A partial order: reflexive, transitive, and two details
 * that cover each other differ in spelling only.
 *
 * A limit that `granted` has and `requested` lacks is *not* covered: call `inherit` first, which hands the limit down. A
 * member that the type does not know is never covered. Pure; both details must have passed validation.
 */
export function covers(granted: AuthorizationDetail, requested: AuthorizationDetail, type: DetailType): Coverage {
  const { definition } = type;
  if (granted.type !== definition.type || requested.type !== definition.type) return beyond('/type', 'is of another type');
  return coversMembers({ schema: definition.schema, granted, requested, path: '' });
}

/**
 * `requested` with every limit of `granted` that it leaves out: what a derived token really carries, so that a limit cannot be
 * dropped by not naming it. Members that are present stay as they are; `covers` judges them.
 */
export function inherit(granted: AuthorizationDetail, requested: AuthorizationDetail, type: DetailType): AuthorizationDetail {
  const { schema } = type.definition;
  return { ...inheritMembers(schema, granted, requested), type: requested.type };
}

function inheritMembers(schema: MemberSchema, granted: JsonObject, requested: JsonObject): JsonObject {
  const merged = new Map(Object.entries(requested));
  for (const [name, limit] of Object.entries(granted)) {
    const member = memberSchema(schema, name);
    const own = memberOf(requested, name);
    if (member === undefined) continue;
    if (own === undefined && member['x-absent'] !== 'nothing') merged.set(name, limit);
    if (isJsonObject(own) && isJsonObject(limit) && narrowingOf(member) !== 'equal') merged.set(name, inheritMembers(member, limit, own));
  }
  return Object.fromEntries(merged);
}

const rules: Record<Narrowing, (pair: Pair) => Coverage> = {
  equal: (pair) =>
    canonicalize(pair.granted) === canonicalize(pair.requested) ? covered : beyond(pair.path, 'differs from what was granted'),
  upperBound: (pair) => ordered(pair, (order) => order <= 0),
  lowerBound: (pair) => ordered(pair, (order) => order >= 0),
  subset: coversSet,
  prefix: coversPrefix,
  window: coversWindow,
  optionalConstraint: coversMembers,
  budget: coversBudget,
};

function coversMembers({ schema, granted, requested, path }: Pair): Coverage {
  if (!isJsonObject(granted) || !isJsonObject(requested)) return beyond(path, 'is not an object');
  for (const name of new Set([...Object.keys(granted), ...Object.keys(requested)])) {
    const member = memberSchema(schema, name);
    if (member === undefined) return beyond(pointer(path, name), 'is not a member of this type');
    const result = coversMember({ schema: member, granted, requested, path }, name);
    if (!result.covered) return result;
  }
  return covered;
}

function coversMember({ schema, granted, requested, path }: Pair & { granted: JsonObject; requested: JsonObject }, name: string): Coverage {
  const limit = memberOf(granted, name);
  const own = memberOf(requested, name);
  const at = pointer(path, name);
  const absentMeansNothing = schema['x-absent'] === 'nothing';
  if (limit === undefined) return absentMeansNothing && own !== undefined ? beyond(at, 'was not granted') : covered;
  if (own === undefined) return absentMeansNothing ? covered : beyond(at, 'leaves out a limit of what was granted');
  return rules[narrowingOf(schema)]({ schema, granted: limit, requested: own, path: at });
}

function ordered(pair: Pair, isInside: (order: number) => boolean): Coverage {
  const order = compareOrdered(pair.requested, pair.granted);
  if (order === undefined) return beyond(pair.path, 'cannot be compared with what was granted');
  return isInside(order) ? covered : beyond(pair.path, 'goes beyond what was granted');
}

function compareOrdered(left: JsonValue, right: JsonValue): number | undefined {
  if (isNumeric(left) && isNumeric(right)) return compareDecimals(left, right);
  if (typeof left !== 'string' || typeof right !== 'string') return undefined;
  const difference = Date.parse(left) - Date.parse(right);
  return Number.isNaN(difference) ? undefined : difference;
}

function isNumeric(value: JsonValue): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && isDecimal(value));
}

function coversSet({ granted, requested, path }: Pair): Coverage {
  if (!Array.isArray(granted) || !Array.isArray(requested)) return beyond(path, 'is not a list');
  const known = new Set(granted.map((item) => canonicalize(item)));
  const stranger = requested.findIndex((item) => !known.has(canonicalize(item)));
  return stranger === -1 ? covered : beyond(pointer(path, stranger), 'was not granted');
}

function coversPrefix({ schema, granted, requested, path }: Pair): Coverage {
  const limits = textsOf(granted);
  const own = textsOf(requested);
  if (limits === undefined || own === undefined) return beyond(path, 'is not a text');
  const isPattern = schema.format === 'path-pattern' || schema.items?.format === 'path-pattern';
  const lies = isPattern ? liesInPattern : (text: string, limit: string) => text.startsWith(limit);
  const stranger = own.findIndex((text) => !limits.some((limit) => lies(text, limit)));
  return stranger === -1 ? covered : beyond(Array.isArray(requested) ? pointer(path, stranger) : path, 'lies outside what was granted');
}

/** `/invoices/*` holds everything below `/invoices/`, patterns included; a pattern without star holds itself alone. */
function liesInPattern(pattern: string, limit: string): boolean {
  return limit.endsWith('/*') ? pattern.startsWith(limit.slice(0, -1)) : pattern === limit;
}

function textsOf(value: JsonValue): readonly string[] | undefined {
  const list: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  return list.every((item) => typeof item === 'string') ? list : undefined;
}

function coversBudget({ granted, requested, path }: Pair): Coverage {
  const fault = beyondBudget(granted, requested);
  return fault === undefined ? covered : beyond(pointer(path, fault.member), fault.reason);
}

const windowSchema: MemberSchema = {
  type: 'object',
  properties: { from: { 'x-narrowing': 'lowerBound' }, until: { 'x-narrowing': 'upperBound' } },
  additionalProperties: false,
};

function coversWindow(pair: Pair): Coverage {
  return coversMembers({ ...pair, schema: windowSchema });
}
