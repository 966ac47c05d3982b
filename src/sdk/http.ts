import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authorization } from './authorization.ts';
import { metadataAnswer } from './metadata.ts';
import { requestTarget } from './presentation.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

/** Serves a request that has been verified. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, authorization: Authorization) => Promise<void> | void;

/** A request to which a middleware adds what it learnt. */
export interface ConnectRequest extends IncomingMessage {
  originalUrl?: string;
  authorization?: Authorization;
}

/** A middleware as Express and Connect call it. */
export type ConnectMiddleware = (request: ConnectRequest, response: ServerResponse, next: (error?: unknown) => void) => Promise<void>;

/** A middleware for errors as Express and Connect call it. */
export type ConnectErrorMiddleware = (
  error: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Writes the answer to a refused request; a response that has already begun is cut off instead. */
export function writeRefusal(server: ResourceServer, response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = server.challenge(error);
  response.writeHead(status, headers).end(body);
}

/** Puts what the client has to know onto an answer that is still to be written. */
export function announce(server: ResourceServer, response: ServerResponse, authorization: Authorization): void {
  for (const [name, value] of Object.entries(server.responseHeaders(authorization))) response.setHeader(name, value);
}

/** Answers a request for the RFC 9728 document. True when it was one and is answered. */
export function serveMetadata(server: ResourceServer, request: IncomingMessage, response: ServerResponse): boolean {
  const answer = metadataAnswer(server, request.method, requestTarget(request));
  if (!answer) return false;
  response.writeHead(answer.status, answer.headers).end(answer.body);
  return true;
}

/**
 * A `node:http` listener that serves the resource metadata, lets verified requests through to `handler` and answers the rest.
 * What `handler` throws is answered too: a refusal as its challenge, anything else as a bare 500.
 */
export function protect(
  server: ResourceServer,
  handler: NodeHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    try {
      if (serveMetadata(server, request, response)) return;
      const authorization = await server.verify(request);
      announce(server, response, authorization);
      await handler(request, response, authorization);
    } catch (error) {
      writeRefusal(server, response, error);
    }
  };
}

/**
 * The same for Express and Connect: sets `request.authorization` and calls `next`, or answers. Mount it at the root, so that
 * it also serves the metadata.
 */
export function authenticate(server: ResourceServer): ConnectMiddleware {
  return async (request, response, next) => {
    try {
      if (serveMetadata(server, request, response)) return;
      request.authorization = await server.verify(request);
      announce(server, response, request.authorization);
    } catch (error) {
      writeRefusal(server, response, error);
      return;
    }
    next();
  };
}

/** For Express, after the routes: answers what a `require…` in them threw; other errors go on. */
export function answerRefusals(server: ResourceServer): ConnectErrorMiddleware {
  return (error, _request, response, next) => {
    if (error instanceof AccessRefused) writeRefusal(server, response, error);
    else next(error);
  };
}
