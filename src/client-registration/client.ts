/** What software that registers stays within, also when it updates itself. */
export interface Bounds {
  /** Scopes of resource servers it may ask for; undefined: any. */
  readonly scopes?: readonly string[] | undefined;
  /** Canonical resource indicators it may ask for; undefined: any that is registered. */
  readonly resources?: readonly string[] | undefined;
  /** Where its redirects may go (redirect-pattern.ts); undefined: anywhere the general rules allow. */
  readonly redirectPatterns?: readonly string[] | undefined;
  readonly grantTypes: readonly string[];
}

/**
 * How a client came to be: registered with an initial access token (`dynamic`) or without one (`open`), named by the address of
 * its metadata document, added by an administrator, or in the environment. A `workload`'s is made with its trust provider and
 * proves itself by its platform's token alone.
 */
export type ClientKind = 'dynamic' | 'open' | 'document' | 'admin' | 'bootstrap' | 'workload';

/** What a client is for: it decides who its tokens speak as. */
export const PURPOSES = ['agent', 'application', 'service', 'resource_server', 'management'] as const;
export type ClientPurpose = (typeof PURPOSES)[number];

/** Client metadata (RFC 7591 §2) as stored: without secret, without scopes of resource servers. */
export type StoredMetadata = Readonly<Record<string, unknown>>;

/** A client as the rest of the house sees it; a deleted one is not seen. */
export interface ClientRecord {
  readonly id: string;
  readonly name: string;
  readonly kind: ClientKind;
  readonly purpose: ClientPurpose;
  /** `svc_…`: the `sub` of tokens a service gets for itself; never equal to a client_id (security rule R5). */
  readonly serviceId: string | undefined;
  readonly status: 'active' | 'disabled';
  readonly metadata: StoredMetadata;
  /** Scopes of resource servers it may ask for; undefined: any. */
  readonly scopes: readonly string[] | undefined;
  readonly bounds: Bounds;
  /** May have tokens for this server's own resources (security rule R6). */
  readonly isManagement: boolean;
  /** May set owners, status and OAuth configuration over SCIM (security rule R7). */
  readonly hasGovernance: boolean;
  readonly defaultResource: string | undefined;
  readonly defaultScope: string | undefined;
  readonly hasSecret: boolean;
  readonly secretRotatedAt: Date | undefined;
  /** Until when the secret before the last rotation works too. */
  readonly previousSecretUntil: Date | undefined;
  readonly initialAccessTokenId: string | undefined;
  /** The software it is an instance of, when it came by itself. */
  readonly softwareId: string | undefined;
  /** When a person first let it act for them. */
  readonly admittedAt: Date | undefined;
  /** Put away because nobody used it. */
  readonly reapedAt: Date | undefined;
  /** Counts changes. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** True to the minute. */
  readonly lastUsedAt: Date | undefined;
}

/** A client before anything is known of it but this: no metadata, no rights, never used. */
export function draftRecord(known: Pick<ClientRecord, 'id' | 'name' | 'kind' | 'purpose' | 'bounds'>, now: Date): ClientRecord {
  return {
    ...known,
    serviceId: undefined,
    status: 'active',
    metadata: {},
    scopes: undefined,
    isManagement: false,
    hasGovernance: false,
    defaultResource: undefined,
    defaultScope: undefined,
    hasSecret: false,
    secretRotatedAt: undefined,
    previousSecretUntil: undefined,
    initialAccessTokenId: undefined,
    softwareId: undefined,
    admittedAt: undefined,
    reapedAt: undefined,
    version: 1,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: undefined,
  };
}

/** Lets software register by itself; the token's value is not in it. */
export interface InitialAccessToken {
  readonly id: string;
  readonly name: string;
  readonly owner: { readonly kind: 'user' | 'group'; readonly id: string };
  /** In which state the agents that come with it begin. */
  readonly agentState: 'active' | 'proposed';
  /** How long they live, in minutes; undefined: until somebody ends them. */
  readonly agentTtlMinutes: number | undefined;
  readonly bounds: Bounds;
  readonly usesLeft: number;
  readonly usesTotal: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  /** Set when an agent asked for it: what registers with it stands below that agent. */
  readonly parent: EnrollingParent | undefined;
}

/** The agent on whose word software registers. */
export interface EnrollingParent {
  readonly agentId: string;
  /** The client through which it asked. */
  readonly clientId: string;
  /** When the new agent ends at the latest; undefined: with its parent. */
  readonly agentUntil: Date | undefined;
}

const SECRET_METHODS: ReadonlySet<unknown> = new Set(['client_secret_basic', 'client_secret_post']);

/** Whether a client proves itself by a secret (RFC 6749 §2.3.1). */
export function usesSecret(metadata: StoredMetadata): boolean {
  return SECRET_METHODS.has(metadata['token_endpoint_auth_method']);
}

/** A list of texts in metadata; anything else counts as none. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** A space-separated list; undefined and empty give none. */
export function wordsOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : [];
}
