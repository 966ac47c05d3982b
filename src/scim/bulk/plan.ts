import { AppError } from '../../platform/errors.ts';
import { scimRefusal } from '../errors.ts';
import type { ScimResourceType } from '../resource-type.ts';
import { inDependencyOrder, referenceIn, referencesIn } from './references.ts';
import type { BulkEntry, BulkOperation } from './request.ts';

/** What a path names: a resource type, and below it an id, a bulkId that stands for one, or nothing. */
export interface BulkTarget<Caller> {
  readonly type: ScimResourceType<Caller>;
  readonly id?: string;
  readonly reference?: string;
}

/** An operation that can be tried. */
export interface BulkStep<Caller> {
  readonly place: number;
  readonly operation: BulkOperation;
  readonly target: BulkTarget<Caller>;
  /** The bulkIds that stand in its path and data. */
  readonly references: readonly string[];
}

/** An operation that is answered without being tried. */
export interface RefusedStep {
  readonly place: number;
  readonly refusal: AppError;
}

/** What is to be done, in order, with what cannot be. */
export interface BulkPlan<Caller> {
  readonly steps: readonly (BulkStep<Caller> | RefusedStep)[];
  /** The bulkIds of operations that create something. */
  readonly creates: ReadonlySet<string>;
}

const maxIdLength = 200;
const circular = (): AppError =>
  new AppError('conflict', 'The operation refers to itself through its bulkIds: create first, then refer to it with a PATCH.');

function idIn(segment: string): string {
  const wrong = scimRefusal('invalidValue', 'path names one resource: /Type/id, percent-encoded.', 'path');
  if (/[/?#\0]/.test(segment)) throw wrong;
  try {
    const id = decodeURIComponent(segment);
    if (id.length > maxIdLength || id.includes('\u0000') || !id.isWellFormed())
      throw new AppError('not_found', 'There is no such resource.');
    return id;
  } catch (error) {
    throw error instanceof URIError ? wrong : error;
  }
}

/** What the path of an operation names (RFC 7644 §3.7): `/Agents` for POST, `/Agents/id` for the others, spelt exactly. */
function targetOf<Caller>(types: readonly ScimResourceType<Caller>[], { method, path }: BulkOperation): BulkTarget<Caller> {
  const [, endpoint, rest] = /^(\/[A-Za-z0-9]+)(?:\/(.+))?$/s.exec(path) ?? [];
  if (endpoint === undefined) throw scimRefusal('invalidValue', 'path is the endpoint of a resource type, or a resource below it.', 'path');
  const type = types.find((each) => each.endpoint === endpoint);
  if (type === undefined) throw new AppError('not_found', `There are no resources at ${endpoint.slice(0, 100)}.`, { member: 'path' });
  if (method === 'POST') {
    if (rest === undefined) return { type };
    throw scimRefusal('invalidValue', 'The path of a POST is the endpoint of a resource type.', 'path');
  }
  if (rest === undefined) throw scimRefusal('invalidValue', `The path of a ${method} names one resource.`, 'path');
  const reference = referenceIn(rest);
  return reference === undefined ? { type, id: idIn(rest) } : { type, reference };
}

function stepOf<Caller>(
  types: readonly ScimResourceType<Caller>[],
  { operation }: BulkEntry,
  place: number,
): BulkStep<Caller> | RefusedStep {
  if (operation instanceof AppError) return { place, refusal: operation };
  try {
    const target = targetOf(types, operation);
    const own = target.reference === undefined ? [] : [target.reference];
    return { place, operation, target, references: [...own, ...referencesIn(operation.data)] };
  } catch (error) {
    if (error instanceof AppError) return { place, refusal: error };
    throw error;
  }
}

/**
 * Puts operations into an order in which what is referred to comes first (RFC 7644 §3.7.2), otherwise as they were sent. Those in a
 * cycle of references are refused with `conflict` (RFC 7644 §3.7.1), those that depend on one fail when their turn comes.
 */
export function planOf<Caller>(entries: readonly BulkEntry[], types: readonly ScimResourceType<Caller>[]): BulkPlan<Caller> {
  const read = entries.map((entry, place) => stepOf(types, entry, place));
  const placeOf = new Map<string, number>();
  for (const step of read)
    if (!('refusal' in step) && step.operation.method === 'POST' && step.operation.bulkId !== undefined)
      placeOf.set(step.operation.bulkId, step.place);
  const dependencies = read.map((step) => ('refusal' in step ? [] : step.references.flatMap((reference) => placeOf.get(reference) ?? [])));
  const steps = inDependencyOrder(dependencies).flatMap(({ place, isCircular }) =>
    isCircular ? { place, refusal: circular() } : (read[place] ?? []),
  );
  return { steps, creates: new Set(placeOf.keys()) };
}
