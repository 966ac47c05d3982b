import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { CompositionError, compose } from '../../src/oidc/index.ts';
import { ask } from '../support/server-process.ts';
import { createTestServer, freePort, type TestServer } from '../support/test-server.ts';

const METADATA = '/.well-known/oauth-authorization-server';
const where = (server: TestServer) => ({ port: Number(new URL(server.issuer).port), issuer: server.issuer });

describe('the whole server, composed', () => {
  let server: TestServer;
  const said: unknown[] = [];

  beforeAll(async () => {
    // the engine warns by name for every placeholder that is left in its configuration
    for (const level of ['warn', 'info', 'error'] as const)
      jest.spyOn(console, level).mockImplementation((...words) => void said.push(words));
    server = await createTestServer();
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    await server.close();
  });

  test('the engine prints nothing when it starts', () => {
    expect(said).toEqual([]);
  });

  test('a capability that is added twice stops the start and is named', () => {
    const contributions = server.app.capabilities.flatMap(({ name, oidc }) => (oidc === undefined ? [] : [{ name, oidc }]));
    const [first] = contributions;
    expect(() => compose([...contributions, ...(first === undefined ? [] : [{ ...first, name: 'again' }])])).toThrow(CompositionError);
  });

  test('RFC 8414 §2: the metadata tells what there is, and nothing that is not', async () => {
    const metadata = (await ask(where(server), METADATA)).json();
    const { issuer } = server;
    const at = (path: string) => `${issuer}${path}`;
    expect(metadata).toMatchObject({
      issuer,
      authorization_endpoint: at('/authorize'),
      token_endpoint: at('/token'),
      registration_endpoint: at('/register'),
      introspection_endpoint: at('/introspect'),
      revocation_endpoint: at('/revoke'),
      pushed_authorization_request_endpoint: at('/par'),
      backchannel_authentication_endpoint: at('/bc-authorize'),
      device_authorization_endpoint: at('/device_authorization'),
      end_session_endpoint: at('/logout'),
      jwks_uri: at('/jwks'),
      userinfo_endpoint: at('/userinfo'),
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      authorization_details_types_supported: ['mcp_tool_call', 'api_call', 'payment_initiation', 'data_access'],
      backchannel_token_delivery_modes_supported: ['poll'],
      subject_types_supported: ['public'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
      grant_types_supported: expect.arrayContaining([
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:openid:params:grant-type:ciba',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ]),
    });
    expect(metadata['grant_types_supported']).not.toContain('implicit');
    const algorithms = Object.entries(metadata).filter(([name]) => name.endsWith('_alg_values_supported'));
    expect(algorithms.length).toBeGreaterThan(4);
    for (const [, values] of algorithms) expect((values as string[]).filter((value) => /^(HS|none)/.test(value))).toEqual([]);
  });

  test('OpenID Discovery §4 and RFC 8414 §3: both documents are the same', async () => {
    const [one, two] = await Promise.all([ask(where(server), METADATA), ask(where(server), '/.well-known/openid-configuration')]);
    expect(one.json()).toEqual(two.json());
  });

  test('publishes three kinds of keys and no private part', async () => {
    const { keys } = (await ask(where(server), '/jwks')).json() as { keys: Record<string, unknown>[] };
    expect(keys.map(({ kty }) => kty).sort()).toEqual(['EC', 'OKP', 'RSA']);
    for (const key of keys) expect(Object.keys(key).filter((member) => ['d', 'p', 'q', 'k'].includes(member))).toEqual([]);
  });

  test('says at the first start how to become its administrator', () => {
    expect(server.greeting.join('\n')).toMatch(/\/setup with the code [\w-]{27}/);
  });
});

describe('two servers in one process', () => {
  test('live side by side, each with its own issuer, keys and people', async () => {
    const [one, two] = await Promise.all([createTestServer(), createTestServer()]);
    try {
      const by = { kind: 'system', id: 'command-line' } as const;
      await one.app.parts.accounts.create({ email: 'only@one.test', name: 'Only One', role: 'user' }, by);
      expect(await two.app.parts.accounts.findByEmail('only@one.test')).toBeUndefined();
      const [left, right] = await Promise.all([one, two].map(async (server) => (await ask(where(server), '/jwks')).text));
      expect(left).not.toBe(right);
      const foreign = await ask({ port: where(one).port, issuer: two.issuer }, METADATA);
      expect(foreign.status).toBe(421);
    } finally {
      await Promise.all([one.close(), two.close()]);
    }
  });
});

describe('an issuer with a path', () => {
  test('RFC 8414 §3.1, §5: is found by all three forms, and nothing answers outside its path', async () => {
    const port = await freePort();
    const server = await createTestServer({ issuer: new URL(`http://localhost:${port}/tenant`) });
    try {
      const forms = [
        '/.well-known/oauth-authorization-server/tenant',
        '/.well-known/openid-configuration/tenant',
        '/tenant/.well-known/openid-configuration',
      ];
      for (const form of forms) {
        const answer = await ask(where(server), form);
        expect([answer.status, answer.json()['issuer'], answer.json()['token_endpoint']]).toEqual([
          200,
          server.issuer,
          `${server.issuer}/token`,
        ]);
      }
      // AuthZEN 1.0 §9.2: the decision point's identifier is where its document was found
      for (const form of ['/.well-known/authzen-configuration/tenant', '/tenant/.well-known/authzen-configuration'])
        expect((await ask(where(server), form)).json()).toMatchObject({
          policy_decision_point: server.issuer,
          access_evaluation_endpoint: `${server.issuer}/access/v1/evaluation`,
        });
      expect((await ask(where(server), '/jwks')).status).toBe(404);
      expect((await ask(where(server), '/tenant/jwks')).status).toBe(200);
      const page = await ask(where(server), '/tenant/sign-in', { headers: { accept: 'text/html' } });
      expect([page.status, page.text.includes('action="/tenant/sign-in/login')]).toEqual([200, true]);
    } finally {
      await server.close();
    }
  });
});
