/**
 * The page to read first. It builds every part of the server, top to bottom, one line a capability, and wires the few calls
 * that go uphill. Nothing here decides anything; nothing else wires anything.
 */
import { join } from 'node:path';
import Router from '@koa/router';
import type { Middleware } from 'koa';
import type { Capability } from './capability.ts';
import { createArtifactStore, createOidc, type Oidc } from './oidc/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import type { Db } from './platform/db/db.ts';
import { createNotifications } from './platform/db/notifications.ts';
import { createAssets } from './platform/http/assets.ts';
import { createCsrf } from './platform/http/csrf.ts';
import { createEventStreams } from './platform/http/event-stream.ts';
import { basePathOf } from './platform/http/issuer-path.ts';
import { createPages } from './platform/http/pages.ts';
import { createRenderer } from './platform/http/render.ts';
import { createHttpApp, type HttpApp } from './platform/http/server.ts';
import type { Ids } from './platform/ids.ts';
import { createJobRunner, type JobRunner } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { createOutgoing } from './platform/outgoing/dispatcher.ts';
import type { Vault } from './platform/vault.ts';

/** What a server stands on; two of them may live side by side in one process. */
export interface AppDeps {
  readonly config: Pick<Config, 'issuer' | 'trustedProxies' | 'firstAdministrator' | 'bootstrapClient' | 'metrics'>;
  /** The folder with views/ and the packages' browser files. */
  readonly root: string;
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

/** A server that is put together but does not listen yet. */
export interface App {
  readonly http: HttpApp;
  readonly oidc: Oidc;
  readonly jobs: JobRunner;
  readonly capabilities: readonly Capability[];
  /** What the first administrator needs to know when the server starts. */
  readonly greeting: readonly string[];
  /** Begins periodic work and listens to other servers. */
  start(): Promise<void>;
  /** Ends periodic work; what is under way finishes. The HTTP server drains before, the database closes after. */
  stop(): Promise<void>;
}

/** Puts a server together over a migrated database. */
export async function createApp(deps: AppDeps): Promise<App> {
  const { config, db, vault, clock, ids, log } = deps;
  const { issuer } = config;
  const basePath = basePathOf(issuer);
  const notifications = createNotifications({ db, log });
  const outgoing = createOutgoing({ allowLoopback: issuer.hostname === 'localhost', log });
  const jobs = createJobRunner({ db, log });
  const store = createArtifactStore({ db, vault, clock });

  // ── capabilities, in the order in which their contributions run ──
  const capabilities: Capability[] = [];

  // ── the engine, of all contributions ──
  const contributions = capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }]));
  const oidc = await createOidc({
    issuer,
    db,
    store,
    clock,
    vault,
    log,
    notifications,
    fetch: (input, init) => outgoing.engineFetch(input instanceof Request ? input.url : input, init),
    contributions: () => contributions,
  });

  // ── pages and routes ──
  const assets = await createAssets({ folder: join(deps.root, 'views', 'assets'), basePath });
  const render = createRenderer({ viewsDir: join(deps.root, 'views'), assets, basePath, isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer, ids, bindingOf: () => undefined });
  const pages = createPages({ render, csrf, basePath, isSecure: issuer.protocol === 'https:', waitingFor: async () => 0 });
  const router = new Router();

  const http = createHttpApp({
    issuer,
    trustedProxies: config.trustedProxies,
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, page) => pages.show(ctx, 'sign-in/message', page),
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 25, maxPerSession: 4, maxTotal: 2_000 }),
    routes: [assets.middleware, router.routes() as unknown as Middleware],
    engine: oidc.middleware,
    ids,
    log,
  });
  return {
    http,
    oidc,
    jobs,
    capabilities,
    greeting: [],
    async start() {
      await notifications.start();
      jobs.start([...oidc.jobs, ...capabilities.flatMap((capability) => capability.jobs ?? [])]);
    },
    async stop() {
      await jobs.stop();
      await notifications.stop();
      await outgoing.close();
    },
  };
}
