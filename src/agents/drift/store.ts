import type { Db } from '../../platform/db/db.ts';
import { purge } from '../../platform/db/purge.ts';
import type { AgentModel } from '../agent.ts';
import type { Agreed, Drift, DriftOutcome, Running } from './drift.ts';

/** Something presented that is kept: counted when it is there already. */
export interface DriftSeen {
  /** The id it gets when it is new. */
  readonly id: string;
  readonly agentId: string;
  readonly fingerprint: string;
  readonly presented: Running;
  readonly recorded: Agreed;
  readonly clientId: string;
  readonly at: Date;
}

/** How open ones are settled. */
export interface Closing {
  readonly ids: readonly string[];
  readonly outcome: DriftOutcome;
  readonly by: string | undefined;
  readonly at: Date;
}

/** What agents' software presented, in SQL. */
export interface DriftStore {
  /** Keeps it, or counts it where the same is open already; `times` is 1 when it is new. */
  count(seen: DriftSeen): Promise<{ readonly id: string; readonly times: number }>;
  /** Keeps the `limit` open ones of an agent that were seen last and forgets the others. */
  forgetOldest(agentId: string, limit: number): Promise<void>;
  findOpen(id: string, agentId: string): Promise<Drift | undefined>;
  /** The open ones of these agents, the one that was seen last first; at most 2,000. */
  openOf(agentIds: readonly string[]): Promise<readonly Drift[]>;
  /** The last one that somebody agreed to since a time. */
  lastAccepted(agentId: string, since: Date): Promise<Drift | undefined>;
  close(closing: Closing): Promise<void>;
  /** Agents that act although they are under review and whose risk is none of these. */
  actingBeyond(risks: readonly string[]): Promise<readonly string[]>;
  /** Removes up to `limit` that were settled before; returns how many went. */
  purge(before: Date, limit: number): Promise<number>;
}

interface Row {
  readonly id: string;
  readonly agent_id: string;
  readonly presented_digest: string | null;
  readonly presented_model: AgentModel | null;
  readonly recorded_digest: string | null;
  readonly recorded_model: AgentModel | null;
  readonly client_id: string;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly times: number;
  readonly closed_at: Date | null;
  readonly closed_by: string | null;
  readonly outcome: DriftOutcome | null;
}

const COLUMNS = [
  ...['id', 'agent_id', 'presented_digest', 'presented_model', 'recorded_digest', 'recorded_model', 'client_id'],
  ...['first_seen_at', 'last_seen_at', 'times', 'closed_at', 'closed_by', 'outcome'],
].join(', ');
const SELECT = `SELECT ${COLUMNS} FROM agent_drifts`;
const MOST = 2_000;

const jsonOf = (model: AgentModel | undefined) => (model === undefined ? undefined : JSON.stringify(model));

function toDrift(row: Row): Drift {
  return {
    id: row.id,
    agentId: row.agent_id,
    presented: { digest: row.presented_digest ?? undefined, model: row.presented_model ?? undefined },
    recorded: { manifestDigest: row.recorded_digest ?? undefined, model: row.recorded_model ?? undefined },
    clientId: row.client_id,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    times: row.times,
    closedAt: row.closed_at ?? undefined,
    closedBy: row.closed_by ?? undefined,
    outcome: row.outcome ?? undefined,
  };
}

function writes(db: Db): Pick<DriftStore, 'count' | 'forgetOldest' | 'close' | 'purge'> {
  return {
    async count({ id, agentId, fingerprint, presented, recorded, clientId, at }) {
      const text = `INSERT INTO agent_drifts AS known
          (id, agent_id, fingerprint, presented_digest, presented_model, recorded_digest, recorded_model, client_id, first_seen_at, last_seen_at, times)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 1)
        ON CONFLICT (agent_id, fingerprint) WHERE closed_at IS NULL DO UPDATE
          SET times = least(known.times, 2147483646) + 1, last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at), client_id = excluded.client_id
        RETURNING id, times`;
      const said = [presented.digest, jsonOf(presented.model), recorded.manifestDigest, jsonOf(recorded.model)];
      const values = [id, agentId, fingerprint, ...said, clientId, at];
      const row = await db.row<{ id: string; times: number }>({ name: 'drift-count', text, values });
      if (row === undefined) throw new Error('what was presented could not be kept');
      return row;
    },
    async forgetOldest(agentId, limit) {
      const text = `DELETE FROM agent_drifts WHERE id = ANY(ARRAY(
        SELECT id FROM agent_drifts WHERE agent_id = $1 AND closed_at IS NULL ORDER BY last_seen_at DESC, id DESC OFFSET $2))`;
      await db.rows({ name: 'drift-forget', text, values: [agentId, limit] });
    },
    async close({ ids, outcome, by, at }) {
      if (ids.length === 0) return;
      const text = 'UPDATE agent_drifts SET closed_at = $2, closed_by = $3, outcome = $4 WHERE id = ANY($1::text[]) AND closed_at IS NULL';
      await db.rows({ name: 'drift-close', text, values: [ids, at, by, outcome] });
    },
    purge: (before, limit) => purge(db, { table: 'agent_drifts', column: 'closed_at', before }, limit),
  };
}

/** The store over PostgreSQL. */
export function createDriftStore({ db }: { readonly db: Db }): DriftStore {
  return {
    ...writes(db),
    async findOpen(id, agentId) {
      const text = `${SELECT} WHERE id = $1 AND agent_id = $2 AND closed_at IS NULL`;
      const row = await db.row<Row>({ name: 'drift-find-open', text, values: [id, agentId] });
      return row && toDrift(row);
    },
    async openOf(agentIds) {
      if (agentIds.length === 0) return [];
      const text = `${SELECT} WHERE agent_id = ANY($1::text[]) AND closed_at IS NULL ORDER BY last_seen_at DESC, id DESC LIMIT ${MOST}`;
      return (await db.rows<Row>({ name: 'drift-open', text, values: [agentIds] })).map(toDrift);
    },
    async lastAccepted(agentId, since) {
      const text = `${SELECT} WHERE agent_id = $1 AND outcome = 'accepted' AND closed_at >= $2 ORDER BY closed_at DESC, id DESC LIMIT 1`;
      const row = await db.row<Row>({ name: 'drift-accepted', text, values: [agentId, since] });
      return row && toDrift(row);
    },
    async actingBeyond(risks) {
      const text = 'SELECT id FROM agents WHERE acts_under_review AND NOT risk_level = ANY($1::text[]) ORDER BY id';
      return (await db.rows<{ id: string }>({ name: 'drift-acting', text, values: [risks] })).map(({ id }) => id);
    },
  };
}
