import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../platform/errors.ts';
import type { ApiCaller } from '../../platform/http/web.ts';
import { resourceOf, type ScimPrecondition, type ScimResource, type ScimResourceType, wantedOf } from '../../scim/index.ts';
import { readEmail, readName } from '../account.ts';
import { assertVersion, asUniqueness, byOf, type ProvisioningDeps, sourceOf } from './provisioning.ts';
import { type ProvisionedUser, type WantedUser, wantedUser } from './user.ts';
import { userDefinition } from './user-definition.ts';

type Caller = Pick<ApiCaller, 'clientId' | 'accountId' | 'hasGovernance'>;

const noSuchPerson = () => new AppError('not_found', 'There is no such person.');
const REASON = 'Deactivated by provisioning.';

const governed = (member: string, what: string) =>
  new AppError('forbidden', `${what} takes the governance right, which this client does not have.`, { member });

/**
 * Security rule R7: whoever may administer, approve or audit is not called, let in or removed by a client without the governance
 * right; nobody is given what another answers for. Shutting people out is always possible: it is the safe direction.
 */
function assertGoverned(current: ProvisionedUser | undefined, wanted: WantedUser, caller: Caller): void {
  if (caller.hasGovernance) return;
  if (wanted.successorId !== current?.account.successorId) throw governed('successor', 'Naming a successor');
  if (current === undefined || current.account.role === 'user') return;
  const { email, status } = current.account;
  if (wanted.email !== email) throw governed('emails', 'Changing the address of somebody who may use the console');
  if (wanted.isActive && status !== 'active') throw governed('active', 'Letting somebody in again who may use the console');
}

/** A client that may not name successors does not mean to take one away by leaving it out: Okta replaces people as a whole. */
function keepingSuccessor(wanted: WantedUser, { account }: ProvisionedUser, caller: Caller): WantedUser {
  return caller.hasGovernance || wanted.successorId !== undefined ? wanted : { ...wanted, successorId: account.successorId };
}

/** Which members of a person an edit changes, by their names. */
function changedMembers({ account, userName, externalId, profile }: ProvisionedUser, wanted: WantedUser): readonly string[] {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['email', account.email, wanted.email],
    ['name', account.name, wanted.name],
    ['userName', userName, wanted.userName],
    ['externalId', externalId, wanted.externalId],
    ['profile', profile, wanted.profile],
  ];
  return pairs.filter(([, before, after]) => !isDeepStrictEqual(before, after)).map(([name]) => name);
}

const checked = (wanted: WantedUser): WantedUser => ({ ...wanted, email: readEmail(wanted.email), name: readName(wanted.name) });

/** People over SCIM (RFC 7643 §4.1): they have no password until they choose one, and no role but `user` until an administrator gives it. */
export function createUserResourceType(deps: ProvisioningDeps): ScimResourceType<ApiCaller> {
  const { db, clock, audit, service, store, baseUrl } = deps;

  const showAll = async (found: readonly ProvisionedUser[]): Promise<readonly ScimResource[]> => {
    const groups = await store.groupsOfUsers(found.map(({ account }) => account.id));
    const shown = found.map(async (user) => {
      const { id, successorId } = user.account;
      const successorName = successorId === undefined ? undefined : await service.nameOf(successorId);
      return resourceOf(userDefinition, { ...user, groups: groups.get(id) ?? [], successorName, baseUrl });
    });
    return Promise.all(shown);
  };
  const show = async (id: string) => {
    const user = await store.findUser(id);
    const [resource] = user === undefined ? [] : await showAll([user]);
    if (resource === undefined) throw noSuchPerson();
    return resource;
  };
  const held = async (id: string, { ifMatch }: ScimPrecondition) => {
    const user = await store.lockUser(id);
    if (user === undefined) throw noSuchPerson();
    assertVersion(user.version, ifMatch);
    return user;
  };
  /** Shutting out comes last: who leaves hands on what the edit left them with. */
  const apply = async (current: ProvisionedUser, wanted: WantedUser, caller: Caller) => {
    const { id, status, successorId } = current.account;
    const by = byOf(caller);
    const members = changedMembers(current, wanted);
    if (members.length > 0) {
      await store.updateUser({ ...wanted, id, source: sourceOf(caller), at: clock.now() });
      await audit.record({ type: 'account.updated', actor: by, subjectId: id, action: members.join(' ') });
    }
    if (wanted.successorId !== successorId) await service.nameSuccessor(id, wanted.successorId, by);
    if (wanted.isActive && status !== 'active') await service.enable(id, by);
    if (!wanted.isActive && status === 'active') await service.disable(id, { by, reason: REASON });
  };
  const wantedIn = (input: Parameters<typeof wantedOf>[1]) => checked(wantedUser(wantedOf(userDefinition, input)));
  return {
    ...userDefinition,
    create: (input, caller) =>
      db.transaction(async () => {
        const wanted = wantedIn(input);
        assertGoverned(undefined, wanted, caller);
        const { id } = await service.create({ email: wanted.email, name: wanted.name, role: 'user' }, byOf(caller)).catch(asUniqueness);
        await apply(await held(id, {}), wanted, caller);
        return show(id);
      }),
    get: show,
    async list(query) {
      const { rows, ...page } = await store.listUsers(query);
      return { resources: await showAll(rows), ...page };
    },
    replace: (id, { input, isPatched = false, ...precondition }, caller) =>
      db.transaction(async () => {
        const asked = wantedIn(input);
        if (!asked.isActive) await deps.lockAdministrators();
        const current = await held(id, precondition);
        const wanted = isPatched ? asked : keepingSuccessor(asked, current, caller);
        assertGoverned(current, wanted, caller);
        await apply(current, wanted, caller);
        return show(id);
      }),
    remove: (id, precondition, caller) =>
      db.transaction(async () => {
        await deps.lockAdministrators();
        const { account } = await held(id, precondition);
        if (account.role !== 'user' && !caller.hasGovernance) throw governed('id', 'Removing somebody who may use the console');
        await service.remove(id, { by: byOf(caller), reason: 'Removed by provisioning.' });
      }),
  };
}
