import type { JsonObject } from './claims.ts';

/** Methods that are let through without a question (COAZ-MCP, pass-through operations). */
export function passesThrough(method: string): boolean {
  return method === 'ping' || method.startsWith('notifications/');
}

const onServer = (context: JsonObject = {}) => ({ isServer: true, context });
const onThing = (type: string, id: string, context: JsonObject = {}) => ({ isServer: false, resource: { type, id }, context });
const byReference = {
  type: "$params.ref.type == 'ref/prompt' ? 'prompt' : 'resource'",
  id: "$params.ref.type == 'ref/prompt' ? params.ref.name : params.ref.uri",
};
const task = onThing('task', '$params.taskId');
const uri = onThing('resource', '$params.uri');

type Default = { readonly isServer: boolean; readonly resource?: JsonObject; readonly context: JsonObject };

/** COAZ-MCP, default mappings; `server/discover`, `subscriptions/listen` and `tasks/update` came with MCP's revision 2026-07-28. */
const defaults: ReadonlyMap<string, Default> = new Map<string, Default>([
  ['initialize', onServer({ protocol_version: '$params.?protocolVersion' })],
  ['server/discover', onServer()],
  ['subscriptions/listen', onServer({ notifications: '$params.?notifications' })],
  ['tools/list', onServer()],
  ['tools/call', onThing('tool', '$params.name', { arguments: '$params.?arguments' })],
  ['resources/list', onServer()],
  ['resources/templates/list', onServer()],
  ['resources/read', uri],
  ['resources/subscribe', uri],
  ['resources/unsubscribe', uri],
  ['prompts/list', onServer()],
  ['prompts/get', onThing('prompt', '$params.name')],
  ['completion/complete', { isServer: false, resource: byReference, context: {} }],
  ['logging/setLevel', onServer({ level: '$params.level' })],
  ['tasks/get', task],
  ['tasks/result', task],
  ['tasks/update', task],
  ['tasks/cancel', task],
  ['tasks/list', onServer()],
]);

/**
 * The mapping of a method where its tool declares none; undefined for a method nobody knows, which is refused. `resource` is the
 * identifier of this MCP server, which stands for `$token.aud`: the token was verified to be for it.
 */
export function defaultMapping(method: string, resource: string): JsonObject | undefined {
  const found = defaults.get(method);
  if (!found) return undefined;
  const server = { type: 'mcp_server', id: resource };
  return {
    evaluation: {
      subject: { type: 'identity', id: '$token.sub' },
      context: { agent: '$token.?client_id', ...found.context },
      action: { name: method },
      resource: found.isServer ? server : found.resource,
    },
  };
}
