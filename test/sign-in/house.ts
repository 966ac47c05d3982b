import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import type { Middleware } from 'koa';
import { type Account, type Accounts, createAccounts, createPasswords, type Role } from '../../src/accounts/index.ts';
import { createCorrelation } from '../../src/audit/correlation.ts';
import type { AuditEvent } from '../../src/audit/event.ts';
import { createAuditService } from '../../src/audit/service.ts';
import { createAuditStore } from '../../src/audit/store.ts';
import { createDetailTypes } from '../../src/authorization-details/index.ts';
import { type Clients, createClients } from '../../src/client-registration/index.ts';
import { createArtifactStore, createOidc, type NamedContribution, type Oidc } from '../../src/oidc/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { createAssets } from '../../src/platform/http/assets.ts';
import { createCsrf } from '../../src/platform/http/csrf.ts';
import { createEventStreams } from '../../src/platform/http/event-stream.ts';
import { createPages } from '../../src/platform/http/pages.ts';
import { createRenderer } from '../../src/platform/http/render.ts';
import { createHttpApp, startHttpServer } from '../../src/platform/http/server.ts';
import type { BrowserSession, PageNeed, Web } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createQuotas } from '../../src/platform/quota/quota.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createRefreshTokens } from '../../src/refresh-tokens/index.ts';
import { createResourceServers, type ResourceServers } from '../../src/resource-servers/index.ts';
import { type Consented, createSignIn, type SignIn, type Software } from '../../src/sign-in/index.ts';
import { memberAgents, PASSWORD, redeem } from '../support/accounts.ts';
import { freshDatabase } from '../support/database.ts';
import { freePort } from '../support/test-server.ts';
import { createVisitor, type Page, type Visitor } from './visitor.ts';

/** A server that people can sign in to: everything is the real part, but there are no agents, tokens or policies yet. */
export interface House {
  readonly issuer: string;
  /** Where it listens on this machine. */
  readonly port: number;
  readonly accounts: Accounts;
  readonly clients: Clients;
  readonly resourceServers: ResourceServers;
  readonly signIn: SignIn;
  readonly oidc: Oidc;
  readonly db: Db;
  readonly consents: readonly Consented[];
  /** What `softwareOf` says of a client; by client id. */
  readonly software: Map<string, Software>;
  events(): Promise<readonly AuditEvent[]>;
  person(email: string, role?: Role): Promise<Account>;
  close(): Promise<void>;
}

export const RESOURCE = 'https://billing.test/mcp';
export const REDIRECT = 'https://client.test/callback';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ADMINISTRATOR = { kind: 'system', id: 'command-line' } as const;
const nothing = { agentsOf: async () => [], agentCounts: async () => new Map(), grantsOf: async () => [], sessionCount: async () => 0 };
const types = createDetailTypes();

/** Details as policy binds them to a grant, reduced to what a consent shows: what was asked and stands in the grant. */
const details: NamedContribution = {
  name: 'details',
  oidc: {
    features: {
      richAuthorizationRequests: {
        enabled: true,
        types: Object.fromEntries(types.names.map((name) => [name, { validate: () => undefined }])),
        authorizationDetailsForGrantSource: (ctx) => {
          const asked = JSON.parse(String(ctx.oidc.params?.['authorization_details'] ?? '[]')) as object[];
          const held = (ctx.oidc.grant?.rar ?? []).map((detail) => JSON.stringify(detail));
          return asked.filter((detail) => held.includes(JSON.stringify(detail))) as never;
        },
        authorizationDetailsForAccessToken: (_ctx, _token, source) => (source as { rar?: never[] } | undefined)?.rar ?? ([] as never),
        authorizationDetailsForIntrospection: () => [] as never,
      },
    },
  },
};

/** Pages that stand for everybody else's: one for anybody, one for the console, one that wants a fresh sign-in. */
function guardedPages(router: Router, web: Web): void {
  const page = (path: string, need?: PageNeed) =>
    router.all(path, async (ctx) => {
      const session = await web.guard.session(ctx, need);
      if (session === undefined) return;
      if (ctx.method === 'POST') await web.pages.form(ctx);
      const { authTime, ...shown }: BrowserSession = session;
      const message = { tone: '', heading: `page ${path}`, words: JSON.stringify({ ...shown, authTime: authTime.getTime() }) };
      await web.pages.show(ctx, 'sign-in/message', { message }, session);
    });
  page('/me');
  page('/me/fresh', { maxAgeSeconds: 900 });
  page('/console', { roles: ['admin', 'auditor'] });
}

/** Starts it; `name` is how the issuer is called, for pages that behave otherwise away from loopback. */
export async function openHouse(name?: string): Promise<House> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const issuer = new URL(name ?? `http://localhost:${port}`);
  const log = createLogger(process.env['BEHALF_LOG_LEVEL'] === 'debug' ? 'debug' : 'silent');
  const db = createDb({ connection: database.connection, log });
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const quotas = createQuotas({ db, clock: systemClock, vault, log });
  const parts = { db, clock: systemClock, ids: randomIds, vault, log, issuer, quotas };
  const audit = createAuditService({ ...parts, store: createAuditStore({ db }), correlation: createCorrelation() });
  const store = createArtifactStore(parts);
  const accounts: Accounts = createAccounts({
    ...parts,
    audit,
    onDisabled: (id) => signIn.endOtherSessions(id, undefined),
    onRemoved: (id) => signIn.forget(id),
    onOwnerGone: async () => undefined,
    endOtherSessions: (id, except) => signIn.endOtherSessions(id, except),
    surroundings: nothing,
    memberAgents,
    passwords: createPasswords({ memoryCost: 1024, timeCost: 2, parallelism: 1 }),
  });
  const agents = { findByClient: async () => undefined, choices: async () => [], linkClient: async () => undefined };
  const owners = { ownerLabel: (owner: Parameters<Accounts['ownerLabel']>[0]) => accounts.ownerLabel(owner), choices: async () => [] };
  const clients = createClients({
    ...parts,
    audit,
    owners,
    agents,
    detailTypes: () => types.names,
    onRegistered: async () => undefined,
    onWidened: async () => undefined,
    onStopped: async () => undefined,
  });
  const { serverClients, resourcesOf: clientResources } = clients;
  const resourceServers = createResourceServers({ ...parts, audit, clientResources, serverClients, onRemoved: async () => undefined });
  const consents: Consented[] = [];
  const software = new Map<string, Software>();
  const signIn: SignIn = createSignIn({
    ...parts,
    audit,
    accounts,
    provider: () => oidc.current(),
    artifacts: store,
    detailTypes: () => types,
    resourceServers,
    softwareOf: async (id) => software.get(id),
    onConsent: async (consented) => void consents.push(consented),
  });
  const noTokens = async () => ({ tokens: 0, agents: 0, people: 0, grants: 0 });
  const refreshing = { tokens: { end: noTokens }, agents };
  const refreshTokens = createRefreshTokens({ ...parts, audit, artifacts: store, ...refreshing });
  const capabilities = [accounts.capability, clients.capability, resourceServers.capability, signIn.capability, refreshTokens.capability];
  const contributions = [...capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }])), details];
  const notifications = createNotifications({ db, log });
  const oidc = await createOidc({
    ...parts,
    store,
    notifications,
    contributions: () => contributions,
    fetch: () => Promise.reject(new Error('no network')),
  });
  const assets = await createAssets({ folder: join(ROOT, 'views', 'assets'), basePath: '' });
  const render = createRenderer({ viewsDir: join(ROOT, 'views'), assets, basePath: '', isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer, ids: randomIds, bindingOf: signIn.bindingOf });
  const pages = createPages({ render, csrf, basePath: '', isSecure: issuer.protocol === 'https:', waitingFor: async () => 0 });
  const web = {
    pages,
    guard: signIn.guard,
    api: { callerFor: () => Promise.reject(new Error('no interface here')), caller: () => Promise.reject(new Error('no interface here')) },
    readJson: async () => ({}),
  };
  const router = new Router();
  guardedPages(router, web);
  for (const { routes } of [accounts.capability, signIn.capability]) routes?.(router, web);
  const http = createHttpApp({
    issuer,
    trustedProxies: [],
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, { status, title, message }) =>
      pages.show(ctx, 'sign-in/message', { status, message: { tone: 'stop', heading: title, words: message } }),
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 25, maxPerSession: 4, maxTotal: 20 }),
    routes: [assets.middleware, router.routes() as unknown as Middleware],
    engine: oidc.middleware,
    ids: randomIds,
    log,
  });
  const server = await startHttpServer(http, { host: 'localhost', port });
  return {
    issuer: issuer.href.replace(/\/$/, ''),
    port,
    accounts,
    clients,
    resourceServers,
    signIn,
    oidc,
    db,
    consents,
    software,
    events: async () => (await audit.list({ limit: 200 })).events.map(({ event }) => event).reverse(),
    async person(email, role = 'user') {
      const { account, link } = await accounts.invite({ email, name: `Person ${email}`, role }, ADMINISTRATOR);
      await redeem(accounts, link.url);
      return accounts.get(account.id);
    },
    async close() {
      await server.drain({ graceMs: 500 });
      await notifications.stop();
      await db.close();
      await database.drop();
    },
  };
}

/** The resource server and a client of an administrator that may ask for it; `client` overrides the client's metadata. */
export async function furnish(house: House, client: object = {}): Promise<string> {
  const scopes = [
    { name: 'invoices:read', description: 'Read your invoices', risk: 'low' as const },
    { name: 'invoices:pay', description: 'Pay invoices for you', risk: 'high' as const },
  ];
  const known = await house.resourceServers.findByIdentifier(RESOURCE);
  if (known === undefined) {
    const input = {
      identifier: RESOURCE,
      name: 'Billing',
      kind: 'mcp',
      sensitivity: 'low',
      token_ttl_seconds: null,
      algorithm: 'ES256',
      scopes,
    } as const;
    await house.resourceServers.create(input, ADMINISTRATOR);
  }
  const input = {
    client_name: 'Invoice bot',
    purpose: 'agent' as const,
    token_endpoint_auth_method: 'none' as const,
    grant_types: ['authorization_code' as const, 'refresh_token' as const],
    redirect_uris: [REDIRECT],
    ...client,
  };
  const { record } = await house.clients.create(input, ADMINISTRATOR);
  return record.id;
}

const VERIFIER = 'v'.repeat(64);
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

/** The address of an authorization request; a parameter given as undefined is left out. */
export function requestOf(house: House, clientId: string, more: Record<string, string | undefined> = {}): string {
  const parameters = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid email invoices:read invoices:pay',
    resource: RESOURCE,
    state: 'the-state',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...more,
  };
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${house.issuer}/authorize?${new URLSearchParams(given)}`;
}

/** Exchanges a code (RFC 6749 §4.1.3). */
export async function redeemCode(house: House, clientId: string, code: string): Promise<Record<string, unknown>> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
  });
  const answer = await fetch(`${house.issuer}/token`, { method: 'POST', body });
  return { status: answer.status, ...((await answer.json()) as object) };
}

/** A visitor who has asked for the request and sees the first page of it. */
export async function visit(house: House, address: string): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = createVisitor(house.issuer, house.port);
  return { visitor, page: await visitor.follow(await visitor.get(address)) };
}

/** Sends the password; returns the page that follows. */
export async function logIn(visitor: Visitor, page: Page, email: string): Promise<Page> {
  return visitor.follow(await visitor.submit(page, '/login', { email, password: PASSWORD }));
}
