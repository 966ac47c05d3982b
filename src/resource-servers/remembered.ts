import type { Clock } from '../platform/clock.ts';

/** Answers that may be a second old: long enough to spare the database, short enough that a change holds at once. */
const FRESH_MS = 1_000;
/** Strangers choose the keys, so their number is bounded. */
const MOST = 1_000;

/** A lookup whose answers (also "there is none") are kept for at most one second in this process. */
export interface Remembered<T> {
  get(key: string): Promise<T>;
  /** Forgets everything: called after a change. */
  clear(): void;
}

/** Remembers the answers of `load`. A failed lookup is not remembered. */
export function remember<T>(clock: Clock, load: (key: string) => Promise<T>): Remembered<T> {
  const known = new Map<string, { readonly value: T; readonly until: number }>();
  return {
    async get(key) {
      const now = clock.now().getTime();
      const hit = known.get(key);
      // a clock that was set back must not make an answer immortal
      if (hit !== undefined && hit.until > now && hit.until - now <= FRESH_MS) return hit.value;
      const value = await load(key);
      if (known.size >= MOST) known.clear();
      known.set(key, { value, until: now + FRESH_MS });
      return value;
    },
    clear: () => known.clear(),
  };
}
