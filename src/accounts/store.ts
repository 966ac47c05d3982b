import { AppError } from '../platform/errors.ts';
import type { Db } from '../platform/db/db.ts';
import { keySet, keysOf } from '../platform/db/row-set.ts';
import type { Account, Group, Role } from './account.ts';

/** What a new account consists of. */
export interface NewAccount {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string | undefined;
  readonly at: Date;
}

/** One page of people, newest first; `cursor` is the id of the last one on the page before. */
export interface AccountQuery {
  readonly search: string | undefined;
  readonly cursor: string | undefined;
  readonly limit: number;
}

/** People and groups in SQL. Who was removed is found by nothing but `labelOf`. */
export interface AccountStore {
  find(id: string): Promise<Account | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(id: string): Promise<Account | undefined>;
  /** What somebody is called, also after they were removed, and whether they may sign in. */
  labelOf(id: string): Promise<{ readonly name: string; readonly isAlive: boolean } | undefined>;
  /** The same names of many people and groups, by id. */
  namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  findByEmail(email: string): Promise<Account | undefined>;
  /** The account with its password hash, for comparing. */
  findCredentials(email: string): Promise<{ account: Account; passwordHash: string | undefined } | undefined>;
  passwordHashOf(id: string): Promise<string | undefined>;
  list(query: AccountQuery): Promise<Account[]>;
  count(search: string | undefined): Promise<number>;
  /** How many may administer; `lock` first when something depends on it. */
  countAdministrators(): Promise<number>;
  /** Who may administer, oldest first. */
  listAdministrators(): Promise<Account[]>;
  /** Holds back everybody else who changes who administers, until the transaction ends. */
  lockAdministrators(): Promise<void>;
  /** @throws {AppError} `conflict` when the address is taken. */
  insert(account: NewAccount): Promise<Account>;
  setRole(id: string, role: Role, at: Date): Promise<Account | undefined>;
  /** Undefined when the status was the same before. */
  setStatus(id: string, status: Account['status'], at: Date): Promise<Account | undefined>;
  setName(id: string, name: string, at: Date): Promise<void>;
  setPassword(id: string, passwordHash: string, at: Date): Promise<void>;
  /** Stores a better hash of the same password, unless the password was changed meanwhile. */
  replaceHash(id: string, from: string, to: string): Promise<void>;
  setSeen(id: string, at: Date): Promise<void>;
  findGroup(id: string): Promise<Group | undefined>;
  groupsOf(accountId: string): Promise<Group[]>;
  listGroups(): Promise<Group[]>;
  /** @throws {AppError} `conflict` when the name is taken. */
  insertGroup(group: { id: string; name: string; at: Date }): Promise<void>;
  /** Undefined when there is no such group. @throws {AppError} `conflict` when the name is taken. */
  renameGroup(id: string, name: string, at: Date): Promise<Group | undefined>;
  deleteGroup(id: string): Promise<void>;
  /** Those of them that were not in it. */
  addMembers(groupId: string, accountIds: readonly string[], at: Date): Promise<readonly string[]>;
  /** Those of them that were in it. */
  removeMembers(groupId: string, accountIds: readonly string[], at: Date): Promise<readonly string[]>;
  members(groupId: string): Promise<Account[]>;
}

/** A person as PostgreSQL gives them. */
export interface AccountRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: Account['status'];
  readonly created_at: Date;
  readonly password_changed_at: Date | null;
  readonly last_seen_at: Date | null;
  readonly successor_id: string | null;
  readonly password_hash?: string | null;
}

interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly is_built_in: boolean;
  readonly member_count: number;
  readonly is_alive: boolean;
}

/** The columns of an `AccountRow`. */
export const ACCOUNT_COLUMNS = 'id, email, name, role, status, created_at, password_changed_at, last_seen_at, successor_id';
const HERE = 'removed_at IS NULL';
/** What is written with each change that others may see: the version they compare, and when it was. */
const CHANGED = (at: `$${number}`) => `version = version + 1, updated_at = ${at}`;
const GROUP_COLUMNS = `g.id, g.name, g.is_built_in, (SELECT count(*)::int FROM group_members m WHERE m.group_id = g.id) AS member_count,
  EXISTS (SELECT 1 FROM live_groups alive WHERE alive.group_id = g.id) AS is_alive`;
const ADMINISTRATORS_LOCK = 0x61646d69; // "admi"

/** A row in the words of the domain. */
export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    status: row.status,
    createdAt: row.created_at,
    passwordChangedAt: row.password_changed_at ?? undefined,
    lastSeenAt: row.last_seen_at ?? undefined,
    successorId: row.successor_id ?? undefined,
  };
}

function toGroup(row: GroupRow): Group {
  return { id: row.id, name: row.name, isBuiltIn: row.is_built_in, memberCount: row.member_count, isAlive: row.is_alive };
}

/** `%` and `_` typed by a person mean themselves. */
function pattern(search: string | undefined): string | null {
  return search === undefined || search === '' ? null : `%${search.replaceAll(/[\\%_]/g, '\\$&')}%`;
}

function accountReads(db: Db) {
  const one = async (name: string, where: string, value: string) => {
    const row = await db.row<AccountRow>({ name, text: `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE ${where}`, values: [value] });
    return row && toAccount(row);
  };
  const matching = `${HERE} AND ($1::text IS NULL OR name ILIKE $1 OR email ILIKE $1)`;
  return {
    find: (id: string) => one('account-find', `id = $1 AND ${HERE}`, id),
    lock: (id: string) => one('account-lock', `id = $1 AND ${HERE} FOR NO KEY UPDATE`, id),
    async labelOf(id: string) {
      const text = `SELECT name, status = 'active' AS is_alive FROM accounts WHERE id = $1`;
      const row = await db.row<{ name: string; is_alive: boolean }>({ name: 'account-label', text, values: [id] });
      return row && { name: row.name, isAlive: row.is_alive };
    },
    async namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
      if (ids.length === 0) return new Map();
      const text = `SELECT id, name FROM accounts WHERE id = ANY(${keysOf('$1')}) UNION ALL SELECT id, name FROM groups WHERE id = ANY(${keysOf('$1')})`;
      const rows = await db.rows<{ id: string; name: string }>({ name: 'owner-names', text, values: [keySet(ids)] });
      return new Map(rows.map(({ id, name }) => [id, name]));
    },
    findByEmail: (email: string) => one('account-find-email', `email = $1 AND ${HERE}`, email),
    async findCredentials(email: string) {
      const text = `SELECT ${ACCOUNT_COLUMNS}, password_hash FROM accounts WHERE email = $1 AND ${HERE}`;
      const row = await db.row<AccountRow>({ name: 'account-credentials', text, values: [email] });
      return row && { account: toAccount(row), passwordHash: row.password_hash ?? undefined };
    },
    async passwordHashOf(id: string) {
      const text = 'SELECT password_hash FROM accounts WHERE id = $1';
      const row = await db.row<{ password_hash: string | null }>({ name: 'account-password', text, values: [id] });
      return row?.password_hash ?? undefined;
    },
    async list({ search, cursor, limit }: AccountQuery) {
      const text = `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE ${matching} AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`;
      const rows = await db.rows<AccountRow>({ name: 'account-list', text, values: [pattern(search), cursor ?? null, limit] });
      return rows.map(toAccount);
    },
    async count(search: string | undefined) {
      const text = `SELECT count(*)::int AS n FROM accounts WHERE ${matching}`;
      return (await db.row<{ n: number }>({ name: 'account-count', text, values: [pattern(search)] }))?.n ?? 0;
    },
    async countAdministrators() {
      const text = `SELECT count(*)::int AS n FROM accounts WHERE role = 'admin' AND status = 'active'`;
      return (await db.row<{ n: number }>({ name: 'account-count-administrators', text, values: [] }))?.n ?? 0;
    },
    async listAdministrators() {
      const text = `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE role = 'admin' AND status = 'active' ORDER BY id`;
      return (await db.rows<AccountRow>({ name: 'account-administrators', text, values: [] })).map(toAccount);
    },
  };
}

function accountWrites(db: Db) {
  const change = async (name: string, text: string, values: readonly unknown[]) => {
    const row = await db.row<AccountRow>({ name, text: `${text} RETURNING ${ACCOUNT_COLUMNS}`, values });
    return row && toAccount(row);
  };
  const run = async (name: string, text: string, values: readonly unknown[]) => {
    await db.rows({ name, text, values });
  };
  return {
    lockAdministrators: () => run('account-lock-administrators', 'SELECT pg_advisory_xact_lock($1)', [ADMINISTRATORS_LOCK]),
    async insert({ id, email, name, role, passwordHash, at }: NewAccount) {
      const account = await change(
        'account-insert',
        `INSERT INTO accounts (id, email, name, role, status, password_hash, password_changed_at, created_at)
         VALUES ($1, $2, $3, $4, 'active', $5, $6, $7) ON CONFLICT (email) DO NOTHING`,
        [id, email, name, role, passwordHash ?? null, passwordHash === undefined ? null : at, at],
      );
      if (account === undefined) throw new AppError('conflict', 'Somebody with this email address is here already.', { member: 'email' });
      return account;
    },
    setRole: (id: string, role: Role, at: Date) =>
      change('account-role', `UPDATE accounts SET role = $2, ${CHANGED('$3')} WHERE id = $1 AND ${HERE}`, [id, role, at]),
    setStatus: (id: string, status: Account['status'], at: Date) =>
      change(
        'account-status',
        `UPDATE accounts SET status = $2, disabled_at = $3, ${CHANGED('$4')} WHERE id = $1 AND status <> $2 AND ${HERE}`,
        [id, status, status === 'disabled' ? at : null, at],
      ),
    setName: (id: string, name: string, at: Date) =>
      run('account-name', `UPDATE accounts SET name = $2, ${CHANGED('$3')} WHERE id = $1 AND ${HERE}`, [id, name, at]),
    setPassword: (id: string, hash: string, at: Date) =>
      run('account-set-password', `UPDATE accounts SET password_hash = $2, password_changed_at = $3 WHERE id = $1 AND ${HERE}`, [
        id,
        hash,
        at,
      ]),
    replaceHash: (id: string, from: string, to: string) =>
      run('account-replace-hash', 'UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [id, from, to]),
    setSeen: (id: string, at: Date) => run('account-seen', `UPDATE accounts SET last_seen_at = $2 WHERE id = $1 AND ${HERE}`, [id, at]),
  };
}

const nameTaken = () => new AppError('conflict', 'There is a group of this name already.', { member: 'name' });

/** Members joining a group, and leaving it: people, or agents. */
export const ADD = (kind: 'account' | 'agent') =>
  `INSERT INTO group_${kind === 'account' ? 'member' : 'agent'}s (group_id, ${kind}_id, added_at)
    SELECT $1, id, $3 FROM unnest(${keysOf('$2')}) AS each(id) ON CONFLICT DO NOTHING RETURNING group_id, ${kind}_id AS id`;
export const REMOVE = (kind: 'account' | 'agent') =>
  `DELETE FROM group_${kind === 'account' ? 'member' : 'agent'}s WHERE group_id = $1 AND ${kind}_id = ANY(${keysOf('$2')}) RETURNING group_id, ${kind}_id AS id`;

/** One statement for any number of members; the group has a new version when anybody joined or left. Returns who did. */
export async function changeMembers(
  db: Db,
  change: string,
  { groupId, ids, at }: { readonly groupId: string; readonly ids: readonly string[]; readonly at: Date },
): Promise<readonly string[]> {
  const text = `WITH moved AS (${change}), changed AS (UPDATE groups SET ${CHANGED('$3')} WHERE id IN (SELECT group_id FROM moved))
    SELECT id FROM moved`;
  const rows = await db.rows<{ id: string }>({ name: '', text, values: [groupId, keySet(ids), at] });
  return rows.map(({ id }) => id);
}

function groups(db: Db) {
  return {
    async findGroup(id: string) {
      const text = `SELECT ${GROUP_COLUMNS} FROM groups g WHERE g.id = $1`;
      const row = await db.row<GroupRow>({ name: 'group-find', text, values: [id] });
      return row && toGroup(row);
    },
    async groupsOf(accountId: string) {
      const text = `SELECT ${GROUP_COLUMNS} FROM groups g JOIN group_members o ON o.group_id = g.id WHERE o.account_id = $1 ORDER BY g.name`;
      return (await db.rows<GroupRow>({ name: 'group-of-account', text, values: [accountId] })).map(toGroup);
    },
    async listGroups() {
      const text = `SELECT ${GROUP_COLUMNS} FROM groups g ORDER BY g.name LIMIT 1000`;
      return (await db.rows<GroupRow>({ name: 'group-list', text, values: [] })).map(toGroup);
    },
    async insertGroup({ id, name, at }: { id: string; name: string; at: Date }) {
      const text = `INSERT INTO groups (id, name, is_built_in, created_at) VALUES ($1, $2, false, $3) ON CONFLICT (name) DO NOTHING RETURNING id`;
      const row = await db.row({ name: 'group-insert', text, values: [id, name, at] });
      if (row === undefined) throw nameTaken();
    },
    async renameGroup(id: string, name: string, at: Date) {
      try {
        const text = `UPDATE groups g SET name = $2, ${CHANGED('$3')} WHERE g.id = $1 RETURNING ${GROUP_COLUMNS}`;
        const row = await db.row<GroupRow>({ name: 'group-rename', text, values: [id, name, at] });
        return row && toGroup(row);
      } catch (error) {
        throw (error as { constraint?: string }).constraint === 'groups_name_key' ? nameTaken() : error;
      }
    },
    async deleteGroup(id: string) {
      await db.rows({ name: 'group-delete', text: 'DELETE FROM groups WHERE id = $1', values: [id] });
    },
    addMembers: (groupId: string, accountIds: readonly string[], at: Date) =>
      changeMembers(db, ADD('account'), { groupId, ids: accountIds, at }),
    removeMembers: (groupId: string, accountIds: readonly string[], at: Date) =>
      changeMembers(db, REMOVE('account'), { groupId, ids: accountIds, at }),
    async members(groupId: string) {
      const columns = ACCOUNT_COLUMNS.replaceAll(/\w+/g, 'a.$&');
      const text = `SELECT ${columns} FROM accounts a JOIN group_members m ON m.account_id = a.id WHERE m.group_id = $1 AND a.${HERE} ORDER BY a.name LIMIT 1000`;
      return (await db.rows<AccountRow>({ name: 'group-members', text, values: [groupId] })).map(toAccount);
    },
  };
}

/** The store over PostgreSQL. */
export function createAccountStore(db: Db): AccountStore {
  return { ...accountReads(db), ...accountWrites(db), ...groups(db) };
}
