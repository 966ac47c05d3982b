import { dayWords } from '../platform/http/moment.ts';
import { budgetMoney, budgetWords } from './budget.ts';
import {
  type AuthorizationDetail,
  type DetailType,
  isJsonObject,
  isRequired,
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
 * What a detail allows, in sentences made from the type's own words and nothing an agent wrote about itself. Shows every member in
 * full, one without a label under its own name: the decision covers exactly what was shown (R12). `resourceName` is the registered
 * name of the resource server. The detail must have passed validation.
 */
export function describeDetail(type: DetailType, detail: AuthorizationDetail, resourceName: string): DetailWords {
  const { schema } = type.definition;
  const rows: DetailRow[] = [];
  let amount: DetailWords['amount'];
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const value = memberOf(detail, name);
    if (value === undefined || name === 'type') continue;
    amount ??= moneyOf(member, value) ?? budgetMoney(member, value);
    rows.push(...rowsOf(member, value, member['x-label'] ?? name));
  }
  const headline = headlineOf(type, detail, resourceName);
  return amount === undefined ? { headline, rows } : { headline, rows, amount };
}

function headlineOf(type: DetailType, detail: AuthorizationDetail, resourceName: string): string {
  const { schema, headline } = type.definition;
  const value = memberOf(detail, headline.counted) ?? [];
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [value];
  const present = Object.entries(schema.properties ?? {}).filter(([name]) => isRequired(schema, name));
  const words: ReadonlyMap<string, string> = new Map([
    ...present.map(([name, member]) => [name, plainValue(member, memberOf(detail, name) ?? '')] as const),
    ['items', listed(items, 'and')],
    ['count', String(items.length)],
    ['resource', resourceName],
  ]);
  return capitalised(filled(items.length === 1 ? headline.one : headline.many, words));
}

/** A map without members of its own (`arguments`) gives one row a key: each is a limit that somebody has to read. */
function rowsOf(schema: MemberSchema, value: JsonValue, label: string): readonly DetailRow[] {
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
  if (isJsonObject(value) && schema['x-budget'] !== undefined) return budgetWords(value);
  if (isJsonObject(value)) return narrowingOf(schema) === 'window' ? windowWords(value) : members(schema, value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (schema.format === 'date-time') return timeWords(text);
  const quantity = isQuantity(schema) ? grouped(text) : text;
  const unit = schema['x-unit'];
  return unit === undefined ? quantity : `${quantity} ${Number(text) === 1 ? unit.one : unit.many}`;
}

/** In the order of the type, so that no order of an agent's choosing puts a limit out of sight; a map keeps its own. */
function members(schema: MemberSchema, value: JsonObject): string {
  const known = Object.keys(schema.properties ?? {}).filter((name) => Object.hasOwn(value, name));
  const others = Object.keys(value).filter((name) => !known.includes(name));
  const parts = [...known, ...others].map((name) => {
    const inner = memberSchema(schema, name) ?? {};
    const member = memberOf(value, name) ?? null;
    return inner['x-phrase'] === undefined ? `${inner['x-label'] ?? name} ${phrase(inner, member)}` : phrase(inner, member);
  });
  return joined(parts, 'and');
}

function windowWords(value: JsonObject): string {
  const edges = (['from', 'until'] as const).flatMap((name) => {
    const at = memberOf(value, name);
    return typeof at === 'string' ? [`${name} ${timeWords(at)}`] : [];
  });
  return edges.join(' ');
}

/** `1 May 2026, 08:00 UTC`: one way to write an instant, whatever offset it was sent with. */
function timeWords(text: string): string {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const time = at
    .toISOString()
    .slice(11, 23)
    .replace(/(:00)?\.000$/, '');
  return `${dayWords(at)}, ${time} UTC`;
}

function moneyOf(schema: MemberSchema, value: JsonValue): DetailWords['amount'] {
  if (schema['x-money'] !== true || !isJsonObject(value)) return undefined;
  const amount = memberOf(value, 'amount');
  const currency = memberOf(value, 'currency');
  return typeof amount === 'string' && typeof currency === 'string' ? { amount: grouped(amount), currency } : undefined;
}

/** Bounds are amounts of something; other numbers may be names (`exactly 4711`) and keep their spelling. */
function isQuantity(schema: MemberSchema): boolean {
  const narrowing = narrowingOf(schema);
  return narrowing === 'upperBound' || narrowing === 'lowerBound';
}

/** `12,000.50`: noughts that nobody has to count. */
function grouped(text: string): string {
  if (!/^-?\d+(\.\d+)?$/.test(text)) return text;
  const [whole = '', fraction] = text.split('.');
  const groups = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? groups : `${groups}.${fraction}`;
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

function capitalised(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** One pass, by function: a value that itself holds `{value}` or `$&` stays text. */
function filled(template: string, words: ReadonlyMap<string, string>): string {
  return template.replace(/\{([\w.-]+)\}/g, (placeholder, name: string) => words.get(name) ?? placeholder);
}
