import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { insertWellKnown, parseIssuer, parseSecureUrl } from './addresses.ts';
import { isJsonObject, type JsonObject } from './claims.ts';
import type { SdkClock } from './clock.ts';
import { unavailable } from './refusal.ts';

const maxDocumentBytes = 256 * 1024;
const timeoutMilliseconds = 5_000;
const metadataLifetimeMilliseconds = 3_600_000;
const retryAfterMilliseconds = 2_000;

/** The part of the platform's `fetch` this package uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The authorization server whose tokens are accepted. */
export interface Issuer {
  /** Finds the key of a token header among the issuer's published ones. @throws AccessRefused 503 when it cannot be asked. */
  readonly key: JWTVerifyGetKey;
  /** Where to ask whether a token is alive (RFC 8414 §2 `introspection_endpoint`). @throws AccessRefused 503. */
  introspectionEndpoint(): Promise<URL>;
  /** Where this resource server gets tokens of its own (RFC 8414 §2 `token_endpoint`). @throws AccessRefused 503. */
  tokenEndpoint(): Promise<URL>;
}

/**
 * `fetch` that follows no redirect, waits 5 s at most and reads `maxBytes` at most, 256 KiB if nothing is said.
 * The answer comes back whole, so that nobody downstream waits on an endless body.
 */
export function boundFetch(fetchImpl: Fetch, maxBytes = maxDocumentBytes): Fetch {
  return async (url, init) => {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    const response = await fetchImpl(url, { ...init, redirect: 'error', signal });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.byteLength;
      if (length > maxBytes) throw new RangeError('the answer is too large');
      chunks.push(chunk);
    }
    const body = [204, 205, 304].includes(response.status) ? null : Buffer.concat(chunks);
    return new Response(body, { status: response.status, headers: response.headers });
  };
}

interface Discovered {
  readonly keys: JWTVerifyGetKey;
  readonly metadata: JsonObject;
}

function endpointOf(metadata: JsonObject, name: string, issuer: URL): URL {
  const value = metadata[name];
  if (typeof value !== 'string') throw new TypeError(`the issuer's metadata has no ${name}`);
  const url = parseSecureUrl(value, name);
  if (issuer.protocol === 'https:' && url.protocol !== 'https:') throw new TypeError(`${name} must use https`);
  return url;
}

async function discover(issuer: string, fetchImpl: Fetch): Promise<Discovered> {
  const base = parseIssuer(issuer);
  const response = await fetchImpl(insertWellKnown(base, 'oauth-authorization-server').href, { headers: { accept: 'application/json' } });
  if (response.status !== 200) throw new TypeError(`the issuer's metadata answered ${response.status}`);
  const metadata: unknown = await response.json();
  if (!isJsonObject(metadata)) throw new TypeError("the issuer's metadata is no object");
  if (metadata['issuer'] !== issuer) throw new TypeError("the issuer's metadata names another issuer (RFC 8414 §3.3)");
  const keys = createRemoteJWKSet(endpointOf(metadata, 'jwks_uri', base), { [customFetch]: fetchImpl });
  return { keys, metadata };
}

function isUnknownKey(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/**
 * The issuer, discovered at the first use and again every hour (RFC 8414). A failed discovery is repeated after 2 s at the
 * earliest, so that a flood of requests does not become a flood towards the issuer.
 * @throws TypeError when `issuer` is no https (or loopback) URL.
 */
export function createIssuer(issuer: string, fetchImpl: Fetch, clock: SdkClock): Issuer {
  const base = parseIssuer(issuer);
  const bounded = boundFetch(fetchImpl);
  let current: { readonly found: Promise<Discovered>; staleAt: number } | undefined;

  function discovered(): Promise<Discovered> {
    const now = clock.now().getTime();
    if (current && now < current.staleAt) return current.found;
    const found = discover(issuer, bounded);
    const attempt = { found, staleAt: now + metadataLifetimeMilliseconds };
    current = attempt;
    found.catch(() => {
      attempt.staleAt = clock.now().getTime() + retryAfterMilliseconds;
    });
    return found;
  }

  async function reached<T>(use: (found: Discovered) => Promise<T> | T): Promise<T> {
    try {
      return await use(await discovered());
    } catch (error) {
      if (isUnknownKey(error)) throw error;
      throw unavailable('the authorization server cannot be reached', error);
    }
  }

  return {
    key: (header, token) => reached(({ keys }) => keys(header, token)),
    introspectionEndpoint: () => reached(({ metadata }) => endpointOf(metadata, 'introspection_endpoint', base)),
    tokenEndpoint: () => reached(({ metadata }) => endpointOf(metadata, 'token_endpoint', base)),
  };
}
