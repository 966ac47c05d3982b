import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { ADMINISTRATOR, answer, basic, readToken, type RegistrationServer, SERVICE_METADATA, startRegistrationServer } from './harness.ts';

let server: RegistrationServer;
const API = 'https://tasks.example/api';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

beforeAll(async () => {
  server = await startRegistrationServer();
  const scopes = [
    { name: 'tasks:read', description: 'Read tasks' },
    { name: 'tasks:write', description: 'Write tasks' },
  ];
  const base = { name: 'Tasks', kind: 'api', sensitivity: 'low', token_ttl_seconds: null, algorithm: 'ES256', scopes } as const;
  await server.resourceServers.create({ ...base, identifier: API }, ADMINISTRATOR);
  await server.resourceServers.create(
    { ...base, identifier: 'https://other.example', token_ttl_seconds: 60, algorithm: 'EdDSA' },
    ADMINISTRATOR,
  );
});
afterAll(() => server.close());

async function service(metadata: object = {}, bounds: object = {}) {
  const { body } = await answer(server.register(await server.enrolmentToken(bounds), { ...SERVICE_METADATA, ...metadata }));
  return { clientId: String(body['client_id']), secret: String(body['client_secret']) };
}
const ask = (parameters: Record<string, string | string[]>, client: { clientId: string; secret: string }) =>
  answer(server.token({ grant_type: 'client_credentials', ...parameters }, basic(client.clientId, client.secret)));

test('RFC 6749 §2.3.1: a secret works by basic and by post, a wrong one and an unknown client answer 401 alike', async () => {
  const { clientId, secret } = await service();
  const request = { grant_type: 'client_credentials', resource: API, scope: 'tasks:read' };
  expect((await answer(server.token(request, basic(clientId, secret)))).status).toBe(200);
  expect((await answer(server.token({ ...request, client_id: clientId, client_secret: secret }))).status).toBe(200);
  const refusals = [
    server.token(request, basic(clientId, 'wrong')),
    server.token(request, basic(clientId, 'kept-as-a-hash')),
    server.token(request, basic(clientId, 'x'.repeat(600))),
    server.token(request, basic('cli_unknown', secret)),
    server.token({ ...request, client_id: clientId }),
  ];
  for (const refused of await Promise.all(refusals.map(answer)))
    expect([refused.status, refused.body['error']]).toEqual([401, 'invalid_client']);
});

test('RFC 9068 §2: the token is a JWT for one resource, in its registered form', async () => {
  const client = await service();
  const { status, body } = await ask({ resource: 'HTTPS://Tasks.example:443/api', scope: 'tasks:read' }, client);
  expect(status).toBe(200);
  expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'tasks:read' });
  const { header, claims } = await readToken(server, body['access_token']);
  expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
  expect(header['kid']).toMatch(/^[\w-]{43}$/);
  expect(claims).toMatchObject({ aud: API, client_id: client.clientId, scope: 'tasks:read' });
  expect(Number(claims.exp) - Number(claims.iat)).toBe(900);
});

test('lifetime and algorithm are those of the resource server; details make a token short-lived', async () => {
  const client = await service();
  const other = await ask({ resource: 'https://other.example/', scope: 'tasks:read' }, client);
  expect(other.body).toMatchObject({ expires_in: 60 });
  expect((await readToken(server, other.body['access_token'])).header['alg']).toBe('EdDSA');
  const detailed = await ask({ resource: API, authorization_details: JSON.stringify([{ type: 'api_call' }]) }, client);
  expect(detailed.body).toMatchObject({ expires_in: 300 });
});

test('RFC 8707 §2: unknown, missing, malformed and several resources are invalid_target', async () => {
  const client = await service();
  const foreign: Record<string, string | string[]>[] = [
    { resource: 'https://unknown.example' },
    {},
    { resource: 'not a uri' },
    { resource: `${API}#fragment` },
    { resource: [API, 'https://other.example'] },
  ];
  for (const parameters of foreign) {
    const { status, body } = await ask({ scope: 'tasks:read', ...parameters }, client);
    expect([status, body['error']]).toEqual([400, 'invalid_target']);
  }
  expect((await ask({ resource: [API, `${API}`], scope: 'tasks:read' }, client)).status).toBe(200);
});

test('RFC 9126 §2: a pushed request keeps its resource in the registered form', async () => {
  const { body } = await answer(
    server.register(await server.enrolmentToken(), { client_name: 'Desk', redirect_uris: ['https://agent.example/cb'] }),
  );
  const client = basic(String(body['client_id']), String(body['client_secret']));
  const push = (resource: string) =>
    answer(
      fetch(`${server.issuer}/par`, {
        method: 'POST',
        headers: client,
        body: new URLSearchParams({
          response_type: 'code',
          client_id: String(body['client_id']),
          redirect_uri: 'https://agent.example/cb',
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
          code_challenge_method: 'S256',
          scope: 'openid tasks:read',
          resource,
        }),
      }),
    );
  expect((await push('https://unknown.example')).body['error']).toBe('invalid_target');
  const pushed = await push('HTTPS://TASKS.example:443/api');
  expect(pushed.status).toBe(201);
  const stored = await server.storedArtifact('PushedAuthorizationRequest', String(pushed.body['request_uri']));
  expect(stored).toContain(API);
  expect(stored).not.toContain('TASKS');
});

test('RFC 6749 §3.3: foreign scopes are dropped; when none is left the request is refused', async () => {
  const client = await service();
  expect((await ask({ resource: API, scope: 'tasks:read admin:write' }, client)).body['scope']).toBe('tasks:read');
  expect((await ask({ resource: API, scope: 'admin:write' }, client)).body['error']).toBe('invalid_scope');
});

test('a client gets no scope and no resource beyond its registration', async () => {
  const narrow = await service({ scope: 'tasks:read' });
  expect((await ask({ resource: API, scope: 'tasks:read tasks:write' }, narrow)).body['scope']).toBe('tasks:read');
  expect((await ask({ resource: API, scope: 'tasks:write' }, narrow)).body['error']).toBe('invalid_scope');
  const bound = await service({}, { resources: [API] });
  expect((await ask({ resource: API, scope: 'tasks:read' }, bound)).status).toBe(200);
  expect((await ask({ resource: 'https://other.example', scope: 'tasks:read' }, bound)).body['error']).toBe('invalid_target');
});

test('RFC 8707 §2.1: a client may have a default resource and a default scope', async () => {
  const { record, secret } = await server.clients.create(
    {
      client_name: 'Nightly',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      purpose: 'service',
      default_resource: `${API}`,
      default_scope: 'tasks:read',
    },
    ADMINISTRATOR,
  );
  const client = { clientId: record.id, secret: String(secret) };
  expect((await ask({}, client)).body).toMatchObject({ scope: 'tasks:read' });
  expect((await ask({ scope: 'tasks:write' }, client)).body).toMatchObject({ scope: 'tasks:write' });
  expect((await ask({ scope: 'openid' }, client)).body['error']).toBe('invalid_target');
});

test('R6: tokens for the server itself only for clients an administrator marked for management', async () => {
  const stranger = await service({ scope: 'admin:read admin:write' });
  expect((await ask({ resource: `${server.issuer}/api/v1`, scope: 'admin:read' }, stranger)).body['error']).toBe('invalid_target');
  const { record, secret } = await server.clients.create(
    {
      client_name: 'Terraform',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      purpose: 'management',
      is_management: true,
    },
    ADMINISTRATOR,
  );
  const manager = { clientId: record.id, secret: String(secret) };
  const { body } = await ask({ resource: `${server.issuer}/api/v1`, scope: 'admin:read approvals:decide' }, manager);
  expect(body).toMatchObject({ scope: 'admin:read', expires_in: 300 });
  expect((await readToken(server, body['access_token'])).claims).toMatchObject({ sub: record.serviceId, aud: `${server.issuer}/api/v1` });
});

test('R6: the own client of a resource server evaluates accesses and does nothing else here', async () => {
  const target = await server.resourceServers.findByIdentifier(API);
  const issued = await server.clients.serverClients.issue({ name: 'Tasks', identifier: API }, ADMINISTRATOR);
  await server.resourceServers.addClient(String(target?.id), issued.clientId, ADMINISTRATOR);
  const client = { clientId: issued.clientId, secret: issued.clientSecret };
  const resource = `${server.issuer}/access/v1`;
  expect((await ask({ resource, scope: 'access:evaluate access:search' }, client)).body['scope']).toBe('access:evaluate');
  expect((await ask({ resource: `${server.issuer}/api/v1`, scope: 'admin:read' }, client)).body['error']).toBe('invalid_target');
});

test('a disabled client is unknown at once, and known again when enabled', async () => {
  const client = await service();
  await server.clients.disable(client.clientId, ADMINISTRATOR);
  expect((await ask({ resource: API, scope: 'tasks:read' }, client)).status).toBe(401);
  const alive = () => server.db.rows({ name: 'live', text: 'SELECT 1 FROM live_clients WHERE client_id = $1', values: [client.clientId] });
  expect(await alive()).toHaveLength(0);
  await server.clients.enable(client.clientId, ADMINISTRATOR);
  expect((await ask({ resource: API, scope: 'tasks:read' }, client)).status).toBe(200);
  expect(await alive()).toHaveLength(1);
});

test('while a secret is rotated both work; afterwards the new one alone', async () => {
  const { clientId, secret } = await service();
  const request = { resource: API, scope: 'tasks:read' };
  const second = await server.clients.rotateSecret(clientId, { overlapSeconds: 60, by: ADMINISTRATOR });
  expect((await ask(request, { clientId, secret })).status).toBe(200);
  expect((await ask(request, { clientId, secret: second })).status).toBe(200);
  const third = await server.clients.rotateSecret(clientId, { overlapSeconds: 0, by: ADMINISTRATOR });
  expect((await ask(request, { clientId, secret: second })).status).toBe(401);
  expect((await ask(request, { clientId, secret: third })).status).toBe(200);
});

test('the last use is kept, to the minute', async () => {
  const client = await service();
  expect((await server.clients.get(client.clientId)).lastUsedAt).toBeUndefined();
  await ask({ resource: API, scope: 'tasks:read' }, client);
  const first = (await server.clients.get(client.clientId)).lastUsedAt;
  expect(first).toBeInstanceOf(Date);
  await ask({ resource: API, scope: 'tasks:read' }, client);
  expect((await server.clients.get(client.clientId)).lastUsedAt).toEqual(first);
});

/** A client that proves itself by a key (RFC 7523), and its assertion with some claims changed. */
async function keyClient() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
  const { body } = await answer(
    server.register(await server.enrolmentToken(), {
      ...SERVICE_METADATA,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    }),
  );
  expect(Object.keys(body)).not.toContain('client_secret');
  return { clientId: String(body['client_id']), privateKey };
}

async function withAssertion({ clientId, privateKey }: { clientId: string; privateKey: CryptoKey }, claims: JWTPayload = {}) {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: clientId, sub: clientId, aud: server.issuer, jti: crypto.randomUUID(), iat: now, exp: now + 60, ...claims };
  const assertion = await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey);
  const parameters = {
    grant_type: 'client_credentials',
    resource: API,
    scope: 'tasks:read',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: assertion,
  };
  return answer(server.token(parameters));
}

test('RFC 7523 §3: private_key_jwt, for this server alone and for at most 15 minutes', async () => {
  const client = await keyClient();
  const now = Math.floor(Date.now() / 1000);
  expect((await withAssertion(client)).status).toBe(200);
  expect((await withAssertion(client, { aud: `${server.issuer}/token` })).status).toBe(200);
  for (const claims of [
    { exp: now + 1_200 },
    { aud: [server.issuer, 'https://elsewhere.example'] },
    { aud: 'https://elsewhere.example' },
    { exp: now - 60 },
    { iss: 'someone' },
  ]) {
    const { status, body } = await withAssertion(client, claims);
    expect([status, body['error']]).toEqual([401, 'invalid_client']);
  }
});

test('R21: keys behind a jwks_uri are fetched through the guarded way out, which refuses addresses inside', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  const jwksUri = 'https://127.0.0.1:9/jwks';
  const { body } = await answer(
    server.register(await server.enrolmentToken(), {
      ...SERVICE_METADATA,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: jwksUri,
    }),
  );
  const { status } = await withAssertion({ clientId: String(body['client_id']), privateKey });
  expect(status).toBe(401);
  expect(server.fetched).toContain(jwksUri);
});
