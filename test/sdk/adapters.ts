import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as mcpErrors from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import * as mcpServer from '@modelcontextprotocol/server';
import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import mount from 'koa-mount';
import {
  answerRefusals,
  type Authorization,
  authenticate,
  authenticateFastify,
  authenticateKoa,
  authorizationOf,
  createTokenVerifier,
  type FetchListener,
  protect,
  protectFetch,
  type ResourceServer,
  requireScope,
} from '../../src/sdk/resource-server.ts';

/** An application with `/billing`, which answers the subject, `/billing/pay`, which needs `invoices:pay`, and `/billing/fail`, which breaks. */
export interface Application {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** What every application does with a verified request. */
function act(path: string, authorization: Authorization | null | undefined): string {
  if (!authorization) throw new Error('a route ran without an authorization');
  if (path.startsWith('/billing/pay')) requireScope(authorization, 'invoices:pay');
  if (path.startsWith('/billing/fail')) throw new Error('secret cause');
  return authorization.subject;
}

async function listening(listener: RequestListener): Promise<Application> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    fetch: (path, init) => fetch(`${origin}${path}`, init),
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
}

const called = (listener: FetchListener): Application => ({
  fetch: (path, init) => listener(new Request(`http://any.test${path}`, init)),
  close: () => Promise.resolve(),
});

function onExpress(server: ResourceServer): Promise<Application> {
  const app = express();
  app.set('env', 'test');
  app.use(authenticate(server));
  const billing = express.Router();
  billing.use((request, response) => {
    const { authorization } = request as { authorization?: Authorization };
    response.send(act(request.originalUrl, authorization));
  });
  app.use('/billing', billing);
  app.use(answerRefusals(server));
  app.use((_error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    response.status(500).send('failed');
  });
  return listening(app);
}

function onKoa(server: ResourceServer): Promise<Application> {
  const app = new Koa();
  app.silent = true;
  app.use(authenticateKoa(server));
  app.use(
    mount('/billing', (context: Koa.Context) => {
      context.body = act(context.originalUrl, context.state['authorization']);
    }),
  );
  return listening(app.callback());
}

/** The adapter inside a mounted application, where Koa has cut the address. */
export function onMountedKoa(server: ResourceServer): Promise<Application> {
  const inner = new Koa();
  inner.use(authenticateKoa(server));
  inner.use((context) => {
    context.body = act(context.originalUrl, context.state['authorization']);
  });
  return listening(new Koa().use(mount('/billing', inner)).callback());
}

async function onFastify(server: ResourceServer): Promise<Application> {
  const app = Fastify();
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send('of the application'));
  await app.register(authenticateFastify(server));
  const answer = (request: { originalUrl: string }) =>
    act(request.originalUrl, (request as { authorization?: Authorization }).authorization);
  for (const path of ['', '/pay', '/fail'])
    app.route({ method: ['GET', 'POST'], url: `/billing${path}`, handler: async (request) => answer(request) });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  return { fetch: (path, init) => fetch(`${origin}${path}`, init), close: () => app.close() };
}

/** Ways to use the package that answer alike; by name. */
export const adapters: Readonly<Record<string, (server: ResourceServer) => Promise<Application> | Application>> = {
  'node:http': (server) =>
    listening(protect(server, (request, response, authorization) => void response.end(act(request.url ?? '', authorization)))),
  'fetch handlers': (server) =>
    called(protectFetch(server, (request, authorization) => new Response(act(new URL(request.url).pathname, authorization)))),
  Express: onExpress,
  Koa: onKoa,
  Fastify: onFastify,
};

function onVersion1(server: ResourceServer): Promise<Application> {
  const app = express();
  const verifier = createTokenVerifier(server, mcpErrors);
  app.use(requireBearerAuth({ verifier, resourceMetadataUrl: server.metadataUrl, expectedResource: new URL(server.resource) }));
  app.use((request, response) => void response.send(authorizationOf(request.auth).subject));
  return listening(app);
}

function onVersion2(server: ResourceServer): Application {
  const verifier = createTokenVerifier(server, mcpServer);
  const gate = mcpServer.requireBearerAuth({
    verifier,
    resourceMetadataUrl: server.metadataUrl,
    expectedResource: new URL(server.resource),
  });
  return called(async (request) => {
    const given = await gate(request);
    return given instanceof Response ? given : new Response(authorizationOf(given).subject);
  });
}

/** `requireBearerAuth` of the official MCP SDK with our verifier, by version. */
export const mcpGates: Readonly<Record<string, (server: ResourceServer) => Promise<Application> | Application>> = {
  'version 1': onVersion1,
  'version 2': onVersion2,
};
