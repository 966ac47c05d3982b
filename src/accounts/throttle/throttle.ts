import { hashOf } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { addressKey } from '../../platform/http/rate-limit.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import { emailKey } from '../account.ts';
import { type Counter, createThrottleStore, type Pace } from './store.ts';

/** A try to sign in by password. */
export interface PasswordTry {
  readonly email: string;
  /** The account of that address, if there is one: only it can know a device. */
  readonly accountId: string | undefined;
  /** Network address of the caller. */
  readonly address: string;
  readonly deviceToken: string | undefined;
}

/** A try that may be made; say how it ended. `isLastFree`: a failure now brings the first pause. */
export interface Admission {
  readonly isAllowed: true;
  readonly isLastFree: boolean;
  succeeded(): Promise<void>;
  /** It was not made after all: neither right nor wrong. */
  withdrawn(): Promise<void>;
}

/** A try that must wait. */
export interface Pause {
  readonly isAllowed: false;
  readonly retryAfterSeconds: number;
}

/** Slows down guessing without letting strangers lock anybody out (security rule R23). */
export interface Throttle {
  /** Counted per account and per network address; from a known device per device instead, whatever strangers did meanwhile. */
  admitPassword(attempt: PasswordTry): Promise<Admission | Pause>;
  /** Codes of an authenticator app, counted per account: who gets here knows the password. */
  admitCode(accountId: string): Promise<Admission | Pause>;
  /** Makes the device known to the account and returns its token: the one given if somebody signed in with it before, else a new one. */
  remember(accountId: string, deviceToken: string | undefined): Promise<string>;
  /** No device is known to the account any more. */
  forgetDevices(accountId: string): Promise<void>;
  /** Removes what no longer matters, in batches. */
  purge(): Promise<void>;
}

const HOUR = 3_600;
const DAY = 24 * HOUR;
const PER_ACCOUNT: Pace = { freeFailures: 5, longestPauseSeconds: 900, forgetAfterSeconds: DAY };
const PER_ADDRESS: Pace = { freeFailures: 20, longestPauseSeconds: 900, forgetAfterSeconds: HOUR };
/** How long a browser stays known after the last sign-in. */
export const DEVICE_SECONDS = 180 * DAY;
const DEVICE_TOKEN_BYTES = 32;
const MAX_DEVICE_TOKEN = 64;
const PURGE_BATCH = 500;

function isPlausible(deviceToken: string | undefined): deviceToken is string {
  return deviceToken !== undefined && deviceToken.length <= MAX_DEVICE_TOKEN;
}

/** The throttle; its counters live in the database, so that all servers share them. */
export function createThrottle(deps: { db: Db; clock: Clock; ids: Pick<Ids, 'secret'>; vault: Pick<Vault, 'fingerprint'> }): Throttle {
  const { db, clock, ids, vault } = deps;
  const store = createThrottleStore(db);
  const counter = (kind: string, value: string, pace: Pace): Counter => ({
    keyHash: vault.fingerprint('throttle', `${kind}:${value}`),
    pace,
  });

  const pauseUntil = (at: Date): Pause => ({
    isAllowed: false,
    retryAfterSeconds: Math.max(1, Math.ceil((at.getTime() - clock.now().getTime()) / 1000)),
  });
  /** Counts under `main`, and under `side` if there is one; what was counted stays, whatever becomes of the caller's transaction. */
  const admit = (main: Counter, side: Counter | undefined): Promise<Admission | Pause> =>
    db.detached(async () => {
      const now = clock.now();
      const onSide = side && (await store.take(side, now));
      if (onSide?.isAllowed === false) return pauseUntil(onSide.blockedUntil);
      const onMain = await store.take(main, now);
      if (!onMain.isAllowed) {
        if (side !== undefined) await store.giveBack(side);
        return pauseUntil(onMain.blockedUntil);
      }
      return {
        isAllowed: true,
        isLastFree: onMain.failures === main.pace.freeFailures,
        succeeded: () =>
          db.detached(async () => {
            await store.forget(main.keyHash);
            if (side !== undefined) await store.giveBack(side);
          }),
        withdrawn: () =>
          db.detached(async () => {
            for (const each of side === undefined ? [main] : [main, side]) await store.giveBack(each);
          }),
      };
    });

  return {
    async admitPassword({ email, accountId, address, deviceToken }) {
      if (accountId !== undefined && isPlausible(deviceToken)) {
        const isKnown = await store.isDeviceKnown({ tokenHash: hashOf(deviceToken), accountId }, clock.now());
        if (isKnown) return admit(counter('device', `${accountId}:${deviceToken}`, PER_ACCOUNT), undefined);
      }
      return admit(counter('account', emailKey(email), PER_ACCOUNT), counter('address', addressKey(address), PER_ADDRESS));
    },
    admitCode: (accountId) => admit(counter('code', accountId, PER_ACCOUNT), undefined),
    async remember(accountId, deviceToken) {
      const now = clock.now();
      const isOurs = isPlausible(deviceToken) && (await store.hasDevice(hashOf(deviceToken), now));
      const token = isOurs ? deviceToken : ids.secret(DEVICE_TOKEN_BYTES);
      await store.rememberDevice({ tokenHash: hashOf(token), accountId }, { now, expiresAt: secondsAfter(now, DEVICE_SECONDS) });
      return token;
    },
    forgetDevices: (accountId) => store.forgetDevices(accountId),
    async purge() {
      const now = clock.now();
      while ((await store.purge({ now, triesBefore: secondsAfter(now, -DAY) }, PURGE_BATCH)) >= PURGE_BATCH);
    },
  };
}
