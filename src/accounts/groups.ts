import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { type Account, type By, type Departure, type Group, readName } from './account.ts';
import type { AccountEvents } from './account-event.ts';
import { createLeavingStore } from './leaving/store.ts';
import type { AccountStore } from './store.ts';

/** Several people who answer for something together. */
export interface Groups {
  /** @throws {AppError} `not_found`. */
  group(id: string): Promise<Group>;
  groupsOf(accountId: string): Promise<Group[]>;
  listGroups(): Promise<Group[]>;
  members(groupId: string): Promise<Account[]>;
  /** @throws {AppError} `invalid_input`, `conflict` when the name is taken. */
  createGroup(input: { name: string }, by: By): Promise<Group>;
  /** @throws {AppError} `not_found`, `invalid_input`, `conflict` when the name is taken or the group is built in. */
  renameGroup(id: string, name: string, by: By): Promise<Group>;
  /** What it answered for goes under review. @throws {AppError} `not_found`, `conflict` when it is built in. */
  removeGroup(id: string, by: By): Promise<void>;
  /** Nothing happens if they are in it. @throws {AppError} `not_found`. */
  addMember(groupId: string, accountId: string, by: By): Promise<void>;
  /** The same for any number, in as many statements as for one. */
  addMembers(groupId: string, accountIds: readonly string[], by: By): Promise<void>;
  /** Nothing happens if they are not in it. With the last one alive, what the group answers for goes under review. */
  removeMember(groupId: string, accountId: string, by: By): Promise<void>;
  /** The same for any number, in as many statements as for one. */
  removeMembers(groupId: string, accountIds: readonly string[], by: By): Promise<void>;
}

/** What groups stand on; the hook runs in the transaction under way. */
export interface GroupDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly onOwnerGone: (departure: Departure) => Promise<void>;
}

const noSuchGroup = () => new AppError('not_found', 'There is no such group.');

function membership({ db, clock, audit, store, onOwnerGone }: GroupDeps, group: Groups['group']) {
  const leaving = createLeavingStore(db);
  const record = (
    type: 'group.member_added' | 'group.member_removed',
    accountIds: readonly string[],
    about: { actor: By; resource: string },
  ) => audit.recordMany(accountIds.map((subjectId) => ({ type, subjectId, ...about })));
  const addMembers = (groupId: string, accountIds: readonly string[], by: By) =>
    db.transaction(async () => {
      // held: who is being shut out at this moment is in the group by then, or joins it as somebody who is gone
      const there = new Set(await leaving.holdPeople(accountIds));
      const { id: resource } = await group(groupId);
      if (accountIds.some((id) => !there.has(id))) throw new AppError('not_found', 'There is no such person.');
      const joined = await store.addMembers(groupId, accountIds, clock.now());
      if (joined.length > 0) await record('group.member_added', joined, { actor: by, resource });
    });
  const removeMembers = (groupId: string, accountIds: readonly string[], by: By) =>
    db.transaction(async () => {
      await leaving.lockGroup(groupId);
      const gone = await store.removeMembers(groupId, accountIds, clock.now());
      if (gone.length === 0) return;
      await record('group.member_removed', gone, { actor: by, resource: groupId });
      if ((await leaving.emptied([groupId])).length === 0) return;
      await onOwnerGone({ owner: { kind: 'group', id: groupId }, happened: 'group emptied', successorId: undefined, by });
    });
  return {
    addMembers,
    removeMembers,
    addMember: (groupId: string, accountId: string, by: By) => addMembers(groupId, [accountId], by),
    removeMember: (groupId: string, accountId: string, by: By) => removeMembers(groupId, [accountId], by),
  };
}

/** The use cases over the store. */
export function createGroups(deps: GroupDeps): Groups {
  const { db, clock, ids, audit, store, onOwnerGone } = deps;
  const leaving = createLeavingStore(db);
  const group = async (id: string): Promise<Group> => {
    const found = await store.findGroup(id);
    if (found === undefined) throw noSuchGroup();
    return found;
  };
  const changeable = async (id: string): Promise<Group> => {
    await leaving.lockGroup(id);
    const found = await group(id);
    if (found.isBuiltIn) throw new AppError('conflict', 'This group belongs to the server: it is neither renamed nor deleted.');
    return found;
  };
  return {
    group,
    groupsOf: (accountId) => store.groupsOf(accountId),
    listGroups: () => store.listGroups(),
    members: (groupId) => store.members(groupId),
    ...membership(deps, group),
    createGroup: (input, by) =>
      db.transaction(async () => {
        const made = { id: ids.next('grp'), name: readName(input.name), isBuiltIn: false, memberCount: 0, isAlive: false };
        await store.insertGroup({ id: made.id, name: made.name, at: clock.now() });
        await audit.record({ type: 'group.created', actor: by, resource: made.id });
        return made;
      }),
    renameGroup: (id, name, by) =>
      db.transaction(async () => {
        const before = await changeable(id);
        const wanted = readName(name);
        if (before.name === wanted) return before;
        const renamed = await store.renameGroup(id, wanted, clock.now());
        if (renamed === undefined) throw noSuchGroup();
        await audit.record({ type: 'group.renamed', actor: by, resource: id });
        return renamed;
      }),
    removeGroup: (id, by) =>
      db.transaction(async () => {
        await changeable(id);
        await audit.record({ type: 'group.deleted', actor: by, resource: id });
        await onOwnerGone({ owner: { kind: 'group', id }, happened: 'group deleted', successorId: undefined, by });
        await store.deleteGroup(id);
      }),
  };
}
