import type { Db } from '../../platform/db/db.ts';
import { purge } from '../../platform/db/purge.ts';

/** A passkey's public half and what is known of it. */
export interface StoredPasskey {
  readonly id: string;
  readonly accountId: string;
  readonly credentialId: Buffer;
  readonly publicKey: Buffer;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly label: string;
  readonly deviceType: 'singleDevice' | 'multiDevice';
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
}

/** What a challenge is good for, once. */
export interface ChallengeRecord {
  readonly challengeHash: Buffer;
  readonly purpose: 'registration' | 'authentication';
  readonly bindingHash: Buffer;
  /** Undefined: whoever owns the passkey that answers. */
  readonly accountId: string | undefined;
  readonly expiresAt: Date;
}

/** An authenticator app's row; secrets are sealed. */
export interface StoredTotp {
  readonly secret: Buffer | undefined;
  readonly confirmedAt: Date | undefined;
  readonly pendingSecret: Buffer | undefined;
  readonly pendingExpiresAt: Date | undefined;
}

interface PasskeyRow {
  readonly id: string;
  readonly account_id: string;
  readonly credential_id: Buffer;
  readonly public_key: Buffer;
  readonly counter: string;
  readonly transports: string[];
  readonly label: string;
  readonly device_type: StoredPasskey['deviceType'];
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}

interface TotpRow {
  readonly account_id: string;
  readonly secret: Buffer | null;
  readonly confirmed_at: Date | null;
  readonly pending_secret: Buffer | null;
  readonly pending_expires_at: Date | null;
}

function toPasskey(row: PasskeyRow): StoredPasskey {
  return {
    id: row.id,
    accountId: row.account_id,
    credentialId: row.credential_id,
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
    label: row.label,
    deviceType: row.device_type,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

const PASSKEY_COLUMNS = 'id, account_id, credential_id, public_key, counter, transports, label, device_type, created_at, last_used_at';

/** Passkeys in SQL. */
export function createPasskeyStore(db: Db) {
  return {
    /** An account's passkeys, oldest first. */
    async list(accountId: string): Promise<StoredPasskey[]> {
      const text = `SELECT ${PASSKEY_COLUMNS} FROM passkeys WHERE account_id = $1 ORDER BY id`;
      return (await db.rows<PasskeyRow>({ name: 'passkey-list', text, values: [accountId] })).map(toPasskey);
    },
    async findByCredential(credentialId: Buffer): Promise<StoredPasskey | undefined> {
      const text = `SELECT ${PASSKEY_COLUMNS} FROM passkeys WHERE credential_id = $1`;
      const row = await db.row<PasskeyRow>({ name: 'passkey-find', text, values: [credentialId] });
      return row && toPasskey(row);
    },
    /** False when the credential is registered already. */
    async insert(passkey: Omit<StoredPasskey, 'lastUsedAt'>): Promise<boolean> {
      const row = await db.row({
        name: 'passkey-insert',
        text: `INSERT INTO passkeys (id, account_id, credential_id, public_key, counter, transports, label, device_type, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (credential_id) DO NOTHING RETURNING id`,
        values: [
          passkey.id,
          passkey.accountId,
          passkey.credentialId,
          passkey.publicKey,
          passkey.counter,
          passkey.transports,
          passkey.label,
          passkey.deviceType,
          passkey.createdAt,
        ],
      });
      return row !== undefined;
    },
    /** Moves the counter forward; false when another use got ahead (WebAuthn Level 3 §6.1.1: a sign of a copied key). */
    async use(id: string, counter: number, at: Date): Promise<boolean> {
      const text = `UPDATE passkeys SET counter = $2, last_used_at = $3 WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0)) RETURNING id`;
      return (await db.row({ name: 'passkey-use', text, values: [id, counter, at] })) !== undefined;
    },
    async remove(accountId: string, id: string): Promise<boolean> {
      const text = 'DELETE FROM passkeys WHERE id = $1 AND account_id = $2 RETURNING id';
      return (await db.row({ name: 'passkey-remove', text, values: [id, accountId] })) !== undefined;
    },
    async removeAll(accountId: string): Promise<void> {
      await db.rows({ name: 'passkey-remove-all', text: 'DELETE FROM passkeys WHERE account_id = $1', values: [accountId] });
    },
    async insertChallenge({ challengeHash, purpose, bindingHash, accountId, expiresAt }: ChallengeRecord): Promise<void> {
      await db.rows({
        name: 'challenge-insert',
        text: `INSERT INTO passkey_challenges (challenge_hash, purpose, binding_hash, account_id, expires_at) VALUES ($1, $2, $3, $4, $5)`,
        values: [challengeHash, purpose, bindingHash, accountId ?? null, expiresAt],
      });
    },
    /** Takes the challenge out: of N callers one gets it. */
    async takeChallenge(challengeHash: Buffer): Promise<ChallengeRecord | undefined> {
      const text = `DELETE FROM passkey_challenges WHERE challenge_hash = $1 RETURNING purpose, binding_hash, account_id, expires_at`;
      const row = await db.row<{ purpose: ChallengeRecord['purpose']; binding_hash: Buffer; account_id: string | null; expires_at: Date }>({
        name: 'challenge-take',
        text,
        values: [challengeHash],
      });
      if (row === undefined) return undefined;
      return {
        challengeHash,
        purpose: row.purpose,
        bindingHash: row.binding_hash,
        accountId: row.account_id ?? undefined,
        expiresAt: row.expires_at,
      };
    },
    /** Removes up to `limit` challenges nobody answered; returns how many went. */
    purge: (now: Date, limit: number): Promise<number> =>
      purge(db, { table: 'passkey_challenges', column: 'expires_at', before: now }, limit),
  };
}

/** Authenticator apps in SQL. */
export function createTotpStore(db: Db) {
  const run = async (name: string, text: string, values: readonly unknown[]) =>
    (await db.row({ name, text: `${text} RETURNING account_id`, values })) !== undefined;
  return {
    async find(accountId: string): Promise<StoredTotp | undefined> {
      const text = 'SELECT account_id, secret, confirmed_at, pending_secret, pending_expires_at FROM totp_secrets WHERE account_id = $1';
      const row = await db.row<TotpRow>({ name: 'totp-find', text, values: [accountId] });
      if (row === undefined) return undefined;
      return {
        secret: row.secret ?? undefined,
        confirmedAt: row.confirmed_at ?? undefined,
        pendingSecret: row.pending_secret ?? undefined,
        pendingExpiresAt: row.pending_expires_at ?? undefined,
      };
    },
    setPending: (accountId: string, pendingSecret: Buffer, expiresAt: Date) =>
      run(
        'totp-pending',
        `INSERT INTO totp_secrets (account_id, pending_secret, pending_expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET pending_secret = excluded.pending_secret, pending_expires_at = excluded.pending_expires_at`,
        [accountId, pendingSecret, expiresAt],
      ),
    /** The pending secret, unless it was exchanged meanwhile, becomes the one in force; `step` counts as used. */
    confirm: (accountId: string, pendingSecret: Buffer, used: { step: number; at: Date }) =>
      run(
        'totp-confirm',
        `UPDATE totp_secrets SET secret = pending_secret, confirmed_at = $4, last_step = $3, pending_secret = NULL, pending_expires_at = NULL
         WHERE account_id = $1 AND pending_secret = $2`,
        [accountId, pendingSecret, used.step, used.at],
      ),
    /** False when this step or a later one was used before (RFC 6238 §5.2). */
    useStep: (accountId: string, step: number) =>
      run('totp-use', 'UPDATE totp_secrets SET last_step = $2 WHERE account_id = $1 AND (last_step IS NULL OR last_step < $2)', [
        accountId,
        step,
      ]),
    remove: (accountId: string) => run('totp-remove', 'DELETE FROM totp_secrets WHERE account_id = $1', [accountId]),
    /** Passes every stored secret through `seal`, row by row. */
    async reseal(seal: (accountId: string, sealed: Buffer) => Buffer): Promise<void> {
      const text = 'SELECT account_id, secret, pending_secret FROM totp_secrets ORDER BY account_id FOR UPDATE';
      for (const { account_id: id, secret, pending_secret: pending } of await db.rows<TotpRow>({ name: 'totp-all', text, values: [] })) {
        await run('totp-reseal', 'UPDATE totp_secrets SET secret = $2, pending_secret = $3 WHERE account_id = $1', [
          id,
          secret && seal(id, secret),
          pending && seal(id, pending),
        ]);
      }
    },
  };
}
