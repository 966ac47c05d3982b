import { compareDecimals, isDecimal } from './decimal.ts';
import { type JsonObject, type JsonValue, memberOf } from './detail-type.ts';

/**
 * Whether no value at all can satisfy a value constraint (`equals`, `oneOf`, `prefix`, `min`, `max`, all of which must hold).
 * Such a detail allows nothing, so it could be issued safely; but whoever asked would hold a token that never works, and a
 * human would approve a sentence that contradicts itself.
 */
export function isContradictory(constraint: JsonObject): boolean {
  const candidates = candidatesOf(constraint);
  if (candidates !== undefined) return !candidates.some((candidate) => satisfies(candidate, constraint));
  const min = memberOf(constraint, 'min');
  const max = memberOf(constraint, 'max');
  const isBounded = min !== undefined || max !== undefined;
  if (isBounded && memberOf(constraint, 'prefix') !== undefined) return true;
  return min !== undefined && max !== undefined && !isAtMost(min, max);
}

function candidatesOf(constraint: JsonObject): readonly JsonValue[] | undefined {
  const equals = memberOf(constraint, 'equals');
  if (equals !== undefined) return [equals];
  const oneOf = memberOf(constraint, 'oneOf');
  return Array.isArray(oneOf) ? oneOf : undefined;
}

/** Whether a value keeps all limits of a value constraint; a limit that is not known here is kept by none. */
export function isWithinConstraint(value: JsonValue, constraint: JsonObject): boolean {
  const equals = memberOf(constraint, 'equals');
  const isKnown = Object.keys(constraint).every((name) => LIMITS.has(name));
  return isKnown && (equals === undefined || equals === value) && satisfies(value, constraint);
}

const LIMITS: ReadonlySet<string> = new Set(['equals', 'oneOf', 'prefix', 'min', 'max']);

function satisfies(candidate: JsonValue, constraint: JsonObject): boolean {
  const oneOf = memberOf(constraint, 'oneOf');
  const prefix = memberOf(constraint, 'prefix');
  const min = memberOf(constraint, 'min');
  const max = memberOf(constraint, 'max');
  if (Array.isArray(oneOf) && !oneOf.includes(candidate)) return false;
  if (typeof prefix === 'string' && !(typeof candidate === 'string' && candidate.startsWith(prefix))) return false;
  if (min !== undefined && !isAtMost(min, candidate)) return false;
  return max === undefined || isAtMost(candidate, max);
}

function isAtMost(left: JsonValue, right: JsonValue): boolean {
  if (!isNumeric(left) || !isNumeric(right)) return false;
  const order = compareDecimals(left, right);
  return order !== undefined && order <= 0;
}

function isNumeric(value: JsonValue): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && isDecimal(value));
}
