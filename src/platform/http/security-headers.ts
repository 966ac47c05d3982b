import type { Context, Middleware } from 'koa';

const CSP = 'content-security-policy';
const FORM_ACTION = "form-action 'self'";
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  FORM_ACTION,
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');
const PERMISSIONS =
  'camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)';

/** Security headers for every answer, refusals included; HSTS only when the issuer is https. */
export function securityHeaders(issuer: URL): Middleware {
  const headers = {
    [CSP]: POLICY,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': PERMISSIONS,
    ...(issuer.protocol === 'https:' ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
  return (ctx, next) => {
    ctx.set(headers);
    return next();
  };
}

/** CSP knows no IPv6 hosts, so `[::1]` can only be said by its scheme. */
function sourceOf(url: URL): string | undefined {
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  if (!isWeb) return /^(javascript|data|blob|file|about|filesystem|vbscript):$/.test(url.protocol) ? undefined : url.protocol;
  if (url.hostname.startsWith('[')) return url.protocol;
  return /^[a-z0-9.-]+$/.test(url.hostname) ? url.origin : undefined;
}

/**
 * Lets this page's forms end at the origin of `target` (a redirect URI or an origin): Chromium applies `form-action` to redirects
 * after a POST too, and consent ends at the client. A private-use scheme (RFC 8252 §7.1) is allowed as such. Throws `TypeError`
 * for what is not a URL or must never be a form's target.
 */
export function allowFormAction(ctx: Context, target: string): void {
  const source = URL.canParse(target) ? sourceOf(new URL(target)) : undefined;
  if (source === undefined) throw new TypeError('form-action: not an acceptable origin');
  const current = ctx.response.get(CSP);
  if (current.split('; ').some((directive) => directive.startsWith('form-action') && directive.split(' ').includes(source))) return;
  ctx.set(CSP, current.replace(FORM_ACTION, `${FORM_ACTION} ${source}`));
}

/** For pages whose address or content holds a one-time token: no other request learns where it came from. */
export function hideReferrer(ctx: Context): void {
  ctx.set('referrer-policy', 'no-referrer');
}

/** For pages that a client may open in a popup and wait for: the popup keeps its opener. */
export function keepOpener(ctx: Context): void {
  ctx.remove('cross-origin-opener-policy');
}
