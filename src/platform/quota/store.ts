import type { Db } from '../db/db.ts';

/** The table that rate-limiter-flexible counts in (prisma/schema/quota.prisma). */
export const QUOTA_TABLE = 'quota_counts';

/** The database as rate-limiter-flexible takes it: a client of `pg`. */
export interface QuotaClient {
  query(statement: { name?: string; text: string; values?: readonly unknown[] }): Promise<{ rows: object[]; rowCount: number }>;
}

/** Its statements, outside the unit of work under way: what was counted stays counted, whatever becomes of the request. */
export function quotaClient(db: Pick<Db, 'detached' | 'rows'>): QuotaClient {
  return {
    query: ({ name, text, values }) =>
      db.detached(async () => {
        const rows = await db.rows({ name: name ?? `${QUOTA_TABLE}-once`, text, values: values ?? [] });
        return { rows, rowCount: rows.length };
      }),
  };
}

/** Deletes up to `limit` counts whose window is over; returns how many went. */
export async function purgeCounts(db: Pick<Db, 'rows'>, { before, limit }: { before: Date; limit: number }): Promise<number> {
  const gone = await db.rows({
    name: 'quota-purge',
    text: `DELETE FROM ${QUOTA_TABLE} WHERE ctid = ANY(ARRAY(
             SELECT ctid FROM ${QUOTA_TABLE} WHERE expire < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1 AS one`,
    values: [before.getTime(), limit],
  });
  return gone.length;
}
