import type { Db } from '../../platform/db/db.ts';
import { keySet, keysOf } from '../../platform/db/row-set.ts';
import { AppError } from '../../platform/errors.ts';
import { columnsOf, createListing, type ScimFound, type ScimListQuery, scimRefusal } from '../../scim/index.ts';
import { ACCOUNT_COLUMNS, type AccountRow, ADD, changeMembers, REMOVE, toAccount } from '../store.ts';
import { type GroupMember, groupDefinition, type ProvisionedGroup } from './group-definition.ts';
import type { NamedResource, Profile, ProvisionedUser } from './user.ts';
import { userDefinition } from './user-definition.ts';

/** What is written of a person; undefined: nothing. */
export interface UserEdit {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly userName: string | undefined;
  readonly externalId: string | undefined;
  readonly profile: Profile;
  /** Kept if the record has none yet. */
  readonly source: string;
  readonly at: Date;
}

/** People and groups as identity systems see them, in SQL. */
export interface ProvisioningStore {
  /** Held against other writers until the transaction ends. */
  lockUser(id: string): Promise<ProvisionedUser | undefined>;
  findUser(id: string): Promise<ProvisionedUser | undefined>;
  listUsers(query: ScimListQuery): Promise<ScimFound<ProvisionedUser>>;
  /** @throws {AppError} `conflict` (`uniqueness`) when an address, a user name or an external id is taken. */
  updateUser(edit: UserEdit): Promise<void>;
  /** The groups of each of these people. */
  groupsOfUsers(accountIds: readonly string[]): Promise<ReadonlyMap<string, readonly NamedResource[]>>;
  /** The groups of each of these agents. */
  groupsOfAgents(agentIds: readonly string[]): Promise<ReadonlyMap<string, readonly NamedResource[]>>;
  lockGroup(id: string): Promise<ProvisionedGroup | undefined>;
  findGroup(id: string): Promise<ProvisionedGroup | undefined>;
  listGroups(query: ScimListQuery): Promise<ScimFound<ProvisionedGroup>>;
  /** @throws {AppError} `conflict` (`uniqueness`) when the external id is taken. */
  identifyGroup(group: {
    readonly id: string;
    readonly externalId: string | undefined;
    readonly source: string;
    readonly at: Date;
  }): Promise<void>;
  /** Members by group, people first; agents without their names. @throws {AppError} 400 `tooMany` when they are too many for one answer. */
  membersOf(groupIds: readonly string[]): Promise<ReadonlyMap<string, readonly GroupMember[]>>;
  /** Those of them that were not in it. */
  addAgents(groupId: string, agentIds: readonly string[], at: Date): Promise<readonly string[]>;
  /** Those of them that were in it. */
  removeAgents(groupId: string, agentIds: readonly string[], at: Date): Promise<readonly string[]>;
  /** The ids of the first `limit` agents in a group. */
  agentsIn(groupId: string, limit: number): Promise<readonly string[]>;
}

type UserRow = AccountRow & {
  readonly user_name: string | null;
  readonly external_id: string | null;
  readonly profile: Profile | null;
  readonly version: number;
  readonly updated_at: Date | null;
};
interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly is_built_in: boolean;
  readonly external_id: string | null;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date | null;
}

const USER_COLUMNS = `${ACCOUNT_COLUMNS}, user_name, external_id, profile, version, updated_at`
  .split(', ')
  .map((name) => `accounts.${name}`)
  .join(', ');
const USERS = { select: USER_COLUMNS, from: 'accounts', where: 'accounts.removed_at IS NULL', id: 'accounts.id' };
const GROUP_COLUMNS =
  'groups.id, groups.name, groups.is_built_in, groups.external_id, groups.version, groups.created_at, groups.updated_at';
const GROUPS = { select: GROUP_COLUMNS, from: 'groups', where: 'true', id: 'groups.id' };
/** Most members in one answer: a list of large groups is asked for without them. */
const MOST_SHOWN = 20_000;

const toUser = (row: UserRow): ProvisionedUser => ({
  account: toAccount(row),
  userName: row.user_name ?? undefined,
  externalId: row.external_id ?? undefined,
  profile: row.profile ?? {},
  version: row.version,
  updatedAt: row.updated_at ?? row.created_at,
});
const toGroup = (row: GroupRow): ProvisionedGroup => ({
  id: row.id,
  name: row.name,
  isBuiltIn: row.is_built_in,
  externalId: row.external_id ?? undefined,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at ?? row.created_at,
});

const TAKEN: Readonly<Record<string, readonly [member: string, words: string]>> = {
  accounts_email_key: ['emails', 'Somebody with this e-mail address is here already.'],
  accounts_user_name_taken: ['userName', 'Somebody is called this already.'],
  accounts_external_id_taken: ['externalId', 'Somebody else from this source has this externalId.'],
  groups_external_id_taken: ['externalId', 'Another group from this source has this externalId.'],
};

/** Which rule a write broke, in the words of whoever sent it. */
async function refusingTaken(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const taken = TAKEN[(error as { constraint?: string }).constraint ?? ''];
    if (taken === undefined) throw error;
    throw new AppError('conflict', taken[1], { member: taken[0], scimType: 'uniqueness' });
  }
}

type Named = { readonly owner_id: string; readonly id: string; readonly name: string };

function byOwner(rows: readonly Named[]): ReadonlyMap<string, readonly NamedResource[]> {
  const all = new Map<string, NamedResource[]>();
  for (const { owner_id: ownerId, id, name } of rows) all.set(ownerId, [...(all.get(ownerId) ?? []), { id, name }]);
  return all;
}

function users(db: Db) {
  const list = createListing<UserRow>({ db, rows: USERS, columns: columnsOf(userDefinition) });
  const one = async (name: string, rest: string, id: string) => {
    const text = `SELECT ${USER_COLUMNS} FROM accounts WHERE id = $1 AND removed_at IS NULL${rest}`;
    const row = await db.row<UserRow>({ name, text, values: [id] });
    return row && toUser(row);
  };
  const groupsOf = async (name: string, table: 'group_members' | 'group_agents', ids: readonly string[]) => {
    if (ids.length === 0) return new Map();
    const column = table === 'group_members' ? 'account_id' : 'agent_id';
    const text = `SELECT member.${column} AS owner_id, groups.id, groups.name FROM ${table} member JOIN groups ON groups.id = member.group_id
      WHERE member.${column} = ANY(${keysOf('$1')}) ORDER BY groups.name`;
    return byOwner(await db.rows<Named>({ name, text, values: [keySet(ids)] }));
  };
  return {
    findUser: (id: string) => one('user-find', '', id),
    lockUser: (id: string) => one('user-lock', ' FOR NO KEY UPDATE', id),
    async listUsers(query: ScimListQuery) {
      const { rows, ...page } = await list(query);
      return { ...page, rows: rows.map(toUser) };
    },
    updateUser: ({ id, email, name, userName, externalId, profile, source, at }: UserEdit) =>
      refusingTaken(
        db.rows({
          name: 'user-update',
          text: `UPDATE accounts SET email = $2, name = $3, user_name = $4, external_id = $5, profile = $6, source = COALESCE(source, $7),
            version = version + 1, updated_at = $8 WHERE id = $1`,
          values: [id, email, name, userName, externalId, JSON.stringify(profile), source, at],
        }),
      ),
    groupsOfUsers: (ids: readonly string[]) => groupsOf('user-groups', 'group_members', ids),
    groupsOfAgents: (ids: readonly string[]) => groupsOf('agent-groups', 'group_agents', ids),
  };
}

const MEMBERS = `SELECT member.group_id, account.id, 'user' AS kind, account.name FROM group_members member JOIN accounts account ON account.id = member.account_id
    WHERE member.group_id = ANY(${keysOf('$1')}) AND account.removed_at IS NULL
  UNION ALL SELECT group_id, agent_id, 'agent', '' FROM group_agents WHERE group_id = ANY(${keysOf('$1')})
  ORDER BY kind DESC, id LIMIT $2`;

function groups(db: Db) {
  const list = createListing<GroupRow>({ db, rows: GROUPS, columns: columnsOf(groupDefinition) });
  const one = async (name: string, rest: string, id: string) => {
    const row = await db.row<GroupRow>({ name, text: `SELECT ${GROUP_COLUMNS} FROM groups WHERE id = $1${rest}`, values: [id] });
    return row && toGroup(row);
  };
  return {
    findGroup: (id: string) => one('scim-group-find', '', id),
    lockGroup: (id: string) => one('scim-group-lock', ' FOR NO KEY UPDATE', id),
    async listGroups(query: ScimListQuery) {
      const { rows, ...page } = await list(query);
      return { ...page, rows: rows.map(toGroup) };
    },
    identifyGroup: ({ id, externalId, source, at }: { id: string; externalId: string | undefined; source: string; at: Date }) =>
      refusingTaken(
        db.rows({
          name: 'scim-group-identify',
          text: 'UPDATE groups SET external_id = $2, source = COALESCE(source, $3), version = version + 1, updated_at = $4 WHERE id = $1',
          values: [id, externalId, source, at],
        }),
      ),
    async membersOf(groupIds: readonly string[]) {
      const members = new Map<string, GroupMember[]>(groupIds.map((id) => [id, []]));
      if (groupIds.length === 0) return members;
      type Row = { group_id: string; id: string; kind: GroupMember['kind']; name: string };
      const rows = await db.rows<Row>({ name: 'scim-group-members', text: MEMBERS, values: [keySet(groupIds), MOST_SHOWN + 1] });
      if (rows.length > MOST_SHOWN) {
        throw scimRefusal('tooMany', 'These groups have too many members for one answer: ask with excludedAttributes=members.', 'members');
      }
      for (const { group_id: groupId, id, kind, name } of rows) members.get(groupId)?.push({ id, kind, name });
      return members;
    },
    addAgents: (groupId: string, agentIds: readonly string[], at: Date) => changeMembers(db, ADD('agent'), { groupId, ids: agentIds, at }),
    removeAgents: (groupId: string, agentIds: readonly string[], at: Date) =>
      changeMembers(db, REMOVE('agent'), { groupId, ids: agentIds, at }),
    async agentsIn(groupId: string, limit: number) {
      const text = 'SELECT agent_id FROM group_agents WHERE group_id = $1 ORDER BY agent_id LIMIT $2';
      return (await db.rows<{ agent_id: string }>({ name: 'group-agents', text, values: [groupId, limit] })).map((row) => row.agent_id);
    },
  };
}

/** The store over PostgreSQL. */
export function createProvisioningStore(db: Db): ProvisioningStore {
  return { ...users(db), ...groups(db) };
}
