import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
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

/** What an MCP client keeps, and a person who follows its redirects. */
interface Host extends OAuthClientProvider {
  /** The code the person brought back. */
  readonly code: () => string;
  readonly redirects: URL[];
  readonly saved: OAuthTokens[];
}

function createHost(person: Person, registered?: RegisteredSoftware): Host {
  let information: OAuthClientInformationMixed | undefined =
    registered === undefined
      ? undefined
      : ({ ...registered.information, client_id: registered.clientId } as unknown as OAuthClientInformationMixed);
  const kept = { verifier: '', code: '' };
  const saved: OAuthTokens[] = [];
  const redirects: URL[] = [];
  return {
    redirects,
    saved,
    code: () => kept.code,
    redirectUrl: REDIRECT_URI,
    clientMetadata: METADATA,
    clientInformation: () => information,
    saveClientInformation: (next) => {
      information = next;
    },
    tokens: () => saved.at(-1),
    saveTokens: (tokens) => void saved.push(tokens),
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier;
    },
    codeVerifier: () => kept.verifier,
    async redirectToAuthorization(address) {
      redirects.push(address);
      kept.code = (await person.authorize(address.href)).searchParams.get('code') ?? '';
    },
  };
}

/** Connects as MCP hosts do: the first try is refused and sends the person away, the second has a token. */
async function connect(host: Host): Promise<Client> {
  const first = new StreamableHTTPClientTransport(mcp.url, { authProvider: host });
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(first as never)).rejects.toThrow(UnauthorizedError);
  await first.finishAuth(host.code());
  await first.close();
  return reconnect(host);
}

async function reconnect(host: Host): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(mcp.url, { authProvider: host }) as never);
  return client;
}

describe('the official MCP client', () => {
  test('a confidential client discovers, is authorized by the person and calls a tool', async () => {
    const software = await server.register({ ...METADATA, token_endpoint_auth_method: 'client_secret_basic' });
    const host = createHost(server.mira, software);
    const client = await connect(host);
    const result = await client.callTool({ name: 'read_invoices', arguments: {} });
    await client.close();
    expect(result.content).toEqual([{ type: 'text', text: `invoices of ${server.miraId}` }]);
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ subject: server.miraId, agent: { subject: software.agentId } });
    // RFC 8707 and RFC 7636, both demanded by the MCP authorization specification
    expect(host.redirects[0]?.searchParams.get('resource')).toBe(mcp.resource);
    expect(host.redirects[0]?.searchParams.get('code_challenge_method')).toBe('S256');
  });

  test('a public client gets a refresh token and uses it when its access token is refused', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Editor', token_endpoint_auth_method: 'none' });
    const host = createHost(server.anotherBrowser(), software);
    await (await connect(host)).close();
    const before = host.saved.at(-1);
    host.saveTokens({ ...(before as OAuthTokens), access_token: 'gone' });
    const client = await reconnect(host);
    expect((await client.listTools()).tools).toHaveLength(2);
    await client.close();
    const after = host.saved.at(-1);
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(decodeJwt(after?.access_token ?? '')).toMatchObject({ sub: server.miraId, aud: mcp.resource });
    expect(host.redirects).toHaveLength(1);
  });

  test('scopes the person unticked are asked for again when a tool needs them (step-up)', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Careful', token_endpoint_auth_method: 'client_secret_basic' });
    const person = server.anotherBrowser();
    const reluctant: Person = { ...person, authorize: (url) => person.authorize(url, { untick: ['scope=invoices:pay'] }) };
    const host = createHost(reluctant, software);
    const client = await connect(host);
    expect(host.saved.at(-1)?.scope).toBe('invoices:read');
    const payment = { name: 'pay_invoice', arguments: { invoice: 'INV-1', amount: 5 } };
    const calls = mcp.calls.length;
    await expect(client.callTool(payment)).rejects.toThrow();
    expect(mcp.calls).toHaveLength(calls);
    expect(host.redirects.at(-1)?.searchParams.get('scope')?.split(' ')).toContain('invoices:pay');
    await client.close();
  });

  test('an end of the agent is an end of the tool calls', async () => {
    const software = await server.register({ ...METADATA, client_name: 'Stopped', token_endpoint_auth_method: 'client_secret_basic' });
    const host = createHost(server.anotherBrowser(), software);
    await (await connect(host)).close();
    const by = { kind: 'system', id: 'command-line', party: 'system' } as const;
    await server.app.parts.agents.setStatus(software.agentId, 'suspended', { by, reason: 'a test' });
    host.saveTokens({ ...(host.saved.at(-1) as OAuthTokens), access_token: 'gone' });
    await expect(reconnect(host)).rejects.toThrow();
    expect(host.saved.at(-1)?.access_token).toBe('gone');
  });
});
