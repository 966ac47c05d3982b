import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type HttpServer, startHttpServer } from '../../src/platform/http/server.ts';
import { newProvisioningToken } from '../../src/client-registration/provisioning-tokens/provisioning-token.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import {
  ACCESS_TOKEN,
  ADMINISTRATOR,
  assertionOf,
  basic,
  EXCHANGE,
  openSeeding,
  type SeededClient,
  type Seeding,
} from '../support/seeding.ts';
import { ask } from '../support/server-process.ts';
import { freePort } from '../support/test-server.ts';

const RESOURCE = 'https://api.example/trips';
const REDIRECT = 'https://client.example/cb';

let database: TestDatabase;
let seeding: Seeding;
let server: HttpServer;
let port: number;
let own: SeededClient;
let agent: SeededClient;
let second: SeededClient;
let publicClient: SeededClient;
let statements: string[] = [];

/** Every statement that goes to the database, transaction statements included: each is one round trip. */
const { query } = pg.Client.prototype;

beforeAll(async () => {
  [database, port] = await Promise.all([freshDatabase(), freePort()]);
  seeding = await openSeeding(database.connection, { issuer: `http://localhost:${port}`, masterKey: randomBytes(32) });
  server = await startHttpServer(seeding.app.http, { host: 'localhost', port });
  own = await seeding.resource(RESOURCE);
  agent = await seeding.agent('first', { token_endpoint_auth_method: 'private_key_jwt' });
  second = await seeding.agent('second', { token_endpoint_auth_method: 'private_key_jwt', grant_types: [EXCHANGE] as never });
  const people = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT] } as never as object;
  publicClient = await seeding.agent('public', { token_endpoint_auth_method: 'none', ...people });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const between = { from: agent.agentId, to: second.agentId, resources: [RESOURCE], scopes: ['read'], until };
  await seeding.app.parts.tokenExchange.delegations.create(between as never, { kind: 'account', id: 'usr_administrator' });
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
    const [first] = args as [string | { name?: string; text?: string }];
    const { name, text = '' } = typeof first === 'string' ? { text: first } : first;
    statements.push(name ?? text.replace(/\s+/g, ' ').slice(0, 80));
    return (query as (...all: unknown[]) => unknown).apply(this, args);
  } as typeof query;
}, 60_000);
afterAll(async () => {
  pg.Client.prototype.query = query;
  await server?.drain({ graceMs: 500 });
  await seeding?.close();
  await database?.drop();
});

const here = () => ({ port, issuer: seeding.issuer });

/** Asked once a second, not once a request (src/resource-servers/remembered.ts). */
const KEPT_FOR_A_SECOND: ReadonlySet<string> = new Set(['resource-server-by-identifier', 'resources-of-client']);

/** The statements of one request; the first of its kind goes before it. */
async function statementsOf(request: () => Promise<Parameters<typeof ask>[2] & { readonly path: string }>): Promise<string[]> {
  const asked = [await request(), await request()];
  for (const { path, ...what } of asked) {
    statements = [];
    const answer = await ask(here(), path, what);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  }
  return statements.filter((name) => !KEPT_FOR_A_SECOND.has(name));
}

const credentials = async () => ({
  path: '/token',
  form: { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE, ...assertionOf(agent, seeding.issuer) },
});

async function accessToken(): Promise<string> {
  const { path, ...what } = await credentials();
  return String((await ask(here(), path, what)).json()['access_token']);
}

async function consented({ clientId } = publicClient): Promise<Record<string, unknown>> {
  const { Grant, Client } = seeding.app.oidc.current();
  const { accountId } = seeding;
  const grant = new Grant({ accountId, clientId });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(RESOURCE, 'read');
  const client = await Client.find(clientId);
  return { client, accountId, grantId: await grant.save(), scope: 'offline_access read', resource: RESOURCE, gty: 'authorization_code' };
}

describe('database round trips of one request', () => {
  test('client_credentials with private_key_jwt', async () => {
    const found = await statementsOf(credentials);
    expect(found).toEqual(['client-find', 'agent-standing', 'replay-record', 'token-insert-with-decisions']);
  });

  test('client_credentials of an agent below another one: those above it cost one more', async () => {
    const { agents } = seeding.app.parts;
    const child = await seeding.agent('child', { token_endpoint_auth_method: 'private_key_jwt' });
    await agents.update(agent.agentId ?? '', { changes: { maxChildren: 1, maxChildDepth: 1 } }, ADMINISTRATOR);
    await agents.update(child.agentId ?? '', { changes: { parentId: agent.agentId } }, ADMINISTRATOR);
    const found = await statementsOf(async () => {
      const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE, ...assertionOf(child, seeding.issuer) };
      return { path: '/token', form };
    });
    expect(found).toEqual(['client-find', 'agent-standing', 'agent-line-with-reach', 'replay-record', 'token-insert-with-decisions']);
  });

  test('client_credentials that says what runs, and it is what was agreed', async () => {
    const digest = createHash('sha256').update('manifest').digest('hex');
    const changes = { manifestDigest: `sha-256:${digest}`, model: { name: 'm1' } };
    await seeding.app.parts.agents.update(agent.agentId ?? '', { changes }, ADMINISTRATOR);
    const found = await statementsOf(async () => {
      const { path, form } = await credentials();
      return { path, form: { ...form, agent_manifest_digest: `sha256:${digest}`, agent_model: '{"name":"m1"}' } };
    });
    expect(found).toEqual(['client-find', 'agent-standing', 'replay-record', 'token-insert-with-decisions']);
  });

  test('token exchange at hop 2', async () => {
    const found = await statementsOf(async () => {
      const form = {
        grant_type: EXCHANGE,
        subject_token: await accessToken(),
        subject_token_type: ACCESS_TOKEN,
        resource: RESOURCE,
        scope: 'read',
      };
      return { path: '/token', form: { ...form, ...assertionOf(second, seeding.issuer) } };
    });
    expect(found).toEqual([
      ...['client-find', 'agent-standing', 'replay-record', 'token-find'],
      // together: the bounds of everybody in the chain, however long it is, and the delegation
      ...['agent-line-with-reach', 'delegation-in-force', 'token-insert-with-decisions'],
    ]);
  });

  test('introspection by the resource server', async () => {
    const found = await statementsOf(async () => ({ path: '/introspect', form: { token: await accessToken() }, headers: basic(own) }));
    expect(found).toEqual(['client-find', 'agent-standing', 'token-find']);
  });

  test('access evaluation: one read for who asks, one for the token; a refusal is one write more', async () => {
    const form = { grant_type: 'client_credentials', scope: 'access:evaluate', resource: `${seeding.issuer}/access/v1` };
    const asking = (await ask(here(), '/token', { form, headers: basic(own) })).json()['access_token'];
    const headers = { authorization: `Bearer ${asking}` };
    const [, claims = ''] = (await accessToken()).split('.');
    const { jti } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { jti: string };
    const json = {
      subject: { type: 'agent', id: agent.agentId },
      action: { name: 'read' },
      resource: { type: 'trip', id: '1' },
      context: { jti },
    };
    const path = '/access/v1/evaluation';
    expect(await statementsOf(async () => ({ path, headers, json }))).toEqual(['token-find', 'token-find']);
    const beyond = { ...json, action: { name: 'write' } };
    expect(await statementsOf(async () => ({ path, headers, json: beyond }))).toEqual([
      'token-find',
      'token-find',
      'access-keep-decisions',
    ]);
  });

  test('a call with a provisioning token', async () => {
    const token = newProvisioningToken.parse({});
    const by = { kind: 'system', id: 'test' } as const;
    const { value } = await seeding.app.parts.clients.provisioningTokens.connect({ name: 'Okta', hasGovernance: false, token }, by);
    const headers = { authorization: `Bearer ${value}` };
    expect(await statementsOf(async () => ({ path: '/scim/v2/ServiceProviderConfig', headers }))).toEqual(['provisioning-token-by-hash']);
  });

  test('authorization code', async () => {
    const found = await statementsOf(async () => {
      const verifier = randomBytes(32).toString('base64url');
      const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
      const about = { ...(await consented()), redirectUri: REDIRECT, codeChallenge, codeChallengeMethod: 'S256' };
      const code = await new (seeding.app.oidc.current().AuthorizationCode)(about as never).save();
      const form = {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: REDIRECT,
        client_id: publicClient.clientId,
      };
      return { path: '/token', form };
    });
    expect(found).toEqual([
      ...['client-find', 'agent-standing', 'artifact-find', 'artifact-find'],
      ...['BEGIN', 'artifact-consume', 'account-find', 'token-insert-with-decisions', 'refresh-token-insert', 'COMMIT'],
    ]);
  });

  test('refresh token, rotated', async () => {
    const found = await statementsOf(async () => {
      const value = await new (seeding.app.oidc.current().RefreshToken)((await consented()) as never).save();
      return { path: '/token', form: { grant_type: 'refresh_token', refresh_token: value, client_id: publicClient.clientId } };
    });
    expect(found).toEqual([
      ...['client-find', 'agent-standing', 'refresh-token-find', 'artifact-find', 'account-find'],
      ...['BEGIN', 'refresh-token-claim', 'refresh-token-insert', 'token-insert-with-decisions', 'COMMIT'],
    ]);
  });

  test('refresh token that was rotated a moment ago: what replaced it is read instead of written', async () => {
    const value = await new (seeding.app.oidc.current().RefreshToken)((await consented()) as never).save();
    const form = { grant_type: 'refresh_token', refresh_token: value, client_id: publicClient.clientId };
    const found = await statementsOf(async () => ({ path: '/token', form }));
    expect(found).toEqual([
      ...['client-find', 'agent-standing', 'refresh-token-find', 'artifact-find', 'account-find'],
      ...['BEGIN', 'refresh-token-claim', 'refresh-token-replaced', 'token-insert-with-decisions', 'COMMIT'],
    ]);
  });

  test('refresh token of a client that authenticates: kept, so that nothing but the access token is written', async () => {
    const { RefreshToken, Client } = seeding.app.oidc.current();
    const grants = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT] } as never as object;
    const kept = await seeding.agent('confidential', grants);
    const value = await new RefreshToken({ ...(await consented(kept)), client: await Client.find(kept.clientId) } as never).save();
    const form = { grant_type: 'refresh_token', refresh_token: value };
    const found = await statementsOf(async () => ({ path: '/token', form, headers: basic(kept) }));
    const reads = ['client-find', 'agent-standing', 'refresh-token-find', 'artifact-find', 'account-find'];
    expect(found).toEqual([...reads, 'token-insert-with-decisions']);
  });
});

test('PostgreSQL keeps one plan for each of them, instead of making a new one each time', async () => {
  for (let time = 0; time < 8; time += 1) {
    const subject = await accessToken();
    const exchange = {
      grant_type: EXCHANGE,
      subject_token: subject,
      subject_token_type: ACCESS_TOKEN,
      resource: RESOURCE,
      scope: 'read',
      ...assertionOf(second, seeding.issuer),
    };
    for (const [path, form] of [
      ['/token', exchange],
      ['/introspect', { token: subject }],
    ] as const) {
      expect((await ask(here(), path, { form, ...(path === '/introspect' ? { headers: basic(own) } : {}) })).status).toBe(200);
    }
  }
  // requests one after the other use the connection that was given back last
  const plans = await seeding.db.rows<{ name: string; generic_plans: string; custom_plans: string }>({
    name: 'plans',
    text: 'SELECT name, generic_plans, custom_plans FROM pg_prepared_statements',
    values: [],
  });
  const hot = ['client-find', 'agent-standing', 'replay-record', 'token-find', 'delegation-in-force', 'token-insert-with-decisions'];
  const planned = plans.filter(({ name }) => hot.includes(name)).map((plan) => [plan.name, Number(plan.custom_plans) <= 5]);
  expect(Object.fromEntries(planned)).toEqual(Object.fromEntries(hot.map((name) => [name, true])));
});
