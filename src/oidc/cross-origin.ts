import type { Middleware } from './provider.ts';
import { ROUTES } from './base-configuration.ts';

const READ = 'GET';
const ASK = 'POST';

/** Endpoints that a program in a browser calls from its own origin, with the methods they know. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['/.well-known/openid-configuration', READ],
  ['/.well-known/oauth-authorization-server', READ],
  [ROUTES.jwks, READ],
  [ROUTES.userinfo, `${READ}, ${ASK}`],
  [ROUTES.token, ASK],
  [ROUTES.revocation, ASK],
  [ROUTES.introspection, ASK],
  [ROUTES.pushed_authorization_request, ASK],
  [ROUTES.device_authorization, ASK],
]);

const READABLE = 'DPoP-Nonce, Retry-After, WWW-Authenticate';
/** What clients are known to send; whatever else one announces is let through too, because nothing here trusts a header by its name. */
const USUAL_HEADERS = 'authorization, content-type, dpop, mcp-protocol-version';
const KEPT_SECONDS = '3600';

/**
 * Lets pages of any origin call these endpoints (Fetch standard §3.2): nothing that a browser adds by itself opens them, so a page
 * may do what any program may, and cookies are never allowed along. It stands in front of everything that may refuse, so that a
 * page can read refusals as well. Registration answers the preflight itself.
 */
export function crossOrigin(): Middleware {
  return async (ctx, next) => {
    const methods = METHODS.get(ctx.path);
    if (methods === undefined) return next();
    ctx.set({ 'access-control-allow-origin': '*', 'access-control-expose-headers': READABLE });
    if (ctx.method !== 'OPTIONS') return next();
    const announced = ctx.get('access-control-request-headers');
    ctx.vary('Access-Control-Request-Headers');
    ctx.set({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': announced === '' ? USUAL_HEADERS : announced,
      'access-control-max-age': KEPT_SECONDS,
    });
    ctx.status = 204;
  };
}
