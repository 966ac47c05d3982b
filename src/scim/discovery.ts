import { AppError } from '../platform/errors.ts';
import { maxOperations, maxPayloadSize } from './bulk/request.ts';
import { defaultPageSize, maxPageSize } from './list-request.ts';
import type { ScimResourceType } from './resource-type.ts';
import type { ScimAttribute, ScimSchema } from './schema.ts';

type Document = Readonly<Record<string, unknown>>;
type Described = Pick<ScimResourceType<never>, 'name' | 'description' | 'endpoint' | 'schema' | 'extensions' | 'serviceProviderConfig'>;

const core = (name: string): string => `urn:ietf:params:scim:schemas:core:2.0:${name}`;

/** A ListResponse (RFC 7644 §3.4.2) that holds all of a short list. */
export function listOfAll(resources: readonly Document[]): Document {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: resources.length,
    startIndex: 1,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}

/** RFC 7643 §5 and RFC 9865 §4, with what the resource types add. */
export function serviceProviderConfig(types: readonly Described[], baseUrl: string): Document {
  const document: Record<string, unknown> = {
    schemas: [core('ServiceProviderConfig')],
    patch: { supported: true },
    bulk: { supported: true, maxOperations, maxPayloadSize },
    filter: { supported: true, maxResults: maxPageSize },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: { cursor: true, index: true, defaultPaginationMethod: 'index', defaultPageSize, maxPageSize },
    authenticationSchemes: [
      { type: 'oauthbearertoken', name: 'OAuth bearer token', description: 'RFC 6750, scopes scim:read and scim:write', primary: true },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${baseUrl}/ServiceProviderConfig` },
  };
  for (const [name, members] of types.flatMap((type) => Object.entries(type.serviceProviderConfig ?? {}))) {
    document[name] = { ...(document[name] as Document | undefined), ...members };
  }
  return document;
}

/** RFC 7643 §6. */
export function resourceTypeDocument(type: Described, baseUrl: string): Document {
  return {
    schemas: [core('ResourceType')],
    id: type.name,
    name: type.name,
    description: type.description,
    endpoint: type.endpoint,
    schema: type.schema.urn,
    schemaExtensions: type.extensions.map(({ urn, required }) => ({ schema: urn, required })),
    meta: { resourceType: 'ResourceType', location: `${baseUrl}/ResourceTypes/${type.name}` },
  };
}

/** Only what RFC 7643 §7 lists: a definition knows more, such as where a value is stored. */
function attributeDocument(attribute: ScimAttribute): Document {
  const { name, type, description, multiValued, required, caseExact, mutability, returned, uniqueness } = attribute;
  const { canonicalValues, referenceTypes, subAttributes } = attribute;
  return {
    ...{ name, type, description, multiValued, required, caseExact, mutability, returned, uniqueness },
    ...(canonicalValues === undefined ? {} : { canonicalValues }),
    ...(referenceTypes === undefined ? {} : { referenceTypes }),
    ...(subAttributes === undefined ? {} : { subAttributes: subAttributes.map(attributeDocument) }),
  };
}

/** RFC 7643 §7. */
export function schemaDocument(schema: ScimSchema, baseUrl: string): Document {
  return {
    schemas: [core('Schema')],
    id: schema.urn,
    name: schema.name,
    description: schema.description,
    attributes: schema.attributes.map(attributeDocument),
    meta: { resourceType: 'Schema', location: `${baseUrl}/Schemas/${schema.urn}` },
  };
}

/** Every schema of every type once, in the order of the types. */
export function schemasOf(types: readonly Described[]): readonly ScimSchema[] {
  const byUrn = new Map<string, ScimSchema>();
  for (const schema of types.flatMap((type) => [type.schema, ...type.extensions])) byUrn.set(schema.urn, schema);
  return [...byUrn.values()];
}

/** RFC 7644 §4: a filter on a discovery endpoint is refused with 403, so that clients do not take it for applied. */
export function assertUnfiltered(filter: unknown): void {
  if (filter !== undefined) throw new AppError('forbidden', 'Discovery endpoints take no filter.');
}
