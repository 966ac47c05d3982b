import type { Db } from '../../platform/db/db.ts';
import {
  compileFilter,
  compileSort,
  scimRefusal,
  type ScimColumn,
  type ScimColumns,
  type ScimListQuery,
  type ScimValueTable,
} from '../../scim/index.ts';
import type { Agent, RiskLevel } from '../agent.ts';
import type { AgentStatus } from '../lifecycle.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import { extensionUrn } from '../scim-schema.ts';

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
  page(
    query: ScimListQuery,
  ): Promise<{ readonly found: readonly AgentWithClients[]; readonly total: number; readonly nextPosition?: string }>;
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

const text = (column: string): ScimColumn => ({ column, type: 'text' });
const time = (column: string): ScimColumn => ({ column, type: 'timestamp' });
const kept = (name: string): ScimColumn => text(`(agents.provisioned->>'${name}')`);
const keptValues = (name: string): ScimValueTable => {
  const columns = Object.fromEntries(['value', 'display', 'type'].map((member) => [member, text(`(each.doc->>'${member}')`)]));
  const primary: ScimColumn = { column: `((each.doc->>'primary')::boolean)`, type: 'boolean' };
  return {
    rows: `SELECT 1 FROM jsonb_array_elements(agents.provisioned->'${name}') AS each(doc) WHERE true`,
    columns: { ...columns, primary },
  };
};

/** Where each attribute of the resource type is stored; others cannot be filtered by. */
const scimColumns: ScimColumns = {
  id: text('agents.id'),
  externalId: text('agents.external_id'),
  'meta.created': time('agents.created_at'),
  'meta.lastModified': time('agents.updated_at'),
  name: text('agents.name'),
  agentUserName: text('agents.name'),
  displayName: text('agents.display_name'),
  description: text('agents.description'),
  active: { column: `(agents.status = 'active')`, type: 'boolean' },
  agentType: kept('agentType'),
  subject: kept('subject'),
  roles: keptValues('roles'),
  entitlements: keptValues('entitlements'),
  protocols: {
    rows: `SELECT 1 FROM jsonb_array_elements(agents.provisioned->'protocols') AS each(doc) WHERE true`,
    columns: { type: text(`(each.doc->>'type')`), specificationUrl: text(`(each.doc->>'specificationUrl')`) },
  },
  // Not a table: PostgreSQL pulls this up into a plain condition, which the index on the owner serves.
  owners: {
    rows: 'SELECT 1 WHERE agents.owner_id IS NOT NULL',
    columns: { value: text('agents.owner_id'), type: text(`(CASE agents.owner_kind WHEN 'user' THEN 'User' ELSE 'Group' END)`) },
  },
  parent: text('agents.parent_id'),
  'parent.value': text('agents.parent_id'),
  [`${extensionUrn}:status`]: text('agents.status'),
  [`${extensionUrn}:purpose`]: text('agents.purpose'),
  [`${extensionUrn}:riskLevel`]: text('agents.risk_level'),
  [`${extensionUrn}:autonomy`]: text('agents.autonomy'),
  [`${extensionUrn}:environment`]: text('agents.environment'),
  [`${extensionUrn}:manifestDigest`]: text('agents.manifest_digest'),
  [`${extensionUrn}:validUntil`]: time('agents.valid_until'),
  [`${extensionUrn}:lastSeenAt`]: time('agents.last_seen_at'),
  [`${extensionUrn}:maxDelegationDepth`]: { column: 'agents.max_delegation_depth', type: 'number' },
  [`${extensionUrn}:model`]: text('agents.model::text'),
  [`${extensionUrn}:model.provider`]: text(`(agents.model->>'provider')`),
  [`${extensionUrn}:model.name`]: text(`(agents.model->>'name')`),
  [`${extensionUrn}:model.version`]: text(`(agents.model->>'version')`),
  [`${extensionUrn}:dataClasses`]: {
    rows: 'SELECT 1 FROM unnest(agents.data_classes) AS each(value) WHERE true',
    columns: { value: text('each.value') },
  },
  [`${extensionUrn}:clients`]: {
    rows: 'SELECT 1 FROM agent_clients link WHERE link.agent_id = agents.id',
    columns: { clientId: text('link.client_id') },
  },
};

type Parameter = string | boolean | number | Date;
type Row = AgentRow & { readonly client_ids: readonly string[] };
const WITH_CLIENTS = `SELECT ${AGENT_COLUMNS}, ARRAY(SELECT client_id FROM agent_clients WHERE agent_id = agents.id ORDER BY linked_at, client_id) AS client_ids FROM agents`;

/** Filters are as many as clients invent: such a statement has no name, or every connection would keep them all. */
const UNNAMED = '';

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

const toFound = (rows: readonly Row[]): AgentWithClients[] => rows.map((row) => ({ agent: toAgent(row), clientIds: row.client_ids }));

/** How many of a sorted list to skip. A position comes back from the client, so it may be anything. */
function offsetAt(position: string | undefined): number {
  if (position === undefined) return 0;
  if (!/^\d{1,9}$/.test(position))
    throw scimRefusal('invalidCursor', 'The cursor does not belong to this query: start again with an empty one.', 'cursor');
  return Number(position);
}

/** Pages of SCIM: in the order of the ids unless sorted; a position is the last id, or how many to skip of a sorted list. */
function createPages(db: Db): Pick<AgentSearchStore, 'page'> {
  const pageRows = async (condition: { sql: string; params: readonly Parameter[] }, { sort, page }: ScimListQuery) => {
    const values: Parameter[] = [...condition.params];
    const bind = (value: Parameter) => `$${values.push(value)}`;
    const isKeyset = page.by === 'position' && sort === undefined;
    const from = isKeyset && page.position !== undefined ? ` AND agents.id > ${bind(page.position)}` : '';
    const order = sort === undefined ? 'agents.id' : `${compileSort(sort, scimColumns)}, agents.id`;
    const skip = page.by === 'index' ? page.startIndex - 1 : offsetAt(isKeyset ? undefined : page.position);
    const limit = `LIMIT ${bind(page.count + 1)} OFFSET ${bind(skip)}`;
    const rows = await db.rows<Row>({
      name: UNNAMED,
      text: `${WITH_CLIENTS} WHERE ${condition.sql}${from} ORDER BY ${order} ${limit}`,
      values,
    });
    const found = rows.slice(0, page.count);
    const next = isKeyset ? found.at(-1)?.id : String(skip + found.length);
    return { found: toFound(found), nextPosition: rows.length > page.count ? next : undefined };
  };
  return {
    async page(query) {
      const filter = query.filter === undefined ? undefined : compileFilter(query.filter, scimColumns);
      const condition = {
        sql: `agents.removed_at IS NULL${filter === undefined ? '' : ` AND ${filter.sql}`}`,
        params: filter?.params ?? [],
      };
      const count = { name: UNNAMED, text: `SELECT count(*)::int AS count FROM agents WHERE ${condition.sql}`, values: condition.params };
      const [{ found, nextPosition }, total] = await Promise.all([pageRows(condition, query), db.row<{ count: number }>(count)]);
      return { found, total: total?.count ?? 0, ...(nextPosition === undefined ? {} : { nextPosition }) };
    },
  };
}

/** The store over PostgreSQL. */
export function createAgentSearchStore({ db }: { readonly db: Db }): AgentSearchStore {
  return { ...createLists(db), ...createPages(db) };
}
