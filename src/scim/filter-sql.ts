import { type ScimAttributePath, leafOf } from './attribute-path.ts';
import { scimRefusal } from './errors.ts';
import type { ScimComparison, ScimFilter, ScimSort } from './filter.ts';
import type { ScimAttribute } from './schema.ts';

/** A scalar SQL expression; trusted text from the store, never from a client. */
export interface ScimColumn {
  readonly column: string;
  readonly type: 'text' | 'boolean' | 'number' | 'timestamp';
  /** Every row has a value, which lets an index serve deep pages of a sort. */
  readonly isAlwaysSet?: true;
}

/**
 * The values of a multi-valued attribute in a table of their own. `rows` is an open condition that one more `AND …` can follow:
 * `SELECT 1 FROM agent_owner o WHERE o.agent_id = a.id`. `columns` go by sub-attribute name, `value` for simple values.
 */
export interface ScimValueTable {
  readonly rows: string;
  readonly columns: Readonly<Record<string, ScimColumn>>;
}

/** Canonical attribute path (`name`, `meta.created`, `owners`, `urn:…:2.0:Agent:status`) → where it is stored. */
export type ScimColumns = Readonly<Record<string, ScimColumn | ScimValueTable>>;

/** A condition and its parameters, `$n` in order. */
export interface ScimSql {
  readonly sql: string;
  readonly params: readonly Comparand[];
}

type Comparand = string | boolean | number | Date;

interface Compilation {
  readonly columns: ScimColumns;
  readonly bind: (value: Comparand) => string;
}

const unmapped = (path: string): Error => scimRefusal('invalidFilter', `${path} cannot be filtered or sorted by.`, 'filter');

function columnAt(columns: ScimColumns, path: string): ScimColumn | ScimValueTable {
  const column = Object.hasOwn(columns, path) ? columns[path] : undefined;
  if (!column) throw unmapped(path);
  return column;
}

const orderings: Readonly<Partial<Record<ScimComparison, string>>> = { gt: '>', ge: '>=', lt: '<', le: '<=' };
const patterns: Readonly<Partial<Record<ScimComparison, (text: string) => string>>> = {
  co: (text) => `%${text}%`,
  sw: (text) => `${text}%`,
  ew: (text) => `%${text}`,
};

/** Values of a closed list are stored in its spelling: they are compared as they are, so that an index on them serves. */
const isFolded = ({ caseExact, canonicalValues }: ScimAttribute): boolean => !caseExact && canonicalValues === undefined;

function canonicalOf({ caseExact, canonicalValues }: ScimAttribute, value: Comparand): Comparand {
  if (caseExact || typeof value !== 'string') return value;
  return canonicalValues?.find((each) => each.toLowerCase() === value.toLowerCase()) ?? value;
}

/** A parameter beside a column: a client may compare an integer with 1.5, or with more than an integer holds. */
export function asCompared(parameter: string, type: ScimColumn['type']): string {
  return type === 'number' ? `${parameter}::numeric` : parameter;
}

/**
 * Always true or false, never NULL, so that NOT means what it says. The IS NOT NULL stands beside the comparison instead of a
 * COALESCE around it because an index serves the one and not the other.
 */
function comparisonSql(filter: ScimFilter & { op: ScimComparison }, { column, type }: ScimColumn, { bind }: Compilation): string {
  const { op } = filter;
  const leaf = leafOf(filter.target);
  const isWhole = op === 'eq' || op === 'ne';
  const value = isWhole ? canonicalOf(leaf, filter.value) : filter.value;
  const folds = type === 'text' && (isWhole ? isFolded(leaf) : !leaf.caseExact);
  const left = folds ? `lower(${column})` : column;
  const right = (parameter: string): string => (folds ? `lower(${parameter})` : asCompared(parameter, type));
  if (op === 'eq') return `(${column} IS NOT NULL AND ${left} = ${right(bind(value))})`;
  if (op === 'ne') return `${left} IS DISTINCT FROM ${right(bind(value))}`;
  const pattern = patterns[op];
  if (pattern) {
    if (type !== 'text') throw unmapped(filter.target.path);
    const escaped = String(value).replace(/[\\%_]/g, String.raw`\$&`);
    return `(${column} IS NOT NULL AND ${left} LIKE ${right(bind(pattern(escaped)))} ESCAPE '\\')`;
  }
  const collation = type === 'text' ? ' COLLATE "C"' : '';
  return `(${column} IS NOT NULL AND ${left}${collation} ${orderings[op]} ${right(bind(value))})`;
}

const presenceSql = ({ column, type }: ScimColumn): string =>
  type === 'text' ? `(${column} IS NOT NULL AND ${column} <> '')` : `${column} IS NOT NULL`;

type Leaf = ScimFilter & { readonly target: ScimAttributePath };

function valueTableSql(filter: Leaf, table: ScimValueTable, compilation: Compilation): string {
  const inner = { ...compilation, columns: table.columns };
  const exists = `EXISTS (${table.rows}`;
  if (filter.op === 'where') return `${exists} AND ${conditionSql(filter.filter, inner)})`;
  const sub = filter.target.subAttribute;
  if (!sub) return `${exists})`;
  const condition = conditionSql({ ...filter, target: { path: sub.name, attribute: sub } } as ScimFilter, inner);
  // No value at all is also "not equal", as it is for a single-valued attribute.
  return filter.op === 'ne' ? `(${exists} AND ${condition}) OR NOT ${exists}))` : `${exists} AND ${condition})`;
}

function leafSql(filter: Leaf, compilation: Compilation): string {
  const { attribute, subAttribute, path } = filter.target;
  const parent = subAttribute ? path.slice(0, path.lastIndexOf('.')) : path;
  const column = columnAt(compilation.columns, attribute.multiValued ? parent : path);
  if ('rows' in column) return valueTableSql(filter, column, compilation);
  if (filter.op === 'pr') return presenceSql(column);
  if (filter.op === 'where' || attribute.multiValued) throw unmapped(path);
  return comparisonSql(filter as ScimFilter & { op: ScimComparison }, column, compilation);
}

function conditionSql(filter: ScimFilter, compilation: Compilation): string {
  if (filter.op === 'and' || filter.op === 'or') {
    return `(${filter.filters.map((each) => conditionSql(each, compilation)).join(filter.op === 'and' ? ' AND ' : ' OR ')})`;
  }
  if (filter.op === 'not') return `(NOT ${conditionSql(filter.filter, compilation)})`;
  return leafSql(filter as Leaf, compilation);
}

/**
 * A filter as a PostgreSQL condition with `$n` parameters, the first numbered `firstParameter` (1). Nothing a client wrote ends
 * up in `sql`. Attributes that `columns` does not map are 400 `invalidFilter`.
 */
export function compileFilter(filter: ScimFilter, columns: ScimColumns, firstParameter = 1): ScimSql {
  const params: Comparand[] = [];
  const bind = (value: Comparand): string => `$${params.push(value) + firstParameter - 1}`;
  return { sql: conditionSql(filter, { columns, bind }), params };
}

/** What a list is sorted by, as SQL. */
export interface SortExpression {
  readonly sql: string;
  readonly type: ScimColumn['type'];
  readonly isAscending: boolean;
  readonly isNullable: boolean;
}

/**
 * What a sort compares (RFC 7644 §3.4.2.3): case folded unless caseExact, text by code point. Unmapped and multi-valued
 * attributes are 400 `invalidFilter`.
 */
export function sortExpressionOf(sort: ScimSort, columns: ScimColumns): SortExpression {
  const column = columnAt(columns, sort.target.path);
  if ('rows' in column) throw unmapped(sort.target.path);
  const folds = column.type === 'text' && isFolded(leafOf(sort.target));
  const sql = `${folds ? `lower(${column.column})` : column.column}${column.type === 'text' ? ' COLLATE "C"' : ''}`;
  return { sql, type: column.type, isAscending: sort.order === 'ascending', isNullable: column.isAlwaysSet !== true };
}
