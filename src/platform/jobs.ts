import type { Db } from './db/db.ts';
import type { Logger } from './log.ts';

/** Periodic work. Every run may be repeated or cut off: what it does is idempotent. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  /** Looks after something in the memory of each server; left out, one server at a time runs it. */
  readonly onEveryServer?: true;
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
 * The locks of all jobs under way, held by one session: as many jobs as fall due in the same second need one connection between
 * them, and leave the others to requests and to their own work. A server that dies gives its locks back with the session.
 */
function createLocks(db: Pick<Db, 'dedicated'>) {
  let session: ReturnType<Db['dedicated']> | undefined;
  let users = 0;
  let tail: Promise<unknown> = Promise.resolve();

  const end = async (isBroken: boolean): Promise<void> => {
    const last = session;
    session = undefined;
    await last?.then((connection) => connection.release(isBroken)).catch(() => undefined);
  };
  const ask = async (statement: string, name: string): Promise<boolean> => {
    session ??= db.dedicated();
    try {
      const connection = await session;
      const { rows } = await connection.query<{ is_done: boolean }>(`SELECT ${statement}($1, $2) AS is_done`, [LOCK_CLASS, lockKey(name)]);
      return rows[0]?.is_done === true;
    } catch (error) {
      // nobody knows what it still holds
      await end(true);
      throw error;
    }
  };
  /** A connection takes one statement at a time. */
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const answer = tail.then(step, step);
    tail = answer.catch(() => undefined);
    return answer;
  };
  return {
    /** Runs `work` while holding the lock of that name, unless another server holds it. */
    async holding(name: string, work: () => Promise<void>): Promise<void> {
      users += 1;
      try {
        if (!(await inTurn(() => ask('pg_try_advisory_lock', name)))) return;
        // a session that is gone has given its locks back
        await work().finally(() => inTurn(() => ask('pg_advisory_unlock', name)).catch(() => false));
      } finally {
        users -= 1;
        await inTurn(async () => (users === 0 ? end(false) : undefined));
      }
    },
  };
}

/** A job runs on one server at a time, unless it says otherwise: whoever gets its advisory lock runs it, the others skip this turn. */
export function createJobRunner(deps: { db: Pick<Db, 'dedicated'>; log: Pick<Logger, 'error'> }): JobRunner {
  const { db, log } = deps;
  const locks = createLocks(db);
  const known = new Map<string, Job>();
  const timers = new Set<NodeJS.Timeout>();
  const underWay = new Map<string, Promise<void>>();

  const run = (job: Job): Promise<void> => {
    const running = underWay.get(job.name);
    if (running !== undefined) return running;
    const started = job.onEveryServer === true ? job.run() : locks.holding(job.name, job.run);
    const fresh = started.finally(() => underWay.delete(job.name));
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
