import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import { AppError } from '../platform/errors.ts';
import { builtInDetailTypes } from './built-in-types.ts';
import {
  type DetailType,
  type DetailTypeDefinition,
  type Fault,
  isJsonObject,
  type JsonValue,
  type MemberSchema,
  memberSchema,
  narrowingOf,
  pointer,
} from './detail-type.ts';
import { formats } from './formats.ts';
import { definitionSchema } from './definition-schema.ts';
import { isContradictory } from './value-constraint.ts';

/** The types this server knows. Immutable: when types change, a new registry is made. */
export interface DetailTypes {
  /** The type, or undefined when nobody registered it: then the detail is refused (RFC 9396 §5). */
  readonly find: (type: string) => DetailType | undefined;
  /** For `authorization_details_types_supported` (RFC 9396 §10), in the order of registration. */
  readonly names: readonly string[];
}

const maxDefinitionBytes = 16_384;
const maxSchemaDepth = 6;

/**
 * Compiles type definitions once. Without an argument: the built-in types.
 * Throws AppError `invalid_input` (with `member`) for a definition that is not data of the closed form, too large or too deep,
 * whose annotations do not fit its types, or whose name is taken.
 */
export function createDetailTypes(definitions: readonly DetailTypeDefinition[] = builtInDetailTypes): DetailTypes {
  const ajv = createAjv({ strict: true });
  // The schema of schemas joins alternatives by anyOf, which the strict checks of types and required members do not follow.
  const isDefinition = createAjv({ strict: true, strictTypes: false, strictRequired: false }).compile(definitionSchema);
  const known = new Map<string, DetailType>();
  for (const definition of definitions) {
    checkDefinition(definition, isDefinition);
    if (known.has(definition.type))
      throw new AppError('invalid_input', `The type ${definition.type} is defined twice.`, { member: '/type' });
    known.set(definition.type, compile(definition, ajv));
  }
  return { find: (type) => known.get(type), names: [...known.keys()] };
}

function createAjv(strictness: Options): Ajv2020 {
  const ajv = new Ajv2020({ ...strictness, allowUnionTypes: true, allErrors: false, ownProperties: true, logger: false });
  ajv.addVocabulary(['x-narrowing', 'x-absent', 'x-counted', 'x-value-constraint', 'x-money', 'x-label', 'x-phrase']);
  for (const [name, validate] of Object.entries(formats)) ajv.addFormat(name, { type: 'string', validate });
  return ajv;
}

function compile(definition: DetailTypeDefinition, ajv: Ajv2020): DetailType {
  const validate = compileSchema(definition, ajv);
  const faultOf: DetailType['faultOf'] = (detail) => {
    if (!validate(detail)) return faultFrom(validate.errors?.[0]);
    return contradictionIn(definition.schema, detail, '');
  };
  return { definition, faultOf };
}

function compileSchema(definition: DetailTypeDefinition, ajv: Ajv2020): ValidateFunction {
  try {
    return ajv.compile(definition.schema);
  } catch (error) {
    throw new AppError(
      'invalid_input',
      `The schema of ${definition.type} does not compile: ${error instanceof Error ? error.message : 'unknown reason'}.`,
      { member: '/schema' },
    );
  }
}

/** ajv names the object that lacks or has a member; the caller wants the member. */
function faultFrom(error: ErrorObject | undefined): Fault {
  const { missingProperty, additionalProperty, propertyName }: Record<string, unknown> = error?.params ?? {};
  const member = missingProperty ?? additionalProperty ?? propertyName;
  const steps = (error?.instancePath ?? '').split('/').slice(1);
  const path = [...steps, ...(typeof member === 'string' ? [member] : [])].reduce(pointer, '');
  return { path: path === '' ? '/' : path, message: sentences[error?.keyword ?? ''] ?? plain(error?.message) };
}

const sentences: { readonly [keyword: string]: string } = {
  required: 'is missing',
  additionalProperties: 'is not a member of this type',
  propertyNames: 'is not an acceptable name',
  enum: 'is not one of the allowed values',
  uniqueItems: 'holds a value twice',
};

function plain(message: string | undefined): string {
  return (message ?? 'is not valid').replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}

function contradictionIn(schema: MemberSchema, value: JsonValue, path: string): Fault | undefined {
  if (!isJsonObject(value)) return undefined;
  if (schema['x-value-constraint'] === true && isContradictory(value))
    return { path, message: 'allows no value at all: its limits contradict each other' };
  for (const [name, member] of Object.entries(value)) {
    const fault = contradictionIn(memberSchema(schema, name) ?? {}, member, pointer(path, name));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function checkDefinition(definition: DetailTypeDefinition, isDefinition: ValidateFunction): void {
  const size = Buffer.byteLength(JSON.stringify(definition));
  if (size > maxDefinitionBytes) throw new AppError('too_large', `A type definition must not exceed ${maxDefinitionBytes} bytes.`);
  if (!isDefinition(definition)) {
    const fault = faultFrom(isDefinition.errors?.[0]);
    throw new AppError('invalid_input', `The type definition is not valid: ${fault.path} ${fault.message}.`, { member: fault.path });
  }
  checkMember(definition.schema, '/schema', 1);
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
};

function isWindow({ type, properties = {} }: MemberSchema): boolean {
  const members = Object.entries(properties);
  return (
    type === 'object' &&
    members.length > 0 &&
    members.every(([name, member]) => (name === 'from' || name === 'until') && member.format === 'date-time')
  );
}

function isOrdered({ type, format }: MemberSchema): boolean {
  const types = [type].flat();
  const hasOrderedFormat = format === 'decimal' || format === 'amount' || format === 'date-time';
  return types.every((one) => one === 'number' || one === 'integer' || (one === 'string' && hasOrderedFormat));
}

function checkMember(schema: MemberSchema, path: string, depth: number): void {
  if (depth > maxSchemaDepth)
    throw new AppError('invalid_input', `The schema is nested more than ${maxSchemaDepth} levels deep.`, { member: path });
  if (comparable[narrowingOf(schema)]?.(schema) !== true) {
    throw new AppError('invalid_input', `x-narrowing ${narrowingOf(schema)} does not fit the type of ${path}.`, { member: path });
  }
  for (const [name, member] of Object.entries(schema.properties ?? {})) checkMember(member, pointer(path, name), depth + 1);
  if (typeof schema.additionalProperties === 'object')
    checkMember(schema.additionalProperties, pointer(path, 'additionalProperties'), depth + 1);
  if (schema.items !== undefined) checkMember(schema.items, pointer(path, 'items'), depth + 1);
}
