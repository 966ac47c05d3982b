import { type Account, type Accounts, type AccountsDeps, createAccounts, createPasswords, type Role } from '../../src/accounts/index.ts';
import { createCorrelation } from '../../src/audit/correlation.ts';
import { createAuditService } from '../../src/audit/service.ts';
import { createAuditStore } from '../../src/audit/store.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createVault, type Vault } from '../../src/platform/vault.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

/** People on a database of their own, with the real audit trail behind them. */
export interface TestAccounts {
  readonly accounts: Accounts;
  readonly db: Db;
  readonly vault: Vault;
  readonly database: TestDatabase;
  /** Another server on the same database, with connections of its own. */
  another(): Accounts;
  /** Warnings that were logged. */
  readonly warnings: readonly string[];
  /** Types of the events recorded so far, oldest first. */
  events(): Promise<string[]>;
  /** Somebody who has chosen `PASSWORD`. */
  person(email: string, role?: Role): Promise<Account>;
  close(): Promise<void>;
}

export const PASSWORD = 'correct horse battery';
export const ADDRESS = '203.0.113.7';

const none = async () => undefined;
const nothing = { agentsOf: async () => [], agentCounts: async () => new Map(), grantsOf: async () => [], sessionCount: async () => 0 };

/** Starts them; `deps` overrides hooks and issuer. Passwords cost little here: their real cost is tested where it matters. */
export async function createTestAccounts(deps: Partial<AccountsDeps> = {}): Promise<TestAccounts> {
  const database = await freshDatabase();
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (...args: unknown[]) => void warnings.push(String(args.at(-1))) };
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const opened: Db[] = [];
  const serve = () => {
    const db = createDb({ connection: database.connection, log });
    opened.push(db);
    const parts = { db, clock: systemClock, ids: randomIds, vault, log, issuer: new URL('http://localhost:3000') };
    const audit = createAuditService({ ...parts, store: createAuditStore({ db }), correlation: createCorrelation() });
    const hooks = { onDisabled: none, onRemoved: none, onOwnerGone: none, endOtherSessions: none, surroundings: nothing, memberAgents };
    const passwords = createPasswords({ memoryCost: 1024, timeCost: 2, parallelism: 1 });
    return { db, audit, accounts: createAccounts({ ...parts, audit, ...hooks, passwords, ...deps }) };
  };
  const { db, audit, accounts } = serve();
  return {
    accounts,
    db,
    vault,
    database,
    another: () => serve().accounts,
    warnings,
    events: async () => (await audit.list({ limit: 100 })).events.map(({ event }) => event.type).reverse(),
    async person(email, role = 'user') {
      const { account, link } = await accounts.invite({ email, name: `Person ${email}`, role }, { kind: 'system', id: 'command-line' });
      await redeem(accounts, link.url);
      return accounts.get(account.id);
    },
    async close() {
      for (const each of opened) await each.close();
      await database.drop();
    },
  };
}

/** No agent is in any group, and nobody owns one. */
export const memberAgents = { namesOf: async () => new Map<string, string>(), countByOwner: async () => new Map<string, number>() };

/** Uses an invitation or reset link as its page would, through the redemption that `accounts` offers. */
export async function redeem(accounts: Accounts, url: string, choice: { password?: string; name?: string } = {}): Promise<Account> {
  return accounts.redeemLink(url.slice(url.lastIndexOf('/') + 1), { password: choice.password ?? PASSWORD, name: choice.name });
}
