import { Secret, TOTP } from 'otpauth';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import type { Account } from '../account.ts';
import { createTotpStore } from './store.ts';

/** What a person needs to add the authenticator app. */
export interface CodeEnrolment {
  /** `otpauth://…`, the content of the QR code: holds the secret. */
  readonly uri: string;
  /** Base32, for typing. */
  readonly secret: string;
  /** What the app will show. */
  readonly label: string;
}

/** Codes of an authenticator app: TOTP with SHA-1, six digits, 30 seconds (RFC 6238), which is what every app can. */
export interface Codes {
  has(accountId: string): Promise<boolean>;
  /** The secret to enrol; the same one again until it is confirmed or ten minutes have passed. */
  begin(account: Account): Promise<CodeEnrolment>;
  /** Puts the pending secret in force when the code is right; one that was in force before ends. */
  confirm(account: Account, code: string): Promise<boolean>;
  /** Whether the code is right and was not used before; of N callers with one code, one gets true (RFC 6238 §5.2). */
  verify(accountId: string, code: string): Promise<boolean>;
  remove(accountId: string): Promise<boolean>;
  /** Seals every secret with the current master key. */
  reseal(): Promise<void>;
}

const ISSUER_NAME = 'Behalf';
const PERIOD_SECONDS = 30;
const PENDING_SECONDS = 600;
const SECRET_BYTES = 20;
/** One step to each side: clocks of telephones are not exact. */
const WINDOW = 1;
const PURPOSE = 'totp';

function totpOf(secret: Buffer, label: string): TOTP {
  const buffer = secret.buffer.slice(secret.byteOffset, secret.byteOffset + secret.byteLength) as ArrayBuffer;
  return new TOTP({ issuer: ISSUER_NAME, label, algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS, secret: new Secret({ buffer }) });
}

/** Six digits without the blanks people type; undefined when they are not six digits. */
function readCode(code: string): string | undefined {
  const digits = code.slice(0, 20).replaceAll(/\s/g, '');
  return /^\d{6}$/.test(digits) ? digits : undefined;
}

/** Authenticator apps. Secrets are sealed with the master key and bound to their account. */
export function createCodes(deps: { db: Db; clock: Clock; ids: Pick<Ids, 'bytes'>; vault: Pick<Vault, 'seal' | 'open'> }): Codes {
  const { db, clock, ids, vault } = deps;
  const store = createTotpStore(db);
  /** The time step whose code this is (RFC 6238 §4.2), compared in constant time; undefined when it is none of those accepted now. */
  const stepOf = (accountId: string, sealed: Buffer | undefined, code: string): number | undefined => {
    const token = readCode(code);
    if (sealed === undefined || token === undefined) return undefined;
    const timestamp = clock.now().getTime();
    const delta = totpOf(vault.open(PURPOSE, sealed, accountId), accountId).validate({ token, timestamp, window: WINDOW });
    return delta === null ? undefined : Math.floor(timestamp / 1000 / PERIOD_SECONDS) + delta;
  };
  const pendingOf = async (accountId: string): Promise<Buffer | undefined> => {
    const row = await store.find(accountId);
    const isFresh = row?.pendingExpiresAt !== undefined && row.pendingExpiresAt > clock.now();
    return isFresh ? row.pendingSecret : undefined;
  };
  return {
    has: async (accountId) => (await store.find(accountId))?.confirmedAt !== undefined,
    async begin(account) {
      const pending = await pendingOf(account.id);
      const secret = pending === undefined ? ids.bytes(SECRET_BYTES) : vault.open(PURPOSE, pending, account.id);
      if (pending === undefined) {
        await store.setPending(account.id, vault.seal(PURPOSE, secret, account.id), secondsAfter(clock.now(), PENDING_SECONDS));
      }
      const totp = totpOf(secret, account.email);
      return { uri: totp.toString(), secret: totp.secret.base32, label: `${ISSUER_NAME}: ${account.email}` };
    },
    async confirm(account, code) {
      const pending = await pendingOf(account.id);
      const step = stepOf(account.id, pending, code);
      if (pending === undefined || step === undefined) return false;
      return store.confirm(account.id, pending, { step, at: clock.now() });
    },
    async verify(accountId, code) {
      const row = await store.find(accountId);
      const step = stepOf(accountId, row?.secret, code);
      return step !== undefined && (await store.useStep(accountId, step));
    },
    remove: (accountId) => store.remove(accountId),
    reseal: () =>
      db.transaction(() => store.reseal((accountId, sealed) => vault.seal(PURPOSE, vault.open(PURPOSE, sealed, accountId), accountId))),
  };
}
