import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import Koa, { type Middleware } from 'koa';
import mount from 'koa-mount';
import type { Logger } from 'pino';
import type { Ids } from '../ids.ts';
import { accessLog } from './access-log.ts';
import { type ErrorFormat, errorBoundary, pageErrors, type RenderError } from './error-boundary.ts';
import type { EventStreams } from './event-stream.ts';
import { createHealth, type Health, type ReadinessCheck } from './health.ts';
import { hostPin, pinRequestUrl } from './host-pin.ts';
import { basePathOf, issuerPath } from './issuer-path.ts';
import { type BodyLimit, JSON_LIMITS, requestLimits } from './limits.ts';
import { requestId, requestIdOf } from './request-id.ts';
import { securityHeaders } from './security-headers.ts';
import { parseTrustedProxies } from './trusted-proxies.ts';

/** A middleware, or what `router.routes()` gives. */
export type Route = Middleware | ReturnType<Router['routes']>;

/** What the HTTP edge is made of. Routes run in the order given; the engine answers what they leave. */
export interface HttpDeps {
  readonly issuer: URL;
  /** Addresses and CIDR ranges of proxies whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Secrets that sign cookies: the engine's own (`provider.keys`), or its sign-in pages do not find theirs. */
  readonly cookieKeys: readonly string[];
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
  /** Wire formats of failures by path, before the built-in ones (/api and /access: problem+json). */
  readonly errorFormats: readonly ErrorFormat[];
  readonly renderError: RenderError;
  /** Largest bodies by path, before the built-in ones (limits.ts). */
  readonly bodyLimits: readonly BodyLimit[];
  readonly eventStreams: EventStreams;
  readonly routes: readonly Route[];
  /** The engine: an application, or a function that calls the current one. */
  readonly engine: Middleware | Koa;
  readonly ids: Pick<Ids, 'next'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** The assembled application and what its drain needs. */
export interface HttpApp {
  readonly koa: Koa;
  readonly health: Health;
  readonly eventStreams: EventStreams;
}

/** koa reports errors of streams here, after the answer began; a caller who leaves is not an error. */
function logStreamErrors(koa: Koa, log: Pick<Logger, 'error'>): void {
  koa.on('error', (error: NodeJS.ErrnoException, ctx?: Koa.Context) => {
    if (['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'].includes(error.code ?? '')) return;
    log.error({ requestId: ctx === undefined ? undefined : requestIdOf(ctx), err: error }, 'the answer broke off');
  });
}

/**
 * The HTTP edge in one page: what happens to every request, in this order. Security headers stand before the boundary so that
 * refusals carry them too; health stands before the pin because probes ask by address.
 * Throws `Error` when a trusted proxy is not an address or range.
 */
export function createHttpApp(deps: HttpDeps): HttpApp {
  const { issuer, ids, log } = deps;
  const proxies = parseTrustedProxies(deps.trustedProxies);
  const basePath = basePathOf(issuer);
  const health = createHealth({ checks: deps.readiness, basePath });
  const koa = new Koa();
  koa.proxy = false;
  koa.keys = [...deps.cookieKeys];
  pinRequestUrl(koa, issuer);
  logStreamErrors(koa, log);

  koa.use(requestId({ ids, proxies }));
  koa.use(accessLog(log));
  koa.use(securityHeaders(issuer));
  koa.use(errorBoundary({ basePath, formats: deps.errorFormats, page: pageErrors(deps.renderError, log), log }));
  koa.use(health.middleware);
  koa.use(hostPin({ issuer, proxies }));
  koa.use(issuerPath(issuer));
  koa.use(requestLimits([...deps.bodyLimits, ...JSON_LIMITS]));
  for (const route of deps.routes) koa.use(route as Middleware);
  koa.use(mount('/', deps.engine as Koa));
  return { koa, health, eventStreams: deps.eventStreams };
}

/** A server that listens. */
export interface HttpServer {
  readonly address: AddressInfo;
  /**
   * Stops accepting, ends the event streams, lets requests in flight finish for at most `graceMs` (never more than ten seconds),
   * then closes every connection. A second call waits for the first.
   */
  drain(options: { graceMs: number }): Promise<void>;
}

const MAX_GRACE_MS = 10_000;
const IDLE_SWEEP_MS = 20;

function createServer(app: HttpApp): http.Server {
  // Slow senders are cut off; keep-alive outlasts the idle time of common load balancers (60 s).
  const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, connectionsCheckingInterval: 2_000 };
  return http.createServer({ ...timeouts, maxHeaderSize: 16 * 1024 }, app.koa.callback());
}

function drainServer(server: http.Server, app: HttpApp, graceMs: number): Promise<void> {
  app.health.markDraining();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  app.eventStreams.endAll();
  // A connection kept alive turns idle only when its request is done: sweep until none is left.
  const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), Math.min(graceMs, MAX_GRACE_MS));
  return closed.finally(() => {
    clearInterval(sweep);
    clearTimeout(cut);
  });
}

/** Listens on `host`:`port` (0 = any free port). Rejects with the system's error when it cannot (EADDRINUSE …). */
export function startHttpServer(app: HttpApp, where: { host: string | undefined; port: number }): Promise<HttpServer> {
  const server = createServer(app);
  let draining: Promise<void> | undefined;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where.port, where.host, () => {
      server.off('error', reject);
      resolve({
        address: server.address() as AddressInfo,
        drain: ({ graceMs }) => {
          draining ??= drainServer(server, app, graceMs);
          return draining;
        },
      });
    });
  });
}
