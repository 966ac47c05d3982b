import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemClock } from '../../src/platform/clock.ts';
import { startEmbeddedPostgres } from '../../src/platform/db/embedded-postgres.ts';
import { migrate } from '../../src/platform/db/migrate.ts';
import { randomIds } from '../../src/platform/ids.ts';

const TEMPLATE = 'behalf_template';

/** One database server for the whole run, with a migrated template that test/support/database.ts copies. */
export default async function globalSetup() {
  const folder = await mkdtemp(join(tmpdir(), 'behalf-test-'));
  const log = { info: () => undefined, error: (fields, message) => console.error(message, fields) };
  const server = await startEmbeddedPostgres({
    dataDir: folder,
    log,
    ids: randomIds,
    // The data of a test run is thrown away: it need not survive a power cut.
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' },
  });
  // An interrupted run has no teardown, and the database outlives its parent.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.stop().finally(() => process.exit(1)));
  const client = new pg.Client(server.connection);
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  const template = { ...server.connection, database: TEMPLATE };
  await migrate(template, { dir: 'migrations', log, clock: systemClock });
  await client.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  await client.end();

  process.env.BEHALF_TEST_DATABASE = JSON.stringify(template);
  process.env.BEHALF_TEST_FOLDER = folder;
  globalThis.behalfTestRun = { server, folder };
}
