import type { IncomingHttpHeaders } from 'node:http';
import type Koa from 'koa';
import type { Context, Middleware } from 'koa';
import { EdgeError } from './failure.ts';
import { clientAddressOf, type TrustedProxies } from './trusted-proxies.ts';

const FORWARDED = /^(forwarded|x-forwarded-.+|x-real-ip|x-original-(url|host|method)|x-rewrite-url|x-http-method-override|via-host)$/;
// nginx, Envoy, HAProxy, Traefik, AWS, Azure and RFC 9440 names; `_` is taken for `-`, as gateways do.
const CLIENT_CERTIFICATE =
  /^(x-)?(client-cert|ssl-client|ssl-cert|forwarded-client-cert|forwarded-tls-client-cert|tls-client|amzn-mtls|arr-clientcert|client-verify|client-dn)/;

/** Removes every header with which a stranger could speak about the connection (R20). */
function dropHearsay(headers: IncomingHttpHeaders): void {
  for (const name of Object.keys(headers)) {
    const plain = name.replaceAll('_', '-');
    if (FORWARDED.test(plain) || CLIENT_CERTIFICATE.test(plain)) delete headers[name];
  }
}

function withoutDefaultPort(authority: string, issuer: URL): string {
  const suffix = issuer.protocol === 'https:' ? ':443' : ':80';
  const lower = authority.trim().toLowerCase();
  return lower.endsWith(suffix) ? lower.slice(0, -suffix.length) : lower;
}

/** Absolute-form targets (RFC 9112 §3.2.2) name a host of their own: it is returned, and the target becomes a path. */
function takeAbsoluteForm(ctx: Context): string | undefined {
  const target = ctx.req.url ?? '/';
  if (target.startsWith('/') || target === '*') return undefined;
  if (!URL.canParse(target)) throw new EdgeError(400, 'invalid_input', 'The request target is not a URL.');
  const url = new URL(target);
  ctx.req.url = `${url.pathname}${url.search}`;
  ctx.originalUrl = ctx.req.url;
  ctx.request.originalUrl = ctx.req.url;
  return url.host;
}

/**
 * Pins host and scheme to the issuer's (R20, RFC 9110 §7.4): headers about the original request are dropped unless the socket's
 * peer is a trusted proxy; another host is 421. Afterwards the request's own headers hold our words: whoever reads Host or
 * X-Forwarded-Proto, -Host, -For behind this point (the engine builds contexts of its own) reads the issuer and the caller's address.
 */
export function hostPin(deps: { issuer: URL; proxies: TrustedProxies }): Middleware {
  const { issuer, proxies } = deps;
  const scheme = issuer.protocol.slice(0, -1);
  return (ctx, next) => {
    const { headers, socket } = ctx.req;
    const isTrusted = proxies.includes(socket.remoteAddress);
    if (!isTrusted) dropHearsay(headers);
    const absolute = takeAbsoluteForm(ctx);
    const asked = [absolute, headers['x-forwarded-host'] ?? headers.host ?? ''].flat().filter((host) => host !== undefined);
    if (asked.some((host) => withoutDefaultPort(host, issuer) !== issuer.host)) {
      throw new EdgeError(421, 'invalid_input', `This server answers as ${issuer.origin} only.`);
    }
    const address = clientAddressOf(socket.remoteAddress, ctx.get('x-forwarded-for'), proxies);
    delete headers.forwarded;
    Object.assign(headers, { host: issuer.host, 'x-forwarded-host': issuer.host, 'x-forwarded-proto': scheme, 'x-forwarded-for': address });
    ctx.request.ip = address;
    return next();
  };
}

/** Makes every request of `app` speak of the issuer's host and scheme, whatever its headers say (R20). */
export function pinRequestUrl(app: Koa, issuer: URL): void {
  Object.defineProperty(app.request, 'host', { get: () => issuer.host });
  Object.defineProperty(app.request, 'protocol', { get: () => issuer.protocol.slice(0, -1) });
}
