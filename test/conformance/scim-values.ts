import { type ScimAttribute, scimAttribute } from '../../src/scim/index.ts';

/** An attribute as `/Schemas` prints it (RFC 7643 §7). */
export type AttributeDocument = Omit<ScimAttribute, 'maxLength' | 'maxValues' | 'subAttributes'> & {
  readonly subAttributes?: readonly AttributeDocument[];
};

/** What exists already, two of each, for attributes that name something. */
export interface RealThings {
  readonly people: readonly [string, string];
  readonly agents: readonly [string, string];
}

type Values = Readonly<Record<string, unknown>>;
type Maker = (turn: number, real: RealThings) => unknown;

const common = (name: string, type: ScimAttribute['type'], rest: Partial<ScimAttribute> = {}) =>
  scimAttribute(name, type, { caseExact: true, mutability: 'readOnly', ...rest });

/** The attributes that every resource has and no schema lists (RFC 7643 §3.1). */
export const commonAttributes: readonly AttributeDocument[] = [
  common('externalId', 'string', { mutability: 'readWrite', uniqueness: 'server' }),
  common('id', 'string', { returned: 'always', uniqueness: 'server' }),
  common('meta', 'complex', {
    subAttributes: [
      common('resourceType', 'string'),
      common('created', 'dateTime'),
      common('lastModified', 'dateTime'),
      common('location', 'reference'),
      common('version', 'string'),
    ],
  }),
];

const wso2 = 'urn:scim:wso2:agent:schema';
const behalf = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';
const oneOf = <Value>(pair: readonly [Value, Value], turn: number): Value => pair[turn % 2 === 0 ? 0 : 1];

/** Values that no characteristic tells: they name something, or a rule ties them together. By `<type> <path>`. */
const makers: Readonly<Record<string, Maker>> = {
  'Agent owners': (turn, { people }) => [{ value: oneOf(people, turn) }],
  'Agent parent': (turn, { agents }) => ({ value: oneOf(agents, turn) }),
  [`Agent ${behalf}:status`]: (turn) => oneOf(['active', 'suspended'], turn),
  [`Agent ${wso2}:Owner`]: (turn, { people }) => oneOf(people, turn),
  [`Agent ${wso2}:agentOwner`]: (turn, { people }) => oneOf(people, turn),
  'User userName': () => `${freshWord()}@acme.test`,
  'User emails': () => [{ value: `${freshWord()}@acme.test`, type: 'work' }],
  'User urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager': (turn, { people }) => ({ value: oneOf(people, turn) }),
  'User urn:ietf:params:scim:schemas:extension:behalf:2.0:User:successor': (turn, { people }) => ({ value: oneOf(people, turn) }),
  'Group members': (turn, { people }) => [{ value: oneOf(people, turn) }],
  'AgenticApplication agents': (turn, { agents }) => [{ value: oneOf(agents, turn), type: oneOf(['guest', 'owned'], turn) }],
};

/** What a resource has to have beside its required attributes so that each of the others can be set. */
const needed: Readonly<Record<string, (tested: string, real: RealThings) => Values>> = {
  Agent: (tested, { people }) => ({ [tested === 'displayName' ? 'name' : 'displayName']: freshWord(), owners: [{ value: people[0] }] }),
};

/** What is known of one type beyond its schemas. A type that is not named here may refuse to filter, and fall back to a default. */
interface Knowledge {
  /** Attributes that cannot be filtered by, as they are or in one of their parts. */
  readonly unfilterable: readonly string[];
  /** Attributes that have a value even when nobody gives one. */
  readonly defaulted: readonly string[];
  /** Multi-valued attributes that take one value. */
  readonly single: readonly string[];
  /** Attributes of the server's own that nothing in this test gives a value. */
  readonly unseen: readonly string[];
}

const knowledge: Readonly<Record<string, Knowledge>> = {
  Agent: {
    unfilterable: [
      'owners.$ref',
      'owners.display',
      'parent.$ref',
      'parent.display',
      'groups.$ref',
      'groups.display',
      'groups.type',
      'applications.$ref',
      'oAuthClientIdentifiers.issuer',
    ],
    defaulted: ['name', 'agentUserName', 'displayName', 'active', `${behalf}:status`, `${behalf}:riskLevel`, `${behalf}:autonomy`],
    single: ['owners'],
    unseen: ['groups'],
  },
  AgenticApplication: {
    unfilterable: ['agents.$ref', 'oAuthConfiguration.redirectUri'],
    defaulted: ['active'],
    single: [],
    unseen: [],
  },
};
const unfilterableMeta = ['meta.resourceType', 'meta.location', 'meta.version'];

/** Whether a path must, must not or may be refused in filters. */
export function filterability(type: string, path: string): 'yes' | 'no' | 'unknown' {
  const known = knowledge[type];
  if (known === undefined) return 'unknown';
  return [...known.unfilterable, ...unfilterableMeta].includes(path) ? 'no' : 'yes';
}

/** Whether an attribute may keep a value after it was removed. */
export function mayFallBack(type: string, path: string): boolean {
  return knowledge[type]?.defaulted.includes(path) ?? true;
}

/** Whether a multi-valued attribute takes one value only. */
export function takesOneValue(type: string, path: string): boolean {
  return knowledge[type]?.single.includes(path) ?? false;
}

/** Whether no resource may have a value of a readOnly attribute. */
export function mayBeUnseen(type: string, path: string): boolean {
  return knowledge[type]?.unseen.includes(path) ?? true;
}

let sequence = 0;
/** A word that no other resource of this run has. */
export function freshWord(): string {
  sequence += 1;
  return `w${process.pid.toString(36)}x${sequence.toString(36)}`;
}

function scalarOf({ name, type, canonicalValues }: AttributeDocument, turn: number): unknown {
  if (canonicalValues !== undefined) return canonicalValues[turn % canonicalValues.length];
  const word = `${name.replace(/\W/g, '')}-${turn}-${freshWord()}`;
  switch (type) {
    case 'boolean':
      return turn % 2 === 0;
    case 'integer':
      return (turn % 4) + 1;
    case 'decimal':
      return turn + 0.5;
    case 'dateTime':
      return `203${turn % 10}-01-31T12:00:00.000Z`;
    case 'reference':
      return `https://${word.toLowerCase()}.example/path`;
    case 'binary':
      return Buffer.from(word).toString('base64');
    default:
      return word;
  }
}

/** The parts of a complex attribute that a client writes. */
export function writableParts({ subAttributes = [] }: AttributeDocument): readonly AttributeDocument[] {
  return subAttributes.filter(({ mutability }) => mutability !== 'readOnly');
}

function singleOf(attribute: AttributeDocument, turn: number): unknown {
  if (attribute.type !== 'complex') return scalarOf(attribute, turn);
  const parts = attribute.mutability === 'readOnly' ? (attribute.subAttributes ?? []) : writableParts(attribute);
  return Object.fromEntries(parts.map((part) => [part.name, generated(part, turn)]));
}

function generated(attribute: AttributeDocument, turn: number): unknown {
  return attribute.multiValued ? [singleOf(attribute, turn)] : singleOf(attribute, turn);
}

/** A valid value from the characteristics of an attribute; another `turn` makes another value. */
export function valueFor(
  type: string,
  path: string,
  { attribute, turn, real }: { attribute: AttributeDocument; turn: number; real: RealThings },
) {
  const maker = makers[`${type} ${path}`];
  return maker === undefined ? generated(attribute, turn) : maker(turn, real);
}

/** Values of the wrong type, for each type (RFC 7643 §2.3). */
export function wrongValues(attribute: AttributeDocument): readonly unknown[] {
  const wrong: Readonly<Record<AttributeDocument['type'], readonly unknown[]>> = {
    string: [42, { a: 1 }, true],
    boolean: ['perhaps', 1],
    integer: ['ten', 1.5],
    decimal: ['ten', true],
    dateTime: ['yesterday', 1_700_000_000],
    reference: [42, { a: 1 }],
    binary: ['***', 42],
    complex: ['text', 42, { noSuchPart: 'x' }],
  };
  const each = [...wrong[attribute.type], ...(attribute.canonicalValues === undefined ? [] : ['none-of-the-list'])];
  return attribute.multiValued ? [...each.map((value) => [value]), 'no array'] : each;
}

/** The members of a new resource beside the attribute under test: what is required and what it needs to be settable. */
export function baseOf(
  { name, schema }: { readonly name: string; readonly schema: { readonly attributes: readonly AttributeDocument[] } },
  tested: string,
  real: RealThings,
): Values {
  const required = schema.attributes.filter((attribute) => attribute.required && attribute.mutability !== 'readOnly');
  const values = required.map((attribute) => [attribute.name, valueFor(name, attribute.name, { attribute, turn: 7, real })]);
  const { [tested]: _tested, ...rest } = { ...Object.fromEntries(values), ...needed[name]?.(tested, real) };
  return rest;
}
