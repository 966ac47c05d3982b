import {
  type AuthorizationDetail,
  type DetailType,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type MemberSchema,
  memberOf,
  memberSchema,
  narrowingOf,
} from './detail-type.ts';

/** One line of a detail for a human. */
export interface DetailRow {
  readonly label: string;
  readonly value: string;
}

/** A detail for a human: plain text (the template escapes it), money apart because it is the largest thing on the page. */
export interface DetailWords {
  readonly headline: string;
  readonly rows: readonly DetailRow[];
  readonly amount?: { readonly amount: string; readonly currency: string };
}

/**
 * What a detail allows, in sentences made from the type's own words and nothing an agent wrote about itself. Shows every
 * labelled member in full: the decision covers exactly what was shown (R12). `resourceName` is the registered name of the
 * resource server. The detail must have passed validation.
 */
export function describeDetail(type: DetailType, detail: AuthorizationDetail, resourceName: string): DetailWords {
  const { schema } = type.definition;
  const rows: DetailRow[] = [];
  let amount: DetailWords['amount'];
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const value = memberOf(detail, name);
    if (value === undefined) continue;
    amount ??= moneyOf(member, value);
    rows.push(...rowsOf(member, value));
  }
  const headline = headlineOf(type, detail, resourceName);
  return amount === undefined ? { headline, rows } : { headline, rows, amount };
}

function headlineOf(type: DetailType, detail: AuthorizationDetail, resourceName: string): string {
  const { counted, one, many } = type.definition.headline;
  const value = memberOf(detail, counted) ?? [];
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  const words: ReadonlyMap<string, string> = new Map([
    ['items', listed(items, 'and')],
    ['count', String(items.length)],
    ['resource', resourceName],
  ]);
  return filled(items.length === 1 ? one : many, words);
}

/** A map without members of its own (`arguments`) gives one row a key: each is a limit that somebody has to read. */
function rowsOf(schema: MemberSchema, value: JsonValue): readonly DetailRow[] {
  const label = schema['x-label'];
  if (label === undefined) return [];
  if (!isJsonObject(value) || schema.properties !== undefined) return [{ label, value: phrase(schema, value) }];
  return Object.entries(value).map(([name, member]) => ({
    label: `${label}: ${name}`,
    value: phrase(memberSchema(schema, name) ?? {}, member),
  }));
}

function phrase(schema: MemberSchema, value: JsonValue): string {
  return filled(schema['x-phrase'] ?? '{value}', new Map([['value', plainValue(schema, value)]]));
}

function plainValue(schema: MemberSchema, value: JsonValue): string {
  const money = moneyOf(schema, value);
  if (money !== undefined) return `${money.amount} ${money.currency}`;
  if (Array.isArray(value)) return listed(value, narrowingOf(schema) === 'subset' && schema['x-label'] === undefined ? 'or' : 'and');
  if (isJsonObject(value)) return members(schema, value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function members(schema: MemberSchema, value: JsonObject): string {
  const parts = Object.entries(value).map(([name, member]) => {
    const inner = memberSchema(schema, name) ?? {};
    return inner['x-phrase'] === undefined ? `${name} ${phrase(inner, member)}` : phrase(inner, member);
  });
  return joined(parts, 'and');
}

function moneyOf(schema: MemberSchema, value: JsonValue): DetailWords['amount'] {
  if (schema['x-money'] !== true || !isJsonObject(value)) return undefined;
  const amount = memberOf(value, 'amount');
  const currency = memberOf(value, 'currency');
  return typeof amount === 'string' && typeof currency === 'string' ? { amount, currency } : undefined;
}

function listed(items: readonly JsonValue[], conjunction: string): string {
  return joined(
    items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))),
    conjunction,
  );
}

function joined(parts: readonly string[], conjunction: string): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** One pass, by function: a value that itself holds `{value}` or `$&` stays text. */
function filled(template: string, words: ReadonlyMap<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => words.get(name) ?? placeholder);
}
