import { AppError } from '../../platform/errors.ts';
import type { UpsertRow, UpsertRows } from '../batch/upsert.ts';
import { extensionUrn } from '../scim-extension.ts';
import type { Progress } from './progress.ts';
import { type ReadRow, type RowFile, UnreadableFileError } from './reading.ts';
import type { Rejects } from './rejects.ts';

/** A row that was not imported, and why. */
export interface Refusal {
  readonly line: number;
  readonly externalId: string | undefined;
  readonly reason: string;
}

/** What an import did, or in a dry run would have done. */
export interface ImportSummary {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  /** The first of those that were refused. */
  readonly refusals: readonly Refusal[];
  /** Why the file could not be read to its end; what stands before that place is in. */
  readonly fault?: string;
}

/** What an import is made of. */
export interface ImportWork {
  readonly file: RowFile;
  readonly upsert: UpsertRows;
  readonly progress: Progress;
  readonly rejects: Rejects | undefined;
}

/** Most rows of a transaction, and most text of them in memory. */
const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 4 * 1024 * 1024;
const MOST_REFUSALS = 100;

type Readable = ReadRow & { readonly row: UpsertRow };

const isReadable = (read: ReadRow): read is Readable => !(read.row instanceof AppError);
const isPlaced = ({ row }: Readable): boolean => row.given.some(({ name, value }) => name === 'parent' && value !== null);
const lengthOf = ({ original }: ReadRow): number => original.reduce((sum, text) => sum + text.length, 0);

/** Rows that wait for their transaction. */
function createBatch() {
  let reads: ReadRow[] = [];
  let [ids, characters, hasPlaced] = [new Set<string>(), 0, false];
  return {
    /** Whether a row must wait for those gathered before it: there are enough, one is about the same agent, or a place depends on them. */
    mustGoBefore(next: ReadRow): boolean {
      if (reads.length === 0) return false;
      if (reads.length >= BATCH_ROWS || characters >= BATCH_CHARACTERS || hasPlaced) return true;
      return isReadable(next) && (ids.has(next.row.externalId) || isPlaced(next));
    },
    add(read: ReadRow): void {
      reads.push(read);
      characters += lengthOf(read);
      if (!isReadable(read)) return;
      ids.add(read.row.externalId);
      hasPlaced ||= isPlaced(read);
    },
    take(): readonly ReadRow[] {
      const taken = reads;
      reads = [];
      [ids, characters, hasPlaced] = [new Set(), 0, false];
      return taken;
    },
  };
}

/**
 * Reads the file to its end, a batch at a time. A batch is a transaction: what was imported when something breaks stays, and the next
 * run finds it. Rows about one agent are taken in the order in which they stand, the last one wins.
 * @throws {Error} what the file system or the database say.
 */
export async function runImport({ file, upsert, progress, rejects }: ImportWork): Promise<ImportSummary> {
  const counts = { created: 0, changed: 0, unchanged: 0, refused: 0 };
  const refusals: Refusal[] = [];
  const batch = createBatch();
  let rows = 0;
  const refuse = async (read: ReadRow, { message }: AppError): Promise<void> => {
    const reason = message.replaceAll(`${extensionUrn}:`, '');
    counts.refused += 1;
    if (refusals.length < MOST_REFUSALS)
      refusals.push({ line: read.line, externalId: isReadable(read) ? read.row.externalId : undefined, reason });
    await rejects?.add(read, reason);
  };
  const flush = async (): Promise<void> => {
    const reads = batch.take();
    const done = [...(await upsert(reads.filter(isReadable).map(({ row }) => row)))];
    for (const read of reads) {
      const outcome = isReadable(read) ? done.shift() : read.row;
      if (outcome instanceof AppError) await refuse(read, outcome);
      else if (typeof outcome === 'string') counts[outcome] += 1;
    }
    progress.update(file.bytesRead(), rows);
  };
  const readAll = async (): Promise<string | undefined> => {
    try {
      for await (const read of file.rows) {
        if (batch.mustGoBefore(read)) await flush();
        batch.add(read);
        rows += 1;
      }
      return undefined;
    } catch (error) {
      if (error instanceof UnreadableFileError) return error.message;
      throw error;
    }
  };
  const fault = await readAll();
  await flush();
  return { ...counts, refusals, ...(fault === undefined ? {} : { fault }) };
}
