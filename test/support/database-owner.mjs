// A server process that owns an embedded database: prints its connection, and on SIGINT or SIGTERM uses the database once more,
// as a server that drains does, before it stops it.
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/db/embedded-postgres.ts';
import { randomIds } from '../../src/platform/ids.ts';

const log = { info: () => undefined, error: () => undefined };
try {
  const server = await startEmbeddedPostgres({ dataDir: process.argv[2], log, ids: randomIds });
  const client = new pg.Client(server.connection);
  await client.connect();
  const drain = async () => {
    await client.query('SELECT 1');
    await client.end();
    await server.stop();
    process.stdout.write('drained\n');
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, drain);
  process.stdout.write(`${JSON.stringify(server.connection)}\n`);
} catch (error) {
  process.stderr.write(error.message);
  process.exitCode = 1;
}
