import { requireAssurance } from './assurance.ts';
import { type Authorization, type AuthorizationDetail, requireScope } from './authorization.ts';
import { isJsonObject } from './claims.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused, type Assurance } from './refusal.ts';
import { allowsCall, type ToolCall, toolCallType } from './tool-details.ts';

const maxCallsAtOnce = 100;

/** What calls of tools need; everything is told by tool name. */
export interface ToolRules {
  /**
   * Scopes per tool. Once given, a tool that is not listed is refused. Calls to a listed tool need all its scopes; the
   * refusal names them, so that the client can ask for them (step-up).
   */
  readonly scopesForTool?: Readonly<Record<string, readonly string[]>>;
  /**
   * Whether a call must lie within an authorization detail of type `mcp_tool_call`. A tool that is not listed needs one as soon
   * as the token carries any: whoever granted limits is not to be led around them by a scope.
   */
  readonly detailForTool?: Readonly<Record<string, 'required' | 'never'>>;
  /** How the person must have signed in, per tool (RFC 9470). */
  readonly assuranceForTool?: Readonly<Record<string, Assurance>>;
  /**
   * Whether a call to this tool uses up an approval with `max_uses`. By default every call does; say `() => false` if the
   * tools call `useOnce` themselves.
   */
  readonly usesApproval?: (tool: string) => boolean;
}

function ruleFor<T>(rules: Readonly<Record<string, T>> | undefined, tool: string): T | undefined {
  return rules && Object.hasOwn(rules, tool) ? rules[tool] : undefined;
}

/** The calls in a message or batch. */
function callsIn(body: unknown): readonly ToolCall[] {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
  const calls = messages.filter(isJsonObject).flatMap(({ method, params }) => {
    if (method !== 'tools/call') return [];
    const { name, arguments: given } = isJsonObject(params) ? params : {};
    return [{ tool: typeof name === 'string' ? name : '', arguments: isJsonObject(given) ? given : {} }];
  });
  if (calls.length > maxCallsAtOnce) throw new AccessRefused('invalid_request', 'the request calls too many tools at once');
  return calls;
}

function requireToolScopes(authorization: Authorization, calls: readonly ToolCall[], { scopesForTool }: ToolRules): void {
  if (!scopesForTool) return;
  const needed = calls.flatMap(({ tool }) => {
    const scopes = ruleFor(scopesForTool, tool);
    if (!scopes) throw new AccessRefused('insufficient_authorization', 'no scope allows this tool');
    return scopes;
  });
  requireScope(authorization, ...new Set(needed));
}

/** The details that allow a call; undefined where it needs none. */
function detailsFor(server: ResourceServer, authorization: Authorization, { call, rules }: { call: ToolCall; rules: ToolRules }) {
  const rule = ruleFor(rules.detailForTool, call.tool);
  const granted = authorization.authorizationDetails.filter(({ type }) => type === toolCallType);
  if (rule === 'never' || (rule === undefined && granted.length === 0)) return undefined;
  const allowing = granted.filter((detail) => allowsCall(detail, call, server.resource));
  if (allowing.length > 0) return allowing;
  throw new AccessRefused('insufficient_authorization', 'no authorization detail of this token allows this call');
}

/**
 * Whether every `tools/call` in a JSON-RPC message or batch may be made. Returns what uses up what is counted: an approval's
 * `max_uses` and a detail's `max_calls`; call it once, right before the calls.
 * @throws AccessRefused 403 `insufficient_scope` or `insufficient_authorization`, 401 `insufficient_user_authentication`, 400 for more
 * than 100 calls. What is returned throws 401 `invalid_token` (approval used), 403 (calls used), 503 when a store cannot tell.
 */
export function judgeToolCalls(
  server: ResourceServer,
  authorization: Authorization,
  { body, rules }: { readonly body: unknown; readonly rules: ToolRules },
): () => Promise<void> {
  const calls = callsIn(body);
  requireToolScopes(authorization, calls, rules);
  const allowed: { readonly tool: string; readonly details: readonly AuthorizationDetail[] | undefined }[] = [];
  for (const call of calls) {
    const assurance = ruleFor(rules.assuranceForTool, call.tool);
    if (assurance) requireAssurance(authorization, assurance, server.clock);
    allowed.push({ tool: call.tool, details: detailsFor(server, authorization, { call, rules }) });
  }
  return async () => {
    for (const { tool, details } of allowed) {
      if (rules.usesApproval?.(tool) ?? true) await server.useOnce(authorization);
      if (details) await server.useCall(authorization, details);
    }
  };
}

/**
 * Returns when every `tools/call` in a JSON-RPC message or batch may be made, and has then used up what is counted. For servers
 * that `protectMcp` and `protectMcpFetch` do not fit; call it once a request.
 * @throws AccessRefused as `judgeToolCalls` and what it returns.
 */
export async function admitToolCalls(
  server: ResourceServer,
  authorization: Authorization,
  given: { readonly body: unknown; readonly rules: ToolRules },
): Promise<void> {
  await judgeToolCalls(server, authorization, given)();
}
