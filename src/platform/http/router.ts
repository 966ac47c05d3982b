import Router from '@koa/router';
import type { Middleware } from 'koa';
import { requestIdOf } from './request-id.ts';
import type { Routes, Web } from './web.ts';

/** The one router of the server, with the routes of every capability in it. */
export function routesOf(parts: readonly Routes[], web: Web): ReturnType<Router['routes']> {
  const router = new Router();
  for (const add of parts) add(router, web);
  return router.routes();
}

/** Runs everything that follows inside `run`, which is given the request's id. */
export function insideRequest(run: <T>(requestId: string, work: () => Promise<T>) => Promise<T>): Middleware {
  return (ctx, next) => run(requestIdOf(ctx), next);
}
