import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { errors } from 'oidc-provider';
import { answer, BROWSER_METADATA, basic, OWNER, type RegistrationServer, SERVICE_METADATA, startRegistrationServer } from './harness.ts';

let server: RegistrationServer;
beforeAll(async () => {
  server = await startRegistrationServer();
});
afterAll(() => server.close());
beforeEach(() => {
  for (const list of [server.registered, server.widened, server.audited]) list.length = 0;
});

const registerService = async (metadata: object = {}, token: object = {}) =>
  answer(server.register(await server.enrolmentToken(token), { ...SERVICE_METADATA, ...metadata }));

const manage = (body: Record<string, unknown>, method: string, update?: object) =>
  answer(
    fetch(String(body['registration_client_uri']), {
      method,
      headers: { authorization: `Bearer ${body['registration_access_token']}`, 'content-type': 'application/json' },
      ...(update === undefined ? {} : { body: JSON.stringify(update) }),
    }),
  );

test('RFC 7591 §3: registers with an initial access token, tells the registry and the audit trail', async () => {
  const { status, body } = await registerService();
  expect(status).toBe(201);
  expect(body).toMatchObject({
    client_name: 'Invoice bot',
    grant_types: ['client_credentials'],
    response_types: [],
    client_secret_expires_at: 0,
  });
  expect(body['client_id']).toMatch(/^cli_/);
  expect(String(body['client_secret']).length).toBeGreaterThanOrEqual(43);
  expect(Object.keys(body)).not.toContain('behalf');
  expect(server.registered).toEqual([{ clientId: body['client_id'], owner: OWNER.id, agentState: 'active' }]);
  expect(server.audited).toContainEqual(expect.objectContaining({ type: 'client.registered', clientId: body['client_id'] }));
  expect(await server.clients.find(String(body['client_id']))).toMatchObject({ kind: 'dynamic', purpose: 'agent', isManagement: false });
});

test('RFC 7591 §3: refuses registration without a token, with a wrong, an expired and a revoked one', async () => {
  const spent = await server.clients.initialAccessTokens.create(
    { name: 'old', owner: OWNER, agent_state: 'active', uses: 1, ttl_seconds: 60, grant_types: ['client_credentials'] },
    { kind: 'system', id: 'test' },
  );
  await server.db.rows({
    name: 'expire',
    text: 'UPDATE initial_access_tokens SET expires_at = created_at WHERE id = $1',
    values: [spent.record.id],
  });
  const revoked = await server.clients.initialAccessTokens.create(
    { name: 'gone', owner: OWNER, agent_state: 'active', uses: 1, ttl_seconds: 60, grant_types: ['client_credentials'] },
    { kind: 'system', id: 'test' },
  );
  await server.clients.initialAccessTokens.revoke(revoked.record.id, { kind: 'system', id: 'test' });
  for (const token of [undefined, 'behalf_iat_wrong', spent.token, revoked.token]) {
    const { status, body } = await answer(server.register(token, SERVICE_METADATA));
    expect([status, body['error']]).toEqual([401, 'invalid_token']);
  }
  expect(server.registered).toEqual([]);
});

test('a token with a count of three lets exactly three of twenty registrations at once through', async () => {
  const token = await server.enrolmentToken({ uses: 3 });
  const results = await Promise.all(Array.from({ length: 20 }, () => answer(server.register(token, SERVICE_METADATA))));
  const statuses = results.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(3).fill(201), ...Array(17).fill(401)]);
  expect(server.registered).toHaveLength(3);
});

test('a refused registration does not use the token up', async () => {
  const token = await server.enrolmentToken();
  expect((await answer(server.register(token, { ...SERVICE_METADATA, jwks_uri: 'http://keys.example' }))).status).toBe(400);
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(201);
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(401);
});

test('when the registry refuses the agent, neither client nor use of the token stays', async () => {
  const token = await server.enrolmentToken();
  server.onRegistered = async () => {
    server.db.rollback();
    throw new errors.InvalidClientMetadata('the agent is suspended');
  };
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(400);
  server.onRegistered = async () => undefined;
  const before = await server.clients.count();
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(201);
  expect(await server.clients.count()).toBe(before + 1);
});

test('R16: neither the secret nor the initial access token is in the database', async () => {
  const token = await server.enrolmentToken();
  const { body } = await answer(server.register(token, SERVICE_METADATA));
  const dump = await server.dump();
  expect(dump).toContain(String(body['client_id']));
  for (const bearer of [token, body['client_secret'], body['registration_access_token']]) {
    expect(dump).not.toContain(String(bearer));
    expect(dump).not.toContain(Buffer.from(String(bearer)).toString('hex'));
  }
});

test('RFC 7592 §2.1: reads a registration without its secret', async () => {
  const { body } = await registerService();
  const read = await manage(body, 'GET');
  expect(read.status).toBe(200);
  expect(read.body).toMatchObject({ client_id: body['client_id'], client_name: 'Invoice bot' });
  for (const member of ['client_secret', 'behalf', 'resource_scope']) expect(Object.keys(read.body)).not.toContain(member);
});

test('RFC 7592 §2.2: updates, accepts the true secret and refuses any other, rotates the registration token', async () => {
  const { body } = await registerService();
  const update = { ...SERVICE_METADATA, client_id: body['client_id'], client_name: 'Renamed' };
  expect((await manage(body, 'PUT', { ...update, client_secret: 'wrong' })).status).toBe(400);
  expect((await manage(body, 'PUT', { ...update, client_secret: 'kept-as-a-hash' })).status).toBe(400);
  const updated = await manage(body, 'PUT', { ...update, client_secret: body['client_secret'] });
  expect(updated.status).toBe(200);
  expect(updated.body).toMatchObject({ client_name: 'Renamed' });
  expect(Object.keys(updated.body)).not.toContain('client_secret');
  expect(updated.body['registration_access_token']).not.toBe(body['registration_access_token']);
  expect((await manage(body, 'GET')).status).toBe(401);
  expect(server.widened).toEqual([]);
  const token = await server.token({ grant_type: 'client_credentials' }, basic(String(body['client_id']), String(body['client_secret'])));
  expect((await answer(token)).body['error']).toBe('invalid_target');
});

test('RFC 7592 §2.2: an update that widens the registration is told', async () => {
  const first = await registerService({ scope: 'a b', redirect_uris: ['https://a.example/cb'], grant_types: ['authorization_code'] });
  const update = {
    client_id: first.body['client_id'],
    client_name: 'Invoice bot',
    redirect_uris: ['https://a.example/cb'],
    grant_types: ['authorization_code'],
    scope: 'a b',
  };
  let last = await manage(first.body, 'PUT', { ...update, scope: 'a' });
  expect([last.status, server.widened]).toEqual([200, []]);
  for (const wider of [
    { redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] },
    { grant_types: ['authorization_code', 'client_credentials'] },
    { scope: 'a b' },
    { token_endpoint_auth_method: 'none', grant_types: ['authorization_code'] },
  ]) {
    server.widened.length = 0;
    last = await manage(last.body, 'PUT', { ...update, scope: 'a', ...wider });
    expect([last.status, server.widened]).toEqual([200, [first.body['client_id']]]);
    last = await manage(last.body, 'PUT', { ...update, scope: 'a' });
  }
});

test('RFC 7592 §2.2: an update stays within what the initial access token allowed', async () => {
  const bounds = { scopes: ['a'], redirect_patterns: ['https://a.example/*'], grant_types: ['authorization_code'] };
  const metadata = { grant_types: ['authorization_code'], redirect_uris: ['https://a.example/cb'], scope: 'a b' };
  const { status, body } = await registerService(metadata, bounds);
  expect([status, body['scope']]).toEqual([201, 'a']);
  const update = { client_id: body['client_id'], ...metadata };
  expect((await manage(body, 'PUT', { ...update, redirect_uris: ['https://b.example/cb'] })).body['error']).toBe('invalid_redirect_uri');
  expect((await manage(body, 'PUT', { ...update, grant_types: ['client_credentials'] })).body['error']).toBe('invalid_client_metadata');
  expect((await manage(body, 'PUT', { ...update, scope: 'b' })).body['error']).toBe('invalid_client_metadata');
});

test('RFC 7592 §2.3: deletes a registration for good', async () => {
  const { body } = await registerService();
  const credentials = basic(String(body['client_id']), String(body['client_secret']));
  expect((await manage(body, 'DELETE')).status).toBe(204);
  expect((await manage(body, 'GET')).status).toBe(401);
  const token = await answer(server.token({ grant_type: 'client_credentials' }, credentials));
  expect([token.status, token.body['error']]).toEqual([401, 'invalid_client']);
  expect(await server.clients.find(String(body['client_id']))).toBeUndefined();
});

test('browsers may register from any origin: OPTIONS and the answers, refusals too', async () => {
  const preflight = await fetch(`${server.issuer}/register`, {
    method: 'OPTIONS',
    headers: { origin: 'https://tool.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
  const refused = await server.register(undefined, SERVICE_METADATA);
  expect(refused.headers.get('access-control-allow-origin')).toBe('*');
});

test('software cannot mark itself for management or claim facts', async () => {
  const { status, body } = await registerService({
    behalf: { isManagement: true, scopes: ['admin:write'] },
    is_management: true,
    resource_scope: 'admin:write',
  });
  expect(status).toBe(201);
  expect(await server.clients.find(String(body['client_id']))).toMatchObject({ isManagement: false, scopes: undefined });
});

test('RFC 7591 §2: registers identity scopes and scopes of resource servers alike', async () => {
  const { status, body } = await answer(
    server.register(await server.enrolmentToken(), { ...BROWSER_METADATA, scope: 'openid tasks:read email tasks:write' }),
  );
  expect(status).toBe(201);
  expect(String(body['scope']).split(' ').sort()).toEqual(['email', 'openid', 'tasks:read', 'tasks:write']);
  expect(await server.clients.find(String(body['client_id']))).toMatchObject({ scopes: ['tasks:read', 'tasks:write'] });
});
