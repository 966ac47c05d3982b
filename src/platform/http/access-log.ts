import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { edgeState } from './edge-state.ts';
import { requestIdOf } from './request-id.ts';

/** What @koa/router and the engine leave on the context. */
interface Routed {
  readonly _matchedRoute?: unknown;
  readonly oidc?: { readonly route?: unknown };
}

/**
 * The name of what answered, never the path that was asked for: paths carry one-time links and query strings carry codes (R19).
 * Our router leaves its pattern, the engine the name of its route.
 */
export function routeOf(ctx: Context): string {
  const { _matchedRoute: pattern, oidc } = ctx as Routed;
  const { route } = edgeState(ctx);
  if (typeof pattern === 'string') return pattern;
  if (route !== undefined) return route;
  return typeof oidc?.route === 'string' ? `engine:${oidc.route}` : '(none)';
}

/** Names the route for the access log where no router does. */
export function nameRoute(ctx: Context, route: string): void {
  edgeState(ctx).route = route;
}

/** One line a request: id, method, route, status, milliseconds. It is written when the answer is finished or the caller is gone. */
export function accessLog(log: Pick<Logger, 'info'>): Middleware {
  return (ctx, next) => {
    const startedMs = performance.now();
    ctx.res.once('close', () => {
      const ms = Math.round((performance.now() - startedMs) * 10) / 10;
      const outcome = ctx.res.writableFinished ? {} : { isAborted: true };
      log.info(
        { requestId: requestIdOf(ctx), method: ctx.method, route: routeOf(ctx), status: ctx.res.statusCode, ms, ...outcome },
        'request',
      );
    });
    return next();
  };
}
