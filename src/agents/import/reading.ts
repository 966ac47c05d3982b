import { createReadStream, type ReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { AppError } from '../../platform/errors.ts';
import type { UpsertRow } from '../batch/upsert.ts';
import { type Column, columnOf, rowOf, valueOfCell } from './columns.ts';

export const formats = ['csv', 'ndjson'] as const;
export type ImportFormat = (typeof formats)[number];

/** A row of the file, or why it is none; `original` is how it stood there, for the file of rejects. */
export interface ReadRow {
  readonly line: number;
  readonly row: UpsertRow | AppError;
  readonly original: readonly string[];
}

/** A file that is read as it is asked for, never as a whole. */
export interface RowFile {
  /** The header of a CSV; known once the first row was read. */
  readonly header: readonly string[];
  readonly rows: AsyncIterable<ReadRow>;
  bytesRead(): number;
}

/** The file cannot be read as what it is said to be, from some place on. */
export class UnreadableFileError extends Error {
  override readonly name = 'UnreadableFileError';
}

const MAX_RECORD_BYTES = 1024 * 1024;

function attempt(read: () => UpsertRow): UpsertRow | AppError {
  try {
    return read();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** The columns of a header. @throws {UnreadableFileError} for one nobody knows, one that comes twice, or no externalId. */
function columnsOf(header: readonly string[]): readonly Column[] {
  const seen = new Set<string>();
  const columns = header.map((name) => {
    const column = attemptColumn(name);
    const key = column.kind === 'attribute' ? JSON.stringify(column.place) : column.kind;
    if (column.kind !== 'ignored' && seen.has(key)) throw new UnreadableFileError(`The column ${name} comes twice.`);
    seen.add(key);
    return column;
  });
  if (!columns.some((column) => column.kind === 'attribute' && column.place.name === 'externalId'))
    throw new UnreadableFileError('The file needs a column externalId: by it an agent is found the next time.');
  return columns;
}

function attemptColumn(name: string): Column {
  try {
    return columnOf(name);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new UnreadableFileError(`${error.message} Columns are the attributes of /Schemas; begin the name of one of your own with _.`);
  }
}

function csvRow(record: readonly string[], columns: readonly Column[]): UpsertRow {
  if (record.length !== columns.length)
    throw new AppError('invalid_input', `The row has ${record.length} cells, the header ${columns.length}.`);
  return rowOf(
    columns.map((column, index) => {
      const text = record[index] ?? '';
      return [column, column.kind === 'attribute' ? valueOfCell(text, column) : text] as const;
    }),
  );
}

async function* csvRows(source: ReadStream, header: string[]): AsyncGenerator<ReadRow> {
  const parser = source.pipe(
    parse({ bom: true, info: true, skip_empty_lines: true, relax_column_count: true, max_record_size: MAX_RECORD_BYTES }),
  );
  source.once('error', (error) => parser.destroy(error));
  let columns: readonly Column[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const known = columns;
      if (known === undefined) {
        header.push(...record);
        columns = columnsOf(record);
      } else yield { line: info.lines, row: attempt(() => csvRow(record, known)), original: record };
    }
  } catch (error) {
    throw error instanceof CsvError ? new UnreadableFileError(`The file is no CSV: ${error.message}.`) : error;
  } finally {
    source.destroy();
  }
  if (columns === undefined) throw new UnreadableFileError('The file is empty.');
}

/** Lines of a text, without their ends; undefined for one that is too long to be kept. */
async function* linesOf(source: AsyncIterable<string>): AsyncGenerator<string | undefined> {
  let rest = '';
  let isTooLong = false;
  for await (const chunk of source) {
    const parts = chunk.split('\n');
    for (const [index, part] of parts.entries()) {
      rest = isTooLong ? '' : rest + part;
      isTooLong ||= rest.length > MAX_RECORD_BYTES;
      if (index === parts.length - 1) break;
      yield isTooLong ? undefined : rest;
      [rest, isTooLong] = ['', false];
    }
  }
  if (rest !== '' || isTooLong) yield isTooLong ? undefined : rest;
}

/** The members of a JSON line; those of an extension may stand under its URN, as SCIM writes them. */
function membersOf(text: string, columnNamed: (name: string) => Column): UpsertRow {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('invalid_input', 'The line is no JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('invalid_input', 'The line is no JSON object.');
  const members = Object.entries(value).flatMap(([name, member]: [string, unknown]) =>
    /^urn:/i.test(name) && typeof member === 'object' && member !== null
      ? Object.entries(member).map(([inner, each]: [string, unknown]) => [`${name}:${inner}`, each] as const)
      : [[name, member] as const],
  );
  return rowOf(members.map(([name, member]) => [columnNamed(name), member] as const));
}

async function* jsonRows(source: ReadStream): AsyncGenerator<ReadRow> {
  const known = new Map<string, Column>();
  const columnNamed = (name: string): Column => {
    const column = known.get(name) ?? columnOf(name);
    if (known.size < 1_000) known.set(name, column);
    return column;
  };
  let line = 0;
  for await (const text of linesOf(source as AsyncIterable<string>)) {
    line += 1;
    const bare = line === 1 ? text?.replace(/^\ufeff/, '') : text;
    if (bare?.trim() === '') continue;
    const tooLong = () => new AppError('invalid_input', `The line is longer than ${MAX_RECORD_BYTES} characters.`);
    yield { line, row: bare === undefined ? tooLong() : attempt(() => membersOf(bare, columnNamed)), original: [bare ?? ''] };
  }
}

/** Opens a file of agents. Reading throws what the file system says, or `UnreadableFileError`. */
export function readRows(file: string, format: ImportFormat): RowFile {
  const header: string[] = [];
  const source = createReadStream(file, { encoding: 'utf8' });
  return { header, rows: format === 'csv' ? csvRows(source, header) : jsonRows(source), bytesRead: () => source.bytesRead };
}
