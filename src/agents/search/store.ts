import type { Db } from '../../platform/db/db.ts';
import { columnsOf, createListing, type ScimFound, type ScimListQuery } from '../../scim/index.ts';
import type { Agent, RiskLevel } from '../agent.ts';
import type { AgentStatus } from '../lifecycle.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import { agentDefinition } from '../scim-extension.ts';

/** What a list may be narrowed to. `search` finds words by their beginning; `searchOwners` are owners whose name matched it. */
export interface AgentFilter {
  readonly status?: AgentStatus | undefined;
  readonly ownerId?: string | undefined;
  readonly risk?: RiskLevel | undefined;
  readonly search?: string | undefined;
  readonly searchOwners?: readonly string[] | undefined;
  /** Only agents not seen since then, or never. */
  readonly unseenSince?: Date | undefined;
}

/** Which page: the agents before (older than) `cursor`, or those that came after `newerThan`; newest first. */
export interface AgentListRequest extends AgentFilter {
  readonly cursor?: string | undefined;
  readonly newerThan?: string | undefined;
  readonly limit: number;
}

/** A page of agents; a cursor is set when there are more on its side. */
export interface AgentPage {
  readonly agents: readonly Agent[];
  readonly nextCursor: string | undefined;
  readonly previousCursor: string | undefined;
}

/** Agents with the clients linked to them, as SCIM shows them. */
export interface AgentWithClients {
  readonly agent: Agent;
  readonly clientIds: readonly string[];
}

export type StatusCounts = Readonly<Record<AgentStatus, number>>;

/** Lists of agents in SQL; those that were deleted are in none. */
export interface AgentSearchStore {
  list(request: AgentListRequest): Promise<AgentPage>;
  /** How many agents in each status. */
  countByStatus(): Promise<StatusCounts>;
  /** The same of those the filter lets through, whatever status it names; undefined: more than `MOST_COUNTED`. */
  countMatching(filter: AgentFilter): Promise<StatusCounts | undefined>;
  /** Adds up the differences that changes of status left. Idempotent. */
  compactCounts(): Promise<void>;
  /** How many agents that are not retired each of these owners has; an owner without any is left out. */
  countByOwner(ownerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Owners of at least one agent that is not retired, and how many such agents nobody alive answers for. */
  countOwnership(): Promise<{ readonly owners: number; readonly unowned: number }>;
  /** One page of SCIM. */
  page(query: ScimListQuery): Promise<ScimFound<AgentWithClients>>;
}

/** Counting stops here: nobody reads on from a number, and a search that matches half of a million agents must stay cheap. */
export const MOST_COUNTED = 1_000;

/** The words of an agent as `agents_words` indexes them. */
const WORDS = `to_tsvector('simple', regexp_replace(lower(agents.display_name || ' ' || agents.name || ' ' || agents.purpose), '[^[:alnum:]]+', ' ', 'g'))`;
const MOST_WORDS = 8;

/** Every word of a search by its beginning, in PostgreSQL's query language; nothing but letters and digits is left of it. */
function wordQueryOf(search: string): string | undefined {
  const words = search
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .slice(0, MOST_WORDS);
  return words.length === 0 ? undefined : words.map((word) => `'${word}':*`).join(' & ');
}

interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly bind: (value: unknown) => string;
}

/** Only what is asked for is in the statement: a condition that may be off would hide the index of one that is on. */
function conditionOf({ status, ownerId, risk, search, searchOwners, unseenSince }: AgentFilter): Condition {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const parts = ['agents.removed_at IS NULL'];
  if (status !== undefined) parts.push(`agents.status = ${bind(status)}`);
  if (ownerId !== undefined) parts.push(`agents.owner_id = ${bind(ownerId)}`);
  if (risk !== undefined) parts.push(`agents.risk_level = ${bind(risk)}`);
  if (unseenSince !== undefined) parts.push(`(agents.last_seen_at IS NULL OR agents.last_seen_at < ${bind(unseenSince)})`);
  if (search !== undefined) {
    const words = wordQueryOf(search);
    const ways = [`agents.id = ${bind(search)}`, `agents.owner_id = ANY (${bind(searchOwners ?? [])}::text[])`];
    if (words !== undefined) ways.push(`${WORDS} @@ to_tsquery('simple', ${bind(words)})`);
    parts.push(`(${ways.join(' OR ')})`);
  }
  return { sql: parts.join(' AND '), values, bind };
}

const NO_AGENTS: StatusCounts = { proposed: 0, active: 0, underReview: 0, suspended: 0, retired: 0 };
/** A plan for the values at hand: what suits a rare word does not suit a common one. */
const UNNAMED = '';

type Row = AgentRow & { readonly client_ids: readonly string[] };
/** What SCIM lists: agents that were not deleted, with the clients linked to them. */
const SCIM_ROWS = {
  select: `${AGENT_COLUMNS}, ARRAY(SELECT client_id FROM agent_clients WHERE agent_id = agents.id ORDER BY linked_at, client_id) AS client_ids`,
  from: 'agents',
  where: 'agents.removed_at IS NULL',
  id: 'agents.id',
};

function createLists(db: Db): Pick<AgentSearchStore, 'list' | 'countMatching'> {
  return {
    async list(request) {
      const { cursor, newerThan, limit } = request;
      const isBackwards = newerThan !== undefined;
      const { sql, values, bind } = conditionOf(request);
      const edge = newerThan ?? cursor;
      const from = edge === undefined ? '' : ` AND agents.id ${isBackwards ? '>' : '<'} ${bind(edge)}`;
      const order = isBackwards ? 'agents.id' : 'agents.id DESC';
      const text = `SELECT ${AGENT_COLUMNS} FROM agents WHERE ${sql}${from} ORDER BY ${order} LIMIT ${bind(limit + 1)}`;
      const rows = await db.rows<AgentRow>({ name: UNNAMED, text, values });
      const page = rows.slice(0, limit).map(toAgent);
      const agents = isBackwards ? page.reverse() : page;
      const hasMore = rows.length > limit;
      return {
        agents,
        nextCursor: hasMore || isBackwards ? agents.at(-1)?.id : undefined,
        previousCursor: cursor !== undefined || (isBackwards && hasMore) ? agents[0]?.id : undefined,
      };
    },
    async countMatching(filter) {
      const { sql, values, bind } = conditionOf({ ...filter, status: undefined });
      const text = `WITH matching AS MATERIALIZED (SELECT status FROM agents WHERE ${sql} LIMIT ${bind(MOST_COUNTED + 1)})
        SELECT status, count(*)::int AS count FROM matching GROUP BY status`;
      const rows = await db.rows<{ status: AgentStatus; count: number }>({ name: UNNAMED, text, values });
      const total = rows.reduce((sum, { count }) => sum + count, 0);
      return total > MOST_COUNTED ? undefined : { ...NO_AGENTS, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
    },
  };
}

const MOST_DIFFERENCES = 500;

function createCounts(db: Db): Pick<AgentSearchStore, 'countByStatus' | 'compactCounts' | 'countByOwner' | 'countOwnership'> {
  return {
    async countByStatus() {
      const text = 'SELECT status, sum(difference)::int AS count FROM agent_counts GROUP BY status';
      const rows = await db.rows<{ status: AgentStatus; count: number }>({ name: 'agent-count', text, values: [] });
      return { ...NO_AGENTS, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
    },
    async compactCounts() {
      const text = `WITH gone AS (DELETE FROM agent_counts WHERE (SELECT count(*) FROM agent_counts) > $1 RETURNING status, difference)
        INSERT INTO agent_counts (status, difference) SELECT status, sum(difference) FROM gone GROUP BY status`;
      await db.rows({ name: 'agent-count-compact', text, values: [MOST_DIFFERENCES] });
    },
    async countByOwner(ownerIds) {
      const sql = `SELECT owner_id, count(*)::int AS count FROM agents WHERE owner_id = ANY ($1) AND status <> 'retired' GROUP BY owner_id`;
      const rows = await db.rows<{ owner_id: string; count: number }>({ name: 'agent-count-owned', text: sql, values: [ownerIds] });
      return new Map(rows.map((row) => [row.owner_id, row.count]));
    },
    async countOwnership() {
      // Steps from owner to owner through the index on them instead of reading a million agents.
      const text = `WITH RECURSIVE owners(id) AS (
          (SELECT owner_id FROM agents WHERE removed_at IS NULL AND owner_id IS NOT NULL AND status <> 'retired' ORDER BY owner_id LIMIT 1)
          UNION ALL SELECT (SELECT owner_id FROM agents WHERE removed_at IS NULL AND status <> 'retired' AND owner_id > owners.id ORDER BY owner_id LIMIT 1)
            FROM owners WHERE owners.id IS NOT NULL
        ), judged AS (
          SELECT id, EXISTS (SELECT 1 FROM live_accounts WHERE account_id = id) OR EXISTS (SELECT 1 FROM live_groups WHERE group_id = owners.id) AS is_alive
          FROM owners WHERE id IS NOT NULL
        ) SELECT count(*) FILTER (WHERE is_alive)::int AS owners,
            ((SELECT count(*) FROM agents WHERE removed_at IS NULL AND status <> 'retired' AND owner_id IS NULL)
              + COALESCE(sum((SELECT count(*) FROM agents WHERE removed_at IS NULL AND status <> 'retired' AND owner_id = judged.id)) FILTER (WHERE NOT is_alive), 0))::int AS unowned
          FROM judged`;
      return (
        (await db.row<{ owners: number; unowned: number }>({ name: 'agent-ownership', text, values: [] })) ?? { owners: 0, unowned: 0 }
      );
    },
  };
}

/** The store over PostgreSQL. */
export function createAgentSearchStore({ db }: { readonly db: Db }): AgentSearchStore {
  const counts = createCounts(db);
  const countAll = async () => Object.values(await counts.countByStatus()).reduce((sum, count) => sum + count, 0);
  const listed = createListing<Row>({ db, rows: SCIM_ROWS, columns: columnsOf(agentDefinition), countAll });
  return {
    ...createLists(db),
    ...counts,
    async page(query) {
      const { rows, ...page } = await listed(query);
      return { ...page, rows: rows.map((row) => ({ agent: toAgent(row), clientIds: row.client_ids })) };
    },
  };
}
