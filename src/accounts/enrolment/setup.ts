import { hashOf } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { type Account, type By, readEmail, readName } from '../account.ts';
import type { AccountEvents } from '../account-event.ts';
import { checkPassword, type Passwords } from '../password.ts';
import type { AccountStore } from '../store.ts';
import { createSetupCodeStore } from './store.ts';

/** What the first administrator types. */
export interface SetupInput {
  readonly code: string;
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

/** How a server without an administrator gets its first one. */
export interface Setup {
  /**
   * Creates the administrator the environment names if there is none; says once that it is ignored if there is one.
   * @throws {AppError} `invalid_input` when address or password are not acceptable, `conflict` when the address is a person's of another role.
   */
  ensureFirstAdministrator(config: { readonly email: string; readonly password: string } | undefined): Promise<Account | undefined>;
  /** Whether there is no administrator yet. */
  isOpen(): Promise<boolean>;
  /** A code to print: 160 bits, good for 30 minutes and for one administrator; undefined when there is one. Only its hash is kept. */
  makeCode(): Promise<string | undefined>;
  /** Creates the first administrator. @throws {AppError} `invalid_input` naming the member, `conflict` when there is an administrator. */
  redeem(input: SetupInput): Promise<Account>;
  purge(): Promise<void>;
}

const CODE_BYTES = 20;
const CODE_SECONDS = 30 * 60;
const MAX_CODE = 64;

interface Deps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly passwords: Passwords;
}

/** The name in front of the @, until the person gives another one. */
function nameFrom(email: string): string {
  return email.slice(0, email.indexOf('@')) || email;
}

/** First administrators. At most one comes out of it, however many try at once, on however many servers. */
export function createSetup(deps: Deps): Setup {
  const { db, clock, ids, log, audit, store, passwords } = deps;
  const codes = createSetupCodeStore(db);
  const isOpen = async () => (await store.countAdministrators()) === 0;
  const done = () => new AppError('conflict', 'This server has its administrator already.');
  const wrongCode = () =>
    new AppError('invalid_input', 'This code is not one that the server printed, or it ran out. Start the server again for a new one.', {
      member: 'code',
    });

  /** In the transaction under way, with the lock on who administers held. */
  const insertAdministrator = async (person: { email: string; name: string; passwordHash: string }, by: By): Promise<Account> => {
    const account = await store.insert({ id: ids.next('usr'), ...person, role: 'admin', at: clock.now() });
    await audit.record({ type: 'account.created', actor: by, subjectId: account.id, action: 'admin' });
    await audit.record({ type: 'setup.completed', actor: by, subjectId: account.id });
    await codes.removeAll();
    return account;
  };
  return {
    isOpen,
    async ensureFirstAdministrator(config) {
      if (config === undefined) return undefined;
      const ignore = () =>
        log.warn('BEHALF_ADMIN_EMAIL and BEHALF_ADMIN_PASSWORD are ignored: this server has its administrator; remove them');
      if (!(await isOpen())) {
        ignore();
        return undefined;
      }
      const email = readEmail(config.email);
      const passwordHash = await passwords.hash(config.password, { email });
      return db.transaction(async () => {
        await store.lockAdministrators();
        if (await isOpen())
          return insertAdministrator({ email, name: nameFrom(email), passwordHash }, { kind: 'system', id: 'environment' });
        ignore();
        return undefined;
      });
    },
    async makeCode() {
      if (!(await isOpen())) return undefined;
      const code = ids.secret(CODE_BYTES);
      await codes.insert(hashOf(code), secondsAfter(clock.now(), CODE_SECONDS));
      return code;
    },
    async redeem({ code, email, name, password }) {
      if (!(await isOpen())) throw done();
      const codeHash = hashOf(code.trim().slice(0, MAX_CODE + 1));
      // before the costly work: who has no code cannot make the server hash passwords
      if (!(await codes.isValid(codeHash, clock.now()))) throw wrongCode();
      const person = { email: readEmail(email), name: readName(name) };
      checkPassword(password, person);
      const passwordHash = await passwords.hash(password, person);
      return db.transaction(async () => {
        await store.lockAdministrators();
        if (!(await isOpen())) throw done();
        if (!(await codes.take(codeHash, clock.now()))) throw wrongCode();
        return insertAdministrator({ ...person, passwordHash }, { kind: 'system', id: 'setup' });
      });
    },
    purge: () => codes.purge(clock.now()),
  };
}
