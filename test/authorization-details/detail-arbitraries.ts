import fc from 'fast-check';
import {
  type AuthorizationDetail,
  createDetailTypes,
  type DetailType,
  type JsonValue,
  type MemberSchema,
  validateDetails,
} from '../../src/authorization-details/index.ts';

export const detailTypes = createDetailTypes();

type Values = fc.Arbitrary<JsonValue>;

const subsetOf = (items: readonly string[]) => fc.subarray([...items], { minLength: 1 });
const decimal = fc
  .tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom('', '.5', '.50', '.05'))
  .map(([whole, fraction]) => `${whole}${fraction}`);
const bound = fc.oneof(fc.integer({ min: -20, max: 20 }), decimal);

/** Limits on one value, as `mcp_tool_call` has them for each argument. */
const constraint = fc.oneof(
  fc.record({ min: bound, max: bound, equals: bound }, { requiredKeys: ['max'], noNullPrototype: true }),
  fc.record(
    { prefix: fc.constantFrom('a', 'ab', 'abc'), oneOf: subsetOf(['a', 'ab', 'abc', 'abcd']) },
    { requiredKeys: ['prefix'], noNullPrototype: true },
  ),
  fc.record({ oneOf: subsetOf(['a', 'b', 'abc']) }, { noNullPrototype: true }),
);

/** One instant twice, in two time zones. */
export const instants = ['2026-05-01T00:00:00Z', '2026-05-01T02:00:00+02:00', '2026-05-02T00:00:00Z', '2026-05-03T00:00:00.500Z'];

const texts: { readonly [format: string]: readonly string[] } = {
  'account-number': ['DE89370400440532013000', 'AB1234'],
  'argument-name': ['amount', 'to'],
  currency: ['EUR', 'USD'],
  'date-time': instants,
  'path-pattern': ['/*', '/invoices/*', '/invoices', '/invoices/7', '/invoices/2026/*', '/people/*'],
  'resource-uri': ['https://mcp.example/a', 'https://mcp.example/b'],
};

const per = fc.constantFrom('day', 'week', 'month', 'total');
const budget = fc.oneof(
  fc.record({ amount: fc.constantFrom('0.30', '0.3', '5', '10.50', '200'), currency: fc.constant('EUR'), per }, { noNullPrototype: true }),
  fc.record({ count: fc.integer({ min: 1, max: 9 }), per }, { noNullPrototype: true }),
);

function textsOf({ enum: values, format }: MemberSchema): Values {
  if (values !== undefined) return fc.constantFrom(...values);
  if (format === 'amount' || format === 'decimal') return decimal;
  return fc.constantFrom(...((format && texts[format]) || ['a', 'ab', 'abc', 'b']));
}

/** Values that a member of this schema may have in a detail. */
export function limitsOf(schema: MemberSchema): Values {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema['x-value-constraint'] === true) return constraint;
  if (schema['x-budget'] !== undefined) return budget;
  if (schema.type === 'array') return fc.uniqueArray(limitsOf(schema.items ?? {}), { minLength: 1, maxLength: 3 });
  if (schema.type === 'object') return objectsOf(schema);
  return schema.type === 'integer' || schema.type === 'number' ? fc.integer({ min: 1, max: 9 }) : textsOf(schema);
}

function objectsOf({ properties = {}, required = [], additionalProperties }: MemberSchema): Values {
  const members = Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, limitsOf(member)]));
  const known = fc.record(members, { requiredKeys: [...required], noNullPrototype: true });
  if (typeof additionalProperties !== 'object') return known;
  const names = fc.constantFrom('amount', 'to');
  const others = fc.dictionary(names, limitsOf(additionalProperties), { minKeys: 1, noNullPrototype: true });
  return fc.tuple(known, others).map(([own, more]) => ({ ...more, ...own }));
}

/** Details of a type that its own check accepts: what contradicts itself is left out. */
export function detailsOf(type: DetailType): fc.Arbitrary<AuthorizationDetail> {
  return limitsOf(type.definition.schema)
    .map((detail) => JSON.parse(JSON.stringify(detail)) as AuthorizationDetail)
    .filter((detail) => type.faultOf(detail) === undefined);
}

/** Details of the built-in types that validation accepts. */
export const validDetail: fc.Arbitrary<AuthorizationDetail> = fc
  .oneof(...detailTypes.names.flatMap((name) => detailTypes.find(name) ?? []).map(detailsOf))
  .filter((detail) => validateDetails(detailTypes, [detail]).ok);

/** The compiled type of a detail. */
export function typeOf(detail: AuthorizationDetail) {
  const type = detailTypes.find(detail.type);
  if (type === undefined) throw new Error(`no type ${detail.type}`);
  return type;
}
