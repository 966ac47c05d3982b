import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Middleware } from 'koa';
import { type Clients, createClients, type DocumentsDeps } from '../../src/client-registration/index.ts';
import { createArtifactStore, createOidc, type NamedContribution, type Oidc } from '../../src/oidc/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { AppError } from '../../src/platform/errors.ts';
import { createAssets } from '../../src/platform/http/assets.ts';
import { readJson } from '../../src/platform/http/body.ts';
import { createCsrf } from '../../src/platform/http/csrf.ts';
import { createEventStreams } from '../../src/platform/http/event-stream.ts';
import { createPages } from '../../src/platform/http/pages.ts';
import { createRenderer } from '../../src/platform/http/render.ts';
import { createHttpApp, startHttpServer } from '../../src/platform/http/server.ts';
import type { ApiGuard, BrowserSession, Role } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing, type OutgoingDeps } from '../../src/platform/outgoing/dispatcher.ts';
import { createQuotas } from '../../src/platform/quota/quota.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createResourceServers, type ResourceServers } from '../../src/resource-servers/index.ts';
import { freshDatabase } from '../support/database.ts';
import { freePort } from '../support/test-server.ts';

/** The server of these tests: the real edge, engine and database, with clients and resource servers on it and nothing else. */
export interface RegistrationServer {
  readonly issuer: string;
  readonly db: Db;
  readonly clients: Clients;
  readonly resourceServers: ResourceServers;
  readonly registered: { clientId: string; owner: string; agentState: string }[];
  readonly widened: string[];
  readonly audited: { type: string; clientId?: string; resource?: string }[];
  /** Addresses that went through the guarded way out. */
  readonly fetched: string[];
  /** What the registry does when software registers; a test may make it refuse. */
  onRegistered: () => Promise<void>;
  role: Role;
  register(token: string | undefined, metadata: object): Promise<Response>;
  enrolmentToken(input?: object): Promise<string>;
  token(parameters: Record<string, string | string[]>, headers?: Record<string, string>): Promise<Response>;
  /** What the engine keeps of a pushed request or code, with the payload of a JWT in it read. */
  storedArtifact(model: string, value: string): Promise<string>;
  /** Every row of every table as text: what a copy of the database would show. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

export const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator' } as const;
export const OWNER = { kind: 'user', id: 'usr_owner' } as const;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Checks management tokens by their signature and audience; the server's own guard belongs to another capability. */
function apiGuard(issuer: string, deps: { oidc: () => Oidc; clients: () => Clients }): ApiGuard {
  const guard: ApiGuard = {
    callerFor: async (ctx, needs) => ({ caller: await guard.caller(ctx, needs[0]), need: needs[0] }),
    async caller(ctx, { scope }) {
      const token = /^Bearer (.+)$/.exec(ctx.get('authorization'))?.[1];
      if (token === undefined) throw new AppError('unauthenticated', 'A token is required.');
      const keys = createLocalJWKSet({ keys: deps.oidc().publicKeys() } as unknown as JSONWebKeySet);
      const { payload } = await jwtVerify(token, keys, { issuer, audience: `${issuer}/api/v1` });
      const scopes = new Set(String(payload['scope']).split(' '));
      if (!scopes.has(scope)) throw new AppError('forbidden', 'The scope is missing.');
      const clientId = String(payload['client_id']);
      const hasGovernance = (await deps.clients().find(clientId))?.hasGovernance ?? false;
      return {
        clientId,
        subject: String(payload.sub),
        subjectProfile: 'service',
        accountId: undefined,
        scopes,
        hasGovernance,
        jti: String(payload.jti),
      };
    },
  };
  return guard;
}

function sessionOf(role: Role): BrowserSession {
  const now = systemClock.now();
  return {
    accountId: ADMINISTRATOR.id,
    sessionUid: 'session',
    name: 'Ada Admin',
    email: 'ada@example.com',
    role,
    authTime: now,
    acr: 'aal2',
    amr: [],
  };
}

/** What a test changes: the way out, and how metadata documents are taken; left out: they are not. */
interface HarnessOptions {
  readonly outgoing?: Partial<OutgoingDeps>;
  readonly documents?: Omit<DocumentsDeps, 'outgoing'>;
  readonly turnsAway?: (clientId: string) => Promise<boolean>;
}

export async function startRegistrationServer(
  more: readonly NamedContribution[] = [],
  options: HarnessOptions = {},
): Promise<RegistrationServer> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const url = new URL(`http://localhost:${port}`);
  const issuer = url.href.replace(/\/$/, '');
  const log = createLogger('silent');
  const db = createDb({ connection: database.connection, log });
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const base = { db, clock: systemClock, ids: randomIds, vault, log, issuer: url };
  const notifications = createNotifications({ db, log });
  const artifacts = createArtifactStore(base);
  const outgoing = createOutgoing({ allowLoopback: false, log, ...options.outgoing });
  const state: Pick<RegistrationServer, 'registered' | 'widened' | 'audited' | 'fetched'> = {
    registered: [],
    widened: [],
    audited: [],
    fetched: [],
  };
  const audit = { record: async (event: RegistrationServer['audited'][number]) => void state.audited.push(event) };

  const clients = createClients({
    ...base,
    quotas: createQuotas(base),
    audit,
    owners: {
      ownerLabel: async ({ id }) => (id.startsWith('usr_owner') ? { name: 'Olga Owner', isAlive: id === OWNER.id } : undefined),
      choices: async () => [{ ...OWNER, name: 'Olga Owner' }],
    },
    agents: { findByClient: async () => undefined, choices: async () => [], linkClient: async () => undefined },
    detailTypes: () => ['api_call'],
    async onRegistered({ clientId, initialAccessToken }) {
      await server.onRegistered();
      state.registered.push({ clientId, owner: initialAccessToken.owner.id, agentState: initialAccessToken.agentState });
    },
    onStopped: async () => undefined,
    onWidened: async (clientId) => void state.widened.push(clientId),
    ...(options.documents === undefined ? {} : { documents: { ...options.documents, outgoing } }),
    ...(options.turnsAway === undefined ? {} : { turnsAway: options.turnsAway }),
  });
  const resourceServers = createResourceServers({
    ...base,
    audit,
    onRemoved: async () => undefined,
    clientResources: clients.resourcesOf,
    serverClients: clients.serverClients,
  });
  const capabilities = [resourceServers.capability, clients.capability];
  const subject: NamedContribution = {
    name: 'test',
    oidc: {
      scopes: ['openid', 'offline_access', 'email'],
      tokenClaims: {
        names: ['sub'],
        claims: async (ctx) => ({ sub: (await clients.find(String(ctx.oidc.client?.clientId)))?.serviceId ?? 'agt_of_the_client' }),
      },
      features: {
        richAuthorizationRequests: {
          enabled: true,
          types: { api_call: { validate: () => undefined } },
          authorizationDetailsForGrantSource: () => undefined,
          authorizationDetailsForAccessToken: (ctx) => JSON.parse(String(ctx.oidc.params?.['authorization_details'] ?? '[]')),
          authorizationDetailsForIntrospection: () => undefined,
        },
      },
      grantTypes: { [EXCHANGE]: { parameters: [], handler: async () => undefined } },
    },
  };
  const own = capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }]));
  const contributions = [...own, subject, ...more];
  const oidc = await createOidc({
    ...base,
    notifications,
    store: artifacts,
    fetch: (input, init) => {
      state.fetched.push(String(input));
      return outgoing.engineFetch(String(input), init);
    },
    contributions: () => contributions,
  });

  const assets = await createAssets({ folder: `${ROOT}views/assets`, basePath: '' });
  const render = createRenderer({ viewsDir: `${ROOT}views`, assets, basePath: '', isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer: url, ids: randomIds, bindingOf: () => undefined });
  const pages = createPages({ render, csrf, basePath: '', isSecure: false, waitingFor: async () => 0 });
  const guard = {
    session: async (_ctx: unknown, need?: { roles?: readonly Role[] }) => {
      if (need?.roles?.includes(server.role) === false) throw new AppError('forbidden', 'Not for this role.');
      return sessionOf(server.role);
    },
  };
  const router = new Router();
  const api = apiGuard(issuer, { oidc: () => oidc, clients: () => clients });
  for (const capability of capabilities) capability.routes?.(router, { pages, guard, api, readJson });
  const app = createHttpApp({
    issuer: url,
    trustedProxies: [],
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, page) => pages.show(ctx, 'sign-in/message', page),
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 25, maxPerSession: 1, maxTotal: 1 }),
    routes: [assets.middleware, router.routes() as unknown as Middleware],
    engine: oidc.middleware,
    ids: randomIds,
    log,
  });
  const http = await startHttpServer(app, { host: 'localhost', port });

  const server: RegistrationServer = {
    ...state,
    issuer,
    db,
    clients,
    resourceServers,
    role: 'admin',
    onRegistered: async () => undefined,
    register: (token, metadata) =>
      fetch(`${issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        body: JSON.stringify(metadata),
      }),
    async enrolmentToken(input = {}) {
      const filled = {
        name: 'CI',
        owner: OWNER,
        agent_state: 'active',
        uses: 1,
        ttl_seconds: 3_600,
        grant_types: DEFAULT_GRANTS,
        ...input,
      };
      return (await clients.initialAccessTokens.create(filled as never, ADMINISTRATOR)).token;
    },
    token(parameters, headers = {}) {
      const body = new URLSearchParams();
      for (const [name, value] of Object.entries(parameters)) for (const each of [value].flat()) body.append(name, each);
      return fetch(`${issuer}/token`, { method: 'POST', headers, body });
    },
    async storedArtifact(model, value) {
      const artifact = await artifacts.find(model, value.replace('urn:ietf:params:oauth:request_uri:', ''));
      const text = JSON.stringify(artifact?.payload ?? {});
      const [, payload = ''] = /"request":"[^."]+\.([^."]+)\./.exec(text) ?? [];
      return `${text}\n${Buffer.from(payload, 'base64url').toString()}`;
    },
    async dump() {
      const tables = await db.rows<{ name: string }>({
        name: 'tables',
        text: "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
        values: [],
      });
      const texts = await Promise.all(
        tables.map(async ({ name }) =>
          (await db.rows<{ row: string }>({ name: `dump-${name}`, text: `SELECT t::text AS row FROM "${name}" t`, values: [] })).map(
            ({ row }) => row,
          ),
        ),
      );
      return texts.flat().join('\n');
    },
    async close() {
      await http.drain({ graceMs: 1_000 });
      await outgoing.close();
      await db.close();
      await database.drop();
    },
  };
  return server;
}

const DEFAULT_GRANTS = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:openid:params:grant-type:ciba', EXCHANGE];

/** Metadata that may be registered, for an agent that works by itself. */
export const SERVICE_METADATA = {
  client_name: 'Invoice bot',
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'client_secret_basic',
};
/** The same for software a person signs in to. */
export const BROWSER_METADATA = {
  client_name: 'Desk agent',
  redirect_uris: ['https://agent.example/cb'],
  token_endpoint_auth_method: 'none',
};

/** The `Authorization` header of a client with a secret (RFC 6749 §2.3.1). */
export function basic(clientId: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}` };
}

/** A JSON answer with its status. */
export async function answer(response: Response | Promise<Response>): Promise<{ status: number; body: Record<string, unknown> }> {
  const got = await response;
  const text = await got.text();
  return { status: got.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

/** Header and claims of an access token, its signature checked with the published keys. */
export async function readToken(
  server: RegistrationServer,
  token: unknown,
): Promise<{ header: Record<string, unknown>; claims: JWTPayload }> {
  const { jwks_uri: jwksUri } = (await answer(fetch(`${server.issuer}/.well-known/openid-configuration`))).body;
  const keys = (await answer(fetch(String(jwksUri)))).body as unknown as JSONWebKeySet;
  const { payload } = await jwtVerify(String(token), createLocalJWKSet(keys), { issuer: server.issuer });
  return { header: { ...decodeProtectedHeader(String(token)) }, claims: payload };
}
