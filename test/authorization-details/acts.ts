import fc from 'fast-check';
import type { JsonObject, JsonValue, MemberSchema } from '../../src/authorization-details/index.ts';
import { instants, limitsOf } from './detail-arbitraries.ts';

/**
 * What a detail means, said without comparing details: whether one concrete act is inside it. An act gives each dimension that it has
 * one value: one tool, one amount, one path, one moment.
 */
export type Act = JsonValue;

const narrowingOf = (schema: MemberSchema) => schema['x-narrowing'] ?? (schema.type === 'object' ? 'optionalConstraint' : 'equal');
const isObject = (value: JsonValue): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Ordered values as numbers: hundredths, or milliseconds. The generated ones are small enough to be exact. */
const measure = (value: JsonValue) =>
  typeof value === 'string' && value.includes('T') ? Date.parse(value) : Math.round(Number(value) * 100);

function isBelow(path: string, pattern: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

/** Whether an act is inside a limit. */
export function permits(schema: MemberSchema, limit: JsonValue, act: Act): boolean {
  if (schema['x-value-constraint'] === true) return meets(limit as JsonObject, act);
  switch (narrowingOf(schema)) {
    case 'upperBound':
      return measure(act) <= measure(limit);
    case 'lowerBound':
      return measure(act) >= measure(limit);
    case 'subset':
      return (limit as readonly JsonValue[]).includes(act);
    case 'prefix':
      return [limit].flat().some((each) => startsWithin(schema, String(each), String(act)));
    case 'window':
      return isDuring(limit as JsonObject, act);
    case 'optionalConstraint':
      return isObject(limit) && isObject(act) && permitsAll(schema, limit, act);
    default:
      return JSON.stringify(limit) === JSON.stringify(act);
  }
}

function startsWithin(schema: MemberSchema, limit: string, act: string): boolean {
  const isPath = schema.format === 'path-pattern' || schema.items?.format === 'path-pattern';
  return isPath ? isBelow(act, limit) : act.startsWith(limit);
}

function isDuring({ from, until }: JsonObject, act: Act): boolean {
  return (from === undefined || measure(act) >= measure(from)) && (until === undefined || measure(act) <= measure(until));
}

function permitsAll(schema: MemberSchema, limit: JsonObject, act: JsonObject): boolean {
  const names = new Set([...Object.keys(limit), ...Object.keys(act)]);
  return [...names].every((name) => {
    const member = schema.properties?.[name] ?? (schema.additionalProperties as MemberSchema);
    // a budget is about all acts together: the server counts, and no single act is inside or outside of it
    if (member['x-budget'] !== undefined) return true;
    const isUnlimited = member['x-absent'] !== 'nothing';
    const [granted, done] = [limit[name], act[name]];
    // a limit binds an act that does not say how it stands to it; what was granted by name need not be used
    if (granted === undefined) return isUnlimited;
    return done === undefined ? !isUnlimited : permits(member, granted, done);
  });
}

function meets({ equals, oneOf, prefix, min, max }: JsonObject, act: Act): boolean {
  return (
    (equals === undefined || equals === act) &&
    (oneOf === undefined || (oneOf as readonly JsonValue[]).includes(act)) &&
    (prefix === undefined || (typeof act === 'string' && act.startsWith(String(prefix)))) &&
    (min === undefined || measure(act) >= measure(min)) &&
    (max === undefined || measure(act) <= measure(max))
  );
}

/** Acts that a type could be asked about. */
export function actsOf(schema: MemberSchema): fc.Arbitrary<Act> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema['x-value-constraint'] === true) return fc.constantFrom<Act>('a', 'ab', 'abcd', 'b', 1, 5, '5.5', 12);
  const narrowing = narrowingOf(schema);
  if (narrowing === 'window') return fc.constantFrom(...instants);
  if (narrowing === 'subset') return limitsOf(schema.items ?? {});
  if (narrowing === 'prefix') return prefixed(schema.items ?? schema);
  if (narrowing !== 'optionalConstraint') return limitsOf(schema);
  const { properties = {}, additionalProperties } = schema;
  const single = Object.entries(properties).filter(([, member]) => member['x-budget'] === undefined);
  const members = Object.fromEntries(single.map(([name, member]) => [name, actsOf(member)]));
  if (typeof additionalProperties !== 'object') {
    const requiredKeys = Object.keys(members).filter((name) => name === 'type');
    return fc.record<Record<string, Act>>(members, { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<Act>;
  }
  return fc.dictionary(fc.constantFrom('amount', 'to'), actsOf(additionalProperties), { noNullPrototype: true });
}

/** The act that goes as far as a detail lets it: the whole amount, the last tool of the list, the last moment. */
export function farthest(schema: MemberSchema, limit: JsonValue): Act {
  if (schema['x-value-constraint'] === true) return farthestValue(limit as JsonObject);
  switch (narrowingOf(schema)) {
    case 'subset':
      return (limit as readonly JsonValue[]).at(-1) ?? null;
    case 'prefix':
      return String([limit].flat().at(-1) ?? '').replace(/\*$/, 'x');
    case 'window': {
      const { from, until } = limit as JsonObject;
      return until ?? from ?? null;
    }
    case 'optionalConstraint': {
      const single = Object.entries(limit as JsonObject).filter(([name]) => schema.properties?.[name]?.['x-budget'] === undefined);
      const members = single.map(
        ([name, value]) => [name, farthest(schema.properties?.[name] ?? (schema.additionalProperties as MemberSchema), value)] as const,
      );
      return Object.fromEntries(members);
    }
    default:
      return limit;
  }
}

function farthestValue({ equals, oneOf, prefix, max, min }: JsonObject): Act {
  return equals ?? (oneOf as readonly JsonValue[] | undefined)?.at(-1) ?? prefix ?? max ?? min ?? null;
}

function prefixed({ format }: MemberSchema): fc.Arbitrary<Act> {
  return format === 'path-pattern'
    ? fc.constantFrom('/invoices/7', '/invoices/2026/1', '/people/mira', '/invoices', '/')
    : fc.constantFrom('a', 'ab', 'abcd', 'b', 'bc');
}

/** The one spelling of a detail: what covers it and is covered by it has the same. */
export function canonical(schema: MemberSchema, limit: JsonValue): JsonValue {
  if (schema['x-value-constraint'] === true) return canonicalMembers(limit as JsonObject, canonicalScalarOrSet);
  switch (narrowingOf(schema)) {
    case 'upperBound':
    case 'lowerBound':
      return measure(limit);
    case 'subset':
      return [...new Set(limit as readonly string[])].sort();
    case 'prefix':
      return smallest(schema, [limit].flat() as string[]);
    case 'window':
      return canonicalMembers(limit as JsonObject, (_, edge) => measure(edge));
    case 'budget':
      return canonicalMembers(limit as JsonObject, (name, value) => (name === 'amount' || name === 'count' ? measure(value) : value));
    case 'optionalConstraint':
      return canonicalMembers(limit as JsonObject, (name, value) =>
        canonical(schema.properties?.[name] ?? (schema.additionalProperties as MemberSchema), value),
      );
    default:
      return limit;
  }
}

function canonicalMembers(value: JsonObject, of: (name: string, member: JsonValue) => JsonValue): JsonObject {
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, of(name, value[name] ?? null)]));
}

function canonicalScalarOrSet(name: string, value: JsonValue): JsonValue {
  if (name === 'oneOf') return [...(value as readonly string[])].sort();
  return name === 'min' || name === 'max' ? measure(value) : value;
}

/** Prefixes without those that lie inside another one. */
function smallest(schema: MemberSchema, limits: readonly string[]): JsonValue {
  const unique = [...new Set(limits)].sort();
  return unique.filter((one) => !unique.some((other) => other !== one && startsWithin(schema, other, one)));
}
