import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ask,
  type ExchangeServer,
  makeAgent,
  makeClient,
  makeResource,
  sessionOf,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
let server: ExchangeServer;
let from: TestClient & { readonly agentId: string };
let to: TestClient & { readonly agentId: string };
let token: string;

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  [from, to] = [await makeAgent(server, 'Orchestrator'), await makeAgent(server, 'Collector')];
  const manager = await makeClient(server, { purpose: 'management', is_management: true });
  const parameters = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:read admin:write' };
  token = String((await ask(server, manager, parameters)).body['access_token']);
});
beforeEach(() => {
  server.session = sessionOf('admin');
});
afterAll(() => server?.close());

const days = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();
const input = (more: object = {}) => ({ from: from.agentId, to: to.agentId, resources: [API], scopes: ['read'], until: days(1), ...more });

async function call(method: string, path: string, body?: object) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${server.issuer}${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    location: response.headers.get('location'),
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>,
  };
}

describe('/api/v1/delegations', () => {
  test('create, read, list, end; each change is in the audit trail', async () => {
    const created = await call('POST', '/api/v1/delegations', input({ authorization_details_types: ['api_call'] }));
    expect([created.status, created.body]).toEqual([
      201,
      expect.objectContaining({
        from: from.agentId,
        to: to.agentId,
        resources: [API],
        scopes: ['read'],
        authorization_details_types: ['api_call'],
        ended_at: null,
      }),
    ]);
    const id = String(created.body['id']);
    expect(created.location).toBe(`${server.issuer}/api/v1/delegations/${id}`);
    expect((await call('GET', `/api/v1/delegations/${id}`)).body).toEqual(created.body);
    const list = await call('GET', `/api/v1/delegations?agent_id=${to.agentId}&limit=1`);
    expect((list.body['items'] as { id: string }[]).map((one) => one.id)).toEqual([id]);
    expect((await call('DELETE', `/api/v1/delegations/${id}`)).status).toBe(204);
    expect((await call('DELETE', `/api/v1/delegations/${id}`)).status).toBe(409);
    expect((await call('GET', `/api/v1/delegations/${id}`)).body['ended_at']).not.toBeNull();
    const types = ['delegation.created', 'delegation.deleted'] as const;
    for (const type of types) {
      const { events } = await server.audit.list({ type, limit: 50 });
      expect(events.map(({ event }) => event.resource)).toContain(id);
    }
  });

  test.each([
    ['no agent', { to: 'agt_nobody' }, 'to'],
    ['the same agent', { to: undefined }, 'to'],
    ['an unknown resource', { resources: ['https://nobody.test'] }, 'resources'],
    ['no resource', { resources: [] }, 'resources'],
    ['an unknown type', { authorization_details_types: ['payment'] }, 'authorization_details_types'],
    ['neither scope nor type', { scopes: [] }, 'scopes'],
    ['an end in the past', { until: '2020-01-01T00:00:00Z' }, 'until'],
    ['an end too far away', { until: days(400) }, 'until'],
    ['a time without zone', { until: '2030-01-01' }, 'until'],
  ])('refuses %s and names the member', async (_, change, member) => {
    const body = input('to' in change && change.to === undefined ? { to: from.agentId } : change);
    expect(await call('POST', '/api/v1/delegations', body)).toMatchObject({ status: 400, body: { code: 'invalid_input', member } });
  });

  test('refuses tokens of this server itself, members it does not know, and callers without a token', async () => {
    expect((await call('POST', '/api/v1/delegations', input({ resources: [`${server.issuer}/api/v1`] }))).status).toBe(400);
    expect((await call('POST', '/api/v1/delegations', input({ forever: true }))).status).toBe(400);
    expect((await call('GET', '/api/v1/delegations/dlg_nothing')).status).toBe(404);
    expect((await fetch(`${server.issuer}/api/v1/delegations`)).status).toBe(401);
  });
});

describe('/console/delegations', () => {
  const form = (more: object = {}) => ({
    from: from.agentId,
    to: to.agentId,
    resource: API,
    scopes: 'read\nwrite',
    types: 'api_call',
    until: days(2).slice(0, 10),
    ...more,
  });

  test('the form makes one, the list shows it, and it is ended after a question', async () => {
    expect((await call('GET', '/console/delegations/new')).body).toMatchObject({ template: 'console/delegation-form' });
    expect((await call('POST', '/console/delegations/new', form())).location).toContain('/console/delegations');
    const { model, html } = (await call('GET', '/console/delegations')).body as {
      html: string;
      model: { heading: string; delegations: Record<string, unknown>[] };
    };
    expect(html).toContain('Orchestrator');
    expect(html).toContain('read, write · api_call');
    expect(model.heading).toContain('in force');
    expect(model.delegations[0]).toMatchObject({
      chain: [{ name: 'Orchestrator' }, { name: 'Collector', now: true }, { kind: 'resource' }],
      limits: 'read, write · api_call',
      state: { word: 'In force' },
      mayEnd: true,
    });
    const path = `/console/delegations/${String(model.delegations[0]?.['id'])}/end`;
    expect((await call('GET', path)).body).toMatchObject({ template: 'console/confirm', model: { heading: 'End this delegation?' } });
    expect((await call('POST', path, {})).location).toContain('/console/delegations');
    const after = (await call('GET', '/console/delegations')).body as { model: { delegations: unknown[] } };
    expect(after.model.delegations[0]).toMatchObject({ state: { word: 'Ended' }, mayEnd: false });
  });

  test('a fault comes back with the form and what was typed', async () => {
    const answer = await call('POST', '/console/delegations/new', form({ resource: 'https://nobody.test' }));
    expect(answer.body).toMatchObject({ model: { status: 400, faults: [{ field: 'resource' }], values: { scopes: 'read\nwrite' } } });
  });
});
