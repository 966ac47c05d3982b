import { formats } from './formats.ts';

const count = { type: 'integer', minimum: 0, maximum: 1_000_000 };
const typeNames = { type: 'string', enum: ['string', 'number', 'integer', 'boolean', 'array', 'object'] };
const scalarValue = { type: ['string', 'number', 'boolean'] };
const format = { type: 'string', enum: Object.keys(formats) };
const text = { type: 'string', minLength: 1, maxLength: 120 };

/** The closed form of one member: every keyword that is not named here (`pattern`, `$ref`, `anyOf` …) is refused. */
const member = {
  type: 'object',
  properties: {
    type: { anyOf: [typeNames, { type: 'array', items: typeNames, minItems: 1, maxItems: 4, uniqueItems: true }] },
    const: scalarValue,
    enum: { type: 'array', items: scalarValue, minItems: 1, maxItems: 100, uniqueItems: true },
    format,
    minLength: count,
    maxLength: count,
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    items: { $ref: '#/$defs/member' },
    minItems: count,
    maxItems: count,
    uniqueItems: { type: 'boolean' },
    properties: {
      type: 'object',
      additionalProperties: { $ref: '#/$defs/member' },
      propertyNames: { format: 'argument-name' },
      maxProperties: 32,
    },
    required: { type: 'array', items: text, maxItems: 32, uniqueItems: true },
    additionalProperties: { anyOf: [{ const: false }, { $ref: '#/$defs/member' }] },
    propertyNames: { type: 'object', properties: { format }, required: ['format'], additionalProperties: false },
    minProperties: count,
    maxProperties: count,
    'x-narrowing': {
      type: 'string',
      enum: ['upperBound', 'lowerBound', 'subset', 'prefix', 'equal', 'window', 'optionalConstraint', 'budget'],
    },
    'x-absent': { type: 'string', enum: ['unlimited', 'nothing'] },
    'x-counted': { const: true },
    'x-value-constraint': { const: true },
    'x-money': { const: true },
    'x-budget': {
      type: 'object',
      properties: { taken: { type: 'string', enum: ['receipt', 'issue'] }, each: text },
      required: ['taken'],
      additionalProperties: false,
    },
    'x-label': text,
    'x-phrase': text,
    'x-unit': {
      type: 'object',
      properties: { one: text, many: text },
      required: ['one', 'many'],
      additionalProperties: false,
    },
  },
  additionalProperties: false,
  // An object that tolerates members nobody described would let a limit pass unread.
  anyOf: [{ required: ['additionalProperties'] }, { not: { properties: { type: { const: 'object' } }, required: ['type'] } }],
};

/** JSON Schema of a DetailTypeDefinition: what an administrator may register is data of this form and nothing else. */
export const definitionSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', format: 'argument-name' },
    title: text,
    headline: {
      type: 'object',
      properties: { counted: text, one: text, many: text },
      required: ['counted', 'one', 'many'],
      additionalProperties: false,
    },
    schema: {
      allOf: [
        { $ref: '#/$defs/member' },
        { properties: { type: { const: 'object' }, additionalProperties: { const: false } }, required: ['type', 'properties', 'required'] },
      ],
    },
    example: { type: 'object' },
  },
  required: ['type', 'title', 'headline', 'schema'],
  additionalProperties: false,
  $defs: { member },
};
