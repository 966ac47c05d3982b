import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { addressKey, createRateLimiter } from '../../platform/http/rate-limit.ts';
import type { ApiCaller } from '../../platform/http/web.ts';
import { createLastSeen, type Seen } from '../../platform/last-seen.ts';
import type { Vault } from '../../platform/vault.ts';
import type { RegistrationAudit } from '../audit-trail.ts';
import { isProvisioningValue, isWhole, type ProvisioningToken, type Refusal, refusalOf } from './provisioning-token.ts';
import type { ProvisioningTokenStore } from './store.ts';

/** The half of the SCIM guard that knows provisioning tokens (`createApiGuard`). */
export interface ProvisioningAdmission {
  /** Whether a bearer value is one of ours to judge. */
  recognises(value: string): boolean;
  /**
   * Whom a value speaks for from this address: a client marked for management, with the rights it has now. Undefined for
   * everything else, whatever the reason is. @throws {AppError} `too_many_requests` after many wrong ones from there (R23).
   */
  accept(value: string, address: string): Promise<ApiCaller | undefined>;
  /** Writes the uses that were noted; a job does, and the end of the server. */
  flush(): Promise<void>;
}

/** What admission stands on. */
export interface AdmissionDeps {
  readonly db: Pick<Db, 'transaction'>;
  readonly clock: Clock;
  readonly vault: Pick<Vault, 'fingerprint' | 'previousFingerprint'>;
  readonly store: Pick<ProvisioningTokenStore, 'findByHash' | 'noteRefusal' | 'setLastUse'>;
  readonly audit: RegistrationAudit;
}

const PURPOSE = 'provisioning-tokens';
/** A secret is pasted once: whoever is wrong more often than this is searching. */
const WRONG_A_MINUTE = 30;
const MAX_KEYS = 20_000;
const QUIET_SECONDS = 60;
const READS: ReadonlySet<string> = new Set(['scim:read']);
const WRITES: ReadonlySet<string> = new Set(['scim:read', 'scim:write']);

/** The hashes a value may be kept under, the newest key's first (security rule R16). */
export function hashesOf(vault: AdmissionDeps['vault'], value: string): readonly [Buffer, ...Buffer[]] {
  const previous = vault.previousFingerprint(PURPOSE, value);
  return [vault.fingerprint(PURPOSE, value), ...(previous === undefined ? [] : [previous])];
}

/**
 * Bounds wrong values from one address. Providers send from addresses that many of their customers share, so a token that was
 * right there within the hour has a count of its own: what strangers beside it get wrong does not hold it up.
 */
function createWrongLimit(clock: Pick<Clock, 'now'>) {
  const wrong = createRateLimiter({ limit: WRONG_A_MINUTE, windowSeconds: 60, maxKeys: MAX_KEYS, clock });
  const right = createRateLimiter({ limit: 1, windowSeconds: 3_600, maxKeys: MAX_KEYS, clock });
  return (address: string, hash: Buffer) => {
    const place = addressKey(address);
    const known = `${place} ${hash.toString('base64url')}`;
    // a bucket that is not full: this token was taken from there within the hour
    const key = right.peek(known).allowed ? place : known;
    return {
      check() {
        const { allowed, retryAfterSeconds } = wrong.peek(key);
        if (!allowed) throw new AppError('too_many_requests', 'Too many wrong tokens came from there.', { retryAfterSeconds });
      },
      wasRight: () => void right.take(known),
      wasWrong: () => void wrong.take(key),
    };
  };
}

/** Judges provisioning tokens: one indexed read a call, found by a keyed hash that a caller can neither know nor choose. */
export function createAdmission({ db, clock, vault, store, audit }: AdmissionDeps): ProvisioningAdmission {
  const limitOf = createWrongLimit(clock);
  const lastUse = createLastSeen<Seen & { readonly from: string }>({ clock, write: store.setLastUse });

  /** One event a minute for a token, on whichever server it is refused: an administrator reads the reason, a flood writes nothing. */
  const tellRefusal = ({ id, clientId }: ProvisioningToken, reason: Refusal, from: string) =>
    db.transaction(async () => {
      const at = clock.now();
      if (!(await store.noteRefusal({ id, reason, from, at, unlessSince: secondsAfter(at, -QUIET_SECONDS) }))) return;
      const actor = { kind: 'client', id: clientId } as const;
      await audit.record({ type: 'provisioning_token.refused', actor, clientId, resource: id, cause: reason });
    });
  return {
    recognises: isProvisioningValue,
    flush: lastUse.flush,
    async accept(value, address) {
      const hashes = hashesOf(vault, value);
      const limit = limitOf(address, hashes[0]);
      limit.check();
      const found = isWhole(value) ? await store.findByHash(hashes) : undefined;
      const refusal = found && refusalOf(found.token, found.client, { address, now: clock.now() });
      if (found === undefined || refusal !== undefined) {
        limit.wasWrong();
        if (found !== undefined && refusal !== undefined) await tellRefusal(found.token, refusal, address);
        return undefined;
      }
      limit.wasRight();
      lastUse.touch({ id: found.token.id, from: address });
      const { id, serviceId = id, hasGovernance } = found.client;
      const scopes = found.token.mayWrite ? WRITES : READS;
      const who = { subject: serviceId, subjectProfile: 'service', accountId: undefined } as const;
      return { clientId: id, ...who, scopes, hasGovernance, jti: found.token.id };
    },
  };
}
