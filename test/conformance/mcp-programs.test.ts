import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { clock, hours } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { startModernMcpServer } from '../support/modern-mcp-server.ts';
import { createHome, type Home, type Program } from '../support/program.ts';
import { type SecureDocuments, startSecureDocuments } from '../support/secure-documents.ts';
import { freePort } from '../support/test-server.ts';

const SCOPES = ['invoices:read', 'invoices:pay'];
const REMOTE = 'node_modules/mcp-remote/dist/proxy.js';
const INSPECTOR = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';
const SYSTEM = { kind: 'system', id: 'command-line' } as const;

let server: InhabitedServer;
let mcp: ProtectedMcpServer;
let modern: ProtectedMcpServer;
let documents: SecureDocuments;
let home: Home;
beforeAll(async () => {
  [server, documents, home] = await Promise.all([createInhabitedServer(), startSecureDocuments(), createHome()]);
  const options = { issuer: server.issuer, scopesSupported: SCOPES };
  [mcp, modern] = await Promise.all([startProtectedMcpServer(options), startModernMcpServer(options)]);
  for (const { resource } of [mcp, modern]) await server.resource(resource, SCOPES);
}, 60_000);
// time only goes on in this file: the rate limits of a server do not outlive a clock that goes back
afterAll(async () => {
  clock.reset();
  await home.remove();
  await Promise.all([mcp.close(), modern.close(), documents.close()]);
  await server.close();
});

/** Mira, at the browser that a program opened; the client that asked her. */
async function consent(): Promise<string> {
  const address = await home.openedAddress();
  await fetch(await server.anotherBrowser().authorize(address));
  return new URL(address).searchParams.get('client_id') ?? '';
}

const tokensOf = ({ calls }: ProtectedMcpServer) => new Set(calls.map(({ authorization }) => authorization.token.value));
/** The rest of a metadata document. */
const callbackAt = (address: string) => ({
  redirect_uris: [address],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
});
const invoices = () => [{ type: 'text', text: `invoices of ${server.miraId}` }];

describe('mcp-remote, between a host that speaks over its standard input and the MCP server', () => {
  const opened: Client[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((client) => client.close()));
  });
  const host = async (url: string, ...args: string[]) => {
    const client = new Client({ name: 'host', version: '1.0.0' });
    opened.push(client);
    const transport = new StdioClientTransport({ ...home.commandOf({ script: REMOTE, args: [url, ...args] }), stderr: 'ignore' });
    return { client, connected: client.connect(transport) };
  };
  const read = async (client: Client) => (await client.callTool({ name: 'read_invoices', arguments: {} })).content;
  let registered = '';

  test('opens the browser once; after an hour, and after a restart, it goes on by itself', async () => {
    const { client, connected } = await host(mcp.resource);
    registered = await consent();
    await connected;
    expect(await read(client)).toEqual(invoices());
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ client: registered });
    clock.advance(hours(1));
    expect(await read(client)).toEqual(invoices());
    expect(tokensOf(mcp).size).toBe(2);
    await client.close();
    clock.advance(hours(1));
    const again = await host(mcp.resource);
    await again.connected;
    expect(await read(again.client)).toEqual(invoices());
    await again.client.close();
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ client: registered });
    expect(existsSync(join(home.path, '.mcp-auth'))).toBe(true);
  });

  test('registers again when its registration is gone', async () => {
    await server.app.parts.clients.remove(registered, SYSTEM);
    clock.advance(hours(1));
    const { client, connected } = await host(mcp.resource);
    const next = await consent();
    await connected;
    expect(await read(client)).toEqual(invoices());
    await client.close();
    expect(next).not.toBe(registered);
  });

  test('acts for itself with the credentials of an agent, and opens no browser', async () => {
    const { clientId, clientSecret, agentId } = await server.register({ client_name: 'Nightly', grant_types: ['client_credentials'] });
    const apart = ['--resource', mcp.resource]; // what it keeps for this address and this resource is not what it kept before
    const information = JSON.stringify({ client_id: clientId, client_secret: clientSecret });
    const { client, connected } = await host(mcp.resource, '--client-credentials', '--static-oauth-client-info', information, ...apart);
    await connected;
    expect(await read(client)).toEqual([{ type: 'text', text: `invoices of ${agentId}` }]);
    await client.close();
  });

  test('is known by its metadata document, and registers nothing', async () => {
    const document = documents.serve({ client_name: 'Remote', ...callbackAt('http://localhost/oauth/callback') });
    const port = await freePort();
    const { client, connected } = await host(mcp.resource, String(port), '--client-metadata-url', document);
    expect(await consent()).toBe(document);
    await connected;
    expect(await read(client)).toEqual(invoices());
    await client.close();
  });

  test('speaks the revision 2026-07-28 with a server that has it', async () => {
    const { client, connected } = await host(modern.resource, '--protocol', 'auto');
    await consent();
    await connected;
    expect(await read(client)).toEqual(invoices());
    await client.close();
  });
});

describe('the command line of the MCP inspector', () => {
  const call = (url: string, ...args: string[]) => {
    const what = [url, '--transport', 'http', '--method', 'tools/call', '--tool-name', 'read_invoices', '--format', 'json'];
    const env = { MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file' };
    return home.start({ script: INSPECTOR, args: ['--cli', ...what, ...args], env });
  };
  const callback = async () => ['--callback-url', `http://127.0.0.1:${await freePort()}/oauth/callback`];
  /** What it printed for programs to read. @throws with all of its output when it failed. */
  const contentOf = async (inspector: Program): Promise<unknown> => {
    if ((await inspector.ended()) !== 0) throw new Error(inspector.output());
    return (JSON.parse(inspector.answer()) as { result: { content: unknown } }).result.content;
  };
  let registered = '';

  test('opens the browser once; after an hour it goes on with what it kept', async () => {
    const first = call(mcp.resource, ...(await callback()));
    registered = await consent();
    expect(await contentOf(first)).toEqual(invoices());
    clock.advance(hours(1));
    const second = call(mcp.resource, '--stored-auth-only');
    expect(await contentOf(second)).toEqual(invoices());
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ client: registered });
    expect(existsSync(join(home.path, '.mcp-inspector'))).toBe(true);
  });

  test('registers again when its registration is gone', async () => {
    await server.app.parts.clients.remove(registered, SYSTEM);
    clock.advance(hours(1));
    const inspector = call(mcp.resource, ...(await callback()));
    expect(await consent()).not.toBe(registered);
    expect(await contentOf(inspector)).toEqual(invoices());
  });

  test('speaks the revision 2026-07-28 with a server that has it', async () => {
    const inspector = call(modern.resource, '--protocol-era', 'modern', ...(await callback()));
    await consent();
    expect(await contentOf(inspector)).toEqual(invoices());
  });

  test('is known by its metadata document, and registers nothing', async () => {
    const document = documents.serve({ client_name: 'Inspector', ...callbackAt('http://127.0.0.1/oauth/callback') });
    const inspector = call(mcp.resource, '--relogin', '--client-metadata-url', document, ...(await callback()));
    expect(await consent()).toBe(document);
    expect(await contentOf(inspector)).toEqual(invoices());
  });
});
