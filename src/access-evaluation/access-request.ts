import { z } from 'zod';
import type { JsonObject } from '../authorization-details/index.ts';
import { AppError } from '../platform/errors.ts';
import { parseWith } from '../platform/http/body.ts';

/** A subject or a resource (AuthZEN 1.0 §5.1, §5.2). `properties` are the caller's word. */
export interface Entity {
  readonly type: string;
  readonly id: string;
  readonly properties?: JsonObject | undefined;
}

/** What is to be done (AuthZEN 1.0 §5.3). */
export interface Action {
  readonly name: string;
  readonly properties?: JsonObject | undefined;
}

/** One question of a resource server: may this subject do this with that (AuthZEN 1.0 §6.1). */
export interface Evaluation {
  readonly subject: Entity;
  readonly action: Action;
  readonly resource: Entity;
  readonly context?: JsonObject | undefined;
}

/** How a list of questions is gone through (AuthZEN 1.0 §7.1.2.1). */
export type Semantic = 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit';

/** A question of a list that cannot be asked: it is refused in its place, the others are answered. */
export interface Malformed {
  readonly fault: string;
}

/** Several questions, each a whole one: the defaults are in it. */
export interface Batch {
  readonly semantic: Semantic;
  readonly items: readonly (Evaluation | Malformed)[];
}

/** What bounds a request besides its bytes and depth (platform/http). */
export const MOST_EVALUATIONS = 200;
const MOST_TYPE = 128;
const MOST_NAME = 256;
const MOST_ID = 2_000;

/** Characters that make a text read differently, or that no database keeps: an identifier has none. */
const name = (most: number) =>
  z
    .string()
    .min(1, 'is empty')
    .max(most, `is longer than ${most} characters`)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'holds control characters');
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const object = z.custom<JsonObject>(isObject, 'is not an object').meta({ type: 'object' });

// members that are not known here are dropped (AuthZEN 1.0 §10.1.1)
/** A whole entity, and one whose id is being searched for. */
export const entity = z.object({ type: name(MOST_TYPE), id: name(MOST_ID), properties: object.optional() });
export const action = z.object({ name: name(MOST_NAME), properties: object.optional() });
export const context = object.optional();

const evaluation = z.object({ subject: entity, action, resource: entity, context });
const defaults = evaluation.partial();
const batch = z.object({
  evaluations: z.array(z.unknown()).max(MOST_EVALUATIONS, `has more than ${MOST_EVALUATIONS} entries`).optional(),
  options: z
    .object({ evaluations_semantic: z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']).default('execute_all') })
    .optional(),
});

/**
 * An Access Evaluation request (AuthZEN 1.0 §6.1).
 * @throws {AppError} `invalid_input` naming the first member that is missing or malformed.
 */
export function readEvaluation(body: unknown): Evaluation {
  return parseWith(evaluation, body);
}

/** One entry with what it leaves out taken whole from the defaults: nothing is merged inside an entity (AuthZEN 1.0 §7.1.1). */
function readItem(item: unknown, base: z.output<typeof defaults>): Evaluation | Malformed {
  if (!isObject(item)) return { fault: 'The evaluation is not an object.' };
  try {
    return readEvaluation({ ...base, ...item });
  } catch (error) {
    if (error instanceof AppError) return { fault: error.message };
    throw error;
  }
}

/**
 * An Access Evaluations request (AuthZEN 1.0 §7.1): a batch, or the one question it is when it has no entries.
 * @throws {AppError} `invalid_input` for what is wrong outside the entries; a fault of an entry stays with it.
 */
export function readEvaluations(body: unknown): Batch | Evaluation {
  const { evaluations = [], options } = parseWith(batch, body);
  if (evaluations.length === 0) return readEvaluation(body);
  const base = parseWith(defaults, body);
  return { semantic: options?.evaluations_semantic ?? 'execute_all', items: evaluations.map((item) => readItem(item, base)) };
}
