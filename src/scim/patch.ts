import { isDeepStrictEqual } from 'node:util';
import { findAttribute, topAttributes } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import type { ScimFilter } from './filter.ts';
import { matchesFilter } from './filter-match.ts';
import { type PatchOperation, parsePatch } from './patch-operations.ts';
import type { ScimAttribute, ScimDescription, ScimInput, ScimResource } from './schema.ts';
import { assertFew, coerceAttribute, coerceOne, isObject } from './schema-validation.ts';

type Values = Record<string, unknown>;
interface Edit {
  readonly op: PatchOperation['op'];
  readonly attribute: ScimAttribute;
  readonly value: unknown;
  readonly path: string;
}

const mutability = (path: string, why: string): Error => scimRefusal('mutability', `${path} ${why}.`, path);
const asObject = (value: unknown): ScimInput => (isObject(value) ? value : {});
const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

// In the order of the definitions, so that two equal values print alike.
function writablePart(attribute: ScimAttribute, value: unknown): unknown {
  if (attribute.type !== 'complex') return value;
  const writable = (attribute.subAttributes ?? []).filter((sub) => sub.mutability !== 'readOnly');
  return Object.fromEntries(writable.flatMap(({ name }) => (asObject(value)[name] === undefined ? [] : [[name, asObject(value)[name]]])));
}

function isMeantBy(given: unknown, { attribute, element }: { attribute: ScimAttribute; element: unknown }): boolean {
  if (!isObject(given)) return given === (attribute.type === 'complex' ? asObject(element)['value'] : element);
  if (given['value'] !== undefined) return given['value'] === asObject(element)['value'];
  const members = Object.entries(given);
  return (
    members.length > 0 &&
    members.every(([name, value]) =>
      isDeepStrictEqual(asObject(element)[findAttribute(attribute.subAttributes ?? [], name)?.name ?? ''], value),
    )
  );
}

function editMultiValued(existing: readonly unknown[], { op, attribute, value, path }: Edit): unknown {
  if (op === 'remove') {
    if (value === undefined || value === null) return undefined;
    // Entra names the values to remove in `value`; ignoring it would remove all of them.
    const given = Array.isArray(value) ? value : [value];
    return existing.filter((element) => !given.some((each) => isMeantBy(each, { attribute, element })));
  }
  const incoming = asArray(coerceAttribute(attribute, value === null || Array.isArray(value) ? value : [value], path));
  if (op === 'replace') return incoming;
  const known = new Set(existing.map((element) => JSON.stringify(writablePart(attribute, element))));
  return assertFew([...existing, ...incoming.filter((each) => !known.has(JSON.stringify(writablePart(attribute, each))))], attribute, path);
}

function editComplex(existing: ScimInput, edit: Edit): ScimInput {
  if (!isObject(edit.value)) throw scimRefusal('invalidValue', `${edit.path} is an object.`, edit.path);
  const merged: Values = { ...existing };
  for (const [name, value] of Object.entries(edit.value)) {
    const attribute = findAttribute(edit.attribute.subAttributes ?? [], name);
    if (!attribute) throw scimRefusal('invalidPath', `There is no attribute ${edit.path}.${name.slice(0, 100)}.`, edit.path);
    if (attribute.mutability !== 'readOnly') setMember(merged, { ...edit, attribute, value, path: `${edit.path}.${attribute.name}` });
  }
  return merged;
}

function edited(existing: unknown, edit: Edit): unknown {
  if (edit.attribute.multiValued) return editMultiValued(asArray(existing), edit);
  if (edit.op === 'remove' || edit.value === null) return undefined;
  if (edit.attribute.type === 'complex') return editComplex(asObject(existing), edit);
  return coerceAttribute(edit.attribute, edit.value, edit.path);
}

function isUnassigned(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

/** RFC 7644 §3.5.2: a readOnly attribute is not written, a required one not removed, an immutable one set once. */
function setMember(container: Values, edit: Edit): void {
  const { attribute, path } = edit;
  const before = container[attribute.name];
  if (attribute.mutability === 'readOnly') {
    if (edit.op !== 'remove' && isDeepStrictEqual(before, edit.value)) return;
    throw mutability(path, 'is read-only');
  }
  const after = edited(before, edit);
  if (attribute.mutability === 'immutable' && before !== undefined && !isDeepStrictEqual(before, after))
    throw mutability(path, 'is set once and never changed');
  if (!isUnassigned(after)) {
    container[attribute.name] = after;
    return;
  }
  if (attribute.required) throw mutability(path, 'is required');
  delete container[attribute.name];
}

/** The value that `type eq "work"` and conjunctions of such describe, for an add that finds none (Entra relies on it). */
function describedBy(filter: ScimFilter): Values | undefined {
  if (filter.op === 'eq')
    return { [filter.target.attribute.name]: filter.value instanceof Date ? filter.value.toISOString() : filter.value };
  if (filter.op !== 'and') return undefined;
  const parts = filter.filters.map(describedBy);
  return parts.includes(undefined) ? undefined : Object.assign({}, ...parts);
}

function editedElement(element: unknown, { op, target, value }: PatchOperation): unknown {
  const { attribute, subAttribute, path } = target;
  if (subAttribute) {
    const copy: Values = { ...asObject(element) };
    setMember(copy, { op, attribute: subAttribute, value, path });
    return Object.keys(copy).length > 0 ? copy : undefined;
  }
  if (op === 'remove') return undefined;
  if (op === 'replace' || attribute.type !== 'complex') return coerceOne(attribute, value, path);
  return editComplex(asObject(element), { op, attribute, value, path });
}

function editElements(elements: readonly unknown[], operation: PatchOperation): readonly unknown[] {
  const {
    op,
    target: { attribute, filter, path },
  } = operation;
  const isComplex = attribute.type === 'complex';
  const isMatch = (element: unknown): boolean => !filter || matchesFilter(filter, isComplex ? asObject(element) : { value: element });
  if (elements.some(isMatch)) {
    return elements
      .map((element) => (isMatch(element) ? editedElement(element, operation) : element))
      .filter((element) => element !== undefined);
  }
  const seed = op === 'add' && isComplex && filter ? describedBy(filter) : undefined;
  if (!seed) throw scimRefusal('noTarget', `${path} has no value that the path selects.`, 'path');
  return assertFew([...elements, editedElement(seed, operation)], attribute, path);
}

/** Setting one value primary makes the others not primary (RFC 7644 §3.5.2). Values an operation touched are new objects. */
function withOnePrimary(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  const isPrimary = (value: unknown): boolean => asObject(value)['primary'] === true;
  const isNew = (value: unknown): boolean => !before.includes(value);
  if (!after.some((value) => isPrimary(value) && isNew(value))) return after;
  return after.map((value) => (isPrimary(value) && !isNew(value) ? { ...asObject(value), primary: false } : value));
}

function applyOperation(container: Values, operation: PatchOperation): void {
  const {
    op,
    value,
    target: { attribute, subAttribute, filter, path },
  } = operation;
  const existing = container[attribute.name];
  if (attribute.multiValued && (filter || subAttribute)) {
    if (attribute.mutability === 'readOnly' || attribute.mutability === 'immutable') throw mutability(path, `is ${attribute.mutability}`);
    const values = editElements(asArray(existing), operation);
    if (values.length === 0 && attribute.required) throw mutability(path, 'is required');
    container[attribute.name] = values;
  } else if (subAttribute) {
    if (attribute.mutability === 'readOnly') throw mutability(path, 'is read-only');
    const copy: Values = { ...asObject(existing) };
    setMember(copy, { op, attribute: subAttribute, value, path });
    container[attribute.name] = copy;
  } else {
    setMember(container, { op, attribute, value, path });
  }
  const after = container[attribute.name];
  if (Array.isArray(after)) container[attribute.name] = withOnePrimary(asArray(existing), after);
  if (isUnassigned(container[attribute.name]) || isDeepStrictEqual(container[attribute.name], {})) delete container[attribute.name];
}

/** A copy of what the definitions know: what a store adds of its own is not for clients to keep or refuse. */
function definedPart(attributes: readonly ScimAttribute[], values: ScimInput): Values {
  const part: Values = {};
  for (const { name, subAttributes } of attributes) {
    const value = values[name];
    if (value === undefined || value === null) continue;
    const one = (each: unknown): unknown => (subAttributes ? definedPart(subAttributes, asObject(each)) : each);
    part[name] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return part;
}

function definedResource(type: ScimDescription, current: ScimResource): Values {
  const patched = definedPart(topAttributes(type), current);
  for (const { urn, attributes } of type.extensions) if (isObject(current[urn])) patched[urn] = definedPart(attributes, current[urn]);
  return patched;
}

/**
 * A resource as a PATCH makes it (RFC 7644 §3.5.2), all operations or none; `current` is left as it is. The result still holds
 * readOnly attributes and is checked as a whole by `acceptRepresentation`. 400 with scimType `mutability`, `noTarget`,
 * `invalidPath`, `invalidFilter`, `invalidValue`, `invalidSyntax`; 413 beyond 100 operations.
 */
export function applyPatch(type: ScimDescription, current: ScimResource, body: unknown): Readonly<Record<string, unknown>> {
  const patched = definedResource(type, current);
  for (const operation of parsePatch(type, body)) {
    const { extension } = operation.target;
    if (extension === undefined) {
      applyOperation(patched, operation);
      continue;
    }
    const container: Values = { ...asObject(patched[extension]) };
    applyOperation(container, operation);
    if (Object.keys(container).length > 0) patched[extension] = container;
    else delete patched[extension];
  }
  return patched;
}

function assertUnchanged(attributes: readonly ScimAttribute[], before: ScimInput, after: ScimInput): void {
  for (const attribute of attributes) {
    const [old, now] = [before[attribute.name], after[attribute.name]];
    if (attribute.mutability === 'immutable' && old !== undefined && !isDeepStrictEqual(old, now))
      throw mutability(attribute.name, 'is set once and never changed');
    if (attribute.type === 'complex' && !attribute.multiValued && old !== undefined)
      assertUnchanged(attribute.subAttributes ?? [], asObject(old), asObject(now));
  }
}

/** Refuses a replacement that changes or drops an immutable attribute that has a value: 400 `mutability` (RFC 7644 §3.5.1). */
export function assertImmutableUnchanged(type: ScimDescription, current: ScimResource, input: ScimInput): void {
  assertUnchanged(topAttributes(type), current, input);
  for (const { urn, attributes } of type.extensions) assertUnchanged(attributes, asObject(current[urn]), asObject(input[urn]));
}

/** Whether a patched representation asks for nothing that the resource is not already (readOnly attributes aside). */
export function isSameRepresentation(type: ScimDescription, current: ScimInput, input: ScimInput): boolean {
  const strip = (attributes: readonly ScimAttribute[], values: ScimInput): Values =>
    Object.fromEntries(
      attributes
        .filter(({ mutability: kind, name }) => kind !== 'readOnly' && values[name] !== undefined)
        .map((attribute) => {
          const value = values[attribute.name];
          return [
            attribute.name,
            attribute.multiValued ? asArray(value).map((each) => writablePart(attribute, each)) : writablePart(attribute, value),
          ];
        }),
    );
  const isSame = (attributes: readonly ScimAttribute[], left: ScimInput, right: ScimInput): boolean =>
    isDeepStrictEqual(strip(attributes, left), strip(attributes, right));
  return (
    isSame(topAttributes(type), current, input) &&
    type.extensions.every(({ urn, attributes }) => isSame(attributes, asObject(current[urn]), asObject(input[urn])))
  );
}
