import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { JSON_POINTER, valueAt } from './claim-rules.ts';

/** A scope of the issuer, and what it gives here; `from` undefined: whoever it names. */
export interface ForeignScope {
  readonly from: string | undefined;
  /** A canonical resource indicator of this server. */
  readonly resource: string;
  readonly scope: string;
}

/** How access tokens of a trusted issuer are read, and what they may become here. */
export interface TokenRules {
  /** JSON pointers (RFC 6901) to who it is about; `tenant` undefined: the issuer has none. */
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly email: string;
  readonly scopes: readonly ForeignScope[];
  /** Ids of the agents that may exchange them. */
  readonly presenters: readonly string[];
  /** Whether its word on who acted before is taken (Actor Profile). */
  readonly acceptsChains: boolean;
  /** Its access tokens do not say by `typ` that they are some (RFC 9068 §2.1). */
  readonly acceptsUntyped: boolean;
}

const pointer = z.string().max(200).regex(JSON_POINTER, 'is not a JSON pointer such as /sub');
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'is not a scope');

/** The rules as they arrive; deny by default: no scope gives anything, nobody presents. */
export const tokenRules = z.strictObject({
  subject_claim: pointer.default('/sub'),
  tenant_claim: pointer.nullable().default(null),
  email_claim: pointer.default('/email'),
  scopes: z
    .array(z.strictObject({ from: scope.nullable(), resource: z.string().max(2_000), to: scope }))
    .max(200)
    .default([]),
  presenters: z
    .array(z.string().regex(/^agt_\w{1,64}$/, 'is the id of an agent'))
    .max(100)
    .default([]),
  chains: z.boolean().default(false),
  untyped: z.boolean().default(false),
});
/** The rules in the form of the interface. */
export type WrittenTokenRules = z.output<typeof tokenRules>;

/** The rules as they are kept. */
export function rulesOf({ subject_claim: subject, tenant_claim: tenant, email_claim: email, ...rest }: WrittenTokenRules): TokenRules {
  const scopes = rest.scopes.map(({ from, resource, to }) => ({ from: from ?? undefined, resource, scope: to }));
  const presenters = [...new Set(rest.presenters)];
  return { subject, tenant: tenant ?? undefined, email, scopes, presenters, acceptsChains: rest.chains, acceptsUntyped: rest.untyped };
}

/** The rules as the interface shows them. */
export function writtenRules(rules: TokenRules): WrittenTokenRules {
  return {
    subject_claim: rules.subject,
    tenant_claim: rules.tenant ?? null,
    email_claim: rules.email,
    scopes: rules.scopes.map(({ from, resource, scope: to }) => ({ from: from ?? null, resource, to })),
    presenters: [...rules.presenters],
    chains: rules.acceptsChains,
    untyped: rules.acceptsUntyped,
  };
}

/** Who a verified token is about (security rule R25); `tenant` is empty when the issuer has none. */
export interface ForeignPerson {
  readonly iss: string;
  readonly tenant: string;
  readonly sub: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
}

const LONGEST_NAME = 255;

function nameAt(claims: object, at: string): string | undefined {
  const value = valueAt(claims, at);
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME ? value : undefined;
}

/** Reads the claims by the pointers of the rules; undefined when the subject, or the tenant that must be there, is missing. */
export function personIn(claims: JWTPayload & { readonly iss: string }, rules: TokenRules): ForeignPerson | undefined {
  const sub = nameAt(claims, rules.subject);
  const tenant = rules.tenant === undefined ? '' : nameAt(claims, rules.tenant);
  if (sub === undefined || tenant === undefined) return undefined;
  // the same text in another claim is another name
  const name = rules.subject === '/sub' ? sub : `${rules.subject}#${sub}`;
  return { iss: claims.iss, tenant, sub: name, email: nameAt(claims, rules.email), isEmailVerified: claims['email_verified'] === true };
}

/** The scopes of an access token (RFC 9068 §2.2.3; `scp` as Entra and Okta write it, a text or a list). */
export function scopesIn(claims: JWTPayload): readonly string[] {
  const value = claims['scope'] ?? claims['scp'];
  const words = Array.isArray(value) ? (value as unknown[]).slice(0, 200) : typeof value === 'string' ? value.split(' ') : [];
  return words.filter((word): word is string => typeof word === 'string' && word !== '');
}

/** What a token's scopes give here, by resource. */
export function mappedScopes(held: readonly string[], { scopes }: TokenRules): ReadonlyMap<string, readonly string[]> {
  const given = scopes.filter(({ from }) => from === undefined || held.includes(from));
  const byResource = Map.groupBy(given, ({ resource }) => resource);
  return new Map([...byResource].map(([resource, rules]) => [resource, [...new Set(rules.map((rule) => rule.scope))]]));
}
