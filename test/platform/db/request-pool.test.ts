import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDb, type Db } from '../../../src/platform/db/db.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: { warn: () => undefined } });
  await db.rows({ name: 'make', text: 'CREATE TABLE notes (id int PRIMARY KEY)', values: [] });
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

const write = (id: number) => db.rows({ name: 'note', text: 'INSERT INTO notes (id) VALUES ($1)', values: [id] });
const has = async (id: number) => (await db.rows({ name: 'notes', text: 'SELECT id FROM notes WHERE id = $1', values: [id] })).length === 1;
const backend = async () => (await db.row<{ pid: number }>({ name: 'pid', text: 'SELECT pg_backend_pid() AS pid', values: [] }))?.pid;
const transactionId = async () =>
  (await db.row<{ id: string | null }>({ name: 'xid', text: 'SELECT pg_current_xact_id_if_assigned()::text AS id', values: [] }))?.id;

describe('one unit of work', () => {
  test('commits what raw statements and Prisma wrote together', async () => {
    await db.transaction(async () => {
      await write(1);
      await db.prisma.keyCheck.create({ data: { id: 100, check: new Uint8Array([1]) } });
    });
    expect(await has(1)).toBe(true);
    expect(await db.prisma.keyCheck.count({ where: { id: 100 } })).toBe(1);
  });

  test('undoes both when the work throws', async () => {
    const work = db.transaction(async () => {
      await write(2);
      await db.prisma.keyCheck.create({ data: { id: 101, check: new Uint8Array([1]) } });
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await has(2)).toBe(false);
    expect(await db.prisma.keyCheck.count({ where: { id: 101 } })).toBe(0);
  });

  test('a transaction inside another one joins it', async () => {
    await expect(
      db.transaction(async () => {
        await db.transaction(() => write(3));
        throw new Error('outer');
      }),
    ).rejects.toThrow('outer');
    expect(await has(3)).toBe(false);
  });

  test('takes a connection only at its first write, and keeps it from then on', async () => {
    await db.transaction(async () => {
      expect(await transactionId()).toBeNull();
      await write(4);
      const assigned = await transactionId();
      expect(assigned).not.toBeNull();
      const pids = await Promise.all([backend(), backend(), backend()]);
      expect(new Set(pids).size).toBe(1);
      expect(await transactionId()).toBe(assigned);
    });
  });

  test('a locking read opens it as a write does', async () => {
    await db.transaction(async () => {
      await db.rows({ name: 'lock', text: 'SELECT id FROM notes WHERE id = 1 FOR UPDATE', values: [] });
      const [first, second] = [await backend(), await backend()];
      expect(first).toBe(second);
      const held = await db.detached(() =>
        db.rows({ name: 'skip', text: 'SELECT id FROM notes WHERE id = 1 FOR UPDATE SKIP LOCKED', values: [] }),
      );
      expect(held).toHaveLength(0);
    });
  });

  test('rollback() undoes it although nothing threw, and what was detached stays', async () => {
    const order: string[] = [];
    await db.transaction(async () => {
      await write(5);
      await db.detached(() => write(6));
      db.afterCommit(() => void order.push('committed'));
      db.afterRollback(async () => void order.push((await has(5)) ? 'kept' : 'undone'));
      db.rollback();
    });
    expect([await has(5), await has(6), order]).toEqual([false, true, ['undone']]);
  });

  test('what is detached does not wait for units that wait for this one', async () => {
    const pool = { connection: database.connection, log: { warn: () => undefined }, poolSize: 2 };
    const small = createDb(pool);
    const add = (id: number) =>
      small.rows({ name: 'add', text: 'INSERT INTO notes (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id', values: [id] });
    const work = () =>
      small.transaction(async () => {
        const isFirst = (await add(60)).length === 1;
        if (isFirst) await small.detached(() => add(61));
        return isFirst;
      });
    expect((await Promise.all([work(), work(), work(), work()])).filter(Boolean)).toHaveLength(1);
    expect(await has(61)).toBe(true);
    await small.close();
  });

  test("Prisma's interactive transaction is a savepoint of it", async () => {
    await db.transaction(async () => {
      await write(7);
      const inner = db.prisma.$transaction(async (prisma) => {
        await prisma.keyCheck.create({ data: { id: 102, check: new Uint8Array([1]) } });
        throw new Error('inner');
      });
      await expect(inner).rejects.toThrow('inner');
    });
    expect([await has(7), await db.prisma.keyCheck.count({ where: { id: 102 } })]).toEqual([true, 0]);
  });

  test('does not report success when PostgreSQL turned its COMMIT into a rollback', async () => {
    const work = db.transaction(async () => {
      await write(8);
      await write(8).catch(() => undefined);
    });
    await expect(work).rejects.toThrow('rolled back');
    expect(await has(8)).toBe(false);
  });

  test('what is asked together is committed at once; after another write it shares the fate of both', async () => {
    const seen: number[] = [];
    const gathered = db.together(async (ids: readonly number[]) => {
      seen.push(ids.length);
      await db.rows({ name: 'notes-many', text: 'INSERT INTO notes (id) SELECT unnest($1::int[])', values: [ids] });
      return ids;
    });
    await db.transaction(async () => {
      await Promise.all([gathered(11), gathered(14)]);
      expect(await db.detached(() => has(11))).toBe(true);
      await write(12);
      await gathered(13);
      expect([await has(13), await db.detached(() => has(13))]).toEqual([true, false]);
      db.rollback();
    });
    expect([await has(11), await has(14), await has(12), await has(13)]).toEqual([true, true, false, false]);
    expect(seen).toEqual([2, 1]);
  });

  test('what is asked together joins nobody else who waits for a transaction', async () => {
    const gathered = db.together(async (ids: readonly number[]) => {
      await db.rows({ name: 'notes-many', text: 'INSERT INTO notes (id) SELECT unnest($1::int[])', values: [ids] });
      return ids;
    });
    const failing = db.transaction(async () => {
      await gathered(15);
      throw new Error('no');
    });
    await Promise.allSettled([failing, db.transaction(() => gathered(16))]);
    expect([await has(15), await has(16)]).toEqual([true, true]);
  });

  test('work that outlives it runs on its own', async () => {
    let later: Promise<unknown> = Promise.resolve();
    await db.transaction(async () => {
      await write(9);
      later = new Promise((resolve) => setTimeout(resolve, 20)).then(() => write(10));
    });
    await later;
    expect(await has(10)).toBe(true);
  });
});
