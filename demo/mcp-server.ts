import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';
import { type Authorization, authorizationOf, createResourceServer, type McpRequest, protectMcp } from '../src/sdk/resource-server.ts';

/** Scopes of the invoices server, as an administrator registers them. */
export const SCOPES = [
  { name: 'invoices:read', description: 'Read your invoices', risk: 'low' },
  { name: 'invoices:pay', description: 'Pay invoices from the company account', risk: 'high' },
] as const;

/** A running MCP server (official SDK) that asks Behalf at every request whether the token is still alive. */
export interface InvoicesServer {
  close(): Promise<void>;
}

function inWords({ subject, actors }: Authorization): string {
  return [`for ${subject}`, ...actors.map((actor) => `by ${actor.subject}`)].join(', ');
}

function createInvoices(): McpServer {
  const mcp = new McpServer({ name: 'invoices', version: '1.0.0' });
  mcp.registerTool('read_invoices', { description: 'Lists open invoices' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: `INV-7 is open (${inWords(authorizationOf(authInfo))})` }],
  }));
  const inputSchema = { invoice: z.string(), amount: z.number() };
  mcp.registerTool('pay_invoice', { description: 'Pays one invoice', inputSchema }, ({ invoice, amount }, { authInfo }) => {
    return { content: [{ type: 'text', text: `paid ${amount} EUR for ${invoice} (${inWords(authorizationOf(authInfo))})` }] };
  });
  return mcp;
}

async function serve(request: McpRequest, response: ServerResponse): Promise<void> {
  const mcp = createInvoices();
  const transport = new StreamableHTTPServerTransport({});
  response.on('close', () => void mcp.close());
  await mcp.connect(transport);
  await transport.handleRequest(request, response, request.body);
}

/** Starts it at `resource`, an address on loopback, with its own credentials at the issuer. */
export async function startInvoicesServer(options: {
  readonly issuer: string;
  readonly resource: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
}): Promise<InvoicesServer> {
  const { issuer, resource, credentials } = options;
  const protection = createResourceServer({
    issuer,
    resource,
    scopesSupported: SCOPES.map(({ name }) => name),
    checkLiveness: { credentials: { method: 'client_secret_basic', ...credentials }, maxAgeSeconds: 0 },
  });
  const scopesForTool = { read_invoices: ['invoices:read'], pay_invoice: ['invoices:pay'] };
  const rules = { scopesForTool, detailForTool: { read_invoices: 'never', pay_invoice: 'required' } } as const;
  const listener: (request: IncomingMessage, response: ServerResponse) => void = protectMcp(protection, rules, serve);
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(Number(new URL(resource).port), '127.0.0.1', resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What came of a tool call: the tool's words, or the status and words it was refused with. */
export interface ToolOutcome {
  readonly isDone: boolean;
  readonly status: number;
  readonly words: string;
}

/** Calls a tool as any MCP client does: with the official SDK and a bearer token. */
export async function callTool(
  resource: string,
  token: string,
  call: { name: string; arguments: Record<string, unknown> },
): Promise<ToolOutcome> {
  const client = new Client({ name: 'demo', version: '1.0.0' });
  const headers = { authorization: `Bearer ${token}` };
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit: { headers } }) as never);
    const { content, isError } = await client.callTool(call);
    const [first] = content as { text?: string }[];
    return { isDone: isError !== true, status: 200, words: first?.text ?? '' };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return { isDone: false, status: Number(code ?? 0), words: /\{.*\}/s.exec(message)?.[0] ?? message };
  } finally {
    await client.close();
  }
}
