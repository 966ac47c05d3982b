import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import { type ClaimRule, JSON_POINTER } from './claim-rules.ts';
import { readKeySet, type VerifyingKey } from './keys/key-set.ts';
import { type TokenRules, tokenRules } from './token-rules.ts';

/**
 * What somebody is trusted for: to say which person asks (identity assertions, ID-JAG), which workload runs (its platform's
 * token), what a piece of software is (software statements, RFC 7591 §2.3), or whom an agent brings a token of (RFC 8693).
 */
export const TRUST_KINDS = ['identity_provider', 'workload', 'software', 'token_issuer'] as const;
export type TrustKind = (typeof TRUST_KINDS)[number];

/** Asymmetric only: whoever verifies must not be able to sign (RFC 8725 §3.2). */
export const TRUST_ALGORITHMS = [
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
] as const;
export type TrustAlgorithm = (typeof TRUST_ALGORITHMS)[number];

/** Somebody whose signed word this server takes, and how far. */
export interface TrustProvider {
  readonly id: string;
  readonly name: string;
  readonly kind: TrustKind;
  /** Exactly as it stands in `iss`. */
  readonly issuer: string;
  /** Where its keys are read; undefined: they are `keys`. */
  readonly jwksUri: string | undefined;
  readonly keys: readonly VerifyingKey[] | undefined;
  /** Accepted in `aud` beside this server itself; an identity assertion is for this server's issuer alone. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly TrustAlgorithm[];
  /** Mail domains whose people an identity provider may name. */
  readonly domains: readonly string[];
  /** Its word on an address counts without `email_verified`. */
  readonly isEmailAuthoritative: boolean;
  readonly claimRules: readonly ClaimRule[];
  /** Canonical resource indicators; empty: any that is registered (never for a workload). */
  readonly resources: readonly string[];
  /** The most a token may carry; undefined: what the resource server offers. */
  readonly scopes: readonly string[] | undefined;
  readonly maxTtlSeconds: number | undefined;
  readonly status: 'active' | 'disabled';
  /** The agent a workload speaks for, and the client its tokens are issued through. */
  readonly agentId: string | undefined;
  readonly clientId: string | undefined;
  /** How its access tokens are read; only, and always, for an issuer of access tokens. */
  readonly tokenRules: TokenRules | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const words = z
  .string()
  .trim()
  .min(1, 'is empty')
  .max(80, 'is longer than 80 characters')
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'holds control characters');
const uri = z.string().min(1).max(500);
const rule = z.strictObject({
  pointer: z.string().max(200).regex(JSON_POINTER, 'is not a JSON pointer such as /repository_id'),
  values: z.array(z.string().min(1, 'is empty').max(500)).min(1, 'names no value').max(20),
});
const domain = z
  .string()
  .toLowerCase()
  .max(253)
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/, 'is not a domain such as example.com');

const changeable = {
  name: words,
  jwks_uri: uri.nullable(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(20, 'has more than 20 keys') }).nullable(),
  audiences: z.array(uri).max(10),
  algorithms: z.array(z.enum(TRUST_ALGORITHMS)).min(1, 'names no algorithm').max(TRUST_ALGORITHMS.length),
  domains: z.array(domain).max(100),
  email_authoritative: z.boolean(),
  claims: z.array(rule).max(20, 'has more than 20 rules'),
  resources: z.array(z.string().max(2_000)).max(50),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/, 'is not a scope'))
    .max(100)
    .nullable(),
  max_ttl_seconds: z.int().min(30).max(3_600).nullable(),
  status: z.enum(['active', 'disabled']),
  tokens: tokenRules.nullable(),
};

/** A new trust provider as it arrives; kind, issuer and agent cannot change afterwards. */
export const newTrustProvider = z.strictObject({
  name: changeable.name,
  kind: z.enum(TRUST_KINDS),
  issuer: uri,
  agent_id: z.string().max(64).nullable().default(null),
  jwks_uri: changeable.jwks_uri.default(null),
  jwks: changeable.jwks.default(null),
  audiences: changeable.audiences.default([]),
  algorithms: changeable.algorithms.default(['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256']),
  domains: changeable.domains.default([]),
  email_authoritative: changeable.email_authoritative.default(false),
  claims: changeable.claims.default([]),
  resources: changeable.resources.default([]),
  scopes: changeable.scopes.default(null),
  max_ttl_seconds: changeable.max_ttl_seconds.default(null),
  status: changeable.status.default('active'),
  tokens: changeable.tokens.default(null),
});
export type NewTrustProvider = z.output<typeof newTrustProvider>;

/** What of a trust provider can change. */
export const trustProviderChange = z.strictObject(changeable).partial();
export type TrustProviderChange = z.output<typeof trustProviderChange>;

function invalid(member: string, sentence: string): AppError {
  return new AppError('invalid_input', sentence, { member: `/${member}` });
}

/** Tokens that a platform makes for itself and hands to everybody who runs there: no proof towards anybody else. */
const FOR_THE_PLATFORM = /^https:\/\/(?:kubernetes\.default\.svc|github\.com\/)/;

function checkAddress(member: string, value: string, isLoopbackAllowed: boolean): void {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isLocal = url?.protocol === 'http:' && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !(isLocal && isLoopbackAllowed)))
    throw invalid(member, 'This is an https address.');
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    throw invalid(member, 'This address has no user information and no fragment.');
}

/** The half of a record that an administrator wrote, in the form of the interface. */
export type Written = Omit<NewTrustProvider, 'resources'>;

/**
 * Holds a whole record against the rules that no single member shows. `self`: our issuer; `isLoopbackAllowed`: this server is
 * itself on loopback, for development. Returns the keys when they are in the record. @throws {AppError} `invalid_input`
 */
export function checkWritten(
  written: Written & { readonly resources: readonly string[] },
  { self, isLoopbackAllowed }: { readonly self: string; readonly isLoopbackAllowed: boolean },
): readonly VerifyingKey[] | undefined {
  const { kind, issuer, jwks, jwks_uri: jwksUri } = written;
  checkAddress('issuer', issuer, isLoopbackAllowed);
  if (issuer === self) throw invalid('issuer', 'This server does not need to trust itself.');
  if (/[?]/.test(issuer)) throw invalid('issuer', 'An issuer has no query.');
  if ((jwks === null) === (jwksUri === null)) throw invalid('jwks_uri', 'Give the address of the keys, or the keys themselves, not both.');
  if (jwksUri !== null) checkAddress('jwks_uri', jwksUri, isLoopbackAllowed);
  if (written.audiences.some((audience) => FOR_THE_PLATFORM.test(audience)))
    throw invalid('audiences', 'Every workload of the platform has a token for this audience; name one that is made for this server.');
  if (kind === 'workload') checkWorkload(written);
  else if (written.agent_id !== null) throw invalid('agent_id', 'Only a workload speaks for an agent.');
  if (!NAMES_PEOPLE.has(kind) && written.domains.length > 0) throw invalid('domains', 'Only an identity provider names people.');
  checkTokenRules(written);
  if (jwks === null) return undefined;
  const read = readKeySet(jwks);
  if (!read.ok) throw invalid('jwks', read.reason);
  return read.keys;
}

/** Whose word may name a person. */
export const NAMES_PEOPLE: ReadonlySet<TrustKind> = new Set(['identity_provider', 'token_issuer']);

/** What its tokens give stands in the rules alone, one scope at a time. */
function checkTokenRules({ kind, tokens, resources, scopes }: Written & { readonly resources: readonly string[] }): void {
  if ((kind === 'token_issuer') !== (tokens !== null))
    throw invalid('tokens', kind === 'token_issuer' ? 'Say how its tokens are read.' : 'Only an issuer of access tokens has these rules.');
  if (tokens !== null && resources.length > 0) throw invalid('resources', 'What a token gives is said by its scopes.');
  if (tokens !== null && scopes !== null) throw invalid('scopes', 'What a token gives is said by its scopes.');
}

/** Deny by default: a workload is one agent, told from others by what it is, for named resources and scopes. */
function checkWorkload({ agent_id: agentId, claims, resources, scopes }: Written & { readonly resources: readonly string[] }): void {
  if (agentId === null) throw invalid('agent_id', 'Choose the agent that this workload is.');
  if (claims.length === 0) throw invalid('claims', 'Say by which claims this workload is told from others of the same issuer.');
  if (resources.length === 0) throw invalid('resources', 'Name the resources this workload may ask for.');
  if (scopes === null || scopes.length === 0) throw invalid('scopes', 'Name the scopes this workload may ask for.');
}
