import type { ScimColumn, ScimColumns, ScimValueTable } from './filter-sql.ts';
import type { ScimAttribute, ScimDescription, ScimInput, ScimResource, ScimSchema } from './schema.ts';
import { weakEtag } from './schema.ts';
import { isObject } from './schema-validation.ts';

/**
 * One attribute with everything the server knows of it, in one place: how `/Schemas` prints it and input is checked
 * (`ScimAttribute`), where it is stored and so what a filter may ask (`column`, `columns`), how a record shows it (`show`), and
 * what a client's value means for the record (`take`). An attribute without `column` cannot be filtered by.
 */
export interface BoundAttribute<Shown, Wanted> extends ScimAttribute {
  readonly column?: ScimColumn | ScimValueTable;
  /** Where the sub-attributes of a complex attribute with one value are stored, by name. */
  readonly columns?: Readonly<Record<string, ScimColumn>>;
  /** The value as SCIM JSON; undefined, an empty list and an empty object are no value. */
  readonly show?: (shown: Shown) => unknown;
  /** Writes what a checked value means into the draft; undefined: it was cleared. Not called for readOnly attributes, nor for an absent writeOnly one. */
  readonly take?: (draft: Wanted, value: unknown) => void;
}

/** An attribute with its storage. */
export function bindAttribute<Shown, Wanted>(
  attribute: ScimAttribute,
  binding: Pick<BoundAttribute<Shown, Wanted>, 'column' | 'columns' | 'show' | 'take'>,
): BoundAttribute<Shown, Wanted> {
  return { ...attribute, ...binding };
}

/** What every resource has (RFC 7643 §3.1), of one record. */
export interface ResourceIdentity {
  readonly id: string;
  readonly externalId: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: number;
}

/** A schema whose attributes are bound to a store. */
export type BoundSchema<Shown, Wanted> = Omit<ScimSchema, 'attributes'> & {
  readonly attributes: readonly BoundAttribute<Shown, Wanted>[];
};

/**
 * A resource type, said once: its schemas with their storage. `Shown` is a record with what its presentation needs beside it,
 * `Wanted` what a client may change. Schema document, validation, filters, output and input are all derived from it.
 */
export interface ScimDefinition<Shown, Wanted> extends ScimDescription {
  readonly description: string;
  readonly endpoint: string;
  readonly schema: BoundSchema<Shown, Wanted>;
  readonly extensions: readonly (BoundSchema<Shown, Wanted> & { readonly required: boolean })[];
  readonly identity: (shown: Shown) => ResourceIdentity;
  /** Columns of `id`, `externalId`, `meta.created`, `meta.lastModified`. */
  readonly identityColumns: ScimColumns;
  /** What `take` fills: nothing wanted yet, but the identifier of the client, `externalId`, which all resources have. */
  readonly draft: (externalId: string | undefined) => Wanted;
}

type Bound = BoundAttribute<never, never>;
interface Section {
  readonly prefix: string;
  readonly urn: string | undefined;
  readonly attributes: readonly Bound[];
}

function sectionsOf<Shown, Wanted>({ schema, extensions }: Pick<ScimDefinition<Shown, Wanted>, 'schema' | 'extensions'>): Section[] {
  const core: Section = { prefix: '', urn: undefined, attributes: schema.attributes };
  return [core, ...extensions.map(({ urn, attributes }): Section => ({ prefix: `${urn}:`, urn, attributes }))];
}

/** Canonical attribute path → where it is stored, for `compileFilter` and `compileSort`. */
export function columnsOf<Shown, Wanted>(definition: ScimDefinition<Shown, Wanted>): ScimColumns {
  const columns = new Map<string, ScimColumn | ScimValueTable>(Object.entries(definition.identityColumns));
  for (const { prefix, attributes } of sectionsOf(definition)) {
    for (const { name, column, columns: parts } of attributes) {
      if (column !== undefined) columns.set(`${prefix}${name}`, column);
      for (const [part, stored] of Object.entries(parts ?? {})) columns.set(`${prefix}${name}.${part}`, stored);
    }
  }
  return Object.fromEntries(columns);
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);

function shownOf(attributes: readonly Bound[], shown: never): Record<string, unknown> {
  const values = attributes.map(({ name, show }) => [name, show?.(shown)] as const);
  return Object.fromEntries(values.filter(([, value]) => !isEmpty(value)));
}

/** A record as a SCIM resource. */
export function resourceOf<Shown, Wanted>(definition: ScimDefinition<Shown, Wanted>, shown: Shown): ScimResource {
  const { id, externalId, createdAt, updatedAt, version } = definition.identity(shown);
  const parts: Record<string, unknown> = {};
  for (const { urn, attributes } of sectionsOf(definition)) {
    const values = shownOf(attributes, shown as never);
    if (urn === undefined) Object.assign(parts, values);
    else if (Object.keys(values).length > 0) parts[urn] = values;
  }
  return {
    id,
    ...(externalId === undefined ? {} : { externalId }),
    ...parts,
    meta: { created: createdAt.toISOString(), lastModified: updatedAt.toISOString(), version: weakEtag(version) },
  };
}

/**
 * What a checked representation wants of the record: its values taken in the order of the definitions. What a client may write
 * and did not send is cleared (RFC 7644 §3.5.1); writeOnly attributes keep their value.
 */
export function wantedOf<Shown, Wanted>(definition: ScimDefinition<Shown, Wanted>, input: ScimInput): Wanted {
  const externalId = input['externalId'];
  const draft = definition.draft(typeof externalId === 'string' && externalId !== '' ? externalId : undefined);
  for (const { urn, attributes } of sectionsOf(definition)) {
    const part = urn === undefined ? input : input[urn];
    const values: ScimInput = isObject(part) ? part : {};
    for (const { name, mutability, take } of attributes) {
      const isKept = mutability === 'readOnly' || (mutability === 'writeOnly' && values[name] === undefined);
      if (!isKept) take?.(draft as never, values[name]);
    }
  }
  return draft;
}

/**
 * Names what a definition leaves open: attributes that a client may write and nothing takes, or that are returned and nothing
 * shows. A test asserts that there are none.
 */
export function unboundAttributes<Shown, Wanted>(definition: ScimDefinition<Shown, Wanted>): readonly string[] {
  return sectionsOf(definition).flatMap(({ prefix, attributes }) =>
    attributes
      .filter(({ mutability, returned, take, show }) => (mutability !== 'readOnly' && !take) || (returned !== 'never' && !show))
      .map(({ name }) => `${prefix}${name}`),
  );
}
