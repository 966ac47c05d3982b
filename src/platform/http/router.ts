import Router from '@koa/router';
import type { Middleware } from 'koa';
import { requestIdOf } from './request-id.ts';
import type { Routes, Web } from './web.ts';

/** The first part of a path, as the router compares it. */
function placeOf(path: string): string {
  return (path.split('/', 2)[1] ?? '').toLowerCase();
}

/**
 * The one router of the server, with the routes of every capability in it. What lies in none of their places passes by without
 * being compared with any of the two hundred patterns: so do token requests.
 */
export function routesOf(parts: readonly Routes[], web: Web): Middleware {
  const router = new Router();
  for (const add of parts) add(router, web);
  const places = new Set(router.stack.map(({ path }) => placeOf(String(path))));
  if ([...places].some((place) => /[:({*]/.test(place))) throw new Error('A route begins with a parameter: no place would be its own.');
  // a request is compared with the patterns of its own place alone
  const answers = new Map(
    [...places].map((place) => {
      const stack = router.stack.filter(({ path }) => placeOf(String(path)) === place);
      return [place, Object.assign(new Router(), { stack }).routes() as Middleware];
    }),
  );
  return (ctx, next) => answers.get(placeOf(ctx.path))?.(ctx, next) ?? next();
}

/** Runs everything that follows inside `run`, which is given the request's id. */
export function insideRequest(run: <T>(requestId: string, work: () => Promise<T>) => Promise<T>): Middleware {
  return (ctx, next) => run(requestIdOf(ctx), next);
}
