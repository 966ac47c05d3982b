import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { ask, databaseEnvironment, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';

const MASTER_KEY = Buffer.alloc(32, 7);
const SECRET = 'a secret of the environment that is long enough';
const OWNER = { user: 'behalf_owner', password: 'secret' };
const SCIM = 'urn:ietf:params:scim:schemas:core:2.0:Agent';

let database: TestDatabase;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let env: Record<string, string>;

/** The statements of the guide for a serving role that does not own the tables: who there is, before the migrations, after them. */
function statementsOfTheGuide(): { readonly roles: string; readonly before: string; readonly after: string } {
  const guide = readFileSync('docs/guides/run-in-production.md', 'utf8');
  const [, sql = ''] = /```sql\n(.*?)```/s.exec(guide) ?? [];
  const [roles = '', before = '', after = ''] = sql.split(/^-- .*$/m);
  return { roles: roles.replaceAll('…', 'secret').replace(/CREATE DATABASE.*/, ''), before, after };
}

async function run(sql: string, as: Partial<pg.ClientConfig> = {}): Promise<void> {
  const client = new pg.Client({ ...database.connection, ...as });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

function behalf(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--no-warnings', 'src/main.ts', ...args], { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

beforeAll(async () => {
  [database, folder] = await Promise.all([emptyDatabase(), temporaryFolder()]);
  const urlOf = (user: string) =>
    databaseEnvironment({ ...database.connection, user, password: 'secret' }, MASTER_KEY)['DATABASE_URL'] ?? '';
  env = {
    DATABASE_URL: urlOf('behalf_server'),
    BEHALF_MIGRATION_DATABASE_URL: urlOf('behalf_owner'),
    BEHALF_MASTER_KEY: MASTER_KEY.toString('base64'),
    BEHALF_DATA_DIR: folder.path,
    BEHALF_ADMIN_EMAIL: 'ada@acme.test',
    BEHALF_ADMIN_PASSWORD: 'correct horse battery',
    BEHALF_BOOTSTRAP_CLIENT_ID: 'operations',
    BEHALF_BOOTSTRAP_CLIENT_SECRET: SECRET,
  };
});
afterAll(async () => {
  await database.drop();
  await run('DROP ROLE behalf_owner, behalf_server', { database: 'postgres' });
  await folder.remove();
});

test('the roles of the guide serve: agents are made, moved and counted, the doctor finds nothing wrong, the audit is out of reach', async () => {
  const { roles, before, after } = statementsOfTheGuide();
  await run(roles);
  await run(`ALTER DATABASE "${database.connection.database}" OWNER TO behalf_owner; ALTER SCHEMA public OWNER TO behalf_owner`);
  await run(before, OWNER);
  expect((await behalf(['migrate'])).output).toContain('Applied');
  await run(after, OWNER);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  env['PORT'] = String(port);
  const server: ServerProcess = await startServerProcess(port, env);
  try {
    const form = { grant_type: 'client_credentials', resource: `${issuer}/scim/v2`, scope: 'scim:read scim:write' };
    const basic = `Basic ${Buffer.from(`operations:${encodeURIComponent(SECRET)}`).toString('base64')}`;
    const token = (await ask({ port, issuer }, '/token', { form, headers: { authorization: basic } })).json()['access_token'];
    const headers = { authorization: `Bearer ${String(token)}` };
    const scim = (method: string, path: string, json?: unknown) => ask({ port, issuer }, `/scim/v2${path}`, { method, headers, json });
    const made = await scim('POST', '/Agents', { schemas: [SCIM], displayName: 'Made by the serving role' });
    expect(made.status).toBe(201);
    expect((await scim('DELETE', `/Agents/${String(made.json()['id'])}`)).status).toBe(204);
    const { code, output } = await behalf(['doctor', '--json']);
    expect([code, JSON.parse(output)]).toEqual([0, expect.objectContaining({ healthy: true })]);
    await expect(run('DELETE FROM audit_events', { user: 'behalf_server', password: 'secret' })).rejects.toThrow('permission denied');
  } finally {
    await server.end('SIGTERM');
  }
}, 120_000);
