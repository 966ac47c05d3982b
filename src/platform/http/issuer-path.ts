import type { Middleware } from 'koa';
import { AppError } from '../errors.ts';

const WELL_KNOWN = '/.well-known/';

/** The issuer's path without a slash at its end: empty when the issuer has none. */
export function basePathOf(issuer: URL): string {
  return issuer.pathname.replace(/\/+$/, '');
}

/** The path as seen below `base`, or undefined when the request is for somewhere else. */
function pathBelow(base: string, path: string): string | undefined {
  if (path === base) return '/';
  if (path.startsWith(`${base}/`)) return path.slice(base.length);
  // RFC 8414 §3.1 puts the well-known part in front of the issuer's path.
  if (path.startsWith(WELL_KNOWN) && path.endsWith(base)) {
    const inner = path.slice(0, -base.length);
    return inner.slice(WELL_KNOWN.length).includes('/') ? undefined : inner;
  }
  return undefined;
}

/**
 * Mounts what follows below the issuer's path. With the issuer https://host/a these three find the metadata:
 * /.well-known/oauth-authorization-server/a and /.well-known/openid-configuration/a (RFC 8414 §3.1, §5) and
 * /a/.well-known/openid-configuration (OpenID Connect Discovery §4). Everything else outside /a is 404.
 */
export function issuerPath(issuer: URL): Middleware {
  const base = basePathOf(issuer);
  return async (ctx, next) => {
    if (base === '') return next();
    const outer = ctx.path;
    const inner = pathBelow(base, outer);
    if (inner === undefined) throw new AppError('not_found', `Nothing here. This server lives below ${base}/.`);
    // The engine builds its addresses from mountPath, as koa-mount leaves it.
    Object.assign(ctx, { mountPath: base });
    ctx.path = inner;
    try {
      return await next();
    } finally {
      ctx.path = outer;
    }
  };
}
