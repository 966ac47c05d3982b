import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createQuotas, type QuotaSize } from '../../src/platform/quota/quota.ts';
import { createVault } from '../../src/platform/vault.ts';
import { clock, minutes, seconds } from '../support/clock.ts';
import { freshDatabase } from '../support/database.ts';

const SIZE: QuotaSize = { points: 5, durationSeconds: 600 };
const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
const log = createLogger('silent');
let database: Awaited<ReturnType<typeof freshDatabase>>;
let db: Db;
let statements = 0;

/** A server of its own on the one database: nothing in memory is shared. */
function anotherServer() {
  const counting: Pick<Db, 'detached' | 'rows'> = {
    detached: (work) => db.detached(work),
    rows(statement) {
      statements += 1;
      return db.rows(statement);
    },
  };
  return createQuotas({ db: counting, clock: systemClock, vault, log });
}

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log });
});
afterEach(() => clock.reset());
afterAll(async () => {
  await db.close();
  await database.drop();
});

const rows = () => db.rows<{ key: string; points: number }>({ name: 'all', text: 'SELECT key, points FROM quota_counts', values: [] });

describe('R23: a quota', () => {
  test('is one count on all servers, whoever asks at the same time', async () => {
    const [one, two] = [anotherServer().create('shared', SIZE), anotherServer().create('shared', SIZE)];
    const spent = await Promise.all(Array.from({ length: 40 }, (_each, turn) => (turn % 2 === 0 ? one : two).take('a')));
    expect(spent.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect((await anotherServer().create('shared', SIZE).take('b')).remaining).toBe(4);
    expect((await anotherServer().create('other', SIZE).take('a')).remaining).toBe(4);
  });

  test('survives a restart, and lets in again when it said it would, not before', async () => {
    const before = anotherServer().create('restart', SIZE);
    for (let n = 0; n < 5; n += 1) expect((await before.take('a')).allowed).toBe(true);
    const first = await before.take('a');
    expect(first).toMatchObject({ allowed: false, remaining: 0 });
    expect(first.retryAfterSeconds).toBeGreaterThan(595);
    const after = anotherServer().create('restart', SIZE);
    clock.advance(minutes(9));
    const later = await after.take('a');
    expect([later.allowed, later.retryAfterSeconds > 50, later.retryAfterSeconds <= 60]).toEqual([false, true, true]);
    clock.advance(seconds(later.retryAfterSeconds));
    expect([(await before.take('a')).allowed, (await after.take('a')).allowed]).toEqual([true, true]);
  });

  test('a clock that is set back locks nobody out for longer than a window', async () => {
    const quota = anotherServer().create('back in time', SIZE);
    clock.advance(minutes(24 * 60));
    for (let n = 0; n < 7; n += 1) await quota.take('a');
    clock.reset();
    await quota.take('a');
    expect((await quota.take('a')).allowed).toBe(true);
  });

  test('costs a flood no database: what is used up is remembered until its window ends', async () => {
    const quota = anotherServer().create('flood', SIZE);
    statements = 0;
    for (let n = 0; n < 500; n += 1) await quota.take('a');
    expect(statements).toBe(6);
    clock.advance(minutes(11));
    expect((await quota.take('a')).allowed).toBe(true);
  });

  test('gives back, so that what succeeds makes up for what fails', async () => {
    const quota = anotherServer().create('back', SIZE);
    for (let n = 0; n < 50; n += 1) {
      expect((await quota.take('a')).allowed).toBe(true);
      await quota.giveBack('a');
    }
    await quota.giveBack('a', 3);
    const allowed = [];
    for (let n = 0; n < 9; n += 1) allowed.push((await quota.take('a')).allowed);
    expect(allowed.filter(Boolean)).toHaveLength(8);
  });

  test('counts although the request under way is undone', async () => {
    const quota = anotherServer().create('undone', SIZE);
    const undone = db.transaction(async () => {
      await db.rows({ name: '', text: 'CREATE TEMP TABLE written (n int)', values: [] });
      await quota.take('a');
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect((await quota.take('a')).remaining).toBe(3);
  });

  test('keeps no address: keys are keyed hashes', async () => {
    await anotherServer().create('private', SIZE).take('203.0.113.77');
    const kept = await rows();
    expect(kept.some(({ key }) => key.startsWith('private:'))).toBe(true);
    expect(JSON.stringify(kept)).not.toContain('203.0.113');
  });

  test('counts alone while the database is away, and bounds as hard', async () => {
    const away = createDb({ connection: 'postgresql://a:b@127.0.0.1:1/none', log });
    const quota = createQuotas({ db: away, clock: systemClock, vault, log }).create('away', SIZE);
    const spent = [];
    for (let n = 0; n < 7; n += 1) spent.push(await quota.take('a'));
    expect(spent.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(spent.at(-1)?.retryAfterSeconds).toBeGreaterThan(0);
    await quota.giveBack('a');
    await away.close();
  });

  test('the job clears away what is over, and nothing else', async () => {
    const quotas = anotherServer();
    clock.advance(minutes(60));
    await quotas.create('old', SIZE).take('a');
    clock.advance(minutes(11));
    await quotas.create('new', SIZE).take('a');
    await quotas.job.run();
    expect((await rows()).map(({ key }) => key.split(':')[0])).toEqual(['new']);
  });
});
