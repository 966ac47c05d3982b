import http from 'node:http';
import net from 'node:net';
import type { Middleware } from 'koa';
import { randomIds } from '../../../src/platform/ids.ts';
import { createEventStreams } from '../../../src/platform/http/event-stream.ts';
import {
  createHttpApp,
  type HttpApp,
  type HttpDeps,
  type HttpServer,
  type Route,
  startHttpServer,
} from '../../../src/platform/http/server.ts';

export interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}
export interface Line {
  level: string;
  fields: Record<string, unknown>;
  message: string;
}

export interface Edge {
  app: HttpApp;
  server: HttpServer;
  lines: Line[];
  deps: HttpDeps;
  /** A request with the issuer's Host unless `headers` says otherwise. */
  ask(path: string, options?: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string }): Promise<Reply>;
  /** Bytes as they are; resolves with everything that came back. */
  raw(text: string): Promise<string>;
}

const open: HttpServer[] = [];

export async function closeEdges(): Promise<void> {
  await Promise.all(open.splice(0).map((server) => server.drain({ graceMs: 200 })));
}

/** A started HTTP edge with the given routes; what answers is ours, the engine is a function that knows one path. */
export async function startEdge(routes: Route[], given: Partial<HttpDeps> = {}): Promise<Edge> {
  const lines: Line[] = [];
  const write = (level: string) => (fields: Record<string, unknown>, message: string) => void lines.push({ level, fields, message });
  const deps: HttpDeps = {
    issuer: new URL('https://issuer.test'),
    trustedProxies: [],
    cookieKeys: ['k'.repeat(32)],
    readiness: {},
    errorFormats: [],
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 30, maxPerSession: 2, maxTotal: 10 }),
    renderError: (ctx, page) => {
      ctx.type = 'html';
      ctx.body = `<h1>${page.title}</h1>${page.message}`;
    },
    routes,
    engine: (ctx, next) => {
      if (ctx.path !== '/engine') return next();
      ctx.body = { href: ctx.href, host: ctx.host, mountPath: mountPathOf(ctx), headers: ctx.headers };
      return;
    },
    ids: randomIds,
    log: { info: write('info'), warn: write('warn'), error: write('error') } as unknown as HttpDeps['log'],
    ...given,
  };
  const app = createHttpApp(deps);
  const server = await startHttpServer(app, { host: '127.0.0.1', port: 0 });
  open.push(server);
  const { port } = server.address;
  return {
    app,
    server,
    lines,
    deps,
    ask: (path, options = {}) =>
      new Promise((resolve, reject) => {
        const headers = { host: deps.issuer.host, connection: 'close', ...options.headers };
        const request = http.request(
          { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers, agent: false },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
            );
            response.on('error', reject);
          },
        );
        request.on('error', reject);
        request.end(options.body);
      }),
    raw: (text) =>
      new Promise((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
        let answer = '';
        socket.on('data', (chunk) => {
          answer += chunk.toString('utf8');
        });
        socket.on('close', () => resolve(answer));
        socket.on('error', reject);
      }),
  };
}

/** Where the engine believes it is mounted. */
export const mountPathOf = (ctx: object): unknown => (ctx as { mountPath?: unknown }).mountPath;

/** A route of one path. */
export function at(path: string, run: Middleware): Middleware {
  return (ctx, next) => (ctx.path === path ? run(ctx, next) : next());
}

export const form = { 'content-type': 'application/x-www-form-urlencoded' };
export const json = { 'content-type': 'application/json' };
