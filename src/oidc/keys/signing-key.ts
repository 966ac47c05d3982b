import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

/** The algorithms the server signs with: ES256 for access tokens, RS256 for id_tokens, EdDSA for who asks for it. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** published, not signing → signing → published until the last token it signed has expired. */
export type SigningKeyStatus = 'next' | 'current' | 'retired';

/** A key with its private part in clear; lives in memory only. */
export interface SigningKey {
  /** JWK thumbprint (RFC 7638). */
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly status: SigningKeyStatus;
  readonly privateJwk: JWK;
  readonly createdAt: Date;
  readonly activatedAt: Date | undefined;
  readonly retiresAt: Date | undefined;
}

/** How long a key signs, is announced before it signs, and stays published after. */
export const KEY_TIMES = { signsDays: 90, announcedHours: 24, publishedAfterDays: 7 } as const;

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'];

/** The part of a key that everyone may see. */
export function publicJwkOf(jwk: JWK): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([member]) => PUBLIC_MEMBERS.includes(member)));
}

/** A fresh key of one algorithm; `kid` is its thumbprint, so the same key has the same name everywhere. */
export async function generateSigningKey(algorithm: SigningAlgorithm, at: Date): Promise<SigningKey> {
  const options = algorithm === 'EdDSA' ? { crv: 'Ed25519' } : algorithm === 'RS256' ? { modulusLength: 2048 } : {};
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true, ...options });
  const bare = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(bare);
  const privateJwk = { ...bare, kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, status: 'next', privateJwk, createdAt: at, activatedAt: undefined, retiresAt: undefined };
}

/**
 * Order for the engine, which signs with the first key that fits: current keys before announced and retired ones.
 */
export function inSigningOrder(keys: readonly SigningKey[]): SigningKey[] {
  const rank: Record<SigningKeyStatus, number> = { current: 0, next: 1, retired: 2 };
  return [...keys].sort((a, b) => rank[a.status] - rank[b.status] || a.createdAt.getTime() - b.createdAt.getTime());
}
