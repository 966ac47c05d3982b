import { type AccessClient, type AccessDecision, AccessUnavailable } from './access-client.ts';
import type { Authorization } from './authorization.ts';
import { isJsonObject, type JsonObject } from './claims.ts';
import { defaultMapping, passesThrough } from './coaz-defaults.ts';
import { createMappingResolver, type MappedRequest, MappingFault } from './coaz-mapping.ts';
import type { ResourceServer } from './protection.ts';
import type { ToolRules } from './tool-rules.ts';

/** How an MCP server has its messages decided elsewhere. */
export interface McpAccessOptions {
  readonly client: AccessClient;
  /** The `x-authzen-mapping` that a tool declares in its `inputSchema`; undefined: the default mapping holds. */
  readonly mappingOf?: (tool: string) => unknown;
}

/** An error object of JSON-RPC 2.0 §5.1. */
export interface JsonRpcError {
  readonly jsonrpc: '2.0';
  readonly id: string | number | null;
  readonly error: { readonly code: number; readonly message: string; readonly data?: JsonObject };
}

/** Asks about MCP messages before they take effect (COAZ-MCP, PEP behaviour). */
export interface McpAccess {
  /**
   * What to answer in place of serving a message or batch; undefined when all of it may be served. One refused message of a batch
   * refuses the batch. Never throws for what a message holds. `scopesForTool`: what the calls of tools need, as far as this server says it.
   */
  refusalOf(server: Pick<ResourceServer, 'resource'>, authorization: Authorization, given: McpMessages): Promise<unknown>;
}

/** What came in one request. */
export interface McpMessages {
  /** A message, a batch, or undefined. */
  readonly body: unknown;
  readonly scopesForTool?: ToolRules['scopesForTool'];
}

const codes = { mapping: -32602, denied: -32001, unavailable: -32603 } as const;
const mostMessages = 100;
/** What of an answer may reach the MCP client. */
const told = ['reason', 'reason_user', 'next_action', 'obligations', 'decision_id'];

function idOf(message: unknown): string | number | null {
  const id = isJsonObject(message) ? message['id'] : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function errorFor(message: unknown, error: JsonRpcError['error']): JsonRpcError {
  return { jsonrpc: '2.0', id: idOf(message), error };
}

/** Messages that are answers to what this server asked; what has a method is a request, with an id or without. */
function isResponse(message: unknown): boolean {
  return isJsonObject(message) && !('method' in message) && ('result' in message || 'error' in message);
}

function denialOf({ context = {} }: AccessDecision): JsonRpcError['error'] {
  const words = context['reason_user'];
  const sentence = isJsonObject(words) ? words['403'] : words;
  const data = Object.fromEntries(told.filter((name) => context[name] !== undefined).map((name) => [name, context[name]]));
  const message = typeof sentence === 'string' ? `Access denied: ${sentence}` : 'Access denied';
  return Object.keys(data).length === 0 ? { code: codes.denied, message } : { code: codes.denied, message, data };
}

/** A permit with an obligation that nobody carries out here is none (Obligations Profile, non-compliance). */
function isPermit({ decision, context }: AccessDecision): boolean {
  const obligations = context?.['obligations'];
  return decision && (obligations === undefined || (Array.isArray(obligations) && obligations.length === 0));
}

/** What is known here is put in place of whatever a mapping says: which token, whose client, through whom, which scopes it takes. */
function withFacts(mapped: MappedRequest, { token, client }: Authorization, scopes: readonly string[] | undefined): MappedRequest {
  const facts = { client_id: client, jti: token.id, ...(scopes && { scope: scopes.join(' ') }) };
  const { act } = token.claims;
  const { subject } = mapped.request;
  const through = act === undefined ? {} : { properties: { ...subject?.properties, act } };
  const anchored = subject && { subject: { ...subject, ...through } };
  const known = <T extends { readonly context?: JsonObject }>(question: T): T => ({
    ...question,
    context: { ...question.context, ...facts },
  });
  if (mapped.api === 'evaluation') return { api: mapped.api, request: { ...known(mapped.request), ...anchored } };
  const evaluations = mapped.request.evaluations.map((entry) => (entry.context === undefined ? entry : known(entry)));
  return { api: mapped.api, request: { ...known(mapped.request), ...anchored, evaluations } };
}

interface About extends Pick<McpMessages, 'scopesForTool'> {
  readonly authorization: Authorization;
  readonly resource: string;
}

/** The scopes that a call of a tool needs; undefined where nobody says it, or it is no such call. */
function scopesOf(method: string, { name }: JsonObject, rules: McpMessages['scopesForTool']): readonly string[] | undefined {
  return method === 'tools/call' && rules && typeof name === 'string' && Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/**
 * Has every MCP message decided by a policy decision point, by the mappings of COAZ-MCP: the tool's own, or the default of its
 * method. Whatever cannot be mapped, is not known, or gets no answer is refused.
 */
export function createMcpAccess({ client, mappingOf }: McpAccessOptions): McpAccess {
  const mappings = createMappingResolver();
  const mappingFor = (method: string, params: JsonObject, resource: string): unknown => {
    const { name } = params;
    const declared = method === 'tools/call' && typeof name === 'string' ? mappingOf?.(name) : undefined;
    return declared ?? defaultMapping(method, resource);
  };
  const decisionsOn = async ({ api, request }: MappedRequest): Promise<readonly AccessDecision[]> =>
    api === 'evaluation' ? [await client.evaluate(request)] : client.evaluateAll(request);

  const refusalOfOne = async (message: unknown, about: About): Promise<JsonRpcError['error'] | undefined> => {
    if (isResponse(message)) return undefined;
    const { authorization, resource, scopesForTool } = about;
    const { method, params = {} } = isJsonObject(message) ? message : {};
    if (typeof method !== 'string') return { code: codes.denied, message: 'Access denied: the message has no method' };
    if (passesThrough(method)) return undefined;
    if (!isJsonObject(params)) return { code: codes.mapping, message: 'COAZ mapping error: params is no object' };
    const mapping = mappingFor(method, params, resource);
    if (mapping === undefined) return { code: codes.denied, message: 'Access denied: the method is not known here' };
    try {
      const variables = { params, token: authorization.token.claims };
      const decisions = await decisionsOn(
        withFacts(await mappings.resolve(mapping, variables), authorization, scopesOf(method, params, scopesForTool)),
      );
      const denial = decisions.find((decision) => !isPermit(decision));
      return denial && denialOf(denial);
    } catch (error) {
      if (error instanceof MappingFault) return { code: codes.mapping, message: `COAZ mapping error: ${error.message}` };
      if (error instanceof AccessUnavailable) return { code: codes.unavailable, message: 'Authorization service unavailable' };
      throw error;
    }
  };
  return {
    async refusalOf({ resource }, authorization, { body, scopesForTool }) {
      if (body === undefined) return undefined;
      const messages: readonly unknown[] = Array.isArray(body) ? body : [body];
      if (messages.length > mostMessages)
        return errorFor(undefined, { code: codes.denied, message: 'Access denied: too many messages at once' });
      const about = { authorization, resource, scopesForTool };
      const refusals = await Promise.all(messages.map((message) => refusalOfOne(message, about)));
      if (refusals.every((refusal) => refusal === undefined)) return undefined;
      const other = { code: codes.unavailable, message: 'Not served: another message of the batch was refused' };
      const answers = messages.map((message, index) => errorFor(message, refusals[index] ?? other));
      return Array.isArray(body) ? answers : answers[0];
    },
  };
}

/** The mappings that tools declare, by name: made of what `tools/list` answers. */
export function declaredMappings(tools: readonly { readonly name: string; readonly inputSchema?: unknown }[]): (tool: string) => unknown {
  const declared = new Map(
    tools.map(({ name, inputSchema }) => [name, isJsonObject(inputSchema) ? inputSchema['x-authzen-mapping'] : undefined]),
  );
  return (tool) => declared.get(tool);
}
