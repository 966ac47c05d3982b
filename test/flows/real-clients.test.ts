import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { registerOpenly, selfRegistered } from '../support/self-registered.ts';
import { discover } from '../support/agent-client.ts';

const RESOURCE = 'https://notes.acme.test/mcp';

let server: InhabitedServer;
beforeAll(async () => {
  server = await createInhabitedServer();
  await server.resource(RESOURCE, ['notes:read', 'notes:write']);
}, 60_000);
afterAll(() => server.close());

const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };

/** What well-known clients register, and the address they come back to when their usual port is taken. */
const clients: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  [
    'VS Code',
    {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://127.0.0.1/',
        'http://127.0.0.1:33418/',
      ],
      scope: 'notes:read notes:write',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    },
    'http://127.0.0.1:59656/',
  ],
  [
    'Cursor',
    {
      client_name: 'Cursor',
      ...CODE,
      application_type: 'web',
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
      token_endpoint_auth_method: 'none',
    },
    'cursor://anysphere.cursor-mcp/oauth/callback',
  ],
  [
    'Claude Code',
    { client_name: 'Claude Code (notes)', ...CODE, redirect_uris: ['http://localhost:54212/callback'], token_endpoint_auth_method: 'none' },
    'http://localhost:61111/callback',
  ],
  [
    'Claude on the web',
    {
      client_name: 'Claude',
      ...CODE,
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'claudeai',
    },
    'https://claude.ai/api/mcp/auth_callback',
  ],
  [
    'ChatGPT',
    {
      client_name: 'ChatGPT',
      ...CODE,
      redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
      token_endpoint_auth_method: 'none',
    },
    'https://chatgpt.com/connector_platform_oauth_redirect',
  ],
  [
    'Codex',
    { client_name: 'Codex', ...CODE, redirect_uris: ['http://127.0.0.1:41213/callback'], token_endpoint_auth_method: 'none' },
    'http://127.0.0.1:41214/callback',
  ],
  [
    'the MCP inspector',
    {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      ...CODE,
      redirect_uris: ['http://localhost:6274/oauth/callback/debug', 'http://localhost:6274/oauth/callback'],
      token_endpoint_auth_method: 'none',
      scope: 'notes:read notes:write',
    },
    'http://localhost:6274/oauth/callback',
  ],
];

async function authorize(clientId: string, redirectUri: string, more: Record<string, string> = {}) {
  const { authorization_endpoint: endpoint } = await discover(server.issuer);
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state: 'some-state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...more,
  });
  return server.anotherBrowser().reachConsent(`${endpoint}?${query}`);
}

describe('what well-known clients send is taken as it is', () => {
  test.each(clients)('%s registers, and its person is asked', async (_name, metadata, redirectUri) => {
    const { status, body } = await registerOpenly(server.issuer, metadata);
    expect([status, body['error_description']]).toEqual([201, undefined]);
    expect(body).toMatchObject({
      client_id: expect.any(String),
      redirect_uris: metadata['redirect_uris'],
      registration_client_uri: expect.any(String),
    });
    const page = await authorize(String(body['client_id']), redirectUri, { resource: RESOURCE, scope: 'notes:read' });
    expect(page.words).toContain('act for you?');
    expect(page.words).toContain('Do notes:read');
  });

  test.each(clients)('%s connects, whatever scope it named when it registered', async (_name, metadata) => {
    const software = await selfRegistered(server, metadata);
    const answer = await software.connect(server.anotherBrowser(), { resource: RESOURCE, scope: 'notes:read notes:write' });
    expect(new Set(String(answer.claims['scope']).split(' '))).toEqual(new Set(['notes:read', 'notes:write']));
    expect(answer.body).toMatchObject({ refresh_token: expect.any(String), token_type: 'Bearer' });
  });

  test('RFC 6749 §3.3: a request without scope asks for what the resource server has', async () => {
    const { clientId } = await selfRegistered(server);
    const page = await authorize(clientId, 'http://localhost:51234/callback', { resource: RESOURCE });
    for (const scope of ['notes:read', 'notes:write']) expect(page.words).toContain(`Do ${scope}`);
  });

  test('RFC 8707 §2.1: a request without resource is for the only one there is; where there are two it is refused', async () => {
    const { clientId } = await selfRegistered(server);
    const back = 'http://localhost:51234/callback';
    expect((await authorize(clientId, back, { scope: 'notes:read' })).words).toContain('Do notes:read');
    const other = await server.resource('https://mail.acme.test/mcp', ['mail:read']);
    const two = await authorize(clientId, back, { scope: 'notes:read' });
    expect(two.words).not.toContain('Do notes:read');
    const known = await server.app.parts.resourceServers.findByIdentifier(other);
    await server.app.parts.resourceServers.remove(known?.id ?? '', { kind: 'system', id: 'test' });
  });

  test('a resource server that has no scopes is used as a whole: asked for once, kept, and ended under /me', async () => {
    const bare = await server.resource('https://bare.acme.test/mcp', []);
    const web = { client_name: 'Web Helper', ...CODE, redirect_uris: ['https://web.example/cb'], token_endpoint_auth_method: 'none' };
    const software = await selfRegistered(server, web);
    const mira = server.anotherBrowser();
    const what = { resource: bare };
    const page = await software.reach(mira, what);
    expect([page.leftTo?.search, page.words]).toEqual([undefined, expect.stringContaining('Use Invoices')]);
    const none = software.connect(mira, what, { untick: [`scope=resource:${bare}`] });
    await expect(none).rejects.toThrow('access_denied');
    const answer = await software.connect(mira, what);
    expect(answer.claims).toMatchObject({ sub: server.miraId, aud: bare, act: { sub: expect.any(String) } });
    expect(answer.claims['scope']).toBeUndefined();
    expect((await software.client.refresh(String(answer.body['refresh_token']))).claims.aud).toBe(bare);
    // a web client is not asked a second time
    expect((await software.reach(mira, what)).leftTo?.searchParams.get('code')).toEqual(expect.any(String));
    expect((await mira.visit('/me')).words).toContain('Use Invoices; know who you are');
  });

  test.each([
    ['javascript:alert(1)'],
    ['ftp://agent.example/cb'],
    ['mailto:somebody@agent.example'],
    ['ms-msdt:/id'],
    ['http://agent.example/cb'],
    ['https://agent.example/cb#part'],
    ['https://user:pw@agent.example/cb'],
    ['https://*.agent.example/cb'],
    ['https://xn--pypal-4ve.example@evil.example/cb'],
    ['https://p\u0430ypal.example/cb'],
    ['cursor://user@anysphere.cursor-mcp/cb'],
  ])('%s is refused as a redirect', async (uri) => {
    const { status, body } = await registerOpenly(server.issuer, {
      client_name: 'Bad',
      ...CODE,
      redirect_uris: [uri],
      token_endpoint_auth_method: 'none',
    });
    expect([status, body['error']]).toEqual([400, 'invalid_redirect_uri']);
  });

  test('a thousand redirects are refused, in little time', async () => {
    const redirect_uris = Array.from({ length: 1_000 }, (_each, index) => `https://agent.example/cb/${index}`);
    const began = performance.now();
    const { status, body } = await registerOpenly(server.issuer, {
      client_name: 'Many',
      ...CODE,
      redirect_uris,
      token_endpoint_auth_method: 'none',
    });
    expect([status, body['error']]).toEqual([400, expect.stringMatching(/^invalid_/)]);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
