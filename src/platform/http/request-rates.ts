import type { Context, Middleware } from 'koa';
import type { Clock } from '../clock.ts';
import { addressKey, createRateLimiter, type RateLimiter } from './rate-limit.ts';

/** How often something may happen: that many at once, and the same number again over a minute. */
export interface Rate {
  readonly perMinute: number;
}

/** The bounds of one path. An address may be shared by many; a caller is one that proved who it is. */
export interface PathRates {
  readonly path: string;
  /** Requests from one address, whatever becomes of them. */
  readonly address: Rate;
  /** Requests from one address that were refused. */
  readonly refused: Rate;
  /** Requests of one caller that were answered, from whatever address. */
  readonly caller: Rate;
}

/** A request that is counted elsewhere too, such as on all servers together. */
export interface SharedCount {
  /** More than 0: it is not let through. */
  readonly retryAfterSeconds: number;
  /** What the refusal tells beside Retry-After. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told the status of the answer once there is one. */
  ended(status: number): Promise<void>;
}

/** What the bounds are kept by. */
export interface RequestRatesDeps {
  readonly rates: readonly PathRates[];
  readonly clock: Pick<Clock, 'now'>;
  /** Who the request says it is, before anybody checked it; undefined when it does not say so in a header. */
  readonly claimedCaller: (ctx: Context) => string | undefined;
  /** Who it was proved to be, once it is answered; undefined: nobody was. */
  readonly provenCaller: (ctx: Context) => string | undefined;
  /** Whether a refusal (4xx) is part of an orderly course, such as an answer that is not there yet. */
  readonly isOrderly: (ctx: Context) => boolean;
  /** Asked when the bounds of this server let a request through; undefined: it is not counted elsewhere. */
  readonly shared?: ((ctx: Context) => Promise<SharedCount> | undefined) | undefined;
  readonly refuse: (ctx: Context, told: Pick<SharedCount, 'retryAfterSeconds' | 'headers'>) => void;
}

const MAX_KEYS = 20_000;

interface Limiters {
  readonly address: RateLimiter;
  readonly refused: RateLimiter;
  readonly caller: RateLimiter;
}

function limitersOf({ address, refused, caller }: PathRates, clock: Pick<Clock, 'now'>): Limiters {
  const of = ({ perMinute }: Rate) => createRateLimiter({ limit: perMinute, windowSeconds: 60, maxKeys: MAX_KEYS, clock });
  return { address: of(address), refused: of(refused), caller: of(caller) };
}

/**
 * Bounds how often the paths of a table are asked (security rule R23). Refused requests are bounded hard, answered ones only
 * against a flood. What counts against a caller is what it did itself: a stranger who borrows its name uses up nothing of it, and a
 * caller that proved itself at this address a moment ago is not held up by what its neighbours there got wrong.
 */
export function requestRates(deps: RequestRatesDeps): Middleware {
  const limiters = new Map(deps.rates.map((rates) => [rates.path, limitersOf(rates, deps.clock)]));
  const proven = createRateLimiter({ limit: 1, windowSeconds: 3_600, maxKeys: MAX_KEYS, clock: deps.clock });

  return async (ctx, next) => {
    const limits = ctx.method === 'POST' ? limiters.get(ctx.path) : undefined;
    if (limits === undefined) return next();
    const address = addressKey(ctx.ip);
    const claimed = deps.claimedCaller(ctx);
    // a bucket that is not full: this caller was answered at this address within the hour
    const isKnown = claimed !== undefined && !proven.peek(`${address} ${claimed}`).allowed;
    const refusals = isKnown ? `${address} ${claimed}` : address;
    const waits = [limits.refused.peek(refusals), limits.address.take(address)];
    if (claimed !== undefined) waits.push(limits.caller.peek(claimed));
    const wait = Math.max(...waits.map(({ retryAfterSeconds }) => retryAfterSeconds));
    if (wait > 0) return deps.refuse(ctx, { retryAfterSeconds: wait, headers: {} });
    const shared = await deps.shared?.(ctx);
    if (shared !== undefined && shared.retryAfterSeconds > 0) return deps.refuse(ctx, shared);
    await next();
    await shared?.ended(ctx.status);
    if (ctx.status < 400) {
      const caller = deps.provenCaller(ctx);
      if (caller === undefined) return;
      limits.caller.take(caller);
      proven.take(`${address} ${caller}`);
    } else if (ctx.status < 500 && !deps.isOrderly(ctx)) limits.refused.take(refusals);
  };
}
