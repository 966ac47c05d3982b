import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { AuthorizationDetail } from './detail-type.ts';

/**
 * `sha-256:` and the base64url SHA-256 of the JCS form (RFC 8785) of the granted details: the `details_hash` of the `approval`
 * claim, so that what was decided, shown and issued can be compared without trusting a serialiser. Order of details counts.
 */
export function detailsHash(details: readonly AuthorizationDetail[]): string {
  const text = canonicalize(details);
  if (text === undefined) throw new TypeError('details are not JSON');
  return `sha-256:${createHash('sha256').update(text, 'utf8').digest('base64url')}`;
}
