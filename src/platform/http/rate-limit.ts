import ipaddr from 'ipaddr.js';
import type { Clock } from '../clock.ts';

/** The answer to one try. */
export interface Taken {
  readonly allowed: boolean;
  /** Whole seconds until the next try can succeed; 0 when allowed. */
  readonly retryAfterSeconds: number;
}

/** Counts tries by a key the caller chooses. */
export interface RateLimiter {
  take(key: string): Taken;
  /** What `take` would say, without counting a try. */
  peek(key: string): Taken;
  /** Forgets a key: what follows a success. */
  reset(key: string): void;
}

/** `limit` tries at once, then one more every `windowSeconds / limit`; at most `maxKeys` keys are remembered. */
export interface RateLimit {
  readonly limit: number;
  readonly windowSeconds: number;
  readonly maxKeys: number;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * A token bucket kept as one instant a key (the generic cell rate algorithm): no timers, and a clock that is moved moves it too.
 * When `maxKeys` are known the one unused for longest is forgotten, so strangers cannot fill the memory.
 */
export function createRateLimiter({ limit, windowSeconds, maxKeys, clock }: RateLimit): RateLimiter {
  const stepMs = (windowSeconds * 1000) / limit;
  const burstMs = windowSeconds * 1000;
  // Key → the instant (ms) at which its bucket is full again; in order of last use.
  const fullAt = new Map<string, number>();

  const remember = (key: string, at: number): void => {
    fullAt.delete(key);
    fullAt.set(key, at);
    if (fullAt.size <= maxKeys) return;
    const oldest = fullAt.keys().next();
    if (oldest.done !== true) fullAt.delete(oldest.value);
  };

  const judge = (key: string) => {
    const now = clock.now().getTime();
    // A clock set back must not lock anyone out for longer than a full window.
    const from = Math.min(Math.max(fullAt.get(key) ?? now, now), now + burstMs);
    const next = from + stepMs;
    const waitMs = next - burstMs - now;
    const taken: Taken =
      waitMs > 0 ? { allowed: false, retryAfterSeconds: Math.ceil(waitMs / 1000) } : { allowed: true, retryAfterSeconds: 0 };
    return { from, next, taken };
  };

  return {
    take: (key) => {
      const { from, next, taken } = judge(key);
      remember(key, taken.allowed ? next : from);
      return taken;
    },
    peek: (key) => judge(key).taken,
    reset: (key) => {
      fullAt.delete(key);
    },
  };
}

/** An address as a key: IPv4 as it is, IPv6 by its /64, because one subscriber holds a whole one. What is no address is `unknown`. */
export function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
