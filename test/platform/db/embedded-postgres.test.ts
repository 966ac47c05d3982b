import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { type DatabaseConnection, type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/platform/db/embedded-postgres.ts';
import { randomIds } from '../../../src/platform/ids.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const log = { info: () => undefined, error: () => undefined };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let socketDir: string;
let running: EmbeddedPostgres | undefined;
const owners: ChildProcess[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  const { connection, stop } = await start();
  socketDir = connection.host;
  await query(connection, 'CREATE TABLE notes (text text)');
  await stop();
});

afterEach(async () => {
  for (const owner of owners.splice(0)) owner.kill('SIGKILL');
  await running?.stop();
  running = undefined;
});

afterAll(async () => {
  await start(); // takes over what a killed owner left, so that it can be stopped
  await running?.stop();
  await Promise.all([folder.remove(), rm(socketDir, { recursive: true, force: true })]);
});

async function start(extra: { onCrash?: () => void } = {}): Promise<EmbeddedPostgres> {
  running = await startEmbeddedPostgres({ dataDir: folder.path, log, ids: randomIds, ...extra });
  return running;
}

async function query(connection: DatabaseConnection, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(): Promise<number> {
  return Number((await readFile(join(folder.path, 'db', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Another process on the same folder; resolves with what it printed first, on either stream. */
async function startOwner(): Promise<{ owner: ChildProcess; said: string }> {
  const owner = spawn(process.execPath, ['--no-warnings', 'test/support/database-owner.mjs', folder.path], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  owners.push(owner);
  const first = await Promise.race([owner.stdout, owner.stderr].map((stream) => once(stream as NodeJS.ReadableStream, 'data')));
  return { owner, said: String(first[0]) };
}

async function kill(owner: ChildProcess): Promise<void> {
  const ended = once(owner, 'exit');
  owner.kill('SIGKILL');
  await ended;
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 100) throw error;
      await pause(100);
    }
  }
}

test('R18 is reached through a unix socket of its own alone, with a password, in UTF-8', async () => {
  const { connection } = await start();
  expect(
    await query(connection, "SELECT current_setting('listen_addresses') AS tcp, current_setting('server_encoding') AS encoding"),
  ).toEqual([{ tcp: '', encoding: 'UTF8' }]);
  expect(await query(connection, 'SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()')).toEqual([
    { datlocprovider: 'b', datlocale: 'C.UTF-8' },
  ]);
  expect((await stat(connection.host)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder.path, 'db'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder.path, 'db', 'behalf-password'))).mode & 0o777).toBe(0o600);
  await expect(query({ ...connection, password: 'wrong' }, 'SELECT 1')).rejects.toThrow('password authentication failed');
  expect(await query(connection, "SELECT count(*)::int AS others FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'")).toEqual([
    { others: 0 },
  ]);
});

test('keeps its data over a stop, and stops twice without harm', async () => {
  const first = await start();
  await query(first.connection, "INSERT INTO notes VALUES ('kept')");
  await Promise.all([first.stop(), first.stop()]);
  await expect(query(first.connection, 'SELECT 1')).rejects.toThrow('ENOENT');
  const second = await start();
  expect(await query(second.connection, "SELECT text FROM notes WHERE text = 'kept'")).toHaveLength(1);
});

test('comes back by itself, with everything committed, after kill -9 of the postmaster', async () => {
  let crashes = 0;
  const { connection } = await start({
    onCrash: () => {
      crashes += 1;
    },
  });
  await query(connection, "INSERT INTO notes VALUES ('before the kill')");
  const killed = await postmasterPid();
  process.kill(killed, 'SIGKILL');
  await eventually(async () => expect(await postmasterPid()).not.toBe(killed));
  expect(await eventually(() => query(connection, "SELECT text FROM notes WHERE text = 'before the kill'"))).toHaveLength(1);
  expect(crashes).toBe(1);
});

test('does not come back when it is stopped right after a crash', async () => {
  const { connection, stop } = await start();
  process.kill(await postmasterPid(), 'SIGKILL');
  await pause(20);
  await stop();
  await expect(query(connection, 'SELECT 1')).rejects.toThrow(/ENOENT|ECONNREFUSED/);
});

test('takes over the postmaster that a killed server left running', async () => {
  const { owner, said } = await startOwner();
  const connection = JSON.parse(said) as DatabaseConnection;
  await query(connection, "INSERT INTO notes VALUES ('orphan')");
  await kill(owner);
  const orphan = await postmasterPid();
  expect(() => process.kill(orphan, 0)).not.toThrow();
  const next = await start();
  expect(await postmasterPid()).not.toBe(orphan);
  expect(await query(next.connection, "SELECT text FROM notes WHERE text = 'orphan'")).toHaveLength(1);
});

test('starts over the pid file that a power cut left', async () => {
  const { owner } = await startOwner();
  const postmaster = await postmasterPid();
  await kill(owner);
  process.kill(postmaster, 'SIGKILL');
  const { connection } = await start();
  expect(await query(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('starts over a pid file whose number now belongs to another program of the same account', async () => {
  const databaseDir = join(folder.path, 'db');
  const { uid, gid } = await stat(databaseDir);
  const other = spawn('sleep', ['60'], { uid, gid, stdio: 'ignore' });
  await once(other, 'spawn');
  try {
    await writeFile(join(databaseDir, 'postmaster.pid'), `${other.pid}\n${databaseDir}\n1\n5432\n${socketDir}\n\n\nready\n`);
    const { connection } = await start();
    expect(await query(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(other.exitCode ?? other.signalCode).toBeNull();
  } finally {
    other.kill();
  }
});

test('a second server on the same folder is refused and does not disturb the first', async () => {
  const { connection } = await start();
  const postmaster = await postmasterPid();
  const { said } = await startOwner();
  expect(said).toBe(`Another server is using ${folder.path}. Stop it first, or set BEHALF_DATA_DIR to a folder of its own.`);
  expect(await postmasterPid()).toBe(postmaster);
  expect(await query(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a Ctrl-C in the terminal reaches the server and not its database: the server can drain', async () => {
  const { owner } = await startOwner();
  const output = once(owner.stdout as NodeJS.ReadableStream, 'data');
  process.kill(-(owner.pid as number), 'SIGINT');
  expect(String((await output)[0])).toBe('drained\n');
});

test('refuses a folder of another major version, says how to export it, and leaves it alone', async () => {
  const versionFile = join(folder.path, 'db', 'PG_VERSION');
  const version = await readFile(versionFile, 'utf8');
  await writeFile(versionFile, '15\n');
  try {
    await expect(start()).rejects.toThrow(
      /was made by PostgreSQL 15; this server brings PostgreSQL \d+ and cannot open it\. Export it with .*pg_dump/,
    );
  } finally {
    await writeFile(versionFile, version);
  }
});

test('two servers that start on a new folder at once: one owns it, the other is refused', async () => {
  const fresh = await temporaryFolder();
  const options = { dataDir: join(fresh.path, 'data'), log, ids: randomIds };
  const outcomes = await Promise.allSettled([startEmbeddedPostgres(options), startEmbeddedPostgres(options)]);
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
  try {
    expect(refused).toEqual([expect.stringContaining('Another server is using')]);
    expect(await query(started[0]?.connection as DatabaseConnection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  } finally {
    await Promise.all(started.map(({ stop }) => stop()));
    await rm(started[0]?.connection.host ?? '', { recursive: true, force: true });
    await fresh.remove();
  }
});
