import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Authorization, requireScope } from './authorization.ts';
import { isJsonObject } from './claims.ts';
import { epochSeconds } from './clock.ts';
import { announce, serveMetadata, writeRefusal } from './http.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

const defaultMaxBodyBytes = 4 * 1024 * 1024;

/** What the MCP TypeScript SDK hands to a tool as `extra.authInfo`. */
export interface McpAuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since 1970. */
  expiresAt: number;
  resource: URL;
  extra: Record<string, unknown>;
}

/** A request whose `auth` and `body` are filled in, as `StreamableHTTPServerTransport.handleRequest` wants them. */
export interface McpRequest extends IncomingMessage {
  auth: McpAuthInfo;
  /** The parsed JSON-RPC message or batch; undefined where the request has none. */
  body: unknown;
}

/** Serves a verified MCP request, usually `transport.handleRequest(request, response, request.body)`. */
export type McpHandler = (request: McpRequest, response: ServerResponse) => Promise<void> | void;

/** What each tool needs. */
export interface McpProtection {
  /**
   * Scopes per tool name. Once given, a tool that is not listed is refused. Calls to a listed tool need all its scopes; the
   * refusal names them, so that the client can ask for them (step-up).
   */
  readonly scopesForTool?: Readonly<Record<string, readonly string[]>>;
  /**
   * Whether a call to this tool uses up an approval with `max_uses`. By default every call does; say `() => false` if the
   * tools call `useOnce` themselves.
   */
  readonly usesApproval?: (tool: string) => boolean;
  /** Largest request body in bytes, 4 MiB by default. */
  readonly maxBodyBytes?: number;
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new AccessRefused('invalid_request', 'the request is too large');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new AccessRefused('invalid_request', 'the request is no JSON', { cause });
  }
}

function parsedBody(request: IncomingMessage, maxBytes: number): Promise<unknown> | unknown {
  if ('body' in request && request.body !== undefined) return request.body;
  return request.method === 'POST' ? readBody(request, maxBytes) : undefined;
}

/** The tool of each call in a message or batch; one that is no text counts as the empty name. */
function calledTools(body: unknown): readonly string[] {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  return messages.filter(isJsonObject).flatMap(({ method, params }) => {
    if (method !== 'tools/call') return [];
    const name = isJsonObject(params) ? params['name'] : undefined;
    return [typeof name === 'string' ? name : ''];
  });
}

function requireToolScopes(authorization: Authorization, tools: readonly string[], scopesForTool: McpProtection['scopesForTool']): void {
  if (!scopesForTool) return;
  const needed = tools.flatMap((tool) => {
    const scopes = Object.hasOwn(scopesForTool, tool) ? scopesForTool[tool] : undefined;
    if (!scopes) throw new AccessRefused('insufficient_authorization', 'no scope allows this tool');
    return scopes;
  });
  requireScope(authorization, ...new Set(needed));
}

function authInfo(server: ResourceServer, authorization: Authorization): McpAuthInfo {
  return {
    token: authorization.token.value,
    clientId: authorization.client,
    scopes: [...authorization.scopes],
    expiresAt: epochSeconds(authorization.token.expiresAt),
    resource: new URL(server.resource),
    extra: { authorization },
  };
}

function isAuthorization(value: unknown): value is Authorization {
  return isJsonObject(value) && 'token' in value && 'actors' in value;
}

/**
 * The authorization behind a tool call, from its `extra.authInfo`.
 * @throws AccessRefused `token_missing` when the call did not come through `protectMcp`.
 */
export function authorizationOf(info: { readonly extra?: Record<string, unknown> } | undefined): Authorization {
  const authorization = info?.extra?.['authorization'];
  if (!isAuthorization(authorization)) throw new AccessRefused('token_missing', 'this call was not authorized');
  return authorization;
}

/**
 * A `node:http` or Express listener for the MCP TypeScript SDK's `StreamableHTTPServerTransport`: serves the RFC 9728
 * document, verifies every request, checks each called tool's scopes and uses up approvals before `handler` runs.
 * A refusal is 401, or 403 with the scopes to ask for (MCP authorization, step-up).
 */
export function protectMcp(
  server: ResourceServer,
  protection: McpProtection,
  handler: McpHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const usesApproval = protection.usesApproval ?? (() => true);
  return async (request, response) => {
    try {
      if (serveMetadata(server, request, response)) return;
      const authorization = await server.verify(request);
      announce(server, response, authorization);
      const body = await parsedBody(request, protection.maxBodyBytes ?? defaultMaxBodyBytes);
      const tools = calledTools(body);
      requireToolScopes(authorization, tools, protection.scopesForTool);
      for (const tool of tools) {
        if (usesApproval(tool)) await server.useOnce(authorization);
      }
      await handler(Object.assign(request, { auth: authInfo(server, authorization), body }), response);
    } catch (error) {
      writeRefusal(server, response, error);
    }
  };
}
