import { machineClock, type SdkClock } from './clock.ts';
import { AccessRefused, unavailable } from './refusal.ts';

/**
 * Remembers what has been used. With more than one process, give one that all of them share, for example
 * `SET key 1 NX EXAT …` in Redis or `INSERT … ON CONFLICT DO NOTHING` in SQL.
 */
export interface SingleUseStore {
  /**
   * Marks `key` as used until `expiresAt`, atomically. True for the one caller that came first, false for everyone after.
   * A store that cannot tell must throw: the request is then refused.
   */
  take(key: string, expiresAt: Date): Promise<boolean> | boolean;
}

/** How large the memory may grow, and whose time decides that an entry is over. */
export interface MemorySingleUseOptions {
  /** Entries kept at most, 100 000 by default. */
  readonly capacity?: number;
  readonly clock?: SdkClock;
}

/**
 * A store in this process's memory: right for one process, blind to what others took and to what was taken before a restart.
 * When it is full of living entries it refuses (503) rather than forget one.
 */
export function createMemorySingleUseStore(options: MemorySingleUseOptions = {}): SingleUseStore {
  const capacity = options.capacity ?? 100_000;
  const clock = options.clock ?? machineClock;
  const expiryByKey = new Map<string, number>();

  function dropExpired(now: number): void {
    for (const [key, expiry] of expiryByKey) {
      if (expiry <= now) expiryByKey.delete(key);
    }
  }

  return {
    take(key, expiresAt) {
      const now = clock.now().getTime();
      const known = expiryByKey.get(key);
      if (known !== undefined && known > now) return false;
      if (expiryByKey.size >= capacity) dropExpired(now);
      if (expiryByKey.size >= capacity) throw unavailable('too many requests are being remembered; try again later');
      expiryByKey.set(key, expiresAt.getTime());
      return true;
    },
  };
}

/**
 * Whether `key` was free and is now taken.
 * @throws AccessRefused 503 when the store cannot tell: an unknown answer counts as no.
 */
export async function takeOnce(store: SingleUseStore, key: string, expiresAt: Date): Promise<boolean> {
  try {
    return (await store.take(key, expiresAt)) === true;
  } catch (error) {
    throw error instanceof AccessRefused ? error : unavailable('what has been used cannot be looked up', error);
  }
}
