import canonicalize from 'canonicalize';
import { fromMinor, toMinor } from './currency.ts';
import {
  type AuthorizationDetail,
  type DetailType,
  type Fault,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type MemberSchema,
  memberOf,
  memberSchema,
  narrowingOf,
} from './detail-type.ts';

/** The windows over which a budget is counted: calendar days, weeks from Monday, months, all in UTC; or once and for all. */
export const BUDGET_WINDOWS = ['day', 'week', 'month', 'total'] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** The unit of a budget of acts; every other unit is an ISO 4217 currency. */
export const COUNT = 'count';

/** How much may be used up in each window: in minor units of the currency, or in acts. Never a floating-point number. */
export interface Budget {
  readonly unit: string;
  readonly limit: bigint;
  readonly per: BudgetWindow;
}

/** A detail's budget, with how its type wants it used up. */
export interface DetailBudget extends Budget {
  /** `receipt`: the resource server reports each act. `issue`: each token is one act, taken when it is issued. */
  readonly taken: 'receipt' | 'issue';
  /** The most that one act may take; undefined: the type sets no bound, or the detail does not. */
  readonly each: bigint | undefined;
}

/**
 * The member `budget` of a type of authorization detail: an amount of money or a number of acts for each window. `taken` says when
 * it is used up; `each` names the member beside it (money, or a whole number) that bounds a single act.
 */
export function budgetMember(annotation: NonNullable<MemberSchema['x-budget']>): MemberSchema {
  return {
    type: 'object',
    properties: {
      amount: { type: 'string', format: 'amount' },
      currency: { type: 'string', format: 'currency' },
      count: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
      per: { type: 'string', enum: BUDGET_WINDOWS },
    },
    required: ['per'],
    additionalProperties: false,
    'x-narrowing': 'budget',
    'x-budget': annotation,
    'x-label': 'Budget',
  };
}

function budgetMemberOf(schema: MemberSchema): { name: string; annotation: NonNullable<MemberSchema['x-budget']> } | undefined {
  for (const [name, { 'x-budget': annotation }] of Object.entries(schema.properties ?? {}))
    if (annotation !== undefined) return { name, annotation };
  return undefined;
}

function isWindow(value: JsonValue | undefined): value is BudgetWindow {
  return BUDGET_WINDOWS.some((window) => window === value);
}

/** The value of a `budget` member; undefined when it does not say exactly one thing. */
function readValue(value: JsonObject): Budget | undefined {
  const [amount, currency, count, per] = ['amount', 'currency', 'count', 'per'].map((name) => memberOf(value, name));
  if (!isWindow(per)) return undefined;
  if (count !== undefined) {
    const isAlone = amount === undefined && currency === undefined;
    return isAlone && typeof count === 'number' && Number.isSafeInteger(count) && count > 0
      ? { unit: COUNT, limit: BigInt(count), per }
      : undefined;
  }
  if (typeof amount !== 'string' || typeof currency !== 'string') return undefined;
  const limit = toMinor(amount, currency);
  return limit === undefined || limit <= 0n ? undefined : { unit: currency, limit, per };
}

/** The most that one act may take by the member that `each` names; `'foreign'` when that one speaks of another currency. */
function readEach(value: JsonValue | undefined, unit: string): bigint | 'foreign' | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number') return unit === COUNT && Number.isSafeInteger(value) && value > 0 ? BigInt(value) : undefined;
  if (!isJsonObject(value) || unit === COUNT) return undefined;
  const amount = memberOf(value, 'amount');
  if (memberOf(value, 'currency') !== unit || typeof amount !== 'string') return 'foreign';
  return toMinor(amount, unit) ?? floorOf(amount, unit);
}

/** A bound on one act may be finer than the minor unit; what is below it cannot be paid. */
function floorOf(amount: string, unit: string): bigint {
  const whole = amount.split('.')[0] ?? '0';
  const fraction = amount.split('.')[1] ?? '';
  for (let length = fraction.length; length >= 0; length -= 1) {
    const minor = toMinor(length === 0 ? whole : `${whole}.${fraction.slice(0, length)}`, unit);
    if (minor !== undefined) return minor;
  }
  return 0n;
}

/** The budget of a valid detail, or undefined when it has none. */
export function budgetOf(type: DetailType, detail: AuthorizationDetail): DetailBudget | undefined {
  const { schema } = type.definition;
  const member = budgetMemberOf(schema);
  const value = member && memberOf(detail, member.name);
  const budget = isJsonObject(value) ? readValue(value) : undefined;
  if (member === undefined || budget === undefined) return undefined;
  const { taken, each } = member.annotation;
  const bound = each === undefined ? undefined : readEach(memberOf(detail, each), budget.unit);
  return { ...budget, taken, each: bound === 'foreign' ? 0n : bound };
}

/** What is wrong with the budget of a detail that passed its schema. Pure. */
export function budgetFaultOf(schema: MemberSchema, detail: JsonObject): Fault | undefined {
  const member = budgetMemberOf(schema);
  const value = member && memberOf(detail, member.name);
  if (member === undefined || !isJsonObject(value)) return undefined;
  const path = `/${member.name}`;
  const budget = readValue(value);
  if (budget === undefined)
    return { path, message: 'names either a count, or an amount above zero with its currency and no more decimals than that has' };
  const { each } = member.annotation;
  return each !== undefined && readEach(memberOf(detail, each), budget.unit) === 'foreign'
    ? { path, message: `is in another currency than ${each}` }
    : undefined;
}

/** Windows that lie inside others: whoever spends at most so much in all does so in each month, and each month's days, too. */
const INSIDE: Readonly<Record<BudgetWindow, readonly BudgetWindow[]>> = {
  day: ['day', 'week', 'month', 'total'],
  week: ['week', 'total'],
  month: ['month', 'total'],
  total: ['total'],
};

/**
 * The member by which `requested` reaches beyond `granted`, or undefined: the same unit, no more of it, in the same window or in
 * one that the other lies inside. A week lies in no month, so those two compare as nothing. Says nothing about what is left:
 * derived details share the counters of their root.
 */
export function beyondBudget(granted: JsonValue, requested: JsonValue): { member: string; reason: string } | undefined {
  const limit = isJsonObject(granted) ? readValue(granted) : undefined;
  const own = isJsonObject(requested) ? readValue(requested) : undefined;
  // a count beside the amount that was handed down, or the other way round, is neither
  if (limit === undefined || own === undefined) return { member: COUNT, reason: 'is not what was granted to be counted' };
  if (own.unit !== limit.unit) return { member: 'currency', reason: 'differs from what was granted' };
  if (!INSIDE[limit.per].includes(own.per)) return { member: 'per', reason: 'is not the window that was granted, nor a stricter one' };
  const member = own.unit === COUNT ? 'count' : 'amount';
  return own.limit <= limit.limit ? undefined : { member, reason: 'goes beyond what was granted' };
}

/** Why a definition's annotation does not fit: where it may stand, what `each` may name. `path` is that of the schema. */
export function budgetAnnotationFault(schema: MemberSchema): Fault | undefined {
  const members = Object.entries(schema.properties ?? {});
  const budgets = members.filter(([, { 'x-budget': annotation }]) => annotation !== undefined);
  if (budgets.length > 1) return { path: '/schema', message: 'has more than one budget' };
  const [name, { 'x-budget': annotation }] = budgets[0] ?? ['', {} as MemberSchema];
  if (annotation?.each === undefined) return undefined;
  const each = members.find(([sibling]) => sibling === annotation.each)?.[1];
  const fits = each?.['x-money'] === true || each?.type === 'integer';
  return fits ? undefined : { path: `/schema/${name}`, message: 'x-budget names no amount of money or whole number beside it' };
}

/** Whether a member is one that `x-budget` may stand at: the form of `budgetMember`, or nothing could be counted. */
export function isBudgetSchema(schema: MemberSchema): boolean {
  const form = budgetMember(schema['x-budget'] ?? { taken: 'receipt' });
  return schema['x-budget'] !== undefined && canonicalize(schema.properties ?? {}) === canonicalize(form.properties ?? {});
}

function isQuantity(schema: MemberSchema): boolean {
  const isMarked = schema['x-budget'] !== undefined || schema['x-money'] === true || schema['x-counted'] === true;
  return isMarked || ['upperBound', 'lowerBound', 'window'].includes(narrowingOf(schema));
}

function withoutQuantities(schema: MemberSchema, value: JsonObject): JsonObject | undefined {
  const kept = Object.entries(value).flatMap(([name, member]): [string, JsonValue][] => {
    const inner = memberSchema(schema, name);
    if (inner === undefined || isQuantity(inner)) return [];
    if (isJsonObject(member)) {
      const rest = withoutQuantities(inner, member);
      return rest === undefined ? [] : [[name, rest]];
    }
    return [
      [name, Array.isArray(member) ? member.toSorted((a, b) => (String(canonicalize(a)) < String(canonicalize(b)) ? -1 : 1)) : member],
    ];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/**
 * What a budget is for, whatever its limits are: the detail without amounts, counts and times, in canonical form. Asked for anew
 * with other limits it is the same thing, and what was used up of it stays used up.
 */
export function budgetSubject(type: DetailType, detail: AuthorizationDetail): string {
  return canonicalize(withoutQuantities(type.definition.schema, detail) ?? {}) ?? '';
}

/** Whether two details are about the same budget with, perhaps, other limits: then the later word of a person stands for both. */
export function isSameBudget(type: DetailType, one: AuthorizationDetail, other: AuthorizationDetail): boolean {
  const [first, second] = [budgetOf(type, one), budgetOf(type, other)];
  return first !== undefined && first.unit === second?.unit && budgetSubject(type, one) === budgetSubject(type, other);
}

/** Thousands apart, every digit kept: an amount may be longer than a number is exact. */
function grouped(decimal: string): string {
  const [whole = '', fraction] = decimal.split('.');
  const apart = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

/** `1,200.00 EUR`, `1 time`, `12 times`. */
export function quantityWords(quantity: bigint, unit: string): string {
  if (unit !== COUNT) return `${grouped(fromMinor(quantity, unit))} ${unit}`;
  return quantity === 1n ? '1 time' : `${grouped(quantity.toString())} times`;
}

const EACH: Readonly<Record<BudgetWindow, string>> = {
  day: 'each day (UTC)',
  week: 'each week, Monday to Sunday (UTC)',
  month: 'each calendar month (UTC)',
  total: 'in total',
};

/** The money that a budget lets go in one window, for whoever decides; undefined for a number of acts, or another member. */
export function budgetMoney(schema: MemberSchema, value: JsonValue): { readonly amount: string; readonly currency: string } | undefined {
  const budget = schema['x-budget'] !== undefined && isJsonObject(value) ? readValue(value) : undefined;
  if (budget === undefined || budget.unit === COUNT) return undefined;
  return { amount: fromMinor(budget.limit, budget.unit), currency: budget.unit };
}

/** `up to 1,000.00 EUR each week, Monday to Sunday (UTC)`: the value of a `budget` member in words. */
export function budgetWords(value: JsonObject): string {
  const budget = readValue(value);
  return budget === undefined ? 'nothing' : `up to ${quantityWords(budget.limit, budget.unit)} ${EACH[budget.per]}`;
}
