/**
 * Why a request is refused, in the words of the standards: RFC 6750 §3.1, RFC 9449 §7.1 and §9, RFC 9470 §3, the Actor Profile for
 * `actor_unauthorized`. `temporarily_unavailable` is ours for "the issuer cannot be asked": nothing is allowed meanwhile.
 */
export type RefusalCode =
  | 'token_missing'
  | 'invalid_request'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'insufficient_user_authentication'
  | 'insufficient_scope'
  | 'insufficient_authorization'
  | 'actor_unauthorized'
  | 'temporarily_unavailable';

const statusOf = {
  token_missing: 401,
  invalid_request: 400,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  insufficient_user_authentication: 401,
  insufficient_scope: 403,
  insufficient_authorization: 403,
  actor_unauthorized: 403,
  temporarily_unavailable: 503,
} as const satisfies Record<RefusalCode, number>;

/** How somebody must have signed in for an act. */
export interface Assurance {
  /** Authentication context classes, each of which is good enough. */
  readonly acrValues?: readonly string[];
  /** How long ago the sign-in may be. */
  readonly maxAgeSeconds?: number;
}

/** What a refusal may add to its sentence. */
export interface RefusalDetails {
  /** Every scope the operation needs, held or not (MCP authorization, step-up). */
  readonly scopes?: readonly string[];
  /** The scheme to challenge with, where the request already showed which one applies. */
  readonly scheme?: 'Bearer' | 'DPoP';
  /** How to sign in before asking again (RFC 9470 §3). */
  readonly assurance?: Assurance;
  readonly cause?: unknown;
}

/** A request this resource server does not serve. The message may be shown to the caller: it holds no part of a token. */
export class AccessRefused extends Error {
  override readonly name = 'AccessRefused';
  readonly code: RefusalCode;
  /** The HTTP status that goes with the code. */
  readonly status: 400 | 401 | 403 | 503;
  readonly scopes: readonly string[];
  readonly scheme: 'Bearer' | 'DPoP' | undefined;
  readonly assurance: Assurance | undefined;

  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = statusOf[code];
    this.scopes = details.scopes ?? [];
    this.scheme = details.scheme;
    this.assurance = details.assurance;
  }
}

/** The token does not hold: expired, foreign, forged or malformed (RFC 6750 §3.1 `invalid_token`). */
export function invalidToken(message: string, cause?: unknown): AccessRefused {
  return new AccessRefused('invalid_token', message, { cause });
}

/** The issuer could not be asked; the request is refused and may be repeated later. */
export function unavailable(message: string, cause?: unknown): AccessRefused {
  return new AccessRefused('temporarily_unavailable', message, { cause });
}
