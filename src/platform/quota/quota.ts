import type { Logger } from 'pino';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../clock.ts';
import { isDatabaseUnavailable } from '../db/availability.ts';
import type { Db } from '../db/db.ts';
import { createRateLimiter, type RateLimiter, type Taken } from '../http/rate-limit.ts';
import type { Job } from '../jobs.ts';
import type { Vault } from '../vault.ts';
import { purgeCounts, QUOTA_TABLE, quotaClient } from './store.ts';

/** So many within a window that begins with the first. */
export interface QuotaSize {
  readonly points: number;
  readonly durationSeconds: number;
}

/** The answer to one try, and what is left. */
export interface Spent extends Taken {
  /** Tries left in this window; more than its size after something was given back. */
  readonly remaining: number;
  /** Nothing was counted for this key in this window before. */
  readonly isFirst: boolean;
  /** Whole seconds until the window ends. */
  readonly resetSeconds: number;
}

/** Counts tries by a key on all servers together, and across their restarts. */
export interface Quota {
  readonly name: string;
  readonly size: QuotaSize;
  /** Counts one try. Where the database is away this server counts alone. */
  take(key: string): Promise<Spent>;
  /** Takes tries back that should not count, or lets a success outweigh failures. Never fails: what came before it stands. */
  giveBack(key: string, points?: number): Promise<void>;
}

/** Makes quotas and cleans up behind them. */
export interface Quotas {
  /** A quota under its own name; two of one name share their counts. */
  create(name: string, size: QuotaSize): Quota;
  readonly job: Job;
}

/** What quotas stand on. */
export interface QuotasDeps {
  readonly db: Pick<Db, 'detached' | 'rows'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly vault: Pick<Vault, 'fingerprint'>;
  readonly log: Pick<Logger, 'warn'>;
}

/** Keys are remembered as used up on this server, so that a flood costs no database; strangers must not fill that memory. */
const MOST_BLOCKED = 10_000;
const MAX_KEYS = 20_000;
const PURGE_BATCH = 1_000;
const PURGE_SECONDS = 600;

const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

function createQuota(deps: QuotasDeps, name: string, size: QuotaSize): Quota {
  const { points, durationSeconds } = size;
  const limiter = new RateLimiterPostgres({
    storeClient: quotaClient(deps.db),
    storeType: 'client',
    tableName: QUOTA_TABLE,
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points,
    duration: durationSeconds,
    inMemoryBlockOnConsumed: points + 1,
  });
  const alone: RateLimiter = createRateLimiter({ limit: points, windowSeconds: durationSeconds, maxKeys: MAX_KEYS, clock: deps.clock });
  const storedKey = (key: string) => deps.vault.fingerprint('quota', JSON.stringify([name, key])).toString('base64url');
  let blocked = 0;

  const refused = ({ consumedPoints, msBeforeNext }: RateLimiterRes): Spent => {
    // counted by the database, hence newly remembered here
    if (consumedPoints > 0) blocked += 1;
    if (blocked > MOST_BLOCKED) {
      limiter.deleteInMemoryBlockedAll();
      blocked = 0;
    }
    const seconds = wholeSeconds(Math.min(msBeforeNext, durationSeconds * 1000));
    return { allowed: false, retryAfterSeconds: seconds, remaining: 0, isFirst: false, resetSeconds: seconds };
  };
  const takeAlone = (key: string): Spent => {
    const taken = alone.take(key);
    return {
      ...taken,
      isFirst: false,
      remaining: taken.allowed ? 1 : 0,
      resetSeconds: taken.allowed ? durationSeconds : taken.retryAfterSeconds,
    };
  };
  return {
    name,
    size,
    async take(key) {
      const stored = storedKey(key);
      try {
        const { consumedPoints, msBeforeNext, isFirstInDuration: isFirst } = await limiter.consume(stored);
        return {
          allowed: true,
          retryAfterSeconds: 0,
          remaining: points - consumedPoints,
          isFirst,
          resetSeconds: wholeSeconds(msBeforeNext),
        };
      } catch (error) {
        if (error instanceof RateLimiterRes) {
          // a count from the future: the clock was set back, and nobody waits longer than a window for that
          if (error.msBeforeNext > durationSeconds * 1000) await limiter.delete(stored);
          return refused(error);
        }
        if (isDatabaseUnavailable(error)) return takeAlone(stored);
        throw error;
      }
    },
    async giveBack(key, back = 1) {
      try {
        await limiter.reward(storedKey(key), back);
      } catch (error) {
        deps.log.warn({ err: error, quota: name }, 'a quota could not be given back');
      }
    },
  };
}

/** Quotas over the one database handle. */
export function createQuotas(deps: QuotasDeps): Quotas {
  return {
    create: (name, size) => createQuota(deps, name, size),
    job: {
      name: 'quota-counts',
      everySeconds: PURGE_SECONDS,
      run: async () => {
        while ((await purgeCounts(deps.db, { before: deps.clock.now(), limit: PURGE_BATCH })) >= PURGE_BATCH);
      },
    },
  };
}
