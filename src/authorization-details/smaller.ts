import { coversAll } from './derivation.ts';
import {
  type AuthorizationDetail,
  type DetailType,
  type DetailTypes,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type MemberSchema,
  memberOf,
  memberSchema,
  narrowingOf,
  pointer,
} from './detail-type.ts';

/** A member of a detail that somebody can make smaller, and how a page asks for it. */
export interface Adjustable {
  /** JSON Pointer into the detail. */
  readonly path: string;
  readonly label: string;
  /** `number`: a bound to move · `time`: an edge of a window, in UTC · `items`: some of a list to keep. */
  readonly kind: 'number' | 'time' | 'items';
  /** The bound as it is (times `YYYY-MM-DDTHH:MM`), or the items as texts. */
  readonly values: readonly string[];
  /** What the number counts: a currency, `rows`. */
  readonly unit: string | undefined;
}

/** What somebody chose, by path: one text for a bound, the items to keep for a list. What is not named stays. */
export type Choices = ReadonlyMap<string, readonly string[]>;

/** A detail made smaller, or the path that cannot be so and a sentence. */
export type Smaller =
  | { readonly ok: true; readonly detail: AuthorizationDetail }
  | { readonly ok: false; readonly path: string; readonly message: string };

/** One member with everything around it that matters here. */
interface Place {
  readonly schema: MemberSchema;
  readonly value: JsonValue;
  readonly path: string;
  readonly label: string;
  readonly unit: string | undefined;
}

const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value));
const minutesOf = (time: string): string => new Date(time).toISOString().slice(0, 16);

/** Everything of a valid detail that its type lets become smaller, in the order of the type; where it holds is not among it. */
export function adjustableIn(type: DetailType, detail: AuthorizationDetail): readonly Adjustable[] {
  return inside({ schema: type.definition.schema, value: detail, path: '', label: '', unit: undefined });
}

function inside(place: Place): readonly Adjustable[] {
  const { schema, value } = place;
  if (!isJsonObject(value)) return [];
  const known = Object.keys(schema.properties ?? {});
  const names = [...known.filter((name) => Object.hasOwn(value, name)), ...Object.keys(value).filter((name) => !known.includes(name))];
  return names.filter((name) => name !== 'type' && name !== 'locations').flatMap((name) => adjustableAt(memberPlace(place, name)));
}

function memberPlace({ schema, value, path, label, unit }: Place, name: string): Place {
  const member = edgeOf(schema, name) ?? memberSchema(schema, name) ?? {};
  const own = member['x-label'] ?? (schema['x-money'] === true ? '' : name);
  const isAmount = schema['x-money'] === true || (narrowingOf(schema) === 'budget' && name === 'amount');
  const money = isAmount && isJsonObject(value) ? textOf(memberOf(value, 'currency') ?? '') : undefined;
  return {
    schema: member,
    value: isJsonObject(value) ? (memberOf(value, name) ?? null) : null,
    path: pointer(path, name),
    label: [label, own].filter((part) => part !== '').join(': '),
    unit: money ?? member['x-unit']?.many ?? unit,
  };
}

/** Edges of a window and the limit of a budget narrow by the rule of the whole, whatever their own schemas say. */
function edgeOf(schema: MemberSchema, name: string): MemberSchema | undefined {
  if (narrowingOf(schema) === 'budget' && (name === 'amount' || name === 'count'))
    return { ...memberSchema(schema, name), 'x-narrowing': 'upperBound', 'x-label': '' };
  if (narrowingOf(schema) !== 'window' || (name !== 'from' && name !== 'until')) return undefined;
  return { ...memberSchema(schema, name), 'x-narrowing': name === 'from' ? 'lowerBound' : 'upperBound' };
}

function adjustableAt(place: Place): readonly Adjustable[] {
  const { schema, value, path, label, unit } = place;
  const narrowing = narrowingOf(schema);
  if (narrowing === 'window' || narrowing === 'optionalConstraint' || narrowing === 'budget') return inside(place);
  if (Array.isArray(value)) {
    const canShrink = (narrowing === 'subset' || narrowing === 'prefix') && value.length > 1;
    return canShrink ? [{ path, label, kind: 'items', values: value.map(textOf), unit: undefined }] : [];
  }
  if (narrowing !== 'upperBound' && narrowing !== 'lowerBound') return [];
  if (schema.format === 'date-time')
    return [{ path, label: `${label} (UTC)`, kind: 'time', values: [minutesOf(textOf(value))], unit: undefined }];
  return [{ path, label, kind: 'number', values: [textOf(value)], unit }];
}

/** The detail with what was chosen, if it lies inside the one there was (RFC 9396 §7.1); never more of it. Pure. */
export function makeSmaller(types: DetailTypes, detail: AuthorizationDetail, choices: Choices): Smaller {
  const type = types.find(detail.type);
  if (type === undefined) return { ok: false, path: '/type', message: 'is of a type that is not known here' };
  const adjustable = new Map(adjustableIn(type, detail).map((each) => [each.path, each]));
  let smaller: JsonObject = detail;
  for (const [path, chosen] of choices) {
    const place = adjustable.get(path);
    if (place === undefined) return { ok: false, path, message: 'cannot be made smaller' };
    if (place.kind !== 'items' && chosen[0]?.trim() === place.values[0]) continue;
    smaller = replaced(smaller, path.split('/').slice(1), (value) => chosenValue(place, chosen, value));
  }
  const derived = coversAll(types, [detail], [{ ...smaller, type: detail.type }]);
  const [only] = derived.covered ? derived.details : [];
  if (only !== undefined) return { ok: true, detail: only };
  return derived.covered
    ? { ok: false, path: '/', message: 'is empty' }
    : { ok: false, path: derived.path.replace(/^\/0/, '') || '/', message: derived.reason };
}

function chosenValue({ kind }: Adjustable, chosen: readonly string[], value: JsonValue): JsonValue {
  if (kind === 'items')
    return Array.isArray(value) ? (value as readonly JsonValue[]).filter((item) => chosen.includes(textOf(item))) : value;
  const text = chosen[0]?.trim() ?? '';
  if (kind === 'time') return /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? `${text}:00Z` : text;
  // a number stays a number and a decimal text a text: the schema of the type judges what was typed
  return typeof value === 'number' && /^-?\d{1,15}(?:\.\d{1,6})?$/.test(text) ? Number(text) : text;
}

function replaced(value: JsonObject, [name = '', ...rest]: readonly string[], change: (value: JsonValue) => JsonValue): JsonObject {
  const member = Object.keys(value).find((key) => pointer('', key) === `/${name}`) ?? name;
  const old = memberOf(value, member) ?? null;
  return { ...value, [member]: rest.length > 0 && isJsonObject(old) ? replaced(old, rest, change) : change(old) };
}
