import type { Clock } from '../../platform/clock.ts';
import { addressKey, createRateLimiter } from '../../platform/http/rate-limit.ts';

/**
 * How many documents this server asks for. Failures are never remembered, so without a bound a flood of made-up client_ids would
 * become a flood of requests to others (security rules R21 and R23).
 */
export interface Budget {
  /** Whether one more address that nobody knows yet may be asked, for whoever is at this network address. */
  maySeek(from: string | undefined): boolean;
  /** Whether a known document that failed may be asked for once more. */
  mayRetry(url: string): boolean;
}

/** A company behind one address brings a few dozen kinds of software, on its first day. */
const NEW_FROM_ONE = { limit: 30, windowSeconds: 60, maxKeys: 10_000 };
const NEW_FROM_ALL = { limit: 300, windowSeconds: 60, maxKeys: 1 };
const AGAIN = { limit: 6, windowSeconds: 60, maxKeys: 10_000 };

/** The bounds, kept in memory: each server has its own. */
export function createBudget({ clock }: { readonly clock: Pick<Clock, 'now'> }): Budget {
  const fromOne = createRateLimiter({ ...NEW_FROM_ONE, clock });
  const fromAll = createRateLimiter({ ...NEW_FROM_ALL, clock });
  const again = createRateLimiter({ ...AGAIN, clock });
  return {
    maySeek: (from) => fromOne.take(from === undefined ? 'unknown' : addressKey(from)).allowed && fromAll.take('all').allowed,
    mayRetry: (url) => again.take(url).allowed,
  };
}
