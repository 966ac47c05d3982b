import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { type Account, type By, type Group, type OwnerRef, readEmail, readName, type Role } from './account.ts';
import type { AccountEvents } from './account-event.ts';
import { compareAdmitted } from './authentication.ts';
import type { Links, OneTimeLink } from './enrolment/links.ts';
import { checkPassword, type Passwords } from './password.ts';
import type { AccountStore } from './store.ts';
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
export interface AccountService {
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
  /** Shuts somebody out: no sign-in, no token, whatever they own. Nothing happens if they are. @throws {AppError} `not_found`, `conflict` for the last administrator. */
  disable(id: string, how: { by: By; reason: string }): Promise<Account>;
  /** Lets somebody in again. @throws {AppError} `not_found`. */
  enable(id: string, by: By): Promise<Account>;
  /** Ends all other sessions. @throws {AppError} `invalid_input` with member `current` or `password`; `too_many_requests`. */
  changePassword(id: string, change: PasswordChange): Promise<void>;
  /** The role of somebody who is not shut out. */
  activeRoleOf(id: string): Promise<Role | undefined>;
  /** Whether this account may administer and no other can. */
  isSoleAdministrator(id: string): Promise<boolean>;
  /** @throws {AppError} `not_found`. */
  group(id: string): Promise<Group>;
  groupsOf(accountId: string): Promise<Group[]>;
  listGroups(): Promise<Group[]>;
  members(groupId: string): Promise<Account[]>;
  /** @throws {AppError} `invalid_input`, `conflict` when the name is taken. */
  createGroup(input: { name: string }, by: By): Promise<Group>;
  /** Nothing happens if they are in it. @throws {AppError} `not_found`. */
  addMember(groupId: string, accountId: string, by: By): Promise<void>;
  /** Nothing happens if they are not in it. */
  removeMember(groupId: string, accountId: string, by: By): Promise<void>;
  /** How an owner is called and whether anybody stands behind the name; `isAlive` false for ids that name nobody. */
  ownerLabel(owner: OwnerRef): Promise<{ readonly name: string; readonly isAlive: boolean }>;
}

interface Deps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly links: Links;
  readonly onDisabled: (accountId: string) => Promise<void>;
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
        return { name: group?.name ?? 'Nobody', isAlive: group !== undefined };
      }
      const account = await store.find(id);
      return { name: account?.name ?? 'Nobody', isAlive: account?.status === 'active' };
    },
  };
}

function people(deps: Deps, get: AccountService['get']) {
  const { db, clock, ids, audit, store, links } = deps;
  /** Runs with the lock held; at least one active administrator is left afterwards, or nothing has happened. */
  const keepingAnAdministrator = <T>(work: () => Promise<T>): Promise<T> =>
    db.transaction(async () => {
      await store.lockAdministrators();
      const before = await store.countAdministrators();
      const result = await work();
      if (before > 0 && (await store.countAdministrators()) === 0) {
        throw new AppError('conflict', 'This is the last administrator. Make somebody else one first.');
      }
      return result;
    });
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
      keepingAnAdministrator(async () => {
        const before = await get(id);
        if (before.role === role) return before;
        await store.setRole(id, role);
        await audit.record({ type: 'account.role_changed', actor: by, subjectId: id, action: `${before.role} to ${role}` });
        return { ...before, role };
      }),
    disable: (id: string, { by, reason }: { by: By; reason: string }) =>
      keepingAnAdministrator(async () => {
        const account = await get(id);
        if ((await store.setStatus(id, 'disabled', clock.now())) === undefined) return account;
        await links.removeOf(id);
        await deps.throttle.forgetDevices(id);
        await deps.onDisabled(id);
        await audit.record({ type: 'account.disabled', actor: by, subjectId: id, cause: reason.trim().slice(0, 300) || 'no reason given' });
        return { ...account, status: 'disabled' as const };
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

function groupCases({ db, clock, ids, audit, store }: Deps, get: AccountService['get']) {
  const group = async (id: string): Promise<Group> => {
    const found = await store.findGroup(id);
    if (found === undefined) throw new AppError('not_found', 'There is no such group.');
    return found;
  };
  return {
    group,
    groupsOf: (accountId: string) => store.groupsOf(accountId),
    listGroups: () => store.listGroups(),
    members: (groupId: string) => store.members(groupId),
    createGroup: (input: { name: string }, by: By) =>
      db.transaction(async () => {
        const made = { id: ids.next('grp'), name: readName(input.name), isBuiltIn: false, memberCount: 0 };
        await store.insertGroup({ id: made.id, name: made.name, at: clock.now() });
        await audit.record({ type: 'account.updated', actor: by, subjectId: made.id, resource: made.id, action: 'group_created' });
        return made;
      }),
    addMember: (groupId: string, accountId: string, by: By) =>
      db.transaction(async () => {
        const [{ id: resource }, { id: subjectId }] = [await group(groupId), await get(accountId)];
        if (!(await store.addMember(groupId, accountId, clock.now()))) return;
        await audit.record({ type: 'account.updated', actor: by, subjectId, resource, action: 'group_joined' });
      }),
    removeMember: (groupId: string, accountId: string, by: By) =>
      db.transaction(async () => {
        if (!(await store.removeMember(groupId, accountId))) return;
        await audit.record({ type: 'account.updated', actor: by, subjectId: accountId, resource: groupId, action: 'group_left' });
      }),
  };
}

/** The use cases over the store. */
export function createAccountService(deps: Deps): AccountService {
  const reads = reading(deps);
  return { ...reads, ...people(deps, reads.get), ...passwordChanges(deps, reads.get), ...groupCases(deps, reads.get) };
}
