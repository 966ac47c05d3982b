import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pageBody } from '../../src/platform/http/paging.ts';
import { requestBody } from '../../src/token-exchange/asking/present.ts';
import { reasonNotToDecide } from '../../src/token-exchange/asking/delegation-request.ts';
import {
  ask,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeClient,
  makeResource,
  personToken,
  sessionOf,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
let from: Agent;
let token: string;
let subject: unknown;
/** Owns the receiving agents. */
let sam: string;

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  from = await makeAgent(server, 'Orchestrator');
  const account = { email: 'sam@example.com', name: 'Sam', role: 'user' } as const;
  sam = (await server.accounts.create(account, { kind: 'system', id: 'setup' })).id;
  subject = (await personToken(server, from, { resources: { [API]: 'read write' } })).body['access_token'];
  const manager = await makeClient(server, { purpose: 'management', is_management: true });
  const parameters = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:read admin:write' };
  token = String((await ask(server, manager, parameters)).body['access_token']);
});
beforeEach(() => {
  server.session = sessionOf('admin');
});
afterAll(() => server?.close());

/** An agent of Sam. */
const receiver = (name: string): Promise<Agent> => makeAgent(server, name, { ownerId: sam });

const wish = (to: Agent, more: Record<string, unknown> = {}) =>
  exchangeFor(server, to, { subject, resource: API, scope: 'read', delegation_request: 'Collects what Orchestrator found.', ...more });

async function call(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = { method, headers, redirect: 'manual' as const, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`${server.issuer}${path}`, init);
  const text = await response.text();
  const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown> & { model: Record<string, unknown>; html: string };
  return { status: response.status, location: response.headers.get('location'), body: json };
}

const eventsOf = async (type: 'delegation.requested' | 'delegation.approved' | 'delegation.declined' | 'delegation.lapsed', id: string) =>
  (await server.audit.list({ type, limit: 200 })).events.filter(({ event }) => event.resource === id);

describe('an agent that is refused asks for a delegation', () => {
  test('the refusal names the request; the owner of the agent that hands on approves, and the same exchange passes', async () => {
    const to = await receiver('Collector');
    const refused = await wish(to);
    expect(refused.body).toMatchObject({ error: 'actor_unauthorized', delegation_request: expect.stringMatching(/^dlr_/) });
    const id = String(refused.body['delegation_request']);
    expect((await wish(to)).body['delegation_request']).toBe(id);
    expect(await eventsOf('delegation.requested', id)).toHaveLength(1);
    server.session = sessionOf('user', server.accountId);
    const page = await call('GET', '/me/delegations');
    expect(page.body.html).toContain('May Collector take over from Orchestrator?');
    expect(page.body.html).toContain('Collects what Orchestrator found.');
    const one = await call('GET', `/me/delegations/${id}`);
    expect(one.body.model).toMatchObject({ mayDecide: true, limits: 'read', asker: 'Collector', state: { word: 'Waits' } });
    expect((await call('POST', `/me/delegations/${id}`, { decision: 'approve' })).status).toBe(302);
    expect(await eventsOf('delegation.approved', id)).toHaveLength(1);
    const passed = await wish(to);
    expect([passed.status, passed.claims['act']]).toEqual([200, expect.objectContaining({ sub: to.agentId })]);
    expect((await call('POST', `/me/delegations/${id}`, { decision: 'decline' })).status).toBe(409);
  });

  test('R8: nobody decides who asked or answers for the receiver; strangers see nothing', async () => {
    const to = await receiver('Reporter');
    const id = String((await wish(to)).body['delegation_request']);
    server.session = sessionOf('user', sam);
    expect((await call('GET', `/me/delegations/${id}`)).body.model).toMatchObject({
      mayDecide: false,
      why: expect.stringContaining('owner'),
    });
    expect((await call('POST', `/me/delegations/${id}`, { decision: 'approve' })).status).toBe(403);
    server.session = sessionOf('admin', sam);
    expect((await call('POST', `/console/delegation-requests/${id}`, { decision: 'approve' })).status).toBe(403);
    server.session = sessionOf('user', 'usr_nobody');
    expect((await call('GET', `/me/delegations/${id}`)).status).toBe(404);
    expect((await call('POST', `/api/v1/delegation-requests/${id}/approve`)).status).toBe(403);
    server.session = sessionOf('admin');
    expect((await call('GET', '/console/delegations')).body.html).toContain('May Reporter take over from Orchestrator?');
    expect((await call('GET', `/console/delegation-requests/${id}`)).body.model).toMatchObject({ mayDecide: true });
    expect((await call('POST', `/console/delegation-requests/${id}`, { decision: 'decline' })).location).toContain('/console/delegations');
    expect(await eventsOf('delegation.declined', id)).toHaveLength(1);
    expect((await wish(to)).body['error']).toBe('actor_unauthorized');
  });

  test('of two answers at once one counts', async () => {
    const to = await receiver('Racer');
    const id = String((await wish(to)).body['delegation_request']);
    const answers = await Promise.allSettled(
      ['approve', 'decline', 'approve', 'decline'].map((verb) =>
        server.exchange.requests[verb as 'approve'](id, { accountId: server.accountId, role: 'user' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const made = (await server.exchange.delegations.list({ agentId: to.agentId, limit: 10 })).delegations;
    expect(made.length).toBeLessThanOrEqual(1);
  });

  test('three wait at most between two agents, however many ask at once; what lapses is told once', async () => {
    const to = await receiver('Asker');
    const scopes = ['read', 'write', 'read write', undefined];
    const asked = await Promise.all(
      scopes.map((scope) =>
        wish(
          to,
          scope === undefined
            ? { scope: 'write', resource: API, authorization_details: '[{"type":"api_call","actions":["GET"]}]' }
            : { scope },
        ),
      ),
    );
    const ids = asked.map(({ body }) => body['delegation_request']).filter((id) => id !== undefined);
    expect(new Set(ids).size).toBe(3);
    await server.db.rows({
      name: 'age',
      text: 'UPDATE delegation_requests SET expires_at = requested_at WHERE id = $1',
      values: [ids[0]],
    });
    server.session = sessionOf('user', server.accountId);
    expect((await call('POST', `/me/delegations/${String(ids[0])}`, { decision: 'approve' })).status).toBe(409);
    expect(await server.exchange.requests.lapse()).toBe(1);
    expect(await server.exchange.requests.lapse()).toBe(0);
    expect(await eventsOf('delegation.lapsed', String(ids[0]))).toHaveLength(1);
    expect(await server.exchange.requests.purge()).toBe(0);
    const { body } = await call('GET', `/api/v1/delegation-requests?agent_id=${to.agentId}&state=pending`);
    expect((body['items'] as unknown[]).length).toBe(2);
    expect(pageBody(requestBody).parse(body)).toEqual(body);
    expect((await call('GET', `/api/v1/delegation-requests/${String(ids[0])}`)).body).toMatchObject({ state: 'expired', delegation: null });
  });

  test('nothing is asked for without a reason, for a refusal of another kind, or for what could be no delegation', async () => {
    const to = await receiver('Silent');
    expect((await wish(to, { delegation_request: '' })).body).not.toHaveProperty('delegation_request');
    expect((await wish(to, { scope: 'unheard' })).body).toMatchObject({ error: 'actor_unauthorized' });
    expect((await wish(to, { delegation_request: 'two\nlines' })).body['error']).toBe('invalid_request');
    expect((await wish(from, { scope: 'pay' })).body).not.toHaveProperty('delegation_request');
  });
});

describe('an owner asks for an agent of theirs', () => {
  const form = (to: Agent, more: object = {}) => ({
    ...{ from: from.agentId, to: to.agentId, resource: API, scopes: 'read', types: '', reason: 'Weekly report' },
    until: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10),
    ...more,
  });

  test('at /me, for one’s own agents alone; the other owner decides', async () => {
    const to = await receiver('Weekly');
    server.session = sessionOf('user', sam);
    expect((await call('GET', '/me/delegations/new')).body.html).toContain('Weekly');
    const foreign = await call('POST', '/me/delegations/new', form(from, { from: to.agentId }));
    expect(foreign.body.model).toMatchObject({ status: 400, faults: [{ field: 'to' }] });
    expect((await call('POST', '/me/delegations/new', form(to, { until: '2020-01-01' }))).body.model).toMatchObject({
      faults: [{ field: 'until' }],
    });
    expect((await call('POST', '/me/delegations/new', form(to))).location).toContain('/me/delegations');
    expect((await call('GET', '/me/delegations')).body.html).toContain('May Weekly take over from Orchestrator?');
    const [request] = await server.exchange.requests.list({ agentId: to.agentId, limit: 1 });
    expect(request).toMatchObject({ requestedBy: sam, scopes: ['read'] });
    await expect(server.exchange.requests.approve(String(request?.id), { accountId: sam, role: 'admin' })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await server.exchange.requests.approve(String(request?.id), { accountId: server.accountId, role: 'user' });
    expect((await exchangeFor(server, to, { subject, resource: API })).body['scope']).toBe('read');
  });
});

describe('R8 in a table', () => {
  const facts = { accountId: 'usr_1', isAdministrator: false, isSole: false, ownsFrom: false, ownsTo: false };
  test.each<[string, object, string, boolean]>([
    ['the owner of the one that hands on', { ownsFrom: true }, 'agt_2', true],
    ['an administrator', { isAdministrator: true }, 'agt_2', true],
    ['anybody else', {}, 'agt_2', false],
    ['the owner of both', { ownsFrom: true, ownsTo: true }, 'agt_2', false],
    ['an administrator who answers for the receiver', { isAdministrator: true, ownsTo: true }, 'agt_2', false],
    ['an administrator who asked', { isAdministrator: true }, 'usr_1', false],
    ['the only administrator, for an agent of their own', { isAdministrator: true, isSole: true, ownsTo: true }, 'usr_1', true],
  ])('%s: %j', (_, change, requestedBy, may) => {
    expect(reasonNotToDecide({ requestedBy }, { ...facts, ...change }) === undefined).toBe(may);
  });
});
