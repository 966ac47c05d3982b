/** The types of RFC 7643 §2.3. */
export type ScimAttributeType = 'string' | 'boolean' | 'decimal' | 'integer' | 'dateTime' | 'binary' | 'reference' | 'complex';

/** One attribute definition as `/Schemas` prints it (RFC 7643 §7), plus two bounds of ours that are not printed. */
export interface ScimAttribute {
  readonly name: string;
  readonly type: ScimAttributeType;
  readonly description: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  readonly returned: 'always' | 'never' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  /** Enforced: a value outside the list is refused. Leave it out where the list is only a suggestion. */
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly ScimAttribute[];
  /** Most characters in a string, reference or binary value; 4,096 when absent. */
  readonly maxLength?: number;
  /** Most values of a multi-valued attribute; 1,000 when absent. */
  readonly maxValues?: number;
}

/** A schema a resource is made of: its core schema or an extension (RFC 7643 §7). */
export interface ScimSchema {
  readonly urn: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly ScimAttribute[];
}

/** RFC 7643 §3.1, without what the room adds itself: `resourceType` and `location`. Times are RFC 3339, `version` a weak ETag. */
export interface ScimMeta {
  readonly created: string;
  readonly lastModified: string;
  readonly version: string;
}

/** A stored resource as plain SCIM JSON; attributes of an extension sit in an object under its URN. */
export interface ScimResource {
  readonly id: string;
  readonly meta: ScimMeta;
  readonly [attribute: string]: unknown;
}

/**
 * What a client wants a resource to be: validated, names in the spelling of the definitions, nothing readOnly, nothing
 * unknown, unassigned attributes absent.
 */
export type ScimInput = Readonly<Record<string, unknown>>;

/** The part of a resource type that describes it; what the pure files of this room take. */
export interface ScimDescription {
  /** `Agent`: also `meta.resourceType`. */
  readonly name: string;
  readonly schema: ScimSchema;
  readonly extensions: readonly (ScimSchema & { readonly required: boolean })[];
  /** Extensions that mean the resource type by themselves: their clients send no `schemas`, or not the core one. */
  readonly impliedBy?: readonly string[];
}

/** An attribute definition from its name, type and what differs from the defaults of RFC 7643 §2.2. */
export function scimAttribute(
  name: string,
  type: ScimAttributeType,
  rest: Partial<Omit<ScimAttribute, 'name' | 'type'>> = {},
): ScimAttribute {
  const exact = type === 'reference' || type === 'binary';
  return {
    name,
    type,
    description: '',
    multiValued: false,
    required: false,
    caseExact: exact,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...rest,
  };
}

/** `meta.version` and the ETag header for a stored version (RFC 7644 §3.14, RFC 9110 §8.8.3): weak, because rendering varies. */
export function weakEtag(version: string | number): string {
  return `W/"${String(version).replace(/[^\x21\x23-\x7e]/g, '')}"`;
}

const readOnly = { mutability: 'readOnly' } as const;

/** The attributes every resource has (RFC 7643 §3 and §3.1); no schema lists them. */
export const commonAttributes: readonly ScimAttribute[] = [
  scimAttribute('schemas', 'reference', { ...readOnly, multiValued: true, returned: 'always' }),
  scimAttribute('id', 'string', { ...readOnly, caseExact: true, returned: 'always', uniqueness: 'server' }),
  scimAttribute('externalId', 'string', { caseExact: true, maxLength: 512 }),
  scimAttribute('meta', 'complex', {
    ...readOnly,
    subAttributes: [
      scimAttribute('resourceType', 'string', { ...readOnly, caseExact: true }),
      scimAttribute('created', 'dateTime', readOnly),
      scimAttribute('lastModified', 'dateTime', readOnly),
      scimAttribute('location', 'reference', readOnly),
      scimAttribute('version', 'string', { ...readOnly, caseExact: true }),
    ],
  }),
];
