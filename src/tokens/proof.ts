import { createHash, timingSafeEqual } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type { ArtifactStore } from '../oidc/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';

/** The call a proof must have been made for. */
export interface ProvenCall {
  readonly method: string;
  /** Origin and path as a client sees them; the query does not count. */
  readonly address: string;
  readonly token: string;
  /** `cnf.jkt` of the token. */
  readonly thumbprint: string;
}

/** How far the clocks of client and server may be apart, and how long a proof can be used (RFC 9449 §11.1). */
const WINDOW_SECONDS = 60;
const LONGEST_PROOF = 8_192;
const LONGEST_ID = 256;
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256'];

/** The algorithms a proof may be signed with, as the challenge names them (RFC 9449 §5.1). */
export const PROOF_ALGORITHMS = ALGORITHMS.join(' ');

function isEqual(a: string, b: string): boolean {
  const [left, right] = [a, b].map((value) => createHash('sha256').update(value).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

function isForAddress(htu: unknown, address: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false;
  const { origin, pathname, username, password } = new URL(htu);
  return username === '' && password === '' && `${origin}${pathname}` === address;
}

async function signedClaims(proof: string, clock: Clock): Promise<{ claims: JWTPayload; key: JWK } | undefined> {
  try {
    const options = { typ: 'dpop+jwt', algorithms: ALGORITHMS, currentDate: clock.now(), clockTolerance: WINDOW_SECONDS };
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, options);
    return protectedHeader.jwk === undefined ? undefined : { claims: payload, key: protectedHeader.jwk };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return undefined;
    throw error;
  }
}

/**
 * Whether a DPoP proof shows possession of the token's key for exactly this call, once (RFC 9449 §4.3, §7.1): signature by the
 * key it carries, that key's thumbprint, `htm`, `htu`, `ath`, `iat` within a minute, `jti` unused. The `jti` is remembered last,
 * so that only the holder of the key can fill the memory.
 */
export async function isProven(
  proof: string,
  call: ProvenCall,
  deps: { artifacts: Pick<ArtifactStore, 'recordOnce'>; clock: Clock },
): Promise<boolean> {
  if (proof === '' || proof.length > LONGEST_PROOF) return false;
  const signed = await signedClaims(proof, deps.clock);
  if (signed === undefined) return false;
  const { claims, key } = signed;
  const { htm, htu, ath, iat, jti } = claims;
  if (!isEqual(await calculateJwkThumbprint(key), call.thumbprint)) return false;
  if (htm !== call.method || !isForAddress(htu, call.address)) return false;
  if (typeof ath !== 'string' || !isEqual(ath, createHash('sha256').update(call.token).digest('base64url'))) return false;
  if (iat === undefined || Math.abs(deps.clock.epochSeconds() - iat) > WINDOW_SECONDS) return false;
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_ID) return false;
  const expiresAt = secondsAfter(deps.clock.now(), 2 * WINDOW_SECONDS + 1);
  return deps.artifacts.recordOnce(JSON.stringify(['dpop-call', call.thumbprint, jti]), expiresAt);
}
