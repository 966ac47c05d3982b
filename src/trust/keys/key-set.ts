/** A public key that can verify (RFC 7517 §4), without anything else the set said of it. */
export interface VerifyingKey {
  readonly kty: 'EC' | 'RSA' | 'OKP';
  readonly kid?: string;
  readonly alg?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** The keys of a set, or what is wrong with it in a sentence. */
export type KeySet = { readonly ok: true; readonly keys: readonly VerifyingKey[] } | { readonly ok: false; readonly reason: string };

const MOST_KEYS = 50;
const LONGEST_MEMBER = 2_048;
/** 2048 bits in base64url; NIST SP 800-131A allows none below. */
const SHORTEST_MODULUS = 342;
const KEPT = ['kty', 'kid', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const;
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const;
const NEEDED: Readonly<Record<string, readonly string[]>> = { EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'], RSA: ['n', 'e'] };

/** Only signatures: a key for encryption, a symmetric key and a kind nobody knows verify nothing (RFC 7517 §4.2, §4.3). */
function verifies(key: Readonly<Record<string, unknown>>): boolean {
  const { kty, use, key_ops: operations, n } = key;
  const needed = typeof kty === 'string' && Object.hasOwn(NEEDED, kty) ? NEEDED[kty] : undefined;
  if (needed === undefined || (use !== undefined && use !== 'sig')) return false;
  if (Array.isArray(operations) && !operations.includes('verify')) return false;
  if (KEPT.some((name) => key[name] !== undefined && (typeof key[name] !== 'string' || key[name].length > LONGEST_MEMBER))) return false;
  if (typeof n === 'string' && n.length < SHORTEST_MODULUS) return false;
  return needed.every((name) => typeof key[name] === 'string');
}

function plain(key: Readonly<Record<string, unknown>>): VerifyingKey {
  return Object.fromEntries(KEPT.flatMap((name) => (key[name] === undefined ? [] : [[name, key[name]]]))) as unknown as VerifyingKey;
}

/** Reads a JWK set (RFC 7517 §5). Keys that cannot verify are left out; a set that shows a private key is refused whole. Pure. */
export function readKeySet(document: unknown): KeySet {
  const { keys } = (typeof document === 'object' && document !== null ? document : {}) as { keys?: unknown };
  if (!Array.isArray(keys)) return { ok: false, reason: 'It is no JWK set: the member keys is missing.' };
  if (keys.length > MOST_KEYS) return { ok: false, reason: `It has more than ${MOST_KEYS} keys.` };
  const objects = keys.filter((key): key is Record<string, unknown> => typeof key === 'object' && key !== null && !Array.isArray(key));
  if (objects.some((key) => PRIVATE.some((name) => key[name] !== undefined)))
    return { ok: false, reason: 'It shows a private or secret key; whoever could read it can sign as the issuer.' };
  const usable = objects.filter(verifies).map(plain);
  if (usable.length === 0) return { ok: false, reason: 'It has no key that can verify a signature.' };
  return { ok: true, keys: usable };
}

/** What a key can verify, for people: `ES256 key 2026-a`. */
export function keyWords({ kty, alg, crv, kid }: VerifyingKey): string {
  const kind = alg ?? (kty === 'RSA' ? 'RSA' : (crv ?? kty));
  return kid === undefined ? `${kind} key without a name` : `${kind} key ${kid}`;
}
