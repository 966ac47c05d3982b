/**
 * What stands between the network and the capabilities: pages, guards, interfaces and the engine, in the order in which a request
 * meets them. It decides nothing; app.ts calls it when all parts are there.
 */
import { join } from 'node:path';
import { ACR, isAtLeast } from './accounts/index.ts';
import type { Approvals } from './approvals/index.ts';
import type { Audit } from './audit/index.ts';
import type { Capability } from './capability.ts';
import { crossOrigin, engineRates, issuerOf, oauthErrorFormats, type Oidc } from './oidc/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Db } from './platform/db/db.ts';
import { versionOf } from './operations/index.ts';
import { createAssets } from './platform/http/assets.ts';
import { readJson } from './platform/http/body.ts';
import { createCsrf } from './platform/http/csrf.ts';
import { reportFailure } from './platform/http/error-boundary.ts';
import type { EventStreams } from './platform/http/event-stream.ts';
import { basePathOf } from './platform/http/issuer-path.ts';
import type { Metrics } from './platform/http/metrics.ts';
import { openApiRoute } from './platform/http/openapi.ts';
import { createPages } from './platform/http/pages.ts';
import { writeProblem } from './platform/http/problem.ts';
import { createRenderer } from './platform/http/render.ts';
import { insideRequest, routesOf } from './platform/http/router.ts';
import { createHttpApp, type HttpApp } from './platform/http/server.ts';
import type { Web } from './platform/http/web.ts';
import type { Ids } from './platform/ids.ts';
import type { Logger } from './platform/log.ts';
import type { Vault } from './platform/vault.ts';
import { createScim, maxPayloadSize, scimErrorFormat } from './scim/index.ts';
import type { SignIn } from './sign-in/index.ts';
import { type ApiGuardDeps, createApiGuard } from './tokens/index.ts';

/** What the edge is put together from. */
export interface EdgeDeps {
  readonly issuer: URL;
  readonly trustedProxies: readonly string[];
  readonly root: string;
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly eventStreams: EventStreams;
  readonly metrics: Metrics | undefined;
  readonly oidc: Oidc;
  readonly capabilities: readonly Capability[];
  readonly parts: Omit<ApiGuardDeps, 'issuer' | 'clock' | 'isStrongAcr' | 'provisioning'> & {
    readonly clients: {
      readonly provisioningTokens: ApiGuardDeps['provisioning'];
      readonly limits: { readonly attempt: NonNullable<Parameters<typeof engineRates>[0]['registrations']> };
    };
    readonly audit: Pick<Audit, 'correlation'>;
    readonly approvals: Pick<Approvals, 'countWaiting'>;
    readonly signIn: Pick<SignIn, 'guard' | 'bindingOf'>;
  };
}

/** A failure as views/sign-in/message.eta shows it. */
function errorModel(page: { status: number; title: string; message: string; requestId: string }): object {
  const { status, title, message, requestId } = page;
  const facts = status >= 500 ? [{ label: 'If you ask for help, name', value: requestId }] : [];
  return { status, message: { tone: 'stop', heading: title, words: message, facts } };
}

/** Pages, their assets, and the guards of pages and interfaces. */
async function createWeb({ issuer, root, vault, ids, clock, parts }: EdgeDeps) {
  const basePath = basePathOf(issuer);
  const assets = await createAssets({ folder: join(root, 'views', 'assets'), basePath });
  const render = createRenderer({ viewsDir: join(root, 'views'), assets, basePath, isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer, ids, bindingOf: parts.signIn.bindingOf });
  const waitingFor = (accountId: string) => parts.approvals.countWaiting(accountId);
  const pages = createPages({ render, csrf, basePath, isSecure: issuer.protocol === 'https:', waitingFor });
  const isStrongAcr = (acr: string | undefined) => acr !== undefined && isAtLeast(acr, ACR.secondFactor);
  const api = createApiGuard({ ...parts, issuer, clock, isStrongAcr, provisioning: parts.clients.provisioningTokens });
  const web: Web = { pages, guard: parts.signIn.guard, api, readJson };
  return { web, assets };
}

/** What the description of the management API says beside its routes. */
async function managementDocument({ issuer, root }: EdgeDeps) {
  const server = issuerOf(issuer);
  return {
    title: 'Behalf management API',
    description: `Registry and rules of the authorization server ${server}. Ask for a token with resource=${server}/api/v1.`,
    version: await versionOf(root),
    server,
    securityScheme: { type: 'openIdConnect', openIdConnectUrl: `${server}/.well-known/openid-configuration` },
  };
}

/** Puts the edge together. */
export async function createEdge(deps: EdgeDeps): Promise<HttpApp> {
  const { issuer, db, clock, ids, log, capabilities, metrics, oidc, parts } = deps;
  const { web, assets } = await createWeb(deps);
  const scim = createScim({
    resourceTypes: capabilities.flatMap((capability) => capability.scim ?? []),
    baseUrl: `${issuer.href.replace(/\/$/, '')}/scim/v2`,
    guard: (ctx, scope) => web.api.caller(ctx, { resource: 'scim', scope }),
    readJson,
    identify: ({ clientId, accountId }) => JSON.stringify([clientId, accountId]),
    me: ({ accountId }) => (accountId === undefined ? undefined : { type: 'User', id: accountId }),
    failureOf: (ctx, error) => reportFailure(ctx, error, log),
    clock,
  });
  const routes = [...capabilities.flatMap((capability) => capability.routes ?? []), openApiRoute(await managementDocument(deps))];
  return createHttpApp({
    issuer,
    trustedProxies: deps.trustedProxies,
    cookieKeys: oidc.cookieKeys,
    readiness: { database: async () => void (await db.rows({ name: 'ready', text: 'SELECT 1 AS one', values: [] })) },
    errorFormats: [...['/api', '/access'].map((prefix) => ({ prefix, write: writeProblem })), ...oauthErrorFormats, scimErrorFormat],
    renderError: (ctx, page) => web.pages.show(ctx, 'sign-in/message', errorModel(page)),
    bodyLimits: [{ prefix: '/scim/v2/Bulk', bytes: maxPayloadSize }],
    eventStreams: deps.eventStreams,
    routes: [
      ...(metrics === undefined ? [] : [metrics.observe, metrics.endpoint]),
      insideRequest(parts.audit.correlation.run),
      crossOrigin(),
      assets.middleware,
      routesOf(routes, web),
      scim.routes,
      engineRates({ clock, registrations: parts.clients.limits.attempt }),
    ],
    engine: oidc.middleware,
    ids,
    log,
  });
}
