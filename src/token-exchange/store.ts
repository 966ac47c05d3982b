import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { type Columns, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { Delegation } from './delegation.ts';

/** What a list of delegations may be narrowed to. `cursor` is the id of the last one seen; the newest come first. */
export interface DelegationFilter {
  readonly agentId?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Who hands on, and to whom. */
export interface AgentPair {
  readonly from: string;
  readonly to: string;
}

/** SQL of the delegations. */
export interface DelegationStore {
  /** Those in force from one agent to another, oldest first: what an exchange asks. */
  inForce(agents: AgentPair): Promise<readonly Delegation[]>;
  find(id: string): Promise<Delegation | undefined>;
  list(filter: DelegationFilter): Promise<Delegation[]>;
  insert(delegation: Delegation): Promise<void>;
  /** False when it had ended already, or never was. */
  end(id: string, by: { readonly id: string; readonly at: Date }): Promise<boolean>;
}

interface Row {
  readonly id: string;
  readonly from_agent_id: string;
  readonly to_agent_id: string;
  readonly resources: string[];
  readonly scopes: string[];
  readonly detail_types: string[];
  readonly until: Date;
  readonly created_by: string;
  readonly created_at: Date;
  readonly ended_at: Date | null;
  readonly ended_by: string | null;
  readonly hides_actor: boolean | null;
}

function toDelegation(row: Row): Delegation {
  const { id, resources, scopes, until } = row;
  return {
    id,
    fromAgentId: row.from_agent_id,
    toAgentId: row.to_agent_id,
    resources,
    scopes,
    detailTypes: row.detail_types,
    until,
    createdBy: row.created_by,
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
    endedBy: row.ended_by ?? undefined,
    hidesActor: row.hides_actor === true,
  };
}

const PAIR: Columns = [
  ['place', 'int'],
  ['from_id', 'text'],
  ['to_id', 'text'],
];

/** The store over PostgreSQL. */
export function createDelegationStore({ db, clock }: { db: Db; clock: Clock }): DelegationStore {
  return {
    inForce: db.together(async (pairs: readonly AgentPair[]) => {
      const rows = await db.rows<Row & { place: number }>({
        name: 'delegation-in-force',
        text: `SELECT pair.place, found.* FROM ${rowsOf('$1', PAIR, 'pair')}, LATERAL (
                 SELECT * FROM delegations WHERE from_agent_id = pair.from_id AND to_agent_id = pair.to_id AND ended_at IS NULL AND until > $2
                 ORDER BY id LIMIT 100) AS found`,
        values: [rowSet(pairs.map(({ from, to }, place) => ({ place, from_id: from, to_id: to }))), clock.now()],
      });
      const found = Map.groupBy(rows, ({ place }) => place);
      return pairs.map((_pair, index) => (found.get(index) ?? []).map(toDelegation));
    }),
    async find(id) {
      const row = await db.row<Row>({ name: 'delegation-find', text: 'SELECT * FROM delegations WHERE id = $1', values: [id] });
      return row && toDelegation(row);
    },
    async list({ agentId, cursor, limit }) {
      const rows = await db.rows<Row>({
        name: 'delegation-list',
        text: `SELECT * FROM delegations WHERE ($1::text IS NULL OR from_agent_id = $1 OR to_agent_id = $1) AND ($2::text IS NULL OR id < $2)
               ORDER BY id DESC LIMIT $3`,
        values: [agentId, cursor, limit],
      });
      return rows.map(toDelegation);
    },
    async insert({ id, fromAgentId, toAgentId, resources, scopes, detailTypes, until, createdBy, createdAt, hidesActor }) {
      const lists = { resources: [...resources], scopes: [...scopes], detailTypes: [...detailTypes] };
      await db.prisma.delegation.create({ data: { id, fromAgentId, toAgentId, ...lists, until, createdBy, createdAt, hidesActor } });
    },
    async end(id, by) {
      const ended = await db.prisma.delegation.updateMany({ where: { id, endedAt: null }, data: { endedAt: by.at, endedBy: by.id } });
      return ended.count === 1;
    },
  };
}
