import { scimRefusal } from './errors.ts';
import { asCompared, compileFilter, type ScimColumns, type ScimSql, type SortExpression, sortExpressionOf } from './filter-sql.ts';
import type { ScimListQuery } from './resource-type.ts';

/** Where the resources of a type are stored: trusted SQL of its store. */
export interface ScimRows {
  /** What is selected, without `SELECT`. */
  readonly select: string;
  /** The tables, without `FROM`. */
  readonly from: string;
  /** Which rows there are for clients at all. */
  readonly where: string;
  /** The primary key, qualified: it breaks ties, and pages without a sort go by it. */
  readonly id: string;
}

/** The statements of one list request, and how their rows are read. */
export interface ScimListSql {
  /** At most one row more than asked for, each with `scim_id` and, when sorted, `scim_sort_key`. */
  readonly page: ScimSql;
  /** Undefined: a later page of a cursor, whose client knows the total from the first one (RFC 9865 §2.1 makes it optional). */
  readonly count: ScimSql | undefined;
  /** The rows of the page, and where the next one begins; undefined: it is the last. */
  readonly cut: <Row extends PagedRow>(
    rows: readonly Row[],
  ) => { readonly rows: readonly Row[]; readonly nextPosition: string | undefined };
}

/** What `page` adds to each row. */
export interface PagedRow {
  readonly scim_id: string;
  readonly scim_sort_key?: string | number | boolean | Date | null;
}

type Parameter = string | number | boolean | Date;
type SortKey = Parameter | null;

/** After which resource a page begins: its id, and the value it is sorted by; null: it has none. */
interface Position {
  readonly id: string;
  readonly key?: SortKey;
}

const foreign = () => scimRefusal('invalidCursor', 'The cursor does not belong to this query: start again with an empty one.', 'cursor');

function writePosition({ scim_id: id, scim_sort_key: key }: PagedRow): string {
  return JSON.stringify(key === undefined ? [id] : [id, key instanceof Date ? key.toISOString() : key]);
}

/** PostgreSQL has no text with NUL in it, nor half a surrogate pair. */
const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\u0000') && value.isWellFormed();

function keyOf(value: unknown, { type }: SortExpression): SortKey {
  if (value === null) return null;
  if (type === 'timestamp') {
    const at = new Date(String(value));
    if (Number.isNaN(at.getTime()) || !/^\d{4}-/.test(at.toISOString())) throw foreign();
    return at;
  }
  if (type === 'number') {
    const number = typeof value === 'boolean' || value === '' ? Number.NaN : Number(value);
    if (!Number.isFinite(number)) throw foreign();
    return number;
  }
  if (type === 'text' ? !isText(value) : typeof value !== 'boolean') throw foreign();
  return value as Parameter;
}

/** A position comes back from the client, so it may be anything. 400 `invalidCursor`. */
function readPosition(text: string, sort: SortExpression | undefined): Position {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    throw foreign();
  }
  if (!Array.isArray(parts) || !isText(parts[0]) || parts.length !== (sort === undefined ? 1 : 2)) throw foreign();
  return sort === undefined ? { id: parts[0] } : { id: parts[0], key: keyOf(parts[1], sort) };
}

type Bind = (value: Parameter) => string;

/**
 * The rows behind a position, found through the index of the sort instead of by skipping: depth costs nothing. Resources without
 * a value come last when ascending and first when descending (RFC 7644 §3.4.2.3); ids break ties, always ascending.
 */
function afterSql(position: Position, { id, sort, bind }: { id: string; sort: SortExpression | undefined; bind: Bind }): string {
  if (sort === undefined || position.key === undefined) return `${id} > ${bind(position.id)}`;
  const { sql, isAscending, isNullable } = sort;
  if (position.key === null) {
    const rest = `(${sql} IS NULL AND ${id} > ${bind(position.id)})`;
    return isAscending ? rest : `(${rest} OR ${sql} IS NOT NULL)`;
  }
  const [key, last] = [asCompared(bind(position.key), sort.type), bind(position.id)];
  if (isAscending) {
    const further = `(${sql}, ${id}) > (${key}, ${last})`;
    return isNullable ? `(${further} OR ${sql} IS NULL)` : further;
  }
  return `(${sql} <= ${key} AND (${sql} < ${key} OR ${id} > ${last}))`;
}

function orderOf({ sql, isAscending, isNullable }: SortExpression): string {
  const nulls = isNullable ? (isAscending ? ' NULLS LAST' : ' NULLS FIRST') : '';
  return `${sql} ${isAscending ? 'ASC' : 'DESC'}${nulls}`;
}

/**
 * A list request (RFC 7644 §3.4.2, RFC 9865) as statements over `rows`. Without a sort the order is that of the ids. Nothing a
 * client wrote ends up in the SQL. 400 `invalidFilter` for what `columns` does not map, `invalidCursor` for a foreign position.
 */
export function listSql(rows: ScimRows, { filter, sort, page }: ScimListQuery, columns: ScimColumns): ScimListSql {
  const compiled = filter === undefined ? undefined : compileFilter(filter, columns);
  const where = `(${rows.where})${compiled === undefined ? '' : ` AND ${compiled.sql}`}`;
  const params: Parameter[] = [...(compiled?.params ?? [])];
  const bind: Bind = (value) => `$${params.push(value)}`;
  const sorted = sort === undefined ? undefined : sortExpressionOf(sort, columns);
  const isLater = page.by === 'position' && page.position !== undefined;
  const count = isLater ? undefined : { sql: `SELECT count(*)::int AS total FROM ${rows.from} WHERE ${where}`, params: [...params] };
  const after = isLater ? ` AND ${afterSql(readPosition(page.position ?? '', sorted), { id: rows.id, sort: sorted, bind })}` : '';
  const key = sorted === undefined ? '' : `, ${sorted.sql} AS scim_sort_key`;
  const order = sorted === undefined ? rows.id : `${orderOf(sorted)}, ${rows.id}`;
  const skip = page.by === 'index' && page.startIndex > 1 ? ` OFFSET ${bind(page.startIndex - 1)}` : '';
  const sql = `SELECT ${rows.select}, ${rows.id} AS scim_id${key} FROM ${rows.from} WHERE ${where}${after} ORDER BY ${order} LIMIT ${bind(page.count + 1)}${skip}`;
  return {
    page: { sql, params },
    count,
    cut: (found) => {
      const shown = found.slice(0, page.count);
      const last = shown.at(-1);
      return { rows: shown, nextPosition: found.length > page.count && last !== undefined ? writePosition(last) : undefined };
    },
  };
}
