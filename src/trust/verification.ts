import { compactVerify, errors as joseErrors, importJWK, type JWK, type JWTPayload } from 'jose';
import { matchesAll } from './claim-rules.ts';
import type { KeySet, VerifyingKey } from './keys/key-set.ts';
import type { KeySource } from './keys/key-source.ts';
import type { TrustKind, TrustProvider } from './provider.ts';
import { faultOfTimes, isForOneOf, isNamed, takeApart, type Unverified } from './signed-claims.ts';

/** Why a JWT is not taken. For whoever runs this server; callers are told less (no list of trusted issuers leaves it). */
export type TrustFault =
  | 'malformed'
  | 'wrong_type'
  | 'unknown_issuer'
  | 'disabled'
  | 'algorithm'
  | 'unknown_key'
  | 'keys_unavailable'
  | 'signature'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime'
  | 'audience'
  | 'claims'
  | 'ambiguous';

/** What a JWT has to be. `typ`: the values of its header that are accepted, letter by letter; undefined stands for none. */
export interface Demand {
  readonly kind: TrustKind;
  readonly typ: readonly (string | undefined)[];
  readonly now: Date;
}

/** What a verified JWT says, and on whose word. */
export interface Trusted {
  readonly ok: true;
  readonly claims: JWTPayload & { readonly iss: string };
  readonly provider: TrustProvider;
}

/** Why not, and the provider it was about when that is known. */
export interface Distrusted {
  readonly ok: false;
  readonly fault: TrustFault;
  readonly provider: TrustProvider | undefined;
}

/** What verification stands on. */
export interface VerificationDeps {
  /** Our issuer; for identity assertions the only audience (EMA: `aud` is the server's issuer). */
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string;
  readonly store: { ofIssuer(issuer: string, kind: TrustKind): Promise<readonly TrustProvider[]> };
  readonly keySource: KeySource;
}

/** An assertion of a person is spent at once; a platform's token lives up to a day; a statement as long as its software. */
const LONGEST_SECONDS: Readonly<Record<TrustKind, number>> = {
  identity_provider: 3_600,
  workload: 86_400,
  software: Infinity,
  token_issuer: 86_400,
};

/** Which kind of key signs by which algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). */
function fits({ kty, alg: own }: VerifyingKey, alg: string): boolean {
  const needed = alg.startsWith('Ed') ? 'OKP' : alg.startsWith('ES') ? 'EC' : 'RSA';
  const isNamedSo = own === undefined || own === alg || (own.startsWith('Ed') && needed === 'OKP');
  return kty === needed && isNamedSo;
}

/** The one key a header means; without a name only when there is but one (RFC 7515 §4.1.4). */
function keyFor({ kid, alg }: Unverified['header'], keys: readonly VerifyingKey[]): VerifyingKey | undefined {
  const named = keys.filter((key) => (kid === undefined || key.kid === kid) && fits(key, alg));
  return named.length === 1 ? named[0] : undefined;
}

async function isSignedBy(jwt: string, { key, alg }: { key: VerifyingKey; alg: string }): Promise<boolean> {
  try {
    await compactVerify(jwt, await importJWK(key as JWK, alg), { algorithms: [alg] });
    return true;
  } catch (error) {
    if (error instanceof joseErrors.JOSEError || error instanceof TypeError || error instanceof DOMException) return false;
    throw error;
  }
}

/** Verifies JWTs of trusted providers; keeps nothing. */
export function createVerification(deps: VerificationDeps) {
  const { issuer, tokenEndpoint, registrationEndpoint, store, keySource } = deps;

  const keysOf = ({ keys, jwksUri }: TrustProvider, kid: string | undefined): Promise<KeySet> | KeySet =>
    keys === undefined ? keySource.keysAt(jwksUri ?? '', kid) : { ok: true, keys };
  const isForUs = ({ kind, audiences }: TrustProvider, aud: unknown): boolean => {
    if (kind === 'identity_provider') return isForOneOf(aud, [issuer]);
    if (kind === 'workload') return isForOneOf(aud, [issuer, tokenEndpoint, ...audiences]);
    // Actor Profile: a subject token is for an API, not for the token endpoint
    if (kind === 'token_issuer') return isForOneOf(aud, [issuer, ...audiences]);
    // RFC 7591 §2.3: a statement is for every server that trusts its issuer, unless it says otherwise
    return aud === undefined || isForOneOf(aud, [issuer, registrationEndpoint, ...audiences]);
  };
  /** Everything but the signature, so that no key is fetched for what would be refused anyway. */
  const faultOfClaims = (provider: TrustProvider, { claims }: Unverified, now: Date): TrustFault | undefined => {
    const mustEnd = provider.kind !== 'software';
    // not every issuer gives its access tokens names; what has none is told apart by its text
    if (mustEnd && provider.kind !== 'token_issuer' && !isNamed(claims)) return 'malformed';
    if (!isForUs(provider, claims.aud)) return 'audience';
    return faultOfTimes(claims, { now, mustEnd, longestSeconds: LONGEST_SECONDS[provider.kind] });
  };
  const faultOfSignature = async (jwt: string, { header }: Unverified, provider: TrustProvider): Promise<TrustFault | undefined> => {
    const { alg, kid } = header;
    if (!provider.algorithms.some((accepted) => accepted === alg)) return 'algorithm';
    const set = await keysOf(provider, kid);
    if (!set.ok) return 'keys_unavailable';
    const key = keyFor(header, set.keys);
    if (key === undefined) return 'unknown_key';
    return (await isSignedBy(jwt, { key, alg })) ? undefined : 'signature';
  };
  /** The one provider whose rules fit. Two workloads that both fit would be two agents: nobody then (fail closed). */
  const choose = (providers: readonly TrustProvider[], claims: object): TrustProvider | Distrusted => {
    const [first] = providers;
    if (first === undefined) return { ok: false, fault: 'unknown_issuer', provider: undefined };
    const active = providers.filter(({ status }) => status === 'active');
    if (active.length === 0) return { ok: false, fault: 'disabled', provider: providers.length === 1 ? first : undefined };
    const [match, ...others] = active.filter(({ claimRules }) => matchesAll(claims, claimRules));
    if (match === undefined) return { ok: false, fault: 'claims', provider: active.length === 1 ? active[0] : undefined };
    return others.length === 0 ? match : { ok: false, fault: 'ambiguous', provider: undefined };
  };
  return {
    async verify(jwt: string, { kind, typ, now }: Demand): Promise<Trusted | Distrusted> {
      const unverified = takeApart(jwt);
      if (unverified === undefined) return { ok: false, fault: 'malformed', provider: undefined };
      if (!typ.includes(unverified.header.typ)) return { ok: false, fault: 'wrong_type', provider: undefined };
      const { claims } = unverified;
      const provider = choose(await store.ofIssuer(claims.iss, kind), claims);
      if ('ok' in provider) return provider;
      const fault = faultOfClaims(provider, unverified, now) ?? (await faultOfSignature(jwt, unverified, provider));
      return fault === undefined ? { ok: true, claims, provider } : { ok: false, fault, provider };
    },
  };
}

const FAULT_WORDS: Readonly<Record<TrustFault, string>> = {
  malformed: 'it was no JWT with all the claims it needs',
  wrong_type: 'its header says another type',
  unknown_issuer: 'nobody here trusts its issuer',
  disabled: 'the trust is switched off',
  algorithm: 'it was signed with an algorithm that is not accepted',
  unknown_key: 'the issuer has no such key',
  keys_unavailable: 'the keys of the issuer could not be read',
  signature: 'its signature is not that of the issuer',
  expired: 'it had expired',
  not_yet_valid: 'it is not valid yet',
  lifetime: 'it lives longer than is accepted',
  audience: 'it was not made for this server alone',
  claims: 'its claims do not fit the rules',
  ambiguous: 'its claims fit the rules of more than one agent',
};

/** A fault in words for an administrator. */
export function faultWords(fault: TrustFault): string {
  return FAULT_WORDS[fault];
}
