import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import { AppError } from '../platform/errors.ts';
import {
  type DetailType,
  type DetailTypeDefinition,
  type Fault,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type MemberFormat,
  type MemberSchema,
  memberOf,
  memberSchema,
  narrowingOf,
  pointer,
} from './detail-type.ts';
import { budgetFaultOf } from './budget.ts';
import { formats } from './formats.ts';
import { isContradictory } from './value-constraint.ts';

const annotations = ['x-narrowing', 'x-absent', 'x-counted', 'x-value-constraint', 'x-money', 'x-budget', 'x-label', 'x-phrase', 'x-unit'];

/** A validator that knows our annotations and formats (JSON Schema 2020-12). Each keeps what it compiled: use one a schema. */
export function createAjv(strictness: Options): Ajv2020 {
  const ajv = new Ajv2020({ ...strictness, allowUnionTypes: true, allErrors: false, ownProperties: true, logger: false });
  ajv.addVocabulary(annotations);
  for (const [name, validate] of Object.entries(formats)) ajv.addFormat(name, { type: 'string', validate });
  return ajv;
}

/** Compiles a checked definition. @throws {AppError} `invalid_input` when its schema contradicts itself. */
export function compileType(definition: DetailTypeDefinition): DetailType {
  const validate = compileSchema(definition);
  return {
    definition,
    faultOf(detail) {
      if (!validate(detail)) return faultFrom(validate.errors?.[0]);
      return contradictionIn(definition.schema, detail, '') ?? budgetFaultOf(definition.schema, detail);
    },
  };
}

function compileSchema(definition: DetailTypeDefinition): ValidateFunction {
  try {
    // checked by our own, narrower schema of schemas; compiling the one of JSON Schema would cost more than all the rest
    return createAjv({ strict: true, validateSchema: false }).compile(definition.schema);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown reason';
    throw new AppError('invalid_input', `/schema: does not compile: ${why}.`, { member: '/schema' });
  }
}

/** ajv names the object that lacks or has a member; the caller wants the member. */
export function faultFrom(error: ErrorObject | undefined): Fault {
  const { missingProperty, additionalProperty, propertyName }: Record<string, unknown> = error?.params ?? {};
  const member = missingProperty ?? additionalProperty ?? propertyName;
  const steps = (error?.instancePath ?? '').split('/').slice(1);
  const path = [...steps, ...(typeof member === 'string' ? [member] : [])].reduce(pointer, '');
  return { path: path === '' ? '/' : path, message: sentenceOf(error) };
}

function sentenceOf(error: ErrorObject | undefined): string {
  const { format, allowedValue }: Record<string, unknown> = error?.params ?? {};
  if (error?.keyword === 'const') return plain(`must be ${JSON.stringify(allowedValue)}`);
  const known = typeof format === 'string' ? formatSentences[format as MemberFormat] : sentences[error?.keyword ?? ''];
  return known ?? plain(error?.message);
}

const formatSentences: Readonly<Record<MemberFormat, string>> = {
  'account-number': 'is not an account number: capital letters and digits without spaces, an IBAN with its right check digits',
  amount: 'is not an amount like 12.50, as a text',
  'argument-name': 'is not a name of letters, digits, dots, dashes and underscores',
  currency: 'is not a currency like EUR',
  'date-time': 'is not a time like 2026-05-01T08:00:00Z',
  decimal: 'is not a decimal number like 12.50',
  'path-pattern': 'is not a path like /invoices or /invoices/*',
  'resource-uri': 'is not the address of a resource',
};

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
  if (narrowingOf(schema) === 'window' && isOver(value)) return { path, message: 'allows no time at all: it ends before it begins' };
  for (const [name, member] of Object.entries(value)) {
    const fault = contradictionIn(memberSchema(schema, name) ?? {}, member, pointer(path, name));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function isOver(window: JsonObject): boolean {
  const [from, until] = [memberOf(window, 'from'), memberOf(window, 'until')];
  return typeof from === 'string' && typeof until === 'string' && Date.parse(until) < Date.parse(from);
}
