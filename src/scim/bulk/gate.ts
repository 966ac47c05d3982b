import { AppError } from '../../platform/errors.ts';

/** How many bulk requests may be under way at once: of one caller, and of all together. */
export interface BulkGateLimits {
  readonly perCaller: number;
  readonly inAll: number;
}

/** Lets bulk requests in, a few at a time. */
export interface BulkGate {
  /** Runs `work` when there is room for it. @throws {AppError} `too_many_requests` when there is none. */
  within<T>(caller: string, work: () => Promise<T>): Promise<T>;
}

const retryAfterSeconds = 2;

/**
 * A bulk request works through its operations one after the other on at most one connection, so bounding how many are under way
 * bounds what they take from everybody else (security rule R23). Nobody waits: a request that waits would hold its body meanwhile.
 */
export function createBulkGate({ perCaller, inAll }: BulkGateLimits): BulkGate {
  const underWay = new Map<string, number>();
  let total = 0;
  const count = (caller: string, change: 1 | -1): void => {
    total += change;
    const own = (underWay.get(caller) ?? 0) + change;
    if (own === 0) underWay.delete(caller);
    else underWay.set(caller, own);
  };
  return {
    async within(caller, work) {
      if ((underWay.get(caller) ?? 0) >= perCaller || total >= inAll) {
        throw new AppError('too_many_requests', 'Other bulk requests are still under way: send this one again when they are done.', {
          retryAfterSeconds,
        });
      }
      count(caller, 1);
      try {
        return await work();
      } finally {
        count(caller, -1);
      }
    },
  };
}
