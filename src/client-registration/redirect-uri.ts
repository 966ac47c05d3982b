/** OpenID Connect Registration §2 `application_type`. */
export type ApplicationType = 'web' | 'native';

/** What kind of address a redirect URI is; or why it may not be registered (`invalid_redirect_uri`, RFC 7591 §3.2.2). */
export type RedirectUri =
  | { readonly ok: true; readonly kind: 'https' | 'loopback' | 'private-scheme' }
  | { readonly ok: false; readonly reason: string };

const maxLength = 2000;
const printableAscii = /^[!-~]+$/;
const unsafeCharacters = /[\\<>"^`{|}]/;
const brokenEscape = /%(?![0-9a-f]{2})/i;
const schemeShape = /^([a-z][a-z0-9+.-]*):/i;
const authorityShape = /^[a-z]+:\/\/([^/?#]+)/i;
const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** RFC 8252 §7.1: the reverse of a domain the developer controls, so at least one dot and no empty label. */
const privateScheme = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/;

/**
 * Schemes without a dot that programs people use registered with their operating system: MCP clients come back by them, whatever
 * RFC 8252 §7.1 asks for. A closed list, because a list of forbidden schemes is never complete (`ftp:`, `mailto:`, `ms-msdt:` …).
 */
const schemesOfPrograms: ReadonlySet<string> = new Set([
  ...['claude', 'cursor', 'goose', 'jetbrains', 'kiro', 'lmstudio', 'raycast', 'trae', 'vscode', 'vscode-insiders', 'vscodium', 'warp'],
  ...['windsurf', 'zed'],
]);

const refused = (reason: string): RedirectUri => ({ ok: false, reason });

/**
 * Whether a redirect URI may be registered: https anywhere; http on loopback only, any port and path (RFC 8252 §7.3, MCP
 * authorization); a private-use scheme with a dot (RFC 8252 §7.1), or one of well-known programs, for native applications. Never `javascript:`, `data:`, `ftp:`,
 * `mailto:` or any other scheme; never userinfo, a fragment (RFC 6749 §3.1.2), a wildcard, or a host that parsers read
 * differently. Never throws; the URI itself is kept and compared exactly as registered.
 */
export function checkRedirectUri(uri: unknown, applicationType: ApplicationType): RedirectUri {
  if (typeof uri !== 'string' || uri === '') return refused('must be a non-empty string');
  if (uri.length > maxLength) return refused(`must not be longer than ${maxLength} characters`);
  if (!printableAscii.test(uri) || unsafeCharacters.test(uri) || brokenEscape.test(uri))
    return refused('holds characters that URIs do not allow');
  if (uri.includes('#')) return refused('must not have a fragment');
  const scheme = schemeShape.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return refused('must be an absolute URI');
  if (scheme === 'https' || scheme === 'http') return checkHttp(uri, scheme);
  if (!privateScheme.test(scheme) && !schemesOfPrograms.has(scheme))
    return refused('must use https, http on loopback, or a private-use scheme that contains a dot');
  return checkPrivate(uri, applicationType);
}

function checkHttp(uri: string, scheme: 'https' | 'http'): RedirectUri {
  const authority = authorityShape.exec(uri)?.[1];
  if (authority === undefined || !URL.canParse(uri)) return refused('must have a valid host and port');
  if (authority.includes('@')) return refused('must not have userinfo');
  const { hostname } = new URL(uri);
  const host = authority.replace(/:\d*$/, '').toLowerCase();
  if (host !== hostname || host.endsWith('.') || host.includes('*')) return refused('must name its host plainly');
  if (scheme === 'https') return { ok: true, kind: loopbackHosts.has(hostname) ? 'loopback' : 'https' };
  return loopbackHosts.has(hostname)
    ? { ok: true, kind: 'loopback' }
    : refused('must use https unless the host is 127.0.0.1, [::1] or localhost');
}

/** With an authority (`com.example.app://callback`) the address is still the scheme's alone, but userinfo hides in it. */
function checkPrivate(uri: string, applicationType: ApplicationType): RedirectUri {
  if (applicationType !== 'native') return refused('a private-use scheme is for native applications only');
  if (/^[^:]+:\/\/[^/?]*@/.test(uri)) return refused('must not have userinfo');
  return URL.canParse(uri) ? { ok: true, kind: 'private-scheme' } : refused('is not a valid URI');
}

/**
 * The `application_type` that redirect URIs show: native when one of them is http on loopback or has a private-use scheme, which
 * nothing on the web has, else web. Command-line and desktop agents register without it or call themselves `web`, next to https
 * addresses of their makers; as `web` they could not come back on another port (RFC 8252 §7.3). An invalid URI, or https on
 * loopback, makes it web: the stricter rules then judge it.
 */
export function inferApplicationType(redirectUris: readonly unknown[]): ApplicationType {
  const kinds = redirectUris.map((uri) => {
    const checked = checkRedirectUri(uri, 'native');
    if (!checked.ok) return 'refused';
    return checked.kind === 'loopback' && String(uri).toLowerCase().startsWith('https:') ? 'https-loopback' : checked.kind;
  });
  if (kinds.includes('refused') || kinds.includes('https-loopback')) return 'web';
  return kinds.some((kind) => kind !== 'https') ? 'native' : 'web';
}

/** Why these redirect URIs may not be registered together, with the type that is inferred for them; undefined: they may. */
export function redirectFaultOf(redirectUris: readonly string[]): string | undefined {
  const applicationType = inferApplicationType(redirectUris);
  for (const uri of redirectUris) {
    const checked = checkRedirectUri(uri, applicationType);
    if (!checked.ok) return checked.reason;
  }
  return undefined;
}
