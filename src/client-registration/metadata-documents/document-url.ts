/** Whether a text may be the address of a metadata document, and so a client_id; or why not. */
export type DocumentUrl = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly reason: string };

/** Identifiers of ours fit into paths, logs and lists; addresses in use are far shorter. */
const LONGEST = 200;
const PRINTABLE_ASCII = /^[!-~]+$/;
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const NUMBERS = /^(?:\[.*\]|[\d.]+)$/;

const refused = (reason: string): DocumentUrl => ({ ok: false, reason });

/** Whether a client_id looks like an address, so that it is judged as one; no other kind of client has such an identifier. */
export function looksLikeUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/**
 * Whether `text` may be a client_id that is the address of a metadata document (draft-ietf-oauth-client-id-metadata-document §3):
 * https, a path, no dot segments, no userinfo, no query, no fragment, at most 200 characters, and written exactly as URLs are
 * serialised, so that one document has one identifier. The host is a name people can read: no number, ASCII or punycode as
 * written. `allowsLoopback` also takes http on loopback, for development. Pure, never throws.
 */
export function checkDocumentUrl(text: string, { allowsLoopback }: { readonly allowsLoopback: boolean }): DocumentUrl {
  if (text.length > LONGEST) return refused(`is longer than ${LONGEST} characters`);
  if (!PRINTABLE_ASCII.test(text) || !URL.canParse(text)) return refused('is not a valid address');
  if (text.includes('#')) return refused('has a fragment');
  if (text.includes('?')) return refused('has a query');
  const url = new URL(text);
  const isLocal = allowsLoopback && LOOPBACK.has(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) return refused('does not use https');
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/]*@/i.test(text)) return refused('has user information');
  if (url.href !== text) return refused('is not written in its plain form: lower-case host, no default port, no dot segments');
  if (url.pathname === '/') return refused('has no path');
  return checkHost(url, isLocal);
}

function checkHost(url: URL, isLocal: boolean): DocumentUrl {
  if (isLocal) return { ok: true, url };
  if (NUMBERS.test(url.hostname)) return refused('names its host by a number');
  if (!url.hostname.includes('.') || url.hostname.endsWith('.')) return refused('does not name its host in full');
  return { ok: true, url };
}
