import {
  type AuthorizationDetail,
  coversAll,
  type DetailTypes,
  isWithinConstraint,
  type JsonObject,
  type JsonValue,
  validateDetails,
} from '../authorization-details/index.ts';
import type { Evaluation } from './access-request.ts';
import { objectOf, textOf } from './naming.ts';

/** What a token allows, as the ledger knows it. */
export interface TokenReach {
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
}

/** What an access needs of the token it is asked for with. */
export interface AccessNeed {
  readonly evaluation: Evaluation;
  /** Scopes the resource server names for it. */
  readonly scopes: readonly string[];
  /** The scopes the resource server is registered with: an action that is called like one of them needs it. */
  readonly knownScopes: readonly string[];
}

/** Why the token does not allow it. */
export interface BoundFault {
  readonly rule: 'token-scope' | 'token-details';
  readonly reason: string;
  readonly remedy: string;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);
/** A tool or an API may take `..` for the folder above, so that a text which begins well ends elsewhere. */
const STEPS_UP = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\;?#]|%2f|%5c|$)/i;

const detailFault = (reason: string): BoundFault => ({
  rule: 'token-details',
  reason,
  remedy: 'Ask for a token whose authorization details allow exactly this.',
});

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const listOf = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);

/** The arguments of a call, wherever the mapping put them. */
function argumentsOf({ action, resource, context }: Evaluation): JsonObject {
  return objectOf(context, 'arguments') ?? objectOf(action.properties, 'arguments') ?? objectOf(resource.properties, 'arguments') ?? {};
}

function isArgumentWithin(value: JsonValue | undefined, constraint: JsonValue): boolean {
  if (value === undefined || !isObject(constraint)) return false;
  if (Object.hasOwn(constraint, 'prefix') && typeof value === 'string' && STEPS_UP.test(value)) return false;
  return isWithinConstraint(value, constraint);
}

/** `mcp_tool_call`: the tool is listed, every argument with a limit is given and within it. */
function allowsTool(detail: AuthorizationDetail, evaluation: Evaluation): boolean {
  if (!listOf(detail['tools']).includes(evaluation.resource.id)) return false;
  const limits = detail['arguments'];
  if (limits === undefined) return true;
  const given = argumentsOf(evaluation);
  return (
    isObject(limits) &&
    Object.entries(limits).every(([name, limit]) => isArgumentWithin(Object.hasOwn(given, name) ? given[name] : undefined, limit))
  );
}

function isInPattern(path: string, pattern: JsonValue): boolean {
  if (typeof pattern !== 'string') return false;
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

/** The amount of money an access moves, where its action or its context says so. */
function isAmountWithin(limit: JsonValue | undefined, { action, context }: Evaluation): boolean {
  if (limit === undefined) return true;
  const holder = [action.properties, context].find((one) => one !== undefined && Object.hasOwn(one, 'amount'));
  const currency = textOf(holder, 'currency');
  const most = isObject(limit) ? limit['amount'] : undefined;
  if (holder === undefined || most === undefined || !isObject(limit) || currency !== limit['currency']) return false;
  return isWithinConstraint(holder['amount'] ?? null, { min: 0, max: most });
}

/** `api_call`: the method is listed, the path lies in a pattern, the amount is stated and within the limit. */
function allowsRequest(detail: AuthorizationDetail, evaluation: Evaluation): boolean {
  const { action, resource } = evaluation;
  if (!listOf(detail['actions']).includes(action.name) || STEPS_UP.test(resource.id)) return false;
  const { paths } = detail;
  const isReached = paths === undefined || listOf(paths).some((pattern) => isInPattern(resource.id, pattern));
  return isReached && isAmountWithin(detail['max_amount'], evaluation);
}

/** Which details an access must lie in, by what it is; undefined: no type of ours speaks of it. */
function allowing({ action, resource }: Evaluation): { type: string; allows: typeof allowsTool } | undefined {
  if (resource.type === 'tool' || action.name === 'tools/call') return { type: 'mcp_tool_call', allows: allowsTool };
  if (METHODS.has(action.name) && resource.id.startsWith('/')) return { type: 'api_call', allows: allowsRequest };
  return undefined;
}

function faultOfKind(reach: TokenReach, evaluation: Evaluation): BoundFault | undefined {
  const kind = allowing(evaluation);
  const limits = reach.details.filter(({ type }) => type === kind?.type);
  // whoever granted limits is not to be led around them by a scope
  if (kind === undefined || limits.length === 0 || limits.some((detail) => kind.allows(detail, evaluation))) return undefined;
  return detailFault('No authorization detail of the token allows this.');
}

/** Details the resource server says the access needs: each inside one of the token's. */
function faultOfNeeded(reach: TokenReach, needed: JsonValue, types: DetailTypes): BoundFault | undefined {
  const checked = validateDetails(types, needed);
  if (!checked.ok) return detailFault('The authorization details that the access needs are not valid.');
  return coversAll(types, reach.details, checked.details).covered
    ? undefined
    : detailFault('The authorization details of the token do not hold what the access needs.');
}

/**
 * What a token lacks for an access, or undefined. A permit of the policies never overrides it: an action that is called like a
 * scope of the resource server needs that scope, a call of a tool or of an API lies inside a detail as soon as the token has
 * one for such calls, and what the resource server says it needs is covered (RFC 9396 §2, §7.1). Pure.
 */
export function faultOfBounds(reach: TokenReach, need: AccessNeed, types: DetailTypes): BoundFault | undefined {
  const { evaluation, scopes, knownScopes } = need;
  const needed = [...scopes, ...knownScopes.filter((scope) => scope === evaluation.action.name)];
  const missing = needed.find((scope) => !reach.scopes.includes(scope));
  if (missing !== undefined)
    return {
      rule: 'token-scope',
      reason: 'The token does not have the scope this needs.',
      remedy: `Ask for a token with the scope ${missing}.`,
    };
  const details = evaluation.context?.['authorization_details'];
  const fault = faultOfKind(reach, evaluation);
  return fault ?? (details === undefined ? undefined : faultOfNeeded(reach, details, types));
}

/** Methods that speak to an MCP server as a whole: a token for it is for that as well (MCP, lifecycle and lists). */
const SERVER_METHODS: ReadonlySet<string> = new Set([
  ...['initialize', 'server/discover', 'subscriptions/listen', 'logging/setLevel'],
  ...['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'tasks/list'],
]);

/**
 * Whether a token says of just this access that it may be made: the action is called like one of its scopes, the resource server
 * names scopes or details for it, a detail speaks of such calls, or it is about the MCP server as a whole. That all of them
 * hold was found before (`faultOfBounds`); what a token says nothing of, only a policy grants. Pure.
 */
export function grants(
  { scopes, details }: TokenReach,
  { evaluation, scopes: named }: AccessNeed,
  isMcp: (type: string) => boolean,
): boolean {
  const { action, resource, context } = evaluation;
  const isNamed = named.length > 0 || context?.['authorization_details'] !== undefined;
  const kind = allowing(evaluation);
  const isSpokenOf = kind !== undefined && details.some(({ type }) => type === kind.type);
  return isNamed || isSpokenOf || scopes.includes(action.name) || (isMcp(resource.type) && SERVER_METHODS.has(action.name));
}
