import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OAuthClientMetadata, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { createHost, type Host, sdkV1 } from '../support/mcp-host.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import type { Person } from '../support/person.ts';

const REDIRECT_URI = 'http://127.0.0.1:49152/callback';

let server: InhabitedServer;
let mcp: ProtectedMcpServer;
beforeAll(async () => {
  server = await createInhabitedServer();
  mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: ['invoices:read', 'invoices:pay'] });
  await server.resource(mcp.resource, ['invoices:read', 'invoices:pay']);
}, 60_000);
afterAll(async () => {
  await mcp.close();
  await server.close();
});

const METADATA: OAuthClientMetadata = {
  client_name: 'Desktop',
  redirect_uris: [REDIRECT_URI],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
};

/** A host that was given the registration of some software. */
function hostOf(software: RegisteredSoftware, person: Pick<Person, 'authorize'>): Host {
  return createHost({ person, metadata: METADATA, given: { ...software.information, client_id: software.clientId } });
}

const connect = (host: Host) => sdkV1.connect(mcp.url, host);
const spoil = (host: Host) => host.saveTokens({ ...(host.memory.tokens as OAuthTokens), access_token: 'gone' });

describe('the official MCP client', () => {
  test('a confidential client discovers, is authorized by the person and calls a tool', async () => {
    const software = await server.register({ ...METADATA, token_endpoint_auth_method: 'client_secret_basic' });
    const host = hostOf(software, server.mira);
    const client = await connect(host);
    const result = await client.call('read_invoices');
    await client.close();
    expect(result).toEqual([{ type: 'text', text: `invoices of ${server.miraId}` }]);
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ subject: server.miraId, agent: { subject: software.agentId } });
    // RFC 8707 and RFC 7636, both demanded by the MCP authorization specification
    expect(host.redirects[0]?.searchParams.get('resource')).toBe(mcp.resource);
    expect(host.redirects[0]?.searchParams.get('code_challenge_method')).toBe('S256');
  });

  test('a public client gets a refresh token and uses it when its access token is refused', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Editor', token_endpoint_auth_method: 'none' });
    const host = hostOf(software, server.anotherBrowser());
    await (await connect(host)).close();
    const before = host.memory.tokens;
    spoil(host);
    const client = await connect(host);
    expect(await client.toolNames()).toHaveLength(2);
    await client.close();
    const after = host.memory.tokens;
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(decodeJwt(after?.access_token ?? '')).toMatchObject({ sub: server.miraId, aud: mcp.resource });
    expect(host.redirects).toHaveLength(1);
  });

  test('scopes the person unticked are asked for again when a tool needs them (step-up)', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Careful', token_endpoint_auth_method: 'client_secret_basic' });
    const person = server.anotherBrowser();
    const host = hostOf(software, { authorize: (url) => person.authorize(url, { untick: ['scope=invoices:pay'] }) });
    const client = await connect(host);
    expect(host.memory.tokens?.scope).toBe('invoices:read');
    const calls = mcp.calls.length;
    await expect(client.call('pay_invoice', { invoice: 'INV-1', amount: 5 })).rejects.toThrow();
    expect(mcp.calls).toHaveLength(calls);
    expect(host.redirects.at(-1)?.searchParams.get('scope')?.split(' ')).toContain('invoices:pay');
    await client.close();
  });

  test('an end of the agent is an end of the tool calls', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Stopped', token_endpoint_auth_method: 'client_secret_basic' });
    const host = hostOf(software, server.anotherBrowser());
    await (await connect(host)).close();
    const by = { kind: 'system', id: 'command-line', party: 'system' } as const;
    await server.app.parts.agents.setStatus(software.agentId, 'suspended', { by, reason: 'a test' });
    spoil(host);
    await expect(connect(host)).rejects.toThrow();
    expect(host.memory.tokens).toBeUndefined();
  });
});
