import { AppError } from '../../platform/errors.ts';
import type { ApiCaller } from '../../platform/http/web.ts';
import {
  resourceOf,
  type ScimInput,
  type ScimPrecondition,
  type ScimResource,
  type ScimResourceType,
  scimRefusal,
  wantedOf,
} from '../../scim/index.ts';
import type { By } from '../account.ts';
import { type GroupDraft, groupDefinition, type GroupMember, memberKind, type ProvisionedGroup } from './group-definition.ts';
import { assertVersion, asUniqueness, byOf, type ProvisioningDeps, sourceOf } from './provisioning.ts';

type Caller = Pick<ApiCaller, 'clientId' | 'accountId' | 'hasGovernance'>;

const noSuchGroup = () => new AppError('not_found', 'There is no such group.');

/** Which members a representation adds and takes out. */
function membersToChange(current: readonly GroupMember[], { memberIds }: GroupDraft) {
  const [before, after] = [new Set(current.map(({ id }) => id)), new Set(memberIds)];
  return { added: memberIds.filter((id) => !before.has(id)), removed: [...before].filter((id) => !after.has(id)) };
}

type Changes = ReturnType<typeof membersToChange>;

function asNobody(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
  throw scimRefusal('invalidValue', 'members.value names nobody here.', 'members.value');
}

function createMembership({ clock, audit, service, store, memberAgents }: ProvisioningDeps) {
  const recordAgents = (
    type: 'group.agent_added' | 'group.agent_removed',
    agentIds: readonly string[],
    about: { actor: By; resource: string },
  ) => audit.recordMany(agentIds.map((agentId) => ({ type, agentId, ...about })));
  const byKind = (ids: readonly string[]) => {
    const kinds = Map.groupBy(ids, memberKind);
    return { people: kinds.get('user') ?? [], agents: kinds.get('agent') ?? [] };
  };
  const assertThere = async (agentIds: readonly string[]) => {
    const known = await memberAgents.namesOf(agentIds);
    if (agentIds.some((id) => !known.has(id))) throw scimRefusal('invalidValue', 'members.value names no agent here.', 'members.value');
  };
  /** Who joins comes before who leaves, so that a group whose people change is not empty in between. */
  return async (groupId: string, { added, removed }: Changes, caller: Caller) => {
    const [joining, leaving, actor] = [byKind(added), byKind(removed), byOf(caller)];
    await assertThere(joining.agents);
    if (joining.people.length > 0) await service.addMembers(groupId, joining.people, actor).catch(asNobody);
    if (leaving.people.length > 0) await service.removeMembers(groupId, leaving.people, actor);
    const [came, went] = [
      joining.agents.length === 0 ? [] : await store.addAgents(groupId, joining.agents, clock.now()),
      leaving.agents.length === 0 ? [] : await store.removeAgents(groupId, leaving.agents, clock.now()),
    ];
    if (came.length > 0) await recordAgents('group.agent_added', came, { actor, resource: groupId });
    if (went.length > 0) await recordAgents('group.agent_removed', went, { actor, resource: groupId });
  };
}

/** Groups over SCIM (RFC 7643 §4.2). Who is in a group that owns agents answers for them, so that takes the governance right (R7). */
export function createGroupResourceType(deps: ProvisioningDeps): ScimResourceType<ApiCaller> {
  const { db, clock, service, store, memberAgents, baseUrl } = deps;
  const changeMembers = createMembership(deps);

  const showAll = async (found: readonly ProvisionedGroup[], areMembersShown = true): Promise<readonly ScimResource[]> => {
    const members = areMembersShown ? await store.membersOf(found.map(({ id }) => id)) : new Map<string, readonly GroupMember[]>();
    const agentIds = [...members.values()]
      .flat()
      .filter(({ kind }) => kind === 'agent')
      .map(({ id }) => id);
    const names = await memberAgents.namesOf(agentIds);
    const named = (member: GroupMember) => (member.kind === 'agent' ? { ...member, name: names.get(member.id) ?? '' } : member);
    const isThere = ({ kind, id }: GroupMember) => kind === 'user' || names.has(id);
    return found.map((group) => {
      const shown = (members.get(group.id) ?? []).filter(isThere).map(named);
      return resourceOf(groupDefinition, { ...group, members: shown, baseUrl });
    });
  };
  const show = async (id: string) => {
    const group = await store.findGroup(id);
    const [resource] = group === undefined ? [] : await showAll([group]);
    if (resource === undefined) throw noSuchGroup();
    return resource;
  };
  const held = async (id: string, { ifMatch }: ScimPrecondition) => {
    const group = await store.lockGroup(id);
    if (group === undefined) throw noSuchGroup();
    assertVersion(group.version, ifMatch);
    return group;
  };
  const assertGoverned = async ({ id, isBuiltIn }: ProvisionedGroup, caller: Caller, member: string) => {
    if (caller.hasGovernance || (!isBuiltIn && ((await memberAgents.countByOwner([id])).get(id) ?? 0) === 0)) return;
    throw new AppError(
      'forbidden',
      'This group owns agents: changing who is in it takes the governance right, which this client does not have.',
      {
        member,
      },
    );
  };
  const identify = ({ id, externalId }: Pick<ProvisionedGroup, 'id' | 'externalId'>, draft: GroupDraft, caller: Caller) =>
    draft.externalId === externalId
      ? undefined
      : store.identifyGroup({ id, externalId: draft.externalId, source: sourceOf(caller), at: clock.now() });
  const update = async (current: ProvisionedGroup, input: ScimInput, caller: Caller) => {
    const { id } = current;
    const draft = wantedOf(groupDefinition, input);
    const members = (await store.membersOf([id])).get(id) ?? [];
    const changes = membersToChange(members, draft);
    if (changes.added.length + changes.removed.length > 0) await assertGoverned(current, caller, 'members');
    if (draft.name !== current.name) await service.renameGroup(id, draft.name, byOf(caller)).catch(asUniqueness);
    await identify(current, draft, caller);
    await changeMembers(id, changes, caller);
    return show(id);
  };
  return {
    ...groupDefinition,
    create: (input, caller) =>
      db.transaction(async () => {
        const draft = wantedOf(groupDefinition, input);
        const { id } = await service.createGroup({ name: draft.name }, byOf(caller)).catch(asUniqueness);
        await identify({ id, externalId: undefined }, draft, caller);
        await changeMembers(id, { added: [...draft.memberIds], removed: [] }, caller);
        return show(id);
      }),
    get: show,
    async list(query) {
      const { rows, ...page } = await store.listGroups(query);
      return { resources: await showAll(rows, query.isShown?.('members')), ...page };
    },
    replace: (id, { input, ...precondition }, caller) => db.transaction(async () => update(await held(id, precondition), input, caller)),
    remove: (id, precondition, caller) =>
      db.transaction(async () => {
        await assertGoverned(await held(id, precondition), caller, 'id');
        await service.removeGroup(id, byOf(caller));
      }),
  };
}
