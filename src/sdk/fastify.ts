import type { IncomingMessage } from 'node:http';
import type { Authorization } from './authorization.ts';
import { metadataAnswer } from './metadata.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

/** The part of a Fastify request that is used. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  /** Path and query before rewriting. */
  readonly originalUrl: string;
}

/** The part of a Fastify reply that is used. */
export interface FastifyReplyLike {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(payload?: unknown): unknown;
}

/** The part of a Fastify instance that is used. */
export interface FastifyLike {
  decorateRequest(name: string, value: null): unknown;
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>): unknown;
  /** The error handler so far. */
  errorHandler(error: unknown, request: FastifyRequestLike, reply: FastifyReplyLike): unknown;
  setErrorHandler(handler: (error: unknown, request: FastifyRequestLike, reply: FastifyReplyLike) => unknown): unknown;
}

function answer(reply: FastifyReplyLike, { status, headers, body }: { status: number; headers: object; body: string | undefined }) {
  reply.code(status);
  reply.headers({ ...headers });
  reply.send(body);
  return reply;
}

/**
 * A plugin for Fastify, for `await app.register(authenticateFastify(server))`: sets `request.authorization` on every request of
 * the instance it is registered on, or answers; what a `require…` in a route throws is answered too, other errors by the error
 * handler there was before. It serves the metadata.
 */
export function authenticateFastify(server: ResourceServer): (instance: FastifyLike) => Promise<void> {
  async function onRequest(request: FastifyRequestLike, reply: FastifyReplyLike): Promise<unknown> {
    const { method, rawHeaders, socket } = request.raw;
    const open = metadataAnswer(server, method, request.originalUrl);
    if (open) return answer(reply, open);
    try {
      const authorization = await server.verify({ method, url: request.originalUrl, rawHeaders, socket });
      (request as { authorization?: Authorization }).authorization = authorization;
      reply.headers({ ...server.responseHeaders(authorization) });
      return undefined;
    } catch (error) {
      return answer(reply, server.challenge(error));
    }
  }

  async function plugin(instance: FastifyLike): Promise<void> {
    instance.decorateRequest('authorization', null);
    instance.addHook('onRequest', onRequest);
    const others = instance.errorHandler;
    instance.setErrorHandler((error, request, reply) =>
      error instanceof AccessRefused ? answer(reply, server.challenge(error)) : others.call(instance, error, request, reply),
    );
  }
  // What fastify-plugin does: without it the hook would hold for nothing but routes made inside this plugin.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}
