import type { Db } from '../../platform/db/db.ts';
import { purge } from '../../platform/db/purge.ts';

/** How fast tries under one key slow down. */
export interface Pace {
  /** The failure that brings the first pause; each one after it doubles the pause. */
  readonly freeFailures: number;
  readonly longestPauseSeconds: number;
  /** After this long without a try everything is forgiven. */
  readonly forgetAfterSeconds: number;
}

/** A key and its pace. */
export interface Counter {
  readonly keyHash: Buffer;
  readonly pace: Pace;
}

/** A try that was counted, or the instant until which none is. */
export type Counted = { readonly isAllowed: true; readonly failures: number } | { readonly isAllowed: false; readonly blockedUntil: Date };

/** Failures and known devices in SQL. */
export interface ThrottleStore {
  /** Counts a try as failed before it is made, so that many at once cannot slip through; refused while the pause lasts. */
  take(counter: Counter, now: Date): Promise<Counted>;
  /** Takes one try back: it turned out right. */
  giveBack(counter: Counter): Promise<void>;
  /** Forgets a key. */
  forget(keyHash: Buffer): Promise<void>;
  isDeviceKnown(device: DeviceKey, now: Date): Promise<boolean>;
  /** Whether anybody at all signed in from it. */
  hasDevice(tokenHash: Buffer, now: Date): Promise<boolean>;
  rememberDevice(device: DeviceKey, times: { now: Date; expiresAt: Date }): Promise<void>;
  forgetDevices(accountId: string): Promise<void>;
  /** Removes up to `limit` rows of each kind that no longer matter; returns how many went. */
  purge(times: { now: Date; triesBefore: Date }, limit: number): Promise<number>;
}

/** A device as one account knows it. */
export interface DeviceKey {
  readonly tokenHash: Buffer;
  readonly accountId: string;
}

/** Beyond this the pause is the longest anyway, and powers stay small. */
const LARGEST_POWER = 20;

function tries(db: Db) {
  return {
    // two tries of one moment may come in the order of neither their clocks nor their servers: only a pause stops the later one
    async take({ keyHash, pace }: Counter, now: Date): Promise<Counted> {
      const forgottenBefore = new Date(now.getTime() - pace.forgetAfterSeconds * 1000);
      const row = await db.row<{ failures: number }>({
        name: 'throttle-take',
        text: `INSERT INTO sign_in_throttle AS t (key_hash, failures, blocked_until, last_try_at) VALUES ($1, 1, $2, $2)
               ON CONFLICT (key_hash) DO UPDATE SET
                 failures = CASE WHEN t.last_try_at < $3 THEN 1 ELSE t.failures + 1 END,
                 blocked_until = CASE WHEN t.last_try_at < $3 OR t.failures + 1 < $4::int THEN $2
                   ELSE $2 + least($5::float8, power(2, least(t.failures + 1 - $4::int, $6::int))) * interval '1 second' END,
                 last_try_at = greatest(t.last_try_at, $2)
               WHERE t.blocked_until <= greatest(t.last_try_at, $2)
               RETURNING t.failures`,
        values: [keyHash, now, forgottenBefore, pace.freeFailures, pace.longestPauseSeconds, LARGEST_POWER],
      });
      if (row !== undefined) return { isAllowed: true, failures: row.failures };
      const text = 'SELECT blocked_until FROM sign_in_throttle WHERE key_hash = $1';
      const blocked = await db.row<{ blocked_until: Date }>({ name: 'throttle-read', text, values: [keyHash] });
      return { isAllowed: false, blockedUntil: blocked?.blocked_until ?? now };
    },
    async giveBack({ keyHash, pace }: Counter) {
      await db.rows({
        name: 'throttle-give-back',
        text: `UPDATE sign_in_throttle SET failures = greatest(failures - 1, 0),
                 blocked_until = CASE WHEN failures - 1 < $2::int THEN last_try_at ELSE blocked_until END WHERE key_hash = $1`,
        values: [keyHash, pace.freeFailures],
      });
    },
    async forget(keyHash: Buffer) {
      await db.rows({ name: 'throttle-forget', text: 'DELETE FROM sign_in_throttle WHERE key_hash = $1', values: [keyHash] });
    },
  };
}

function devices(db: Db) {
  return {
    async isDeviceKnown({ tokenHash, accountId }: DeviceKey, now: Date) {
      const text = 'SELECT 1 AS one FROM known_devices WHERE token_hash = $1 AND account_id = $2 AND expires_at > $3';
      return (await db.row({ name: 'device-known', text, values: [tokenHash, accountId, now] })) !== undefined;
    },
    async hasDevice(tokenHash: Buffer, now: Date) {
      const text = 'SELECT 1 AS one FROM known_devices WHERE token_hash = $1 AND expires_at > $2 LIMIT 1';
      return (await db.row({ name: 'device-has', text, values: [tokenHash, now] })) !== undefined;
    },
    async rememberDevice({ tokenHash, accountId }: DeviceKey, times: { now: Date; expiresAt: Date }) {
      await db.rows({
        name: 'device-remember',
        text: `INSERT INTO known_devices (token_hash, account_id, created_at, last_used_at, expires_at) VALUES ($1, $2, $3, $3, $4)
               ON CONFLICT (token_hash, account_id) DO UPDATE SET last_used_at = excluded.last_used_at, expires_at = excluded.expires_at`,
        values: [tokenHash, accountId, times.now, times.expiresAt],
      });
    },
    async forgetDevices(accountId: string) {
      await db.rows({ name: 'device-forget', text: 'DELETE FROM known_devices WHERE account_id = $1', values: [accountId] });
    },
  };
}

/** The store over PostgreSQL. */
export function createThrottleStore(db: Db): ThrottleStore {
  return {
    ...tries(db),
    ...devices(db),
    async purge({ now, triesBefore }, limit) {
      const tries = await purge(db, { table: 'sign_in_throttle', column: 'last_try_at', before: triesBefore }, limit);
      return tries + (await purge(db, { table: 'known_devices', column: 'expires_at', before: now }, limit));
    },
  };
}
