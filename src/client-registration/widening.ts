import canonicalize from 'canonicalize';
import { type StoredMetadata, textsOf } from './client.ts';

/** A registration as far as it says what the client may do. */
export interface Reach {
  readonly metadata: StoredMetadata;
  readonly scopes: readonly string[] | undefined;
}

const LISTS = ['redirect_uris', 'post_logout_redirect_uris', 'grant_types', 'response_types'] as const;
const PROOFS = ['token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'jwks', 'jwks_uri'] as const;

function hasMore(before: readonly string[], after: readonly string[]): boolean {
  return after.some((value) => !before.includes(value));
}

/**
 * Whether an update lets the client do more than before, or lets someone else be it: a new redirect, grant or scope, another way
 * of authenticating, other keys (RFC 7592 §2.2 leaves the choice to the server; someone else may hold the registration token).
 */
export function isWidened(before: Reach, after: Reach): boolean {
  const lists = LISTS.some((name) => hasMore(textsOf(before.metadata[name]), textsOf(after.metadata[name])));
  const proofs = PROOFS.some((name) => canonicalize(before.metadata[name] ?? null) !== canonicalize(after.metadata[name] ?? null));
  const scopes = before.scopes !== undefined && (after.scopes === undefined || hasMore(before.scopes, after.scopes));
  const unbound = before.metadata['dpop_bound_access_tokens'] === true && after.metadata['dpop_bound_access_tokens'] !== true;
  return lists || proofs || scopes || unbound;
}
