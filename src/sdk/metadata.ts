import type { ResourceServer } from './protection.ts';

/** An answer that needs no token; the body is JSON text, or nothing. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/**
 * The answer to a request for the RFC 9728 document; undefined when `target` (path and query) is another. Any web page may read
 * it: a client that runs in a browser has to.
 */
export function metadataAnswer(server: ResourceServer, method: string | undefined, target: string): OpenAnswer | undefined {
  if (target !== server.metadataPath) return undefined;
  const anyPage = { 'access-control-allow-origin': '*' };
  if (method === 'OPTIONS') {
    const headers = { ...anyPage, 'access-control-allow-methods': 'GET', 'access-control-allow-headers': '*' };
    return { status: 204, headers, body: undefined };
  }
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' }, body: undefined };
  const headers = { ...anyPage, 'content-type': 'application/json', 'cache-control': 'public, max-age=300' };
  return { status: 200, headers, body: method === 'HEAD' ? undefined : JSON.stringify(server.protectedResourceMetadata()) };
}
