import type { Db } from '../../platform/db/db.ts';
import { keySet, keysOf } from '../../platform/db/row-set.ts';
import type { Agent } from '../agent.ts';
import type { AgentStatus } from '../lifecycle.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import type { Elder } from './line.ts';

/** An agent below another one, as pages list it. */
export interface Descendant {
  readonly id: string;
  readonly displayName: string;
  readonly status: AgentStatus;
  readonly validUntil: Date | undefined;
  /** 1: directly below. */
  readonly depth: number;
}

/** A stop that reaches everything below an agent. */
export interface StopBelow {
  readonly id: string;
  readonly from: readonly AgentStatus[];
  readonly to: AgentStatus;
  /** For those directly below it, and for those further down. */
  readonly reasons: readonly [children: string, others: string];
  readonly by: string | undefined;
  readonly at: Date;
}

/** Lines and trees of agents in SQL. */
export interface FamilyStore {
  /** The agent and those above it, nearest first; empty when there is no such agent. */
  lineFrom(agentId: string): Promise<readonly Elder[]>;
  /** The state of an agent, held against whoever would move it until the transaction ends; others may hold it too. */
  hold(agentId: string): Promise<AgentStatus | undefined>;
  /** Agents directly below that are not retired; `exceptId` does not count. */
  countChildren(agentId: string, exceptId?: string): Promise<number>;
  /** How many generations stand below it, retired ones too. */
  heightOf(agentId: string): Promise<number>;
  /** Those below, each after the one it stands below, and how many there are. */
  below(agentId: string, limit: number): Promise<{ readonly agents: readonly Descendant[]; readonly total: number }>;
  /** Those below that act or are under review, nearest first: who would stop with it. */
  idsActingBelow(agentId: string): Promise<readonly string[]>;
  /** Those of these agents below which anybody stands. */
  parentsAmong(agentIds: readonly string[]): Promise<readonly { readonly id: string; readonly displayName: string }[]>;
  /** Moves all below it that are in one of `from`; returns whom and why. Held in the order of their ids, as everywhere. */
  stopBelow(stop: StopBelow): Promise<readonly { readonly id: string; readonly reason: string }[]>;
  /** Those below that were stopped with one of `stoppedWith`, nearest first, as far as nothing between them stands on its own account. */
  stoppedBelow(agentId: string, stoppedWith: readonly string[]): Promise<readonly Agent[]>;
  /** Holds those below that act, or were stopped with one of `stoppedWith`, against other writers until the transaction ends. */
  lockBelow(agentId: string, stoppedWith: readonly string[]): Promise<void>;
  /** Lets those of them act that still stand where such a stop left them; returns whom. */
  resume(resume: { readonly ids: readonly string[]; readonly by: string | undefined; readonly at: Date }): Promise<readonly string[]>;
}

const MAX_DEPTH = 20;

interface LineRow extends AgentRow {
  readonly of_agent: string;
  readonly is_live: boolean;
  readonly reach: readonly {
    readonly resources: readonly string[] | null;
    readonly scopes: readonly string[] | null;
    readonly grant_types: readonly string[] | null;
    readonly detail_types: readonly string[] | null;
  }[];
}

/** Each step up is a look-up by key, whatever the size of the table was when the plan was made. */
const LINE = `WITH RECURSIVE line(of_agent, id, parent_id, depth) AS (
    SELECT id, id, parent_id, 0 FROM agents WHERE id = ANY(${keysOf('$1')})
    UNION ALL SELECT line.of_agent, above.id, above.parent_id, line.depth + 1
      FROM line, LATERAL (SELECT id, parent_id FROM agents WHERE agents.id = line.parent_id LIMIT 1) AS above WHERE line.depth < ${MAX_DEPTH})
  SELECT line.of_agent, ${AGENT_COLUMNS}, (SELECT count(*) FROM live_agents WHERE live_agents.agent_id = agents.id) > 0 AS is_live,
    (SELECT coalesce(jsonb_agg(to_jsonb(reach)), '[]') FROM agent_clients link, LATERAL (
      SELECT resources, scopes, grant_types, detail_types FROM client_reach WHERE client_reach.client_id = link.client_id LIMIT 1) AS reach
      WHERE link.agent_id = agents.id) AS reach
  FROM line, LATERAL (SELECT * FROM agents AS each WHERE each.id = line.id LIMIT 1) AS agents ORDER BY line.of_agent, line.depth`;

/** The tree below `$1`, for a WITH; `only`: a condition on `agents` without which a branch ends. */
const tree = (only = 'true') => `WITH RECURSIVE below(id, depth, path) AS (
    SELECT agents.id, 1, ARRAY[agents.id] FROM agents WHERE agents.parent_id = $1 AND ${only}
    UNION ALL SELECT agents.id, below.depth + 1, below.path || agents.id
      FROM agents JOIN below ON agents.parent_id = below.id WHERE below.depth < ${MAX_DEPTH} AND ${only})`;

const STOPPED = `(agents.status IN ('suspended', 'underReview') AND agents.stopped_with = ANY($2))`;
const RESUMABLE = `(agents.status = 'active' OR ${STOPPED})`;

function toElder(row: LineRow): Elder {
  const reach = row.reach.map(({ resources, scopes, grant_types: grantTypes, detail_types: detailTypes }) => ({
    resources: resources ?? undefined,
    scopes: scopes ?? undefined,
    grantTypes: grantTypes ?? [],
    detailTypes: detailTypes ?? undefined,
  }));
  return { ...toAgent(row), isLive: row.is_live, reach };
}

function lines(db: Db): Pick<FamilyStore, 'lineFrom' | 'hold' | 'countChildren' | 'heightOf'> {
  return {
    lineFrom: db.together(async (agentIds: readonly string[]) => {
      const rows = await db.rows<LineRow>({ name: 'agent-line-with-reach', text: LINE, values: [keySet(agentIds)] });
      const found = Map.groupBy(rows, (row) => row.of_agent);
      return agentIds.map((id) => (found.get(id) ?? []).map(toElder));
    }),
    async hold(agentId) {
      const text = 'SELECT status FROM agents WHERE id = $1 AND removed_at IS NULL FOR SHARE';
      return (await db.row<{ status: AgentStatus }>({ name: 'agent-hold', text, values: [agentId] }))?.status;
    },
    async countChildren(agentId, exceptId) {
      const text = `SELECT count(*)::int AS count FROM agents WHERE parent_id = $1 AND status <> 'retired' AND ($2::text IS NULL OR id <> $2)`;
      return (await db.row<{ count: number }>({ name: 'agent-count-children', text, values: [agentId, exceptId] }))?.count ?? 0;
    },
    async heightOf(agentId) {
      const text = `${tree()} SELECT coalesce(max(depth), 0) AS height FROM below`;
      return (await db.row<{ height: number }>({ name: 'agent-height', text, values: [agentId] }))?.height ?? 0;
    },
  };
}

function trees(db: Db): Omit<FamilyStore, 'lineFrom' | 'hold' | 'countChildren' | 'heightOf'> {
  const ids = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id);
  return {
    async below(agentId, limit) {
      const text = `${tree()} SELECT agents.id, display_name, status, valid_until, depth, count(*) OVER ()::int AS total
        FROM below JOIN agents ON agents.id = below.id WHERE agents.removed_at IS NULL ORDER BY below.path LIMIT $2`;
      const rows = await db.rows<AgentRow & { depth: number; total: number }>({ name: 'agent-below', text, values: [agentId, limit] });
      const agents = rows.map(({ id, display_name: displayName, status, valid_until: until, depth }) => ({
        ...{ id, displayName, status, depth },
        validUntil: until ?? undefined,
      }));
      return { agents, total: rows[0]?.total ?? 0 };
    },
    async idsActingBelow(agentId) {
      const text = `${tree()} SELECT agents.id FROM below JOIN agents ON agents.id = below.id WHERE agents.status IN ('active', 'underReview')
        ORDER BY below.depth, agents.id`;
      return ids(await db.rows({ name: 'agent-ids-acting-below', text, values: [agentId] }));
    },
    parentsAmong(agentIds) {
      const text = `SELECT id, display_name AS "displayName" FROM agents WHERE id = ANY(${keysOf('$1')})
        AND EXISTS (SELECT 1 FROM agents AS child WHERE child.parent_id = agents.id) ORDER BY id`;
      return db.rows({ name: 'agent-parents-among', text, values: [keySet(agentIds)] });
    },
    async stopBelow({ id, from, to, reasons, by, at }) {
      const text = `${tree()},
        held AS (SELECT agents.id, below.depth FROM agents JOIN below ON below.id = agents.id WHERE agents.status = ANY($2) OR agents.acts_under_review
          ORDER BY agents.id FOR UPDATE OF agents)
        UPDATE agents SET status = $3, status_before = agents.status, status_reason = CASE held.depth WHEN 1 THEN $4 ELSE $5 END, status_changed_by = $6, status_changed_at = $7,
          updated_at = $7, version = version + 1, stopped_with = CASE WHEN agents.status = 'active' THEN $1 ELSE agents.stopped_with END, acts_under_review = false
        FROM held WHERE agents.id = held.id AND (agents.status = ANY($2) OR agents.acts_under_review) RETURNING agents.id, agents.status_reason AS reason`;
      return db.rows({ name: 'agent-stop-below', text, values: [id, from, to, ...reasons, by, at] });
    },
    async stoppedBelow(agentId, stoppedWith) {
      const text = `${tree(RESUMABLE)}
        SELECT ${AGENT_COLUMNS} FROM below JOIN agents ON agents.id = below.id
        WHERE ${STOPPED} ORDER BY below.depth, agents.id`;
      return (await db.rows<AgentRow>({ name: 'agent-stopped-below', text, values: [agentId, stoppedWith] })).map(toAgent);
    },
    async lockBelow(agentId, stoppedWith) {
      const text = `${tree(RESUMABLE)} SELECT agents.id FROM below JOIN agents ON agents.id = below.id ORDER BY agents.id FOR UPDATE OF agents`;
      await db.rows({ name: 'agent-lock-below', text, values: [agentId, stoppedWith] });
    },
    async resume({ ids: chosen, by, at }) {
      const text = `UPDATE agents SET status = 'active', status_before = agents.status, status_reason = NULL, status_changed_by = $2, status_changed_at = $3, updated_at = $3,
          stopped_with = NULL, version = version + 1
        WHERE id = ANY($1) AND agents.status IN ('suspended', 'underReview') AND agents.stopped_with IS NOT NULL RETURNING agents.id`;
      return ids(await db.rows({ name: 'agent-resume-below', text, values: [chosen, by, at] }));
    },
  };
}

/** The store over PostgreSQL. */
export function createFamilyStore({ db }: { readonly db: Db }): FamilyStore {
  return { ...lines(db), ...trees(db) };
}
