import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Notifications } from '../../platform/db/notifications.ts';
import { generateSigningKey, KEY_TIMES, SIGNING_ALGORITHMS, type SigningAlgorithm, type SigningKey } from './signing-key.ts';
import type { SigningKeyStore } from './store.ts';

/** The channel on which servers tell each other that the published keys changed. */
export const KEYS_CHANNEL = 'behalf_keys';

const DAY = 86_400;
const HOUR = 3_600;

/** Keys through their life. */
export interface KeyRotation {
  /** Makes sure that every algorithm has a current key; the first start of a database creates them. */
  ensure(): Promise<void>;
  /** Moves every key that is due one step on: announces, activates, retires, removes. Safe to repeat. */
  advance(): Promise<void>;
  /** Signs with new keys from now on; what the old ones signed still verifies until they are removed. */
  rotateNow(): Promise<void>;
}

function isDue(since: Date | undefined, seconds: number, now: Date): boolean {
  return since !== undefined && secondsAfter(since, seconds) <= now;
}

/** The rotation over its store; all of it inside one transaction behind one lock. */
export function createKeyRotation(deps: { db: Db; store: SigningKeyStore; clock: Clock; notifications: Notifications }): KeyRotation {
  const { db, store, clock, notifications } = deps;
  const locked = (work: (keys: SigningKey[]) => Promise<boolean>) =>
    db.transaction(async () => {
      await store.lock();
      if (await work(await store.list())) await notifications.notify(KEYS_CHANNEL, '');
    });
  const activate = async (next: SigningKey, current: SigningKey | undefined) => {
    const now = clock.now();
    if (current !== undefined)
      await store.setStatus(current.kid, { status: 'retired', retiresAt: secondsAfter(now, KEY_TIMES.publishedAfterDays * DAY) });
    await store.setStatus(next.kid, { status: 'current', activatedAt: now });
  };
  const createCurrent = async (algorithm: SigningAlgorithm) => {
    const now = clock.now();
    await store.insert({ ...(await generateSigningKey(algorithm, now)), status: 'current', activatedAt: now });
  };
  const advanceAlgorithm = async (keys: readonly SigningKey[], algorithm: SigningAlgorithm): Promise<boolean> => {
    const now = clock.now();
    const mine = keys.filter((key) => key.algorithm === algorithm);
    const current = mine.find((key) => key.status === 'current');
    const next = mine.find((key) => key.status === 'next');
    if (next !== undefined && isDue(next.createdAt, KEY_TIMES.announcedHours * HOUR, now)) {
      await activate(next, current);
      return true;
    }
    if (next === undefined && isDue(current?.activatedAt, KEY_TIMES.signsDays * DAY - KEY_TIMES.announcedHours * HOUR, now)) {
      await store.insert(await generateSigningKey(algorithm, now));
      return true;
    }
    return false;
  };
  return {
    ensure: () =>
      locked(async (keys) => {
        const missing = SIGNING_ALGORITHMS.filter(
          (algorithm) => !keys.some((key) => key.algorithm === algorithm && key.status === 'current'),
        );
        for (const algorithm of missing) await createCurrent(algorithm);
        return missing.length > 0;
      }),
    advance: () =>
      locked(async (keys) => {
        let isChanged = false;
        for (const algorithm of SIGNING_ALGORITHMS) isChanged = (await advanceAlgorithm(keys, algorithm)) || isChanged;
        for (const key of keys.filter(({ retiresAt }) => isDue(retiresAt, 0, clock.now()))) {
          await store.remove(key.kid);
          isChanged = true;
        }
        return isChanged;
      }),
    rotateNow: () =>
      locked(async (keys) => {
        for (const algorithm of SIGNING_ALGORITHMS) {
          const next = await generateSigningKey(algorithm, clock.now());
          await store.insert(next);
          await activate(
            next,
            keys.find((key) => key.algorithm === algorithm && key.status === 'current'),
          );
        }
        return true;
      }),
  };
}
