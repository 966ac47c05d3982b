import { createHash } from 'node:crypto';
import { type CryptoKey, type JWK, SignJWT } from 'jose';
import { AccessRefused, type NodeRequest, type ResourceServer } from '../../src/sdk/resource-server.ts';
import { now } from './local-issuer.ts';

/** A POST to /billing with these raw headers. */
export function requestWith(rawHeaders: readonly string[], url = '/billing'): NodeRequest {
  return { method: 'POST', url, rawHeaders };
}

export function bearer(token: string): NodeRequest {
  return requestWith(['Host', 'evil.test', 'Authorization', `Bearer ${token}`]);
}

/** The refusal that `verify` answers with. */
export async function refusalOf(server: ResourceServer, request: NodeRequest): Promise<AccessRefused> {
  const outcome = await server.verify(request).catch((error: unknown) => error);
  if (outcome instanceof AccessRefused) return outcome;
  throw new Error(`expected a refusal, got ${JSON.stringify(outcome)} ${String(outcome)}`);
}

/** Claims, header and key of a proof; undefined removes a claim. */
export interface ProofParts {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly signWith?: CryptoKey;
}

let proofs = 0;

/** A DPoP proof for POST /billing of the tests' resource. */
export function proofFor(token: string, key: { privateKey: CryptoKey; publicJwk: JWK }, parts: ProofParts = {}): Promise<string> {
  proofs += 1;
  const { kty, crv, x, y } = key.publicJwk;
  const ath = createHash('sha256').update(token).digest('base64url');
  const claims = { htm: 'POST', htu: 'http://127.0.0.1:4999/billing', iat: now(), jti: `proof-${proofs}`, ath, ...parts.claims };
  const kept = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  return new SignJWT(kept)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } as JWK, ...parts.header })
    .sign(parts.signWith ?? key.privateKey);
}
