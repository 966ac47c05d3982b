import type { JWK } from 'jose';
import type { Db } from '../../platform/db/db.ts';
import type { Vault } from '../../platform/vault.ts';
import { publicJwkOf, type SigningAlgorithm, type SigningKey, type SigningKeyStatus } from './signing-key.ts';

/** Signing keys in the database, private parts sealed. */
export interface SigningKeyStore {
  /** Everything that is still published. */
  list(): Promise<SigningKey[]>;
  insert(key: SigningKey): Promise<void>;
  setStatus(kid: string, change: { status: SigningKeyStatus; activatedAt?: Date; retiresAt?: Date }): Promise<void>;
  /** Seals every key anew with the current master key. */
  reseal(): Promise<void>;
  remove(kid: string): Promise<void>;
  /** Holds every other server back until the transaction ends, so that two never create the same generation of keys. */
  lock(): Promise<void>;
}

const PURPOSE = 'signing-keys';
const LOCK = 0x6b657973; // "keys"

/** The store over PostgreSQL. */
export function createSigningKeyStore(deps: { db: Db; vault: Vault }): SigningKeyStore {
  const { db, vault } = deps;
  const seal = (key: Pick<SigningKey, 'kid' | 'privateJwk'>) =>
    new Uint8Array(vault.seal(PURPOSE, JSON.stringify(key.privateJwk), key.kid));
  const list = async () => {
    const rows = await db.prisma.signingKey.findMany({ orderBy: { createdAt: 'asc' } });
    return rows.map(
      (row): SigningKey => ({
        kid: row.kid,
        algorithm: row.algorithm as SigningAlgorithm,
        status: row.status as SigningKeyStatus,
        privateJwk: JSON.parse(vault.open(PURPOSE, row.privateJwk, row.kid).toString()) as JWK,
        createdAt: row.createdAt,
        activatedAt: row.activatedAt ?? undefined,
        retiresAt: row.retiresAt ?? undefined,
      }),
    );
  };
  return {
    list,
    async insert(key) {
      const { kid, algorithm, status, createdAt, activatedAt = null, retiresAt = null } = key;
      await db.prisma.signingKey.create({
        data: {
          kid,
          algorithm,
          status,
          publicJwk: publicJwkOf(key.privateJwk) as object,
          privateJwk: seal(key),
          createdAt,
          activatedAt,
          retiresAt,
        },
      });
    },
    async setStatus(kid, change) {
      await db.prisma.signingKey.update({ where: { kid }, data: change });
    },
    async reseal() {
      for (const key of await list()) await db.prisma.signingKey.update({ where: { kid: key.kid }, data: { privateJwk: seal(key) } });
    },
    async remove(kid) {
      await db.prisma.signingKey.delete({ where: { kid } });
    },
    async lock() {
      await db.rows({ name: 'keys-lock', text: 'SELECT pg_advisory_xact_lock($1)', values: [LOCK] });
    },
  };
}
