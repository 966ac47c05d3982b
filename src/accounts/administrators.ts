import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { AccountStore } from './store.ts';

/**
 * Runs `work` in a transaction in which nobody else changes who administers; at least one active administrator is left afterwards,
 * or nothing has happened. @throws {AppError} `conflict` for the last administrator.
 */
export function keepingAnAdministrator<T>(
  { db, store }: { readonly db: Db; readonly store: Pick<AccountStore, 'lockAdministrators' | 'countAdministrators'> },
  work: () => Promise<T>,
): Promise<T> {
  return db.transaction(async () => {
    await store.lockAdministrators();
    const before = await store.countAdministrators();
    const result = await work();
    if (before > 0 && (await store.countAdministrators()) === 0) {
      throw new AppError('conflict', 'This is the last administrator. Make somebody else one first.');
    }
    return result;
  });
}
