import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  builtInDetailTypes,
  covers,
  type DetailTypeDefinition,
  type JsonObject,
  type JsonValue,
  mcpToolCall,
  type MemberSchema,
} from '../../src/authorization-details/index.ts';
import { faultOfChange } from '../../src/authorization-details/definition-change.ts';
import { createCompiler } from '../../src/authorization-details/registry.ts';
import { actsOf, permits } from './acts.ts';
import { detailsOf } from './detail-arbitraries.ts';
import { randomType } from './random-types.ts';

const before: DetailTypeDefinition = {
  type: 'room_booking',
  title: 'Book rooms',
  headline: { counted: 'rooms', one: 'Book {items}', many: 'Book {count} rooms' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'room_booking' },
      rooms: { type: 'array', items: { type: 'string', enum: ['blue', 'red'] }, maxItems: 5, uniqueItems: true, 'x-narrowing': 'subset' },
      extras: { type: 'array', items: { type: 'string', enum: ['tea'] }, 'x-narrowing': 'subset', 'x-absent': 'nothing' },
      floors: { type: 'array', items: { type: 'string', enum: ['1', '2'] }, 'x-narrowing': 'subset' },
      hours: { type: 'integer', minimum: 1, maximum: 8, 'x-narrowing': 'upperBound', 'x-label': 'Length' },
      guests: { type: 'object', additionalProperties: { type: 'integer', 'x-narrowing': 'upperBound' } },
    },
    required: ['type', 'rooms'],
    additionalProperties: false,
  },
};

function changed(edit: (properties: Record<string, MemberSchema>) => object): DetailTypeDefinition {
  const properties = structuredClone(before.schema.properties) as Record<string, MemberSchema>;
  const more = edit(properties);
  return { ...before, schema: { ...before.schema, properties, ...more } };
}

const withMember = (name: string, schema: object) =>
  changed((properties) => {
    properties[name] = { ...properties[name], ...schema } as MemberSchema;
    return {};
  });

/** A copy with one of its parts replaced: the path goes down by turns, and ends where there is nothing below. */
function replaced(value: JsonValue, [turn, ...rest]: readonly number[], part: JsonValue): JsonValue {
  if (turn === undefined || typeof value !== 'object' || value === null || Object.keys(value).length === 0) return part;
  const names = Object.keys(value);
  const name = names[turn % names.length] ?? '';
  const members = Object.entries(value).map(
    ([key, member]) => [key, key === name ? replaced(member as JsonValue, rest, part) : member] as const,
  );
  return Array.isArray(value) ? members.map(([, member]) => member as JsonValue) : (Object.fromEntries(members) as JsonObject);
}

describe('a type that is in use keeps its meaning', () => {
  test.each<[string, DetailTypeDefinition]>([
    ['nothing', before],
    ['words', { ...before, title: 'Reserve rooms', headline: { counted: 'rooms', one: 'Reserve {items}', many: 'Reserve {items}' } }],
    ['a label and a phrase', withMember('hours', { 'x-label': 'Hours', 'x-phrase': 'for {value}' })],
    ['an example', { ...before, example: { type: 'room_booking', rooms: ['blue'] } }],
    ['a larger maximum', withMember('hours', { maximum: 24 })],
    ['no maximum', withMember('hours', { maximum: undefined })],
    ['a new optional member', withMember('purpose', { type: 'string' })],
    ['more values of what must be named', withMember('rooms', { items: { type: 'string', enum: ['blue', 'red', 'green'] } })],
    ['more values of what is nothing when it is not named', withMember('extras', { items: { type: 'string', enum: ['tea', 'cake'] } })],
    ['lists that may hold a value twice', withMember('rooms', { uniqueItems: undefined })],
  ])('allows %s', (_, after) => {
    expect(faultOfChange(before, after)).toBeUndefined();
  });

  test.each<[string, DetailTypeDefinition, string]>([
    ['another name', { ...before, type: 'rooms' }, '/type'],
    ['a smaller maximum', withMember('hours', { maximum: 4 }), '/schema/properties/hours/maximum'],
    ['a larger minimum', withMember('hours', { minimum: 2 }), '/schema/properties/hours/minimum'],
    ['a limit where there was none', withMember('hours', { minLength: 1 }), '/schema/properties/hours/minLength'],
    ['the opposite rule', withMember('hours', { 'x-narrowing': 'lowerBound' }), '/schema/properties/hours/x-narrowing'],
    ['another meaning of absence', withMember('hours', { 'x-absent': 'nothing' }), '/schema/properties/hours/x-absent'],
    ['a counter where there was none', withMember('hours', { 'x-counted': true }), '/schema/properties/hours/x-counted'],
    ['another kind of value', withMember('hours', { type: 'number' }), '/schema/properties/hours/type'],
    ['an annotation nobody knows yet', withMember('hours', { 'x-future': 1 }), '/schema/properties/hours/x-future'],
    ['a member less', changed(({ hours: _, ...properties }) => ({ properties })), '/schema/properties/hours'],
    ['one more required member', changed(() => ({ required: ['type', 'rooms', 'hours'] })), '/schema/required'],
    ['a value less', withMember('rooms', { items: { type: 'string', enum: ['blue'] } }), '/schema/properties/rooms/items/enum'],
    [
      'more values of what is unlimited when it is not named',
      withMember('floors', { items: { type: 'string', enum: ['1', '2', '3'] } }),
      '/schema/properties/floors/items/enum',
    ],
    [
      'a name that a map may hold already',
      withMember('guests', { properties: { adults: { type: 'integer', 'x-narrowing': 'lowerBound' } } }),
      '/schema/properties/guests/properties/adults',
    ],
    ['a map that is closed', withMember('guests', { additionalProperties: false }), '/schema/properties/guests/additionalProperties'],
  ])('refuses %s, naming the place', (_, after, path) => {
    expect(faultOfChange(before, after)).toEqual({ path, message: expect.any(String) });
  });

  test('every change that is allowed leaves every detail valid, every comparison as it was, and no act more', () => {
    const compile = createCompiler();
    const edits: readonly ((member: MemberSchema) => MemberSchema | undefined)[] = [
      () => undefined,
      (member) => ({ ...member, 'x-label': 'Label' }),
      ({ 'x-absent': _, ...member }) => member,
      (member) => ({ ...member, 'x-absent': 'nothing' }),
      (member) => ({ ...member, 'x-narrowing': 'equal' }),
      (member) => ({ ...member, minItems: 2, minimum: 5, minLength: 2 }),
      ({ minimum: _, minLength: _less, maxLength: _more, ...member }) => member,
      ({ items, ...member }) => (items === undefined ? member : { ...member, items: { ...items, enum: ['read', 'pay', 'send', 'drop'] } }),
    ];
    const types = fc.constantFrom(...fc.sample(randomType, 25));
    const cases = types.chain((type) => {
      const { properties = {}, required = [] } = type.definition.schema;
      const name = fc.constantFrom(...Object.keys(properties).filter((each) => each !== 'type'));
      const edited = fc.tuple(name, fc.constantFrom(...edits), fc.boolean()).map(([at, edit, isAdded]) => {
        const { [at]: member = {}, ...others } = properties;
        const next = edit(member);
        const own = {
          ...others,
          ...(next === undefined ? {} : { [at]: next }),
          ...(isAdded ? { added: { type: 'string' } as const } : {}),
        };
        const kept = required.filter((each) => Object.hasOwn(own, each));
        return { ...type.definition, schema: { ...type.definition.schema, properties: own, required: kept } };
      });
      const two = fc.tuple(detailsOf(type), detailsOf(type));
      return fc.record({ type: fc.constant(type), after: edited, two, act: actsOf(type.definition.schema) });
    });
    let allowed = 0;
    fc.assert(
      fc.property(cases, ({ type, after, two: [a, b], act }) => {
        if (faultOfChange(type.definition, after) !== undefined) return;
        const next = compile(after);
        allowed += 1;
        expect([next.faultOf(a), next.faultOf(b)]).toEqual([undefined, undefined]);
        expect(covers(a, b, next)).toEqual(covers(a, b, type));
        expect(permits(after.schema, a, act)).toBe(permits(type.definition.schema, a, act));
      }),
      { numRuns: 400 },
    );
    expect(allowed).toBeGreaterThan(20);
  });

  test('whatever is made of a definition is a type, or a refusal that names a place; and no detail breaks it', () => {
    const compile = createCompiler();
    const fragments = fc.constantFrom<JsonValue>('Label', 5, true, { type: 'string' }, { type: 'integer', 'x-narrowing': 'upperBound' });
    const parts = fc.oneof(fc.jsonValue(), fragments);
    const broken = fc.tuple(fc.constantFrom(...builtInDetailTypes), fc.array(fc.nat(), { maxLength: 6 }), parts);
    const made = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...builtInDetailTypes),
      broken.map(([definition, path, value]) => replaced(definition as unknown as JsonValue, path, value as JsonValue)),
    );
    let types = 0;
    fc.assert(
      fc.property(made, fc.jsonValue(), (input, detail) => {
        try {
          const type = compile(input);
          types += 1;
          expect(type.faultOf(detail as JsonObject)).toBeDefined();
          expect(faultOfChange(type.definition, type.definition)).toBeUndefined();
        } catch (error) {
          expect(error).toMatchObject({ name: 'AppError', details: { member: expect.stringMatching(/^\//) } });
        }
      }),
      { numRuns: 300 },
    );
    expect(types).toBeGreaterThan(5);
  });

  test('a built-in type is compatible with itself', () => {
    expect(faultOfChange(mcpToolCall, structuredClone(mcpToolCall))).toBeUndefined();
  });
});
