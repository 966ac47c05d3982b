import { AppError } from '../platform/errors.ts';
import { encodeCursor } from './cursor.ts';
import { scimRefusal } from './errors.ts';
import { type ScimListRequest, cursorQuery, indexPage, toListQuery } from './list-request.ts';
import { applyPatch, assertImmutableUnchanged, isSameRepresentation } from './patch.ts';
import { assertIfMatch } from './preconditions.ts';
import { parseSelection, project } from './projection.ts';
import type { ScimPage, ScimResourceType } from './resource-type.ts';
import type { ScimDescription, ScimInput, ScimResource } from './schema.ts';
import { acceptRepresentation, assertSchemas, isObject } from './schema-validation.ts';

type Document = Readonly<Record<string, unknown>>;
type Wanted = Pick<ScimListRequest, 'attributes' | 'excludedAttributes'>;

/** A write to one resource: its id, the body, and the If-Match header as it came. */
export interface ScimChange {
  readonly id: string;
  readonly body: unknown;
  readonly ifMatch?: string | undefined;
}

const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const patchAttempts = 3;

/** A resource as clients see it: `schemas`, `meta.resourceType` and `meta.location` added, projected (RFC 7643 §3). */
export function presentResource(
  type: ScimDescription & { readonly endpoint: string },
  resource: ScimResource,
  { baseUrl, wanted }: { baseUrl: string; wanted: Wanted },
): Document {
  const extensions = type.extensions.map(({ urn }) => urn).filter((urn) => isObject(resource[urn]));
  const document = {
    ...resource,
    schemas: [type.schema.urn, ...extensions],
    meta: { ...resource.meta, resourceType: type.name, location: locationOf(type, resource.id, baseUrl) },
  };
  return project(type, document, parseSelection(type, wanted));
}

/** `meta.location` and the Location header of a resource (RFC 7644 §3.3). */
export function locationOf(type: { readonly endpoint: string }, id: string, baseUrl: string): string {
  return `${baseUrl}${type.endpoint}/${encodeURIComponent(id)}`;
}

/** The body of a POST or PUT as its resource type takes it. 400 as `assertSchemas` and `acceptRepresentation` refuse. */
export function acceptNew(type: ScimDescription, body: unknown): ScimInput {
  if (isObject(body)) assertSchemas(type, body);
  return acceptRepresentation(type, body);
}

/** POST (RFC 7644 §3.3). */
export async function createResource<Caller>(type: ScimResourceType<Caller>, body: unknown, caller: Caller): Promise<ScimResource> {
  return type.create(acceptNew(type, body), caller);
}

/** PUT (RFC 7644 §3.5.1). */
export async function replaceResource<Caller>(
  type: ScimResourceType<Caller>,
  { id, body, ifMatch }: ScimChange,
  caller: Caller,
): Promise<ScimResource> {
  const input = acceptNew(type, body);
  const current = await type.get(id, caller);
  if (ifMatch !== undefined) assertIfMatch(ifMatch, current.meta.version);
  assertImmutableUnchanged(type, current, input);
  return type.replace(id, { input, ...(ifMatch === undefined ? {} : { ifMatch: current.meta.version }) }, caller);
}

async function patchOnce<Caller>(type: ScimResourceType<Caller>, { id, body, ifMatch }: ScimChange, caller: Caller): Promise<ScimResource> {
  const current = await type.get(id, caller);
  if (ifMatch !== undefined) assertIfMatch(ifMatch, current.meta.version);
  const input = acceptRepresentation(type, applyPatch(type, current, body));
  if (isSameRepresentation(type, current, input)) return current;
  assertImmutableUnchanged(type, current, input);
  return type.replace(id, { input, ifMatch: current.meta.version, isPatched: true }, caller);
}

/**
 * PATCH (RFC 7644 §3.5.2): read, patch, replace at the version that was read. A client without If-Match does not care which
 * version it meets, so a lost race is tried again, three times in all, before it is a `conflict`.
 */
export async function patchResource<Caller>(type: ScimResourceType<Caller>, change: ScimChange, caller: Caller): Promise<ScimResource> {
  for (let attempt = 1; attempt <= patchAttempts; attempt += 1) {
    try {
      return await patchOnce(type, change, caller);
    } catch (error) {
      const isLostRace = error instanceof AppError && error.code === 'precondition_failed' && change.ifMatch === undefined;
      if (!isLostRace) throw error;
    }
  }
  throw new AppError('conflict', 'Others are changing this resource at the same time: try again.');
}

/** DELETE (RFC 7644 §3.6). */
export async function removeResource<Caller>(
  type: ScimResourceType<Caller>,
  { id, ifMatch }: Omit<ScimChange, 'body'>,
  caller: Caller,
): Promise<void> {
  if (ifMatch === undefined) return type.remove(id, {}, caller);
  const current = await type.get(id, caller);
  assertIfMatch(ifMatch, current.meta.version);
  return type.remove(id, { ifMatch: current.meta.version }, caller);
}

/** A list or search within one resource type as a ListResponse (RFC 7644 §3.4.2, RFC 9865 §2); cursors are good for `holder` alone. */
export async function listResources<Caller>(
  type: ScimResourceType<Caller>,
  { request, baseUrl, holder }: { request: ScimListRequest; baseUrl: string; holder: string },
  caller: Caller,
): Promise<Document> {
  const query = toListQuery(type, request, holder);
  parseSelection(type, request);
  const page = await type.list(query, caller);
  const resources = page.resources.map((resource) => presentResource(type, resource, { baseUrl, wanted: request }));
  const { page: asked } = query;
  return {
    schemas: [listSchema],
    ...(page.totalResults === undefined ? {} : { totalResults: page.totalResults }),
    ...(asked.by === 'index' ? { startIndex: asked.startIndex } : {}),
    itemsPerPage: resources.length,
    ...(asked.by === 'position' && page.nextPosition !== undefined
      ? { nextCursor: encodeCursor(page.nextPosition, cursorQuery(type, request, holder)) }
      : {}),
    Resources: resources,
  };
}

async function pageOfType<Caller>(type: ScimResourceType<Caller>, request: ScimListRequest, caller: Caller): Promise<ScimPage | AppError> {
  try {
    return await type.list(toListQuery(type, request, ''), caller);
  } catch (error) {
    // A type that lacks the attribute has no matching resources (RFC 7644 §3.4.2.1).
    const isForeign = error instanceof AppError && ['invalidFilter', 'invalidPath'].includes(error.details.scimType ?? '');
    if (isForeign) return error;
    throw error;
  }
}

/**
 * A search over all resource types (RFC 7644 §3.4.3), one type after the other; sorting is within a type, paging by index only.
 * A filter that no type understands is refused as the first type refuses it.
 */
export async function searchAll<Caller>(
  types: readonly ScimResourceType<Caller>[],
  { request, baseUrl }: { request: ScimListRequest; baseUrl: string },
  caller: Caller,
): Promise<Document> {
  if (request.cursor !== undefined) throw scimRefusal('invalidCursor', 'A search over all resource types pages by startIndex.', 'cursor');
  const { startIndex, count } = indexPage(request);
  const resources: Document[] = [];
  const refusals: AppError[] = [];
  let [skip, total] = [startIndex - 1, 0];
  for (const type of types) {
    const found = await pageOfType(type, { ...request, startIndex: skip + 1, count: count - resources.length }, caller);
    if (found instanceof AppError) {
      refusals.push(found);
      continue;
    }
    const matching = found.totalResults ?? found.resources.length;
    resources.push(...found.resources.map((resource) => presentResource(type, resource, { baseUrl, wanted: request })));
    total += matching;
    skip = Math.max(0, skip - matching);
  }
  if (refusals[0] && refusals.length === types.length) throw refusals[0];
  return { schemas: [listSchema], totalResults: total, startIndex, itemsPerPage: resources.length, Resources: resources };
}
