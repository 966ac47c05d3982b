import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { authorizationOf, createResourceServer, type FetchListener, protectMcpFetch } from '../../src/sdk/resource-server.ts';
import type { McpCall, ProtectedMcpServer, ProtectedMcpServerOptions } from './mcp-server.ts';

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

/** The bridge from `node:http` to requests and responses of the web. */
async function bridge(listener: FetchListener, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers } = request;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const given = new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const body = chunks.length === 0 ? null : Buffer.concat(chunks);
  const answer = await listener(new Request(new URL(request.url ?? '/', `http://${headers.host}`), { method, headers: given, body }));
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
  const { issuer, scopesSupported, protection, rules } = options;
  const scopesForTool = { read_invoices: ['invoices:read'], pay_invoice: ['invoices:pay'] };
  const resourceServer = createResourceServer({ issuer, resource, scopesSupported, ...protection });
  const handler = createMcpHandler(() => createMcp(calls));
  const listener = protectMcpFetch(resourceServer, { scopesForTool, ...rules }, handler.fetch);
  state.listener = (request, response) => bridge(listener, request, response);
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
