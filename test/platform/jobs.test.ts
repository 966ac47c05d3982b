import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createJobRunner, type Job, type JobRunner } from '../../src/platform/jobs.ts';
import { createLogger } from '../../src/platform/log.ts';
import { freshDatabase } from '../support/database.ts';

const CONNECTIONS = 4;
const log = createLogger('silent');
let database: Awaited<ReturnType<typeof freshDatabase>>;
const opened: { readonly db: Db; readonly runner: JobRunner }[] = [];

/** A server of its own that knows these jobs; their timers are far away. */
function server(...jobs: readonly Pick<Job, 'name' | 'run' | 'onEveryServer'>[]) {
  const db = createDb({ connection: database.connection, log, poolSize: CONNECTIONS });
  const runner = createJobRunner({ db, log });
  runner.start(jobs.map((job) => ({ ...job, everySeconds: 3_600 })));
  const one = { db, runner };
  opened.push(one);
  return one;
}

/** A promise somebody else settles. */
function gate() {
  let open = (): void => undefined;
  const opens = new Promise<void>((resolve) => (open = resolve));
  return { opens, open };
}

const ask = (db: Db) => db.rows({ name: 'ask', text: 'SELECT 1', values: [] });
const backend = async (db: Db) =>
  (await db.rows<{ pid: number }>({ name: 'locks', text: "SELECT pid FROM pg_locks WHERE locktype = 'advisory'", values: [] }))[0]?.pid;

beforeAll(async () => {
  database = await freshDatabase();
});
afterEach(async () => {
  for (const { db, runner } of opened.splice(0)) {
    await runner.stop();
    await db.close();
  }
});
afterAll(() => database.drop());

describe('jobs', () => {
  test('that all fall due at once leave connections to requests and to each other', async () => {
    const held = gate();
    let [arrived, done] = [0, 0];
    const names = Array.from({ length: CONNECTIONS * 3 }, (_each, turn) => `due-${turn}`);
    const run = async () => {
      arrived += 1;
      if (arrived === names.length) held.open();
      await held.opens;
      await ask(db);
      done += 1;
    };
    const { db, runner } = server(...names.map((name) => ({ name, run })));
    const all = Promise.all(names.map((name) => runner.runNow(name)));
    await ask(db);
    await all;
    expect(done).toBe(names.length);
    expect(db.connections()).toMatchObject({ waiting: 0, idle: db.connections().total });
  });

  test('run on one server at a time, by name, and again once they have ended', async () => {
    const held = gate();
    const ran: string[] = [];
    const begun = gate();
    const one = server({
      name: 'alone',
      run: async () => {
        ran.push('one');
        begun.open();
        await held.opens;
      },
    });
    const two = server(
      { name: 'alone', run: async () => void ran.push('two') },
      { name: 'another', run: async () => void ran.push('another') },
    );
    const first = one.runner.runNow('alone');
    await begun.opens;
    await two.runner.runNow('alone');
    await two.runner.runNow('another');
    expect(ran).toEqual(['one', 'another']);
    held.open();
    await first;
    await two.runner.runNow('alone');
    expect(ran).toEqual(['one', 'another', 'two']);
  });

  test('for the memory of each server run on all of them at the same time', async () => {
    const held = gate();
    let arrived = 0;
    const run = async () => {
      arrived += 1;
      if (arrived === 2) held.open();
      await held.opens;
    };
    const [one, two] = [server({ name: 'everywhere', onEveryServer: true, run }), server({ name: 'everywhere', onEveryServer: true, run })];
    await Promise.all([one.runner.runNow('everywhere'), two.runner.runNow('everywhere')]);
    expect(arrived).toBe(2);
  });

  test('that fail give their lock back', async () => {
    let runs = 0;
    const fails = async () => {
      runs += 1;
      throw new Error('not today');
    };
    const one = server({ name: 'failing', run: fails });
    const two = server({ name: 'failing', run: fails });
    await expect(one.runner.runNow('failing')).rejects.toThrow('not today');
    await expect(two.runner.runNow('failing')).rejects.toThrow('not today');
    expect(runs).toBe(2);
  });

  test('whose session is cut off end well, and the next run takes a new one', async () => {
    const cut = async () => {
      const pid = await backend(one.db);
      await two.db.rows({ name: 'cut', text: 'SELECT pg_terminate_backend($1)', values: [pid] });
      runs += 1;
    };
    let runs = 0;
    const one = server({ name: 'cut off', run: cut });
    const add = async () => {
      runs += 10;
    };
    const two = server({ name: 'cut off', run: add });
    await one.runner.runNow('cut off');
    await two.runner.runNow('cut off');
    await one.runner.runNow('cut off');
    expect(runs).toBe(12);
  });
});
