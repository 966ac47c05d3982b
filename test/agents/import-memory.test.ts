import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import type { UpsertRows } from '../../src/agents/batch/upsert.ts';
import { type ImportFormat, readRows } from '../../src/agents/import/reading.ts';
import { runImport } from '../../src/agents/import/run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 10_000;
const cellsOf = (index: number) => ({ externalId: String(index), displayName: `Agent ${index}`, purpose: 'Does its work. '.repeat(10) });
const csv = (index: number): string => Object.values(cellsOf(index)).join(',');
const ndjson = (index: number): string => JSON.stringify(cellsOf(index));

const bytesOf = (lines: readonly string[]): number => Buffer.byteLength(lines.join('\n'));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// The size of a process is the machine's choice as much as ours: what is read ahead and what is kept can be counted.
test.each<[ImportFormat, string[], (index: number) => string]>([
  ['csv', ['externalId,displayName,purpose'], csv],
  ['ndjson', [], ndjson],
])(
  'a long list of %s is read as it is asked for, and what was written is let go',
  async (format, header, line) => {
    const folder = await temporaryFolder();
    try {
      const path = join(folder.path, `long.${format}`);
      const lines = [...header, ...Array.from({ length: ROWS }, (_each, index) => line(index))];
      await writeFile(path, lines.join('\n'));
      const file = readRows(path, format);
      const handed: WeakRef<object>[] = [];
      let [written, mostAhead, mostKept] = [0, 0, 0];
      const upsert: UpsertRows = async (rows) => {
        written += rows.length;
        mostAhead = Math.max(mostAhead, file.bytesRead() - bytesOf(lines.slice(0, written)));
        // looking costs as much as the heap of the whole worker is large
        if (written === ROWS / 2 || written === ROWS) {
          await setImmediate();
          collectGarbage();
          mostKept = Math.max(mostKept, handed.filter((row) => row.deref() !== undefined).length);
        }
        handed.push(...rows.map((row) => new WeakRef(row)));
        return rows.map(() => 'created' as const);
      };
      const progress = { update: () => undefined, stop: () => undefined };
      expect(await runImport({ file, upsert, progress, rejects: undefined })).toMatchObject({ created: ROWS, refused: 0 });
      expect(handed).toHaveLength(ROWS);
      expect(mostAhead).toBeLessThan(512 * 1024);
      expect(mostKept).toBeLessThan(1_000);
    } finally {
      await folder.remove();
    }
  },
  120_000,
);
