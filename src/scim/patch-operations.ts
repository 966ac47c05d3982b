import { AppError } from '../platform/errors.ts';
import { type ScimAttributePath, findAttribute, findExtension, resolveAttributePath } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import { type ScimFilter, parseValueFilter } from './filter.ts';
import type { ScimDescription } from './schema.ts';
import { isObject } from './schema-validation.ts';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const maxOperations = 100;
const maxPathLength = 2500;
const valuePath = /^([^[\]]+)\[(.*)\](?:\.([\w$-]+))?$/s;

/** `attr`, `attr.sub`, `attr[filter]` or `attr[filter].sub`, resolved. */
export interface PatchTarget extends ScimAttributePath {
  readonly filter?: ScimFilter;
}

/** One change to one attribute. `value` is what the client sent, not yet checked. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly target: PatchTarget;
  readonly value: unknown;
}

function parseTarget(type: ScimDescription, text: string): PatchTarget {
  const invalidPath = (): Error => scimRefusal('invalidPath', `${text.slice(0, 200)} is no path in ${type.name}.`, 'path');
  if (text.length > maxPathLength) throw invalidPath();
  const [, name, filterText, subName] = valuePath.exec(text) ?? [undefined, text];
  const path = resolveAttributePath(type, name ?? text);
  if (!path || (path.subAttribute && path.attribute.type !== 'complex')) throw invalidPath();
  if (filterText === undefined) return path;
  if (path.subAttribute || !path.attribute.multiValued) throw invalidPath();
  const filter = parseValueFilter(path.attribute, filterText);
  if (subName === undefined) return { ...path, filter };
  const subAttribute = findAttribute(path.attribute.subAttributes ?? [], subName);
  if (!subAttribute) throw invalidPath();
  return { ...path, subAttribute, path: `${path.path}.${subAttribute.name}`, filter };
}

/** An object without a path, or for a whole extension, is one change per member (RFC 7644 §3.5.2.1; Entra puts paths in the names). */
function expand(type: ScimDescription, op: PatchOperation['op'], { value, prefix }: { value: unknown; prefix: string }): PatchOperation[] {
  if (!isObject(value)) throw scimRefusal('invalidValue', 'Without a path to an attribute, value is an object of attributes.', 'value');
  return Object.entries(value).flatMap(([name, each]) => {
    const extension = prefix === '' ? findExtension(type, name) : undefined;
    if (extension) return expand(type, op, { value: each, prefix: `${extension.urn}:` });
    // Which schemas apply follows from the attributes.
    if (prefix === '' && name.toLowerCase() === 'schemas') return [];
    return [{ op, target: parseTarget(type, `${prefix}${name}`), value: each }];
  });
}

function removeExtension(type: ScimDescription, urn: string): PatchOperation[] {
  const attributes = findExtension(type, urn)?.attributes ?? [];
  const removable = attributes.filter(({ mutability }) => mutability !== 'readOnly');
  return removable.map(({ name }) => ({ op: 'remove', target: parseTarget(type, `${urn}:${name}`), value: undefined }));
}

function parseOperation(type: ScimDescription, entry: unknown): PatchOperation[] {
  if (!isObject(entry)) throw scimRefusal('invalidSyntax', 'Each of Operations is an object.', 'Operations');
  const { op: opName, path, value } = entry as { op?: unknown; path?: unknown; value?: unknown };
  const op = typeof opName === 'string' ? opName.toLowerCase() : undefined;
  if (op !== 'add' && op !== 'replace' && op !== 'remove') throw scimRefusal('invalidSyntax', 'op is add, replace or remove.', 'op');
  if (path !== undefined && path !== null && typeof path !== 'string') throw scimRefusal('invalidPath', 'path is a string.', 'path');
  if (op !== 'remove' && value === undefined) throw scimRefusal('invalidValue', `${op} needs a value.`, 'value');
  const text = path ?? '';
  if (text === '' && op === 'remove') throw scimRefusal('noTarget', 'remove needs a path.', 'path');
  if (text === '') return expand(type, op, { value, prefix: '' });
  const extension = findExtension(type, text);
  if (extension) return op === 'remove' ? removeExtension(type, extension.urn) : expand(type, op, { value, prefix: `${extension.urn}:` });
  return [{ op, target: parseTarget(type, text), value }];
}

/**
 * The body of a PATCH (RFC 7644 §3.5.2) as changes to single attributes; at most 100 operations (413 beyond). Operation names
 * match in any case. 400 `invalidSyntax`, `invalidPath`, `invalidFilter`, `invalidValue`, or `noTarget` for a remove without path.
 */
export function parsePatch(type: ScimDescription, body: unknown): PatchOperation[] {
  if (!isObject(body)) throw scimRefusal('invalidSyntax', 'The body is a JSON object.');
  const { schemas, Operations: operations } = body as { schemas?: unknown; Operations?: unknown };
  if (!Array.isArray(schemas) || !schemas.includes(patchSchema))
    throw scimRefusal('invalidSyntax', `schemas contains ${patchSchema}.`, 'schemas');
  if (!Array.isArray(operations) || operations.length === 0)
    throw scimRefusal('invalidSyntax', 'Operations is an array of at least one operation.', 'Operations');
  if (operations.length > maxOperations) throw new AppError('too_large', `A PATCH has at most ${maxOperations} operations.`);
  return operations.flatMap((entry) => parseOperation(type, entry));
}
