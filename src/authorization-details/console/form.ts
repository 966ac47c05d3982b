import { AppError } from '../../platform/errors.ts';
import { isDeeperThan } from '../../platform/http/body.ts';
import type { Form } from '../../platform/http/web.ts';
import { type Attempt, type Tried, tryOut } from '../live-example.ts';
import { definitionText } from '../present.ts';
import type { CompileDefinition } from '../registry.ts';

/** The fields of the form, as text. */
export interface TypeValues extends Attempt {
  readonly definition: string;
}

/** Longer than any definition that would be accepted. */
const LONGEST = 32_000;
/** As deep as a body of the interface may be. */
const DEEPEST = 20;

function textOf(form: Form, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value.slice(0, LONGEST) : '';
}

/** What was posted; anything else than text counts as empty. */
export function valuesOf(form: Form): TypeValues {
  return { definition: textOf(form, 'definition'), ...attemptOf(form) };
}

/** The two details of a live example. */
export function attemptOf(form: Form): Attempt {
  return { example: textOf(form, 'example'), narrower: textOf(form, 'narrower') };
}

/** Whether the button that tries was pressed, and not the one that saves. */
export function isAttempt(form: Form): boolean {
  return form['action'] === 'try';
}

/** The definition in the text. @throws {AppError} `invalid_input` when it is no JSON object. */
export function readDefinition(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject && !isDeeperThan(value, DEEPEST)) return value as Record<string, unknown>;
  } catch {
    // told below, in the same words
  }
  throw new AppError('invalid_input', `The definition is not a JSON object of at most ${DEEPEST} levels.`, { member: '/' });
}

/** What to mend, for the form; anything but bad input is not the form's business and goes on. */
export function faultsOf(error: unknown): { field: string; message: string }[] {
  const isForForm = error instanceof AppError && ['invalid_input', 'conflict', 'too_large'].includes(error.code);
  if (!isForForm) throw error;
  return [{ field: 'definition', message: error.message }];
}

/** What comes of trying a definition that is not saved yet: its faults, or the live example. */
export function tried(compile: CompileDefinition, values: TypeValues): { faults: { field: string; message: string }[]; tried?: Tried } {
  try {
    return { faults: [], tried: tryOut(compile(readDefinition(values.definition)), values) };
  } catch (error) {
    return { faults: faultsOf(error) };
  }
}

/** A small type to begin with, complete and valid. */
export const FIRST_DEFINITION = definitionText({
  type: 'report_download',
  title: 'Download reports',
  headline: { counted: 'reports', one: 'Download {items} from {resource}', many: 'Download {count} reports from {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'report_download' },
      reports: {
        type: 'array',
        items: { type: 'string', maxLength: 100 },
        minItems: 1,
        maxItems: 20,
        uniqueItems: true,
        'x-narrowing': 'subset',
        'x-absent': 'nothing',
        'x-label': 'Reports',
      },
      max_pages: {
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
        'x-narrowing': 'upperBound',
        'x-label': 'Size',
        'x-phrase': 'at most {value}',
        'x-unit': { one: 'page', many: 'pages' },
      },
    },
    required: ['type', 'reports'],
    additionalProperties: false,
  },
  example: { type: 'report_download', reports: ['sales', 'stock'], max_pages: 50 },
});

/** The live example of a definition to begin with: its own example, and the same once more to be made smaller. */
export function firstAttempt(example: unknown): Attempt {
  const text = example === undefined ? '' : definitionText(example);
  return { example: text, narrower: text };
}
