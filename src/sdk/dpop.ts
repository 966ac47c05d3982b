import { calculateJwkThumbprint, errors, importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose';
import { acceptedAlgorithms } from './access-token.ts';
import { isJsonObject } from './claims.ts';
import { epochSeconds, fromEpochSeconds, type SdkClock } from './clock.ts';
import { equalsInConstantTime, sha256Base64Url } from './compare.ts';
import type { Nonces } from './nonce.ts';
import { AccessRefused } from './refusal.ts';
import { type SingleUseStore, takeOnce } from './single-use.ts';

const maxProofLength = 8192;
const maxIdLength = 256;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** The request a proof must have been made for. */
export interface ProvenRequest {
  readonly method: string;
  /** As the client sees it. */
  readonly url: URL;
  readonly token: string;
  /** `cnf.jkt` of the token. */
  readonly jwkThumbprint: string;
}

/** What proofs are held against. */
export interface ProofExpectations {
  readonly windowSeconds: number;
  /** Where each proof must carry a nonce of ours. */
  readonly nonces: Nonces | undefined;
  readonly replayStore: SingleUseStore;
  readonly clock: SdkClock;
}

function invalidProof(message: string, cause?: unknown): AccessRefused {
  return new AccessRefused('invalid_dpop_proof', message, { scheme: 'DPoP', cause });
}

function publicJwk(jwk: unknown): JWK {
  if (!isJsonObject(jwk)) throw invalidProof('the DPoP proof carries no key');
  if (jwk['kty'] === 'oct' || privateMembers.some((member) => member in jwk)) throw invalidProof('the DPoP proof must carry a public key');
  return jwk as JWK;
}

async function verifyProofSignature(proof: string, clock: SdkClock): Promise<{ readonly claims: JWTPayload; readonly thumbprint: string }> {
  try {
    let jwk: JWK | undefined;
    const { payload } = await jwtVerify(
      proof,
      (header) => {
        jwk = publicJwk(header.jwk);
        return importJWK(jwk, header.alg);
      },
      { typ: 'dpop+jwt', algorithms: [...acceptedAlgorithms], currentDate: clock.now(), clockTolerance: 60 },
    );
    if (!jwk) throw invalidProof('the DPoP proof carries no key');
    return { claims: payload, thumbprint: await calculateJwkThumbprint(jwk, 'sha256') };
  } catch (error) {
    if (error instanceof AccessRefused) throw error;
    const reason =
      error instanceof errors.JWTClaimValidationFailed
        ? `the ${error.claim} of the DPoP proof is not acceptable`
        : 'the DPoP proof is not valid';
    throw invalidProof(reason, error);
  }
}

function withoutQuery(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function isForTarget(htu: unknown, target: URL): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false;
  const named = new URL(htu);
  return named.username === '' && named.password === '' && withoutQuery(named) === withoutQuery(target);
}

function checkClaims(claims: JWTPayload, request: ProvenRequest, expected: ProofExpectations): string {
  if (claims['htm'] !== request.method) throw invalidProof('the DPoP proof is for another method');
  if (!isForTarget(claims['htu'], request.url)) throw invalidProof('the DPoP proof is for another address');
  const issued = claims.iat;
  if (typeof issued !== 'number' || Math.abs(epochSeconds(expected.clock.now()) - issued) > expected.windowSeconds) {
    throw invalidProof('the DPoP proof is too old or from the future');
  }
  const ath = claims['ath'];
  if (typeof ath !== 'string' || !equalsInConstantTime(ath, sha256Base64Url(request.token))) {
    throw invalidProof('the DPoP proof is for another access token');
  }
  if (expected.nonces && !expected.nonces.isGood(claims['nonce'])) {
    throw new AccessRefused('use_dpop_nonce', 'the DPoP proof must carry the nonce of this server', { scheme: 'DPoP' });
  }
  const id = claims.jti;
  if (typeof id !== 'string' || id === '' || id.length > maxIdLength) throw invalidProof('the DPoP proof has no usable jti');
  return id;
}

/**
 * Checks a DPoP proof for a request with a bound token (RFC 9449 §4.3, §7, §9). The `jti` is remembered last, so that only the
 * holder of the token's key can fill the memory.
 * @throws AccessRefused `invalid_dpop_proof`, `use_dpop_nonce`; `invalid_token` when the key is not the one the token is bound to (§7.1).
 */
export async function verifyProof(proof: string, request: ProvenRequest, expected: ProofExpectations): Promise<void> {
  if (proof.length > maxProofLength) throw invalidProof('the DPoP proof is too large');
  const { claims, thumbprint } = await verifyProofSignature(proof, expected.clock);
  if (!equalsInConstantTime(thumbprint, request.jwkThumbprint)) {
    throw new AccessRefused('invalid_token', 'the access token is bound to another key', { scheme: 'DPoP' });
  }
  const id = checkClaims(claims, request, expected);
  const expiresAt = fromEpochSeconds(epochSeconds(expected.clock.now()) + 2 * expected.windowSeconds + 1);
  const isFirst = await takeOnce(expected.replayStore, `dpop ${thumbprint} ${sha256Base64Url(id)}`, expiresAt);
  if (!isFirst) throw invalidProof('the DPoP proof has been used before');
}
