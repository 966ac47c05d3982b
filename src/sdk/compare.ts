import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether two strings are equal, in a time that does not tell where they differ. */
export function equalsInConstantTime(left: string, right: string): boolean {
  return timingSafeEqual(createHash('sha256').update(left).digest(), createHash('sha256').update(right).digest());
}

/** base64url of SHA-256, the form of `ath`, `jkt` and `x5t#S256` (RFC 9449 §4.2, RFC 8705 §3.1). */
export function sha256Base64Url(input: string | Uint8Array): string {
  return createHash('sha256').update(input).digest('base64url');
}
