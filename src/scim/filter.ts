import { parse } from 'scim2-parse-filter';
import { type ScimAttributePath, findAttribute, leafOf, resolveAttributePath, subAttributesOf } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import type { ScimAttribute, ScimDescription } from './schema.ts';

/** The comparing operators of RFC 7644 §3.4.2.2, table 3. */
export type ScimComparison = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/**
 * A filter whose names are resolved and whose values have the type of their attribute: string, boolean, number, or Date for a
 * dateTime. `where` is a value path, `clients[clientId eq "x"]`: its inner paths are relative (`clientId`) and all hold for the
 * same value. A comparison with `null` has become `not pr` or `pr`.
 */
export type ScimFilter =
  | { readonly op: 'and'; readonly filters: readonly ScimFilter[] }
  | { readonly op: 'or'; readonly filters: readonly ScimFilter[] }
  | { readonly op: 'not'; readonly filter: ScimFilter }
  | { readonly op: 'pr'; readonly target: ScimAttributePath }
  | { readonly op: ScimComparison; readonly target: ScimAttributePath; readonly value: string | boolean | number | Date }
  | { readonly op: 'where'; readonly target: ScimAttributePath; readonly filter: ScimFilter };

/** One attribute to sort by (RFC 7644 §3.4.2.3). */
export interface ScimSort {
  readonly target: ScimAttributePath;
  readonly order: 'ascending' | 'descending';
}

type Resolve = (name: string) => ScimAttributePath | undefined;
type Parsed = ReturnType<typeof parse>;
interface Scope {
  readonly resolve: Resolve;
  readonly literals: readonly unknown[];
  readonly depth: number;
}

const maxLength = 2000;
const maxDepth = 10;
const comparisons: readonly ScimComparison[] = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'];
const literalOrBracket = /"(?:[^"\\]|\\.)*"|(?<=\s)-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?=[\s)\]]|$)|[()[\]"]/g;

const invalid = (detail: string): Error => scimRefusal('invalidFilter', detail, 'filter');

/**
 * Takes strings and numbers out and leaves their index in the list: the parser does not decode JSON escapes and knows no
 * negative number before a space. Counting brackets here bounds its recursion before it runs.
 */
function liftLiterals(text: string): { text: string; literals: unknown[] } {
  const literals: unknown[] = [];
  let depth = 0;
  const lifted = text.replace(literalOrBracket, (token) => {
    if (token === '"') throw invalid('A string in the filter is not closed.');
    if (token === '(' || token === '[') depth += 1;
    if (token === ')' || token === ']') depth -= 1;
    if (depth > maxDepth) throw invalid(`The filter is nested deeper than ${maxDepth}.`);
    if (token.length === 1 && '()[]'.includes(token)) return token;
    try {
      literals.push(JSON.parse(token));
    } catch {
      throw invalid(`${token} is not a JSON value.`);
    }
    return `"${literals.length - 1}"`;
  });
  return { text: lifted, literals };
}

function coerceDate(value: unknown, path: string): Date {
  const date = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : undefined;
  if (!date || Number.isNaN(date.getTime())) throw invalid(`${path} is compared with a dateTime such as "2026-01-31T00:00:00Z".`);
  return date;
}

function coerceValue(attribute: ScimAttribute, value: unknown, path: string): string | boolean | number | Date {
  if (attribute.type === 'dateTime') return coerceDate(value, path);
  if (attribute.type === 'boolean') {
    if (typeof value === 'boolean') return value;
    // Entra quotes booleans.
    if (value === 'true' || value === 'True') return true;
    if (value === 'false' || value === 'False') return false;
    throw invalid(`${path} is compared with true or false.`);
  }
  if (attribute.type === 'integer' || attribute.type === 'decimal') {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw invalid(`${path} is compared with a number.`);
  }
  if (typeof value !== 'string' || value.includes('\u0000')) throw invalid(`${path} is compared with a string.`);
  return value;
}

function assertComparable(op: ScimComparison, attribute: ScimAttribute, path: string): void {
  if (op === 'eq' || op === 'ne') return;
  const isText = attribute.type === 'string' || attribute.type === 'reference';
  const isOrdered = isText || attribute.type === 'integer' || attribute.type === 'decimal' || attribute.type === 'dateTime';
  const isOrdering = op === 'gt' || op === 'ge' || op === 'lt' || op === 'le';
  if (isOrdering ? !isOrdered : !isText) throw invalid(`${op} does not apply to ${path}, a ${attribute.type}.`);
}

/** Comparing a complex multi-valued attribute means its `value` (RFC 7644 §3.4.2.2, `emails co "example.com"`). */
function comparedTarget(target: ScimAttributePath): ScimAttributePath {
  if (target.subAttribute || (target.attribute.type !== 'complex' && !target.attribute.multiValued)) return target;
  const subAttribute = target.attribute.multiValued ? findAttribute(subAttributesOf(target.attribute), 'value') : undefined;
  if (!subAttribute) throw invalid(`${target.path} is complex: name one of its sub-attributes.`);
  return { ...target, subAttribute, path: `${target.path}.${subAttribute.name}` };
}

function targetOf(name: string, scope: Scope): ScimAttributePath {
  const target = scope.resolve(name);
  if (!target) throw invalid(`There is no attribute ${name}.`);
  if (leafOf(target).returned === 'never') throw invalid(`${target.path} cannot be filtered.`);
  return target;
}

function comparisonOf(op: ScimComparison, node: { attrPath: string; compValue: unknown }, scope: Scope): ScimFilter {
  const target = targetOf(node.attrPath, scope);
  const value = typeof node.compValue === 'string' ? scope.literals[Number(node.compValue)] : node.compValue;
  if (value === null && op === 'eq') return { op: 'not', filter: { op: 'pr', target } };
  if (value === null && op === 'ne') return { op: 'pr', target };
  const compared = comparedTarget(target);
  assertComparable(op, leafOf(compared), compared.path);
  return { op, target: compared, value: coerceValue(leafOf(compared), value, compared.path) };
}

function valuePathOf(node: { attrPath: string; valFilter: Parsed }, scope: Scope): ScimFilter {
  const target = targetOf(node.attrPath, scope);
  if (target.subAttribute || !target.attribute.multiValued) throw invalid(`${target.path} has no values to choose from.`);
  const filter = build(node.valFilter, { ...scope, resolve: resolverWithin(target.attribute), depth: scope.depth + 1 });
  return { op: 'where', target, filter };
}

function build(node: Parsed, scope: Scope): ScimFilter {
  if (scope.depth > maxDepth) throw invalid(`The filter is nested deeper than ${maxDepth}.`);
  const inner = { ...scope, depth: scope.depth + 1 };
  if (node.op === 'and' || node.op === 'or') return { op: node.op, filters: node.filters.map((filter) => build(filter, inner)) };
  if (node.op === 'not') return { op: 'not', filter: build(node.filter, inner) };
  if (node.op === 'pr') return { op: 'pr', target: targetOf(node.attrPath, scope) };
  if (node.op === '[]') return valuePathOf(node, scope);
  // The parser's own lookup lets an inherited name such as `constructor` through as an operator.
  const op = comparisons.find((each) => each === node.op);
  if (!op || !('compValue' in node)) throw invalid('The filter is not in the grammar of RFC 7644 §3.4.2.2.');
  return comparisonOf(op, node, scope);
}

function parseWith(resolve: Resolve, text: string): ScimFilter {
  if (text.length > maxLength) throw invalid(`A filter has at most ${maxLength} characters.`);
  const { text: lifted, literals } = liftLiterals(text);
  let tree: Parsed;
  try {
    tree = parse(lifted);
  } catch {
    throw invalid('The filter is not in the grammar of RFC 7644 §3.4.2.2.');
  }
  return build(tree, { resolve, literals, depth: 0 });
}

function resolverWithin(attribute: ScimAttribute): Resolve {
  return (name) => {
    const found = findAttribute(subAttributesOf(attribute), name);
    return found && { path: found.name, attribute: found };
  };
}

/**
 * Parses a filter for one resource type (RFC 7644 §3.4.2.2): at most 2,000 characters and 10 levels. Unknown attributes, a
 * value of the wrong type and operators that do not apply are 400 `invalidFilter`.
 */
export function parseFilter(type: ScimDescription, text: string): ScimFilter {
  return parseWith((name) => resolveAttributePath(type, name), text);
}

/** Parses what stands between the brackets of a value path (RFC 7644 §3.5.2 figure 7); refuses like `parseFilter`. */
export function parseValueFilter(attribute: ScimAttribute, text: string): ScimFilter {
  return parseWith(resolverWithin(attribute), text);
}

/** Resolves `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3): unknown names are 400 `invalidPath`, other orders `invalidValue`. */
export function parseSort(type: ScimDescription, sortBy: string, sortOrder: string | undefined): ScimSort {
  const target = resolveAttributePath(type, sortBy);
  if (!target || leafOf(target).returned === 'never')
    throw scimRefusal('invalidPath', `There is no attribute ${sortBy} to sort by.`, 'sortBy');
  const order = (sortOrder ?? 'ascending').toLowerCase();
  if (order !== 'ascending' && order !== 'descending')
    throw scimRefusal('invalidValue', 'sortOrder is ascending or descending.', 'sortOrder');
  return { target, order };
}
