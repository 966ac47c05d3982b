import type { Db } from '../platform/db/db.ts';
import { scimRefusal } from './errors.ts';
import type { ScimColumns, ScimSql } from './filter-sql.ts';
import { listSql, type PagedRow, type ScimRows } from './list-sql.ts';
import type { ScimListQuery } from './resource-type.ts';

/** One page of a type's rows. */
export interface ScimFound<Row> {
  readonly rows: readonly Row[];
  /** Left out on later pages of a cursor. */
  readonly totalResults?: number;
  readonly nextPosition?: string;
}

/** Filters are as many as clients invent: such a statement has no name, or every connection would keep them all. */
const UNNAMED = '';

const statementOf = ({ sql, params }: ScimSql) => ({ name: UNNAMED, text: sql, values: params });

/** RFC 7644 §3.12: a filter that costs more than the server gives it. PostgreSQL's own limit ends it (platform/db). */
function asTooMany(error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: string };
  if (code !== '57014') return error;
  return scimRefusal('tooMany', 'This query takes too long: narrow it, for example by externalId, name, owner or status.', 'filter');
}

/**
 * Lists the resources of one type in SQL: filters, sorts and pages of any depth. @throws {AppError} 400 `tooMany` when the
 * statement ran into the time limit of the database handle, and as `listSql`.
 */
export function createListing<Row extends object>(deps: {
  readonly db: Pick<Db, 'rows' | 'row'>;
  readonly rows: ScimRows;
  readonly columns: ScimColumns;
  /** How many there are without a filter, where the store knows without counting. */
  readonly countAll?: () => Promise<number>;
}): (query: ScimListQuery) => Promise<ScimFound<Row>> {
  const { db, rows, columns, countAll } = deps;
  const totalOf = async (count: ScimSql | undefined, isFiltered: boolean) => {
    if (count === undefined) return undefined;
    if (!isFiltered && countAll !== undefined) return countAll();
    return (await db.row<{ total: number }>(statementOf(count)))?.total ?? 0;
  };
  return async (query) => {
    const { page, count, cut } = listSql(rows, query, columns);
    try {
      const [found, totalResults] = await Promise.all([
        db.rows<Row & PagedRow>(statementOf(page)),
        totalOf(count, query.filter !== undefined),
      ]);
      const { rows: shown, nextPosition } = cut(found);
      return {
        rows: shown,
        ...(totalResults === undefined ? {} : { totalResults }),
        ...(nextPosition === undefined ? {} : { nextPosition }),
      };
    } catch (error) {
      throw asTooMany(error);
    }
  };
}
