import type { Db } from './db.ts';

/** What is old: rows of `table` whose `column` lies before `before`. Both names are SQL and never come from outside. */
export interface Outdated {
  readonly table: string;
  readonly column: string;
  readonly before: Date;
}

/**
 * Deletes at most `limit` outdated rows and returns how many went. In small batches, because a long delete holds locks that
 * requests wait for and bloats the table in one go; what another server has under its hands is left to it.
 */
export async function purge(db: Db, { table, column, before }: Outdated, limit: number): Promise<number> {
  const gone = await db.rows({
    name: `${table}-purge`,
    text: `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${column} < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1 AS one`,
    values: [before, limit],
  });
  return gone.length;
}
