import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Clock } from '../clock.ts';

/** The database and the migrations folder do not belong together; the message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** What {@link migrate} needs. */
export interface MigrateOptions {
  /** The folder with one `<timestamp>_<name>/migration.sql` per migration. */
  readonly dir: string;
  readonly log: { info(fields: object, message: string): void };
  readonly clock: Clock;
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hex: what Prisma stores. */
  readonly checksum: string;
}

interface AppliedRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/** The lock Prisma itself takes: `prisma migrate deploy` and this server wait for each other. */
const PRISMA_LOCK = 72_707_369;

const CONNECT_TIMEOUT_MS = 5_000;

// As Prisma 7 makes it, so that its tools see the same history.
const HISTORY_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Brings a database up to the migrations in `dir`, each in a transaction of its own, one server at a time; returns the names it
 * applied, in order. Throws MigrationError when the database has a migration the folder lacks (it is newer than this server),
 * one that was changed after it was applied, or one that Prisma left unfinished.
 */
export async function migrate(connection: pg.ClientConfig, options: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(options.dir);
  const client = new pg.Client({ ...connection, application_name: 'behalf migrate' });
  client.on('error', () => undefined); // a lost connection rejects the query that waits on it
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query(HISTORY_TABLE);
    const applied = await readHistory(client);
    refuseForeignHistory(applied, migrations);
    const pending = migrations.filter(({ name }) => !applied.some((row) => row.migration_name === name));
    for (const migration of pending) {
      await apply(client, migration, options.clock);
      options.log.info({ migration: migration.name }, 'migration applied');
    }
    return pending.map(({ name }) => name);
  } finally {
    await client.end(); // gives the lock back as well
  }
}

/** The names of migrations that the database lacks; changes nothing. Throws MigrationError as `migrate` does. */
export async function pendingMigrations(connection: pg.ClientConfig, dir: string): Promise<string[]> {
  const migrations = await readMigrations(dir);
  const client = new pg.Client({ ...connection, application_name: 'behalf doctor', connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ known: boolean }>(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS known`);
    const applied = rows[0]?.known === true ? await readHistory(client) : [];
    refuseForeignHistory(applied, migrations);
    return migrations.map(({ name }) => name).filter((name) => !applied.some((row) => row.migration_name === name));
  } finally {
    await client.end();
  }
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const file = await readFile(join(dir, name, 'migration.sql'));
      return { name, sql: file.toString('utf8'), checksum: createHash('sha256').update(file).digest('hex') };
    }),
  );
}

async function readHistory(client: pg.Client): Promise<AppliedRow[]> {
  const history = await client.query<AppliedRow>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name',
  );
  return history.rows;
}

function refuseForeignHistory(applied: readonly AppliedRow[], migrations: readonly Migration[]): void {
  for (const row of applied) {
    const migration = migrations.find(({ name }) => name === row.migration_name);
    if (migration === undefined) {
      throw new MigrationError(
        `The database is newer than this server: it has the migration ${row.migration_name}, which this version does not know. ` +
          'Start the version that applied it, or a later one.',
      );
    }
    if (row.checksum !== migration.checksum) {
      throw new MigrationError(
        `The migration ${migration.name} was changed after it was applied: restore its file and add a new migration.`,
      );
    }
    if (row.finished_at === null) {
      throw new MigrationError(
        `The migration ${migration.name} was left unfinished: repair the database and mark it with "prisma migrate resolve".`,
      );
    }
  }
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration, clock: Clock): Promise<void> {
  const startedAt = clock.now();
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, $5, 1)`,
      [idOf(name), checksum, name, startedAt, clock.now()],
    );
    await client.query('COMMIT');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MigrationError(`The migration ${name} failed and was undone: ${reason}`, { cause });
  }
}

/** Prisma wants a UUID; one made from the name lets the primary key refuse a migration recorded twice. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
