import { type AuthorizationDetail, covers, type DetailTypes, isSameBudget } from '../authorization-details/index.ts';

/** What a client asks a person for, in one authorization request: all of it, also what was granted before. */
export interface ConsentRequest {
  /** Scopes that speak of the person (OpenID Connect Core §5.4), `openid` among them. */
  readonly identityScopes: readonly string[];
  /** Claims asked for one by one (OpenID Connect Core §5.5). */
  readonly claims: readonly string[];
  /** Scopes by the registered identifier of their resource server (RFC 8707). */
  readonly resources: ReadonlyMap<string, readonly string[]>;
  readonly details: readonly AuthorizationDetail[];
  readonly isOffline: boolean;
  /** Resource servers that have no scopes: asked for as they are. */
  readonly bare: readonly string[];
}

/** What the person left ticked: values of `scope` and positions of `detail`. */
export interface Choice {
  readonly scopes: ReadonlySet<string>;
  readonly details: ReadonlySet<number>;
}

/** The part of an engine grant that consent writes. */
export interface GrantContent {
  openid?: { scope?: string | undefined; claims?: string[] | undefined } | undefined;
  resources?: Record<string, string> | undefined;
  rar?: AuthorizationDetail[] | undefined;
  rejected?: { openid?: { scope?: string; claims?: string[] }; resources?: Record<string, string> } | undefined;
}

/** The parts of an interaction that say what is asked: its parameters and what the engine found missing in the grant. */
export interface AskedInteraction {
  readonly params: Readonly<Record<string, unknown>>;
  readonly prompt: { readonly details: Readonly<Record<string, unknown>> };
}

const OFFLINE = 'offline_access';
const CLAIM_PREFIX = 'claim:';
const BARE_PREFIX = 'resource:';
/** Stands where scopes would: the engine forgets a resource without any. */
const WHOLE = '*';

function wordsOf(text: unknown): string[] {
  return typeof text === 'string' ? text.split(' ').filter((word) => word !== '') : [];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function mapOf(value: unknown): Map<string, string[]> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return new Map(entries.map(([key, scopes]) => [key, listOf(scopes)]));
}

function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}

/** The form value that stands for a claim asked for by itself. */
export function claimValue(claim: string): string {
  return `${CLAIM_PREFIX}${claim}`;
}

/** The form value that stands for a resource server without scopes. */
export function bareValue(identifier: string): string {
  return `${BARE_PREFIX}${identifier}`;
}

/**
 * What is asked: the engine tells what the grant lacks, the grant what of the request it holds. Both together are shown, so that
 * a person can also take away what they gave before. What was refused before is asked again.
 */
export function consentRequestOf({ params, prompt }: AskedInteraction, grant: GrantContent | undefined): ConsentRequest {
  const asked = new Set(wordsOf(params['scope']));
  const held = (scope: string | undefined) => wordsOf(scope).filter((word) => asked.has(word));
  const identity = union(listOf(prompt.details['missingOIDCScope']), held(grant?.openid?.scope));
  const missing = mapOf(prompt.details['missingResourceScopes']);
  const indicators = union(
    [params['resource']].flat().filter((resource) => typeof resource === 'string'),
    [...missing.keys()],
  );
  const resources = indicators.map(
    (indicator) => [indicator, union(missing.get(indicator) ?? [], held(grant?.resources?.[indicator]))] as const,
  );
  const details =
    prompt.details['rar'] ?? JSON.parse(typeof params['authorization_details'] === 'string' ? params['authorization_details'] : '[]');
  return {
    identityScopes: identity.filter((scope) => scope !== OFFLINE),
    claims: listOf(prompt.details['missingOIDCClaims']),
    resources: new Map(resources.filter(([, scopes]) => scopes.length > 0)),
    details: details as AuthorizationDetail[],
    isOffline: asked.has(OFFLINE),
    bare: [],
  };
}

/** Values of the page that the person allowed this client before and still do: those that are asked again beside what is new. */
export function allowedBefore(request: ConsentRequest, grant: GrantContent | undefined): ReadonlySet<string> {
  const identity = request.identityScopes.filter((scope) => wordsOf(grant?.openid?.scope).includes(scope));
  const resources = [...request.resources].map(([indicator, scopes]) => {
    const held = wordsOf(grant?.resources?.[indicator]);
    return scopes.filter((scope) => held.includes(scope));
  });
  return new Set([...identity, ...resources.flat()]);
}

/** What of the request the choice allows. Values that were not asked for do not count. */
export function grantedOf(request: ConsentRequest, choice: Choice): ConsentRequest {
  const ticked = (values: readonly string[]) => values.filter((value) => choice.scopes.has(value));
  const resources = [...request.resources].map(([indicator, scopes]) => [indicator, ticked(scopes)] as const);
  return {
    identityScopes: ticked(request.identityScopes),
    claims: request.claims.filter((claim) => choice.scopes.has(claimValue(claim))),
    resources: new Map(resources.filter(([, scopes]) => scopes.length > 0)),
    details: request.details.filter((_detail, index) => choice.details.has(index)),
    isOffline: request.isOffline,
    bare: request.bare.filter((identifier) => choice.scopes.has(bareValue(identifier))),
  };
}

/**
 * Whether nothing at all is allowed, or not the resource server that the request is about and that has no scopes to leave out: that
 * is a refusal, whichever button was pressed.
 */
export function isRefused(request: ConsentRequest, granted: ConsentRequest): boolean {
  return isEmpty(granted) || granted.bare.length < request.bare.length;
}

function isEmpty(granted: ConsentRequest): boolean {
  const { identityScopes, claims, resources, details, bare } = granted;
  return identityScopes.length + claims.length + resources.size + details.length + bare.length === 0;
}

function replaced(before: readonly string[], asked: readonly string[], granted: readonly string[]): string[] {
  return union(
    before.filter((word) => !asked.includes(word)),
    granted,
  );
}

function without(asked: readonly string[], granted: readonly string[]): string[] {
  return asked.filter((word) => !granted.includes(word));
}

/** Whether one of two details lies inside the other: then refusing the one speaks of the other too. */
function isRelated(types: DetailTypes, one: AuthorizationDetail, other: AuthorizationDetail): boolean {
  const type = types.find(one.type);
  if (type === undefined || one.type !== other.type) return false;
  return covers(one, other, type).covered || covers(other, one, type).covered;
}

/** Whether a detail of before is the budget that was just allowed anew: what the person says now is what holds, less or more. */
function isReplaced(before: AuthorizationDetail, { granted, types }: Decided): boolean {
  const type = types.find(before.type);
  return type !== undefined && granted.details.some((detail) => detail.type === before.type && isSameBudget(type, before, detail));
}

/** Details of before that the decision leaves alone, and those it allows. */
function decidedDetails(before: readonly AuthorizationDetail[], decided: Decided): AuthorizationDetail[] {
  const { request, granted, types } = decided;
  const refused = request.details.filter((detail) => !granted.details.includes(detail));
  const asked = new Set(request.details.map((detail) => JSON.stringify(detail)));
  const left = before.filter((detail) => !asked.has(JSON.stringify(detail)) && !isReplaced(detail, decided));
  const kept = left.filter((detail) => !refused.some((each) => isRelated(types, each, detail)));
  return [...kept, ...granted.details];
}

/** A decision: what was asked, what of it is allowed, and the types that say how details compare. */
export interface Decided {
  readonly request: ConsentRequest;
  readonly granted: ConsentRequest;
  readonly types: DetailTypes;
}

/**
 * Writes a decision into the grant: what was asked and not allowed is taken out even if it was in, so consent can narrow; what
 * was not asked stays as it was. `rejected` tells the engine that the rest was answered, so that it does not ask twice.
 */
export function applyConsent(grant: GrantContent, decided: Decided): void {
  const { request, granted } = decided;
  const offline = granted.isOffline ? [OFFLINE] : [];
  const scope = replaced(wordsOf(grant.openid?.scope), request.identityScopes, [...granted.identityScopes, ...offline]).join(' ');
  const claims = replaced(grant.openid?.claims ?? [], request.claims, granted.claims);
  grant.openid = { ...(scope === '' ? {} : { scope }), ...(claims.length === 0 ? {} : { claims }) };
  const resources = { ...grant.resources };
  const rejectedResources: Record<string, string> = {};
  for (const [indicator, asked] of request.resources) {
    const allowed = granted.resources.get(indicator) ?? [];
    resources[indicator] = replaced(wordsOf(resources[indicator]), asked, allowed).join(' ');
    rejectedResources[indicator] = without(asked, allowed).join(' ');
  }
  for (const indicator of request.bare) {
    if (granted.bare.includes(indicator)) resources[indicator] = WHOLE;
    else delete resources[indicator];
  }
  grant.resources = resources;
  grant.rar = decidedDetails(grant.rar ?? [], decided);
  grant.rejected = {
    openid: {
      scope: without(request.identityScopes, granted.identityScopes).join(' '),
      claims: without(request.claims, granted.claims),
    },
    resources: rejectedResources,
  };
}
