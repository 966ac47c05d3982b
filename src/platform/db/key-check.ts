import { constantTimeEqual, type Vault } from '../vault.ts';
import type { Db } from './db.ts';

/** Raised at start: this master key is not the one the database was made with. */
export class WrongMasterKeyError extends Error {
  override readonly name = 'WrongMasterKeyError';

  constructor() {
    super(
      'The master key does not belong to this database. Start with the key it was made with (BEHALF_MASTER_KEY, or the file master-key of its data folder); to change keys, also set BEHALF_MASTER_KEY_PREVIOUS to the old one.',
    );
  }
}

/**
 * Compares the master key with what the database remembers of it; the first start of a database writes the mark. After a
 * change of keys `onRotated` seals everything anew before the mark moves, in one transaction.
 *
 * @throws {WrongMasterKeyError}
 */
export async function checkMasterKey(deps: { db: Db; vault: Vault }, onRotated: () => Promise<void>): Promise<void> {
  const { db, vault } = deps;
  await db.transaction(async () => {
    await db.rows({
      name: 'key-check-insert',
      text: 'INSERT INTO key_check (id, "check") VALUES (1, $1) ON CONFLICT (id) DO NOTHING',
      values: [vault.keyCheck],
    });
    const row = await db.row<{ check: Buffer }>({
      name: 'key-check-read',
      text: 'SELECT "check" FROM key_check WHERE id = 1 FOR UPDATE',
      values: [],
    });
    if (row !== undefined && constantTimeEqual(row.check, vault.keyCheck)) return;
    const isRotation = row !== undefined && vault.previousKeyCheck !== undefined && constantTimeEqual(row.check, vault.previousKeyCheck);
    if (!isRotation) throw new WrongMasterKeyError();
    await onRotated();
    await db.rows({ name: 'key-check-move', text: 'UPDATE key_check SET "check" = $1 WHERE id = 1', values: [vault.keyCheck] });
  });
}
