import { isDeepStrictEqual } from 'node:util';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { ApiCaller } from '../platform/http/web.ts';
import {
  resourceOf,
  type ScimCreated,
  type ScimInput,
  type ScimPrecondition,
  type ScimResource,
  type ScimResourceType,
  scimRefusal,
  weakEtag,
} from '../scim/index.ts';
import { type Agent, isSameOwner, type NewAgent, ownerOf, type RiskLevel, riskLevels } from './agent.ts';
import type { AgentEditor } from './agent-event.ts';
import type { ApplicationStore } from './applications/store.ts';
import type { BatchCreation } from './batch/creation.ts';
import { outcomeOf } from './batch/gathering.ts';
import { rememberAddresses } from './batch/remembered-owners.ts';
import type { OwnerDirectory } from './owners.ts';
import { assertVersion, editorOf, governanceNeeded, scimBaseOf } from './scim-caller.ts';
import { agentDefinition } from './scim-extension.ts';
import { type WantedAgent, wantedBy } from './scim-mapping.ts';
import { governedKept } from './scim-schema.ts';
import type { AgentSearchStore, AgentWithClients } from './search/store.ts';
import type { AgentService } from './service.ts';
import { noSuchAgent } from './status.ts';
import type { AgentStore } from './store.ts';

/** What the resource type stands on. */
export interface AgentScimDeps {
  readonly db: Db;
  readonly service: Pick<AgentService, 'create' | 'update' | 'setStatus' | 'remove'>;
  readonly store: Pick<AgentStore, 'find' | 'lock' | 'clientsOf' | 'namesOf'>;
  readonly search: Pick<AgentSearchStore, 'page'>;
  readonly owners: Pick<OwnerDirectory, 'ownerNames' | 'findByEmail' | 'groupsOfAgents'>;
  readonly applications: Pick<ApplicationStore, 'linksOf'>;
  readonly batch: BatchCreation;
  readonly issuer: URL;
}

type Caller = Pick<ApiCaller, 'clientId' | 'accountId' | 'hasGovernance'>;

/** How far a tree below an agent may grow. */
const governedLimits = ['maxChildren', 'maxChildDepth'] as const;
const STOP_REASON = 'Stopped by provisioning.';

const isLower = (one: RiskLevel = 'medium', other: RiskLevel) => riskLevels.indexOf(one) < riskLevels.indexOf(other);

/** Security rule R7: what decides who may act, and as whom, takes the governance right. Compared with what is stored. */
function assertGoverned({ changes, status }: WantedAgent, caller: Caller, current?: Agent): void {
  if (caller.hasGovernance) return;
  const kept = governedKept.find((name) => !isDeepStrictEqual(changes.provisioned?.[name], current?.provisioned[name]));
  const attribute = [
    ...(isSameOwner(changes.owner, current?.owner) ? [] : ['owners']),
    ...(status === undefined ? [] : ['status']),
    ...(changes.parentId === current?.parentId ? [] : ['parent']),
    ...(kept === undefined ? [] : [kept]),
    ...governedLimits.filter((name) => changes[name] !== current?.[name]),
    // by its risk an owner lets it run alone (R8), and it goes on under review for drift (R5)
    ...(current !== undefined && isLower(changes.riskLevel, current.riskLevel) ? ['riskLevel'] : []),
  ][0];
  if (attribute !== undefined) throw governanceNeeded(attribute);
}

function assertOwned({ changes, status }: WantedAgent, current?: Agent): void {
  const isActive = (status ?? current?.status) === 'active';
  if (isActive && changes.owner === undefined) throw scimRefusal('invalidValue', 'An active agent needs an owner.', 'owners');
}

/** Shows agents; what a whole list names is looked up together. */
function createShowing({ owners, store, applications, issuer }: Pick<AgentScimDeps, 'owners' | 'store' | 'applications' | 'issuer'>) {
  const baseUrl = scimBaseOf(issuer);
  return async (found: readonly AgentWithClients[]): Promise<readonly ScimResource[]> => {
    const agents = found.map(({ agent }) => agent);
    const ids = agents.map(({ id }) => id);
    const [ownerNames, parentNames, groups, links] = await Promise.all([
      owners.ownerNames(agents.flatMap(({ owner }) => owner ?? [])),
      store.namesOf(agents.flatMap(({ parentId }) => parentId ?? [])),
      owners.groupsOfAgents(ids),
      ids.length === 0 ? new Map<string, []>() : applications.linksOf(ids),
    ]);
    return found.map(({ agent, clientIds }) =>
      resourceOf(agentDefinition, {
        agent,
        clientIds,
        ownerName: agent.owner && ownerNames.get(agent.owner.id),
        parentName: agent.parentId === undefined ? undefined : parentNames.get(agent.parentId),
        groups: (groups.get(agent.id) ?? []).map((group) => ({ ...group, type: 'direct' })),
        applications: links.get(agent.id) ?? [],
        baseUrl,
      }),
    );
  };
}

/** An owner who was named by an address instead of an id. @throws {AppError} 400 `invalidValue` when nobody has it. */
export async function withOwner(wanted: WantedAgent, owners: Pick<OwnerDirectory, 'findByEmail'>): Promise<WantedAgent> {
  const { ownerReference } = wanted;
  if (ownerReference === undefined) return wanted;
  const id = ownerReference.includes('@') ? (await owners.findByEmail(ownerReference))?.id : ownerReference;
  const owner = id === undefined ? undefined : ownerOf(id);
  if (owner === undefined) throw scimRefusal('invalidValue', 'The owner is the id or the e-mail address of somebody here.', 'owners');
  return { ...wanted, changes: { ...wanted.changes, owner } };
}

/** What a POST asks for, if this caller may have it (R7). */
async function newAgentIn(input: ScimInput, caller: Caller, owners: Pick<OwnerDirectory, 'findByEmail'>): Promise<NewAgent> {
  const wanted = await withOwner(wantedBy(agentDefinition, input), owners);
  assertGoverned(wanted, caller);
  assertOwned(wanted);
  const { changes, status = 'proposed', ttlMinutes } = wanted;
  if (status !== 'proposed' && status !== 'active') throw scimRefusal('invalidValue', 'A new agent is proposed or active.', 'status');
  return { ...changes, status, ttlMinutes, source: `scim:${caller.clientId}` };
}

function createdOf({ id, createdAt, updatedAt, version }: Agent): ScimCreated {
  return { id, meta: { created: createdAt.toISOString(), lastModified: updatedAt.toISOString(), version: weakEtag(version) } };
}

/** Agents over SCIM (contract "SCIM"): POST, GET, PUT, PATCH, DELETE on `/Agents`, filters in SQL, versions as ETags. */
export function createAgentResourceType(deps: AgentScimDeps): ScimResourceType<ApiCaller> {
  const { db, service, store, search, owners, batch } = deps;
  const wantedIn = (input: ScimInput, current?: Agent) => withOwner(wantedBy(agentDefinition, input, current), owners);
  const showAll = createShowing(deps);
  const show = async (agent: Agent) => {
    const [resource] = await showAll([{ agent, clientIds: await store.clientsOf(agent.id) }]);
    if (resource === undefined) throw noSuchAgent();
    return resource;
  };
  const held = async (id: string, precondition: ScimPrecondition) => {
    const agent = await store.lock(id);
    if (agent === undefined || agent.removedAt !== undefined) throw noSuchAgent();
    assertVersion(agent, precondition);
    return agent;
  };
  /** A stop comes before an edit and a start after it, so that owner and status may change together. */
  const apply = async (current: Agent, { changes, status }: WantedAgent, by: AgentEditor) => {
    const move = async () =>
      status && (await service.setStatus(current.id, status, { by, reason: status === 'active' ? undefined : STOP_REASON }));
    if (status !== 'active') await move();
    const updated = await service.update(current.id, { changes }, by);
    return (status === 'active' ? await move() : undefined) || updated;
  };
  return {
    ...agentDefinition,
    serviceProviderConfig: { agentExtension: { supported: true, agentsSupported: true } },
    create: async (input, caller) => show(await service.create(await newAgentIn(input, caller, owners), editorOf(caller))),
    async createMany(inputs, caller) {
      const remembered = { findByEmail: rememberAddresses(owners) };
      const wanted: (NewAgent | AppError)[] = [];
      for (const input of inputs) wanted.push(await outcomeOf(() => newAgentIn(input, caller, remembered)));
      const made = await batch.createMany(wanted, editorOf(caller));
      return made.map((agent) => (agent instanceof AppError ? agent : createdOf(agent)));
    },
    async get(id) {
      const agent = await store.find(id);
      if (agent === undefined || agent.removedAt !== undefined) throw noSuchAgent();
      return show(agent);
    },
    async list(query) {
      const { rows, ...page } = await search.page(query);
      return { resources: await showAll(rows), ...page };
    },
    replace: (id, { input, ...precondition }, caller) =>
      db.transaction(async () => {
        const current = await held(id, precondition);
        const wanted = await wantedIn(input, current);
        assertGoverned(wanted, caller, current);
        assertOwned(wanted, current);
        return show(await apply(current, wanted, editorOf(caller)));
      }),
    remove: (id, precondition, caller) =>
      db.transaction(async () => {
        await held(id, precondition);
        if (!caller.hasGovernance)
          throw new AppError('forbidden', 'Deleting an agent takes the governance right, which this client does not have.');
        await service.remove(id, editorOf(caller));
      }),
  };
}
