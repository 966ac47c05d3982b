import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { discoverOAuthProtectedResourceMetadata, extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { authorizationOf } from '../../src/sdk/resource-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { type LocalIssuer, now, startLocalIssuer } from './local-issuer.ts';

let issuer: LocalIssuer;
let mcp: ProtectedMcpServer;
beforeAll(async () => {
  issuer = await startLocalIssuer();
});
beforeEach(async () => {
  mcp = await startProtectedMcpServer({ issuer: issuer.issuer, scopesSupported: ['invoices:read', 'invoices:pay'] });
});
afterEach(() => mcp.close());
afterAll(() => issuer.close());

async function withClient<T>(token: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(mcp.url, { requestInit: { headers: { authorization: `Bearer ${token}` } } });
  try {
    await client.connect(transport);
    return await use(client);
  } finally {
    await client.close();
  }
}

function post(message: unknown, token?: string): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token && { authorization: `Bearer ${token}` }),
  };
  return fetch(mcp.url, { method: 'POST', headers, body: typeof message === 'string' ? message : JSON.stringify(message) });
}

const call = (name: unknown, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: { invoice: 'INV-1', amount: 5 } },
});

describe('the official MCP client', () => {
  test('with the right token gets the tool result, and the tool knows who asks', async () => {
    const token = await issuer.token({ aud: mcp.resource });
    const result = await withClient(token, async (client) => {
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['read_invoices', 'pay_invoice']);
      return client.callTool({ name: 'read_invoices', arguments: {} });
    });
    expect(result.content).toEqual([{ type: 'text', text: 'invoices of usr_1' }]);
    expect(mcp.calls).toMatchObject([{ tool: 'read_invoices', authorization: { agent: { subject: 'agt_1' }, client: 'cli_1' } }]);
  });

  test('with a token for another resource is refused with 401', async () => {
    await expect(withClient(await issuer.token(), (client) => client.listTools())).rejects.toMatchObject({ code: 401 });
  });

  test('without the scope of the tool is refused with 403, and the tool does not run', async () => {
    const token = await issuer.token({ aud: mcp.resource });
    const paying = withClient(token, (client) => client.callTool({ name: 'pay_invoice', arguments: { invoice: 'INV-1', amount: 5 } }));
    await expect(paying).rejects.toMatchObject({ code: 403 });
    expect(mcp.calls).toEqual([]);
  });

  test('RFC 9728 §5.1 finds the metadata through the challenge', async () => {
    const { resourceMetadataUrl, error } = extractWWWAuthenticateParams(await post(call('read_invoices')));
    expect(error).toBeUndefined();
    expect(resourceMetadataUrl?.pathname).toBe('/.well-known/oauth-protected-resource/mcp');
    const found = await discoverOAuthProtectedResourceMetadata(mcp.url, resourceMetadataUrl ? { resourceMetadataUrl } : {});
    expect(found).toMatchObject({
      resource: mcp.resource,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['invoices:read', 'invoices:pay'],
    });
  });

  test('MCP step-up: reads the scope to ask for from the 403', async () => {
    const response = await post(call('pay_invoice'), await issuer.token({ aud: mcp.resource }));
    expect(response.status).toBe(403);
    expect(extractWWWAuthenticateParams(response)).toMatchObject({ error: 'insufficient_scope', scope: 'invoices:pay' });
  });
});

describe('tool calls that are refused', () => {
  test('a batch is checked call by call, and its challenge names all scopes', async () => {
    const response = await post([call('read_invoices'), call('pay_invoice', 2)], await issuer.token({ aud: mcp.resource }));
    expect(response.status).toBe(403);
    expect(extractWWWAuthenticateParams(response).scope).toBe('invoices:read invoices:pay');
    expect(mcp.calls).toEqual([]);
  });

  test.each(['unlisted', '__proto__', 'constructor', 7, null])('the tool %p is not listed: 403', async (name) => {
    const response = await post(call(name), await issuer.token({ aud: mcp.resource, scope: 'invoices:read invoices:pay' }));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: 'insufficient_authorization' });
  });

  test('no JSON is 400, more than 4 MiB is 400 as well', async () => {
    const token = await issuer.token({ aud: mcp.resource });
    expect((await post('{', token)).status).toBe(400);
    const large = await post(`"${'x'.repeat(16 * 1024 * 1024)}"`, token);
    expect(large.status).toBe(400);
    expect(await large.json()).toMatchObject({ error_description: 'the request is too large' });
  });

  test('R27 an approval of one use pays once, of ten at once', async () => {
    const approval = { id: 'apr_9', approved_at: now(), approved_until: now() + 60, by: 'subject', max_uses: 1 };
    const token = await issuer.token({ aud: mcp.resource, scope: 'invoices:pay', approval });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(call('pay_invoice'), token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 401)]);
    const refused = answers.find(({ status }) => status === 401);
    expect(await refused?.json()).toMatchObject({ error_description: expect.stringMatching(/has been used/) });
    await Promise.all(answers.filter((answer) => answer.status === 200).map((answer) => answer.text()));
    expect(mcp.calls).toHaveLength(1);
    expect((await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, token)).status).toBe(200);
  });

  test('a tool that is reached past the protection has no authorization', () => {
    expect(() => authorizationOf(undefined)).toThrow('not authorized');
    expect(() => authorizationOf({ extra: { authorization: {} } })).toThrow('not authorized');
  });
});
