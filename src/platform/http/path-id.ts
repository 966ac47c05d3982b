import type { Context } from 'koa';

/** Longer than any id of ours; a longer one names nothing. */
const MAX_ID_LENGTH = 200;

/** The `:id` of a route's path, cut to 200 characters; empty when the route has none. */
export function idOf(ctx: Context): string {
  return ((ctx as Context & { params?: Record<string, string> }).params?.['id'] ?? '').slice(0, MAX_ID_LENGTH);
}
