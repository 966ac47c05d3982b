import type { AuthorizationDetail } from './authorization.ts';
import { isJsonObject, type JsonObject } from './claims.ts';
import { isAtMost } from './decimal.ts';

/** The detail type that allows calls of tools. */
export const toolCallType = 'mcp_tool_call';

/** One `tools/call` of a request. */
export interface ToolCall {
  /** Empty where the request names no tool. */
  readonly tool: string;
  readonly arguments: JsonObject;
}

/** A tool may take `..` for the folder above, so that a text which begins well ends elsewhere. */
const stepsUp = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\;?#]|%2f|%5c|$)/i;
const members: readonly string[] = ['type', 'tools', 'arguments', 'max_calls', 'locations'];

const limits: ReadonlyMap<string, (value: unknown, limit: unknown) => boolean> = new Map([
  ['equals', (value, limit) => isScalar(limit) && value === limit],
  ['oneOf', (value, limit) => isScalar(value) && Array.isArray(limit) && limit.includes(value)],
  ['prefix', (value, limit) => isText(value) && isText(limit) && limit !== '' && value.startsWith(limit) && !stepsUp.test(value)],
  ['min', (value, limit) => isAtMost(limit, value)],
  ['max', (value, limit) => isAtMost(value, limit)],
]);

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isScalar(value: unknown): boolean {
  return isText(value) || typeof value === 'number' || typeof value === 'boolean';
}

/** Every limit holds; one that is not known here holds for nothing. */
function holds(value: unknown, constraint: unknown): boolean {
  if (!isJsonObject(constraint)) return false;
  const named = Object.entries(constraint);
  return named.length > 0 && named.every(([name, limit]) => limits.get(name)?.(value, limit) ?? false);
}

function allowsArguments(constraints: unknown, given: JsonObject): boolean {
  if (constraints === undefined) return true;
  if (!isJsonObject(constraints)) return false;
  return Object.entries(constraints).every(([name, constraint]) => Object.hasOwn(given, name) && holds(given[name], constraint));
}

function isHere(locations: unknown, resource: string): boolean {
  if (locations === undefined) return true;
  const here = new URL(resource).href;
  return (
    Array.isArray(locations) && locations.some((location) => isText(location) && URL.canParse(location) && new URL(location).href === here)
  );
}

/**
 * Whether a detail of type `mcp_tool_call` allows this call at `resource`, apart from how often: the tool is in `tools`, each
 * argument that `arguments` names is given and keeps within all its limits, and `locations`, where there are any, name this
 * resource. Arguments that are not named are free. A detail with a member that is not known here allows nothing: it may be a limit.
 */
export function allowsCall(detail: AuthorizationDetail, call: ToolCall, resource: string): boolean {
  if (detail.type !== toolCallType || !Object.keys(detail).every((member) => members.includes(member))) return false;
  const { tools, arguments: constraints, locations } = detail;
  if (!Array.isArray(tools) || call.tool === '' || !tools.includes(call.tool)) return false;
  return allowsArguments(constraints, call.arguments) && isHere(locations, resource);
}
