import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ids } from './ids.ts';

/** The master key and whether this start made it, so that "back this up" is said once. */
export interface MasterKey {
  readonly key: Buffer;
  readonly createdAt: string | undefined;
}

/**
 * The key of the data folder, made at the first start: a file that only the server's user may read.
 *
 * @throws when the file is there but does not hold 32 bytes; a key is never replaced, what it sealed would be lost.
 */
export function masterKeyFile(dataDir: string, ids: Pick<Ids, 'bytes'>): MasterKey {
  const path = join(dataDir, 'master-key');
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const fresh = ids.bytes(32);
  try {
    writeFileSync(path, `${fresh.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    return { key: fresh, createdAt: path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (key.length !== 32) throw new Error(`${path} does not hold a master key of 32 bytes; restore it from your backup.`);
  return { key, createdAt: undefined };
}
