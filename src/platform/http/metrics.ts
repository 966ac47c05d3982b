import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Middleware } from 'koa';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { constantTimeEqual } from '../vault.ts';
import { routeOf } from './access-log.ts';

/** How the pool of the database stands. */
interface Connections {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Figures of one server in Prometheus' text format; none of them names a person, an agent or a client. */
export interface Metrics {
  /** Counts and times every request; stands before all other middleware. */
  readonly observe: Middleware;
  /** `GET /metrics` on the server's own port: for the bearer of the token; for everybody else there is nothing here. */
  readonly endpoint: Middleware;
  /** Adds a counter that a capability keeps. Labels take words from closed lists only. */
  counter(options: {
    readonly name: string;
    readonly help: string;
    readonly labels: readonly string[];
  }): (labels: Readonly<Record<string, string>>) => void;
  /** Serves `/metrics` on a loopback port of its own; 0 takes any. Rejects with the system's error when it cannot. */
  listen(port: number): Promise<{ readonly port: number; close(): Promise<void> }>;
  text(): Promise<string>;
  /** Stops measuring. */
  close(): void;
}

const LOOPBACK = '127.0.0.1';
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', LOOPBACK, '[::1]']);
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const NANO = 1e9;

/** `engine:token`, `/console`, `/api/v1`: what answered, as coarse as a dashboard wants it and never what was asked for. */
function classOf(route: string): string {
  if (!route.startsWith('/')) return route;
  const [, first = '', second] = route.split('/');
  return second !== undefined && /^v\d+$/.test(second) ? `/${first}/${second}` : `/${first}`;
}

function addProcessGauges(registry: Registry, connections: () => Connections): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let utilization: EventLoopUtilization = performance.eventLoopUtilization();
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_used_bytes', 'Memory that JavaScript uses.', () => process.memoryUsage().heapUsed);
  gauge('process_cpu_seconds', 'Processor time since the start.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('process_uptime_seconds', 'Time since the start.', () => process.uptime());
  gauge('nodejs_eventloop_lag_p99_seconds', 'How late timers were, 99 of 100 times at most.', () => delay.percentile(99) / NANO);
  gauge('nodejs_eventloop_lag_max_seconds', 'How late a timer was at worst since the last look.', () => {
    const worst = delay.max / NANO;
    delay.reset();
    return worst;
  });
  gauge('nodejs_eventloop_utilization_ratio', 'Share of the time since the last look in which the server worked.', () => {
    const now = performance.eventLoopUtilization();
    const { utilization: share } = performance.eventLoopUtilization(now, utilization);
    utilization = now;
    return share;
  });
  gauge('behalf_database_connections', 'Connections to the database.', () => connections().total);
  gauge('behalf_database_connections_idle', 'Connections to the database that rest.', () => connections().idle);
  gauge('behalf_database_waiting', 'Requests that wait for a connection.', () => connections().waiting);
  return () => delay.disable();
}

function observer(registry: Registry): Middleware {
  const requests = new Counter({
    name: 'behalf_http_requests_total',
    help: 'Requests by what answered them.',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'behalf_http_request_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['route'],
    buckets: SECONDS,
    registers: [registry],
  });
  return (ctx, next) => {
    const startedMs = performance.now();
    ctx.res.once('close', () => {
      const route = classOf(routeOf(ctx));
      requests.inc({ route, status: `${Math.floor(ctx.res.statusCode / 100)}xx` });
      duration.observe({ route }, (performance.now() - startedMs) / 1000);
    });
    return next();
  };
}

function bearerOf(authorization: string): string {
  return /^bearer (\S+)$/i.exec(authorization)?.[1] ?? '';
}

/** A web page that had its name point here would ask under that name: it gets nothing. */
function isAskedByLoopbackName(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK_NAMES.has(host.replace(/:\d+$/, ''));
}

function listenOn(port: number, { text, contentType }: { text: () => Promise<string>; contentType: string }) {
  const server = http.createServer((request, response) => {
    const isAnswered = request.method === 'GET' && request.url === '/metrics' && isAskedByLoopbackName(request.headers.host);
    if (!isAnswered) return void response.writeHead(404).end();
    text().then(
      (body) => response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return new Promise<{ port: number; close: () => Promise<void> }>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => resolve({ port: (server.address() as AddressInfo).port, close }));
  });
}

/** The figures of one server. `token` undefined: its own port answers nothing. */
export function createMetrics(deps: { token: string | undefined; connections: () => Connections }): Metrics {
  const registry = new Registry();
  const stop = addProcessGauges(registry, deps.connections);
  const text = () => registry.metrics();
  return {
    observe: observer(registry),
    async endpoint(ctx, next) {
      const { token } = deps;
      const isOpen = token !== undefined && constantTimeEqual(bearerOf(ctx.get('authorization')), token);
      if (ctx.path !== '/metrics' || ctx.method !== 'GET' || !isOpen) return next();
      ctx.set('cache-control', 'no-store');
      ctx.type = registry.contentType;
      ctx.body = await text();
    },
    counter({ name, help, labels }) {
      const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
      return (values) => counter.inc({ ...values });
    },
    listen: (port) => listenOn(port, { text, contentType: registry.contentType }),
    text,
    close: stop,
  };
}
