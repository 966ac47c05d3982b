import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authorization } from './authorization.ts';
import { readNodeBody, readWebBody, usualMaxBodyBytes } from './body.ts';
import { type FetchListener, protectFetch } from './fetch.ts';
import { protect } from './http.ts';
import { authInfoOf, type McpAuthInfo } from './mcp-auth-info.ts';
import type { ResourceServer } from './protection.ts';
import { judgeToolCalls, type ToolRules } from './tool-rules.ts';
import type { McpAccess } from './coaz.ts';

/** A request whose `auth` and `body` are filled in, as `StreamableHTTPServerTransport.handleRequest` wants them. */
export interface McpRequest extends IncomingMessage {
  auth: McpAuthInfo;
  /** The parsed JSON-RPC message or batch; undefined where the request has none. */
  body: unknown;
}

/** Serves a verified MCP request, usually `transport.handleRequest(request, response, request.body)`. */
export type McpHandler = (request: McpRequest, response: ServerResponse) => Promise<void> | void;

/** Serves a verified MCP request of the Fetch standard: the `fetch` of what `createMcpHandler` of MCP's SDK v2 returns. */
export type McpFetchHandler = (
  request: Request,
  given: { readonly authInfo: McpAuthInfo; readonly parsedBody: unknown },
) => Promise<Response> | Response;

/** What each tool needs, and how much is read. */
export interface McpProtection extends ToolRules {
  /** Largest request body in bytes, 4 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Has every message decided by a policy decision point before it is served; a refusal is a JSON-RPC error. */
  readonly access?: McpAccess;
}

/** A message or batch through all that guards it: the answer that refuses it, or undefined when it may be served. */
async function guard(
  server: ResourceServer,
  authorization: Authorization,
  given: { body: unknown; protection: McpProtection },
): Promise<unknown> {
  const { body, protection } = given;
  const use = judgeToolCalls(server, authorization, { body, rules: protection });
  const refusal = await protection.access?.refusalOf(server, authorization, { body, ...protection });
  // an approval or a counted call is not used up for what is refused
  if (refusal === undefined) await use();
  return refusal;
}

const jsonAnswer = { 'content-type': 'application/json', 'cache-control': 'no-store' };

/**
 * A `node:http` or Express listener for the MCP TypeScript SDK's `StreamableHTTPServerTransport`: serves the RFC 9728
 * document, verifies every request, checks each called tool and uses up approvals and counted calls before `handler` runs.
 * A refusal is 401, or 403 with the scopes to ask for (MCP authorization, step-up).
 */
export function protectMcp(
  server: ResourceServer,
  protection: McpProtection,
  handler: McpHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return protect(server, async (request, response, authorization) => {
    const body = await readNodeBody(request, protection.maxBodyBytes ?? usualMaxBodyBytes);
    const refusal = await guard(server, authorization, { body, protection });
    if (refusal !== undefined) {
      response.writeHead(200, jsonAnswer).end(JSON.stringify(refusal));
      return;
    }
    await handler(Object.assign(request, { auth: authInfoOf(server, authorization), body }), response);
  });
}

/** The same from Request to Response, for Deno, Bun, Workers and the handlers of MCP's TypeScript SDK v2. */
export function protectMcpFetch(server: ResourceServer, protection: McpProtection, handler: McpFetchHandler): FetchListener {
  return protectFetch(server, async (received, authorization) => {
    const { request, body } = await readWebBody(received, protection.maxBodyBytes ?? usualMaxBodyBytes);
    const refusal = await guard(server, authorization, { body, protection });
    if (refusal !== undefined) return new Response(JSON.stringify(refusal), { headers: jsonAnswer });
    return handler(request, { authInfo: authInfoOf(server, authorization), parsedBody: body });
  });
}
