import type { JWK } from 'jose';

/** What a key signs for; no key signs for two (security rule R17). */
export const PURPOSES = ['receipts'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** A key in force, with its private part in clear; lives in memory only. */
export interface ProofKey {
  /** JWK thumbprint (RFC 7638). */
  readonly kid: string;
  readonly purpose: Purpose;
  readonly privateJwk: JWK;
  readonly createdAt: Date;
}

/** How long one key signs, in days. What it signed verifies for good: public parts are never taken back. */
export const SIGNS_DAYS = 365;

/** Whether a text names a purpose. */
export function isPurpose(text: string): text is Purpose {
  return (PURPOSES as readonly string[]).includes(text);
}
