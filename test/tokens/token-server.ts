import Router from '@koa/router';
import type { Adapter } from 'oidc-provider';
import { createAudit } from '../../src/audit/index.ts';
import { createDetailTypes, createDetailWriter, detailsHash } from '../../src/authorization-details/index.ts';
import { createArtifactStore, createOidc, hashOf, type NamedContribution, type Oidc, type OidcContribution } from '../../src/oidc/index.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { createEventStreams } from '../../src/platform/http/event-stream.ts';
import { createHttpApp, startHttpServer } from '../../src/platform/http/server.ts';
import { readJson } from '../../src/platform/http/body.ts';
import { createCsrf } from '../../src/platform/http/csrf.ts';
import { createPages } from '../../src/platform/http/pages.ts';
import { createRenderer } from '../../src/platform/http/render.ts';
import type { ApiGuard, BrowserSession, Pages, Web } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createVault, type Vault } from '../../src/platform/vault.ts';
import { createRefreshTokens } from '../../src/refresh-tokens/index.ts';
import { createRevocation, type Revocation } from '../../src/revocation/index.ts';
import {
  type ClientPrincipal,
  createApiGuard,
  createTokens,
  type GuardedClient,
  type Issuance,
  issuanceOf,
  type Tokens,
} from '../../src/tokens/index.ts';
import { freshDatabase } from '../support/database.ts';
import { freePort } from '../support/test-server.ts';
import { createParties, type Parties } from './parties.ts';

export const SECRET = 'a-secret-of-at-least-thirty-two-characters';
export const PAYMENTS = 'https://payments.test';
/** A grant of the tests: a token for a person or from another token, with the notes that policy or exchange would make. */
export const TEST_GRANT = 'urn:test:issue';

export interface TestClient {
  readonly client_id: string;
  readonly [member: string]: unknown;
}

/** Who is who; tests change it while the server runs. */
export interface Roster {
  readonly clients: Map<string, TestClient>;
  readonly principals: Map<string, ClientPrincipal>;
  readonly guarded: Map<string, GuardedClient>;
  readonly accounts: Map<string, { role: 'admin' | 'approver' | 'auditor' | 'user'; status: string }>;
  readonly resourceClients: Map<string, string>;
  readonly agentClients: Map<string, string[]>;
}

export interface TokenServer {
  readonly issuer: string;
  readonly db: Db;
  readonly oidc: Oidc;
  readonly tokens: Tokens;
  readonly revocation: Revocation;
  readonly guard: ApiGuard;
  readonly parties: Parties;
  readonly roster: Roster;
  readonly statements: string[];
  /** Moves the ledger's clock; the engine keeps its own. */
  readonly time: { offsetSeconds: number };
  /** Runs before the token policy ends: the moment between a check and the insert. */
  beforeInsert: (() => Promise<void>) | undefined;
  /** Who is signed in to the console. */
  session: BrowserSession | undefined;
  close(): Promise<void>;
}

interface Order {
  readonly account?: string;
  readonly grantId?: string;
  readonly ttl?: number;
  readonly notes?: Issuance;
}

function clientAdapter(roster: Roster, db: Db): Adapter {
  const none = async () => undefined;
  const find = async (id: string) => {
    const row = await db.row({ name: 'test-client', text: 'SELECT 1 AS one FROM live_clients WHERE client_id = $1', values: [id] });
    return row === undefined ? undefined : roster.clients.get(id);
  };
  return {
    find,
    upsert: none,
    findByUid: none,
    findByUserCode: none,
    consume: none,
    destroy: none,
    revokeByGrantId: none,
  } as unknown as Adapter;
}

const SCOPES = 'pay read admin:read admin:write scim:read scim:write approvals:decide access:evaluate';

function engineParts(server: TokenServer): OidcContribution {
  return {
    adapters: { Client: clientAdapter(server.roster, server.db) },
    compareClientSecret: async (_client, presented) => presented === SECRET,
    findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    features: {
      clientCredentials: { enabled: true },
      richAuthorizationRequests: {
        enabled: true,
        types: { api_call: { validate: () => undefined } },
        authorizationDetailsForGrantSource: async (ctx) => JSON.parse(String(ctx.oidc.params?.['authorization_details'])),
        authorizationDetailsForAccessToken: async (ctx) => JSON.parse(String(ctx.oidc.params?.['authorization_details'])),
        authorizationDetailsForIntrospection: async (_ctx, token) => token.rar,
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => PAYMENTS,
        useGrantedResource: () => true,
        getResourceServerInfo: async (_ctx, resource) => ({
          scope: SCOPES,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    } as NonNullable<OidcContribution['features']>,
    tokenPolicy: async (ctx) => {
      const order = JSON.parse(String(ctx.oidc.params?.['order'] ?? '{}')) as Order;
      Object.assign(issuanceOf(ctx), order.notes);
      const { authTime } = order.notes ?? {};
      if (authTime !== undefined) issuanceOf(ctx).authTime = new Date(authTime);
      await server.beforeInsert?.();
    },
    grantTypes: { [TEST_GRANT]: { parameters: ['order', 'scope', 'resource', 'authorization_details'], handler: issue } },
  };
}

/** Issues what the order says: an access token and, for a person, a refresh token and (with scope openid) an opaque one. */
const issue: NonNullable<OidcContribution['grantTypes']>[string]['handler'] = async (ctx, helpers, provider) => {
  const { account, grantId, ttl } = JSON.parse(String(ctx.oidc.params?.['order'] ?? '{}')) as Order;
  const { client } = ctx.oidc;
  const dPoP = await helpers.validateDpop(ctx);
  const accountId = account ?? 'nobody';
  const grant =
    grantId === undefined ? new provider.Grant({ clientId: client?.clientId ?? '', accountId }) : await provider.Grant.find(grantId);
  if (grant === undefined) throw new Error('no such grant');
  const id = grantId ?? (account === undefined ? undefined : await grant.save());
  const [server] = await helpers.resolveRequestedResources(ctx);
  const isOpaque = String(ctx.oidc.params?.['scope']) === 'openid';
  const token = new provider.AccessToken({ client, scope: String(ctx.oidc.params?.['scope'] ?? 'pay'), gty: 'test' } as never);
  Object.assign(token, {
    ...(account === undefined ? {} : { accountId: account, grantId: id }),
    ...(ttl === undefined ? {} : { expiresIn: ttl }),
  });
  if (!isOpaque) Object.assign(token, { resourceServer: server });
  // of one connection, as if they came from a person's answer
  const allowed = { scope: 'pay', resource: ctx.oidc.params?.['resource'], gty: 'test' };
  const refresh = new provider.RefreshToken({ client, accountId: account, grantId: id, ...allowed } as never);
  refresh.jti = randomIds.secret(32);
  if (account !== undefined) issuanceOf(ctx).familyHash = hashOf(refresh.jti);
  if (dPoP) token.setThumbprint('jkt', (dPoP as { thumbprint: string }).thumbprint);
  await helpers.applyAuthorizationDetails(ctx, token);
  const accessToken = await token.save();
  const refreshToken = account === undefined ? undefined : await refresh.save();
  ctx.body = {
    access_token: accessToken,
    expires_in: token.expiration,
    token_type: token.tokenType,
    refresh_token: refreshToken,
    grant_id: id,
  };
};

/** The real pages, for whoever `session` says is signed in. */
function pagesOf(server: TokenServer, vault: Vault): Pages {
  const issuer = new URL(server.issuer);
  const render = createRenderer({ viewsDir: 'views', assets: { url: (name) => `/assets/${name}` }, basePath: '', isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer, ids: randomIds, bindingOf: () => undefined });
  return createPages({ render, csrf, basePath: '', isSecure: false, waitingFor: async () => 0 });
}

/** A server with engine, ledger and revocation over a database of its own, speaking HTTP. */
export async function createTokenServer(): Promise<TokenServer> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const issuer = new URL(`http://localhost:${port}`);
  const log = createLogger('silent');
  const db = createDb({ connection: database.connection, log, poolSize: 25 });
  const parties = await createParties(db);
  const statements: string[] = [];
  const counted: Db = {
    ...db,
    rows: (statement) => {
      statements.push(statement.name);
      return db.rows(statement);
    },
    row: (statement) => {
      statements.push(statement.name);
      return db.row(statement);
    },
  };
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const time = { offsetSeconds: 0 };
  const now = () => new Date(Date.now() + time.offsetSeconds * 1000);
  const clock = { now, epochSeconds: () => Math.floor(now().getTime() / 1000) };
  const ids = randomIds;
  const store = createArtifactStore({ db: counted, vault, clock });
  const audit = createAudit({ db: counted, clock, ids, issuer });
  const roster: Roster = {
    clients: new Map(),
    principals: new Map(),
    guarded: new Map(),
    accounts: new Map(),
    resourceClients: new Map(),
    agentClients: new Map(),
  };
  const tokens = createTokens({
    db: counted,
    clock,
    audit,
    issuer,
    publicKeys: () => oidc.publicKeys(),
    principalOf: async (clientId) => roster.principals.get(clientId) ?? { kind: 'none', reason: 'this client stands for nobody' },
    detailsHash: (details) => detailsHash(details as never),
    onIssued: () => undefined,
    namesOf: async () => new Map(),
    details: createDetailWriter(() => createDetailTypes()),
  });
  const revocation = createRevocation({
    db: counted,
    clock,
    ids,
    tokens,
    artifacts: store,
    clientsOf: async (agentIds) => agentIds.flatMap((agentId) => roster.agentClients.get(agentId) ?? []),
    isClientOfResource: async (clientId, resource) => roster.resourceClients.get(clientId) === resource,
  });
  const refreshing = { artifacts: store, tokens, agents: { findByClient: async () => undefined } };
  const refreshTokens = createRefreshTokens({ db: counted, clock, vault, audit, ...refreshing });
  const guard = createApiGuard({
    tokens,
    clients: { find: async (id) => roster.guarded.get(id) },
    accounts: { find: async (id) => roster.accounts.get(id) },
    artifacts: store,
    isStrongAcr: (acr) => acr === 'strong',
    provisioning: { recognises: () => false, accept: async () => undefined },
    issuer,
    clock,
  });
  const server = {
    issuer: issuer.href.replace(/\/$/, ''),
    db,
    tokens,
    revocation,
    guard,
    parties,
    roster,
    statements,
    time,
    beforeInsert: undefined,
  } as unknown as TokenServer;
  const named = [tokens.capability, refreshTokens.capability, revocation.capability].flatMap(({ name, oidc: part }) =>
    part === undefined ? [] : [{ name, oidc: part }],
  );
  const contributions: NamedContribution[] = [{ name: 'test', oidc: engineParts(server) }, ...named];
  const notifications = createNotifications({ db, log });
  const oidc: Oidc = await createOidc({
    issuer,
    db: counted,
    store,
    clock,
    vault,
    log,
    notifications,
    fetch,
    contributions: () => contributions,
  });
  const router = new Router();
  const web = { api: guard, guard: { session: async () => server.session }, pages: pagesOf(server, vault), readJson } as Web;
  for (const { routes } of [tokens.capability, revocation.capability]) routes?.(router, web);
  const http = createHttpApp({
    issuer,
    trustedProxies: [],
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, page) => {
      ctx.body = page.message;
    },
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 25, maxPerSession: 4, maxTotal: 10 }),
    routes: [router.routes()],
    engine: oidc.middleware,
    ids,
    log,
  });
  const listening = await startHttpServer(http, { host: 'localhost', port });
  return Object.assign(server, {
    oidc,
    async close() {
      await listening.drain({ graceMs: 500 });
      await db.close();
      await database.drop();
    },
  });
}
