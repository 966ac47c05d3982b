import type { IncomingMessage } from 'node:http';
import { metadataAnswer } from './metadata.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

/** The part of Koa's context that is used. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly method: string;
  /** Path and query before mounting. */
  readonly originalUrl: string;
  readonly state: Record<string, unknown>;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): unknown;
}

/** A middleware as Koa calls it. */
export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/**
 * For Koa: sets `ctx.state.authorization` and goes on, or answers; what a `require…` further in throws is answered too. It
 * serves the metadata. Use it before the routes, on the application itself.
 */
export function authenticateKoa(server: ResourceServer): KoaMiddleware {
  function answer(context: KoaContext, { status, headers, body }: { status: number; headers: object; body: string | undefined }): void {
    context.status = status;
    context.set({ ...headers });
    context.body = body ?? null;
    context.status = status;
  }

  return async (context, next) => {
    const open = metadataAnswer(server, context.method, context.originalUrl);
    if (open) {
      answer(context, open);
      return;
    }
    try {
      const { rawHeaders, socket } = context.req;
      const authorization = await server.verify({ method: context.method, url: context.originalUrl, rawHeaders, socket });
      context.state['authorization'] = authorization;
      context.set({ ...server.responseHeaders(authorization) });
    } catch (error) {
      answer(context, server.challenge(error));
      return;
    }
    try {
      await next();
    } catch (error) {
      if (!(error instanceof AccessRefused)) throw error;
      answer(context, server.challenge(error));
    }
  };
}
