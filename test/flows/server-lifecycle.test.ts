import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test } from '@jest/globals';
import { randomIds } from '../../src/platform/ids.ts';
import { freshDatabase } from '../support/database.ts';
import { ask, databaseEnvironment, type ServerProcess, spawnServer, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';

const running: ServerProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.end('SIGKILL')));
});

async function start(port: number, env: Record<string, string>): Promise<ServerProcess> {
  const server = await startServerProcess(port, env);
  running.push(server);
  return server;
}

const metadata = async (port: number) =>
  (await ask({ port, issuer: `http://localhost:${port}` }, '/.well-known/openid-configuration')).json();
const keysOf = async (port: number) => {
  const { keys } = (await ask({ port, issuer: `http://localhost:${port}` }, '/jwks')).json() as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid).sort();
};

describe('behalf start', () => {
  test('on an embedded database: serves, keeps its keys over a kill -9, drains on SIGTERM', async () => {
    const [folder, port] = await Promise.all([temporaryFolder(), freePort()]);
    const env = { BEHALF_DATA_DIR: folder.path };
    try {
      const first = await start(port, env);
      expect(await metadata(port)).toMatchObject({
        issuer: `http://localhost:${port}`,
        authorization_response_iss_parameter_supported: true,
      });
      expect(first.output()).toContain('Back this file up');
      const keys = await keysOf(port);
      await first.end('SIGKILL');

      const second = await start(port, env);
      expect(second.output()).not.toContain('Back this file up');
      expect(await keysOf(port)).toEqual(keys);
      expect(await second.end('SIGTERM')).toBe(0);
    } finally {
      await Promise.all(running.splice(0).map((server) => server.end('SIGKILL')));
      await folder.remove();
    }
  }, 60_000);

  test('two servers on one database publish the same keys', async () => {
    const database = await freshDatabase();
    const [one, two] = [await freePort(), await freePort()];
    const env = databaseEnvironment(database.connection, randomIds.bytes(32));
    await Promise.all([start(one, env), start(two, env)]);
    expect(await keysOf(one)).toEqual(await keysOf(two));
    await Promise.all(running.splice(0).map((server) => server.end('SIGTERM')));
    await database.drop();
  }, 60_000);

  test('refuses a master key that does not belong to the database', async () => {
    const database = await freshDatabase();
    const port = await freePort();
    const first = await start(port, databaseEnvironment(database.connection, randomIds.bytes(32)));
    await first.end('SIGTERM');
    await expect(start(port, databaseEnvironment(database.connection, randomIds.bytes(32)))).rejects.toThrow(
      'does not belong to this database',
    );
    await database.drop();
  }, 60_000);

  test('prints all faults of its configuration and exits with 78', () => {
    const env = { PATH: process.env['PATH'] ?? '', PORT: 'many', BEHALF_LOG_LEVEL: 'loud' };
    const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', 'src/main.ts', 'start'], { env, encoding: 'utf8' });
    expect(status).toBe(78);
    expect(stderr).toContain('PORT');
    expect(stderr).toContain('BEHALF_LOG_LEVEL');
  });

  test('answers 503 while its database is away and serves as soon as it is there', async () => {
    const [port, nowhere] = [await freePort(), await freePort()];
    const env = { DATABASE_URL: `postgresql://a:b@127.0.0.1:${nowhere}/behalf`, BEHALF_MASTER_KEY: randomIds.bytes(32).toString('base64') };
    running.push(spawnServer(port, env));
    const answer = await waitFor(() => ask({ port, issuer: `http://localhost:${port}` }, '/token', { form: {} }));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
    expect((await ask({ port, issuer: `http://localhost:${port}` }, '/healthz')).status).toBe(200);
  }, 60_000);
});

/** Tries until it works: the server needs a moment to listen. */
async function waitFor<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 100; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
