import type { Db } from '../../platform/db/db.ts';
import type { Proof, Software, SoftwareIdentity } from './software.ts';

/** Which software is wanted, the one that was last seen first. */
export interface SoftwareQuery {
  readonly search?: string | undefined;
  /** `<last_seen_at> <id>` of the last one shown. */
  readonly after?: { readonly lastSeenAt: Date; readonly id: string } | undefined;
  readonly limit: number;
}

/** How many registrations of some software there are. */
export interface Instances {
  /** Somebody let them in. */
  readonly admitted: number;
  /** They wait for a first yes. */
  readonly waiting: number;
}

/** Software in SQL. */
export interface SoftwareStore {
  /** One registration more of the software with this key; makes the record when it is the first. */
  meet(identity: SoftwareIdentity & { readonly id: string; readonly at: Date }): Promise<Software & { readonly isNew: boolean }>;
  find(id: string): Promise<Software | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(id: string): Promise<Software | undefined>;
  findByAgent(agentId: string): Promise<Software | undefined>;
  findByKey(key: string): Promise<Software | undefined>;
  /** A suspended agent whose client registered with an enrolment token under this key; `ownerId`: one of theirs. */
  suspendedTwin(key: string, ownerId: string | undefined): Promise<string | undefined>;
  list(query: SoftwareQuery): Promise<readonly Software[]>;
  count(): Promise<number>;
  /** First seen since then. */
  countSince(since: Date): Promise<number>;
  instancesOf(ids: readonly string[]): Promise<ReadonlyMap<string, Instances>>;
  addAgent(id: string, agentId: string): Promise<void>;
  change(id: string, change: Pick<Software, 'isBound' | 'agentIds' | 'resources' | 'refusedAt' | 'refusedBy'>): Promise<void>;
  /** Its instances stay within these resources from now on; undefined: within any. */
  boundInstances(id: string, resources: readonly string[] | undefined): Promise<void>;
  /** Removes registrations of one software that nobody let in, older than `before`, beyond the newest `keep`; how many went. */
  evict(id: string, bound: { readonly before: Date; readonly keep: number }): Promise<number>;
  /** Removes registrations that nobody let in since `before`, at most `limit`; how many went. */
  clearWaiting(before: Date, limit: number): Promise<number>;
  /** Software without registrations or agents that was last seen before, at most `limit`; how many went. */
  clearForgotten(before: Date, limit: number): Promise<number>;
  /** Clients that were let in and that nobody used since `before`, the longest unused first. */
  resting(before: Date, limit: number): Promise<readonly { readonly clientId: string; readonly mayReturn: boolean }[]>;
}

interface Row {
  readonly id: string;
  readonly key: string;
  readonly proof: Proof;
  readonly name: string;
  readonly is_bound: boolean;
  readonly agent_ids: readonly string[];
  readonly resources: readonly string[] | null;
  readonly refused_at: Date | null;
  readonly refused_by: string | null;
  readonly registrations: number;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
}

function toSoftware(row: Row): Software {
  return {
    id: row.id,
    key: row.key,
    proof: row.proof,
    name: row.name,
    isBound: row.is_bound,
    agentIds: row.agent_ids,
    resources: row.resources ?? undefined,
    refusedAt: row.refused_at ?? undefined,
    refusedBy: row.refused_by ?? undefined,
    registrations: row.registrations,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  };
}

const found = (row: Row | undefined) => (row === undefined ? undefined : toSoftware(row));
const WAITING = `software_id IS NOT NULL AND admitted_at IS NULL AND kind = 'open'`;
const RESTING = `software_id IS NOT NULL AND admitted_at IS NOT NULL AND reaped_at IS NULL AND status = 'active'`;

/** The store over PostgreSQL. */
export function createSoftwareStore({ db }: { readonly db: Db }): SoftwareStore {
  const removed = async (name: string, text: string, values: readonly unknown[]) =>
    (await db.rows({ name, text: `${text} RETURNING 1 AS one`, values: [...values] })).length;
  return {
    async meet({ id, key, proof, name, at }) {
      const row = await db.row<Row & { is_new: boolean }>({
        name: 'software-meet',
        text: `INSERT INTO software AS known (id, key, proof, name, is_bound, agent_ids, registrations, first_seen_at, last_seen_at)
               VALUES ($1, $2, $3, $4, false, '{}', 1, $5, $5)
               ON CONFLICT (key) DO UPDATE SET registrations = known.registrations + 1, last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
               RETURNING *, (xmax = 0) AS is_new`,
        values: [id, key, proof, name, at],
      });
      if (row === undefined) throw new Error('software is inserted or found');
      return { ...toSoftware(row), isNew: row.is_new };
    },
    find: async (id) => found(await db.row<Row>({ name: 'software-find', text: 'SELECT * FROM software WHERE id = $1', values: [id] })),
    lock: async (id) =>
      found(await db.row<Row>({ name: 'software-lock', text: 'SELECT * FROM software WHERE id = $1 FOR UPDATE', values: [id] })),
    findByAgent: async (agentId) =>
      found(
        await db.row<Row>({ name: 'software-of-agent', text: 'SELECT * FROM software WHERE agent_ids @> ARRAY[$1]', values: [agentId] }),
      ),
    findByKey: async (key) =>
      found(await db.row<Row>({ name: 'software-of-key', text: 'SELECT * FROM software WHERE key = $1', values: [key] })),
    async suspendedTwin(key, ownerId) {
      const text = `SELECT agent_id FROM suspended_clients WHERE client_id IN (SELECT client_id FROM clients WHERE software_key = $1)
                    AND ($2::text IS NULL OR owner_id = $2) LIMIT 1`;
      return (await db.row<{ agent_id: string }>({ name: 'software-twin', text, values: [key, ownerId ?? null] }))?.agent_id;
    },
    async list({ search, after, limit }) {
      const like = search === undefined || search === '' ? null : `%${search.replace(/[\\%_]/g, '\\$&')}%`;
      const rows = await db.rows<Row>({
        name: 'software-list',
        text: `SELECT * FROM software WHERE ($1::text IS NULL OR name ILIKE $1 OR key ILIKE $1)
               AND ($2::timestamptz IS NULL OR (last_seen_at, id) < ($2, $3)) ORDER BY last_seen_at DESC, id DESC LIMIT $4`,
        values: [like, after?.lastSeenAt ?? null, after?.id ?? null, limit],
      });
      return rows.map(toSoftware);
    },
    count: () => db.prisma.software.count(),
    countSince: (since) => db.prisma.software.count({ where: { firstSeenAt: { gte: since } } }),
    async instancesOf(ids) {
      const rows = await db.rows<{ software_id: string; admitted: number; waiting: number }>({
        name: 'software-instances',
        text: `SELECT software_id, count(*) FILTER (WHERE admitted_at IS NOT NULL)::int AS admitted,
               count(*) FILTER (WHERE admitted_at IS NULL)::int AS waiting
               FROM clients WHERE software_id = ANY($1) AND status <> 'deleted' AND reaped_at IS NULL GROUP BY software_id`,
        values: [[...ids]],
      });
      return new Map(rows.map(({ software_id: id, admitted, waiting }) => [id, { admitted, waiting }]));
    },
    async addAgent(id, agentId) {
      const text = 'UPDATE software SET agent_ids = array_append(array_remove(agent_ids, $2), $2) WHERE id = $1';
      await db.rows({ name: 'software-agent', text, values: [id, agentId] });
    },
    async change(id, { isBound, agentIds, resources, refusedAt, refusedBy }) {
      const text =
        'UPDATE software SET is_bound = $2, resources = $3::jsonb, refused_at = $4, refused_by = $5, agent_ids = $6 WHERE id = $1';
      const list = resources === undefined ? null : JSON.stringify(resources);
      await db.rows({ name: 'software-change', text, values: [id, isBound, list, refusedAt ?? null, refusedBy ?? null, [...agentIds]] });
    },
    async boundInstances(id, resources) {
      const bounds = resources === undefined ? `bounds - 'resources'` : `jsonb_set(bounds, '{resources}', $2::jsonb)`;
      const text = `UPDATE clients SET bounds = ${bounds}, version = version + 1 WHERE software_id = $1 AND status <> 'deleted'`;
      const values = resources === undefined ? [id] : [id, JSON.stringify(resources)];
      await db.rows({ name: `software-bounds-${values.length}`, text, values });
    },
    evict: (id, { before, keep }) =>
      removed(
        'software-evict',
        `DELETE FROM clients WHERE client_id IN (
           SELECT client_id FROM (
             SELECT client_id, created_at FROM clients WHERE software_id = $1 AND ${WAITING} ORDER BY created_at DESC OFFSET $3) beyond
           WHERE created_at < $2 LIMIT 1000)`,
        [id, before, keep],
      ),
    clearWaiting: (before, limit) =>
      removed(
        'software-clear-waiting',
        `DELETE FROM clients WHERE client_id IN (SELECT client_id FROM clients WHERE ${WAITING} AND created_at < $1 ORDER BY created_at LIMIT $2)`,
        [before, limit],
      ),
    clearForgotten: (before, limit) =>
      removed(
        'software-clear-forgotten',
        `DELETE FROM software WHERE id IN (
           SELECT id FROM software gone WHERE last_seen_at < $1 AND agent_ids = '{}' AND refused_at IS NULL AND NOT is_bound
             AND NOT EXISTS (SELECT 1 FROM clients WHERE clients.software_id = gone.id)
           ORDER BY last_seen_at LIMIT $2)`,
        [before, limit],
      ),
    async resting(before, limit) {
      const rows = await db.rows<{ client_id: string; may_return: boolean }>({
        name: 'software-resting',
        text: `SELECT client_id, (kind = 'document' OR metadata->>'token_endpoint_auth_method' <> 'none') AS may_return FROM clients
               WHERE ${RESTING} AND COALESCE(last_used_at, admitted_at) < $1 ORDER BY COALESCE(last_used_at, admitted_at) LIMIT $2 FOR UPDATE SKIP LOCKED`,
        values: [before, limit],
      });
      return rows.map((row) => ({ clientId: row.client_id, mayReturn: row.may_return }));
    },
  };
}
