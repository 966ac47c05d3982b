/** Whether a host name can only mean this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3). */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/**
 * An address that may be trusted with tokens and keys: https, or http on loopback for development.
 * @throws TypeError naming `what` when it is anything else, or carries user information or a fragment.
 */
export function parseSecureUrl(value: string, what: string): URL {
  if (!URL.canParse(value)) throw new TypeError(`${what} must be an absolute URL`);
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') throw new TypeError(`${what} must not contain user information`);
  if (value.includes('#')) throw new TypeError(`${what} must not contain a fragment`);
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  if (!isSecure) throw new TypeError(`${what} must use https (http is for loopback only)`);
  return url;
}

/**
 * An issuer identifier: as above, without a query (RFC 8414 §2).
 * @throws TypeError
 */
export function parseIssuer(value: string): URL {
  const url = parseSecureUrl(value, 'issuer');
  if (value.includes('?')) throw new TypeError('issuer must not contain a query');
  return url;
}

/**
 * A resource identifier as issuers keep it: without the slash after a bare host, which says nothing (RFC 3986 §6.2.3, MCP
 * authorization "Canonical Server URI").
 * @throws TypeError
 */
export function resourceIdentifier(value: string): string {
  const { pathname, search } = parseSecureUrl(value, 'resource');
  return pathname === '/' && search === '' && value.endsWith('/') ? value.slice(0, -1) : value;
}

/** Inserts a well-known path between host and path, without the slash that ends the host (RFC 8414 §3.1, RFC 9728 §3.1). */
export function insertWellKnown(url: URL, name: string): URL {
  const path = url.pathname === '/' ? '' : url.pathname;
  return new URL(`/.well-known/${name}${path}${url.search}`, url.origin);
}
