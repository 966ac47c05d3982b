import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import {
  ADMINISTRATOR,
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
const DOWN = 'https://down.test';
const BEYOND = 'https://beyond.test';
let server: ExchangeServer;
let agent: TestClient & { readonly agentId: string };
let token: string;

beforeAll(async () => {
  server = await startExchangeServer();
  for (const resource of [API, DOWN, BEYOND]) await makeResource(server, resource);
  agent = await makeAgent(server, 'Collector');
  const manager = await makeClient(server, { purpose: 'management', is_management: true });
  const parameters = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:read admin:write' };
  token = String((await ask(server, manager, parameters)).body['access_token']);
});
beforeEach(() => {
  server.session = sessionOf('admin');
});
afterAll(() => server?.close());

async function call(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = { method, headers, redirect: 'manual' as const, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(`${server.issuer}${path}`, init);
  const text = await response.text();
  const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown> & { model: Record<string, unknown>; html: string };
  return { status: response.status, location: response.headers.get('location'), body: json };
}

const rule = (from: string, to: string, at: { from?: string; to?: string } = {}) => ({
  from: { resource: at.from ?? API, scope: from },
  to: { resource: at.to ?? DOWN, scope: to },
});
const held = async (scope: string) => (await personToken(server, agent, { resources: { [API]: scope } })).body['access_token'];
const down = (subject: unknown, more: Record<string, unknown> = {}, client: Pick<TestClient, 'headers'> = agent) =>
  exchangeFor(server, client, { subject, resource: DOWN, ...more });

test('R2: a rule gives one scope elsewhere for one scope held here, and goes with the rule', async () => {
  const [both, write] = [await held('read write'), await held('write')];
  expect((await down(both)).body['error']).toBe('invalid_target');
  const created = await call('POST', '/api/v1/scope-mappings', rule('read', 'pay'));
  expect([created.status, created.body]).toEqual([
    201,
    expect.objectContaining({ id: expect.stringMatching(/^map_/), ...rule('read', 'pay') }),
  ]);
  const given = await down(both);
  expect([given.status, given.body['scope'], given.claims.aud]).toEqual([200, 'pay', DOWN]);
  // the scope of the same name is another one there, and who does not hold the first one gets nothing
  expect((await down(both, { scope: 'read' })).body['error']).toBe('invalid_scope');
  expect((await down(write)).body['error']).toBe('invalid_target');
  // a rule leads one step
  expect((await exchangeFor(server, agent, { subject: given.body['access_token'], resource: BEYOND })).body['error']).toBe(
    'invalid_target',
  );
  expect((await call('GET', `/api/v1/scope-mappings/${String(created.body['id'])}`)).body).toEqual(created.body);
  expect((await call('DELETE', `/api/v1/scope-mappings/${String(created.body['id'])}`)).status).toBe(204);
  expect((await down(both)).body['error']).toBe('invalid_target');
  for (const type of ['scope_mapping.created', 'scope_mapping.deleted'] as const)
    expect((await server.audit.list({ type, limit: 9 })).events.map(({ event }) => event.resource)).toContain(created.body['id']);
});

test('a resource server that received a token exchanges it for nothing but its listed downstream', async () => {
  const own = await makeClient(server, { purpose: 'resource_server', resources: [DOWN] });
  const row = await server.db.row<{ id: string }>({
    name: 'rs',
    text: 'SELECT id FROM resource_servers WHERE identifier = $1',
    values: [API],
  });
  await server.resources.addClient(String(row?.id), own.clientId, ADMINISTRATOR);
  for (const to of [DOWN, BEYOND]) await server.exchange.mappings.create(rule('read', 'read', { to }), ADMINISTRATOR);
  const received = await held('read');
  const passed = await down(received, {}, own);
  expect([passed.status, passed.claims.aud, passed.claims['act']]).toEqual([
    200,
    DOWN,
    expect.objectContaining({ sub_profile: 'service' }),
  ]);
  // its own audience, another API, and what it got in exchange
  for (const [subject, resource] of [
    [received, API],
    [received, BEYOND],
  ] as const)
    expect([resource, (await exchangeFor(server, own, { subject, resource })).status]).toEqual([resource, 400]);
  const beyond = await exchangeFor(server, own, { subject: passed.body['access_token'], resource: BEYOND });
  expect(beyond.status).toBe(400);
});

test.each<[string, object, string]>([
  ['a resource that is not registered', rule('read', 'read', { to: 'https://nobody.test' }), 'to/resource'],
  ['a scope that nobody offers', rule('unheard', 'read'), 'from/scope'],
  ['the same resource', rule('read', 'write', { to: `${API}/` }), 'to/resource'],
])('refuses %s', async (_, body, member) => {
  expect(await call('POST', '/api/v1/scope-mappings', body)).toMatchObject({ status: 400, body: { code: 'invalid_input', member } });
});

test('the page lists the rules, takes another one once, and asks before one goes', async () => {
  const form = { fromResource: API, fromScope: 'pay', toResource: DOWN, toScope: 'pay' };
  expect((await call('POST', '/console/scope-mappings', form)).location).toContain('/console/scope-mappings');
  expect((await call('POST', '/console/scope-mappings', form)).body.model).toMatchObject({
    status: 400,
    faults: [{ field: 'toScope' }],
    values: form,
  });
  expect((await call('POST', '/console/scope-mappings', { ...form, fromScope: '' })).body.model).toMatchObject({
    faults: [{ field: 'fromScope' }],
  });
  const { body } = await call('GET', '/console/scope-mappings');
  const mappings = body.model['mappings'] as { id: string; from: { scope: string } }[];
  const { id } = mappings.find(({ from }) => from.scope === 'pay') as { id: string };
  expect((await call('GET', `/console/scope-mappings/${id}/remove`)).body.model).toMatchObject({ heading: 'Remove this mapping?' });
  expect((await call('POST', `/console/scope-mappings/${id}/remove`, {})).location).toContain('/console/scope-mappings');
  expect((await call('GET', `/api/v1/scope-mappings/${id}`)).status).toBe(404);
});

test('API: an unregistered own address, and members it does not know, are refused', async () => {
  expect((await call('POST', '/api/v1/scope-mappings', rule('admin:read', 'read', { from: `${server.issuer}/api/v1` }))).status).toBe(400);
  expect((await call('POST', '/api/v1/scope-mappings', { ...rule('read', 'read'), both: true })).status).toBe(400);
  expect((await fetch(`${server.issuer}/api/v1/scope-mappings`)).status).toBe(401);
});
