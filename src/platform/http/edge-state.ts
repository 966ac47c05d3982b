import type { Context } from 'koa';

/** What the edge itself keeps about a request. */
export interface EdgeState {
  requestId: string;
  /** The name of what answers, for the access log. */
  route?: string;
  /** The largest body of this request, in bytes. */
  bodyLimit?: number;
  csrfNonce?: string;
}

/** The edge's part of `ctx.state`. */
export function edgeState(ctx: Context): EdgeState {
  return ctx.state as unknown as EdgeState;
}
