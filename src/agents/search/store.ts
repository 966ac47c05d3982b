import type { Db } from '../../platform/db/db.ts';
import { columnsOf, createListing, type ScimFound, type ScimListQuery } from '../../scim/index.ts';
import type { Agent, RiskLevel } from '../agent.ts';
import type { AgentStatus } from '../lifecycle.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import { agentDefinition } from '../scim-extension.ts';

/** What a list may be narrowed to. Text is searched in names and purpose; `searchOwners` are owners whose name matched it. */
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

/** Lists of agents in SQL; those that were deleted are in none. */
export interface AgentSearchStore {
  list(request: AgentListRequest): Promise<AgentPage>;
  /** How many in each status, of those the filter lets through; a status in the filter does not count. */
  countByStatus(filter: AgentFilter): Promise<Readonly<Record<AgentStatus, number>>>;
  /** How many agents that are not retired each of these owners has; an owner without any is left out. */
  countByOwner(ownerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Owners of at least one agent that is not retired, and how many such agents nobody alive answers for. */
  countOwnership(): Promise<{ readonly owners: number; readonly unowned: number }>;
  /** One page of SCIM. */
  page(query: ScimListQuery): Promise<ScimFound<AgentWithClients>>;
}

const FILTER = `agents.removed_at IS NULL AND ($1::text IS NULL OR agents.status = $1) AND ($2::text IS NULL OR agents.owner_id = $2)
  AND ($3::text IS NULL OR agents.risk_level = $3) AND ($6::timestamptz IS NULL OR agents.last_seen_at IS NULL OR agents.last_seen_at < $6)
  AND ($4::text IS NULL OR lower(agents.display_name) LIKE $4 OR lower(agents.name) LIKE $4 OR lower(agents.purpose) LIKE $4 OR agents.owner_id = ANY ($5::text[]))`;

/** `%` and `_` typed by a person mean themselves. */
function patternOf(search: string | undefined): string | undefined {
  return search ? `%${search.toLowerCase().replaceAll(/[\\%_]/g, String.raw`\$&`)}%` : undefined;
}

function filterValues({ status, ownerId, risk, search, searchOwners, unseenSince }: AgentFilter): readonly unknown[] {
  return [status, ownerId, risk, patternOf(search), searchOwners ?? [], unseenSince];
}

type Row = AgentRow & { readonly client_ids: readonly string[] };
/** What SCIM lists: agents that were not deleted, with the clients linked to them. */
const SCIM_ROWS = {
  select: `${AGENT_COLUMNS}, ARRAY(SELECT client_id FROM agent_clients WHERE agent_id = agents.id ORDER BY linked_at, client_id) AS client_ids`,
  from: 'agents',
  where: 'agents.removed_at IS NULL',
  id: 'agents.id',
};

function createLists(db: Db): Pick<AgentSearchStore, 'list' | 'countByStatus' | 'countByOwner' | 'countOwnership'> {
  const older = `SELECT ${AGENT_COLUMNS} FROM agents WHERE ${FILTER} AND ($7::text IS NULL OR agents.id < $7) ORDER BY agents.id DESC LIMIT $8`;
  const newer = `SELECT ${AGENT_COLUMNS} FROM agents WHERE ${FILTER} AND agents.id > $7 ORDER BY agents.id LIMIT $8`;
  return {
    async list(request) {
      const { cursor, newerThan, limit } = request;
      const isBackwards = newerThan !== undefined;
      const values = [...filterValues(request), newerThan ?? cursor, limit + 1];
      const rows = await db.rows<AgentRow>({
        name: isBackwards ? 'agent-list-newer' : 'agent-list',
        text: isBackwards ? newer : older,
        values,
      });
      const page = rows.slice(0, limit).map(toAgent);
      const agents = isBackwards ? page.reverse() : page;
      const hasMore = rows.length > limit;
      return {
        agents,
        nextCursor: hasMore || isBackwards ? agents.at(-1)?.id : undefined,
        previousCursor: cursor !== undefined || (isBackwards && hasMore) ? agents[0]?.id : undefined,
      };
    },
    async countByOwner(ownerIds) {
      const sql = `SELECT owner_id, count(*)::int AS count FROM agents WHERE owner_id = ANY ($1) AND status <> 'retired' GROUP BY owner_id`;
      const rows = await db.rows<{ owner_id: string; count: number }>({ name: 'agent-count-owned', text: sql, values: [ownerIds] });
      return new Map(rows.map((row) => [row.owner_id, row.count]));
    },
    async countOwnership() {
      const alive = `(owner_kind = 'user' AND EXISTS (SELECT 1 FROM live_accounts WHERE live_accounts.account_id = owner_id))
        OR (owner_kind = 'group' AND EXISTS (SELECT 1 FROM groups WHERE groups.id = owner_id))`;
      const text = `SELECT count(DISTINCT owner_id) FILTER (WHERE ${alive})::int AS owners, count(*) FILTER (WHERE (${alive}) IS NOT TRUE)::int AS unowned
        FROM agents WHERE removed_at IS NULL AND status <> 'retired'`;
      return (
        (await db.row<{ owners: number; unowned: number }>({ name: 'agent-ownership', text, values: [] })) ?? { owners: 0, unowned: 0 }
      );
    },
    async countByStatus(filter) {
      const sql = `SELECT agents.status, count(*)::int AS count FROM agents WHERE ${FILTER} GROUP BY agents.status`;
      const rows = await db.rows<{ status: AgentStatus; count: number }>({
        name: 'agent-count',
        text: sql,
        values: filterValues({ ...filter, status: undefined }),
      });
      const none = { proposed: 0, active: 0, underReview: 0, suspended: 0, retired: 0 };
      return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
    },
  };
}

/** The store over PostgreSQL. */
export function createAgentSearchStore({ db }: { readonly db: Db }): AgentSearchStore {
  const listed = createListing<Row>({ db, rows: SCIM_ROWS, columns: columnsOf(agentDefinition) });
  return {
    ...createLists(db),
    async page(query) {
      const { rows, ...page } = await listed(query);
      return { ...page, rows: rows.map((row) => ({ agent: toAgent(row), clientIds: row.client_ids })) };
    },
  };
}
