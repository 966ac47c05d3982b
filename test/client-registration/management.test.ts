import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { answer, basic, OWNER, type RegistrationServer, SERVICE_METADATA, startRegistrationServer } from './harness.ts';

let server: RegistrationServer;
let bearer: Record<string, string>;
const SECRET = 'bootstrap-secret-of-more-than-32-characters';

beforeAll(async () => {
  server = await startRegistrationServer();
  expect(await server.clients.ensureBootstrapClient({ clientId: 'bootstrap', secret: SECRET })).toBe('created');
  const parameters = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:read admin:write' };
  const { body } = await answer(server.token(parameters, basic('bootstrap', SECRET)));
  bearer = { authorization: `Bearer ${body['access_token']}` };
});
afterAll(() => server.close());

const call = (method: string, path: string, body?: object) =>
  answer(
    fetch(`${server.issuer}/api/v1${path}`, {
      method,
      headers: { ...bearer, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

test('the bootstrap client is for management, has governance, and never decides approvals', async () => {
  const record = await server.clients.get('bootstrap');
  expect(record).toMatchObject({ kind: 'bootstrap', isManagement: true, hasGovernance: true, purpose: 'management' });
  expect(record.serviceId).toMatch(/^svc_/);
  const parameters = { grant_type: 'client_credentials', client_id: 'bootstrap', client_secret: SECRET };
  const everything = { ...parameters, resource: `${server.issuer}/api/v1`, scope: 'admin:read admin:write approvals:decide' };
  expect((await answer(server.token(everything))).body['scope']).toBe('admin:read admin:write');
  for (const [path, scope] of [
    ['scim/v2', 'scim:read scim:write'],
    ['access/v1', 'access:evaluate access:search'],
  ] as const) {
    expect((await answer(server.token({ ...parameters, resource: `${server.issuer}/${path}`, scope }))).body['scope']).toBe(scope);
  }
});

test('a changed bootstrap secret rotates it, a deleted bootstrap client stays deleted', async () => {
  const bootstrap = { clientId: 'second-bootstrap', secret: SECRET };
  expect(await server.clients.ensureBootstrapClient(bootstrap)).toBe('created');
  expect(await server.clients.ensureBootstrapClient(bootstrap)).toBe('unchanged');
  const changed = { ...bootstrap, secret: `${SECRET}-changed` };
  expect(await server.clients.ensureBootstrapClient(changed)).toBe('rotated');
  const ask = (secret: string) =>
    answer(
      server.token(
        { grant_type: 'client_credentials', resource: `${server.issuer}/scim/v2`, scope: 'scim:read' },
        basic('second-bootstrap', secret),
      ),
    );
  expect((await ask(SECRET)).status).toBe(401);
  expect((await ask(changed.secret)).status).toBe(200);
  expect((await call('DELETE', '/clients/second-bootstrap')).status).toBe(204);
  expect(await server.clients.ensureBootstrapClient(changed)).toBe('stays_deleted');
  expect((await ask(changed.secret)).status).toBe(401);
  await expect(server.clients.ensureBootstrapClient({ clientId: 'usr_1', secret: SECRET })).rejects.toThrow('looks like the id');
});

test('RFC 9457: without a token, and with bad input, the answer is a problem', async () => {
  const refused = await fetch(`${server.issuer}/api/v1/clients`);
  expect([refused.status, refused.headers.get('content-type')]).toEqual([401, 'application/problem+json']);
  for (const body of [{}, { client_name: 'x', surprise: 1 }, { client_name: 'x', grant_types: ['password'] }]) {
    const { status, body: problem } = await call('POST', '/clients', body);
    expect([status, problem['code']]).toEqual([400, 'invalid_input']);
  }
  expect((await call('GET', '/clients?limit=1000')).status).toBe(400);
  expect((await call('GET', '/clients/cli_nobody')).status).toBe(404);
});

test('clients: add, read, change, rotate, list in pages, delete; the secret is in one answer only', async () => {
  const made = await call('POST', '/clients', { client_name: 'Reporting', purpose: 'service', scope: 'reports:read' });
  expect(made.status).toBe(201);
  const { client_id: id, client_secret: secret } = made.body;
  expect(made.body).toMatchObject({ kind: 'admin', purpose: 'service', scope: 'reports:read', is_management: false });
  const read = await call('GET', `/clients/${id}`);
  expect(JSON.stringify(read.body)).not.toContain(String(secret));
  const changed = await call('PATCH', `/clients/${id}`, {
    client_name: 'Reports',
    default_resource: 'https://Reports.example/',
    status: 'disabled',
  });
  expect(changed.body).toMatchObject({
    client_name: 'Reports',
    default_resource: 'https://reports.example',
    status: 'disabled',
    scope: 'reports:read',
  });
  const rotated = await call('POST', `/clients/${id}/secret`, { overlap_seconds: 0 });
  expect(rotated.body['client_secret']).not.toBe(secret);
  const first = await call('GET', '/clients?limit=1');
  expect(first.body['items']).toHaveLength(1);
  const second = await call('GET', `/clients?limit=1&cursor=${first.body['next_cursor']}`);
  expect(second.body['items']).not.toEqual(first.body['items']);
  expect((await call('GET', '/clients?search=reports')).body['items']).toEqual([expect.objectContaining({ client_id: id })]);
  expect((await call('DELETE', `/clients/${id}`)).status).toBe(204);
  expect((await call('GET', `/clients/${id}`)).status).toBe(404);
  expect(await server.dump()).not.toContain(String(secret));
});

test('an administrator’s client is judged by the rules of registration', async () => {
  const refused = [
    { token_endpoint_auth_method: 'none', grant_types: ['client_credentials'] },
    { grant_types: ['authorization_code'], redirect_uris: ['http://a.example/cb'] },
    { grant_types: ['authorization_code'] },
    { token_endpoint_auth_method: 'private_key_jwt' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://keys.example' },
    { has_governance: true },
    {
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: ['https://a.example/cb'],
      is_management: true,
    },
  ];
  for (const input of refused) expect((await call('POST', '/clients', { client_name: 'x', ...input })).status).toBe(400);
  const device = {
    client_name: 'TV',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    redirect_uris: ['http://127.0.0.1/cb'],
  };
  expect((await call('POST', '/clients', device)).status).toBe(201);
});

test('R7: only who has governance hands it on', async () => {
  const { record, secret } = await server.clients.create(
    {
      client_name: 'Small',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      purpose: 'management',
      is_management: true,
    },
    { kind: 'system', id: 'test' },
  );
  const parameters = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:write' };
  const { body } = await answer(server.token(parameters, basic(record.id, String(secret))));
  const own = bearer;
  bearer = { authorization: `Bearer ${body['access_token']}` };
  expect((await call('PATCH', `/clients/${record.id}`, { has_governance: true })).status).toBe(403);
  bearer = own;
  expect((await call('PATCH', `/clients/${record.id}`, { has_governance: true })).status).toBe(200);
});

test('initial access tokens: make, use, list, end; the value is in one answer only', async () => {
  const made = await call('POST', '/initial-access-tokens', { name: 'CI', owner: OWNER, agent_state: 'proposed', uses: 2 });
  expect(made.status).toBe(201);
  const { id, token } = made.body;
  expect((await answer(server.register(String(token), SERVICE_METADATA))).status).toBe(201);
  expect(server.registered.at(-1)).toMatchObject({ owner: OWNER.id, agentState: 'proposed' });
  const read = await call('GET', `/initial-access-tokens/${id}`);
  expect(read.body).toMatchObject({ uses_left: 1, uses_total: 2, revoked_at: null });
  expect(JSON.stringify((await call('GET', '/initial-access-tokens')).body)).not.toContain(String(token));
  expect((await call('DELETE', `/initial-access-tokens/${id}`)).status).toBe(204);
  expect((await call('DELETE', `/initial-access-tokens/${id}`)).status).toBe(409);
  expect((await answer(server.register(String(token), SERVICE_METADATA))).status).toBe(401);
});

test('an initial access token needs an owner who can answer', async () => {
  for (const id of ['usr_nobody', 'usr_owner_gone']) {
    expect((await call('POST', '/initial-access-tokens', { name: 'CI', owner: { kind: 'user', id } })).status).toBe(400);
  }
});

test('an initial access token is not bound to patterns that mean every host', async () => {
  for (const pattern of ['https://*', '*', 'https://*.example/cb', 'javascript:*', 'http://a.example/*']) {
    const { status, body } = await call('POST', '/initial-access-tokens', { name: 'CI', owner: OWNER, redirect_patterns: [pattern] });
    expect([status, body['member']]).toEqual([400, '/redirect_patterns/0']);
  }
  const made = await call('POST', '/initial-access-tokens', {
    name: 'CI',
    owner: OWNER,
    redirect_patterns: ['https://a.example/*', 'http://127.0.0.1/*'],
  });
  expect(made.status).toBe(201);
});

test('resource servers: add, read, change, credentials, remove', async () => {
  const made = await call('POST', '/resource-servers', {
    identifier: 'https://Mail.example/',
    name: 'Mail',
    scopes: [{ name: 'mail:send', description: 'Send mail' }],
  });
  expect(made.body).toMatchObject({ identifier: 'https://mail.example', kind: 'api', sensitivity: 'medium', token_ttl_seconds: null });
  const path = `/resource-servers/${made.body['id']}`;
  expect((await call('PATCH', path, { token_ttl_seconds: 60 })).body['token_ttl_seconds']).toBe(60);
  expect((await call('PATCH', path, { identifier: 'https://other.example' })).status).toBe(400);
  const credentials = await call('POST', `${path}/clients`);
  expect(credentials.status).toBe(201);
  const clientId = String(credentials.body['client_id']);
  expect((await call('GET', `${path}/clients`)).body['items']).toEqual([expect.objectContaining({ client_id: clientId })]);
  expect(await server.clients.get(clientId)).toMatchObject({ purpose: 'resource_server' });
  expect((await call('DELETE', path)).status).toBe(204);
  expect(await server.clients.find(clientId)).toBeUndefined();
  expect((await call('GET', path)).status).toBe(404);
});
