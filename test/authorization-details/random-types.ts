import fc from 'fast-check';
import { createCompiler } from '../../src/authorization-details/registry.ts';
import type { DetailType, MemberSchema } from '../../src/authorization-details/index.ts';

const compile = createCompiler();

const absent = fc.constantFrom<'unlimited' | 'nothing'>('unlimited', 'nothing');
const ordered = fc.constantFrom<MemberSchema>(
  { type: 'integer', minimum: 1 },
  { type: 'string', format: 'amount' },
  { type: 'string', format: 'decimal' },
  { type: 'string', format: 'date-time' },
);
const lists = fc.constantFrom<MemberSchema>(
  { type: 'string', enum: ['read', 'pay', 'send'] },
  { type: 'string', maxLength: 20 },
  { type: 'string', format: 'resource-uri' },
);
const prefixes = fc.constantFrom<MemberSchema>(
  { type: 'string', minLength: 1 },
  { type: 'array', items: { type: 'string', minLength: 1 } },
  { type: 'array', items: { type: 'string', format: 'path-pattern' } },
);
const equals = fc.constantFrom<MemberSchema>({ type: 'string' }, { type: 'integer' }, { type: 'array', items: { type: 'string' } });
const edge: MemberSchema = { type: 'string', format: 'date-time' };
const window = fc
  .constantFrom<MemberSchema['properties']>({ from: edge, until: edge }, { from: edge }, { until: edge })
  .map((properties = {}): MemberSchema => ({ type: 'object', properties, additionalProperties: false, 'x-narrowing': 'window' }));

const leaf: fc.Arbitrary<MemberSchema> = fc.oneof(
  fc
    .tuple(ordered, fc.constantFrom<'upperBound' | 'lowerBound'>('upperBound', 'lowerBound'))
    .map(([schema, narrowing]) => ({ ...schema, 'x-narrowing': narrowing })),
  lists.map((items): MemberSchema => ({ type: 'array', items, 'x-narrowing': 'subset' })),
  prefixes.map((schema): MemberSchema => ({ ...schema, 'x-narrowing': 'prefix' })),
  equals.map((schema): MemberSchema => ({ ...schema, 'x-narrowing': 'equal' })),
  window,
);

function memberOf(depth: number): fc.Arbitrary<MemberSchema> {
  const plain = fc.tuple(leaf, absent).map(([schema, meaning]): MemberSchema => ({ ...schema, 'x-absent': meaning }));
  if (depth === 0) return plain;
  const inner = memberOf(depth - 1);
  return fc.oneof(
    { weight: 4, arbitrary: plain },
    { weight: 1, arbitrary: objectOf(inner) },
    {
      weight: 1,
      arbitrary: fc.tuple(inner, absent).map(
        ([member, meaning]): MemberSchema => ({
          type: 'object',
          additionalProperties: member,
          propertyNames: { format: 'argument-name' },
          'x-absent': meaning,
        }),
      ),
    },
  );
}

function objectOf(member: fc.Arbitrary<MemberSchema>): fc.Arbitrary<MemberSchema> {
  return fc
    .dictionary(fc.constantFrom('alpha', 'beta', 'gamma'), fc.tuple(member, fc.boolean()), { minKeys: 1, noNullPrototype: true })
    .map((members): MemberSchema => {
      const entries = Object.entries(members);
      return {
        type: 'object',
        properties: Object.fromEntries(entries.map(([name, [schema]]) => [name, schema])),
        required: entries.filter(([, [, isRequired]]) => isRequired).map(([name]) => name),
        additionalProperties: false,
      };
    });
}

/** Types that an administrator could have registered: every narrowing, nested twice, absence of either meaning. */
export const randomType: fc.Arbitrary<DetailType> = objectOf(memberOf(2)).map(({ properties = {}, required = [] }) =>
  compile({
    type: 'random',
    title: 'Random',
    headline: { counted: 'type', one: 'Do it at {resource}', many: 'Do it at {resource}' },
    schema: {
      type: 'object',
      properties: { type: { const: 'random' }, ...properties },
      required: ['type', ...required],
      additionalProperties: false,
    },
  }),
);
