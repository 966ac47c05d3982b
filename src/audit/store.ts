import type { Db } from '../platform/db/db.ts';
import { type Columns, namesOf, type NewRow, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { AuditEvent } from './event.ts';

/** The columns of `audit_events` that a writer fills. Others may write the row inside a statement of their own. */
export const AUDIT_COLUMNS: Columns = [
  ['id', 'text'],
  ['occurred_at', 'timestamptz'],
  ['type', 'text'],
  ['actor_kind', 'text'],
  ['actor_id', 'text'],
  ['correlation_id', 'text'],
  ['agent_id', 'text'],
  ['subject_id', 'text'],
  ['client_id', 'text'],
  ['resource', 'text'],
  ['data', 'jsonb'],
  ['digest', 'text'],
];

/** The columns of a place in the chain. */
const PLACE: Columns = [
  ['event_id', 'text'],
  ['position', 'bigint'],
  ['hash', 'text'],
];

/** An event as its row. */
export function rowOf(event: AuditEvent, digest: string): NewRow {
  const { id, type, actor, resource } = event;
  return {
    ...{ id, type, resource, digest },
    occurred_at: event.occurredAt,
    actor_kind: actor.kind,
    actor_id: actor.id,
    correlation_id: event.correlationId,
    agent_id: event.agentId,
    subject_id: event.subjectId,
    client_id: event.clientId,
    data: event,
  };
}

/** An event with its place in the chain, if it has one yet. */
export interface StoredAuditEvent {
  readonly event: AuditEvent;
  readonly digest: string;
  readonly position: number | undefined;
  readonly hash: string | undefined;
}

/** What a list may be narrowed to. `cursor` is the id of the last event seen; the newest come first. */
export interface AuditFilter {
  readonly type?: string;
  readonly types?: readonly string[];
  /** An identifier that any member of the event may be. */
  readonly mentions?: string;
  readonly agentId?: string;
  readonly subjectId?: string;
  readonly clientId?: string;
  readonly correlationId?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly cursor?: string;
  readonly limit: number;
}

interface Row {
  readonly data: AuditEvent;
  readonly digest: string;
  readonly position: string | null;
  readonly hash: string | null;
  readonly id: string;
  readonly occurred_at: Date;
  readonly type: AuditEvent['type'];
  readonly actor_kind: AuditEvent['actor']['kind'];
  readonly actor_id: string;
  readonly correlation_id: string;
  readonly agent_id: string | null;
  readonly subject_id: string | null;
  readonly client_id: string | null;
  readonly resource: string | null;
}

const COLUMN_OF = { agentId: 'agent_id', subjectId: 'subject_id', clientId: 'client_id', resource: 'resource' } as const;

/** The columns win over the JSON beside them: a row whose columns were changed to hide it from a filter no longer has its digest. */
function toStored(row: Row): StoredAuditEvent {
  const parties = Object.fromEntries(Object.entries(COLUMN_OF).map(([member, column]) => [member, row[column] ?? undefined]));
  const event: AuditEvent = {
    ...row.data,
    ...parties,
    id: row.id,
    type: row.type,
    occurredAt: row.occurred_at,
    actor: { ...row.data.actor, kind: row.actor_kind, id: row.actor_id },
    correlationId: row.correlation_id,
  };
  return { event, digest: row.digest, position: row.position === null ? undefined : Number(row.position), hash: row.hash ?? undefined };
}

type Narrowing = Exclude<keyof AuditFilter, 'limit'>;

/** What each member of a filter asks, over its value `$`. Only what is asked is in the statement: its plan is made for that. */
const CONDITIONS: Readonly<Record<Narrowing, string>> = {
  type: 'type = $',
  types: 'type = ANY($)',
  mentions: `$ IN (id, agent_id, subject_id, client_id, resource, actor_id, correlation_id, data->>'tokenId', data->>'decisionId', data->>'approvalId')`,
  agentId: 'agent_id = $',
  subjectId: 'subject_id = $',
  clientId: 'client_id = $',
  correlationId: 'correlation_id = $',
  since: 'occurred_at >= $',
  until: 'occurred_at < $',
  cursor: 'id < $',
};

const PLACED = `${namesOf(AUDIT_COLUMNS)}, position, hash`;
const SELECT = `SELECT ${PLACED} FROM audit_events LEFT JOIN audit_chain ON audit_chain.event_id = audit_events.id`;
const SEALER_LOCK = 0x7365616c; // "seal"

/** SQL of the audit trail. */
export interface AuditStore {
  /** All of them, or none. */
  insert(rows: readonly NewRow[]): Promise<void>;
  list(filter: AuditFilter): Promise<StoredAuditEvent[]>;
  find(id: string): Promise<StoredAuditEvent | undefined>;
  /** Sealed events in chain order, from a position on. */
  sealedFrom(position: number, limit: number): Promise<StoredAuditEvent[]>;
  /** How many wait for the sealer. */
  countUnsealed(): Promise<number>;
  /** How many have no place in the chain, whether or not the sealer knows of them: reads all of the trail, for its verification. */
  countPlaceless(): Promise<number>;
  /** The first place in the chain whose event is no longer there. */
  firstBereft(): Promise<number | undefined>;
  /** How many happened since then; of these types, if told. */
  count(since: Date, types?: readonly string[]): Promise<number>;
  /** Held by one sealer until its transaction ends; false when another one works. */
  lockSealer(): Promise<boolean>;
  head(): Promise<{ readonly position: number; readonly hash: string } | undefined>;
  /** Digests of committed events that have no place yet, oldest first. */
  unsealed(limit: number): Promise<readonly { readonly id: string; readonly digest: string }[]>;
  setPlaces(places: readonly { readonly id: string; readonly position: number; readonly hash: string }[]): Promise<void>;
}

/** The store over PostgreSQL. */
export function createAuditStore(deps: { db: Db }): AuditStore {
  const { db } = deps;
  return {
    async insert(rows) {
      await db.rows({
        name: 'audit-insert',
        text: `INSERT INTO audit_events (${namesOf(AUDIT_COLUMNS)}) SELECT * FROM ${rowsOf('$1', AUDIT_COLUMNS, 'event')}`,
        values: [rowSet(rows)],
      });
    },
    async list(filter) {
      const asked = Object.entries(CONDITIONS).filter(([member]) => filter[member as Narrowing] !== undefined);
      const conditions = asked.map(([, condition], index) => condition.replaceAll('$', () => `$${index + 2}`));
      const rows = await db.rows<Row>({
        name: `audit-list-${asked.map(([member]) => member).join('-')}`,
        text: `${SELECT} WHERE ${['true', ...conditions].join(' AND ')} ORDER BY id DESC LIMIT $1`,
        values: [filter.limit, ...asked.map(([member]) => filter[member as Narrowing])],
      });
      return rows.map(toStored);
    },
    async find(id) {
      const row = await db.row<Row>({ name: 'audit-find', text: `${SELECT} WHERE id = $1`, values: [id] });
      return row && toStored(row);
    },
    async sealedFrom(position, limit) {
      const rows = await db.rows<Row>({
        name: 'audit-sealed',
        text: `SELECT ${PLACED} FROM audit_chain JOIN audit_events ON audit_events.id = audit_chain.event_id
               WHERE position >= $1 ORDER BY position LIMIT $2`,
        values: [position, limit],
      });
      return rows.map(toStored);
    },
    async countUnsealed() {
      const text = 'SELECT count(*)::int AS count FROM audit_unsealed';
      return (await db.row<{ count: number }>({ name: 'audit-unsealed-count', text, values: [] }))?.count ?? 0;
    },
    async countPlaceless() {
      const text = `SELECT count(*)::int AS count FROM audit_events event
        WHERE NOT EXISTS (SELECT 1 FROM audit_chain place WHERE place.event_id = event.id)`;
      return (await db.row<{ count: number }>({ name: 'audit-placeless-count', text, values: [] }))?.count ?? 0;
    },
    async firstBereft() {
      const text = `SELECT min(place.position)::text AS position FROM audit_chain place
        WHERE NOT EXISTS (SELECT 1 FROM audit_events event WHERE event.id = place.event_id)`;
      const row = await db.row<{ position: string | null }>({ name: 'audit-bereft', text, values: [] });
      return typeof row?.position === 'string' ? Number(row.position) : undefined;
    },
    async count(since, types) {
      const row = await db.row<{ count: string }>({
        name: 'audit-count',
        text: 'SELECT count(*) AS count FROM audit_events WHERE occurred_at >= $1 AND ($2::text[] IS NULL OR type = ANY($2))',
        values: [since, types],
      });
      return Number(row?.count ?? 0);
    },
    async lockSealer() {
      const row = await db.row<{ held: boolean }>({
        name: 'audit-lock',
        text: 'SELECT pg_try_advisory_xact_lock($1) AS held',
        values: [SEALER_LOCK],
      });
      return row?.held === true;
    },
    async head() {
      const row = await db.row<{ position: string; hash: string }>({
        name: 'audit-head',
        text: 'SELECT position, hash FROM audit_chain ORDER BY position DESC LIMIT 1',
        values: [],
      });
      return row && { position: Number(row.position), hash: row.hash };
    },
    unsealed: (limit) =>
      db.rows({
        name: 'audit-unsealed',
        text: `SELECT event.id, event.digest FROM audit_unsealed waiting JOIN audit_events event ON event.id = waiting.event_id
               ORDER BY waiting.event_id LIMIT $1`,
        values: [limit],
      }),
    async setPlaces(places) {
      await db.rows({
        name: 'audit-seal',
        text: `WITH places AS (INSERT INTO audit_chain (event_id, position, hash) SELECT * FROM ${rowsOf('$1', PLACE, 'place')} RETURNING event_id)
               DELETE FROM audit_unsealed USING places WHERE audit_unsealed.event_id = places.event_id`,
        values: [rowSet(places.map(({ id, position, hash }) => ({ event_id: id, position, hash })))],
      });
    },
  };
}
