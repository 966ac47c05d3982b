import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answer, BROWSER_METADATA, type RegistrationServer, SERVICE_METADATA, startRegistrationServer } from './harness.ts';

let server: RegistrationServer;
let token: string;
beforeAll(async () => {
  server = await startRegistrationServer();
  token = await server.enrolmentToken({ uses: 1_000 });
});
afterAll(() => server.close());

const register = (metadata: object) => answer(server.register(token, metadata));
const CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

describe('RFC 7591 §3.2.2: redirect URIs that are refused with invalid_redirect_uri', () => {
  test.each([
    'http://agent.example/cb',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://user:pw@agent.example/cb',
    'https://agent.example/cb#fragment',
    'file:///etc/passwd',
    'https://*.agent.example/cb',
  ])('%s', async (uri) => {
    const { status, body } = await register({ ...BROWSER_METADATA, redirect_uris: [uri] });
    expect([status, body['error']]).toEqual([400, 'invalid_redirect_uri']);
  });
});

test.each([
  ['http://127.0.0.1:7777/cb', 'native'],
  ['http://localhost/cb', 'native'],
  ['com.example.agent:/cb', 'native'],
  ['https://agent.example/cb', 'web'],
])('RFC 8252 §7: %s makes the application %s', async (uri, type) => {
  const { status, body } = await register({ ...BROWSER_METADATA, redirect_uris: [uri] });
  expect([status, body['application_type']]).toEqual([201, type]);
});

describe('R4, OAuth 2.1 §4.2: grants for which a client must prove who it is', () => {
  test.each(['client_credentials', CIBA, EXCHANGE, 'urn:ietf:params:oauth:grant-type:jwt-bearer'])('%s', async (grant) => {
    const { status, body } = await register({ ...BROWSER_METADATA, grant_types: ['authorization_code', grant] });
    expect([status, body['error']]).toEqual([400, 'invalid_client_metadata']);
    expect(body['error_description']).toContain('grant_types');
  });

  test('are taken out of a public client at use, whatever its row says', async () => {
    const { body } = await register(BROWSER_METADATA);
    await server.db.rows({
      name: 'tamper',
      text: `UPDATE clients SET metadata = jsonb_set(metadata, '{grant_types}', '["client_credentials"]'), version = version + 1 WHERE client_id = $1`,
      values: [body['client_id']],
    });
    const refused = await answer(server.token({ grant_type: 'client_credentials', client_id: String(body['client_id']) }));
    expect([refused.status, refused.body['error_description']]).toEqual([400, 'requested grant type is not allowed for this client']);
  });
});

test('RFC 8628: the device grant is off unless the initial access token allows it', async () => {
  const metadata = { ...SERVICE_METADATA, grant_types: [CODE] };
  expect((await register(metadata)).body['error_description']).toContain('which this registration does not allow');
});

describe('what the engine by itself would accept', () => {
  test.each([
    ['an implicit response type', { ...BROWSER_METADATA, response_types: ['id_token'], grant_types: ['implicit'] }],
    ['a hybrid response type', { ...BROWSER_METADATA, response_types: ['code id_token'], grant_types: ['authorization_code', 'implicit'] }],
    [
      'a jwks_uri without TLS',
      { ...SERVICE_METADATA, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://keys.example/jwks' },
    ],
    [
      'a jwks_uri with userinfo',
      { ...SERVICE_METADATA, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://u:p@keys.example/jwks' },
    ],
    ['a logo with userinfo', { ...BROWSER_METADATA, logo_uri: 'https://u:p@logo.example/x.png' }],
    ['a sector identifier it would fetch', { ...BROWSER_METADATA, sector_identifier_uri: 'https://sector.example/uris' }],
    ['client_secret_jwt', { ...SERVICE_METADATA, token_endpoint_auth_method: 'client_secret_jwt' }],
    ['a symmetric id_token', { ...SERVICE_METADATA, id_token_signed_response_alg: 'HS256' }],
    ['a symmetric request object', { ...SERVICE_METADATA, request_object_signing_alg: 'HS256' }],
    [
      'a symmetric key',
      { ...SERVICE_METADATA, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
    ],
    ['a private key', { ...SERVICE_METADATA, jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', d: 'AAAA' }] } }],
    ['eleven keys', { ...SERVICE_METADATA, jwks: { keys: Array(11).fill({ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }) } }],
    ['a name that turns its reading direction', { ...BROWSER_METADATA, client_name: 'nice\u202Egnp.exe' }],
    ['a name of 300 characters', { ...BROWSER_METADATA, client_name: 'a'.repeat(300) }],
    ['a hundred redirects', { ...BROWSER_METADATA, redirect_uris: Array.from({ length: 100 }, (_, n) => `https://a.example/${n}`) }],
    ['a scope with a quote', { ...SERVICE_METADATA, scope: 'a"b' }],
    ['an unknown detail type', { ...SERVICE_METADATA, authorization_details_types: ['launch_rocket'] }],
  ])('is refused: %s', async (_name, metadata) => {
    const { status, body } = await register(metadata);
    expect(status).toBe(400);
    expect(String(body['error'])).toMatch(/^invalid_(client_metadata|redirect_uri)$/);
  });

  test('PKCE is required of confidential clients too (OAuth 2.1 §4.1.1)', async () => {
    const { body } = await register({ ...BROWSER_METADATA, token_endpoint_auth_method: 'client_secret_basic' });
    const query = new URLSearchParams({
      client_id: String(body['client_id']),
      response_type: 'code',
      redirect_uri: 'https://agent.example/cb',
      scope: 'openid',
    });
    const response = await fetch(`${server.issuer}/authorize?${query}`, { redirect: 'manual' });
    expect(response.headers.get('location')).toContain('error=invalid_request');
    expect(response.headers.get('location')).toContain('PKCE');
  });

  test('a client may use every detail type unless it named some', async () => {
    expect((await register(SERVICE_METADATA)).body['authorization_details_types']).toEqual(['api_call']);
    const stored = await server.db.row<{ metadata: object }>({
      name: 'metadata',
      text: 'SELECT metadata FROM clients ORDER BY client_id DESC LIMIT 1',
      values: [],
    });
    expect(Object.keys(stored?.metadata ?? {})).not.toContain('authorization_details_types');
  });

  test('userinfo lives where the metadata says, not at /me', async () => {
    const { body } = await answer(fetch(`${server.issuer}/.well-known/openid-configuration`));
    expect(body['userinfo_endpoint']).toBe(`${server.issuer}/userinfo`);
    expect(body['token_endpoint_auth_methods_supported']).not.toContain('client_secret_jwt');
    expect(body['response_types_supported']).toEqual(['code']);
    expect(JSON.stringify(body)).not.toContain('HS256');
  });
});

test('the answer to what is no JSON, and to too much of it, is an error of the standard', async () => {
  const send = (body: string, type = 'application/json') =>
    answer(
      fetch(`${server.issuer}/register`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': type }, body }),
    );
  for (const refused of [await send('{'), await send('[]'), await send('a=b', 'application/x-www-form-urlencoded')]) {
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_request']);
  }
  expect((await send(JSON.stringify({ ...SERVICE_METADATA, software_id: 'x'.repeat(40_000) }))).status).toBe(400);
});
