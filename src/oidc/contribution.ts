import type {
  AccessToken,
  Adapter,
  Client,
  ClientCredentials,
  Configuration,
  KoaContextWithOIDC,
  Provider,
  TokenEndpointGrantContext,
} from 'oidc-provider';
import type { GrantHelpers } from './grant-helpers.ts';

/** An access token on its way out: one for a person (or through an exchange), or one for the client itself. */
export type IssuedToken = AccessToken | ClientCredentials;

/** One grant type of the token endpoint (RFC 6749 §4.5). */
export interface GrantTypeContribution {
  /** Parameters the handler may see; all others are removed before it runs. */
  readonly parameters: readonly string[];
  /** Parameters that may be sent more than once. */
  readonly duplicates?: readonly string[];
  /** Receives the engine's helpers already bound, with the token policy inside `applyAuthorizationDetails`. */
  readonly handler: (ctx: TokenEndpointGrantContext, helpers: GrantHelpers, provider: Provider) => Promise<void>;
}

/**
 * Last step before an access token is stored, with its scope, audience, binding and details final. May narrow the token in
 * place (`scope`, `rar`, `expiresIn`), or throw to refuse or defer. Links run in the order of app.ts.
 */
export type TokenPolicy = (ctx: KoaContextWithOIDC, token: IssuedToken, source: object | undefined) => Promise<void>;

/**
 * A code, device code or authentication request was used before and is presented again, by its own client and with everything else
 * right. True: what came of it was ended. False: it is not this capability's to say, and the engine ends the grant.
 */
export type OnSourceReplayed = (ctx: KoaContextWithOIDC, source: ReplayedSource) => Promise<boolean>;

/** How one more parameter of an authorization request is checked; null: it is not. */
export type ExtraParam = null | ((ctx: KoaContextWithOIDC, value: string | undefined, client: Client) => Promise<void>);

/** What tokens are redeemed for, as the engine read it. */
export interface ReplayedSource {
  readonly kind: string;
  readonly jti: string;
  readonly clientId?: string | undefined;
  readonly accountId?: string | undefined;
}

/** Claims a capability adds to a JWT access token. `names` lists all it may ever set, so that two owners are found at start. */
export interface TokenClaims {
  readonly names: readonly string[];
  /** May also write (ledger, audit): it runs inside the request's transaction, after the policy, before signing. */
  readonly claims: (
    ctx: KoaContextWithOIDC,
    token: IssuedToken,
    payload: Readonly<Record<string, unknown>>,
  ) => Promise<Readonly<Record<string, unknown>>>;
}

/** A check of one client metadata member at registration and whenever a client is loaded; must be synchronous. */
export type ClientMetadataValidator = NonNullable<NonNullable<Configuration['extraClientMetadata']>['validator']>;

/**
 * What one capability adds to the engine. The keys are the engine's own, so a key it does not know does not compile.
 * How two contributions meet is told in compose.ts: owned, united or chained.
 */
export interface OidcContribution {
  // owned: one capability each
  readonly features?: Configuration['features'];
  readonly findAccount?: Configuration['findAccount'];
  readonly interactions?: Configuration['interactions'];
  readonly loadExistingGrant?: Configuration['loadExistingGrant'];
  readonly issueRefreshToken?: Configuration['issueRefreshToken'];
  readonly rotateRefreshToken?: Configuration['rotateRefreshToken'];
  readonly expiresWithSession?: Configuration['expiresWithSession'];
  readonly assertJwtClientAuthClaimsAndHeader?: Configuration['assertJwtClientAuthClaimsAndHeader'];
  readonly clientBasedCORS?: Configuration['clientBasedCORS'];
  readonly renderError?: Configuration['renderError'];
  readonly revokeGrantPolicy?: Configuration['revokeGrantPolicy'];
  /** Storage of one of the engine's models by its name; every other model is an encrypted artifact. */
  readonly adapters?: Readonly<Record<string, Adapter>>;
  /** Compares a presented client secret with the stored hash. */
  readonly onSourceReplayed?: OnSourceReplayed;
  readonly compareClientSecret?: (client: Client, presented: string) => Promise<boolean>;
  readonly grantTypes?: Readonly<Record<string, GrantTypeContribution>>;
  // united: all of them, the same entry twice is an error
  readonly scopes?: readonly string[];
  readonly acrValues?: readonly string[];
  readonly claims?: Configuration['claims'];
  /** Parameters of authorization requests; a function checks one, also when it was not sent, and throws an error of the engine. */
  readonly extraParams?: Readonly<Record<string, ExtraParam>>;
  /** Parameters that every grant of the token endpoint takes beside its own; whoever contributes one reads it in the token policy. */
  readonly tokenParameters?: readonly string[];
  readonly clientMetadata?: readonly string[];
  readonly ttl?: Configuration['ttl'];
  readonly discovery?: Readonly<Record<string, unknown>>;
  /** Profiles of grants that the metadata names (`authorization_grant_profiles_supported`). */
  readonly grantProfiles?: readonly string[];
  // chained: all run, in the order of app.ts
  readonly clientMetadataValidator?: ClientMetadataValidator;
  readonly tokenPolicy?: TokenPolicy;
  readonly tokenClaims?: TokenClaims;
  /** Applied to every Provider that is built, after its grants are registered. */
  readonly patch?: (provider: Provider) => void;
}

/** A contribution and whose it is; the name appears in the message when two collide. */
export interface NamedContribution {
  readonly name: string;
  readonly oidc: OidcContribution;
}
