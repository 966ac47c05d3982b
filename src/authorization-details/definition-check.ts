import type { ValidateFunction } from 'ajv/dist/2020.js';
import { AppError } from '../platform/errors.ts';
import { budgetAnnotationFault, isBudgetSchema } from './budget.ts';
import { faultOfWords } from './definition-words.ts';
import { type DetailTypeDefinition, type Fault, isRequired, type MemberSchema, narrowingOf, pointer } from './detail-type.ts';
import { definitionSchema } from './definition-schema.ts';
import { createAjv, faultFrom } from './schema-compiler.ts';

const maxDefinitionBytes = 16_384;
const maxSchemaDepth = 6;

/** A definition that is at fault, as a refusal: `member` is a JSON Pointer into the definition. */
export function definitionFault({ path, message }: Fault): AppError {
  return new AppError('invalid_input', `${path === '/' ? 'The definition' : path}: ${message}.`, { member: path });
}

/**
 * Whether data is a type definition of the closed form: no larger than 16 KB, no deeper than 6 levels, every annotation fit for what
 * it stands on, every placeholder known, no text that reads differently than it is. Compiles its own schema once.
 */
export function createDefinitionCheck(): (definition: unknown) => asserts definition is DetailTypeDefinition {
  // The schema of schemas joins alternatives by anyOf, which the strict checks of types and required members do not follow.
  const isDefinition = createAjv({ strict: true, strictTypes: false, strictRequired: false, verbose: false }).compile(definitionSchema);
  return (definition) => {
    const size = Buffer.byteLength(JSON.stringify(definition) ?? '');
    if (size > maxDefinitionBytes) throw new AppError('too_large', `A type definition must not exceed ${maxDefinitionBytes} bytes.`);
    const fault = faultOfForm(isDefinition, definition) ?? faultOfMeaning(definition as DetailTypeDefinition);
    if (fault !== undefined) throw definitionFault(fault);
  };
}

/** Of the alternatives that failed, the one that got farthest is the one that was meant. */
function faultOfForm(isDefinition: ValidateFunction, definition: unknown): Fault | undefined {
  if (isDefinition(definition)) return undefined;
  const errors = (isDefinition.errors ?? []).toSorted((a, b) => b.instancePath.split('/').length - a.instancePath.split('/').length);
  const { path, message } = faultFrom(errors[0]);
  return { path, message: errors[0]?.keyword === 'additionalProperties' ? 'is not known in a definition' : message };
}

function faultOfMeaning(definition: DetailTypeDefinition): Fault | undefined {
  const { type, schema } = definition;
  const own = schema.properties?.['type'];
  if (own?.const !== type || !isRequired(schema, 'type'))
    return { path: '/schema/properties/type', message: `must be {"const":"${type}"} and required, so that a detail names its type` };
  return faultOfReserved(schema) ?? budgetAnnotationFault(schema) ?? faultOfMember(schema, '/schema', 1) ?? faultOfWords(definition);
}

/** RFC 9396 §2.2: these members mean the same in every type, and the engine reads them so. */
function faultOfReserved({ properties = {} }: MemberSchema): Fault | undefined {
  for (const name of ['locations', 'actions', 'datatypes', 'privileges']) {
    const member = properties[name];
    const isList = member === undefined || (member.type === 'array' && member.items?.type === 'string');
    if (!isList) return { path: `/schema/properties/${name}`, message: 'must be a list of texts (RFC 9396 section 2.2)' };
  }
  const { locations, identifier } = properties;
  if (locations !== undefined && (locations.items?.format !== 'resource-uri' || narrowingOf(locations) !== 'subset'))
    return { path: '/schema/properties/locations', message: 'must be a list of format resource-uri that narrows as a subset' };
  return identifier === undefined || identifier.type === 'string'
    ? undefined
    : { path: '/schema/properties/identifier', message: 'must be a text (RFC 9396 section 2.2)' };
}

/** Which JSON types a rule can compare; a rule that can compare nothing would refuse every request, or worse. */
const comparable: { readonly [narrowing: string]: (schema: MemberSchema) => boolean } = {
  upperBound: isOrdered,
  lowerBound: isOrdered,
  subset: (schema) => schema.type === 'array',
  prefix: (schema) => schema.type === 'string' || (schema.type === 'array' && schema.items?.type === 'string'),
  window: isWindow,
  optionalConstraint: (schema) => schema.type === 'object',
  equal: () => true,
  budget: isBudgetSchema,
};

const edgeKeywords = new Set(['type', 'format', 'x-label', 'x-phrase']);

function isWindow({ type, properties = {}, additionalProperties }: MemberSchema): boolean {
  const members = Object.entries(properties);
  return (
    type === 'object' &&
    additionalProperties === false &&
    members.length > 0 &&
    members.every(
      ([name, member]) =>
        (name === 'from' || name === 'until') &&
        member.type === 'string' &&
        member.format === 'date-time' &&
        Object.keys(member).every((keyword) => edgeKeywords.has(keyword)),
    )
  );
}

function isOrdered({ type, format }: MemberSchema): boolean {
  const types = [type].flat();
  const isInstant = format === 'date-time';
  const isDecimal = format === 'decimal' || format === 'amount';
  return types.every((one) => (one === 'string' && (isInstant || isDecimal)) || (!isInstant && (one === 'number' || one === 'integer')));
}

function isMoney({ properties = {}, required = [], additionalProperties }: MemberSchema): boolean {
  const { amount, currency } = properties;
  return (
    additionalProperties === false &&
    required.includes('amount') &&
    required.includes('currency') &&
    amount?.type === 'string' &&
    amount.format === 'amount' &&
    currency?.type === 'string' &&
    currency.format === 'currency' &&
    narrowingOf(currency) === 'equal'
  );
}

const constraintMembers = new Set(['equals', 'oneOf', 'prefix', 'min', 'max']);

function isValueConstraint({ type, properties = {}, additionalProperties }: MemberSchema): boolean {
  return type === 'object' && additionalProperties === false && Object.keys(properties).every((name) => constraintMembers.has(name));
}

/** Counted members are looked for at the top of a detail; elsewhere the annotation would promise what nobody does. */
function isCountable(schema: MemberSchema, depth: number): boolean {
  return depth === 2 && narrowingOf(schema) === 'upperBound' && (schema.type === 'integer' || schema.type === 'number');
}

function faultOfAnnotations(schema: MemberSchema, path: string, depth: number): Fault | undefined {
  const narrowing = narrowingOf(schema);
  if (comparable[narrowing]?.(schema) !== true) return { path, message: `x-narrowing ${narrowing} does not fit what stands here` };
  // a budget is one of the whole detail, and its rule and its annotation come together
  if ((narrowing === 'budget') !== (schema['x-budget'] !== undefined) || (narrowing === 'budget' && depth !== 2))
    return { path, message: 'x-budget does not fit what stands here' };
  if (schema['x-money'] === true && !isMoney(schema))
    return { path, message: 'x-money wants an object of amount (format amount) and currency (format currency, equal), both required' };
  if (schema['x-value-constraint'] === true && !isValueConstraint(schema))
    return { path, message: 'x-value-constraint wants an object of equals, oneOf, prefix, min and max' };
  return schema['x-counted'] === true && !isCountable(schema, depth)
    ? { path, message: 'x-counted wants a number at the top of the detail that narrows as upperBound' }
    : undefined;
}

function faultOfMember(schema: MemberSchema, path: string, depth: number): Fault | undefined {
  if (depth > maxSchemaDepth) return { path, message: `is nested more than ${maxSchemaDepth} levels deep` };
  const own = faultOfAnnotations(schema, path, depth);
  if (own !== undefined) return own;
  const inner: [string, MemberSchema][] = Object.entries(schema.properties ?? {}).map(([name, member]) => [
    pointer(`${path}/properties`, name),
    member,
  ]);
  if (typeof schema.additionalProperties === 'object') inner.push([`${path}/additionalProperties`, schema.additionalProperties]);
  if (schema.items !== undefined) inner.push([`${path}/items`, schema.items]);
  for (const [at, member] of inner) {
    const fault = faultOfMember(member, at, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
