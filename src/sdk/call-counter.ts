import type { Authorization, AuthorizationDetail } from './authorization.ts';
import { machineClock, type SdkClock } from './clock.ts';
import { AccessRefused, unavailable } from './refusal.ts';

const graceMilliseconds = 60_000;

/** Counts the calls that details with `max_calls` allow. With more than one process, give one that all share: `INCR` and `EXPIREAT` in Redis. */
export interface CallCounter {
  /**
   * Adds one to `key`, which may be forgotten after `expiresAt`, atomically. Returns the count with this one.
   * A counter that cannot tell must throw: the call is then refused.
   */
  add(key: string, expiresAt: Date): Promise<number> | number;
}

/** How large the memory may grow, and whose time decides that an entry is over. */
export interface MemoryCallCounterOptions {
  /** Entries kept at most, 100 000 by default. */
  readonly capacity?: number;
  readonly clock?: SdkClock;
}

/** A counter in this process's memory: right for one process. When it is full of living entries it refuses (503) rather than forget one. */
export function createMemoryCallCounter(options: MemoryCallCounterOptions = {}): CallCounter {
  const capacity = options.capacity ?? 100_000;
  const clock = options.clock ?? machineClock;
  const counts = new Map<string, { count: number; readonly expiry: number }>();

  function dropExpired(now: number): void {
    for (const [key, { expiry }] of counts) {
      if (expiry <= now) counts.delete(key);
    }
  }

  return {
    add(key, expiresAt) {
      const now = clock.now().getTime();
      const known = counts.get(key);
      if (known && known.expiry > now) {
        known.count += 1;
        return known.count;
      }
      if (counts.size >= capacity) dropExpired(now);
      if (counts.size >= capacity) throw unavailable('too many tokens are being counted; try again later');
      counts.set(key, { count: 1, expiry: expiresAt.getTime() });
      return 1;
    },
  };
}

async function countOf(counter: CallCounter, key: string, expiresAt: Date): Promise<number> {
  try {
    const count = await counter.add(key, expiresAt);
    if (Number.isSafeInteger(count) && count > 0) return count;
    throw new TypeError('the counter gave no count');
  } catch (error) {
    throw error instanceof AccessRefused ? error : unavailable('how often this was called cannot be counted', error);
  }
}

/**
 * Uses up one call of the first of `details` that has one left; a detail without `max_calls` always has. Calls are counted for
 * each access token.
 * @throws AccessRefused 403 `insufficient_authorization` when all are used up, 503 when the counter cannot tell.
 */
export async function useCall(
  counter: CallCounter,
  authorization: Pick<Authorization, 'issuer' | 'authorizationDetails' | 'token'>,
  details: readonly AuthorizationDetail[],
): Promise<void> {
  const { id, expiresAt } = authorization.token;
  const forgottenAt = new Date(expiresAt.getTime() + graceMilliseconds);
  for (const detail of details) {
    const most = detail['max_calls'];
    if (most === undefined) return;
    const position = authorization.authorizationDetails.indexOf(detail);
    const count = await countOf(counter, `calls ${authorization.issuer} ${id} ${position}`, forgottenAt);
    if (typeof most === 'number' && count <= most) return;
  }
  throw new AccessRefused('insufficient_authorization', 'the calls that this token allows are used up');
}
