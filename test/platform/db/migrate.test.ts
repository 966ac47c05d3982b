import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { systemClock } from '../../../src/platform/clock.ts';
import { migrate } from '../../../src/platform/db/migrate.ts';
import { emptyDatabase, type TestDatabase } from '../../support/database.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let database: TestDatabase;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  [database, folder] = await Promise.all([emptyDatabase(), temporaryFolder()]);
  await addMigration('20260101000000_first', 'CREATE TABLE first (n int)');
  await addMigration('20260102000000_second', 'CREATE TABLE second (n int); INSERT INTO first VALUES (1)');
});

afterEach(async () => {
  await Promise.all([database.drop(), folder.remove()]);
});

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(folder.path, name));
  await writeFile(join(folder.path, name, 'migration.sql'), sql);
}

const run = () => migrate(database.connection, { dir: folder.path, log: { info: () => undefined }, clock: systemClock });

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client(database.connection);
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

test('applies what is missing, in order, and nothing twice', async () => {
  expect(await run()).toEqual(['20260101000000_first', '20260102000000_second']);
  expect(await run()).toEqual([]);
  await addMigration('20260103000000_third', 'CREATE TABLE third (n int)');
  expect(await run()).toEqual(['20260103000000_third']);
});

test('three servers that start at once apply each migration once', async () => {
  const applied = await Promise.all([run(), run(), run()]);
  expect(applied.flat().sort()).toEqual(['20260101000000_first', '20260102000000_second']);
  expect(await query('SELECT n FROM first')).toHaveLength(1);
  expect(await query('SELECT id FROM _prisma_migrations')).toHaveLength(2);
});

test('refuses a migration that was changed after it was applied', async () => {
  await run();
  await appendFile(join(folder.path, '20260101000000_first', 'migration.sql'), ' -- changed');
  await expect(run()).rejects.toThrow('20260101000000_first was changed after it was applied');
});

test('refuses a database that is newer than the server, before it applies anything', async () => {
  await run();
  await rm(join(folder.path, '20260102000000_second'), { recursive: true });
  await addMigration('20260101120000_between', 'CREATE TABLE between_the_two (n int)');
  await expect(run()).rejects.toThrow('newer than this server: it has the migration 20260102000000_second');
  expect(await query("SELECT to_regclass('between_the_two') AS name")).toEqual([{ name: null }]);
});

test('undoes a migration that fails, keeps those before it, and tries it again', async () => {
  await addMigration('20260103000000_broken', 'CREATE TABLE half (n int); SELECT 1/0');
  await expect(run()).rejects.toThrow('20260103000000_broken failed and was undone: division by zero');
  expect(await query("SELECT to_regclass('half') AS half, to_regclass('second') AS second")).toEqual([{ half: null, second: 'second' }]);
  await writeFile(join(folder.path, '20260103000000_broken', 'migration.sql'), 'CREATE TABLE half (n int)');
  expect(await run()).toEqual(['20260103000000_broken']);
});

test('refuses a migration that another tool began and did not finish', async () => {
  await run();
  await query("UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '20260102000000_second'");
  await expect(run()).rejects.toThrow('20260102000000_second was left unfinished');
});
