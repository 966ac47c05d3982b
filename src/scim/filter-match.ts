import { type ScimAttributePath, leafOf } from './attribute-path.ts';
import type { ScimComparison, ScimFilter } from './filter.ts';

type Values = Readonly<Record<string, unknown>>;

function member(container: unknown, name: string): unknown {
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, name)) return undefined;
  return (container as Values)[name];
}

function valuesAt(resource: Values, target: ScimAttributePath): readonly unknown[] {
  const container = target.extension === undefined ? resource : member(resource, target.extension);
  const value = member(container, target.attribute.name);
  const values = Array.isArray(value) ? value : [value];
  const sub = target.subAttribute;
  if (!sub) return values;
  return values.flatMap((each) => (target.attribute.type === 'complex' ? member(each, sub.name) : each));
}

const isAssigned = (value: unknown): boolean => value !== undefined && value !== null;

function isPresent(value: unknown): boolean {
  if (!isAssigned(value) || value === '') return false;
  return typeof value !== 'object' || Object.keys(Object(value)).length > 0;
}

// The order of PostgreSQL's COLLATE "C": by code point, where JavaScript's < goes by UTF-16 unit.
const ordered = (left: unknown, right: unknown): number =>
  typeof left === 'string' && typeof right === 'string'
    ? Buffer.compare(Buffer.from(left), Buffer.from(right))
    : Number(left) - Number(right);

const compares: Readonly<Record<ScimComparison, (left: unknown, right: unknown) => boolean>> = {
  eq: (left, right) => left === right,
  ne: (left, right) => left !== right,
  co: (left, right) => String(left).includes(String(right)),
  sw: (left, right) => String(left).startsWith(String(right)),
  ew: (left, right) => String(left).endsWith(String(right)),
  gt: (left, right) => ordered(left, right) > 0,
  ge: (left, right) => ordered(left, right) >= 0,
  lt: (left, right) => ordered(left, right) < 0,
  le: (left, right) => ordered(left, right) <= 0,
};

function comparable(value: unknown, target: ScimAttributePath): unknown {
  const { type, caseExact } = leafOf(target);
  if (type === 'dateTime') return value instanceof Date ? value.getTime() : Date.parse(String(value));
  return typeof value === 'string' && !caseExact ? value.toLowerCase() : value;
}

/**
 * Whether a representation, or one value of a multi-valued attribute, satisfies a filter (RFC 7644 §3.4.2.2). A multi-valued
 * attribute matches if any of its values does. An absent attribute matches `ne` and no other comparison.
 */
export function matchesFilter(filter: ScimFilter, resource: Values): boolean {
  if (filter.op === 'and') return filter.filters.every((each) => matchesFilter(each, resource));
  if (filter.op === 'or') return filter.filters.some((each) => matchesFilter(each, resource));
  if (filter.op === 'not') return !matchesFilter(filter.filter, resource);
  const values = valuesAt(resource, filter.target);
  if (filter.op === 'pr') return values.some(isPresent);
  if (filter.op === 'where') {
    const isComplex = filter.target.attribute.type === 'complex';
    return values.some((value) => isAssigned(value) && matchesFilter(filter.filter, isComplex ? (value as Values) : { value }));
  }
  const { op, target } = filter;
  const wanted = comparable(filter.value, target);
  if (values.length === 0) return op === 'ne';
  return values.some((value) => (isAssigned(value) ? compares[op](comparable(value, target), wanted) : op === 'ne'));
}
