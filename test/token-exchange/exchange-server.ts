import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import type { Middleware } from 'koa';
import { type Accounts, createAccounts } from '../../src/accounts/index.ts';
import { type Agents, type AgentStatus, createAgents } from '../../src/agents/index.ts';
import { type Audit, createAudit } from '../../src/audit/index.ts';
import { type Budgets, createBudgets } from '../../src/budgets/index.ts';
import {
  type AuthorizationDetail,
  createAuthorizationDetails,
  createDetailWriter,
  type DetailTypeDefinition,
  detailsHash,
} from '../../src/authorization-details/index.ts';
import { type Clients, createClients, type NewClientInput, redirectFaultOf } from '../../src/client-registration/index.ts';
import { createArtifactStore, createOidc, type NamedContribution, type Oidc } from '../../src/oidc/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { createAssets } from '../../src/platform/http/assets.ts';
import { readJson } from '../../src/platform/http/body.ts';
import { createEventStreams } from '../../src/platform/http/event-stream.ts';
import { createRenderer } from '../../src/platform/http/render.ts';
import { createHttpApp, startHttpServer } from '../../src/platform/http/server.ts';
import type { BrowserSession, Form, Web } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createQuotas } from '../../src/platform/quota/quota.ts';
import { createVault } from '../../src/platform/vault.ts';
import { composeFacts, createPolicy, type FactsSource, type Policy } from '../../src/policy/index.ts';
import { createResourceServers, type ResourceServers } from '../../src/resource-servers/index.ts';
import { createIdentityAssertion, type IdentityAssertion } from '../../src/identity-assertion/index.ts';
import { createTrust, type Trust } from '../../src/trust/index.ts';
import { trustHooks } from '../../src/trust-hooks.ts';
import { createTokenExchange, type TokenExchange } from '../../src/token-exchange/index.ts';
import { createApiGuard, createTokens, type Tokens } from '../../src/tokens/index.ts';
import { memberAgents } from '../support/accounts.ts';
import { freshDatabase } from '../support/database.ts';
import { freePort } from '../support/test-server.ts';

export { type Answer, ask, type Consent, exchangeFor, makeCode, makeGrant, personToken } from './token-requests.ts';

export const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:openid:params:grant-type:ciba', EXCHANGE];

/** A client with what it needs to speak for itself. */
export interface TestClient {
  readonly clientId: string;
  readonly headers: Record<string, string>;
  readonly agentId: string | undefined;
}

/** The server of these tests: edge, engine, database and every capability that a token request passes, nothing else. */
export interface ExchangeServer {
  readonly issuer: string;
  readonly db: Db;
  readonly oidc: Oidc;
  readonly accounts: Accounts;
  readonly agents: Agents;
  readonly clients: Clients;
  readonly resources: ResourceServers;
  readonly policy: Policy;
  readonly exchange: TokenExchange;
  readonly tokens: Tokens;
  readonly trust: Trust;
  readonly audit: Audit;
  readonly budgets: Budgets;
  readonly accountId: string;
  /** Names of the statements since it was last emptied. */
  readonly statements: string[];
  /** Who looks at the console's pages; the page and its model are answered as JSON. */
  session: BrowserSession;
  close(): Promise<void>;
}

function statementsOf(db: Db, statements: string[]): Db {
  const noted = <S extends { name: string }>(statement: S) => {
    statements.push(statement.name);
    return statement;
  };
  return { ...db, rows: (statement) => db.rows(noted(statement)), row: (statement) => db.row(noted(statement)) };
}

/** Pages answer with their model and what the real template makes of it. */
async function pagesOf(): Promise<Web['pages']> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const assets = await createAssets({ folder: `${root}views/assets`, basePath: '' });
  const render = createRenderer({ viewsDir: `${root}views`, assets, basePath: '', isCached: true });
  return {
    async show(ctx, template, model, session) {
      const person = { name: session?.name ?? '', initials: 'AA' };
      render(ctx, template, { csrf: 'token', frame: { person, waiting: 0 }, ...model });
      ctx.body = { template, model, html: ctx.body };
      ctx.type = 'application/json';
    },
    async form(ctx) {
      return (await readJson(ctx)) as Form;
    },
    redirect(ctx, path) {
      ctx.redirect(path);
    },
  };
}

/** Starts one on a database of its own, with one person in it. `more` adds contributions; `types` are registered beside the built-in ones. */
export async function startExchangeServer(
  more: readonly NamedContribution[] = [],
  types?: readonly DetailTypeDefinition[],
): Promise<ExchangeServer> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const url = new URL(`http://localhost:${port}`);
  const issuer = url.href.replace(/\/$/, '');
  const log = createLogger('silent');
  const statements: string[] = [];
  const db = statementsOf(createDb({ connection: database.connection, log }), statements);
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const base = { db, clock: systemClock, ids: randomIds, vault, log, issuer: url };
  const notifications = createNotifications({ db, log });
  const audit = createAudit({ ...base, nameOf: async () => undefined });
  const artifacts = createArtifactStore(base);
  const nothing = async () => undefined;
  const accounts = createAccounts({
    ...base,
    audit,
    ...{ onDisabled: nothing, onRemoved: nothing, onOwnerGone: nothing, endOtherSessions: nothing },
    memberAgents,
    surroundings: { agentsOf: async () => [], agentCounts: async () => new Map(), grantsOf: async () => [], sessionCount: async () => 0 },
  });
  const agents = createAgents({
    ...base,
    audit,
    owners: accounts,
    redirectFaultOf,
    ...{ onSuspended: nothing, surroundings: {} as never, outgoing: {} as never },
  });
  const details = createAuthorizationDetails({ ...base, audit, notifications, onChanged: () => oidc.reload() });
  const clients: Clients = createClients({
    ...base,
    quotas: createQuotas(base),
    audit,
    owners: { ownerLabel: accounts.ownerLabel, choices: async () => [] },
    agents: { findByClient: async () => undefined, choices: async () => [], linkClient: nothing },
    detailTypes: () => details.types.names,
    ...{ onRegistered: nothing, onStopped: nothing, onWidened: nothing },
    turnsAway: (clientId) => policy.turnsAway(clientId),
  });
  const resources = createResourceServers({
    ...base,
    audit,
    onRemoved: async () => undefined,
    clientResources: clients.resourcesOf,
    serverClients: clients.serverClients,
  });
  const facts: FactsSource = composeFacts({ clients, agents, owners: accounts });
  const nameOf = async (id: string) => (await agents.find(id))?.displayName ?? (await accounts.find(id))?.name;
  const policy = createPolicy({
    ...{ ...base, audit, facts, drift: agents.drift, resources, people: accounts, notifications },
    readers: {
      roleOf: async (id) => (await accounts.find(id))?.role,
      ownsAgent: async (accountId, agentId) => (await agents.ownedBy(accountId)).some(({ id }) => id === agentId),
      nameOf,
    },
  });
  const tokens = createTokens({
    ...base,
    audit,
    publicKeys: () => oidc.publicKeys(),
    principalOf: policy.principalOf,
    detailsHash: (granted) => detailsHash(granted as readonly AuthorizationDetail[]),
    onIssuing: (token) => budgets.onIssuing(token),
    ...{ onIssued: () => undefined, namesOf: async () => new Map(), details: createDetailWriter(() => details.types) },
  });
  const trust = createTrust({
    ...{ ...base, audit, resources, outgoing: { fetch: async () => new Response(null, { status: 500 }) } as never },
    ...trustHooks({ clients: () => clients, identityAssertion: () => identityAssertion }),
    ...{ choices: async () => ({ agents: [] }), nameOf },
  });
  const budgets = createBudgets({ ...base, audit, tokens, artifacts, policy, details, resourceServers: resources, clients, nameOf });
  const exchange = createTokenExchange({
    ...base,
    audit,
    types: details.types,
    useTypes: details.use,
    policy,
    facts: policy.facts,
    tokens,
    resources,
    agents,
    artifacts,
    choices: async () => ({ agents: [], resources: [] }),
    nameOf,
    drafts: [],
    ownership: {
      ownsAgent: async (owner, id) => (await agents.ownedBy(owner)).some((agent) => agent.id === id),
      ownedBy: agents.ownedBy,
      isSoleAdministrator: async () => false,
    },
    trust,
    people: { find: (...about) => identityAssertion.people.find(...about), link: (...about) => identityAssertion.people.link(...about) },
  });
  const identityAssertion: IdentityAssertion = createIdentityAssertion({
    ...{ ...base, audit, types: details.types, policy, resources, accounts, trust, drafts: [] },
    onBehalfOf: (...request) => exchange.onBehalfOf(...request),
  });
  const capabilities = [accounts, resources, clients, agents, details, policy, exchange, identityAssertion, tokens].map(
    ({ capability }) => capability,
  );
  // read anew for every engine, as its types of details are
  const own = () => capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }]));
  const engine: NamedContribution = {
    name: 'test',
    oidc: {
      scopes: ['offline_access'],
      features: {
        deviceFlow: { enabled: true },
        ciba: { enabled: true, processLoginHint: async () => undefined } as never,
      },
      interactions: { url: () => '/nowhere' },
    },
  };
  const oidc: Oidc = await createOidc({
    ...base,
    notifications,
    store: artifacts,
    fetch: async () => new Response(null, { status: 500 }),
    contributions: () => [...own(), engine, ...more],
  });
  const accountId = (await accounts.create({ email: 'pat@example.com', name: 'Pat Person', role: 'user' }, { kind: 'system', id: 'setup' }))
    .id;
  const guard = { session: async () => server.session };
  for (const definition of types ?? []) await details.create(definition, { kind: 'system', id: 'test' });
  const { provisioningTokens: provisioning } = clients;
  const api = createApiGuard({ ...base, tokens, clients, accounts, artifacts, provisioning, isStrongAcr: () => false });
  const router = new Router();
  const pages = await pagesOf();
  for (const { routes } of [policy.capability, details.capability, exchange.capability, trust.capability])
    routes?.(router, { pages, guard, api, readJson });
  const http = createHttpApp({
    issuer: url,
    trustedProxies: [],
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, page) => {
      ctx.body = page;
    },
    bodyLimits: [],
    eventStreams: createEventStreams({ heartbeatSeconds: 25, maxPerSession: 1, maxTotal: 1 }),
    routes: [router.routes() as unknown as Middleware],
    engine: oidc.middleware,
    ids: randomIds,
    log,
  });
  const listening = await startHttpServer(http, { host: 'localhost', port });
  const parts = {
    issuer,
    db,
    oidc,
    accounts,
    agents,
    clients,
    resources,
    policy,
    exchange,
    tokens,
    trust,
    audit,
    budgets,
    accountId,
    statements,
  };
  const server: ExchangeServer = {
    ...parts,
    session: sessionOf('admin'),
    async close() {
      await listening.drain({ graceMs: 500 });
      await db.close();
      await database.drop();
    },
  };
  return server;
}

/** A browser session of a role; `accountId` when it matters whose. */
export function sessionOf(role: BrowserSession['role'], accountId: string = ADMINISTRATOR.id): BrowserSession {
  return {
    accountId,
    sessionUid: 'session',
    name: 'Ada Admin',
    email: 'ada@example.com',
    role,
    authTime: systemClock.now(),
    acr: 'aal2',
    amr: [],
  };
}

/** `Authorization` of a client with a secret (RFC 6749 §2.3.1). */
function basic(clientId: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${encodeURIComponent(secret)}`).toString('base64')}` };
}

/** A client without an agent, as an administrator registers it. */
export async function makeClient(server: ExchangeServer, input: Partial<NewClientInput> = {}): Promise<TestClient> {
  const filled = {
    client_name: 'A client',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: GRANTS,
    redirect_uris: ['https://client.example/cb'],
    purpose: 'application',
    ...input,
  } as NewClientInput;
  const { record, secret } = await server.clients.create(filled, ADMINISTRATOR);
  return { clientId: record.id, headers: secret === undefined ? {} : basic(record.id, secret), agentId: undefined };
}

/** An agent of the person with one client. */
export async function makeAgent(
  server: ExchangeServer,
  name: string,
  about: { status?: AgentStatus; client?: Partial<NewClientInput>; maxDelegationDepth?: number; ownerId?: string } = {},
): Promise<TestClient & { readonly agentId: string }> {
  const client = await makeClient(server, { client_name: name, purpose: 'agent', ...about.client });
  const owner = { kind: 'user', id: about.ownerId ?? server.accountId } as const;
  const depth = about.maxDelegationDepth === undefined ? {} : { maxDelegationDepth: about.maxDelegationDepth };
  const isProposed = about.status === 'proposed';
  const agent = await server.agents.create(
    { displayName: name, owner, status: isProposed ? 'proposed' : 'active', source: 'console', ...depth },
    ADMINISTRATOR,
  );
  await server.agents.linkClient(agent.id, client.clientId, ADMINISTRATOR);
  if (about.status !== undefined && !isProposed && about.status !== 'active')
    await server.agents.setStatus(agent.id, about.status, { by: ADMINISTRATOR, reason: 'a test' });
  return { ...client, agentId: agent.id };
}

/** A registered resource server. */
export async function makeResource(
  server: ExchangeServer,
  identifier: string,
  scopes: readonly string[] = ['read', 'write', 'pay'],
): Promise<string> {
  const input = { identifier, name: identifier, kind: 'api', sensitivity: 'medium', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  await server.resources.create({ ...input, scopes: scopes.map((name) => ({ name, description: name })) }, ADMINISTRATOR);
  return identifier;
}
