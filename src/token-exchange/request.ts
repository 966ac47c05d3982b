import { canonicalResourceUri } from '../resource-servers/index.ts';
import { reasonText } from './asking/delegation-request.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Token types (RFC 8693 §3) that may be presented here; an id_token says only who the subject is, and never acts (Actor Profile). */
export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
} as const;

/** A token type we accept: everything else establishes no chain or no presenter (Actor Profile, input classes). */
export type TokenType = (typeof tokenTypes)[keyof typeof tokenTypes];

/** What may name an actor, and what is issued. */
export const actingTypes = [tokenTypes.accessToken, tokenTypes.jwt] as const;

/** A token as it was presented. */
export interface PresentedToken {
  readonly token: string;
  readonly type: TokenType;
}

/** What the new token is for: a resource in canonical form (RFC 8707), or the logical name of a resource server. */
export type ExchangeTarget =
  | { readonly kind: 'resource'; readonly resource: string }
  | { readonly kind: 'audience'; readonly audience: string };

/** A well-formed token exchange request (RFC 8693 §2.1). Nothing in it is trusted yet. */
export interface TokenExchangeRequest {
  readonly subjectToken: PresentedToken;
  readonly actorToken: PresentedToken | undefined;
  readonly requestedTokenType: TokenType;
  readonly target: ExchangeTarget;
  /** undefined: whatever the subject token allows; never empty. */
  readonly scopes: readonly string[] | undefined;
  /** `authorization_details` as sent (RFC 9396 §2): JSON that is not parsed yet. */
  readonly authorizationDetails: string | undefined;
  /** Why the client needs what it may turn out not to have: asks for a delegation then. */
  readonly delegationReason: string | undefined;
}

/** Parameters as the engine hands them over: strings, or lists where the engine allows repetition. */
export type Parameters = { readonly [name: string]: unknown };

/** R26: a token fits 8 KB; what is longer is none of ours. */
const maxTokenLength = 8192;
const maxAudienceLength = 512;
const maxScopeLength = 4096;
const maxDetailsLength = 8192;
const maxReasonLength = 300;
const scopeList = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;
/** More targets than anybody repeats by mistake. */
const maxTargets = 20;
const subjectTypes: ReadonlySet<string> = new Set(Object.values(tokenTypes));
const otherTypes: ReadonlySet<string> = new Set(actingTypes);

/**
 * Reads the parameters of RFC 8693 §2.1. `invalid_request` for what is missing, repeated, too long or of an unsupported type;
 * `invalid_target` (§2.2.2) unless all of `resource` and `audience` name one target; `invalid_scope` for a malformed scope.
 * A parameter that the engine defaulted counts as named.
 */
export function readExchangeRequest(parameters: Parameters): Outcome<TokenExchangeRequest> {
  const subjectToken = presented(parameters, 'subject_token');
  if (!subjectToken.ok) return subjectToken;
  if (subjectToken.value === undefined) return refuse('invalid_request', 'subject_token is missing');
  const actorToken = presented(parameters, 'actor_token');
  if (!actorToken.ok) return actorToken;
  const requested = requestedType(parameters);
  if (!requested.ok) return requested;
  const target = readTarget(parameters);
  if (!target.ok) return target;
  const scopes = readScopes(parameters);
  if (!scopes.ok) return scopes;
  const details = single(parameters, 'authorization_details', maxDetailsLength);
  if (!details.ok) return details;
  const reason = single(parameters, 'delegation_request', maxReasonLength);
  if (!reason.ok) return reason;
  if (reason.value !== undefined && !reasonText.safeParse(reason.value).success)
    return refuse('invalid_request', 'delegation_request is not a line of plain text');
  return accept({
    subjectToken: subjectToken.value,
    actorToken: actorToken.value,
    requestedTokenType: requested.value,
    target: target.value,
    scopes: scopes.value,
    authorizationDetails: details.value,
    delegationReason: reason.value,
  });
}

function single(parameters: Parameters, name: string, maxLength: number): Outcome<string | undefined> {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value === undefined || value === '') return accept(undefined); // RFC 6749 §3.2: without value = omitted
  if (typeof value !== 'string') return refuse('invalid_request', `${name} must be sent once`);
  return value.length > maxLength ? refuse('invalid_request', `${name} is too long`) : accept(value);
}

/** The pair rule of §2.1: a token needs its type, and a type must not come without its token. */
function presented(parameters: Parameters, name: 'subject_token' | 'actor_token'): Outcome<PresentedToken | undefined> {
  const token = single(parameters, name, maxTokenLength);
  if (!token.ok) return token;
  const type = tokenType(parameters, `${name}_type`, name === 'subject_token' ? subjectTypes : otherTypes);
  if (!type.ok) return type;
  if (token.value === undefined)
    return type.value === undefined ? accept(undefined) : refuse('invalid_request', `${name}_type must not be sent without ${name}`);
  return type.value === undefined ? refuse('invalid_request', `${name}_type is missing`) : accept({ token: token.value, type: type.value });
}

function tokenType(parameters: Parameters, name: string, accepted: ReadonlySet<string>): Outcome<TokenType | undefined> {
  const value = single(parameters, name, maxAudienceLength);
  if (!value.ok) return value;
  if (value.value === undefined) return accept(undefined);
  return accepted.has(value.value) ? accept(value.value as TokenType) : refuse('invalid_request', `${name} is not supported`);
}

function requestedType(parameters: Parameters): Outcome<TokenType> {
  const type = tokenType(parameters, 'requested_token_type', otherTypes);
  return type.ok ? accept(type.value ?? tokenTypes.accessToken) : type;
}

/** One token, one audience (RFC 9068 §5: scopes of two resources in one token are ambiguous); a target named twice is still one. */
function readTarget(parameters: Parameters): Outcome<ExchangeTarget> {
  const resources = listed(parameters, 'resource').map(canonicalResourceUri);
  const audiences = listed(parameters, 'audience');
  if (resources.length + audiences.length > maxTargets) return refuse('invalid_target', 'name exactly one resource or audience');
  const named = new Set<string>();
  for (const resource of resources) {
    if (!resource.ok) return refuse('invalid_target', `resource ${resource.reason}`);
    named.add(resource.uri);
  }
  for (const audience of audiences) {
    if (!isName(audience)) return refuse('invalid_target', 'audience is not the name of a resource server');
    const canonical = canonicalResourceUri(audience);
    named.add(canonical.ok ? canonical.uri : audience);
  }
  const [target, ...others] = named;
  if (target === undefined || others.length > 0) return refuse('invalid_target', 'name exactly one resource or audience');
  return accept(resources.length > 0 ? { kind: 'resource', resource: target } : { kind: 'audience', audience: target });
}

function isName(audience: unknown): audience is string {
  return typeof audience === 'string' && audience.length <= maxAudienceLength && /^[!-~]+$/.test(audience);
}

function listed(parameters: Parameters, name: string): readonly unknown[] {
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  return [value].flat().filter((item) => item !== undefined && item !== '');
}

function readScopes(parameters: Parameters): Outcome<readonly string[] | undefined> {
  const scope = single(parameters, 'scope', maxScopeLength);
  if (!scope.ok) return scope;
  if (scope.value === undefined) return accept(undefined);
  return scopeList.test(scope.value) ? accept([...new Set(scope.value.split(' '))]) : refuse('invalid_scope', 'scope is malformed');
}
