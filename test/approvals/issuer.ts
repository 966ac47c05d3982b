import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { OidcContribution } from '../../src/oidc/index.ts';
import { type Approvals, type ApprovalsDeps, createApprovals } from '../../src/approvals/index.ts';
import { type Audit, createAudit } from '../../src/audit/index.ts';
import { createDetailTypes, validateDetails } from '../../src/authorization-details/index.ts';
import type { Capability } from '../../src/capability.ts';
import { type ArtifactStore, createArtifactStore, createOidc, type Oidc } from '../../src/oidc/index.ts';
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
import type { ApiGuard, BrowserSession, PageGuard, Role } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createProofs } from '../../src/proofs/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/test-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const RESOURCE = 'https://billing.acme.test/mcp';
export const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
export const SECRET = 'a-secret-of-more-than-thirty-two-characters';

interface TestPerson {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly status: 'active' | 'disabled';
}

const person = (id: string, name: string, role: Role = 'user', status: TestPerson['status'] = 'active'): TestPerson => ({
  id: `usr_${id.padEnd(32, '0')}`,
  name,
  email: `${name.split(' ')[0]?.toLowerCase()}@acme.test`,
  role,
  status,
});

/** Mira owns the agent; Jana is known here but has nothing to do with it. */
export const people = {
  mira: person('a1', 'Mira Köhler'),
  jana: person('b2', 'Jana Weber'),
  adam: person('c3', 'Adam Roth', 'admin'),
  gone: person('d4', 'Greta Away', 'user', 'disabled'),
} as const;

export const agent = { id: `agt_${'1'.repeat(32)}`, displayName: 'Invoice bot' };
const CIBA = {
  grant_types: [CIBA_GRANT, 'refresh_token'],
  backchannel_token_delivery_mode: 'poll',
  authorization_details_types: ['mcp_tool_call'],
  redirect_uris: [],
  response_types: [],
};
const clients: Record<string, Record<string, unknown>> = {
  bot: { client_id: 'bot', client_secret: SECRET, scope: 'openid profile email offline_access', ...CIBA },
  other: { client_id: 'other', client_secret: SECRET, ...CIBA },
  public: { client_id: 'public', token_endpoint_auth_method: 'none', ...CIBA },
};

/** What the tests look at and turn. */
export interface TestIssuer {
  readonly issuer: string;
  readonly db: Db;
  readonly oidc: Oidc;
  readonly artifacts: ArtifactStore;
  readonly approvals: Approvals;
  readonly audit: Audit;
  readonly database: TestDatabase;
  /** Who is signed in, by the value of the cookie `who`. */
  signIn(who: string, session: Partial<BrowserSession> & { accountId: string }): void;
  close(): Promise<void>;
}

const detailTypes = createDetailTypes();
const server = { identifier: RESOURCE, name: 'Billing MCP', scopes: [{ name: 'invoices:pay', description: 'Pay invoices' }] };

/** The parts of the engine that other capabilities own, as small as CIBA needs them. */
function surroundings(issuanceOf: ApprovalsDeps['issuanceOf']): OidcContribution {
  const adapter = { find: async (id: string) => clients[id], upsert: async () => undefined, destroy: async () => undefined };
  return {
    adapters: { Client: adapter as never },
    compareClientSecret: async (_client, presented) => presented === SECRET,
    findAccount: async (_ctx, id) => {
      const found = Object.values(people).find((one) => one.id === id);
      return found && { accountId: id, claims: async () => ({ sub: id, name: found.name }) };
    },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'] },
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined as never,
        getResourceServerInfo: async (_ctx, resource) => {
          if (resource !== RESOURCE) throw Object.assign(new Error('unknown'), { error: 'invalid_target', statusCode: 400, expose: true });
          return {
            scope: 'invoices:pay',
            audience: RESOURCE,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 900,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
        useGrantedResource: () => true,
      },
      richAuthorizationRequests: {
        enabled: true,
        types: Object.fromEntries(
          detailTypes.names.map((name) => [
            name,
            {
              validate: (_ctx: unknown, detail: unknown) => {
                const result = validateDetails(detailTypes, [detail]);
                if (!result.ok) throw new Error(result.message);
              },
            },
          ]),
        ),
        authorizationDetailsForGrantSource: (_ctx: unknown, source: { rar?: unknown }) => source.rar,
        authorizationDetailsForAccessToken: (_ctx: unknown, _token: unknown, source: { rar?: unknown }) => source.rar,
        authorizationDetailsForIntrospection: (_ctx: unknown, token: { rar?: unknown }) => token.rar,
      } as never,
    },
    tokenClaims: {
      names: ['approval', 'acr'],
      claims: async (ctx) => {
        const { approval, acr } = issuanceOf(ctx);
        return { ...(approval === undefined ? {} : { approval }), ...(acr === undefined ? {} : { acr }) };
      },
    },
  };
}

function directory(): ApprovalsDeps['directory'] {
  const record = { ...agent, status: 'active', actsUnderReview: false, owner: { kind: 'user', id: people.mira.id } } as const;
  const all: readonly TestPerson[] = Object.values(people);
  return {
    accounts: {
      find: async (id) => all.find((one) => one.id === id),
      findByEmail: async (email) => all.find((one) => one.email === email.toLowerCase()),
      groupsOf: async () => [],
      ownerLabel: async ({ id }) => all.find((one) => one.id === id),
    },
    agents: {
      find: async (id) => (id === agent.id ? record : undefined),
      findByClient: async (clientId) => (clientId === 'bot' || clientId === 'public' ? record : undefined),
    },
    resourceServers: { findByIdentifier: async (uri) => (uri === RESOURCE ? server : undefined) },
    detailTypes: () => detailTypes,
  };
}

/** A token of these tests is who it is for, and its scopes. */
function readToken(ctx: Context): { who: string; scopes: readonly string[] } {
  const [who, ...scopes] = ctx.get('authorization').replace('Bearer ', '').split(' ');
  if (who === undefined || who === '') throw new AppError('unauthenticated', 'Send a token.');
  return { who, scopes };
}

function guards(sessions: ReadonlyMap<string, BrowserSession>): { guard: PageGuard; api: ApiGuard } {
  const sessionOf = (ctx: Context) => sessions.get(ctx.cookies.get('who') ?? '');
  const api: ApiGuard = {
    async callerFor(ctx, needs) {
      const { scopes } = readToken(ctx);
      const need = needs.find(({ scope }) => scopes.includes(scope)) ?? needs[0];
      return { caller: await api.caller(ctx, need), need };
    },
    async caller(ctx, { scope }) {
      const { who, scopes } = readToken(ctx);
      if (!scopes.includes(scope)) throw new AppError('forbidden', 'The token lacks the scope.');
      const accountId = Object.values(people).find(({ id }) => id === who)?.id;
      const rest = { hasGovernance: false, jti: 'jti-1' };
      const subjectProfile = accountId === undefined ? 'service' : 'user';
      return {
        clientId: accountId === undefined ? who : 'console',
        subject: who,
        subjectProfile,
        accountId,
        scopes: new Set(scopes),
        ...rest,
      };
    },
  };
  return {
    guard: {
      async session(ctx, need) {
        const session = sessionOf(ctx);
        const isFresh =
          session !== undefined && systemClock.now().getTime() - session.authTime.getTime() <= (need?.maxAgeSeconds ?? 1e9) * 1000;
        if (session === undefined || !isFresh) {
          ctx.status = 303;
          ctx.redirect('/sign-in');
          return undefined;
        }
        if (need?.roles?.includes(session.role) === false) throw new AppError('forbidden', 'This page is not for you.');
        return session;
      },
    },
    api,
  };
}

/** How Mira confirms at the click: with the code 246 810 while she has an app for it; accounts have tests of their own. */
export function assuranceOf(hasCode: () => boolean): ApprovalsDeps['assurance'] {
  const account = { ...people.mira, emailVerified: true } as never;
  return {
    beginConfirmation: async (id) => (id === people.mira.id && hasCode() ? { passkey: undefined, takesCode: true } : undefined),
    confirm: async (_id, _covers, { code }) =>
      code === '246810' ? { ok: true, account, assurance: { acr: 'mfa', amr: ['otp'] }, assertion: undefined } : { ok: false },
  };
}

/** Starts an issuer with approvals over HTTP. `more` gives further capabilities their routes; `deps` overrides hooks. */
export async function createTestIssuer(
  options: {
    deps?: Partial<ApprovalsDeps>;
    more?: (parts: { db: Db; audit: Audit; approvals: Approvals; artifacts: ArtifactStore; issuer: URL }) => readonly Capability[];
  } = {},
): Promise<TestIssuer> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const issuer = new URL(`http://localhost:${port}`);
  const log = createLogger(process.env['BEHALF_LOG_LEVEL'] === 'debug' ? 'debug' : 'silent');
  const db = createDb({ connection: database.connection, log, poolSize: 20 });
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const base = { db, vault, clock: systemClock, ids: randomIds, log, issuer };
  const notifications = createNotifications({ db, log });
  const artifacts = createArtifactStore(base);
  const audit = createAudit(base);
  const eventStreams = createEventStreams({ heartbeatSeconds: 25, maxPerSession: 4, maxTotal: 50 });
  const notes = new WeakMap<object, ReturnType<ApprovalsDeps['issuanceOf']>>();
  const issuanceOf: ApprovalsDeps['issuanceOf'] = (ctx) => {
    const known = notes.get(ctx) ?? {};
    notes.set(ctx, known);
    return known;
  };
  let oidc: Oidc | undefined;
  const provider = () => {
    if (oidc === undefined) throw new Error('the engine is not there yet');
    return oidc.current();
  };
  const proofs = createProofs({ ...base, audit });
  const approvals = createApprovals({
    ...base,
    audit,
    proofs,
    policyVersion: () => 'test-1',
    resourcesOfClient: async (clientId) => (clientId === 'billing' ? [RESOURCE] : []),
    artifacts,
    notifications,
    eventStreams,
    provider,
    directory: directory(),
    assurance: assuranceOf(() => false),
    issuanceOf,
    isStrong: async () => false,
    isNamedByPolicy: async () => false,
    ...options.deps,
  });
  const capabilities = [
    audit.capability,
    proofs.capability,
    approvals.capability,
    ...(options.more?.({ db, audit, approvals, artifacts, issuer }) ?? []),
  ];
  const contributions = [
    { name: 'surroundings', oidc: surroundings(issuanceOf) },
    ...capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }])),
  ];
  oidc = await createOidc({
    ...base,
    store: artifacts,
    notifications,
    fetch: () => Promise.reject(new Error('no network')),
    contributions: () => contributions,
  });
  const assets = await createAssets({ folder: join(ROOT, 'views', 'assets'), basePath: '' });
  const render = createRenderer({ viewsDir: join(ROOT, 'views'), assets, basePath: '', isCached: true });
  const csrf = createCsrf({ key: vault.derive('csrf'), issuer, ids: randomIds, bindingOf: (ctx) => ctx.cookies.get('who') });
  const pages = createPages({ render, csrf, basePath: '', isSecure: false, waitingFor: (id) => approvals.countWaiting(id) });
  const sessions = new Map<string, BrowserSession>();
  const router = new Router();
  for (const capability of capabilities) capability.routes?.(router, { pages, readJson, ...guards(sessions) });
  const http = createHttpApp({
    ...base,
    trustedProxies: [],
    cookieKeys: oidc.cookieKeys,
    readiness: {},
    errorFormats: [],
    renderError: (ctx, page) => pages.show(ctx, 'sign-in/message', page),
    bodyLimits: [],
    eventStreams,
    routes: [assets.middleware, router.routes() as unknown as Middleware],
    engine: oidc.middleware,
  });
  await notifications.start();
  const listening = await startHttpServer(http, { host: 'localhost', port });
  return {
    issuer: issuer.origin,
    db,
    oidc,
    artifacts,
    approvals,
    audit,
    database,
    signIn(who, session) {
      const known = Object.values(people).find(({ id }) => id === session.accountId);
      const signedIn = { name: known?.name ?? '', email: known?.email ?? '', role: known?.role ?? 'user' } as const;
      sessions.set(who, {
        ...signedIn,
        sessionUid: `uid-${who}`,
        authTime: systemClock.now(),
        acr: 'mfa',
        amr: ['pwd', 'otp'],
        ...session,
      });
    },
    async close() {
      await listening.drain({ graceMs: 1_000 });
      await notifications.stop();
      await db.close();
      await database.drop();
    },
  };
}

/** What the CIBA endpoint or the token endpoint answered. */
export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function post(url: string, form: Record<string, string>, client: string | undefined): Promise<Answered> {
  const authorization = client === undefined ? {} : { authorization: `Basic ${btoa(`${client}:${SECRET}`)}` };
  const response = await fetch(url, { method: 'POST', headers: authorization, body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Asks a person: CIBA Core §7.1. Mira is asked to let the bot pay invoices unless told otherwise; undefined leaves a parameter out. */
export function ask(
  issuer: TestIssuer,
  parameters: Record<string, string | undefined> = {},
  client: string | undefined = 'bot',
): Promise<Answered> {
  const form = { scope: 'openid invoices:pay', login_hint: people.mira.email, resource: RESOURCE, ...parameters };
  const sent = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return post(`${issuer.issuer}/bc-authorize`, Object.fromEntries(sent), client);
}

/** Asks for the answer: CIBA Core §10.1. */
export function poll(issuer: TestIssuer, authReqId: unknown, client = 'bot'): Promise<Answered> {
  return post(`${issuer.issuer}/token`, { grant_type: CIBA_GRANT, auth_req_id: String(authReqId) }, client);
}

/** The one question that waits for somebody, as they see it. */
export async function questionFor(issuer: TestIssuer, accountId: string) {
  const { items } = await issuer.approvals.list({ accountId, statuses: ['pending'], limit: 1 });
  const [approval] = items;
  if (approval === undefined) throw new Error('nothing waits');
  return issuer.approvals.describe(approval);
}

/** Answers it as a freshly signed-in person would. */
export async function answer(issuer: TestIssuer, accountId: string, decision: 'approve' | 'deny') {
  const { approval, hash } = await questionFor(issuer, accountId);
  const session = { accountId, sessionUid: 'uid', authTime: systemClock.now(), acr: 'mfa', amr: ['otp'] };
  return issuer.approvals.decide({ approvalId: approval.id, decision, shown: hash, session });
}

/** The claims of a token, unchecked. */
export function claimsOf(jwt: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}
