import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Notifications } from '../../platform/db/notifications.ts';
import { generateSigningKey, KEY_TIMES, SIGNING_ALGORITHMS, type SigningAlgorithm, type SigningKey } from './signing-key.ts';
import type { SigningKeyStore } from './store.ts';

/** The channel on which servers tell each other that the published keys changed. */
export const KEYS_CHANNEL = 'behalf_keys';

const DAY = 86_400;
const HOUR = 3_600;

/** One step of a key; `removed` is the end of its publication. */
export interface KeyChange {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly step: 'created' | 'activated' | 'retired' | 'removed';
}

/** Who moves keys: a person, or a part of the server. */
export interface KeyActor {
  readonly kind: 'account' | 'system';
  readonly id: string;
}

/** Told of every step, inside the transaction that makes it; when it throws, the step has not happened. */
export type OnKeysChanged = (changes: readonly KeyChange[], by: KeyActor) => Promise<void>;

/** A published key without its private part. */
export type PublishedKey = Omit<SigningKey, 'privateJwk'>;

/** Keys through their life. */
export interface KeyRotation {
  /** Everything that is published, oldest first. */
  list(): Promise<PublishedKey[]>;
  /** Makes sure that every algorithm has a current key; the first start of a database creates them. */
  ensure(): Promise<void>;
  /** Moves every key that is due one step on: announces, activates, retires, removes. Safe to repeat. */
  advance(): Promise<void>;
  /** Signs with new keys from now on; what the old ones signed still verifies until they are removed. */
  rotateNow(by: KeyActor): Promise<void>;
}

function isDue(since: Date | undefined, seconds: number, now: Date): boolean {
  return since !== undefined && secondsAfter(since, seconds) <= now;
}

const BY_RULE: KeyActor = { kind: 'system', id: 'signing-keys' };

interface RotationDeps {
  readonly db: Db;
  readonly store: SigningKeyStore;
  readonly clock: Clock;
  readonly notifications: Notifications;
  /** Left out: nobody is told. */
  readonly onChanged?: OnKeysChanged | undefined;
}

/** The single steps; each returns what it changed. */
function createSteps({ store, clock }: Pick<RotationDeps, 'store' | 'clock'>) {
  const stepOf = ({ kid, algorithm }: SigningKey, step: KeyChange['step']): KeyChange => ({ kid, algorithm, step });
  const announce = async (algorithm: SigningAlgorithm): Promise<SigningKey> => {
    const next = await generateSigningKey(algorithm, clock.now());
    await store.insert(next);
    return next;
  };
  const activate = async (next: SigningKey, current: SigningKey | undefined): Promise<KeyChange[]> => {
    const now = clock.now();
    const retiresAt = secondsAfter(now, KEY_TIMES.publishedAfterDays * DAY);
    if (current !== undefined) await store.setStatus(current.kid, { status: 'retired', retiresAt });
    await store.setStatus(next.kid, { status: 'current', activatedAt: now });
    return [...(current === undefined ? [] : [stepOf(current, 'retired')]), stepOf(next, 'activated')];
  };
  const replace = async (algorithm: SigningAlgorithm, current: SigningKey | undefined): Promise<KeyChange[]> => {
    const next = await announce(algorithm);
    return [stepOf(next, 'created'), ...(await activate(next, current))];
  };
  const advance = async (keys: readonly SigningKey[], algorithm: SigningAlgorithm): Promise<KeyChange[]> => {
    const now = clock.now();
    const current = currentOf(keys, algorithm);
    const next = keys.find((key) => key.algorithm === algorithm && key.status === 'next');
    if (next !== undefined) return isDue(next.createdAt, KEY_TIMES.announcedHours * HOUR, now) ? activate(next, current) : [];
    if (!isDue(current?.activatedAt, KEY_TIMES.signsDays * DAY - KEY_TIMES.announcedHours * HOUR, now)) return [];
    return [stepOf(await announce(algorithm), 'created')];
  };
  const remove = async (key: SigningKey): Promise<KeyChange[]> => {
    if (!isDue(key.retiresAt, 0, clock.now())) return [];
    await store.remove(key.kid);
    return [stepOf(key, 'removed')];
  };
  return { replace, advance, remove };
}

function currentOf(keys: readonly SigningKey[], algorithm: SigningAlgorithm): SigningKey | undefined {
  return keys.find((key) => key.algorithm === algorithm && key.status === 'current');
}

/** The rotation over its store; all of it inside one transaction behind one lock. */
export function createKeyRotation(deps: RotationDeps): KeyRotation {
  const { db, store, notifications, onChanged } = deps;
  const steps = createSteps(deps);
  const locked = (by: KeyActor, work: (keys: SigningKey[]) => AsyncIterable<KeyChange[]>) =>
    db.transaction(async () => {
      await store.lock();
      const changes: KeyChange[] = [];
      for await (const some of work(await store.list())) changes.push(...some);
      if (changes.length === 0) return;
      await onChanged?.(changes, by);
      await notifications.notify(KEYS_CHANNEL, '');
    });
  return {
    list: async () => (await store.list()).map(({ privateJwk: _private, ...published }) => published),
    ensure: () =>
      locked(BY_RULE, async function* (keys) {
        for (const algorithm of SIGNING_ALGORITHMS) {
          if (currentOf(keys, algorithm) === undefined) yield await steps.replace(algorithm, undefined);
        }
      }),
    advance: () =>
      locked(BY_RULE, async function* (keys) {
        for (const algorithm of SIGNING_ALGORITHMS) yield await steps.advance(keys, algorithm);
        for (const key of keys) yield await steps.remove(key);
      }),
    rotateNow: (by) =>
      locked(by, async function* (keys) {
        for (const algorithm of SIGNING_ALGORITHMS) yield await steps.replace(algorithm, currentOf(keys, algorithm));
      }),
  };
}
