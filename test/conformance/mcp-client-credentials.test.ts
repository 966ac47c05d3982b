import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as second from '@modelcontextprotocol/client';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { decodeJwt } from 'jose';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { assertionOf, basic, proofKey } from '../support/seeding.ts';

const WANTED = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const key = proofKey();

let server: InhabitedServer;
let mcp: ProtectedMcpServer;
let withSecret: RegisteredSoftware;
let withKey: RegisteredSoftware;

beforeAll(async () => {
  server = await createInhabitedServer();
  mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: ['invoices:read', 'invoices:pay'] });
  await server.resource(mcp.resource, ['invoices:read', 'invoices:pay']);
  withSecret = await server.register({ ...WANTED, client_name: 'Nightly', token_endpoint_auth_method: 'client_secret_basic' });
  const proof = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } };
  withKey = await server.register({ ...WANTED, client_name: 'Nightly with a key', ...proof });
}, 60_000);
afterAll(async () => {
  await mcp.close();
  await server.close();
});

interface Sdk {
  readonly Client: typeof Client;
  readonly Transport: typeof StreamableHTTPClientTransport;
  readonly Secret: typeof ClientCredentialsProvider;
  readonly Key: typeof PrivateKeyJwtProvider;
}
const SDKS: readonly [string, Sdk][] = [
  ['version 1', { Client, Transport: StreamableHTTPClientTransport, Secret: ClientCredentialsProvider, Key: PrivateKeyJwtProvider }],
  [
    'version 2',
    {
      Client: second.Client as never,
      Transport: second.StreamableHTTPClientTransport as never,
      Secret: second.ClientCredentialsProvider as never,
      Key: second.PrivateKeyJwtProvider as never,
    },
  ],
];

/** Connects without anybody at a browser and calls a tool; the claims of the token it was done with. */
async function callAs(sdk: Sdk, provider: OAuthClientProvider) {
  const client = new sdk.Client({ name: 'nightly', version: '1.0.0' });
  await client.connect(new sdk.Transport(mcp.url, { authProvider: provider }) as never);
  const { content } = await client.callTool({ name: 'read_invoices', arguments: {} });
  await client.close();
  const tokens = await provider.tokens();
  return { content, claims: decodeJwt(tokens?.access_token ?? ''), tokens };
}

describe.each(SDKS)('io.modelcontextprotocol/oauth-client-credentials with the official client, %s', (_name, sdk) => {
  test('with a secret: finds the server, gets a token for the one resource, and calls a tool', async () => {
    const { clientId, clientSecret, agentId } = withSecret;
    const provider = new sdk.Secret({ clientId, clientSecret, scope: 'invoices:read', expectedIssuer: server.issuer } as never);
    const { content, claims, tokens } = await callAs(sdk, provider);
    expect(content).toEqual([{ type: 'text', text: `invoices of ${agentId}` }]);
    expect(claims).toMatchObject({ sub: agentId, aud: mcp.resource, client_id: clientId, sub_profile: 'ai_agent' });
    // what the server of the tools says goes before what the program asked for
    expect(String(claims['scope']).split(' ')).toContain('invoices:read');
    expect(tokens).not.toHaveProperty('refresh_token');
  });

  test('with a key (RFC 7523 §2.2)', async () => {
    const { clientId, agentId } = withKey;
    const privateKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const provider = new sdk.Key({
      clientId,
      privateKey,
      algorithm: 'ES256',
      scope: 'invoices:read',
      expectedIssuer: server.issuer,
    } as never);
    const { claims } = await callAs(sdk, provider);
    expect(claims).toMatchObject({ sub: agentId, aud: mcp.resource });
  });
});

describe('what the extension demands of the server', () => {
  const ask = async (form: Record<string, string>, headers: Record<string, string> = {}) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...form });
    const answer = await fetch(`${server.issuer}/token`, { method: 'POST', headers, body });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const secret = () => basic({ clientId: withSecret.clientId, secret: withSecret.clientSecret });

  test('its metadata says how to prove oneself', async () => {
    const metadata = await (await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).json();
    expect(metadata).toMatchObject({
      token_endpoint_auth_methods_supported: expect.arrayContaining(['private_key_jwt', 'client_secret_basic']),
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['ES256', 'RS256']),
      grant_types_supported: expect.arrayContaining(['client_credentials']),
    });
  });

  test('the resource in another spelling is the same one', async () => {
    const { body } = await ask({ resource: mcp.resource.replace('http:', 'HTTP:'), scope: 'invoices:read' }, secret());
    expect(decodeJwt(String(body['access_token'])).aud).toBe(mcp.resource);
  });

  test.each([
    ['no resource', {}, 'invalid_target'],
    ['a resource that is not known', { resource: 'https://elsewhere.test' }, 'invalid_target'],
    ['a scope of nobody', { scope: 'launch' }, 'invalid_scope'],
  ])('%s is refused', async (_name, more, error) => {
    const resource = error === 'invalid_scope' ? { resource: mcp.resource } : {};
    expect(await ask({ scope: 'invoices:read', ...resource, ...more }, secret())).toMatchObject({ status: 400, body: { error } });
  });

  test('a wrong secret, a foreign key and an assertion that was used are 401 invalid_client', async () => {
    const about = { resource: mcp.resource, scope: 'invoices:read' };
    const wrong = await ask(about, basic({ clientId: withSecret.clientId, secret: 'wrong' }));
    const foreign = await ask({ ...about, ...assertionOf({ clientId: withKey.clientId, key: proofKey() }, server.issuer) });
    const assertion = assertionOf({ clientId: withKey.clientId, key }, server.issuer);
    expect((await ask({ ...about, ...assertion })).status).toBe(200);
    const again = await ask({ ...about, ...assertion });
    for (const answer of [wrong, foreign, again]) expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  test('without a proof there is no such token (R4)', async () => {
    const about = { client_name: 'Nobody', token_endpoint_auth_method: 'none' };
    await expect(server.register({ ...WANTED, ...about })).rejects.toThrow('invalid_client_metadata');
  });
});
