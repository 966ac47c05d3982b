/** The longest resource indicator we keep or compare, in characters. */
export const maxResourceUriLength = 2000;

/** A resource indicator in the one form that is stored, compared and put into `aud`; or why there is none. */
export type ResourceUri = { readonly ok: true; readonly uri: string } | { readonly ok: false; readonly reason: string };

const printableAscii = /^[!-~]+$/;
const httpShape = /^https?:\/\/([^/?#]+)([^?#]*)(\?[^#]*)?$/i;
const urnShape = /^urn:([a-z0-9][a-z0-9-]{0,30}[a-z0-9]):([a-z0-9\-._~!$&'()*+,;=:@%][a-z0-9\-._~!$&'()*+,;=:@%/]*)$/i;
const brokenEscape = /%(?![0-9a-f]{2})/i;
const escapedControl = /%(?:[01][0-9a-f]|7f)/i;
const unreserved = /[A-Za-z0-9\-._~]/;
const loopbackHosts = new Set(['localhost', '[::1]']);
const loopbackAddress = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

const refused = (reason: string): ResourceUri => ({ ok: false, reason });

/**
 * The canonical form of a resource indicator (RFC 8707 §2): absolute, without fragment or userinfo, `https` (or `http` on
 * loopback, or a URN), at most 2,000 characters. Scheme and host are lower case, a default port and the slash after a bare
 * host are dropped (MCP authorization "Canonical Server URI"), escapes of unreserved characters are undone and the others
 * upper case (RFC 3986 §6.2.2). A path keeps its trailing slash: it may name another resource.
 *
 * What parsers read differently (dot segments, backslashes, numeric hosts, escaped controls) is refused rather than repaired,
 * because a repaired audience would be compared here and not there. Never throws; applying it twice changes nothing.
 */
export function canonicalResourceUri(input: unknown): ResourceUri {
  if (typeof input !== 'string' || input === '') return refused('must be a non-empty string');
  if (input.length > maxResourceUriLength) return refused(`must not be longer than ${maxResourceUriLength} characters`);
  if (!printableAscii.test(input)) return refused('must hold printable ASCII characters only');
  if (input.includes('#')) return refused('must not have a fragment');
  if (brokenEscape.test(input)) return refused('has a broken percent escape');
  if (escapedControl.test(input)) return refused('must not hold an escaped control character');
  return /^urn:/i.test(input) ? canonicalUrn(input) : canonicalHttp(input);
}

/** RFC 8141 §3.1: scheme and namespace are case-insensitive, the rest is kept but for the case of its escapes. */
function canonicalUrn(input: string): ResourceUri {
  const match = urnShape.exec(input);
  if (match === null) return refused('is not a well-formed URN');
  const [, namespace = '', rest = ''] = match;
  return { ok: true, uri: `urn:${namespace.toLowerCase()}:${upperCaseEscapes(rest)}` };
}

function canonicalHttp(input: string): ResourceUri {
  const match = httpShape.exec(input);
  if (match === null) return refused('must be an absolute https URI');
  const [, authority = '', rawPath = '', rawQuery = ''] = match;
  if (authority.includes('@')) return refused('must not have userinfo');
  if (/[\\<>"^`{|}]/.test(input)) return refused('holds a character that URIs do not allow');
  const url = parse(`${input.slice(0, input.indexOf(':'))}://${authority}`);
  if (url === undefined || !isPlainHost(authority, url.hostname)) return refused('has a malformed host or port');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return refused('must use https unless it is on loopback');
  const path = normaliseEscapes(rawPath);
  if (hasDotSegment(path)) return refused('must not have dot segments');
  const query = rawQuery === '?' ? '' : normaliseEscapes(rawQuery);
  return { ok: true, uri: `${url.protocol}//${url.host}${joined(path, query)}` };
}

function joined(path: string, query: string): string {
  if (query === '') return path === '/' ? '' : path;
  return `${path === '' ? '/' : path}${query}`;
}

/** Whether `host` (as `URL.hostname` gives it) can only be this machine: `localhost`, `127.0.0.0/8`, `[::1]`. */
export function isLoopbackHost(host: string): boolean {
  return loopbackHosts.has(host) || loopbackAddress.test(host);
}

/** A host that the parser had to reinterpret (`0x7f.1`, `%61.example`) would be another host to another parser. */
function isPlainHost(authority: string, hostname: string): boolean {
  const host = authority.replace(/:\d*$/, '').toLowerCase();
  return host === hostname && !host.endsWith('.') && !host.includes('*');
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => segment === '.' || segment === '..');
}

function upperCaseEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase());
}

function normaliseEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (octet) => {
    const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
    return unreserved.test(character) ? character : octet.toUpperCase();
  });
}
