import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An MCP server that does everything right but what a test bends. */
export interface Bends {
  /** Answers a request for the resource; left out: 401 with a right challenge. */
  readonly call?: (request: IncomingMessage, response: ServerResponse, at: Addresses) => void;
  /** Answers a request for its metadata; left out: the right document. */
  readonly metadata?: (request: IncomingMessage, response: ServerResponse, at: Addresses) => void;
  /** Changes the document. */
  readonly document?: (right: Record<string, unknown>, at: Addresses) => Record<string, unknown>;
  readonly scopes?: readonly string[];
}

export interface Addresses {
  readonly origin: string;
  readonly resource: string;
  readonly metadata: string;
}

export interface BentServer extends Addresses {
  /** What it was asked, as `METHOD path`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** 401 with the challenge of a server that does it right; `error` when a token came with it. */
export function challenge(request: IncomingMessage, response: ServerResponse, parameters: string): void {
  const error = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
  response.writeHead(401, { 'www-authenticate': `Bearer ${parameters}${error}` }).end();
}

/** JSON, with whatever status. */
export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Starts one on a free loopback port. */
export async function startBentServer(issuer: string, bends: Bends = {}): Promise<BentServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { method, url = '/' } = request;
    asked.push(`${method} ${url}`);
    if (url.startsWith(WELL_KNOWN)) {
      if (bends.metadata !== undefined) return bends.metadata(request, response, at);
      const right = { resource: at.resource, authorization_servers: [issuer], scopes_supported: bends.scopes ?? ['invoices:read'] };
      return sendJson(response, bends.document?.(right, at) ?? right);
    }
    if (bends.call !== undefined) return bends.call(request, response, at);
    return challenge(request, response, `resource_metadata="${at.metadata}", scope="${(bends.scopes ?? ['invoices:read']).join(' ')}"`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const at: Addresses = { origin, resource: `${origin}/mcp`, metadata: `${origin}${WELL_KNOWN}/mcp` };
  return {
    ...at,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
