import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { ImportFormat, ReadRow } from './reading.ts';

/** Keeps rows that were refused, so that they can be mended and imported again. */
export interface Rejects {
  add(row: ReadRow, reason: string): Promise<void>;
  close(): Promise<void>;
}

const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const csvLine = (cells: readonly string[]): string => `${cells.map(cell).join(',')}\n`;

function jsonLine({ line, original }: ReadRow, reason: string): string {
  const about = { _line: line, _reason: reason };
  const [text = ''] = original;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return `${JSON.stringify({ ...about, ...value })}\n`;
  } catch {
    // what is no JSON is kept as text
  }
  return `${JSON.stringify({ ...about, _text: text.slice(0, 2_000) })}\n`;
}

/**
 * A file of the same format as the one that is imported, with the line and the reason in front; made at the first row. An import
 * ignores both, since their names begin with `_`. `header` is asked when the first row comes.
 */
export function openRejects(file: string, { format, header }: { format: ImportFormat; header: () => readonly string[] }): Rejects {
  let stream: WriteStream | undefined;
  const write = async (text: string): Promise<void> => {
    if (stream?.write(text) === false) await once(stream, 'drain');
  };
  return {
    async add(row, reason) {
      if (stream === undefined) {
        stream = createWriteStream(file, { encoding: 'utf8', mode: 0o600 });
        await once(stream, 'open');
        if (format === 'csv') await write(csvLine(['_line', '_reason', ...header()]));
      }
      await write(format === 'csv' ? csvLine([String(row.line), reason, ...row.original]) : jsonLine(row, reason));
    },
    async close() {
      if (stream === undefined) return;
      stream.end();
      await finished(stream);
    },
  };
}
