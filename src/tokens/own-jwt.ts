import { createHash } from 'node:crypto';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';

/** What a JWT of ours says. */
export type OwnPayload = Readonly<JWTPayload>;

/** Longer than any token of ours (R26: 8 KB) and shorter than an attack on the parser. */
const LONGEST_JWT = 16_384;
const MOST_REMEMBERED = 2_000;
/** No token has expired then. */
const BEFORE_ALL_TOKENS = new Date(0);

interface Judge {
  /** The key set it stands for: another one, another judge. */
  readonly from: readonly Record<string, unknown>[];
  readonly keys: ReturnType<typeof createLocalJWKSet>;
  readonly signed: LRUCache<string, OwnPayload>;
}

/** One token has one spelling: decoders leave out the last bits of the last letter of a part (RFC 4648 §3.5). */
function isCanonical(jwt: string): boolean {
  return jwt.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

/**
 * Whether a JWT is an access token that we signed and that has not expired (RFC 9068 §4): its payload, or undefined. It says nothing of
 * whether the token is alive.
 *
 * That a signature holds under these keys never changes, so it is remembered, by the hash of the whole token, until the keys are read
 * again (every minute): a token that is introspected at every call, or handed on many times, is verified once.
 */
export function createOwnJwts(deps: { issuer: string; clock: Clock; publicKeys: () => readonly Record<string, unknown>[] }) {
  const { issuer, clock } = deps;
  let current: Judge | undefined;
  const judge = (): Judge => {
    const from = deps.publicKeys();
    if (current?.from !== from) {
      const keys = createLocalJWKSet({ keys: from } as unknown as JSONWebKeySet);
      current = { from, keys, signed: new LRUCache({ max: MOST_REMEMBERED }) };
    }
    return current;
  };
  const verifyWith = async (keys: Judge['keys'], jwt: string, currentDate = clock.now()): Promise<OwnPayload | undefined> => {
    if (!isCanonical(jwt)) return undefined;
    try {
      const options = { issuer, typ: 'at+jwt', algorithms: ['ES256', 'EdDSA', 'RS256'], currentDate };
      return (await jwtVerify(jwt, keys, options)).payload;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  };
  return {
    /** The `jti` of a token that we signed, also of one that has expired; nothing of it is remembered. */
    async identify(jwt: string): Promise<string | undefined> {
      if (jwt.length > LONGEST_JWT) return undefined;
      return (await verifyWith(judge().keys, jwt, BEFORE_ALL_TOKENS))?.jti;
    },
    async verify(jwt: string): Promise<OwnPayload | undefined> {
      if (jwt.length > LONGEST_JWT) return undefined;
      const { keys, signed } = judge();
      const hash = createHash('sha256').update(jwt).digest('base64url');
      const known = signed.get(hash);
      const payload = known ?? (await verifyWith(keys, jwt));
      if (payload?.exp === undefined || payload.exp <= clock.epochSeconds()) return undefined;
      if (known === undefined) signed.set(hash, payload);
      return payload;
    },
  };
}
