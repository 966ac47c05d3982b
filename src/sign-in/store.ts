import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';

/** A browser as its owner recognises it. */
export interface BrowserRecord {
  readonly uidHash: Buffer;
  readonly accountId: string;
  /** What the browser says about itself, at most 300 characters. */
  readonly userAgent: string;
  readonly address: string;
  readonly signedInAt: Date;
  readonly lastSeenAt: Date;
}

/** A lasting consent: which grant of the engine holds it. */
export interface ConsentRecord {
  readonly accountId: string;
  readonly clientId: string;
  readonly grantId: string;
  readonly grantedAt: Date;
  readonly updatedAt: Date;
}

/** Consents and browsers in SQL. */
export interface SignInStore {
  findConsent(accountId: string, clientId: string): Promise<ConsentRecord | undefined>;
  /** The one consent of the two, made with `grantId` if there was none; held for this transaction until it ends. */
  claimConsent(consent: { accountId: string; clientId: string; grantId: string; at: Date }): Promise<ConsentRecord>;
  /** Points the consent at another grant, because the one before it is gone. */
  replaceGrant(consent: { accountId: string; clientId: string; grantId: string; at: Date }): Promise<void>;
  /** What a person allowed, the latest first; at most 200. */
  listConsents(accountId: string): Promise<ConsentRecord[]>;
  recordBrowser(browser: BrowserRecord): Promise<void>;
  browsersOf(accountId: string): Promise<BrowserRecord[]>;
  /** Notes that a browser was seen, unless that was noted after `unlessAfter`. */
  touchBrowser(uidHash: Buffer, times: { at: Date; unlessAfter: Date }): Promise<void>;
  /** Removes every consent and browser of a person. */
  forget(accountId: string): Promise<void>;
  /** Removes up to `limit` browsers last seen before `before`; returns how many went. */
  purgeBrowsers(before: Date, limit: number): Promise<number>;
}

interface ConsentRow {
  readonly account_id: string;
  readonly client_id: string;
  readonly grant_id: string;
  readonly granted_at: Date;
  readonly updated_at: Date;
}

interface BrowserRow {
  readonly uid_hash: Buffer;
  readonly account_id: string;
  readonly user_agent: string;
  readonly address: string;
  readonly signed_in_at: Date;
  readonly last_seen_at: Date;
}

const CONSENT = 'account_id, client_id, grant_id, granted_at, updated_at';

function toConsent(row: ConsentRow): ConsentRecord {
  const { account_id: accountId, client_id: clientId, grant_id: grantId, granted_at: grantedAt, updated_at: updatedAt } = row;
  return { accountId, clientId, grantId, grantedAt, updatedAt };
}

function toBrowser(row: BrowserRow): BrowserRecord {
  const { uid_hash: uidHash, account_id: accountId, user_agent: userAgent, address } = row;
  return { uidHash, accountId, userAgent, address, signedInAt: row.signed_in_at, lastSeenAt: row.last_seen_at };
}

function consents(db: Db) {
  return {
    async findConsent(accountId: string, clientId: string) {
      const text = `SELECT ${CONSENT} FROM consents WHERE account_id = $1 AND client_id = $2`;
      const row = await db.row<ConsentRow>({ name: 'consent-find', text, values: [accountId, clientId] });
      return row && toConsent(row);
    },
    async claimConsent({ accountId, clientId, grantId, at }: Parameters<SignInStore['claimConsent']>[0]) {
      const [row] = await db.rows<ConsentRow>({
        name: 'consent-claim',
        text: `INSERT INTO consents (${CONSENT}) VALUES ($1, $2, $3, $4, $4)
               ON CONFLICT (account_id, client_id) DO UPDATE SET updated_at = excluded.updated_at RETURNING ${CONSENT}`,
        values: [accountId, clientId, grantId, at],
      });
      if (row === undefined) throw new Error('The consent was neither inserted nor found');
      return toConsent(row);
    },
    async replaceGrant({ accountId, clientId, grantId, at }: Parameters<SignInStore['replaceGrant']>[0]) {
      const text = 'UPDATE consents SET grant_id = $3, granted_at = $4, updated_at = $4 WHERE account_id = $1 AND client_id = $2';
      await db.rows({ name: 'consent-replace-grant', text, values: [accountId, clientId, grantId, at] });
    },
    async listConsents(accountId: string) {
      const text = `SELECT ${CONSENT} FROM consents WHERE account_id = $1 ORDER BY updated_at DESC LIMIT 200`;
      return (await db.rows<ConsentRow>({ name: 'consent-list', text, values: [accountId] })).map(toConsent);
    },
  };
}

function browsers(db: Db) {
  const columns = 'uid_hash, account_id, user_agent, address, signed_in_at, last_seen_at';
  return {
    async recordBrowser(browser: BrowserRecord) {
      await db.rows({
        name: 'browser-record',
        text: `INSERT INTO browser_sessions (${columns}) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (uid_hash) DO UPDATE SET account_id = excluded.account_id, user_agent = excluded.user_agent,
                 address = excluded.address, last_seen_at = excluded.last_seen_at`,
        values: [browser.uidHash, browser.accountId, browser.userAgent, browser.address, browser.signedInAt, browser.lastSeenAt],
      });
    },
    async browsersOf(accountId: string) {
      const text = `SELECT ${columns} FROM browser_sessions WHERE account_id = $1 ORDER BY last_seen_at DESC LIMIT 200`;
      return (await db.rows<BrowserRow>({ name: 'browser-list', text, values: [accountId] })).map(toBrowser);
    },
    async touchBrowser(uidHash: Buffer, { at, unlessAfter }: { at: Date; unlessAfter: Date }) {
      const text = 'UPDATE browser_sessions SET last_seen_at = $2 WHERE uid_hash = $1 AND last_seen_at < $3';
      await db.rows({ name: 'browser-touch', text, values: [uidHash, at, unlessAfter] });
    },
    purgeBrowsers: (before: Date, limit: number) => purge(db, { table: 'browser_sessions', column: 'last_seen_at', before }, limit),
  };
}

/** The store over PostgreSQL. */
export function createSignInStore(db: Db): SignInStore {
  return {
    ...consents(db),
    ...browsers(db),
    async forget(accountId) {
      for (const table of ['consents', 'browser_sessions'] as const) {
        await db.rows({ name: `sign-in-forget-${table}`, text: `DELETE FROM ${table} WHERE account_id = $1`, values: [accountId] });
      }
    },
  };
}
