import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { authorizationOf, createResourceServer, type McpRequest, protectMcp } from '../../src/sdk/resource-server.ts';
import type { McpCall, ProtectedMcpServer, ProtectedMcpServerOptions } from './mcp-server.ts';

type McpHandler = ReturnType<typeof createMcpHandler>;

function createMcp(calls: McpCall[]): McpServer {
  const mcp = new McpServer({ name: 'invoices', version: '2.0.0' });
  mcp.registerTool('read_invoices', { description: 'Lists open invoices' }, ({ http }) => {
    const authorization = authorizationOf(http?.authInfo);
    calls.push({ tool: 'read_invoices', arguments: {}, authorization });
    return { content: [{ type: 'text', text: `invoices of ${authorization.subject}` }] };
  });
  const inputSchema = z.object({ invoice: z.string(), amount: z.number() });
  mcp.registerTool('pay_invoice', { description: 'Pays one invoice', inputSchema }, (given, { http }) => {
    const authorization = authorizationOf(http?.authInfo);
    calls.push({ tool: 'pay_invoice', arguments: given, authorization });
    return { content: [{ type: 'text', text: `paid ${given.invoice}` }] };
  });
  return mcp;
}

/** The official handler speaks the requests and responses of the web; this is the bridge from `node:http`. */
async function handle(handler: McpHandler, request: McpRequest, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers, body } = request;
  const given = new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const sent = body === undefined ? null : JSON.stringify(body);
  const asked = new Request(new URL(request.url ?? '/', `http://${headers.host}`), { method, headers: given, body: sent });
  const answer = await handler.fetch(asked, { authInfo: request.auth, parsedBody: body });
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body !== null) for await (const chunk of answer.body) response.write(chunk);
  response.end();
}

/** Starts an MCP server of the second official SDK (stateless revision 2026-07-28, older revisions too) with the tools of `startProtectedMcpServer`. */
export async function startModernMcpServer(options: ProtectedMcpServerOptions): Promise<ProtectedMcpServer> {
  const calls: McpCall[] = [];
  const state: { listener?: (request: IncomingMessage, response: ServerResponse) => Promise<void> } = {};
  const server = createServer((request, response) => void state.listener?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const resource = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const { issuer, scopesSupported, protection } = options;
  const scopesForTool = { read_invoices: ['invoices:read'], pay_invoice: ['invoices:pay'] };
  const resourceServer = createResourceServer({ issuer, resource, scopesSupported, ...protection });
  const handler = createMcpHandler(() => createMcp(calls));
  state.listener = protectMcp(resourceServer, { scopesForTool }, (request, response) => handle(handler, request, response));
  return {
    url: new URL(resource),
    resource,
    calls,
    async close() {
      await handler.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
