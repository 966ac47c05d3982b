import { AppError } from '../../platform/errors.ts';
import type { Failure } from '../../platform/http/failure.ts';
import { type ScimErrorBody, scimErrorBody, scimErrorOf, scimRefusal } from '../errors.ts';
import type { ScimCreated, ScimResourceType } from '../resource-type.ts';
import type { ScimInput } from '../schema.ts';
import { acceptNew, createResource, locationOf, patchResource, removeResource, replaceResource } from '../service.ts';
import { type BulkStep, planOf, type RefusedStep } from './plan.ts';
import { withReferences } from './references.ts';
import { type BulkEntry, readBulkRequest } from './request.ts';

/** What a bulk request is worked through with. */
export interface BulkWork<Caller> {
  readonly resourceTypes: readonly ScimResourceType<Caller>[];
  readonly baseUrl: string;
  readonly caller: Caller;
  /** What the caller is told about an error; what nobody foresaw is told to the log. */
  failureOf(error: unknown): Failure;
  /** Whether the time is up, or nobody waits for the answer any more. */
  isOver(): boolean;
}

type Document = Readonly<Record<string, unknown>>;
interface Outcome {
  readonly status: number;
  readonly location?: string;
  readonly version?: string;
  readonly response?: ScimErrorBody;
}

const responseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** How many resources one transaction creates. */
const batchSize = 250;
const UNAVAILABLE = 503;

/** RFC 7644 §3.7 figure 14 sends the operations of a PATCH without the message around them. */
const patchBody = (data: unknown): unknown => (Array.isArray(data) ? { schemas: [patchSchema], Operations: data } : data);

/** Does single operations and batches of them; remembers what was created. */
function createPerformer<Caller>({ caller, baseUrl, failureOf }: BulkWork<Caller>, creates: ReadonlySet<string>) {
  const created = new Map<string, string>();

  /** RFC 7644 §3.12 table 9: a value that names nothing is not compatible with the operation. */
  const idOf = (bulkId: string): string => {
    const id = created.get(bulkId);
    if (id !== undefined) return id;
    const why = creates.has(bulkId) ? 'was not created' : 'is created by no operation of this request';
    throw scimRefusal('invalidValue', `What bulkId ${bulkId.slice(0, 200)} stands for ${why}.`, 'bulkId');
  };
  const dataOf = ({ operation, references }: BulkStep<Caller>): unknown =>
    references.length === 0 ? operation.data : withReferences(operation.data, idOf);
  const failed = (error: unknown, location?: string): Outcome => {
    const failure = failureOf(error);
    return { status: failure.status, response: scimErrorOf(failure), ...(location === undefined ? {} : { location }) };
  };
  const isCreated = ({ operation, target }: BulkStep<Caller>, { id, meta }: ScimCreated): Outcome => {
    if (operation.bulkId !== undefined) created.set(operation.bulkId, id);
    return { status: 201, location: locationOf(target.type, id, baseUrl), version: meta.version };
  };
  const change = async (step: BulkStep<Caller>, id: string): Promise<Pick<Outcome, 'status' | 'version'>> => {
    const { operation, target } = step;
    const precondition = { id, ifMatch: operation.version };
    if (operation.method === 'DELETE') {
      await removeResource(target.type, precondition, caller);
      return { status: 204 };
    }
    const data = dataOf(step);
    const changed =
      operation.method === 'PUT'
        ? await replaceResource(target.type, { ...precondition, body: data }, caller)
        : await patchResource(target.type, { ...precondition, body: patchBody(data) }, caller);
    return { status: 200, version: changed.meta.version };
  };

  const perform = async (step: BulkStep<Caller>): Promise<Outcome> => {
    const { operation, target } = step;
    let location: string | undefined;
    try {
      if (operation.method === 'POST') return isCreated(step, await createResource(target.type, dataOf(step), caller));
      const id = target.reference === undefined ? (target.id ?? '') : idOf(target.reference);
      location = locationOf(target.type, id, baseUrl);
      return { location, ...(await change(step, id)) };
    } catch (error) {
      return failed(error, location);
    }
  };
  /** Creations of one type in one transaction. If that fails as a whole nothing of it stays, and each is tried by itself. */
  const performTogether = async (steps: readonly BulkStep<Caller>[]): Promise<readonly Outcome[]> => {
    const type = steps[0]?.target.type;
    const outcomes = new Map<BulkStep<Caller>, Outcome>();
    const inputs = new Map<BulkStep<Caller>, ScimInput>();
    for (const step of steps) {
      try {
        inputs.set(step, acceptNew(step.target.type, dataOf(step)));
      } catch (error) {
        outcomes.set(step, failed(error));
      }
    }
    try {
      const made = (await type?.createMany?.([...inputs.values()], caller)) ?? [];
      for (const [index, step] of [...inputs.keys()].entries()) {
        const one = made[index];
        if (one !== undefined) outcomes.set(step, one instanceof AppError ? failed(one) : isCreated(step, one));
      }
    } catch (error) {
      const { status } = failureOf(error);
      for (const step of inputs.keys()) outcomes.set(step, status === UNAVAILABLE ? failed(error) : await perform(step));
    }
    return steps.map((step) => outcomes.get(step) ?? failed(new Error('a creation has no outcome')));
  };
  return { perform, performTogether, failed };
}

/** The steps from `at` on that may be done together: creations of one type, none of which needs another one of them. */
function batchAt<Caller>(steps: readonly (BulkStep<Caller> | RefusedStep)[], at: number): readonly BulkStep<Caller>[] {
  const batch: BulkStep<Caller>[] = [];
  const inside = new Set<string>();
  for (const step of steps.slice(at, at + batchSize)) {
    if ('refusal' in step || step.operation.method !== 'POST' || step.target.type.createMany === undefined) break;
    if (batch[0] !== undefined && batch[0].target.type !== step.target.type) break;
    if (step.references.some((reference) => inside.has(reference))) break;
    if (step.operation.bulkId !== undefined) inside.add(step.operation.bulkId);
    batch.push(step);
  }
  return batch;
}

function untried<Caller>({ operation, target }: BulkStep<Caller>, baseUrl: string): Outcome {
  const response = scimErrorBody(UNAVAILABLE, 'Not tried: the time of this bulk request was over. Send the operation again.');
  const isPlaced = operation.method !== 'POST' && target.id !== undefined;
  return { status: UNAVAILABLE, response, ...(isPlaced ? { location: locationOf(target.type, target.id ?? '', baseUrl) } : {}) };
}

function toAnswer({ shown }: BulkEntry, { status, ...rest }: Outcome): Document {
  return { ...shown, ...rest, status: String(status) };
}

/**
 * POST /Bulk (RFC 7644 §3.7). Each operation stands alone: its own transaction, its own rights, its own answer; only creations of one
 * type that come in a row share a transaction, and even there one fails alone. After `failOnErrors` errors the rest is left out of
 * the answer (RFC 7644 §3.7.3); when the time is up or the database is away, the rest is answered with 503, untried.
 */
export async function runBulk<Caller>(body: unknown, work: BulkWork<Caller>): Promise<Document> {
  const { failOnErrors = Number.POSITIVE_INFINITY, entries } = readBulkRequest(body);
  const { steps, creates } = planOf(entries, work.resourceTypes);
  const { perform, performTogether, failed } = createPerformer(work, creates);
  const outcomes = new Map<number, Outcome>();
  let [at, errors, isStopped] = [0, 0, false];
  const settle = (place: number, outcome: Outcome): void => {
    outcomes.set(place, outcome);
    at += 1;
    if (outcome.status >= 400) errors += 1;
    isStopped ||= outcome.status === UNAVAILABLE;
  };
  while (at < steps.length && errors < failOnErrors) {
    const step = steps[at];
    if (step === undefined) break;
    isStopped ||= work.isOver();
    const batch = isStopped || Number.isFinite(failOnErrors) ? [] : batchAt(steps, at);
    if ('refusal' in step) settle(step.place, failed(step.refusal));
    else if (isStopped) settle(step.place, untried(step, work.baseUrl));
    else if (batch.length < 2) settle(step.place, await perform(step));
    else for (const [index, outcome] of (await performTogether(batch)).entries()) settle(batch[index]?.place ?? at, outcome);
  }
  const answers = entries.flatMap((entry, place) => {
    const outcome = outcomes.get(place);
    return outcome === undefined ? [] : [toAnswer(entry, outcome)];
  });
  return { schemas: [responseSchema], Operations: answers };
}
