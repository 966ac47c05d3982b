import type { Db } from '../platform/db/db.ts';
import { keySet, keysOf } from '../platform/db/row-set.ts';
import { AppError } from '../platform/errors.ts';
import type { Agent, AgentOwner } from './agent.ts';
import type { AgentStatus } from './lifecycle.ts';
import { AGENT_COLUMNS, type AgentRow, DETAIL_COLUMNS, detailValues, LIFE_COLUMNS, lifeValues, toAgent } from './row.ts';

/** A move in the lifecycle: kept only when the agent still is where it was seen. */
export interface StatusMove {
  readonly id: string;
  readonly from: AgentStatus;
  /** Set: the agent must also be unchanged since. */
  readonly version?: number;
  readonly to: AgentStatus;
  readonly reason: string | undefined;
  readonly by: string | undefined;
  readonly at: Date;
  /** It goes on acting although it is under review; every other move ends that. */
  readonly actsUnderReview?: boolean;
}

/** Agents and the clients they authenticate through, in SQL. */
export interface AgentStore {
  find(id: string): Promise<Agent | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(id: string): Promise<Agent | undefined>;
  findByClient(clientId: string): Promise<Agent | undefined>;
  /** The same, and whether it may act as far as its state and its owner go: both as they are in one moment. */
  standingOf(clientId: string): Promise<(Agent & { readonly isLive: boolean }) | undefined>;
  clientsOf(agentId: string): Promise<readonly string[]>;
  /** Those of all of these agents. */
  clientsOfAll(agentIds: readonly string[]): Promise<readonly string[]>;
  childrenOf(agentId: string): Promise<Agent[]>;
  /** The names of those of these agents that there are; the deleted are not. */
  namesOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Agents of any of these owners that are not retired, newest first, at most 200. */
  ownedBy(owners: readonly AgentOwner[]): Promise<Agent[]>;
  /** @throws {AppError} `conflict` (`uniqueness`) when the name or the external id is taken. */
  insert(agent: Agent): Promise<void>;
  /** The new state; undefined when the version is no longer `version`. @throws {AppError} `conflict` (`uniqueness`). */
  update(agent: Agent, version: number): Promise<Agent | undefined>;
  /** Undefined when the agent is no longer in `from`, or not at `version`. */
  move(move: StatusMove): Promise<Agent | undefined>;
  markRemoved(id: string, at: Date): Promise<void>;
  /** Holds back everybody else who changes parents, until the transaction ends. */
  lockParentage(): Promise<void>;
  /** False when the client stands for an agent already. */
  insertClient(link: { readonly agentId: string; readonly clientId: string; readonly at: Date }): Promise<boolean>;
  deleteClient(clientId: string): Promise<string | undefined>;
  setLastSeen(seen: readonly { readonly id: string; readonly at: Date }[]): Promise<void>;
}

const SELECT = `SELECT ${AGENT_COLUMNS} FROM agents`;
const PARENTAGE_LOCK = 0x61677061; // "agpa"
const INSERT_COLUMNS = [...DETAIL_COLUMNS, ...LIFE_COLUMNS];

const placeholders = (count: number, first: number) => Array.from({ length: count }, (_, index) => `$${index + first}`).join(', ');

/** What whoever sent it hears when the name or the external id of an agent is taken. */
export function takenRefusal(member: 'name' | 'externalId'): AppError {
  const words = { name: 'Another agent has this name.', externalId: 'Another agent from this source has this externalId.' };
  return new AppError('conflict', words[member], { member, scimType: 'uniqueness' });
}

/** Which rule an insert or update broke, in the words of whoever sent it. */
export function asRefusal(error: unknown): unknown {
  const { code, constraint } = (error ?? {}) as { code?: string; constraint?: string };
  if (code !== '23505') return error;
  if (constraint === 'agents_name_taken') return takenRefusal('name');
  return constraint === 'agents_external_id_taken' ? takenRefusal('externalId') : error;
}

type StandingRow = AgentRow & { readonly client_id: string; readonly is_live: boolean };

function reads(db: Db) {
  const one = async (name: string, rest: string, value: string) => {
    const row = await db.row<AgentRow>({ name, text: `${SELECT} ${rest}`, values: [value] });
    return row && toAgent(row);
  };
  return {
    find: (id: string) => one('agent-find', 'WHERE id = $1', id),
    lock: (id: string) => one('agent-lock', 'WHERE id = $1 FOR UPDATE', id),
    findByClient: (clientId: string) =>
      one('agent-by-client', 'JOIN agent_clients link ON link.agent_id = agents.id WHERE link.client_id = $1', clientId),
    standingOf: db.together(async (clientIds: readonly string[]) => {
      const text = `SELECT link.client_id, ${AGENT_COLUMNS}, EXISTS (SELECT 1 FROM live_agents WHERE live_agents.agent_id = agents.id) AS is_live
        FROM agents JOIN agent_clients link ON link.agent_id = agents.id WHERE link.client_id = ANY(${keysOf('$1')})`;
      const rows = await db.rows<StandingRow>({ name: 'agent-standing', text, values: [keySet(clientIds)] });
      const found = new Map(rows.map((row) => [row.client_id, { ...toAgent(row), isLive: row.is_live }]));
      return clientIds.map((id) => found.get(id));
    }),
    async clientsOf(agentId: string) {
      const text = 'SELECT client_id FROM agent_clients WHERE agent_id = $1 ORDER BY linked_at, client_id LIMIT 200';
      const rows = await db.rows<{ client_id: string }>({ name: 'agent-clients', text, values: [agentId] });
      return rows.map((row) => row.client_id);
    },
    async clientsOfAll(agentIds: readonly string[]) {
      const text = 'SELECT client_id FROM agent_clients WHERE agent_id = ANY($1) ORDER BY client_id';
      const rows = await db.rows<{ client_id: string }>({ name: 'agent-clients-of-all', text, values: [agentIds] });
      return rows.map((row) => row.client_id);
    },
    async childrenOf(agentId: string) {
      const text = `${SELECT} WHERE parent_id = $1 AND removed_at IS NULL ORDER BY id DESC LIMIT 200`;
      return (await db.rows<AgentRow>({ name: 'agent-children', text, values: [agentId] })).map(toAgent);
    },
    async namesOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
      if (agentIds.length === 0) return new Map();
      const text = `SELECT id, display_name FROM agents WHERE id = ANY(${keysOf('$1')}) AND removed_at IS NULL`;
      const rows = await db.rows<{ id: string; display_name: string }>({ name: 'agent-names', text, values: [keySet(agentIds)] });
      return new Map(rows.map((row) => [row.id, row.display_name]));
    },
    async ownedBy(owners: readonly AgentOwner[]) {
      const text = `${SELECT} JOIN unnest($1::text[], $2::text[]) AS owner(kind, id) ON agents.owner_kind = owner.kind AND agents.owner_id = owner.id
        WHERE agents.status <> 'retired' ORDER BY agents.id DESC LIMIT 200`;
      const values = [owners.map(({ kind }) => kind), owners.map(({ id }) => id)];
      return (await db.rows<AgentRow>({ name: 'agent-owned-by', text, values })).map(toAgent);
    },
  };
}

function writes(db: Db) {
  const count = DETAIL_COLUMNS.length;
  return {
    async insert(agent: Agent) {
      const text = `INSERT INTO agents (${INSERT_COLUMNS.join(', ')}) VALUES (${placeholders(INSERT_COLUMNS.length, 1)})`;
      try {
        await db.rows({ name: 'agent-insert', text, values: [...detailValues(agent), ...lifeValues(agent)] });
      } catch (error) {
        throw asRefusal(error);
      }
    },
    async update(agent: Agent, version: number) {
      const text = `UPDATE agents SET (${DETAIL_COLUMNS.join(', ')}) = ROW(${placeholders(count, 1)}), version = version + 1, updated_at = $${count + 1}
        WHERE id = $${count + 2} AND version = $${count + 3} AND removed_at IS NULL RETURNING ${AGENT_COLUMNS}`;
      try {
        const values = [...detailValues(agent), agent.updatedAt, agent.id, version];
        const row = await db.row<AgentRow>({ name: 'agent-update', text, values });
        return row && toAgent(row);
      } catch (error) {
        throw asRefusal(error);
      }
    },
    async move({ id, from, version, to, reason, by, at, actsUnderReview = false }: StatusMove) {
      const text = `UPDATE agents SET status = $4, status_before = status, stopped_with = NULL, status_reason = $5, status_changed_by = $6, status_changed_at = $7, version = version + 1, updated_at = $7,
          acts_under_review = $8
        WHERE id = $1 AND status = $2 AND ($3::int IS NULL OR version = $3) RETURNING ${AGENT_COLUMNS}`;
      const row = await db.row<AgentRow>({ name: 'agent-move', text, values: [id, from, version, to, reason, by, at, actsUnderReview] });
      return row && toAgent(row);
    },
    async markRemoved(id: string, at: Date) {
      await db.rows({
        name: 'agent-remove',
        text: 'UPDATE agents SET removed_at = $2, updated_at = $2, version = version + 1 WHERE id = $1',
        values: [id, at],
      });
    },
    async lockParentage() {
      await db.rows({ name: 'agent-lock-parentage', text: 'SELECT pg_advisory_xact_lock($1)', values: [PARENTAGE_LOCK] });
    },
    async setLastSeen(seen: readonly { readonly id: string; readonly at: Date }[]) {
      const text = `UPDATE agents SET last_seen_at = seen.at FROM unnest($1::text[], $2::timestamptz[]) AS seen(id, at)
        WHERE agents.id = seen.id AND (agents.last_seen_at IS NULL OR agents.last_seen_at < seen.at)`;
      await db.rows({ name: 'agent-last-seen', text, values: [seen.map(({ id }) => id), seen.map(({ at }) => at)] });
    },
  };
}

function links(db: Db) {
  return {
    async insertClient({ agentId, clientId, at }: { readonly agentId: string; readonly clientId: string; readonly at: Date }) {
      const text =
        'INSERT INTO agent_clients (client_id, agent_id, linked_at) VALUES ($1, $2, $3) ON CONFLICT (client_id) DO NOTHING RETURNING client_id';
      return (await db.row({ name: 'agent-link-client', text, values: [clientId, agentId, at] })) !== undefined;
    },
    async deleteClient(clientId: string) {
      const text = 'DELETE FROM agent_clients WHERE client_id = $1 RETURNING agent_id';
      return (await db.row<{ agent_id: string }>({ name: 'agent-unlink-client', text, values: [clientId] }))?.agent_id;
    },
  };
}

/** The store over PostgreSQL. */
export function createAgentStore({ db }: { readonly db: Db }): AgentStore {
  return { ...reads(db), ...writes(db), ...links(db) };
}
