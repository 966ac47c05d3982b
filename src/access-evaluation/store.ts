import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { keySet, keysOf, namesOf, type NewRow, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { Companion } from '../tokens/index.ts';
import type { PartyKind } from './naming.ts';

/** What evaluation reads of the records, and what it keeps, in SQL. */
export interface AccessStore {
  /** As what a party is alive now, by its id; none when it is not. Asked together with other requests. */
  liveAs(id: string): Promise<readonly PartyKind[]>;
  /** Ids of living parties of a kind that come after `after`, in order. */
  liveAfter(kind: PartyKind, after: string, limit: number): Promise<string[]>;
  /** Keeps a decision; many requests share one statement. */
  keep(decision: Companion): Promise<void>;
}

interface Row {
  readonly id: string;
  readonly kinds: PartyKind[];
}

/** `$1` keys, `$2` now. */
const LIVE = `SELECT id, array_agg(kind) AS kinds FROM (
    SELECT 'account' AS kind, account_id AS id FROM live_accounts WHERE account_id = ANY(${keysOf('$1')})
    UNION ALL SELECT 'agent', agent_id FROM live_agents WHERE agent_id = ANY(${keysOf('$1')}) AND (valid_until IS NULL OR valid_until > $2::timestamptz)
    UNION ALL SELECT 'service', service_id FROM live_services WHERE service_id = ANY(${keysOf('$1')})
  ) AS living GROUP BY id`;

const AFTER: Readonly<Record<PartyKind, string>> = {
  account: 'SELECT account_id AS id FROM live_accounts WHERE account_id > $1 AND $2::timestamptz IS NOT NULL ORDER BY account_id LIMIT $3',
  agent: `SELECT agent_id AS id FROM live_agents WHERE agent_id > $1 AND (valid_until IS NULL OR valid_until > $2::timestamptz)
    ORDER BY agent_id LIMIT $3`,
  service: 'SELECT service_id AS id FROM live_services WHERE service_id > $1 AND $2::timestamptz IS NOT NULL ORDER BY service_id LIMIT $3',
};

/** The store over PostgreSQL. It looks only at liveness views: what a party is, its capability knows. */
export function createAccessStore({ db, clock }: { db: Db; clock: Clock }): AccessStore {
  const keep = db.together(async (decisions: readonly Companion[]) => {
    // all are decisions: one table, one set of columns
    const { table, columns } = decisions[0] as Companion;
    const text = `INSERT INTO ${table} (${namesOf(columns)}) SELECT * FROM ${rowsOf('$1', columns, 'kept')}`;
    const rows: NewRow[] = decisions.map(({ row }) => row);
    await db.rows({ name: `access-keep-${table}`, text, values: [rowSet(rows)] });
    return decisions.map(() => undefined);
  });
  return {
    liveAs: db.together(async (ids: readonly string[]) => {
      const rows = await db.rows<Row>({ name: 'access-live-parties', text: LIVE, values: [keySet(ids), clock.now()] });
      const found = new Map(rows.map(({ id, kinds }) => [id, kinds]));
      return ids.map((id) => found.get(id) ?? []);
    }),
    async liveAfter(kind, after, limit) {
      const values = [after, clock.now(), limit];
      return (await db.rows<{ id: string }>({ name: `access-live-${kind}s`, text: AFTER[kind], values })).map(({ id }) => id);
    },
    keep,
  };
}
