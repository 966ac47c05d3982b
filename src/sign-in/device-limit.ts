import type { Clock } from '../platform/clock.ts';
import { addressKey, createRateLimiter } from '../platform/http/rate-limit.ts';

/** Bounds how many user codes can be tried (RFC 8628 §5.1, R23). */
export interface DeviceLimit {
  /** Counts a try of this address and this browser; the seconds to wait when it must not be made. */
  take(from: { address: string; sessionCookie: string | undefined }): number | undefined;
}

const TRIES = { limit: 20, windowSeconds: 600, maxKeys: 20_000 } as const;

/** The limit of one server; a code has 34 bits and lives ten minutes, so a few servers make no difference. */
export function createDeviceLimit(clock: Pick<Clock, 'now'>): DeviceLimit {
  const byAddress = createRateLimiter({ ...TRIES, clock });
  const bySession = createRateLimiter({ ...TRIES, clock });
  return {
    take({ address, sessionCookie }) {
      const taken = [byAddress.take(addressKey(address)), ...(sessionCookie === undefined ? [] : [bySession.take(sessionCookie)])];
      const refused = taken.filter(({ allowed }) => !allowed);
      return refused.length === 0 ? undefined : Math.max(...refused.map(({ retryAfterSeconds }) => retryAfterSeconds));
    },
  };
}
