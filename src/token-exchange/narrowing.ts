import { type AuthorizationDetail, coversAll, type DetailTypes, locationsWithin, unnamedIn } from '../authorization-details/index.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** Scopes and details held for one resource (canonical form). Scopes mean something only together with their resource (R2). */
export interface Holding {
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
}

/** A scope at its resource. */
export interface ResourceScope {
  readonly resource: string;
  readonly scope: string;
}

/** An administrator's rule: who holds `from` may have `to` at another resource. */
export interface ScopeMapping {
  readonly from: ResourceScope;
  readonly to: ResourceScope;
}

/** Limits from elsewhere, a delegation record or a policy: scopes and detail types that may pass at most. */
export interface NarrowingLimits {
  readonly scopes: readonly string[];
  readonly detailTypes: readonly string[];
}

/** All that bounds a derived token. Times are epoch seconds (RFC 7519 NumericDate). */
export interface NarrowingInput {
  readonly parent: Holding & { readonly expiresAt: number };
  /** What the root grant of the chain holds, one entry a resource. */
  readonly rootGrant: readonly Holding[];
  readonly mappings: readonly ScopeMapping[];
  readonly limits?: NarrowingLimits;
  readonly requested: {
    readonly resource: string;
    /** undefined: everything that is available. */
    readonly scopes: readonly string[] | undefined;
    /** Validated; undefined: everything that is available. */
    readonly details: readonly AuthorizationDetail[] | undefined;
    /** What the resource server's own rule would give. */
    readonly lifetimeSeconds: number;
  };
  readonly nowSeconds: number;
}

/** What the derived token may carry. */
export interface NarrowedToken {
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  readonly lifetimeSeconds: number;
}

/**
 * What a derived token may carry at most (R2). Same resource: child ⊆ parent. Another resource: child ⊆ what the root grant
 * holds for that resource and what mapping rules add; neither: `invalid_target` (RFC 8693 §2.2.2). Details lie inside one
 * granted detail each, with its limits inherited, and inside the audience (RFC 9396 §7.1, §2.2). The lifetime never exceeds
 * what the parent has left; a parent that has ended is `invalid_grant`.
 */
export function narrow(input: NarrowingInput, types: DetailTypes): Outcome<NarrowedToken> {
  const { parent, requested, nowSeconds } = input;
  const lifetimeSeconds = Math.min(parent.expiresAt - nowSeconds, requested.lifetimeSeconds);
  if (!(lifetimeSeconds > 0)) return refuse('invalid_grant', 'the subject token has expired');
  const holding = holdingFor(input);
  if (holding === undefined) return refuse('invalid_target', 'neither the grant nor a mapping rule allows this resource');
  const available = limited(holding, input.limits);
  if (available === undefined)
    return refuse('actor_unauthorized', 'the delegation leaves out a type of authorization details that limits this token');
  const scopes = narrowScopes(available, requested.scopes);
  if (!scopes.ok) return scopes;
  const details = narrowDetails(available, requested.details, types);
  if (!details.ok) return details;
  return accept({ scopes: scopes.value, details: details.value, lifetimeSeconds });
}

function holdingFor({ parent, rootGrant, mappings, requested: { resource } }: NarrowingInput): Holding | undefined {
  return parent.resource === resource ? parent : elsewhere({ parent, rootGrant, mappings }, resource);
}

/** What a delegation lets over; undefined when it would take a limit away: scopes may be cut, the details beside them may not. */
function limited(holding: Holding, limits: NarrowingInput['limits']): Holding | undefined {
  if (limits === undefined) return holding;
  if (holding.details.some(({ type }) => !limits.detailTypes.includes(type))) return undefined;
  return { ...holding, scopes: holding.scopes.filter((scope) => limits.scopes.includes(scope)) };
}

/** Nothing held and nothing mapped is no right at all, also when the root grant lists the resource with empty hands. */
function elsewhere(
  { parent, rootGrant, mappings }: Pick<NarrowingInput, 'parent' | 'rootGrant' | 'mappings'>,
  resource: string,
): Holding | undefined {
  const held = rootGrant.filter((holding) => holding.resource === resource);
  const mapped = mappings.filter(
    ({ from, to }) => to.resource === resource && from.resource === parent.resource && parent.scopes.includes(from.scope),
  );
  const scopes = [...new Set([...held.flatMap((holding) => holding.scopes), ...mapped.map(({ to }) => to.scope)])];
  const details = held.flatMap((holding) => holding.details);
  return scopes.length + details.length === 0 ? undefined : { resource, scopes, details };
}

function narrowScopes(available: Holding, requested: readonly string[] | undefined): Outcome<readonly string[]> {
  if (requested === undefined) return accept(available.scopes);
  const isInside = requested.every((scope) => available.scopes.includes(scope));
  return isInside ? accept(requested) : refuse('invalid_scope', 'the scope goes beyond what was granted for this resource');
}

function narrowDetails(
  available: Holding,
  requested: readonly AuthorizationDetail[] | undefined,
  types: DetailTypes,
): Outcome<readonly AuthorizationDetail[]> {
  const wanted = requested === undefined ? available.details : [...requested, ...unnamedIn(available.details, requested)];
  if (wanted.length === 0) return accept([]);
  const derived = coversAll(types, available.details, wanted);
  if (!derived.covered) return refuse('invalid_authorization_details', `authorization_details${derived.path} ${derived.reason}`);
  const located = locationsWithin(derived.details, available.resource);
  return located.within
    ? accept(derived.details)
    : refuse('invalid_authorization_details', `authorization_details${located.path} ${located.reason}`);
}
