import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { freePort } from '../support/test-server.ts';
import { connecting, type Connecting, REDIRECT_URI } from '../refresh-tokens/connection.ts';

const PAGE = 'https://inspector.example';
const WANTED = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI], client_name: 'Inspector' };

let server: InhabitedServer;
let base: string;
let origin: string;
let resource: string;
let client: Connecting;

beforeAll(async () => {
  const port = await freePort();
  server = await createInhabitedServer({ issuer: new URL(`http://localhost:${port}/tenant1`) });
  base = server.issuer;
  origin = new URL(base).origin;
  resource = await server.resource('https://invoices.acme.test/mcp');
  const software = await server.register({ ...WANTED, token_endpoint_auth_method: 'none' });
  client = connecting(server, { clientId: software.clientId });
}, 60_000);
afterAll(() => server.close());

describe('the metadata of an issuer with a path (MCP authorization 2026-07-28, RFC 8414 §3)', () => {
  const read = async (address: string) => {
    const answer = await fetch(address, { headers: { 'mcp-protocol-version': '2026-07-28' } });
    return { status: answer.status, document: (await answer.json()) as Record<string, unknown> };
  };

  test('every form that clients try gives the same document, and its issuer is the identifier, letter by letter', async () => {
    const forms = [
      `${origin}/.well-known/oauth-authorization-server/tenant1`,
      `${origin}/.well-known/openid-configuration/tenant1`,
      `${base}/.well-known/openid-configuration`,
      `${base}/.well-known/oauth-authorization-server`,
    ];
    const [first, ...others] = await Promise.all(forms.map(read));
    expect(first?.status).toBe(200);
    for (const other of others) expect(other).toEqual(first);
    expect(first?.document).toMatchObject({
      issuer: `${origin}/tenant1`,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'client_secret_basic', 'private_key_jwt']),
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256', 'RS256']),
      grant_types_supported: expect.arrayContaining(['authorization_code', 'refresh_token', 'client_credentials']),
    });
  });

  test.each([
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/other',
  ])('%s is somebody else’s', async (path) => {
    expect((await fetch(`${origin}${path}`)).status).toBe(404);
  });
});

describe('a program in a browser, at another origin (Fetch standard §3.2)', () => {
  const announced = 'authorization,content-type,dpop,mcp-protocol-version';
  const paths: [string, string][] = [
    ['/.well-known/oauth-authorization-server', 'GET'],
    ['/.well-known/openid-configuration', 'GET'],
    ['/jwks', 'GET'],
    ['/userinfo', 'GET'],
    ['/token', 'POST'],
    ['/revoke', 'POST'],
    ['/introspect', 'POST'],
    ['/par', 'POST'],
    ['/device_authorization', 'POST'],
    ['/register', 'POST'],
  ];

  test.each(paths)('may announce a call of %s', async (path, method) => {
    const headers = { origin: PAGE, 'access-control-request-method': method, 'access-control-request-headers': announced };
    const answer = await fetch(`${base}${path}`, { method: 'OPTIONS', headers });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect(answer.headers.get('access-control-allow-methods')).toContain(method);
    const allowed = answer.headers.get('access-control-allow-headers') ?? '';
    for (const name of announced.split(',').filter((each) => path !== '/register' || each !== 'dpop')) expect(allowed).toContain(name);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  test.each(paths)('may read what %s answers, refusals too', async (path, method) => {
    const body = method === 'POST' ? new URLSearchParams({ client_id: 'nobody', token: 'x' }) : null;
    const answer = await fetch(`${base}${path}`, { method, headers: { origin: PAGE }, body });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')?.toLowerCase()).toContain('www-authenticate');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('gets tokens, where it was turned away with its origin before', async () => {
    const first = await client.connect(server.mira, { resource, scope: 'read' });
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh, client_id: client.clientId };
    const answer = await fetch(`${base}/token`, { method: 'POST', headers: { origin: PAGE }, body: new URLSearchParams(form) });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
  });

  test('pages for people stay closed to it', async () => {
    for (const path of ['/sign-in', '/me', '/authorize', '/console', '/logout']) {
      const answer = await fetch(`${base}${path}`, { headers: { origin: PAGE }, redirect: 'manual' });
      expect([path, answer.headers.get('access-control-allow-origin')]).toEqual([path, null]);
    }
  });
});

describe('the answer to an authorization request', () => {
  const asked = () => ({ resource, scope: 'read', state: 'the-state' });
  const inAnswer = (address: URL | undefined) => Object.fromEntries(address?.searchParams ?? []);

  test('RFC 9207 §2: names the issuer when it is a success', async () => {
    const answer = await server.mira.authorize(client.request(asked()));
    expect(inAnswer(answer)).toEqual({ code: expect.any(String), state: 'the-state', iss: base });
  });

  test('RFC 9207 §2: and when it is a refusal: by the person, before they sign in, by the server', async () => {
    const denied = await server
      .anotherBrowser()
      .authorize(client.request({ ...asked(), prompt: 'consent' }), { press: ['decision', 'deny'] });
    expect(inAnswer(denied)).toMatchObject({ error: 'access_denied', state: 'the-state', iss: base });
    const person = server.anotherBrowser();
    const page = await person.open(client.request(asked()));
    const abort = page.forms.find(({ action }) => action.endsWith('/abort'));
    const cancelled = await person.send({ ...page, forms: abort === undefined ? [] : [abort] }, [...(abort?.names ?? [])][0] ?? '');
    expect(inAnswer(cancelled.leftTo)).toMatchObject({ error: 'access_denied', state: 'the-state', iss: base });
    const silent = await server.anotherBrowser().open(client.request({ ...asked(), prompt: 'none' }));
    expect(inAnswer(silent.leftTo)).toMatchObject({ error: 'login_required', iss: base });
    const unknown = await server.anotherBrowser().open(client.request({ ...asked(), resource: 'https://elsewhere.test/mcp' }));
    expect(inAnswer(unknown.leftTo)).toMatchObject({ error: 'invalid_target', state: 'the-state', iss: base });
  });

  test.each([
    ['plain', { code_challenge_method: 'plain' }],
    ['no method, which means plain', { code_challenge_method: [] }],
    ['no challenge', { code_challenge: [], code_challenge_method: [] }],
  ])('RFC 7636 §4.2: %s is refused, with iss', async (_name, more) => {
    const answer = await server.anotherBrowser().open(client.request({ ...asked(), ...more }));
    expect(inAnswer(answer.leftTo)).toMatchObject({ error: 'invalid_request', state: 'the-state', iss: base });
  });
});
