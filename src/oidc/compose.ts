import type { Adapter, Client, Configuration } from 'oidc-provider';
import type {
  ClientMetadataValidator,
  ExtraParam,
  GrantTypeContribution,
  NamedContribution,
  OnSourceReplayed,
  TokenClaims,
  TokenPolicy,
} from './contribution.ts';

/** All contributions as one: what the engine takes as configuration, and what its factory applies afterwards. */
export interface Composition {
  readonly configuration: Configuration;
  readonly adapters: ReadonlyMap<string, Adapter>;
  readonly grantTypes: ReadonlyMap<string, GrantTypeContribution>;
  /** Parameters that every grant takes beside its own. */
  readonly tokenParameters: readonly string[];
  readonly tokenPolicies: readonly TokenPolicy[];
  readonly tokenClaims: readonly TokenClaims[];
  readonly compareClientSecret: ((client: Client, presented: string) => Promise<boolean>) | undefined;
  readonly onSourceReplayed: OnSourceReplayed | undefined;
  readonly patches: readonly NonNullable<NamedContribution['oidc']['patch']>[];
}

/** Raised at start: two capabilities claim what only one may own. */
export class CompositionError extends Error {
  override readonly name = 'CompositionError';
}

/** Keeps entries with the name of their owner and refuses a second one. */
class Owned<T> {
  readonly values = new Map<string, T>();
  readonly #owners = new Map<string, string>();
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  claim(key: string, value: T, owner: string): void {
    const other = this.#owners.get(key);
    if (other !== undefined) throw new CompositionError(`${this.#what}${key} is contributed by both ${other} and ${owner}`);
    this.#owners.set(key, owner);
    this.values.set(key, value);
  }

  claimAll(entries: Readonly<Record<string, T>> | undefined, owner: string): void {
    for (const [key, value] of Object.entries(entries ?? {})) this.claim(key, value, owner);
  }

  get record(): Record<string, T> {
    return Object.fromEntries(this.values);
  }
}

const OWNED_KEYS = [
  'findAccount',
  'interactions',
  'loadExistingGrant',
  'issueRefreshToken',
  'rotateRefreshToken',
  'expiresWithSession',
  'assertJwtClientAuthClaimsAndHeader',
  'clientBasedCORS',
  'renderError',
  'revokeGrantPolicy',
] as const satisfies readonly (keyof Configuration)[];

function collect(contributions: readonly NamedContribution[]) {
  const owned = {
    keys: new Owned<unknown>(''),
    features: new Owned<unknown>('features.'),
    adapters: new Owned<Adapter>('adapters.'),
    grantTypes: new Owned<GrantTypeContribution>('grant type '),
    replays: new Owned<OnSourceReplayed>(''),
    comparers: new Owned<NonNullable<Composition['compareClientSecret']>>(''),
    scopes: new Owned<true>('scope '),
    acrValues: new Owned<true>('acr value '),
    claims: new Owned<unknown>('claims.'),
    extraParams: new Owned<ExtraParam>('extraParams.'),
    tokenParameters: new Owned<true>('token parameter '),
    clientMetadata: new Owned<true>('client metadata '),
    ttl: new Owned<unknown>('ttl.'),
    discovery: new Owned<unknown>('discovery.'),
    grantProfiles: new Owned<true>('grant profile '),
    tokenClaims: new Owned<true>('token claim '),
  };
  for (const { name, oidc } of contributions) {
    for (const key of OWNED_KEYS) if (oidc[key] !== undefined) owned.keys.claim(key, oidc[key], name);
    owned.features.claimAll(oidc.features as Record<string, unknown> | undefined, name);
    owned.adapters.claimAll(oidc.adapters, name);
    owned.grantTypes.claimAll(oidc.grantTypes, name);
    if (oidc.onSourceReplayed !== undefined) owned.replays.claim('onSourceReplayed', oidc.onSourceReplayed, name);
    if (oidc.compareClientSecret !== undefined) owned.comparers.claim('compareClientSecret', oidc.compareClientSecret, name);
    for (const scope of oidc.scopes ?? []) owned.scopes.claim(scope, true, name);
    for (const value of oidc.acrValues ?? []) owned.acrValues.claim(value, true, name);
    owned.claims.claimAll(oidc.claims as Record<string, unknown> | undefined, name);
    owned.extraParams.claimAll(oidc.extraParams, name);
    for (const parameter of oidc.tokenParameters ?? []) owned.tokenParameters.claim(parameter, true, name);
    for (const property of oidc.clientMetadata ?? []) owned.clientMetadata.claim(property, true, name);
    owned.ttl.claimAll(oidc.ttl as Record<string, unknown> | undefined, name);
    owned.discovery.claimAll(oidc.discovery, name);
    for (const profile of oidc.grantProfiles ?? []) owned.grantProfiles.claim(profile, true, name);
    for (const claim of oidc.tokenClaims?.names ?? []) owned.tokenClaims.claim(claim, true, name);
  }
  return owned;
}

/** Runs every validator for every member; the first that throws refuses the registration. */
function chainValidators(validators: readonly ClientMetadataValidator[]): ClientMetadataValidator {
  return (ctx, key, value, metadata) => {
    for (const validate of validators) validate(ctx, key, value, metadata);
  };
}

/** Draft ID-JAG, authorization server metadata; left out when there is none. */
function profilesOf(profiles: readonly string[]) {
  return profiles.length === 0 ? {} : { authorization_grant_profiles_supported: profiles };
}

function present<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

/**
 * Makes one configuration of all contributions, or refuses to start.
 *
 * @throws {CompositionError} naming both owners.
 */
export function compose(contributions: readonly NamedContribution[]): Composition {
  const owned = collect(contributions);
  const parts = contributions.map(({ oidc }) => oidc);
  const configuration = {
    ...owned.keys.record,
    features: owned.features.record,
    scopes: [...owned.scopes.values.keys()],
    acrValues: [...owned.acrValues.values.keys()],
    claims: owned.claims.record,
    extraParams: owned.extraParams.record,
    extraClientMetadata: {
      properties: [...owned.clientMetadata.values.keys()],
      validator: chainValidators(present(parts.map((part) => part.clientMetadataValidator))),
    },
    ttl: owned.ttl.record,
    discovery: { ...owned.discovery.record, ...profilesOf([...owned.grantProfiles.values.keys()]) },
  };
  return {
    configuration: configuration as unknown as Configuration,
    adapters: owned.adapters.values,
    grantTypes: owned.grantTypes.values,
    tokenParameters: [...owned.tokenParameters.values.keys()],
    tokenPolicies: present(parts.map((part) => part.tokenPolicy)),
    tokenClaims: present(parts.map((part) => part.tokenClaims)),
    compareClientSecret: owned.comparers.values.get('compareClientSecret'),
    onSourceReplayed: owned.replays.values.get('onSourceReplayed'),
    patches: present(parts.map((part) => part.patch)),
  };
}
