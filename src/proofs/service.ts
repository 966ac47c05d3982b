import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { AuditRecorder } from '../audit/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { type ProofKey, PURPOSES, type Purpose, SIGNS_DAYS } from './proof-key.ts';
import type { NewProofKey, ProofKeyStore } from './store.ts';

/** Signs for later. */
export interface Proofs {
  /**
   * Signs claims as a compact JWS (ES256); `typ` tells what it is (RFC 8725 §3.11). A key that another server replaced within the
   * last minute may still sign: what it signs verifies like everything before.
   */
  sign(purpose: Purpose, proof: { readonly typ: string; readonly claims: JWTPayload }): Promise<string>;
  /** What everything ever signed for a purpose is verified with (RFC 7517 §5). */
  keySet(purpose: Purpose): Promise<{ readonly keys: readonly JWK[] }>;
  /** Replaces keys that have signed for a year. Safe to repeat. */
  rotate(): Promise<void>;
  /** Seals the private parts with the current master key, while the previous one is still given. */
  reseal(): Promise<void>;
}

/** What the service stands on. */
export interface ProofsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly store: ProofKeyStore;
  readonly audit: AuditRecorder;
}

const ALGORITHM = 'ES256';
const REMEMBERED_SECONDS = 60;
const DAY_SECONDS = 86_400;

interface Signer {
  readonly kid: string;
  readonly privateKey: Awaited<ReturnType<typeof importJWK>>;
  readonly rememberedUntil: Date;
}

async function newKey(purpose: Purpose, createdAt: Date): Promise<NewProofKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const { kty, crv, x, y, d } = await exportJWK(privateKey);
  const bare = { kty, crv, x, y } as JWK;
  const kid = await calculateJwkThumbprint(bare);
  const publicJwk = { ...bare, kid, alg: ALGORITHM, use: 'sig' };
  return { kid, purpose, createdAt, publicJwk, privateJwk: { ...publicJwk, d } as JWK };
}

/** The proofs over their store. */
export function createProofService({ db, clock, store, audit }: ProofsDeps): Proofs {
  const signers = new Map<Purpose, Signer>();
  const create = async (purpose: Purpose): Promise<void> => {
    const key = await newKey(purpose, clock.now());
    if (!(await store.insert(key))) return;
    const actor = { kind: 'system', id: 'proof-keys' } as const;
    await audit.record({ type: 'key.created', actor, resource: key.kid, action: purpose });
  };
  // apart from the unit under way: what it signs with must be there even when it is rolled back
  const ensured = (purpose: Purpose): Promise<ProofKey> =>
    db.detached(async () => {
      const known = await store.current(purpose);
      if (known !== undefined) return known;
      await db.transaction(() => create(purpose));
      return (await store.current(purpose)) as ProofKey;
    });
  const signerFor = async (purpose: Purpose): Promise<Signer> => {
    const now = clock.now();
    const remembered = signers.get(purpose);
    if (remembered !== undefined && remembered.rememberedUntil > now) return remembered;
    const { kid, privateJwk } = await ensured(purpose);
    const privateKey = await importJWK(privateJwk, ALGORITHM);
    const signer = { kid, privateKey, rememberedUntil: secondsAfter(now, REMEMBERED_SECONDS) };
    signers.set(purpose, signer);
    return signer;
  };
  return {
    async sign(purpose, { typ, claims }) {
      const { kid, privateKey } = await signerFor(purpose);
      return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, typ, kid }).sign(privateKey);
    },
    async keySet(purpose) {
      await signerFor(purpose);
      return { keys: await store.published(purpose) };
    },
    async rotate() {
      const at = clock.now();
      const createdBefore = secondsAfter(at, -SIGNS_DAYS * DAY_SECONDS);
      for (const purpose of PURPOSES)
        await db.transaction(async () => {
          if (await store.retire(purpose, { createdBefore, at })) await create(purpose);
        });
    },
    reseal: store.reseal,
  };
}
