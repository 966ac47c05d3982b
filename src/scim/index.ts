/**
 * SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865) without knowing any resource: filters, PATCH, bulk, validation, projection, versions,
 * paging and the wire format. It owns no data and decides no permission. A capability fills it with a `ScimResourceType` from its
 * `scim.ts` and compiles filters to SQL in its `store.ts`; `app.ts` gathers the types, and brings the guard and the body reader.
 */
import { type ScimDependencies, createScimRoutes } from './routes.ts';

export { resolveAttributePath } from './attribute-path.ts';
export { maxPayloadSize } from './bulk/request.ts';
export {
  bindAttribute,
  type BoundAttribute,
  type BoundSchema,
  columnsOf,
  resourceOf,
  type ScimDefinition,
  unboundAttributes,
  wantedOf,
} from './definition.ts';
export type { ScimColumn, ScimColumns, ScimValueTable } from './filter-sql.ts';
export { matchesFilter } from './filter-match.ts';
export type { ScimFilter, ScimSort } from './filter.ts';
export { scimErrorFormat, scimRefusal } from './errors.ts';
export { columnsInJson, textColumn, timeColumn } from './json-columns.ts';
export { scimAttribute, weakEtag } from './schema.ts';
export { acceptRepresentation } from './schema-validation.ts';
export { createListing, type ScimFound } from './store.ts';
export type { ScimCreated, ScimListQuery, ScimPage, ScimPrecondition, ScimResourceType } from './resource-type.ts';
export type { ScimAttribute, ScimInput, ScimMeta, ScimResource, ScimSchema } from './schema.ts';
export type { ScimDependencies, ScimScope } from './routes.ts';

function assertUnique(what: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names.map((each) => each.toLowerCase())) {
    if (seen.has(name)) throw new Error(`SCIM ${what} ${name} is contributed twice`);
    seen.add(name);
  }
}

const reserved = ['/ServiceProviderConfig', '/ResourceTypes', '/Schemas', '/Me', '/Bulk', '/.search'];

/**
 * The SCIM endpoint over the given resource types. Throws at start when two types share a name, endpoint or core schema, an
 * endpoint is reserved or malformed, or a schema defines an attribute twice or one that every resource has.
 */
export function createScim<Caller>(deps: ScimDependencies<Caller>): { readonly routes: ReturnType<typeof createScimRoutes<Caller>> } {
  const { resourceTypes } = deps;
  assertUnique(
    'resource type',
    resourceTypes.map(({ name }) => name),
  );
  assertUnique('endpoint', [...reserved, ...resourceTypes.map(({ endpoint }) => endpoint)]);
  assertUnique(
    'schema',
    resourceTypes.map(({ schema }) => schema.urn),
  );
  for (const { endpoint, schema, extensions } of resourceTypes) {
    if (!/^\/[A-Za-z][A-Za-z0-9]*$/.test(endpoint)) throw new Error(`SCIM endpoint ${endpoint} is not one path segment`);
    assertUnique('attribute', ['schemas', 'id', 'externalId', 'meta', ...schema.attributes.map(({ name }) => name)]);
    for (const extension of extensions)
      assertUnique(
        'attribute',
        extension.attributes.map(({ name }) => name),
      );
  }
  return { routes: createScimRoutes(deps) };
}
