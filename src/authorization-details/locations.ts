import { canonicalResourceUri } from '../resource-servers/index.ts';
import { type AuthorizationDetail, memberOf, pointer } from './detail-type.ts';

/** Whether all locations lie inside the audience; if not, the first that does not (JSON Pointer into the array). */
export type LocationCheck = { readonly within: true } | { readonly within: false; readonly path: string; readonly reason: string };

/**
 * Whether every `locations` entry (RFC 9396 §2.2) is the token's audience or a path below it (R2): a token for one server must
 * not carry rights that read as rights at another. A detail without `locations` means the audience itself and passes.
 */
export function locationsWithin(details: readonly AuthorizationDetail[], audience: string): LocationCheck {
  for (const [index, detail] of details.entries()) {
    const locations = memberOf(detail, 'locations') ?? [];
    const path = pointer(pointer('', index), 'locations');
    if (!Array.isArray(locations)) return { within: false, path, reason: 'is not a list' };
    const stranger = locations.findIndex((location) => !liesWithin(location, audience));
    if (stranger !== -1) return { within: false, path: pointer(path, stranger), reason: 'lies outside the audience of the token' };
  }
  return { within: true };
}

function liesWithin(location: unknown, audience: string): boolean {
  const inner = canonicalResourceUri(location);
  const outer = canonicalResourceUri(audience);
  if (!inner.ok || !outer.ok) return false;
  if (inner.uri === outer.uri) return true;
  if (outer.uri.startsWith('urn:') || outer.uri.includes('?')) return false;
  return inner.uri.startsWith(outer.uri.endsWith('/') ? outer.uri : `${outer.uri}/`);
}
