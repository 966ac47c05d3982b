// Writes the migration that leads from migrations/ to prisma/schema: see the help text.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/platform/clock.ts';
import { startEmbeddedPostgres } from '../src/platform/db/embedded-postgres.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { randomIds } from '../src/platform/ids.ts';
import { sqlToSchema } from './schema-engine.mjs';

const HELP = `npm run new-migration -- <name>

Compares the tables that migrations/ makes with prisma/schema/*.prisma and writes the difference to
migrations/<timestamp>_<name>/migration.sql. Read it before you commit it: what the schema language
cannot say (partial indexes, CHECK, triggers) is added by hand, and every step must keep the version
before it running. <name> is lower case with underscores: add_agents

  --empty   write an empty migration, for SQL that the schema language cannot say
  --help    show this text
`;

async function difference() {
  const folder = mkdtempSync(join(tmpdir(), 'behalf-migration-'));
  const log = { info: () => undefined, error: (_fields, message) => console.error(message) };
  const server = await startEmbeddedPostgres({ dataDir: folder, log, ids: randomIds, settings: { fsync: 'off' } });
  try {
    await migrate(server.connection, { dir: 'migrations', log, clock: systemClock });
    return await sqlToSchema(server.connection);
  } finally {
    await server.stop();
    rmSync(server.connection.host, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A stamp later than every migration there is, so that the new one runs last. */
function nextStamp() {
  const now = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const newest = existsSync('migrations')
    ? readdirSync('migrations')
        .filter((name) => /^\d{14}_/.test(name))
        .sort()
        .at(-1)
    : undefined;
  const after = newest === undefined ? '0' : String(BigInt(newest.slice(0, 14)) + 1n);
  return now > after ? now : after;
}

const [name, ...rest] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (process.argv.includes('--help')) {
  process.stdout.write(HELP);
} else if (name === undefined || rest.length > 0 || !/^[a-z][a-z0-9_]*$/.test(name)) {
  process.stderr.write(HELP);
  process.exitCode = 64;
} else {
  const sql = process.argv.includes('--empty') ? '' : await difference();
  if (sql === '' && !process.argv.includes('--empty')) {
    process.stdout.write('migrations/ and prisma/schema agree: nothing to write\n');
  } else {
    const file = join('migrations', `${nextStamp()}_${name}`, 'migration.sql');
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, sql);
    process.stdout.write(`${file}\n`);
  }
}
