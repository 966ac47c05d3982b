import { type AuthorizationDetail, coversAll, type DetailTypes, locationsWithin, parseDetails } from '../authorization-details/index.ts';
import { canonicalResourceUri } from '../resource-servers/index.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** The resources an assertion, its provider and the request name; undefined or empty: no limit from there. */
export interface TargetInput {
  readonly claimed: readonly string[] | undefined;
  readonly allowed: readonly string[];
  /** The parameter `resource` as it was sent. */
  readonly requested: unknown;
}

const noTarget = (reason: string) => refuse('invalid_target', 'target', reason);

function canonical(uris: readonly string[]): readonly string[] {
  return uris.flatMap((uri) => {
    const read = canonicalResourceUri(uri);
    return read.ok ? [read.uri] : [];
  });
}

/**
 * The one resource the token is for, in canonical form (EMA: `resource` is one of ours; RFC 8707 §2): what the assertion names,
 * within what its provider is trusted for. Which of several, the request must say; when the assertion names none, the provider
 * must be trusted for exactly one.
 */
export function targetOf({ claimed, allowed, requested }: TargetInput): Outcome<string> {
  const named = claimed === undefined ? allowed : canonical(claimed);
  const candidates = [...new Set(named)].filter((uri) => allowed.length === 0 || allowed.includes(uri));
  if (candidates.length === 0) return noTarget('The assertion names no resource that its issuer is trusted for here.');
  if (requested === undefined || requested === '') {
    const [only, ...others] = candidates;
    return only !== undefined && others.length === 0 ? accept(only) : noTarget('Name one of the resources of the assertion.');
  }
  const asked = canonicalResourceUri(requested);
  return asked.ok && candidates.includes(asked.uri) ? accept(asked.uri) : noTarget('The assertion is not for this resource.');
}

/** Lists of scopes; undefined: no limit from there. */
export interface ScopeInput {
  /** What the assertion or the record of the workload holds. */
  readonly held: readonly string[];
  readonly allowed: readonly string[] | undefined;
  /** What the resource server offers now. */
  readonly offered: readonly string[];
  /** The parameter `scope`; the engine has checked its characters. */
  readonly requested: unknown;
}

/** The scopes of the token: what was asked for, else all that is held; never more than held, allowed and offered together. */
export function scopesOf({ held, allowed, offered, requested }: ScopeInput): Outcome<readonly string[]> {
  const most = held.filter((scope) => offered.includes(scope) && (allowed === undefined || allowed.includes(scope)));
  const asked = typeof requested === 'string' ? [...new Set(requested.split(' ').filter((scope) => scope !== ''))] : [];
  if (!asked.every((scope) => held.includes(scope)))
    return refuse('invalid_scope', 'scope', 'The scope goes beyond what the assertion holds.');
  const left = asked.length === 0 ? most : asked.filter((scope) => most.includes(scope));
  if (left.length === 0 && (held.length > 0 || asked.length > 0))
    return refuse('invalid_scope', 'scope', 'Nothing is left of the scopes of the assertion at this resource.');
  return accept(left);
}

/** Details the assertion holds and the request names, and where they are to be used. */
export interface DetailInput {
  readonly held: unknown;
  /** The parameter `authorization_details`. */
  readonly requested: unknown;
  /** Types the client is registered for. */
  readonly clientTypes: readonly string[];
  readonly resource: string;
}

const placeOf = (path: string) => `authorization_details${path === '/' ? '' : path}`;
const badDetails = (reason: string) => refuse('invalid_authorization_details', 'details', reason);

/** The details of the token (RFC 9396 §7.1): what was asked for inside what the assertion holds, else all of that. */
export function detailsOf(
  { held, requested, clientTypes, resource }: DetailInput,
  types: DetailTypes,
): Outcome<readonly AuthorizationDetail[]> {
  const isAsked = typeof requested === 'string' && requested !== '';
  if (held === undefined) return isAsked ? badDetails('The assertion holds no authorization details.') : accept([]);
  const source = parseDetails(types, JSON.stringify(held));
  if (!source.ok) return badDetails('The authorization details of the assertion are not valid here.');
  const wanted = isAsked ? parseDetails(types, requested) : source;
  if (!wanted.ok) return badDetails(`The authorization details are not valid: ${placeOf(wanted.path)} ${wanted.message}.`);
  if (!wanted.details.every(({ type }) => clientTypes.includes(type)))
    return badDetails('The client is not registered for this type of authorization details.');
  const derived = coversAll(types, source.details, wanted.details);
  if (!derived.covered)
    return badDetails(`The authorization details go beyond those of the assertion: ${placeOf(derived.path)} ${derived.reason}.`);
  return locationsWithin(derived.details, resource).within
    ? accept(derived.details)
    : badDetails('The authorization details name a location outside the resource.');
}

/** Which key the token is bound to (draft ID-JAG, binding): the one the assertion is bound to, and only with a proof of it. */
export function bindingFault(about: { readonly claimed: string | undefined; readonly proven: string | undefined }): Outcome<undefined> {
  const { claimed, proven } = about;
  if (claimed === undefined || claimed === proven) return accept(undefined);
  return proven === undefined
    ? refuse('invalid_grant', 'binding', 'The assertion is bound to a key: prove it with DPoP.')
    : refuse('invalid_grant', 'binding', 'The assertion is bound to another key.');
}
