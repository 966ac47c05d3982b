import { SingleBar } from 'cli-progress';

/** Shows how far an import is. */
export interface Progress {
  update(bytes: number, rows: number): void;
  stop(): void;
}

/** The stream that people read, apart from the result. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

const PLAIN_EVERY_ROWS = 25_000;

const percentOf = (bytes: number, total: number): number => (total === 0 ? 100 : Math.floor((bytes / total) * 100));

/** A bar on a terminal, a line now and then elsewhere: what is written to a log must not be full of cursor movements. */
export function createProgress(stream: ProgressStream, totalBytes: number): Progress {
  if (stream.isTTY === true) {
    const bar = new SingleBar({
      stream,
      format: '{bar} {percentage} % · {rows} rows · {duration_formatted}, {eta_formatted} left',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
    });
    bar.start(totalBytes, 0, { rows: 0 });
    return { update: (bytes, rows) => bar.update(bytes, { rows }), stop: () => bar.stop() };
  }
  let told = 0;
  return {
    update(bytes, rows) {
      if (rows < told + PLAIN_EVERY_ROWS) return;
      told = rows;
      stream.write(`${rows} rows, ${percentOf(bytes, totalBytes)} %\n`);
    },
    stop: () => undefined,
  };
}
