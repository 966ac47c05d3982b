import { AppError } from '../platform/errors.ts';
import { type Account, type By, type OwnerRef, readEmail, readName, type Role } from './account.ts';
import { keepingAnAdministrator } from './administrators.ts';
import { compareAdmitted } from './authentication.ts';
import type { Links, OneTimeLink } from './enrolment/links.ts';
import { createGroups, type GroupDeps, type Groups } from './groups.ts';
import { createLeaving, type Leaving, type LeavingDeps } from './leaving/leaving.ts';
import { checkPassword, type Passwords } from './password.ts';
import type { Throttle } from './throttle/throttle.ts';

/** One page of people, newest first. */
export interface AccountPage {
  readonly items: readonly Account[];
  /** How many match in all. */
  readonly total: number;
  /** Pass it as `cursor` for the next page; undefined on the last one. */
  readonly nextCursor: string | undefined;
}

/** A new password, chosen by its owner. */
export interface PasswordChange {
  readonly current: string;
  readonly password: string;
  /** The session that asks: it stays, all others end. */
  readonly sessionUid: string;
  readonly address: string;
  readonly deviceToken: string | undefined;
}

/** People and groups: the use cases. Every change is an audit event in the same transaction. */
export interface AccountService extends Groups, Leaving {
  find(id: string): Promise<Account | undefined>;
  /** Whatever the case it is typed in. */
  findByEmail(email: string): Promise<Account | undefined>;
  /** @throws {AppError} `not_found`. */
  get(id: string): Promise<Account>;
  list(query: { search?: string | undefined; cursor?: string | undefined; limit: number }): Promise<AccountPage>;
  /** Adds a person without a password. @throws {AppError} `invalid_input`, `conflict` when the address is taken. */
  create(input: { email: string; name: string; role: Role }, by: By): Promise<Account>;
  /** Adds a person and makes the link with which they choose their password. @throws as `create`. */
  invite(input: { email: string; name: string; role: Role }, by: By): Promise<{ account: Account; link: OneTimeLink }>;
  /** A new invitation for somebody who has no password yet, a reset link for everybody else. @throws {AppError} `not_found`, `conflict` when disabled. */
  makeLink(id: string, by: By): Promise<OneTimeLink>;
  /** @throws {AppError} `not_found`, `conflict` for the last administrator. */
  setRole(id: string, role: Role, by: By): Promise<Account>;
  /** Lets somebody in again; what they answered for stays where it went. @throws {AppError} `not_found`. */
  enable(id: string, by: By): Promise<Account>;
  /** Ends all other sessions. @throws {AppError} `invalid_input` with member `current` or `password`; `too_many_requests`. */
  changePassword(id: string, change: PasswordChange): Promise<void>;
  /** The role of somebody who is not shut out. */
  activeRoleOf(id: string): Promise<Role | undefined>;
  /** Whether this account may administer and no other can. */
  isSoleAdministrator(id: string): Promise<boolean>;
  /** How an owner is called and whether anybody stands behind the name; `isAlive` false for ids that name nobody. */
  ownerLabel(owner: OwnerRef): Promise<{ readonly name: string; readonly isAlive: boolean }>;
  /** The names of those of these owners that there are, by id. */
  ownerNames(owners: readonly OwnerRef[]): Promise<ReadonlyMap<string, string>>;
  /** What a person is called, or was told to be called once they were removed. */
  nameOf(id: string): Promise<string | undefined>;
}

interface Deps extends Omit<GroupDeps, 'get'>, Omit<LeavingDeps, 'get'> {
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly links: Links;
  readonly endOtherSessions: (accountId: string, exceptSessionUid: string | undefined) => Promise<void>;
}

const MAX_PAGE = 100;

function reading({ store }: Deps) {
  const activeRoleOf = async (id: string) => {
    const account = await store.find(id);
    return account?.status === 'active' ? account.role : undefined;
  };
  return {
    find: (id: string) => store.find(id),
    findByEmail: (email: string) => store.findByEmail(email.trim().toLowerCase()),
    async get(id: string) {
      const account = await store.find(id);
      if (account === undefined) throw new AppError('not_found', 'There is no such person.');
      return account;
    },
    async list({ search, cursor, limit }: Parameters<AccountService['list']>[0]): Promise<AccountPage> {
      const size = Math.min(Math.max(1, limit), MAX_PAGE);
      const term = search?.trim().slice(0, 120);
      const [rows, total] = await Promise.all([store.list({ search: term, cursor, limit: size + 1 }), store.count(term)]);
      const items = rows.slice(0, size);
      return { items, total, nextCursor: rows.length > size ? items.at(-1)?.id : undefined };
    },
    activeRoleOf,
    isSoleAdministrator: async (id: string) => (await activeRoleOf(id)) === 'admin' && (await store.countAdministrators()) === 1,
    async ownerLabel({ kind, id }: OwnerRef) {
      if (kind === 'group') {
        const group = await store.findGroup(id);
        return { name: group?.name ?? 'Nobody', isAlive: group?.isAlive === true };
      }
      return (await store.labelOf(id)) ?? { name: 'Nobody', isAlive: false };
    },
    ownerNames: (owners: readonly OwnerRef[]) => store.namesOf(owners.map(({ id }) => id)),
    nameOf: async (id: string) => (await store.labelOf(id))?.name,
  };
}

function people(deps: Deps, get: AccountService['get']) {
  const { db, clock, ids, audit, store, links } = deps;
  const create: AccountService['create'] = (input, by) =>
    db.transaction(async () => {
      const person = { email: readEmail(input.email), name: readName(input.name), role: input.role };
      const account = await store.insert({ id: ids.next('usr'), ...person, passwordHash: undefined, at: clock.now() });
      await audit.record({ type: 'account.created', actor: by, subjectId: account.id, action: account.role });
      return account;
    });
  return {
    create,
    invite: (input: Parameters<AccountService['invite']>[0], by: By) =>
      db.transaction(async () => {
        const account = await create(input, by);
        return { account, link: await links.make(account, 'invitation', by) };
      }),
    makeLink: (id: string, by: By) =>
      db.transaction(async () => {
        const account = await get(id);
        if (account.status !== 'active') throw new AppError('conflict', 'This person is shut out. Let them in again first.');
        return links.make(account, account.passwordChangedAt === undefined ? 'invitation' : 'reset', by);
      }),
    setRole: (id: string, role: Role, by: By) =>
      keepingAnAdministrator(deps, async () => {
        const before = await get(id);
        if (before.role === role) return before;
        await store.setRole(id, role, clock.now());
        await audit.record({ type: 'account.role_changed', actor: by, subjectId: id, action: `${before.role} to ${role}` });
        return { ...before, role };
      }),
    enable: (id: string, by: By) =>
      db.transaction(async () => {
        const account = await get(id);
        if ((await store.setStatus(id, 'active', clock.now())) === undefined) return account;
        await audit.record({ type: 'account.updated', actor: by, subjectId: id, action: 'enabled' });
        return { ...account, status: 'active' as const };
      }),
  };
}

function passwordChanges(deps: Deps, get: AccountService['get']) {
  const { db, clock, audit, store, passwords, throttle } = deps;
  return {
    async changePassword(id: string, { current, password, sessionUid, address, deviceToken }: PasswordChange) {
      const account = await get(id);
      checkPassword(password, account);
      const admission = await throttle.admitPassword({ email: account.email, accountId: id, address, deviceToken });
      if (!admission.isAllowed) {
        const { retryAfterSeconds } = admission;
        throw new AppError('too_many_requests', `Too many tries. Wait ${retryAfterSeconds} seconds and try again.`, { retryAfterSeconds });
      }
      const stored = await store.passwordHashOf(id);
      const { isRight } = await compareAdmitted(passwords, admission, { stored, password: current });
      if (!isRight) throw new AppError('invalid_input', 'This is not your password now.', { member: 'current' });
      await admission.succeeded();
      const passwordHash = await passwords.hash(password, account);
      await db.transaction(async () => {
        await store.setPassword(id, passwordHash, clock.now());
        await deps.links.removeOf(id);
        await deps.endOtherSessions(id, sessionUid);
        await audit.record({ type: 'account.password_changed', actor: { kind: 'account', id }, subjectId: id, action: 'own' });
      });
    },
  };
}

/** The use cases over the store. */
export function createAccountService(deps: Deps): AccountService {
  const reads = reading(deps);
  const cases = { ...deps, get: reads.get };
  return { ...reads, ...people(deps, reads.get), ...passwordChanges(deps, reads.get), ...createGroups(cases), ...createLeaving(cases) };
}
