import { addressKey } from '../platform/http/rate-limit.ts';
import type { Quotas } from '../platform/quota/quota.ts';

/** Bounds how many user codes can be tried (RFC 8628 §5.1, R23). */
export interface DeviceLimit {
  /** Counts a try of this address and this browser; the seconds to wait when it must not be made. */
  take(from: { address: string; sessionCookie: string | undefined }): Promise<number | undefined>;
}

const TRIES = { points: 20, durationSeconds: 600 } as const;

/** The limit of all servers together: a code that is being guessed is the same on each. */
export function createDeviceLimit(quotas: Pick<Quotas, 'create'>): DeviceLimit {
  const byAddress = quotas.create('user-code-address', TRIES);
  const bySession = quotas.create('user-code-session', TRIES);
  return {
    async take({ address, sessionCookie }) {
      const taken = await Promise.all([
        byAddress.take(addressKey(address)),
        ...(sessionCookie === undefined ? [] : [bySession.take(sessionCookie)]),
      ]);
      const refused = taken.filter(({ allowed }) => !allowed);
      return refused.length === 0 ? undefined : Math.max(...refused.map(({ retryAfterSeconds }) => retryAfterSeconds));
    },
  };
}
