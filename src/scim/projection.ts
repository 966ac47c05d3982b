import { findExtension, resolveAttributePath, topAttributes } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import type { ScimAttribute, ScimDescription } from './schema.ts';

/** Which attributes a client wants (RFC 7644 §3.9): canonical paths and extension URNs. */
export type ScimSelection = { readonly kind: 'default' } | { readonly kind: 'only' | 'except'; readonly paths: ReadonlySet<string> };

const maxNames = 200;

/**
 * Reads `attributes` and `excludedAttributes`, lists of names in any case. Names the type does not have are skipped, because a
 * search over several types names attributes that only some have. Both at once, or over 200 names: 400 `invalidValue`.
 */
export function parseSelection(
  type: ScimDescription,
  wanted: { attributes?: readonly string[]; excludedAttributes?: readonly string[] },
): ScimSelection {
  const { attributes, excludedAttributes } = wanted;
  if (attributes && excludedAttributes) throw scimRefusal('invalidValue', 'Give attributes or excludedAttributes, not both.', 'attributes');
  const names = attributes ?? excludedAttributes;
  if (!names) return { kind: 'default' };
  if (names.length > maxNames) throw scimRefusal('invalidValue', `At most ${maxNames} attributes can be named.`, 'attributes');
  const paths = names.flatMap((name) => findExtension(type, name)?.urn ?? resolveAttributePath(type, name)?.path ?? []);
  return { kind: attributes ? 'only' : 'except', paths: new Set(paths) };
}

/** Whether a selection leaves an attribute in that is returned by default, by canonical path. */
export function shownBy(selection: ScimSelection): (path: string) => boolean {
  if (selection.kind === 'default') return () => true;
  const { kind, paths } = selection;
  return (path) => (kind === 'except' ? !paths.has(path) : paths.has(path) || [...paths].some((each) => each.startsWith(`${path}.`)));
}

interface Place {
  readonly selection: ScimSelection;
  readonly prefix: string;
  /** The client named something this attribute is part of. */
  readonly isNamed: boolean;
}

function projectValue(attribute: ScimAttribute, value: unknown, place: Place): unknown {
  if (!attribute.subAttributes) return value;
  const subAttributes = attribute.subAttributes;
  const one = (each: unknown): unknown => projectObject(subAttributes, Object(each), place);
  return Array.isArray(value) ? value.map(one) : one(value);
}

function isNamedBelow(selection: ScimSelection, path: string): boolean {
  return selection.kind === 'only' && [...selection.paths].some((each) => each.startsWith(`${path}.`));
}

function mayReturn(attribute: ScimAttribute, { selection, isNamed }: Place, path: string): boolean {
  if (attribute.returned === 'never') return false;
  if (attribute.returned === 'always') return true;
  if (selection.kind === 'only')
    return selection.paths.has(path) || isNamedBelow(selection, path) || (isNamed && attribute.returned === 'default');
  return attribute.returned === 'default' && !(selection.kind === 'except' && selection.paths.has(path));
}

function projectObject(
  attributes: readonly ScimAttribute[],
  values: Readonly<Record<string, unknown>>,
  place: Place,
): Record<string, unknown> {
  const projected: Record<string, unknown> = {};
  for (const attribute of attributes) {
    const value = values[attribute.name];
    const path = `${place.prefix}${attribute.name}`;
    if (value === undefined || value === null || !mayReturn(attribute, place, path)) continue;
    const { selection } = place;
    const isNamed = place.isNamed || attribute.returned === 'always' || (selection.kind === 'only' && selection.paths.has(path));
    projected[attribute.name] = projectValue(attribute, value, { selection, prefix: `${path}.`, isNamed });
  }
  return projected;
}

/**
 * The part of a representation that goes to the client (RFC 7644 §3.9, RFC 7643 §7 `returned`). Only defined attributes leave:
 * what a store adds beyond its definitions stays here.
 */
export function project(
  type: ScimDescription,
  document: Readonly<Record<string, unknown>>,
  selection: ScimSelection,
): Record<string, unknown> {
  const projected = projectObject(topAttributes(type), document, { selection, prefix: '', isNamed: false });
  for (const { urn, attributes } of type.extensions) {
    const isNamed = selection.kind === 'only' && selection.paths.has(urn);
    if (selection.kind === 'except' && selection.paths.has(urn)) continue;
    const extension = projectObject(attributes, Object(document[urn] ?? {}), { selection, prefix: `${urn}:`, isNamed });
    if (Object.keys(extension).length > 0) projected[urn] = extension;
  }
  return projected;
}
