import { AppError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { NewRow } from '../platform/db/row-set.ts';
import type { Ids } from '../platform/ids.ts';
import { type ChainVerdict, genesisHash, type SealedEvent, seal, verifyChain } from './chain.ts';
import type { Correlation } from './correlation.ts';
import { type AuditEvent, type AuditEventType, checkAuditEvent, digest } from './event.ts';
import { type AuditFilter, type AuditStore, rowOf, type StoredAuditEvent } from './store.ts';

/** An event as its cause tells it: who, what, to whom. Id and time are given when it is recorded. */
export type AuditEventInput = Omit<AuditEvent, 'id' | 'occurredAt' | 'correlationId'> & { readonly correlationId?: string };

/** A page of events; `nextCursor` is set when there are more. */
export interface AuditPage {
  readonly events: readonly StoredAuditEvent[];
  readonly nextCursor: string | undefined;
}

/** What `audit verify` found. Events of the last moments may not be sealed yet; they are counted, not hidden. */
export interface AuditVerification {
  readonly verdict: ChainVerdict;
  readonly unsealed: number;
}

/** The part of the audit trail that every other capability is given. */
export interface AuditRecorder {
  /** Keeps an event in the transaction under way: the act and its record live or die together. @throws {AppError} when it is malformed. */
  record(input: AuditEventInput): Promise<void>;
  /** Keeps several events in one statement. @throws {AppError} when one is malformed; then none is kept. */
  recordMany(inputs: readonly AuditEventInput[]): Promise<void>;
}

export interface AuditService extends AuditRecorder {
  /** The same event as a row, for a statement that writes it together with what it records. */
  rowOf(input: AuditEventInput): NewRow;
  list(filter: AuditFilter): Promise<AuditPage>;
  get(id: string): Promise<StoredAuditEvent>;
  /** How many events happened since then; of these types, if told. */
  count(since: Date, types?: readonly AuditEventType[]): Promise<number>;
  /** How many events have no place in the chain yet. */
  countUnsealed(): Promise<number>;
  /** Gives every committed event its place in the chain; returns how many got one. One sealer at a time per database. */
  seal(): Promise<number>;
  verify(): Promise<AuditVerification>;
}

const SEAL_BATCH = 1_000;
const VERIFY_BATCH = 2_000;
/** What no request or job accounts for: the start of the server, a command. */
const NO_CORRELATION = 'server';

function isSealed(stored: StoredAuditEvent): stored is StoredAuditEvent & SealedEvent {
  return stored.position !== undefined && stored.hash !== undefined;
}

/** The audit trail over its store. */
export function createAuditService(deps: { db: Db; store: AuditStore; clock: Clock; ids: Ids; correlation: Correlation }): AuditService {
  const { db, store, clock, ids, correlation } = deps;

  const newRow = (input: AuditEventInput): NewRow => {
    const correlationId = input.correlationId ?? correlation.current() ?? NO_CORRELATION;
    const event = checkAuditEvent({ ...input, id: ids.next('evt'), occurredAt: clock.now(), correlationId });
    return rowOf(event, digest(event));
  };
  const sealBatch = () =>
    db.transaction(async () => {
      if (!(await store.lockSealer())) return 0;
      const head = (await store.head()) ?? { position: 0, hash: genesisHash };
      const events = await store.unsealed(SEAL_BATCH);
      if (events.length === 0) return 0;
      const hashes = seal(
        head.hash,
        events.map((event) => event.digest),
      );
      await store.setPlaces(events.map(({ id }, index) => ({ id, position: head.position + index + 1, hash: hashes[index] ?? '' })));
      return events.length;
    });
  return {
    rowOf: newRow,
    record: (input) => store.insert([newRow(input)]),
    recordMany: (inputs) => store.insert(inputs.map(newRow)),
    async list(filter) {
      const events = await store.list({ ...filter, limit: filter.limit + 1 });
      const page = events.slice(0, filter.limit);
      return { events: page, nextCursor: events.length > filter.limit ? page.at(-1)?.event.id : undefined };
    },
    async get(id) {
      const found = await store.find(id);
      if (found === undefined) throw new AppError('not_found', 'There is no such event.');
      return found;
    },
    count: store.count,
    countUnsealed: store.countUnsealed,
    async seal() {
      let total = 0;
      for (;;) {
        const count = await sealBatch();
        total += count;
        if (count < SEAL_BATCH) return total;
      }
    },
    async verify() {
      let start = { previousHash: genesisHash, position: 1 };
      for (;;) {
        const events = (await store.sealedFrom(start.position, VERIFY_BATCH)).filter(isSealed);
        const verdict = verifyChain(events, start);
        if (!verdict.intact) return { verdict, unsealed: await store.countPlaceless() };
        if (events.length < VERIFY_BATCH) {
          const whole = { ...verdict, count: start.position - 1 + verdict.count };
          // places whose events are gone at the end of the chain: nothing follows them that would show the gap
          const brokenAt = await store.firstBereft();
          const found = brokenAt === undefined ? whole : ({ intact: false, brokenAt, fault: 'position' } as const);
          return { verdict: found, unsealed: await store.countPlaceless() };
        }
        start = { previousHash: verdict.headHash, position: start.position + verdict.count };
      }
    },
  };
}
