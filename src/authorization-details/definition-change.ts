import canonicalize from 'canonicalize';
import { type DetailTypeDefinition, type Fault, isRequired, type MemberSchema, narrowingOf, pointer } from './detail-type.ts';

/** A member before and after a change, and where it stands. */
interface Change {
  readonly before: MemberSchema;
  readonly after: MemberSchema;
  readonly path: string;
  /** Every detail says what of it is allowed: the member is always there, or means nothing where it is not. */
  readonly isBounded: boolean;
}

/** Words for people, and what is compared member by member below. Every other keyword, known today or not, stays as it is. */
const handled = new Set([
  'x-label',
  'x-phrase',
  'x-unit',
  'x-narrowing',
  'x-absent',
  'enum',
  'items',
  'properties',
  'required',
  'additionalProperties',
]);
const least = new Set(['minLength', 'minimum', 'minItems', 'minProperties']);
const most = new Set(['maxLength', 'maximum', 'maxItems', 'maxProperties']);

/**
 * Where a change would give details that were granted before another meaning, or undefined when all of them stay valid and allow what
 * they allowed. Words may change, bounds of what is valid may be relaxed, optional members may be added; nothing is taken away, nothing
 * compares by another rule, and no value becomes possible where a detail that does not mention it allows all values.
 */
export function faultOfChange(before: DetailTypeDefinition, after: DetailTypeDefinition): Fault | undefined {
  if (before.type !== after.type) return { path: '/type', message: 'is the name of the type and stays' };
  return faultOfMember({ before: before.schema, after: after.schema, path: '/schema', isBounded: true });
}

function faultOfMember(change: Change): Fault | undefined {
  return faultOfKeywords(change) ?? faultOfEnum(change) ?? faultOfItems(change) ?? faultOfProperties(change) ?? faultOfOthers(change);
}

function faultOfKeywords({ before, after, path }: Change): Fault | undefined {
  if (narrowingOf(before) !== narrowingOf(after))
    return { path: `${path}/x-narrowing`, message: 'must stay: granted details were compared by it' };
  if ((before['x-absent'] ?? 'unlimited') !== (after['x-absent'] ?? 'unlimited'))
    return { path: `${path}/x-absent`, message: 'must stay: it says what granted details without this member allow' };
  const [old, fresh] = [Object.entries(before), Object.entries(after)].map((entries) => new Map<string, unknown>(entries));
  const stranger = [...new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])])].find(
    (keyword) => !handled.has(keyword) && !isKept(keyword, old?.get(keyword), fresh?.get(keyword)),
  );
  return stranger === undefined
    ? undefined
    : { path: pointer(path, stranger), message: 'may not change in this way: granted details rely on it' };
}

/** The same, or a limit of what is valid that lets more through than before. */
function isKept(keyword: string, before: unknown, after: unknown): boolean {
  if (canonicalize(before) === canonicalize(after)) return true;
  const isLimit = least.has(keyword) || most.has(keyword);
  if (keyword === 'uniqueItems') return after !== true;
  if (!isLimit || before === undefined) return false;
  return after === undefined || (least.has(keyword) ? Number(after) <= Number(before) : Number(after) >= Number(before));
}

function faultOfEnum({ before, after, path, isBounded }: Change): Fault | undefined {
  const [old, fresh] = [before.enum, after.enum].map((values) => values && new Set(values.map((value) => canonicalize(value))));
  const at = `${path}/enum`;
  if (old === undefined)
    return fresh === undefined ? undefined : { path: at, message: 'may not be added: granted details may hold other values' };
  if (fresh !== undefined && [...old].some((value) => !fresh.has(value)))
    return { path: at, message: 'may not lose a value: granted details may hold it' };
  const isLarger = fresh === undefined || fresh.size > old.size;
  return isLarger && !isBounded
    ? { path: at, message: 'may not grow: granted details without this member would allow the new values too' }
    : undefined;
}

function faultOfItems({ before, after, path, isBounded }: Change): Fault | undefined {
  if (before.items === undefined && after.items === undefined) return undefined;
  if (before.items === undefined || after.items === undefined) return { path: `${path}/items`, message: 'may not be added or removed' };
  return faultOfMember({ before: before.items, after: after.items, path: `${path}/items`, isBounded });
}

function faultOfProperties(change: Change): Fault | undefined {
  const { before, after, path } = change;
  const demanded = after.required?.find((name) => !isRequired(before, name));
  if (demanded !== undefined) return { path: `${path}/required`, message: 'may not name more members: granted details may lack them' };
  const own = after.properties ?? {};
  for (const [name, member] of Object.entries(before.properties ?? {})) {
    const at = pointer(`${path}/properties`, name);
    const next = Object.hasOwn(own, name) ? own[name] : undefined;
    if (next === undefined) return { path: at, message: 'may not be removed: granted details may hold it' };
    const fault = faultOfMember({ before: member, after: next, path: at, isBounded: isBoundedIn(change, name, member) });
    if (fault !== undefined) return fault;
  }
  const added = Object.keys(own).find((name) => !Object.hasOwn(before.properties ?? {}, name));
  return added !== undefined && before.additionalProperties !== false
    ? { path: pointer(`${path}/properties`, added), message: 'may not be added: granted details may hold a member of this name already' }
    : undefined;
}

function isBoundedIn({ before, after, isBounded }: Change, name: string, member: MemberSchema): boolean {
  const isAlwaysThere = isRequired(before, name) && isRequired(after, name);
  return isBounded && (isAlwaysThere || member['x-absent'] === 'nothing');
}

function faultOfOthers({ before, after, path, isBounded }: Change): Fault | undefined {
  const at = `${path}/additionalProperties`;
  const [old, next] = [before.additionalProperties, after.additionalProperties];
  if (old === false || old === undefined)
    return old === undefined && next !== undefined ? { path: at, message: 'may not be added' } : undefined;
  if (next === false || next === undefined) return { path: at, message: 'may not be closed: granted details may hold such members' };
  return faultOfMember({ before: old, after: next, path: at, isBounded: isBounded && old['x-absent'] === 'nothing' });
}
