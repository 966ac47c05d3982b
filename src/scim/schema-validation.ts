import { findAttribute, findExtension, topAttributes } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import type { ScimAttribute, ScimAttributeType, ScimDescription, ScimInput, ScimSchema } from './schema.ts';

const defaultMaxLength = 4096;
const defaultMaxValues = 1000;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const invalidValue = (path: string, expectation: string): Error => scimRefusal('invalidValue', `${path} ${expectation}.`, path);

/** Whether a value is a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function coerceText(attribute: ScimAttribute, value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalidValue(path, 'is a string');
  if (value.length > (attribute.maxLength ?? defaultMaxLength))
    throw invalidValue(path, `has at most ${attribute.maxLength ?? defaultMaxLength} characters`);
  // PostgreSQL has no text with NUL in it.
  if (value.includes('\u0000') || !value.isWellFormed()) throw invalidValue(path, 'is well-formed text without NUL');
  if (!attribute.canonicalValues) return value;
  const folded = (text: string): string => (attribute.caseExact ? text : text.toLowerCase());
  const canonical = attribute.canonicalValues.find((each) => folded(each) === folded(value));
  if (canonical === undefined) throw invalidValue(path, `is one of ${attribute.canonicalValues.join(', ')}`);
  return canonical;
}

/** Entra sends booleans as "True" and "False". */
function coerceBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && value.toLowerCase() === 'true') return true;
  if (typeof value === 'string' && value.toLowerCase() === 'false') return false;
  throw invalidValue(path, 'is true or false');
}

function coerceNumber(attribute: ScimAttribute, value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidValue(path, 'is a number');
  if (attribute.type === 'integer' && !Number.isSafeInteger(value)) throw invalidValue(path, 'is an integer');
  return value;
}

function coerceDateTime(attribute: ScimAttribute, value: unknown, path: string): string {
  const text = coerceText(attribute, value, path);
  if (!rfc3339.test(text) || Number.isNaN(Date.parse(text))) throw invalidValue(path, 'is a dateTime such as 2026-01-31T00:00:00Z');
  return text;
}

function coerceBinary(attribute: ScimAttribute, value: unknown, path: string): string {
  const text = coerceText(attribute, value, path);
  if (!base64.test(text)) throw invalidValue(path, 'is base64');
  return text;
}

function coerceComplex(attribute: ScimAttribute, value: unknown, path: string): ScimInput | undefined {
  if (!isObject(value)) throw invalidValue(path, 'is an object');
  const accepted = acceptAttributes(attribute.subAttributes ?? [], value, `${path}.`);
  return Object.keys(accepted).length > 0 ? accepted : undefined;
}

const coercers = {
  string: coerceText,
  reference: coerceText,
  binary: coerceBinary,
  boolean: (_attribute, value, path) => coerceBoolean(value, path),
  integer: coerceNumber,
  decimal: coerceNumber,
  dateTime: coerceDateTime,
  complex: coerceComplex,
} as const satisfies Record<ScimAttributeType, (attribute: ScimAttribute, value: unknown, path: string) => unknown>;

/**
 * One value of an attribute, checked against its definition: its type, length and canonical values. Undefined when nothing of
 * it remains. 400 `invalidValue` naming `path`.
 */
export function coerceOne(attribute: ScimAttribute, value: unknown, path: string): unknown {
  return coercers[attribute.type](attribute, value, path);
}

function assertOnePrimary(values: readonly unknown[], path: string): void {
  if (values.filter((value) => isObject(value) && value['primary'] === true).length > 1)
    throw invalidValue(path, 'has at most one primary value');
}

/** The values, unless they are more than the attribute may have: 400 `invalidValue`. */
export function assertFew(values: readonly unknown[], attribute: ScimAttribute, path: string): readonly unknown[] {
  const limit = attribute.maxValues ?? defaultMaxValues;
  if (values.length > limit) throw invalidValue(path, `has at most ${limit} values`);
  return values;
}

/**
 * A whole attribute: an array for a multi-valued one. Undefined for null, an empty array or an object of which nothing remains:
 * all mean unassigned (RFC 7643 §2.5). 400 `invalidValue` naming `path`.
 */
export function coerceAttribute(attribute: ScimAttribute, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  if (!attribute.multiValued) return coerceOne(attribute, value, path);
  if (!Array.isArray(value)) throw invalidValue(path, 'is an array');
  const values = assertFew(value, attribute, path)
    .map((each, index) => coerceOne(attribute, each, `${path}[${index}]`))
    .filter((each) => each !== undefined);
  assertOnePrimary(values, path);
  return values.length > 0 ? values : undefined;
}

function acceptAttributes(attributes: readonly ScimAttribute[], body: ScimInput, prefix: string): Record<string, unknown> {
  const accepted: Record<string, unknown> = {};
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(body)) {
    const attribute = findAttribute(attributes, name);
    if (!attribute)
      throw scimRefusal('invalidSyntax', `There is no attribute ${prefix}${name.slice(0, 100)}.`, `${prefix}${name.slice(0, 100)}`);
    if (seen.has(attribute.name))
      throw scimRefusal('invalidSyntax', `${prefix}${attribute.name} is given twice.`, `${prefix}${attribute.name}`);
    seen.add(attribute.name);
    // RFC 7644 §3.3 and §3.5.1: readOnly attributes are ignored.
    if (attribute.mutability === 'readOnly') continue;
    const coerced = coerceAttribute(attribute, value, `${prefix}${attribute.name}`);
    if (coerced !== undefined) accepted[attribute.name] = coerced;
  }
  for (const { name, required, mutability } of attributes) {
    if (required && mutability !== 'readOnly' && accepted[name] === undefined) throw invalidValue(`${prefix}${name}`, 'is required');
  }
  return accepted;
}

function acceptExtension(extension: ScimSchema & { readonly required: boolean }, body: unknown): ScimInput | undefined {
  if ((body === undefined || body === null) && !extension.required) return undefined;
  if (body !== undefined && body !== null && !isObject(body)) throw invalidValue(extension.urn, 'is an object');
  const accepted = acceptAttributes(extension.attributes, body ?? {}, `${extension.urn}:`);
  return Object.keys(accepted).length > 0 ? accepted : undefined;
}

/**
 * Checks `schemas` of a request (RFC 7643 §3): the core schema is there, or implied, and none is unknown. 400 `invalidSyntax` when the
 * member is malformed, `invalidValue` when a URN is not of this resource type.
 */
export function assertSchemas(type: ScimDescription, body: ScimInput): void {
  const { schemas } = body as { schemas?: unknown };
  const isImplied = type.impliedBy?.some((urn) => body[urn] !== undefined) === true;
  if (schemas === undefined && isImplied) return;
  if (!Array.isArray(schemas) || !schemas.every((urn) => typeof urn === 'string'))
    throw scimRefusal('invalidSyntax', 'schemas is an array of URNs.', 'schemas');
  const core = type.schema.urn.toLowerCase();
  if (!isImplied && !schemas.some((urn) => urn.toLowerCase() === core)) throw invalidValue('schemas', `contains ${type.schema.urn}`);
  const unknown = schemas.find((urn) => urn.toLowerCase() !== core && !findExtension(type, urn));
  if (unknown !== undefined) throw invalidValue('schemas', `contains no schema that ${type.name} lacks`);
}

/**
 * A representation as its resource type takes it (`ScimInput`). Names match in any case; readOnly attributes are ignored
 * (RFC 7644 §3.3); unknown attributes are refused, since a governed attribute that is misspelt must not vanish silently
 * (`invalidSyntax`); wrong types, bounds and missing required attributes are `invalidValue`. All 400, naming the path.
 */
export function acceptRepresentation(type: ScimDescription, body: unknown): ScimInput {
  if (!isObject(body)) throw scimRefusal('invalidSyntax', 'The body is a JSON object.');
  const core: Record<string, unknown> = {};
  const extensions = new Map<string, unknown>();
  for (const [name, value] of Object.entries(body)) {
    const extension = findExtension(type, name);
    if (extension) extensions.set(extension.urn, value);
    else Object.defineProperty(core, name, { value, enumerable: true });
  }
  const accepted = acceptAttributes(topAttributes(type), core, '');
  for (const extension of type.extensions) {
    const value = acceptExtension(extension, extensions.get(extension.urn));
    if (value !== undefined) accepted[extension.urn] = value;
  }
  return accepted;
}
