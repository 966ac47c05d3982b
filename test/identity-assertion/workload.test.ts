import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JWTPayload } from 'jose';
import type { TrustProvider } from '../../src/trust/index.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { basic, dpopProof, proofKey } from '../support/seeding.ts';
import { freePort } from '../support/test-server.ts';
import { ADMINISTRATOR, type Company, JWT_BEARER, makeClient, openCompany, present, RESOURCE, trust } from './company.ts';

const now = () => Math.floor(Date.now() / 1000);
const EDITOR = { ...ADMINISTRATOR, party: 'administrator' } as const;

let company: Company;
let github: ForeignIssuer;
let deploys: TrustProvider;
let agentId: string;
beforeAll(async () => {
  company = await openCompany(['mcp-sep-1933']);
  github = await startForeignIssuer('RS256');
  ({ agentId } = await makeClient(company.server, { name: 'Deploy bot', owner: company.accountId }));
  deploys = await trust(company.server, {
    ...{ name: 'Deploys', kind: 'workload', issuer: github.issuer, jwks_uri: github.jwksUri, agent_id: agentId },
    ...{ resources: [RESOURCE], scopes: ['read'] },
    claims: [
      { pointer: '/repository_id', values: ['4711'] },
      { pointer: '/ref', values: ['refs/heads/main', 'refs/heads/release'] },
    ],
  });
}, 60_000);
const opened: Company[] = [];
afterAll(async () => {
  for (const each of [company, ...opened]) await each.close();
  await github.close();
});

/** What GitHub Actions says of a run; both forms of `sub` are in use since 2026-07-15. */
const run = (claims: JWTPayload = {}) =>
  github.sign(
    {
      sub: 'repo:acme@99/tickets@4711:ref:refs/heads/main',
      aud: company.server.issuer,
      repository: 'acme/tickets',
      repository_id: '4711',
      repository_owner_id: '99',
      ref: 'refs/heads/main',
      event_name: 'push',
      job_workflow_ref: 'acme/tickets/.github/workflows/deploy.yml@refs/heads/main',
      ...claims,
    },
    { typ: 'JWT' },
  );
const ask = async (claims: JWTPayload = {}, form: Record<string, string> = {}) => present(company.server, await run(claims), { form });

describe('a workload without client and secret (MCP SEP-1933, draft Workload Authorization Grant)', () => {
  test('its platform’s token gives a token of its agent: no actor, no refresh token, nothing copied from the assertion', async () => {
    const { status, body, claims } = await ask({}, { resource: RESOURCE });
    expect([status, body['error_description']]).toEqual([200, undefined]);
    expect(claims).toMatchObject({ sub: agentId, sub_profile: 'ai_agent', aud: RESOURCE, scope: 'read', client_id: deploys.clientId });
    expect([claims['act'], claims['repository'], body['refresh_token']]).toEqual([undefined, undefined, undefined]);
  });

  test('the token endpoint is an audience too, and the record’s own; never two at once', async () => {
    expect((await ask({ aud: `${company.server.issuer}/token` })).status).toBe(200);
    expect((await ask({ aud: [company.server.issuer] })).status).toBe(200);
    for (const aud of ['https://github.com/acme', [company.server.issuer, 'https://github.com/acme'], undefined])
      expect((await ask({ aud } as JWTPayload)).body['error']).toBe('invalid_grant');
    await company.server.app.parts.trust.update(deploys.id, { audiences: ['behalf-deploys'] }, ADMINISTRATOR);
    expect((await ask({ aud: 'behalf-deploys' })).status).toBe(200);
  });

  test('the token does not outlive the assertion by much', async () => {
    const { claims } = await ask({ exp: now() + 90 });
    expect(Number(claims.exp) - now()).toBeLessThanOrEqual(92);
    const soon = await ask({ exp: now() + 5 });
    expect(Number(soon.claims.exp) - now()).toBeLessThanOrEqual(61);
  });

  test('a DPoP proof binds it', async () => {
    const headers = { dpop: dpopProof(`${company.server.issuer}/token`, proofKey()) };
    expect((await present(company.server, await run(), { headers })).body['token_type']).toBe('DPoP');
  });

  test('no typ at all is a platform’s token as well (a Kubernetes one has none)', async () => {
    const jwt = await github.sign({ sub: 'x', aud: company.server.issuer, repository_id: '4711', ref: 'refs/heads/main' }, {});
    expect((await present(company.server, jwt)).status).toBe(200);
  });

  test('claims of others do not fit: another repository, another branch, a pull request of a stranger', async () => {
    for (const claims of [
      { repository_id: '4712' },
      { repository_id: '47110' },
      { repository_id: undefined },
      { ref: 'refs/heads/main2' },
      { event_name: 'pull_request' },
      { event_name: 'pull_request_target' },
    ]) {
      const answer = await ask(claims as JWTPayload);
      expect([claims, answer.status, answer.body['error']]).toEqual([claims, 400, 'invalid_grant']);
    }
  });

  test('every failure answers the same words, and an administrator reads which it was', async () => {
    const expired = await ask({ iat: now() - 600, exp: now() - 60 });
    const far = await ask({ exp: now() + 31_536_000 });
    const stranger = await startForeignIssuer();
    const unknown = await present(company.server, await stranger.sign({ sub: 'x', aud: company.server.issuer }, { typ: 'JWT' }));
    await stranger.close();
    const wrongType = await present(company.server, await github.sign({ sub: 'x' }, { typ: 'at+jwt' }));
    const all = [expired, far, unknown, wrongType];
    expect(all.map(({ status, body }) => [status, body['error']])).toEqual(all.map(() => [400, 'invalid_grant']));
    const words = new Set(all.map(({ body }) => String(body['error_description']).slice(0, 35)));
    expect(words.size).toBe(1);
    const decision = await company.server.app.parts.policy.get(String(expired.body['decision_id']));
    expect(decision).toMatchObject({ rule: 'assertion-not-accepted', agentId, input: { fault: 'expired', trust_provider: deploys.id } });
    const { events } = await company.server.app.parts.audit.list({ types: ['assertion.refused'], limit: 10 });
    expect(events.map(({ event }) => event.cause)).toEqual(expect.arrayContaining(['expired', 'lifetime', 'unknown_issuer', 'wrong_type']));
  });

  test('what it asks for beyond its record: scopes, resources, details', async () => {
    expect((await ask({}, { scope: 'write' })).body['error']).toBe('invalid_scope');
    expect((await ask({}, { resource: 'https://mcp.tool.test/wiki' })).body['error']).toBe('invalid_target');
    const details = JSON.stringify([{ type: 'mcp_tool_call', locations: [RESOURCE], tools: ['search'] }]);
    const answer = await ask({}, { resource: RESOURCE, authorization_details: details });
    expect(answer.body['error']).toBe('invalid_authorization_details');
  });

  test('one assertion, one token', async () => {
    const jwt = await run();
    const answers = await Promise.all(Array.from({ length: 8 }, () => present(company.server, jwt)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(7);
  });
});

describe('the client of a workload opens nothing by itself', () => {
  const post = async (form: Record<string, string>, headers = {}) => {
    const response = await fetch(`${company.server.issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
    return [response.status, ((await response.json()) as Record<string, unknown>)['error']];
  };

  test('neither with the placeholder of a secret, nor as a public client, nor with another grant', async () => {
    const clientId = deploys.clientId ?? '';
    const assertion = await run();
    for (const secret of ['established-before', 'kept-as-a-hash', 'x'])
      expect(await post({ grant_type: JWT_BEARER, assertion }, basic({ clientId, secret }))).toEqual([401, 'invalid_client']);
    expect((await post({ grant_type: JWT_BEARER, assertion, client_id: clientId }))[0]).toBe(401);
    expect((await post({ grant_type: JWT_BEARER, assertion, client_id: clientId, client_secret: 'established-before' }))[0]).toBe(401);
    expect((await post({ grant_type: 'client_credentials', assertion }))[0]).toBe(400);
    const twice = `grant_type=${encodeURIComponent(JWT_BEARER)}&grant_type=client_credentials&assertion=${assertion}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await fetch(`${company.server.issuer}/token`, { method: 'POST', headers, body: twice })).status).toBe(400);
    expect((await present(company.server, assertion)).status).toBe(200);
  });

  test('an identity assertion without a client stays outside (R4)', async () => {
    const answer = await present(company.server, await company.idJag());
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
  });

  test('no administrator gives it a secret, changes or removes it', async () => {
    const { clients } = company.server.app.parts;
    const clientId = deploys.clientId ?? '';
    const conflict = { code: 'conflict' };
    await expect(clients.rotateSecret(clientId, { by: ADMINISTRATOR })).rejects.toMatchObject(conflict);
    await expect(clients.update(clientId, { is_management: true }, ADMINISTRATOR)).rejects.toMatchObject(conflict);
    await expect(clients.remove(clientId, ADMINISTRATOR)).rejects.toMatchObject(conflict);
  });

  test('a body of 60 KB, and one that is no form, are the engine’s to refuse', async () => {
    expect((await post({ grant_type: JWT_BEARER, assertion: 'x'.repeat(60 * 1024) }))[0]).toBe(400);
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${company.server.issuer}/token`, { method: 'POST', headers, body: '{}' })).status).toBe(400);
  });
});

describe('stopping', () => {
  test('a suspended agent gets nothing; a record switched off lets nothing in and ends what is held', async () => {
    const { agents, trust: records, tokens } = company.server.app.parts;
    const held = await ask();
    const isLive = async () => (await tokens.find(String(held.claims.jti)))?.isLive;
    expect(await isLive()).toBe(true);
    await records.update(deploys.id, { status: 'disabled' }, ADMINISTRATOR);
    expect(await isLive()).toBe(false);
    expect((await ask()).body['error']).toBe('invalid_grant');
    await records.update(deploys.id, { status: 'active' }, ADMINISTRATOR);
    expect((await ask()).status).toBe(200);
    await agents.setStatus(agentId, 'suspended', { by: EDITOR, reason: 'a test' });
    const stopped = await ask();
    expect([stopped.status, stopped.body['error'], typeof stopped.body['decision_id']]).toEqual([401, 'invalid_client', 'string']);
    await agents.setStatus(agentId, 'active', { by: EDITOR, reason: 'a test' });
  });

  test('two records that both fit are two agents, so neither is believed', async () => {
    const { agentId: other } = await makeClient(company.server, { name: 'Other bot', owner: company.accountId });
    const twin = await trust(company.server, {
      ...{ name: 'Twin', kind: 'workload', issuer: github.issuer, jwks_uri: github.jwksUri, agent_id: other },
      ...{ resources: [RESOURCE], scopes: ['read'], claims: [{ pointer: '/repository_id', values: ['4711'] }] },
    });
    expect((await ask()).body['error']).toBe('invalid_grant');
    await company.server.app.parts.trust.remove(twin.id, ADMINISTRATOR);
    expect((await ask()).status).toBe(200);
  });

  test('a record that is removed takes its client and its tokens with it', async () => {
    const { clients, tokens, trust: records } = company.server.app.parts;
    const held = await ask();
    await records.remove(deploys.id, ADMINISTRATOR);
    expect((await tokens.find(String(held.claims.jti)))?.isLive).toBe(false);
    expect(await clients.find(deploys.clientId ?? '')).toBeUndefined();
    expect((await ask()).body['error']).toBe('invalid_grant');
  });
});

describe('a cluster whose issuer nobody outside can reach', () => {
  test('its keys stand in the record, and a service account is matched by what is never given out again', async () => {
    const cluster = await startForeignIssuer('RS256');
    const { agentId: pod } = await makeClient(company.server, { name: 'Pod', owner: company.accountId });
    const issuer = 'https://kubernetes.cluster.local';
    await trust(company.server, {
      ...{ name: 'Cluster', kind: 'workload', issuer, jwks: { keys: [cluster.publicJwk] }, agent_id: pod, resources: [RESOURCE] },
      ...{ scopes: ['read'], claims: [{ pointer: '/kubernetes.io/serviceaccount/uid', values: ['5c1b'] }] },
    });
    const account = (uid: string) => ({ namespace: 'prod', serviceaccount: { name: 'reader', uid }, pod: { name: 'reader-1', uid: 'p1' } });
    const token = (uid: string) => ({
      ...{ iss: issuer, sub: 'system:serviceaccount:prod:reader', aud: [company.server.issuer], 'kubernetes.io': account(uid) },
    });
    const good = await present(company.server, await cluster.sign(token('5c1b'), {}));
    expect([good.status, good.claims.sub]).toEqual([200, pod]);
    expect((await present(company.server, await cluster.sign(token('9d2e'), {}))).body['error']).toBe('invalid_grant');
    const forAll = { ...token('5c1b'), aud: ['https://kubernetes.default.svc.cluster.local'] };
    expect((await present(company.server, await cluster.sign(forAll, {}))).body['error']).toBe('invalid_grant');
    expect(cluster.reads()).toBe(0);
    await cluster.close();
  });
});

describe('an issuer with a path', () => {
  test('takes workloads at its own token endpoint', async () => {
    const port = await freePort();
    const below = await openCompany(['mcp-sep-1933'], new URL(`http://localhost:${port}/tenant`));
    opened.push(below);
    const { agentId: bot } = await makeClient(below.server, { name: 'Bot', owner: below.accountId });
    await trust(below.server, {
      ...{ name: 'Deploys', kind: 'workload', issuer: github.issuer, jwks_uri: github.jwksUri, agent_id: bot },
      ...{ resources: [RESOURCE], scopes: ['read'], claims: [{ pointer: '/repository_id', values: ['4711'] }] },
    });
    const jwt = (aud: string) => github.sign({ sub: 'x', aud, repository_id: '4711' }, { typ: 'JWT' });
    expect((await present(below.server, await jwt(`${below.server.issuer}/token`))).claims.sub).toBe(bot);
    expect((await present(below.server, await jwt(`http://localhost:${port}`))).body['error']).toBe('invalid_grant');
  }, 60_000);
});

describe('without the name of the draft', () => {
  test('a request without a client is what it always was', async () => {
    const plain = await openCompany();
    opened.push(plain);
    const jwt = await github.sign({ sub: 'x', aud: plain.server.issuer, repository_id: '4711', ref: 'refs/heads/main' }, { typ: 'JWT' });
    const answer = await present(plain.server, jwt);
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
    const withClient = await present(plain.server, jwt, { client: plain.agent });
    expect([withClient.status, withClient.body['error']]).toEqual([400, 'invalid_grant']);
  }, 60_000);
});
