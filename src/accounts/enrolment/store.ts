import type { Db } from '../../platform/db/db.ts';

/** Why a link was made: to choose a first password, or a new one. */
export type LinkPurpose = 'invitation' | 'reset';

/** A link that was handed over. */
export interface LinkRecord {
  readonly id: string;
  readonly tokenHash: Buffer;
  readonly accountId: string;
  readonly purpose: LinkPurpose;
  /** The account that made it; undefined: the command line. */
  readonly createdBy: string | undefined;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

interface LinkRow {
  readonly id: string;
  readonly token_hash: Buffer;
  readonly account_id: string;
  readonly purpose: LinkPurpose;
  readonly created_by: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

function toLink(row: LinkRow): LinkRecord {
  return {
    id: row.id,
    tokenHash: row.token_hash,
    accountId: row.account_id,
    purpose: row.purpose,
    createdBy: row.created_by ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

const COLUMNS = 'id, token_hash, account_id, purpose, created_by, created_at, expires_at';

/** One-time links in SQL. */
export function createLinkStore(db: Db) {
  const one = async (name: string, text: string, values: readonly unknown[]) => {
    const row = await db.row<LinkRow>({ name, text, values });
    return row && toLink(row);
  };
  return {
    /** Stores the link; one that the account had before ends. */
    async put({ id, tokenHash, accountId, purpose, createdBy, createdAt, expiresAt }: LinkRecord): Promise<void> {
      await db.rows({
        name: 'link-put',
        text: `INSERT INTO one_time_links (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, token_hash = excluded.token_hash, purpose = excluded.purpose,
                 created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at`,
        values: [id, tokenHash, accountId, purpose, createdBy ?? null, createdAt, expiresAt],
      });
    },
    find: (tokenHash: Buffer, now: Date) =>
      one('link-find', `SELECT ${COLUMNS} FROM one_time_links WHERE token_hash = $1 AND expires_at > $2`, [tokenHash, now]),
    /** Takes the link out: of N callers one gets it. */
    take: (tokenHash: Buffer, now: Date) =>
      one('link-take', `DELETE FROM one_time_links WHERE token_hash = $1 AND expires_at > $2 RETURNING ${COLUMNS}`, [tokenHash, now]),
    async removeOf(accountId: string): Promise<void> {
      await db.rows({ name: 'link-remove', text: 'DELETE FROM one_time_links WHERE account_id = $1', values: [accountId] });
    },
    async purge(now: Date): Promise<void> {
      await db.rows({ name: 'link-purge', text: 'DELETE FROM one_time_links WHERE expires_at < $1', values: [now] });
    },
  };
}

/** Setup codes in SQL. */
export function createSetupCodeStore(db: Db) {
  const exists = async (name: string, text: string, values: readonly unknown[]) => (await db.row({ name, text, values })) !== undefined;
  return {
    async insert(codeHash: Buffer, expiresAt: Date): Promise<void> {
      await db.rows({
        name: 'setup-insert',
        text: 'INSERT INTO setup_codes (code_hash, expires_at) VALUES ($1, $2)',
        values: [codeHash, expiresAt],
      });
    },
    isValid: (codeHash: Buffer, now: Date) =>
      exists('setup-find', 'SELECT 1 AS one FROM setup_codes WHERE code_hash = $1 AND expires_at > $2', [codeHash, now]),
    /** Takes the code out: of N callers one gets it. */
    take: (codeHash: Buffer, now: Date) =>
      exists('setup-take', 'DELETE FROM setup_codes WHERE code_hash = $1 AND expires_at > $2 RETURNING 1 AS one', [codeHash, now]),
    async removeAll(): Promise<void> {
      await db.rows({ name: 'setup-remove', text: 'DELETE FROM setup_codes', values: [] });
    },
    async purge(now: Date): Promise<void> {
      await db.rows({ name: 'setup-purge', text: 'DELETE FROM setup_codes WHERE expires_at < $1', values: [now] });
    },
  };
}
