/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [member: string]: JsonValue;
}

/** One element of `authorization_details` (RFC 9396 §2): `type` names what the other members mean. */
export interface AuthorizationDetail extends JsonObject {
  readonly type: string;
}

/**
 * How a member may change from a granted detail to one derived from it:
 * `upperBound` and `lowerBound` numbers, decimal strings or times that may only fall or rise · `subset` lists of scalars ·
 * `prefix` a text, or a list of texts, each inside a granted one · `equal` unchanged · `window` an object with the times `from`
 * and `until`, inside the granted window · `optionalConstraint` an object whose members each narrow by their own rule · `budget` the member that `x-budget` annotates.
 */
export type Narrowing = 'upperBound' | 'lowerBound' | 'subset' | 'prefix' | 'equal' | 'window' | 'optionalConstraint' | 'budget';

/** The JSON types a member may have. */
export type MemberType = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';

/** Formats of strings we know how to check without a regular expression from outside. */
export type MemberFormat =
  | 'account-number'
  | 'amount'
  | 'argument-name'
  | 'currency'
  | 'date-time'
  | 'decimal'
  | 'path-pattern'
  | 'resource-uri';

/**
 * The part of JSON Schema 2020-12 that describes a member, plus our annotations. It is closed: no `pattern`, no `$ref`, no
 * combinators, so that a type that an administrator registers can neither loop nor backtrack.
 */
export interface MemberSchema {
  readonly type?: MemberType | readonly MemberType[];
  readonly const?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly format?: MemberFormat;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: MemberSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: { readonly [name: string]: MemberSchema };
  readonly required?: readonly string[];
  readonly additionalProperties?: false | MemberSchema;
  readonly propertyNames?: { readonly format: MemberFormat };
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** Default: `optionalConstraint` for an object, `equal` for everything else. */
  readonly 'x-narrowing'?: Narrowing;
  /** What a grant without this member means: no limit (default), or nothing of it. */
  readonly 'x-absent'?: 'unlimited' | 'nothing';
  /** A number that is used up: a granted detail that has it feeds at most one derived detail, so that it cannot be doubled. */
  readonly 'x-counted'?: true;
  /** The object limits one value by `equals`, `oneOf`, `min`, `max`, `prefix`, all of which must hold. */
  readonly 'x-value-constraint'?: true;
  /** The object is an amount of money: `amount` and `currency`. */
  readonly 'x-money'?: true;
  /** The object is a budget: used up at the server, by everything that was derived from the grant together (budget.ts). */
  readonly 'x-budget'?: { readonly taken: 'receipt' | 'issue'; readonly each?: string };
  /** The name of the member for a human. Without it the member is shown under the name it has in the detail. */
  readonly 'x-label'?: string;
  /** The sentence around the value, `{value}` standing for it. */
  readonly 'x-phrase'?: string;
  /** What a number counts, as it stands behind one and behind any other number: `row`, `rows`. */
  readonly 'x-unit'?: { readonly one: string; readonly many: string };
}

/** A type of authorization detail, as data: what it may hold, how it narrows, how it reads. */
export interface DetailTypeDefinition {
  readonly type: string;
  /** What it is called in a list of types. */
  readonly title: string;
  /**
   * One line for a human: `{items}` and `{count}` of the member `counted`, `{resource}` the name of the resource server, and any
   * member that every detail of the type has, by its name. `one` when there is one item, else `many`.
   */
  readonly headline: { readonly counted: string; readonly one: string; readonly many: string };
  readonly schema: MemberSchema;
  /** A detail of this type, for people who want to write one. */
  readonly example?: JsonObject;
}

/** What a check says about one detail: nothing, or the place (JSON Pointer, relative to the detail) and a sentence. */
export type Fault = { readonly path: string; readonly message: string };

/** A compiled type: its definition and its checker. */
export interface DetailType {
  readonly definition: DetailTypeDefinition;
  /** The first thing wrong with `detail`, or undefined. Pure; checks schema and contradictions, not size (validation.ts). */
  readonly faultOf: (detail: JsonObject) => Fault | undefined;
}

/** The types this server knows. What they are may change while it runs: ask anew each time. */
export interface DetailTypes {
  /** The type, switched off or not, or undefined when nobody registered it: then the detail is refused (RFC 9396 §5). */
  readonly find: (type: string) => DetailType | undefined;
  /** Those a request may name, for `authorization_details_types_supported` (RFC 9396 §10), in the order of registration. */
  readonly names: readonly string[];
}

/** The rule by which a member narrows. */
export function narrowingOf(schema: MemberSchema): Narrowing {
  return schema['x-narrowing'] ?? (schema.type === 'object' ? 'optionalConstraint' : 'equal');
}

/** Whether every detail has this member at the top. */
export function isRequired(schema: MemberSchema, name: string): boolean {
  return schema.required?.includes(name) === true;
}

/** The schema of `name` inside an object schema, own members only (a member named `constructor` is a member). */
export function memberSchema(schema: MemberSchema, name: string): MemberSchema | undefined {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  return additionalProperties === false ? undefined : additionalProperties;
}

/** The own member `name` of a JSON object, or undefined. */
export function memberOf(value: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Whether a JSON value is an object (not null, not an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `path` with `name` appended, as a JSON Pointer fit for an `error_description` (RFC 6749 §5.2 allows neither quotes nor
 * backslashes nor anything beyond ASCII): what came from outside is cut and cleaned.
 */
export function pointer(path: string, name: string | number): string {
  return `${path}/${String(name)
    .slice(0, 64)
    .replace(/[^A-Za-z0-9_.$-]/g, '?')}`;
}
