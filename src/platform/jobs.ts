import type { Db } from './db/db.ts';
import type { Logger } from './log.ts';

/** Periodic work. Every run may be repeated or cut off: what it does is idempotent. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  readonly run: () => Promise<void>;
}

/** Runs jobs until stopped. */
export interface JobRunner {
  start(jobs: readonly Job[]): void;
  /** Runs one job of that name now, on this server; for commands and tests. */
  runNow(name: string): Promise<void>;
  /** No new runs; resolves when those under way have ended. */
  stop(): Promise<void>;
}

/** A number between PostgreSQL's limits that stands for a job's name (FNV-1a). */
function lockKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

const LOCK_CLASS = 0x6a6f6273; // "jobs"

/**
 * Each job runs on one server at a time: whoever gets its advisory lock runs it, the others skip this turn. The lock belongs
 * to a connection, so a server that dies mid-run gives it back.
 */
export function createJobRunner(deps: { db: Db; log: Pick<Logger, 'error'> }): JobRunner {
  const { db, log } = deps;
  const known = new Map<string, Job>();
  const timers = new Set<NodeJS.Timeout>();
  const underWay = new Map<string, Promise<void>>();

  const runLocked = async (job: Job): Promise<void> => {
    const connection = await db.dedicated();
    let isBroken = true;
    try {
      const { rows } = await connection.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS held', [
        LOCK_CLASS,
        lockKey(job.name),
      ]);
      if (rows[0]?.held === true) {
        await job.run();
        await connection.query('SELECT pg_advisory_unlock($1, $2)', [LOCK_CLASS, lockKey(job.name)]);
      }
      isBroken = false;
    } finally {
      connection.release(isBroken);
    }
  };
  const run = (job: Job): Promise<void> => {
    const running = underWay.get(job.name);
    if (running !== undefined) return running;
    const fresh = runLocked(job).finally(() => underWay.delete(job.name));
    underWay.set(job.name, fresh);
    return fresh;
  };
  const tick = (job: Job): void =>
    void run(job).catch((error: unknown) => log.error({ err: error, job: job.name }, 'a job failed and will run again'));
  return {
    start(jobs) {
      for (const job of jobs) {
        known.set(job.name, job);
        const timer = setInterval(() => tick(job), job.everySeconds * 1000);
        timer.unref();
        timers.add(timer);
      }
    },
    async runNow(name) {
      const job = known.get(name);
      if (job === undefined) throw new Error(`There is no job named ${name}; there are ${[...known.keys()].join(', ')}.`);
      await underWay.get(name);
      await run(job);
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      timers.clear();
      await Promise.allSettled(underWay.values());
    },
  };
}
