/** Columns of a table with their types in PostgreSQL. */
export type Columns = readonly (readonly [name: string, type: string])[];

/** A row to be written, by column: times, lists and nested JSON as they are, bytes through `byteaOf`. What is missing is NULL. */
export type NewRow = Readonly<Record<string, unknown>>;

/** The names of columns for an INSERT; with the name of the row they are read from for a SELECT. */
export function namesOf(columns: Columns, row?: string): string {
  return columns.map(([name]) => (row === undefined ? name : `${row}.${name}`)).join(', ');
}

/**
 * Rows in a FROM clause that come as one JSON parameter, however many there are: the statement stays the same and keeps its
 * plan, and a row of fifty columns costs one parameter instead of fifty.
 */
export function rowsOf(place: `$${number}`, columns: Columns, row: string): string {
  return `json_to_recordset(${place}::json) AS ${row}(${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`;
}

/**
 * Keys for `= ANY(…)` from the one parameter that `keySet` makes. Not the array itself: PostgreSQL would take each for worth a
 * plan of its own, and make one for each statement.
 */
export function keysOf(place: `$${number}`): string {
  return `ARRAY(SELECT json_array_elements_text(${place}::json))`;
}

/** Each key once, as the parameter of `keysOf`. */
export function keySet(keys: readonly string[]): string {
  return rowSet([...new Set(keys)]);
}

/**
 * Rows as the parameter of `rowsOf`. Half a surrogate pair, which a JWT or a JSON body may hold, has no text in PostgreSQL: it becomes
 * U+FFFD, as in every other parameter. Only such halves are written as `\ud…`, so the second pass is rare.
 */
export function rowSet(rows: readonly unknown[]): string {
  const text = JSON.stringify(rows);
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(rows, (_member, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
}

/** Bytes as JSON can carry them to a bytea column. */
export function byteaOf(bytes: Buffer | undefined): string | undefined {
  return bytes === undefined ? undefined : `\\x${bytes.toString('hex')}`;
}
