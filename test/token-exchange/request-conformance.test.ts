import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import {
  ACCESS_TOKEN,
  ADMINISTRATOR,
  ask,
  EXCHANGE,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeClient,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
const OTHER = 'https://other.test';
let server: ExchangeServer;
let agent: TestClient & { readonly agentId: string };
let token: string;

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  await makeResource(server, OTHER);
  agent = await makeAgent(server, 'Collector');
  token = String((await personToken(server, agent, { resources: { [API]: 'read write' } })).body['access_token']);
});
afterAll(() => server?.close());

const exchange = (more: Record<string, unknown> = {}, client: Pick<TestClient, 'headers'> = agent) =>
  exchangeFor(server, client, { subject: token, resource: API, scope: 'read', ...more });
const raw = (parameters: Record<string, string | string[]>) => ask(server, agent, { grant_type: EXCHANGE, resource: API, ...parameters });
const refusals = async () => (await server.audit.list({ type: 'token.refused', limit: 200 })).events.length;

describe('RFC 8693 §2.1 request', () => {
  test('§2.1 subject_token and subject_token_type are required, and both belong together', async () => {
    expect((await raw({ subject_token_type: ACCESS_TOKEN })).body).toMatchObject({ error: 'invalid_request' });
    expect((await raw({ subject_token: token })).body).toMatchObject({ error: 'invalid_request' });
    expect((await raw({})).body).toMatchObject({ error: 'invalid_request' });
  });

  test('§2.1 an unknown subject_token_type or requested_token_type is refused', async () => {
    const saml = 'urn:ietf:params:oauth:token-type:saml2';
    expect((await exchange({ subject_token_type: saml })).body).toMatchObject({ error: 'invalid_request' });
    expect((await exchange({ requested_token_type: saml })).body).toMatchObject({ error: 'invalid_request' });
  });

  test('§2.1 actor_token_type must not come without actor_token', async () => {
    expect((await exchange({ actor_token_type: ACCESS_TOKEN })).body).toMatchObject({ error: 'invalid_request' });
  });

  test('§2.1 resource and audience are exclusive, one of them only, and an unknown one is no target (§2.2.2)', async () => {
    for (const target of [
      { resource: [API, OTHER] },
      { audience: [API, OTHER], resource: '' },
      { resource: API, audience: OTHER },
      { resource: API, audience: [API, OTHER] },
      { resource: 'https://nobody.test' },
      { resource: '', audience: 'a-name' },
    ])
      expect([target, (await exchange(target)).body['error']]).toEqual([target, 'invalid_target']);
    expect((await exchange({ resource: '' })).body['error']).toBe('invalid_target');
  });

  test('§2.1 a target that is named several times is one', async () => {
    const named = { resource: [API, `${API}/`, API.toUpperCase().replace('HTTPS', 'https')], audience: [API, API] };
    expect((await exchange(named)).claims.aud).toBe(API);
  });

  test('§2.1 audience names a registered resource server by its identifier', async () => {
    const answer = await exchange({ resource: '', audience: API });
    expect(answer.status).toBe(200);
    expect(answer.claims.aud).toBe(API);
    const detailed = await makeAgent(server, 'Detailed');
    const details = [{ type: 'api_call', actions: ['GET'] }];
    const subject = (await personToken(server, detailed, { resources: { [API]: 'read' }, details })).body['access_token'];
    const parameters = { subject, resource: '', audience: `${API}/`, authorization_details: JSON.stringify(details) };
    expect((await exchange(parameters, detailed)).claims).toMatchObject({ aud: API, authorization_details: details });
  });

  test('RFC 6749 §3.2 a parameter sent twice, a malformed scope, an oversized token', async () => {
    expect((await exchange({ subject_token: [token, token] })).body['error']).toBe('invalid_request');
    expect((await exchange({ scope: 'read"' })).status).toBe(400);
    expect((await exchange({ subject: 'x'.repeat(9_000) })).body['error']).toBe('invalid_request');
  });

  test('R4 a client that does not authenticate gets nothing', async () => {
    const open = await makeClient(server, { token_endpoint_auth_method: 'none', grant_types: ['authorization_code'] });
    const answer = await exchange({ client_id: open.clientId }, { headers: {} });
    expect(answer.status).toBe(400);
    expect(answer.body['access_token']).toBeUndefined();
  });
});

describe('RFC 8693 §2.2.1 response', () => {
  test('§2.2.1 names issued_token_type, token_type, expires_in and scope; no refresh token', async () => {
    const { status, body } = await exchange();
    expect(status).toBe(200);
    expect(body).toMatchObject({ issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: 300, scope: 'read' });
    expect(Object.keys(body)).not.toContain('refresh_token');
  });

  test('§2.2.1 a requested JWT is named as one', async () => {
    const jwt = 'urn:ietf:params:oauth:token-type:jwt';
    expect((await exchange({ requested_token_type: jwt })).body['issued_token_type']).toBe(jwt);
  });

  test('without scope: all that the subject token holds; the child does not outlive it', async () => {
    const answer = await exchange({ scope: '' });
    expect(answer.body['scope']).toBe('read write');
    const short = await exchange();
    const child = await exchangeFor(server, agent, { subject: short.body['access_token'], resource: API });
    expect(Number(child.claims.exp)).toBeLessThanOrEqual(Number(short.claims.exp));
  });
});

describe('RFC 8693 §2.2.2 errors', () => {
  const forged = async (kind: 'none' | 'foreign' | 'ours') => {
    const claims = {
      iss: kind === 'foreign' ? 'https://evil.test' : server.issuer,
      sub: server.accountId,
      aud: API,
      jti: 'x',
      client_id: agent.clientId,
      scope: 'read',
    };
    if (kind === 'none') return new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('5m').encode();
    const { privateKey } = await generateKeyPair('ES256');
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).setIssuedAt().setExpirationTime('5m').sign(privateKey);
  };

  test.each(['none', 'foreign', 'ours'] as const)(
    '§2.2.2 a forged subject token (%s) is refused, audited, and echoed nowhere',
    async (kind) => {
      const before = await refusals();
      const answer = await exchange({ subject: await forged(kind) });
      expect(answer.status).toBe(400);
      // Actor Profile: an issuer that is not trusted is invalid_grant
      const error = kind === 'foreign' ? 'invalid_grant' : 'invalid_request';
      expect(answer.body).toMatchObject({ error, decision_id: expect.stringMatching(/^dec_/) });
      expect(JSON.stringify(answer.body)).not.toContain('eyJ');
      expect(await refusals()).toBe(before + 1);
    },
  );

  test('§2.2.2 an expired, an ended and a garbled subject token', async () => {
    const valid = await exchange();
    const subject = String(valid.body['access_token']);
    expect((await exchange({ subject: `${subject.slice(0, -4)}AAAA` })).body['error']).toBe('invalid_request');
    await server.db.rows({
      name: 'age',
      text: 'UPDATE token_ledger SET expires_at = issued_at WHERE jti = $1',
      values: [valid.claims.jti],
    });
    expect((await exchange({ subject })).body['error']).toBe('invalid_request');
    const parent = await exchange();
    await server.tokens.end({ by: 'jti', jti: String(parent.claims.jti) }, { cause: 'test', by: { kind: 'system', id: 'test' } });
    expect((await exchange({ subject: parent.body['access_token'] })).body['error']).toBe('invalid_request');
  });

  test('§2.2.2 a token for this server itself is neither given nor taken (R6)', async () => {
    const own = `${server.issuer}/api/v1`;
    expect((await exchange({ resource: own })).body['error']).toBe('invalid_target');
    const manager = await makeClient(server, { purpose: 'management', is_management: true });
    const management = await ask(server, manager, { grant_type: 'client_credentials', resource: own, scope: 'admin:read' });
    expect(management.status).toBe(200);
    expect((await exchangeFor(server, manager, { subject: management.body['access_token'], resource: API })).body['error']).toBe(
      'invalid_request',
    );
  });

  test('a refusal of the engine is in the audit trail too', async () => {
    const before = await refusals();
    await exchange({ resource: 'https://nobody.test' });
    expect(await refusals()).toBe(before + 1);
  });
});

const proof = async (keys: Awaited<ReturnType<typeof generateKeyPair>>) =>
  new SignJWT({ htm: 'POST', htu: `${server.issuer}/token`, jti: Math.random().toString(36) })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(keys.publicKey) })
    .setIssuedAt()
    .sign(keys.privateKey);
const withProof = async (client: TestClient, keys: Awaited<ReturnType<typeof generateKeyPair>>) => ({
  headers: { ...client.headers, DPoP: await proof(keys) },
});

describe('RFC 9449: keys', () => {
  test('§5 the new token is bound to the requester’s key; a bound token needs its own key, a replayed proof is refused', async () => {
    const [own, other] = [await generateKeyPair('ES256', { extractable: true }), await generateKeyPair('ES256', { extractable: true })];
    const bound = await exchange({}, await withProof(agent, own));
    expect(bound.body['token_type']).toBe('DPoP');
    const { jkt } = bound.claims['cnf'] as { jkt: string };
    const subject = bound.body['access_token'];
    expect((await exchange({ subject })).body['error']).toBe('actor_unauthorized');
    expect((await exchange({ subject }, await withProof(agent, other))).body['error']).toBe('actor_unauthorized');
    const proven = await withProof(agent, own);
    const next = await exchange({ subject }, proven);
    expect((next.claims['cnf'] as { jkt: string }).jkt).toBe(jkt);
    expect((await exchange({ subject }, proven)).status).toBe(400);
  });
});

describe('Actor Profile: rebinding', () => {
  test('the new token is bound to the key of whoever takes over, and to no other; without a proof there is none', async () => {
    const next = await makeAgent(server, 'Next');
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const what = { from: agent.agentId, to: next.agentId, resources: [API], scopes: ['read'], until };
    await server.exchange.delegations.create(what, ADMINISTRATOR);
    const [own, others] = [await generateKeyPair('ES256', { extractable: true }), await generateKeyPair('ES256', { extractable: true })];
    const bound = await exchange({}, await withProof(agent, own));
    const subject = bound.body['access_token'];
    expect((await exchange({ subject }, next)).body['error']).toBe('invalid_request');
    const taken = await exchange({ subject }, await withProof(next, others));
    const keyOf = ({ claims }: typeof taken) => (claims['cnf'] as { jkt: string }).jkt;
    expect(keyOf(taken)).not.toBe(keyOf(bound));
    expect(taken.claims['act']).toMatchObject({ sub: next.agentId, act: { sub: agent.agentId } });
    expect(JSON.stringify(taken.claims['act'])).not.toContain('cnf');
    // who took over needs the new key from now on
    expect((await exchange({ subject: taken.body['access_token'] }, await withProof(next, own))).body['error']).toBe('actor_unauthorized');
  });
});

test('without the draft an authorization request names no actor, and a code takes no actor token', () => {
  expect(server.exchange.beforePolicy).toEqual([]);
});

test('the discovery document offers the grant and the actor profile', async () => {
  const metadata = (await (await fetch(`${server.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
  expect(metadata['grant_types_supported']).toContain(EXCHANGE);
  expect(metadata['authorization_grant_profiles_supported']).toContain('urn:ietf:params:oauth:grant-profile:actor-profile');
  const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;
  expect(metadata['actor_profile_token_exchange']).toEqual({
    subject_token_types_supported: ['access_token', 'jwt', 'id_token'].map(type),
    actor_token_types_supported: ['access_token', 'jwt'].map(type),
    requested_token_types_supported: ['access_token', 'jwt'].map(type),
  });
  expect(metadata['entity_profiles_supported']).toEqual({ subject: ['user', 'ai_agent', 'service'], actor: ['ai_agent', 'service'] });
  expect(metadata['authorization_details_types_supported']).toEqual(['mcp_tool_call', 'api_call', 'payment_initiation', 'data_access']);
});
