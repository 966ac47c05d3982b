import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chown, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Ids } from '../ids.ts';
import {
  EmbeddedPostgresError,
  findPrograms,
  isOurs,
  isReachable,
  nameOfFolder,
  type Outcome,
  reachablePrograms,
  runProgram,
  type ServiceUser,
  serviceUser,
} from './postgres-programs.ts';

const SUPERUSER = 'behalf';
const PASSWORD_FILE = 'behalf-password';
const SOCKET_NAME = '.s.PGSQL.5432';
/** sun_path of Linux holds 108 bytes, of macOS 104, with the closing zero. */
const SOCKET_PATH_LIMIT = 103;
/** Above the largest process id Linux gives out. */
const NO_PROCESS = 999_999_999;
const LOG_LIMIT_BYTES = 10_000_000;

/** PostgreSQL settings by name, as in postgresql.conf. */
export type PostgresSettings = Readonly<Record<string, string>>;

/** A PostgreSQL data folder that is initialised, of the right version, and ours to start and stop. */
export interface PostgresFolder {
  readonly dataDir: string;
  /** The folder of the unix socket: what a client takes for its host. */
  readonly socketDir: string;
  readonly user: string;
  readonly password: string;
  isRunning(): Promise<boolean>;
  /** Starts the server and waits until it answers. Throws EmbeddedPostgresError with the end of its log. */
  start(settings: PostgresSettings): Promise<void>;
  /** Stops the server, at once and for certain if it does not end in time. */
  stop(): Promise<void>;
}

/**
 * Opens `<dataDir>/db`, making and initialising it when it is not there. Throws EmbeddedPostgresError when it is of another
 * major version, belongs to someone else, or has lost its password.
 */
export async function openPostgresFolder(dataDir: string, ids: Pick<Ids, 'secret'>): Promise<PostgresFolder> {
  const root = resolve(dataDir);
  await mkdir(root, { recursive: true, mode: 0o711 });
  const databaseDir = join(root, 'db');
  if (existsSync(databaseDir) && !isOurs(databaseDir)) {
    throw new EmbeddedPostgresError(`${databaseDir} belongs to another user of this machine.`);
  }
  const user = serviceUser(databaseDir);
  const socketDir = await makeSocketFolder(databaseDir, user);
  const programs = await reachablePrograms(await findPrograms(), socketDir, user);
  const run = (name: string, args: readonly string[], folder = databaseDir) =>
    runProgram(join(programs, 'bin', name), args, { databaseDir: folder, user });

  if (!existsSync(databaseDir)) await initialise({ root, databaseDir, socketDir, user, run, ids });
  await refuseOtherVersion(databaseDir, (await run('postgres', ['--version'])).output);
  return folderOf({ root, databaseDir, socketDir, user, run, password: await readPassword(databaseDir) });
}

type Run = (name: string, args: readonly string[], folder?: string) => Promise<Outcome>;
interface Place {
  readonly root: string;
  readonly databaseDir: string;
  readonly socketDir: string;
  readonly user: ServiceUser | undefined;
  readonly run: Run;
}

function folderOf({ root, databaseDir, socketDir, user, run, password }: Place & { password: string }): PostgresFolder {
  const named = nameOfFolder(databaseDir, user);
  const control = (verb: string, ...args: string[]) => run('pg_ctl', [verb, '-D', named, ...args]);
  const isRunning = async () => {
    await disownForeignPidFile(databaseDir);
    return (await control('status')).code === 0;
  };
  return {
    dataDir: root,
    socketDir,
    user: SUPERUSER,
    password,
    isRunning,
    start: async (settings) => {
      const log = join(databaseDir, 'postgres.log');
      if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) await rename(log, `${log}.1`);
      const options = commandLine({ ...baseSettings(socketDir), ...settings });
      const started = await control('start', '-w', '-t', '60', '-s', '-l', join(named, 'postgres.log'), '-o', options);
      if (started.code === 0) return;
      const lastLines = await readFile(log, 'utf8').then(
        (text) => text.trimEnd().split('\n').slice(-5).join('\n'),
        () => '',
      );
      throw new EmbeddedPostgresError(`The embedded PostgreSQL does not start: ${started.output}\n${lastLines}`);
    },
    stop: async () => {
      const stopped = await control('stop', '-m', 'fast', '-w', '-t', '6', '-s');
      if (stopped.code !== 0 && (await isRunning())) await control('stop', '-m', 'immediate', '-w', '-t', '3', '-s');
    },
  };
}

/** Security rule: reached through the unix socket only; its log holds no statement and no value. */
function baseSettings(socketDir: string): PostgresSettings {
  return {
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
  };
}

/** Settings as pg_ctl hands them through a shell. */
function commandLine(settings: PostgresSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}='${value.replaceAll("'", `'\\''`)}'`)
    .join(' ');
}

/** A folder of our own with a path short enough for a socket, made or found; refuses one that somebody else put there. */
async function makeSocketFolder(databaseDir: string, user: ServiceUser | undefined): Promise<string> {
  const name = `behalf-${createHash('sha256').update(databaseDir).digest('hex').slice(0, 16)}`;
  const parent = [tmpdir(), '/tmp', '/run'].find(
    (folder) => join(folder, name, SOCKET_NAME).length <= SOCKET_PATH_LIMIT && existsSync(folder) && isReachable(folder, user),
  );
  if (parent === undefined) throw new EmbeddedPostgresError('No temporary folder has a path short enough for a unix socket: set TMPDIR.');
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(folder);
  const isPrivate = (mode & 0o170777) === 0o040700;
  const own = process.getuid?.();
  // made a moment ago, by us or by another server that starts on the same folder, and not handed over yet: nobody else can make it
  if (isPrivate && user !== undefined && uid === own) await chown(folder, user.uid, user.gid);
  else if (!isPrivate || uid !== (user?.uid ?? own))
    throw new EmbeddedPostgresError(`${folder} should be a folder of the database's account with mode 0700: remove it.`);
  return folder;
}

/** Makes a new database folder beside its place and moves it there when it is whole. */
async function initialise({ root, databaseDir, socketDir, user, run, ids }: Place & { ids: Pick<Ids, 'secret'> }): Promise<void> {
  const password = ids.secret(24);
  const unfinished = await mkdtemp(join(root, 'db.new-'));
  const passwordFile = join(socketDir, basename(unfinished));
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)));
  try {
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = ['-U', SUPERUSER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    const made = await run('initdb', ['-D', nameOfFolder(unfinished, user), ...access, ...locale, '--no-instructions'], unfinished);
    if (made.code !== 0) throw new EmbeddedPostgresError(`The embedded PostgreSQL cannot make its folder: ${made.output}`);
    // Inside, so that one rename brings folder and password together: of two servers that both initialise, one wins.
    await writeFile(join(unfinished, PASSWORD_FILE), password, { mode: 0o600 });
    await rename(unfinished, databaseDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function refuseOtherVersion(databaseDir: string, versionLine: string): Promise<void> {
  const found = (await readFile(join(databaseDir, 'PG_VERSION'), 'utf8').catch(() => 'unknown')).trim();
  const brought = /(\d+)(?:\.\d+|\w*)/.exec(versionLine)?.[1];
  if (found === brought) return;
  throw new EmbeddedPostgresError(
    `${databaseDir} was made by PostgreSQL ${found}; this server brings PostgreSQL ${brought} and cannot open it. ` +
      `Export it with a PostgreSQL ${found} (start it on that folder, then "pg_dump --format=custom -U ${SUPERUSER} ${SUPERUSER}"), ` +
      `move the folder away, start again and load the export with "pg_restore", or load it into a server of your own and set DATABASE_URL.`,
  );
}

async function readPassword(databaseDir: string): Promise<string> {
  const file = join(databaseDir, PASSWORD_FILE);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new EmbeddedPostgresError(`${file} cannot be read, and the database opens with it alone: restore it.`, { cause });
  }
}

/**
 * After a kill and a reboot the process id in a stale pid file may be anybody's, and PostgreSQL would refuse to start for ever. Only
 * the id is changed: by the rest of the file PostgreSQL finds processes that a killed postmaster left on this folder.
 */
async function disownForeignPidFile(databaseDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const pidFile = join(databaseDir, 'postmaster.pid');
  const [pid, ...rest] = await readFile(pidFile, 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  );
  if (pid === undefined) return;
  const name = await readFile(`/proc/${Number(pid)}/comm`, 'utf8').catch(() => undefined);
  if (name === undefined || name.trim() === 'postgres') return;
  await writeFile(pidFile, [NO_PROCESS, ...rest].join('\n'));
}
