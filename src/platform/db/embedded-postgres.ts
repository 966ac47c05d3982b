import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Ids } from '../ids.ts';
import { openPostgresFolder, type PostgresFolder, type PostgresSettings } from './postgres-folder.ts';
import { EmbeddedPostgresError } from './postgres-programs.ts';

/** What the supervisor tells; a pino logger fits. */
export interface DatabaseLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** How to reach a database; fits `pg.ClientConfig`. */
export interface DatabaseConnection {
  /** A host name, or the folder of a unix socket. */
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What {@link startEmbeddedPostgres} needs. */
export interface EmbeddedPostgresOptions {
  /** The folder that holds `db/` and the password file; made when it is not there. */
  readonly dataDir: string;
  readonly log: DatabaseLog;
  readonly ids: Pick<Ids, 'secret'>;
  /** Extra PostgreSQL settings. */
  readonly settings?: PostgresSettings;
  /** Told each time the database has died and is about to be started again. */
  readonly onCrash?: () => void;
}

/** A PostgreSQL server of our own, restarted with back-off whenever it dies until it is stopped. */
export interface EmbeddedPostgres {
  readonly connection: DatabaseConnection;
  /** Ends it; to be called after the last pool is closed. Safe to call twice. */
  stop(): Promise<void>;
}

const DATABASE = 'behalf';
/** A session-level advisory lock in the database `postgres`: whoever holds it owns the folder. */
const OWNER_LOCK = [25_189, 1];
const FIRST_ATTEMPTS = 5;
const LONGEST_BACK_OFF_MS = 5_000;

/**
 * Starts PostgreSQL in `<dataDir>/db`. A postmaster that a killed server left behind is stopped first; one that a living server
 * owns is left alone. Throws EmbeddedPostgresError, with a sentence for a person, when the folder is in use or cannot be used.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, ids, settings = {}, onCrash } = options;
  const folder = await openPostgresFolder(dataDir, ids);
  const stopping = new AbortController();
  const first = await takeFolder(folder, settings);
  await createDatabase(first.client);
  let owner: Owner | undefined = first;
  let recovering: Promise<Owner | undefined> = Promise.resolve(undefined);

  const supervise = async () => {
    while (owner !== undefined) {
      await owner.lost;
      if (stopping.signal.aborted) return;
      log.error({ dataDir: folder.dataDir }, 'the embedded database died, starting it again');
      onCrash?.();
      owner = undefined;
      recovering = recover({ folder, settings, log, signal: stopping.signal });
      owner = await recovering;
      if (owner !== undefined) log.info({ dataDir: folder.dataDir }, 'the embedded database is back');
    }
  };
  const supervision = supervise();

  const stop = async () => {
    stopping.abort();
    await recovering;
    // Only what we own: after a crash another server may have taken the folder. Stopping ends the owner's connection as well.
    if (owner !== undefined) await folder.stop();
    await supervision;
  };
  let stopped: Promise<void> | undefined;
  return {
    connection: { host: folder.socketDir, user: folder.user, password: folder.password, database: DATABASE },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/**
 * As `startEmbeddedPostgres`, but a folder that a living server owns is joined instead: its database is used and left running.
 * For commands beside a running server.
 */
export async function joinEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    return await startEmbeddedPostgres(options);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    const { socketDir: host, user, password } = await openPostgresFolder(options.dataDir, options.ids);
    return { connection: { host, user, password, database: DATABASE }, stop: async () => undefined };
  }
}

/** The connection that holds the owner lock; `lost` resolves when it ends, and it ends with the server. */
interface Owner {
  readonly client: pg.Client;
  readonly lost: Promise<void>;
}

async function connect(folder: PostgresFolder): Promise<Owner> {
  const client = new pg.Client({
    host: folder.socketDir,
    user: folder.user,
    password: folder.password,
    database: 'postgres',
    application_name: 'behalf supervisor',
    connectionTimeoutMillis: 5_000,
  });
  const lost = new Promise<void>((resolve) => {
    client.once('end', resolve);
    client.on('error', () => resolve());
  });
  await client.connect();
  return { client, lost };
}

async function tryLock({ client }: Owner): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS locked', OWNER_LOCK);
  return rows[0]?.locked === true;
}

async function holdLock(folder: PostgresFolder): Promise<Owner> {
  const owner = await connect(folder);
  if (await tryLock(owner)) return owner;
  await owner.client.end();
  throw folderInUse(folder);
}

class FolderInUseError extends EmbeddedPostgresError {}

function folderInUse({ dataDir }: PostgresFolder): FolderInUseError {
  return new FolderInUseError(`Another server is using ${dataDir}. Stop it first, or set BEHALF_DATA_DIR to a folder of its own.`);
}

/** Starts the server and becomes its owner; tries again when a server that is just ending stands in the way. */
async function takeFolder(folder: PostgresFolder, settings: PostgresSettings): Promise<Owner> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (await folder.isRunning()) await stopOrphan(folder);
      await folder.start(settings);
      return await holdLock(folder).catch(async (error) => {
        if (!(error instanceof FolderInUseError)) await folder.stop();
        throw error;
      });
    } catch (error) {
      if (error instanceof FolderInUseError || attempt === FIRST_ATTEMPTS) throw error;
      await pause(500 * attempt);
    }
  }
}

/** Stops a running postmaster that nobody owns. Asks twice, so that a server which is just starting has taken its lock. */
async function stopOrphan(folder: PostgresFolder): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const probe = await connect(folder).catch(() => undefined);
    if (probe !== undefined) {
      const isFree = await tryLock(probe).finally(() => probe.client.end());
      if (!isFree) throw folderInUse(folder);
    }
    await pause(250);
  }
  await folder.stop();
}

async function createDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(DATABASE)}`);
}

interface Recovery {
  readonly folder: PostgresFolder;
  readonly settings: PostgresSettings;
  readonly log: DatabaseLog;
  readonly signal: AbortSignal;
}

/** Tries until the database is back or we are told to stop: then undefined. */
async function recover({ folder, settings, log, signal }: Recovery): Promise<Owner | undefined> {
  for (let waitMs = 100; !signal.aborted; waitMs = Math.min(waitMs * 2, LONGEST_BACK_OFF_MS)) {
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return undefined;
    try {
      // It may have recovered by itself: PostgreSQL ends every connection when one of its processes crashes.
      if (!(await folder.isRunning())) await folder.start(settings);
      return await holdLock(folder);
    } catch (error) {
      log.error({ err: error }, 'the embedded database is not back yet');
    }
  }
  return undefined;
}
