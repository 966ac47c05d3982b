import type { Db } from '../../platform/db/db.ts';
import { keySet, rowSet } from '../../platform/db/row-set.ts';
import type { Agent } from '../agent.ts';
import { AGENT_COLUMNS, type AgentRow, DETAIL_COLUMNS, detailValues, LIFE_COLUMNS, lifeValues, toAgent } from '../row.ts';
import { asRefusal } from '../store.ts';

/** What keeps a new agent out. */
export interface TakenRule {
  readonly id: string;
  readonly member: 'name' | 'externalId' | undefined;
}

/** Agents by the hundred, in one statement each. */
export interface AgentBatchStore {
  /** Returns the ids of those that were stored; the others broke a rule of uniqueness, and of two that do the first is stored. */
  insert(agents: readonly Agent[]): Promise<ReadonlySet<string>>;
  /** Which rule each of these would break. */
  rulesTaken(agents: readonly Agent[]): Promise<readonly TakenRule[]>;
  /** Stores agents that were at the version before; returns how many still were. @throws {AppError} `conflict` (`uniqueness`) for all of them. */
  update(agents: readonly Agent[]): Promise<number>;
  /** The agents of a source by external id, held against other writers until the transaction ends; in one order, so that none waits in a circle. */
  lockBySource(source: string, externalIds: readonly string[]): Promise<readonly Agent[]>;
}

const COLUMNS = [...DETAIL_COLUMNS, ...LIFE_COLUMNS];
/** Rows typed as the table itself: the statement stays the same however many there are, and names no type twice. */
const ROWS = 'json_populate_recordset(NULL::agents, $1::json) AS given';
const qualified = (columns: readonly string[]) => columns.map((name) => `given.${name}`).join(', ');

const INSERT = `INSERT INTO agents (${COLUMNS.join(', ')}) SELECT ${qualified(COLUMNS)} FROM ${ROWS} ON CONFLICT DO NOTHING RETURNING id`;
const UPDATE = `UPDATE agents SET (${DETAIL_COLUMNS.join(', ')}) = ROW(${qualified(DETAIL_COLUMNS)}), version = given.version, updated_at = given.updated_at
  FROM ${ROWS} WHERE agents.id = given.id AND agents.version = given.version - 1 AND agents.removed_at IS NULL RETURNING agents.id`;
const TAKEN = `SELECT given.id,
    EXISTS (SELECT 1 FROM agents other WHERE lower(other.name) = lower(given.name) AND other.removed_at IS NULL) AS name,
    EXISTS (SELECT 1 FROM agents other WHERE other.source = given.source AND other.external_id = given.external_id AND other.removed_at IS NULL) AS external
  FROM ${ROWS}`;
/** One probe of the index for each key: an array of five hundred keys would be compared with every row of a table that seems small. */
const BY_SOURCE = `SELECT found.* FROM json_array_elements_text($2::json) AS key(external_id)
  CROSS JOIN LATERAL (SELECT ${AGENT_COLUMNS} FROM agents
    WHERE source = $1 AND external_id = key.external_id AND removed_at IS NULL LIMIT 1 FOR UPDATE) AS found`;

/** Planned anew each time: a plan made while there were ten agents reads all of them when there are a million. */
const UNNAMED = '';

function rowsOf(agents: readonly Agent[]): string {
  return rowSet(
    agents.map((agent) => {
      const values = [...detailValues(agent), ...lifeValues(agent)];
      return Object.fromEntries(COLUMNS.map((name, index) => [name, values[index]]));
    }),
  );
}

/** The store over PostgreSQL. */
export function createAgentBatchStore({ db }: { readonly db: Db }): AgentBatchStore {
  const idsOf = async (text: string, agents: readonly Agent[]): Promise<ReadonlySet<string>> => {
    if (agents.length === 0) return new Set();
    try {
      return new Set((await db.rows<{ id: string }>({ name: UNNAMED, text, values: [rowsOf(agents)] })).map(({ id }) => id));
    } catch (error) {
      throw asRefusal(error);
    }
  };
  return {
    insert: (agents) => idsOf(INSERT, agents),
    async rulesTaken(agents) {
      const rows = await db.rows<{ id: string; name: boolean; external: boolean }>({
        name: UNNAMED,
        text: TAKEN,
        values: [rowsOf(agents)],
      });
      return rows.map(({ id, name, external }) => ({ id, member: name ? 'name' : external ? 'externalId' : undefined }));
    },
    update: async (agents) => (await idsOf(UPDATE, agents)).size,
    async lockBySource(source, externalIds) {
      const rows = await db.rows<AgentRow>({ name: UNNAMED, text: BY_SOURCE, values: [source, keySet([...externalIds].sort())] });
      return rows.map(toAgent);
    },
  };
}
