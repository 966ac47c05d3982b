import { createHash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

/** A JWT that was taken apart and believed in nothing yet. */
export interface Unverified {
  readonly header: { readonly alg: string; readonly kid: string | undefined; readonly typ: string | undefined };
  readonly claims: JWTPayload & { readonly iss: string };
}

const LONGEST_JWT = 16_384;
const LONGEST_TEXT = 500;

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_TEXT;
}

/**
 * Takes a compact JWT apart (RFC 7519 §7.2, steps 1 to 5); undefined when it is none, when it has no issuer, or when its header
 * demands extensions (`crit`, `b64`), which none of ours are. Pure.
 */
export function takeApart(jwt: string): Unverified | undefined {
  if (jwt.length > LONGEST_JWT) return undefined;
  try {
    const { alg, kid, typ, crit, b64 } = decodeProtectedHeader(jwt);
    const claims = decodeJwt(jwt);
    if (crit !== undefined || b64 !== undefined) return undefined;
    if (!isText(alg) || !isText(claims.iss) || (kid !== undefined && !isText(kid)) || (typ !== undefined && typeof typ !== 'string'))
      return undefined;
    return { header: { alg, kid, typ }, claims: { ...claims, iss: claims.iss } };
  } catch {
    return undefined;
  }
}

/**
 * The name a JWT is used up under: its own (RFC 7519 §4.1.7), else a digest of what was signed. Not of the signature: of that there
 * can be a second one for the same token.
 */
export function nameOfJwt(jwt: string, { jti }: JWTPayload): string {
  if (isText(jti)) return jti;
  return createHash('sha256')
    .update(jwt.slice(0, jwt.lastIndexOf('.')))
    .digest('base64url');
}

/** What the times of a JWT must be (RFC 7519 §4.1.4 to §4.1.6). `mustEnd`: it has to say when it ends and when it was made. */
export interface TimeRule {
  readonly now: Date;
  readonly mustEnd: boolean;
  /** The longest it may live from `iat`, and be ahead of now. */
  readonly longestSeconds: number;
}

/** Clocks of two machines differ by so much. */
const TOLERANCE_SECONDS = 30;

function isTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);
}

/** The fault of the times, or undefined. Pure. */
export function faultOfTimes(
  { exp, iat, nbf }: JWTPayload,
  { now, mustEnd, longestSeconds }: TimeRule,
): 'malformed' | 'expired' | 'not_yet_valid' | 'lifetime' | undefined {
  if (![exp, iat, nbf].every(isTime)) return 'malformed';
  if (mustEnd && (exp === undefined || iat === undefined)) return 'malformed';
  const seconds = now.getTime() / 1000;
  if (exp !== undefined && exp + TOLERANCE_SECONDS <= seconds) return 'expired';
  if (Math.max(nbf ?? 0, iat ?? 0) > seconds + TOLERANCE_SECONDS) return 'not_yet_valid';
  if (!mustEnd || exp === undefined || iat === undefined) return undefined;
  return exp - iat > longestSeconds || exp > seconds + longestSeconds + TOLERANCE_SECONDS ? 'lifetime' : undefined;
}

/** Whether `aud` (RFC 7519 §4.1.3) names one place and it is one of these; a list of two is a token that works elsewhere too. */
export function isForOneOf(aud: unknown, accepted: readonly string[]): boolean {
  const [audience, ...others] = Array.isArray(aud) ? (aud as unknown[]) : [aud];
  return others.length === 0 && typeof audience === 'string' && accepted.includes(audience);
}

/** Whether the claims that name who and which are there (RFC 7523 §3, draft ID-JAG §3). */
export function isNamed({ sub, jti }: JWTPayload): boolean {
  return isText(sub) && isText(jti);
}
