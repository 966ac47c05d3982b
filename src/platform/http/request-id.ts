import type { Context, Middleware } from 'koa';
import type { Ids } from '../ids.ts';
import { edgeState } from './edge-state.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

const ACCEPTABLE = /^[A-Za-z0-9][A-Za-z0-9._-]{7,127}$/;

/** The id of this request, as in the answer's `x-request-id` and in the log. */
export function requestIdOf(ctx: Context): string {
  return edgeState(ctx).requestId;
}

/** Gives every request an id; one that comes from outside counts only from a trusted proxy, and only when it is a plain short word. */
export function requestId(deps: { ids: Pick<Ids, 'next'>; proxies: TrustedProxies }): Middleware {
  return (ctx, next) => {
    const given = ctx.get('x-request-id');
    const isAccepted = ACCEPTABLE.test(given) && deps.proxies.includes(ctx.req.socket.remoteAddress);
    const id = isAccepted ? given : deps.ids.next('req');
    edgeState(ctx).requestId = id;
    ctx.set('x-request-id', id);
    return next();
  };
}
