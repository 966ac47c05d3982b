import { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type IssuedToken, type OidcContribution, refuse } from '../oidc/index.ts';
import type { Db } from '../platform/db/db.ts';
import { covers } from './covers.ts';
import { coversAll, unnamedIn } from './derivation.ts';
import type { AuthorizationDetail } from './detail-type.ts';
import { locationsWithin } from './locations.ts';
import type { DetailTypes } from './detail-type.ts';
import { namePaths, requestedIn } from './request-fault.ts';
import { parseDetails, validateDetails } from './validation.ts';

type Details = readonly AuthorizationDetail[];

/** Fields of the engine's tokens, grant sources and grants that its types leave out. */
interface WithDetails {
  readonly rar?: unknown;
  readonly aud?: unknown;
}

/** What rich authorization requests stand on. */
export interface RichRequestDeps {
  readonly db: Db;
  readonly types: DetailTypes;
  /** Notes that rights of these types exist; answers the first whose definition changed meanwhile. */
  readonly use: (types: readonly string[]) => Promise<string | undefined>;
  /** Whether there is anything to note. */
  readonly isUnused: (types: readonly string[]) => boolean;
}

function refused(path: string, reason: string): Error {
  return new errors.InvalidAuthorizationDetails(`authorization_details${path === '/' ? '' : path} ${reason}`);
}

/** The details a request names; undefined when it names none. @throws InvalidAuthorizationDetails with the path of the fault. */
function readRequested(types: DetailTypes, ctx: KoaContextWithOIDC): Details | undefined {
  const text = requestedIn(ctx);
  if (text === undefined) return undefined;
  const parsed = parseDetails(types, text);
  if (!parsed.ok) throw refused(parsed.path, parsed.message);
  return parsed.details;
}

/** Stored details that this server can read: as a bound, what nobody can read allows nothing. */
function readBound(types: DetailTypes, stored: unknown): Details {
  if (!Array.isArray(stored)) return [];
  return (stored as unknown[]).flatMap((detail) => {
    const checked = validateDetails(types, [detail]);
    return checked.ok ? checked.details : [];
  });
}

/**
 * The details of a code, refresh token or request. One that this server cannot read refuses the whole: without it the token would lack a
 * limit that a person set. What was presented is not used up; a server that knows the type may take it.
 */
function readCarried({ types, db }: RichRequestDeps, stored: unknown): Details {
  const readable = readBound(types, stored);
  if (!Array.isArray(stored) || readable.length === stored.length) return readable;
  return refuse(db, {
    error: 'invalid_grant',
    description: 'it carries authorization details of a type that this server does not know',
  });
}

/** What was asked for and lies inside what was granted, each on its own: what a person left out is left out. */
function granted(types: DetailTypes, grant: Details, wanted: Details): Details {
  const kept: AuthorizationDetail[] = [];
  for (const detail of wanted) {
    const derived = coversAll(types, grant, [...kept, detail]);
    if (derived.covered) {
      kept.splice(0, kept.length, ...derived.details);
      continue;
    }
    // the person granted less than this one asked for: then the smaller one
    const type = types.find(detail.type);
    const smaller = grant.filter((one) => type !== undefined && covers(detail, one, type).covered && !kept.includes(one));
    kept.push(...smaller);
  }
  const all = coversAll(types, grant, kept);
  return all.covered ? all.details : [];
}

/** Every detail that may be used at the audience; an explicit request for another place is refused (security rule R2). */
function insideAudience(details: Details, about: { audience: unknown; isExplicit: boolean }): Details {
  const audience = typeof about.audience === 'string' ? about.audience : '';
  if (!about.isExplicit) return details.filter((detail) => locationsWithin([detail], audience).within);
  const located = locationsWithin(details, audience);
  if (!located.within) throw refused(located.path, located.reason);
  return details;
}

/** A client that acts for itself: nobody consented, so its record must name each type it may ask for (RFC 9396 §10). */
function forClientItself(client: Client | undefined, requested: Details | undefined): Details {
  const allowed = (client as { authorizationDetailsTypes?: readonly string[] } | undefined)?.authorizationDetailsTypes ?? [];
  const stranger = (requested ?? []).findIndex(({ type }) => !allowed.includes(type));
  if (stranger !== -1) throw refused(`/${stranger}/type`, 'is not among the types registered for this client');
  return requested ?? [];
}

/**
 * Rich authorization requests (RFC 9396). A code, device code or CIBA request carries what the person granted of what was asked;
 * a token carries what its request names of that, with every limit handed down, or all of it; it never reaches beyond the grant
 * as it stands now, nor outside its audience. For client_credentials the types registered for the client are the bound.
 */
export function richAuthorizationRequests(deps: RichRequestDeps): OidcContribution {
  const { types, use } = deps;
  const noteUse = async (details: Details): Promise<void> => {
    const changed = await use(details.map(({ type }) => type));
    if (changed === undefined) return;
    const index = details.findIndex(({ type }) => type === changed);
    throw refused(`/${index}/type`, 'is a type that was changed a moment ago: ask again');
  };
  const validate = async (ctx: KoaContextWithOIDC) => noteUse(readRequested(types, ctx) ?? []);
  const boundByGrant = (ctx: KoaContextWithOIDC, details: Details, isExplicit: boolean): Details => {
    const grant = ctx.oidc.entities.Grant as WithDetails | undefined;
    if (grant === undefined) return details;
    const held = readBound(types, grant.rar);
    if (!isExplicit) return granted(types, held, details);
    const derived = coversAll(types, held, details);
    if (!derived.covered) throw refused(derived.path, derived.reason);
    return derived.details;
  };
  const fromSource = (ctx: KoaContextWithOIDC, source: Details, requested: Details | undefined): Details => {
    if (requested === undefined) return boundByGrant(ctx, source, false);
    const derived = coversAll(types, source, requested);
    if (!derived.covered) throw refused(derived.path, derived.reason);
    return boundByGrant(ctx, derived.details, true);
  };
  const forAccessToken = (ctx: KoaContextWithOIDC, token: IssuedToken, source: object | undefined): Details => {
    const requested = readRequested(types, ctx);
    const details =
      source === undefined
        ? forClientItself(ctx.oidc.client, requested)
        : fromSource(ctx, readCarried(deps, (source as WithDetails).rar), requested);
    const { aud: audience } = token as WithDetails;
    const own = insideAudience(details, { audience, isExplicit: requested !== undefined });
    if (source === undefined || requested === undefined) return own;
    const unnamed = unnamedIn(readCarried(deps, (source as WithDetails).rar), requested);
    return [...own, ...insideAudience(fromSource(ctx, unnamed, undefined), { audience, isExplicit: false })];
  };
  return {
    features: {
      richAuthorizationRequests: {
        enabled: true,
        types: Object.fromEntries(types.names.map((name) => [name, { validate }])),
        authorizationDetailsForGrantSource: (ctx) =>
          granted(types, readBound(types, (ctx.oidc.grant as WithDetails | undefined)?.rar), readRequested(types, ctx) ?? []) as never,
        authorizationDetailsForAccessToken: (ctx, token, source) =>
          forAccessToken(ctx, token as IssuedToken, source as object | undefined) as never,
        authorizationDetailsForIntrospection: (_ctx, token) => (token as WithDetails).rar as never,
      },
    },
    // details may also come with an assertion, which no parameter names; what is noted is what they were judged by
    async tokenPolicy(_ctx, token) {
      const details = ((token as WithDetails).rar ?? []) as Details;
      if (deps.isUnused(details.map(({ type }) => type))) await noteUse(readCarried(deps, details));
    },
    patch: (provider) => namePaths(provider, types),
  };
}
