import type { JWK } from 'jose';
import type { Db } from '../platform/db/db.ts';
import type { Vault } from '../platform/vault.ts';
import type { ProofKey, Purpose } from './proof-key.ts';

/** A new key with its public part. */
export interface NewProofKey extends ProofKey {
  readonly publicJwk: JWK;
}

/** Proof keys in the database, private parts sealed. */
export interface ProofKeyStore {
  /** The key that signs now. */
  current(purpose: Purpose): Promise<ProofKey | undefined>;
  /** Public parts of all keys there ever were, newest first. */
  published(purpose: Purpose): Promise<readonly JWK[]>;
  /** False when another server made one meanwhile. */
  insert(key: NewProofKey): Promise<boolean>;
  /** Ends the key that signs, if it is from before `createdBefore`: its private part is gone. */
  retire(purpose: Purpose, when: { readonly createdBefore: Date; readonly at: Date }): Promise<boolean>;
  /** Seals what is in force anew with the current master key. */
  reseal(): Promise<void>;
}

interface Row {
  readonly kid: string;
  readonly purpose: Purpose;
  readonly private_jwk: Buffer;
  readonly created_at: Date;
}

const SEAL = 'proof-keys';
const IN_FORCE = 'SELECT kid, purpose, private_jwk, created_at FROM proof_keys WHERE retired_at IS NULL';

/** The store over PostgreSQL. */
export function createProofKeyStore({ db, vault }: { readonly db: Db; readonly vault: Vault }): ProofKeyStore {
  const opened = ({ kid, purpose, private_jwk: sealed, created_at: createdAt }: Row): ProofKey => ({
    ...{ kid, purpose, createdAt },
    privateJwk: JSON.parse(vault.open(SEAL, sealed, kid).toString()) as JWK,
  });
  const seal = ({ kid, privateJwk }: ProofKey) => vault.seal(SEAL, JSON.stringify(privateJwk), kid);
  return {
    async current(purpose) {
      const row = await db.row<Row>({ name: 'proof-key-current', text: `${IN_FORCE} AND purpose = $1`, values: [purpose] });
      return row && opened(row);
    },
    async published(purpose) {
      const text = 'SELECT public_jwk FROM proof_keys WHERE purpose = $1 ORDER BY created_at DESC, kid';
      const rows = await db.rows<{ public_jwk: JWK }>({ name: 'proof-keys-published', text, values: [purpose] });
      return rows.map(({ public_jwk: jwk }) => jwk);
    },
    async insert(key) {
      const text = `INSERT INTO proof_keys (kid, purpose, public_jwk, private_jwk, created_at) VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT (purpose) WHERE retired_at IS NULL DO NOTHING RETURNING 1 AS one`;
      const values = [key.kid, key.purpose, JSON.stringify(key.publicJwk), seal(key), key.createdAt];
      return (await db.row({ name: 'proof-key-insert', text, values })) !== undefined;
    },
    async retire(purpose, { createdBefore, at }) {
      const text = `UPDATE proof_keys SET retired_at = $3, private_jwk = NULL WHERE purpose = $1 AND retired_at IS NULL AND created_at < $2 RETURNING 1 AS one`;
      return (await db.row({ name: 'proof-key-retire', text, values: [purpose, createdBefore, at] })) !== undefined;
    },
    reseal: () =>
      db.transaction(async () => {
        const rows = await db.rows<Row>({ name: 'proof-keys-lock', text: `${IN_FORCE} FOR UPDATE`, values: [] });
        const text = 'UPDATE proof_keys SET private_jwk = $2 WHERE kid = $1';
        for (const key of rows.map(opened)) await db.rows({ name: 'proof-key-reseal', text, values: [key.kid, seal(key)] });
      }),
  };
}
