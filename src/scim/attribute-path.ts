import { type ScimAttribute, type ScimDescription, type ScimSchema, commonAttributes } from './schema.ts';

/** A name a client wrote, resolved to what it means in one resource type. */
export interface ScimAttributePath {
  /** Canonical spelling: `owners`, `owners.value`, `urn:…:2.0:Agent:status` for an extension's attribute. */
  readonly path: string;
  /** The extension the attribute belongs to; absent for the core schema and the common attributes. */
  readonly extension?: string;
  readonly attribute: ScimAttribute;
  readonly subAttribute?: ScimAttribute;
}

/** What the innermost name of a path is: the sub-attribute if there is one. */
export function leafOf(path: ScimAttributePath): ScimAttribute {
  return path.subAttribute ?? path.attribute;
}

/** The sub-attributes of an attribute; the values of a simple multi-valued one are addressed as `value` (RFC 7643 §2.4). */
export function subAttributesOf(attribute: ScimAttribute): readonly ScimAttribute[] {
  if (attribute.subAttributes) return attribute.subAttributes;
  return attribute.multiValued ? [{ ...attribute, name: 'value', multiValued: false, required: true }] : [];
}

/** The definition whose name is `name` whatever its case (RFC 7643 §2.1), or undefined. */
export function findAttribute(attributes: readonly ScimAttribute[], name: string): ScimAttribute | undefined {
  const wanted = name.toLowerCase();
  return attributes.find((attribute) => attribute.name.toLowerCase() === wanted);
}

/** The extension whose URN is `urn` whatever its case (RFC 8141 §3.1 makes only parts of it case-insensitive; clients differ). */
export function findExtension(type: ScimDescription, urn: string): ScimSchema | undefined {
  const wanted = urn.toLowerCase();
  return type.extensions.find((extension) => extension.urn.toLowerCase() === wanted);
}

/** The attributes at the top of a resource: the common ones and those of its core schema. */
export function topAttributes(type: ScimDescription): readonly ScimAttribute[] {
  return [...commonAttributes, ...type.schema.attributes];
}

function resolveIn(attributes: readonly ScimAttribute[], text: string, extension?: string): ScimAttributePath | undefined {
  const [name = '', subName, ...more] = text.split('.');
  const attribute = findAttribute(attributes, name);
  if (!attribute || more.length > 0) return undefined;
  const prefix = extension === undefined ? '' : `${extension}:`;
  const at = { attribute, ...(extension === undefined ? {} : { extension }) };
  if (subName === undefined) return { path: `${prefix}${attribute.name}`, ...at };
  const subAttribute = findAttribute(subAttributesOf(attribute), subName);
  return subAttribute && { path: `${prefix}${attribute.name}.${subAttribute.name}`, ...at, subAttribute };
}

/**
 * Resolves `attr`, `attr.sub`, `<schema URN>:attr` and `<schema URN>:attr.sub` (RFC 7644 §3.10), names in any case.
 * Undefined when the resource type has no such attribute.
 */
export function resolveAttributePath(type: ScimDescription, text: string): ScimAttributePath | undefined {
  if (!text.includes(':')) return resolveIn(topAttributes(type), text);
  const lower = text.toLowerCase();
  if (lower.startsWith(`${type.schema.urn.toLowerCase()}:`)) return resolveIn(topAttributes(type), text.slice(type.schema.urn.length + 1));
  const extension = type.extensions.find(({ urn }) => lower.startsWith(`${urn.toLowerCase()}:`));
  return extension && resolveIn(extension.attributes, text.slice(extension.urn.length + 1), extension.urn);
}
