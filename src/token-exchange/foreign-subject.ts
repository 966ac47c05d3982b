import type { Clock } from '../platform/clock.ts';
import { type ForeignPerson, mappedScopes, nameOfJwt, personIn, scopesIn, takeApart, type Trust, type Trusted } from '../trust/index.ts';
import { type ActClaim, actorsOf, readActChain } from './act-chain.ts';
import type { ForeignOrigin, SubjectToken } from './presented-token.ts';
import { accept, type Outcome, type Refusal, refuse } from './refusal.ts';
import { type PresentedToken, tokenTypes } from './request.ts';

/** Who somebody of a trusted issuer is here (security rule R25); identity-assertion is one. */
export interface ForeignPeople {
  /** Refusals are told as `invalid_grant`. */
  find(
    person: ForeignPerson,
    provider: Trusted['provider'],
  ): Promise<{ readonly ok: true; readonly accountId: string; readonly isNew: boolean } | { readonly ok: false; readonly reason: string }>;
  /** Keeps who somebody is; false when they were linked to another account at the same moment. Joins the transaction under way. */
  link(person: ForeignPerson, accountId: string): Promise<boolean>;
}

/** What reading tokens of others stands on. */
export interface ForeignDeps {
  /** Our issuer. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly trust: Pick<Trust, 'verify'>;
  readonly people: Pick<ForeignPeople, 'find'>;
}

/** RFC 9068 §2.1 with and without the prefix of RFC 7515 §4.1.9. */
const ACCESS_TOKEN_TYPES = ['at+jwt', 'application/at+jwt'] as const;
/** What stands where no type is said. */
const UNTYPED = ['JWT', undefined] as const;

const distrusted = (reason: string, about?: Refusal['about']) => refuse('invalid_grant', reason, about);

/** The first thing that the header and the kind of token say against it. Each kind has a type of its own (security rule R25). */
function typeFault({ type, header }: { type: string; header: string | undefined }, acceptsUntyped: boolean): string | undefined {
  if (type === tokenTypes.idToken) return undefined;
  const isTyped = ACCESS_TOKEN_TYPES.some((one) => one === header);
  return isTyped || acceptsUntyped ? undefined : 'the type of the subject token is not accepted from its issuer';
}

/**
 * The chain of a foreign token, as it stands there: its issuer must be trusted for it (Actor Profile). It never speaks of agents of
 * this server: those act only through tokens of ours. An id_token says who the subject is and nothing more.
 */
function chainOf(claim: unknown, about: { acceptsChains: boolean; type: string; issuer: string }): Outcome<ActClaim | undefined> {
  if (claim === undefined) return accept(undefined);
  if (!about.acceptsChains || about.type === tokenTypes.idToken)
    return distrusted('the issuer of the subject token is not trusted to say who acted before');
  const chain = readActChain(claim);
  if (!chain.ok) return chain;
  return actorsOf(chain.value).some(({ iss }) => iss === about.issuer)
    ? distrusted('the subject token names an actor that its issuer does not speak for')
    : chain;
}

function originOf(
  trusted: Trusted,
  about: { jwt: string; person: ForeignPerson; isNew: boolean; scopes: readonly string[] },
): ForeignOrigin {
  const { claims, provider } = trusted;
  const rules = provider.tokenRules;
  const given = rules === undefined ? new Map<string, readonly string[]>() : mappedScopes(about.scopes, rules);
  return {
    providerId: provider.id,
    name: { iss: claims.iss, jti: nameOfJwt(about.jwt, claims), exp: claims.exp ?? 0 },
    ...{ person: about.person, isNew: about.isNew },
    presenters: rules?.presenters ?? [],
    holdings: [...given].map(([resource, scopes]) => ({ resource, scopes, details: [] })),
    maxTtlSeconds: provider.maxTtlSeconds,
  };
}

/**
 * A subject token of an issuer that an administrator trusts for its access tokens (RFC 8693 §2.1, Actor Profile): whom it is about
 * here, and what its scopes give here. Undefined: it is not one of a foreign issuer at all. Refusals: `invalid_grant`, which say
 * little, because they would tell whom this server trusts. Reads; uses nothing up.
 */
export async function readForeignSubject(
  { token: jwt, type }: PresentedToken,
  { issuer, clock, trust, people }: ForeignDeps,
): Promise<Outcome<SubjectToken> | undefined> {
  const unverified = takeApart(jwt);
  if (unverified === undefined || unverified.claims.iss === issuer) return undefined;
  const typ = type === tokenTypes.idToken ? UNTYPED : [...ACCESS_TOKEN_TYPES, ...UNTYPED];
  const found = await trust.verify(jwt, { kind: 'token_issuer', typ, now: clock.now() });
  const rules = found.ok ? found.provider.tokenRules : undefined;
  const { iss, sub = null } = unverified.claims;
  const about = { trust_provider: found.provider?.id ?? null, iss, sub: typeof sub === 'string' ? sub.slice(0, 255) : null };
  if (!found.ok || rules === undefined)
    return distrusted('the subject token is not accepted here', { ...about, fault: found.ok ? 'claims' : found.fault });
  const fault = typeFault({ type, header: unverified.header.typ }, rules.acceptsUntyped);
  if (fault !== undefined) return distrusted(fault, { ...about, fault: 'wrong_type' });
  const { claims, provider } = found;
  const chain = chainOf(claims['act'], { ...rules, type, issuer });
  if (!chain.ok) return chain;
  const person = personIn(claims, rules);
  if (person === undefined) return distrusted('the subject token does not say whom it is about', about);
  const account = await people.find(person, provider);
  if (!account.ok) return distrusted(account.reason, about);
  const scopes = type === tokenTypes.idToken ? [] : scopesIn(claims);
  return accept({
    ...{ jti: undefined, rootJti: undefined, iss: issuer, tokenIssuer: claims.iss, sub: account.accountId, profile: 'user' },
    ...{ accountId: account.accountId, clientId: '', resource: '', scopes: [], details: [], chain: chain.value },
    ...{ cnf: claims['cnf'], mayAct: claims['may_act'], acr: undefined, authTime: undefined, approval: undefined },
    expiresAt: Math.floor(claims.exp ?? 0),
    foreign: originOf(found, { jwt, person, isNew: account.isNew, scopes }),
  });
}
