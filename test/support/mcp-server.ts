import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import {
  type Authorization,
  authorizationOf,
  createResourceServer,
  type McpProtection,
  type McpRequest,
  protectMcp,
  type ResourceServerOptions,
  type ToolRules,
} from '../../src/sdk/resource-server.ts';

/** A tool call that was let through. */
export interface McpCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly authorization: Authorization;
}

/** Where the issuer is and what may be asked of it; `protection` adds options of `createResourceServer`, `rules` those of tools. */
export interface ProtectedMcpServerOptions {
  /** http is fine on loopback. */
  readonly issuer: string;
  readonly scopesSupported: readonly string[];
  readonly protection?: Partial<ResourceServerOptions>;
  readonly rules?: ToolRules & Pick<McpProtection, 'access'>;
  /** Where its address ends; `/mcp` by default. */
  readonly path?: string;
  /** Leads clients of the revision 2025-03-26, which look for the issuer's metadata here, to the issuer. */
  readonly leadsToIssuer?: true;
}

/** A running MCP server (official SDK, stateless) with the tools `read_invoices` and `pay_invoice`. */
export interface ProtectedMcpServer {
  readonly url: URL;
  /** The resource identifier tokens must be for; equal to `url`. */
  readonly resource: string;
  readonly calls: readonly McpCall[];
  close(): Promise<void>;
}

/** How a payment is asked about (COAZ-MCP, declared mappings). */
const PAYING = {
  evaluation: {
    subject: { type: 'identity', id: '$token.sub' },
    action: { name: 'pay' },
    resource: { type: 'invoice', id: '$params.arguments.invoice', properties: { amount: '$params.arguments.amount' } },
    context: { agent: '$token.?client_id' },
  },
};

const METADATA_PATH = '/.well-known/oauth-authorization-server';

function createMcp(calls: McpCall[]): McpServer {
  const mcp = new McpServer({ name: 'invoices', version: '1.0.0' });
  mcp.registerTool('read_invoices', { description: 'Lists open invoices' }, ({ authInfo }) => {
    const authorization = authorizationOf(authInfo);
    calls.push({ tool: 'read_invoices', arguments: {}, authorization });
    return { content: [{ type: 'text', text: `invoices of ${authorization.subject}` }] };
  });
  const inputSchema = z.object({ invoice: z.string(), amount: z.number() }).meta({ 'x-authzen-mapping': PAYING });
  mcp.registerTool('pay_invoice', { description: 'Pays one invoice', inputSchema }, (given, { authInfo }) => {
    const authorization = authorizationOf(authInfo);
    calls.push({ tool: 'pay_invoice', arguments: given, authorization });
    return { content: [{ type: 'text', text: `paid ${given.invoice}` }] };
  });
  return mcp;
}

async function handleMcp(request: McpRequest, response: ServerResponse, calls: McpCall[]): Promise<void> {
  const mcp = createMcp(calls);
  const transport = new StreamableHTTPServerTransport({});
  response.on('close', () => void mcp.close());
  await mcp.connect(transport);
  await transport.handleRequest(request, response, request.body);
}

/** Starts one on a free loopback port; its address is its resource identifier. */
export async function startProtectedMcpServer(options: ProtectedMcpServerOptions): Promise<ProtectedMcpServer> {
  const calls: McpCall[] = [];
  const state: { listener?: (request: IncomingMessage, response: ServerResponse) => Promise<void> } = {};
  const server = createServer((request, response) => void state.listener?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { issuer, scopesSupported, protection, rules, path = '/mcp', leadsToIssuer } = options;
  const resource = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const scopesForTool = { read_invoices: ['invoices:read'], pay_invoice: ['invoices:pay'] };
  const resourceServer = createResourceServer({ issuer, resource, scopesSupported, ...protection });
  const protectedMcp = protectMcp(resourceServer, { scopesForTool, ...rules }, (request, response) => handleMcp(request, response, calls));
  state.listener = async (request, response) => {
    if (!leadsToIssuer || request.url !== METADATA_PATH) return protectedMcp(request, response);
    response.writeHead(307, { location: `${issuer}${METADATA_PATH}` }).end();
  };
  return {
    url: new URL(resource),
    resource,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
