import { createHmac } from 'node:crypto';
import type { SdkClock } from './clock.ts';
import { equalsInConstantTime } from './compare.ts';
import { freshSecret } from './ids.ts';

const leastSecretBytes = 32;

/** Nonces that DPoP proofs must carry (RFC 9449 §9), so that none can be made in advance or on a machine whose clock is wrong. */
export interface DpopNonceOptions {
  /** At least 32 random bytes, the same in every process; by default this process makes its own, right for a single process only. */
  readonly secret?: Uint8Array;
  /** How long a nonce is good, 10–3600 s, 300 by default; a new one is handed out at half of it. */
  readonly lifetimeSeconds?: number;
}

/** Hands out nonces and knows its own again, without remembering any. */
export interface Nonces {
  /** The nonce to use from now on. */
  current(): string;
  /** Whether it was handed out lately, here or by a process that shares the secret. */
  isGood(nonce: unknown): boolean;
}

/**
 * Nonces as keyed hashes of the time: two of them are good at any moment, and the next one, should another process be ahead.
 * @throws TypeError when the secret is too short or the lifetime out of its range.
 */
export function createNonces(options: DpopNonceOptions, deps: { readonly resource: string; readonly clock: SdkClock }): Nonces {
  const secret = options.secret ?? freshSecret();
  const lifetimeSeconds = options.lifetimeSeconds ?? 300;
  if (secret.byteLength < leastSecretBytes) throw new TypeError(`the secret of dpopNonce must have ${leastSecretBytes} bytes at least`);
  if (!(lifetimeSeconds >= 10 && lifetimeSeconds <= 3600)) throw new TypeError('lifetimeSeconds must be between 10 and 3600');
  const step = () => Math.floor(deps.clock.now().getTime() / (lifetimeSeconds * 500));
  const nonceOf = (at: number) => createHmac('sha256', secret).update(`dpop nonce ${deps.resource} ${at}`).digest('base64url');
  return {
    current: () => nonceOf(step()),
    isGood(nonce) {
      if (typeof nonce !== 'string') return false;
      const now = step();
      return [now - 1, now, now + 1].map((at) => equalsInConstantTime(nonce, nonceOf(at))).includes(true);
    },
  };
}
