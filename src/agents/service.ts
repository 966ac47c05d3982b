import type { Ids } from '../platform/ids.ts';
import { AppError } from '../platform/errors.ts';
import type { Agent, NewAgent } from './agent.ts';
import { type AgentAudit, type AgentEditor, recordBy } from './agent-event.ts';
import { type AgentEdit, createEditing } from './editing.ts';
import { createEnrolling, type Enrolling } from './family/enrolling.ts';
import { createPlacement } from './family/placement.ts';
import { createResuming, type Resuming } from './family/resuming.ts';
import type { FamilyStore } from './family/store.ts';
import type { AgentStatus } from './lifecycle.ts';
import { ownersBehind } from './owners.ts';
import type { AgentSearchStore } from './search/store.ts';
import { createStatusChanges, noSuchAgent, type StatusDeps, type StatusRequest } from './status.ts';
import type { AgentStore } from './store.ts';

/** What the use cases stand on. */
export interface AgentServiceDeps extends Omit<StatusDeps, 'placement'> {
  readonly audit: Pick<AgentAudit, 'record' | 'recordMany'>;
  readonly family: FamilyStore;
  /** What describes an agent changed; runs inside the transaction that changes it. */
  readonly onEdited?: (before: Agent, after: Agent) => Promise<void>;
  readonly search: Pick<AgentSearchStore, 'list' | 'countByStatus' | 'countMatching'>;
  readonly ids: Ids;
}

/** The registry of agents. Every change is one transaction with its audit event. */
export interface AgentService
  extends Pick<AgentStore, 'find' | 'findByClient' | 'standingOf' | 'clientsOf' | 'clientsOfAll' | 'childrenOf' | 'namesOf'>,
    Pick<AgentSearchStore, 'list' | 'countByStatus' | 'countMatching'>,
    Pick<FamilyStore, 'lineFrom' | 'below' | 'idsActingBelow'>,
    Enrolling,
    Resuming {
  /** @throws {AppError} `not_found`. */
  get(id: string): Promise<Agent>;
  /** @throws {AppError} `invalid_input`, `forbidden` (R8), `conflict` (name or external id taken, owner required). */
  create(input: NewAgent, by: AgentEditor): Promise<Agent>;
  /** @throws {AppError} `not_found`, `invalid_input`, `conflict` (changed meanwhile, name taken, an active agent without owner). */
  update(id: string, edit: AgentEdit, by: AgentEditor): Promise<Agent>;
  /** Compare and set: of two who move it at once one wins. Repeating a move is no error. @throws {AppError} `not_found`, `forbidden`, `conflict`. */
  setStatus(id: string, to: AgentStatus, request: StatusRequest): Promise<Agent>;
  /** Retires it and takes it out of every list; the record and its audit stay. @throws {AppError} `not_found`. */
  remove(id: string, by: AgentEditor): Promise<void>;
  /** Repeating is no error. @throws {AppError} `conflict` when the client stands for another agent, or this one is suspended or retired (R14). */
  linkClient(agentId: string, clientId: string, by: AgentEditor): Promise<void>;
  /** Repeating is no error. */
  unlinkClient(clientId: string, by: AgentEditor): Promise<void>;
  /** Agents an account answers for, itself or through a group, without the retired ones, newest first. */
  ownedBy(accountId: string): Promise<readonly Agent[]>;
}

/** Which client stands for which agent. */
function createLinks({ db, store, clock, audit }: Pick<StatusDeps, 'db' | 'store' | 'clock' | 'audit'>) {
  const linkClient = (agentId: string, clientId: string, by: AgentEditor): Promise<void> =>
    db.transaction(async () => {
      const agent = await store.lock(agentId);
      if (agent === undefined) throw noSuchAgent();
      if (await store.insertClient({ agentId, clientId, at: clock.now() })) {
        // New credentials would outlive the stop (security rule R14).
        if (agent.status === 'suspended' || agent.status === 'retired') {
          throw new AppError('conflict', `The agent is ${agent.status}: it gets no further client.`);
        }
        return recordBy(audit, by, { type: 'agent.updated', agentId, clientId, action: 'client_linked' });
      }
      const holder = await store.findByClient(clientId);
      if (holder?.id !== agentId) throw new AppError('conflict', 'The client stands for another agent.', { member: 'clientId' });
    });
  const unlinkClient = (clientId: string, by: AgentEditor): Promise<void> =>
    db.transaction(async () => {
      const agentId = await store.deleteClient(clientId);
      if (agentId !== undefined) await recordBy(audit, by, { type: 'agent.updated', agentId, clientId, action: 'client_unlinked' });
    });
  return { linkClient, unlinkClient };
}

/** The use cases over the stores. */
export function createAgentService(deps: AgentServiceDeps): AgentService {
  const { db, store, search, family, clock, owners } = deps;
  const placement = createPlacement(deps);
  const { setStatus } = createStatusChanges({ ...deps, placement });
  const editing = createEditing({ ...deps, placement });
  return {
    find: store.find,
    findByClient: store.findByClient,
    standingOf: store.standingOf,
    clientsOf: store.clientsOf,
    clientsOfAll: store.clientsOfAll,
    childrenOf: store.childrenOf,
    namesOf: store.namesOf,
    list: search.list,
    countByStatus: search.countByStatus,
    countMatching: search.countMatching,
    lineFrom: family.lineFrom,
    below: family.below,
    idsActingBelow: family.idsActingBelow,
    ...editing,
    ...createLinks(deps),
    ...createEnrolling({ ...deps, create: editing.create }),
    ...createResuming({ ...deps, find: store.find, setStatus }),
    setStatus,
    async get(id) {
      const agent = await store.find(id);
      if (agent === undefined) throw noSuchAgent();
      return agent;
    },
    remove: (id, by) =>
      db.transaction(async () => {
        const agent = await store.lock(id);
        if (agent === undefined || agent.removedAt !== undefined) throw noSuchAgent();
        await setStatus(id, 'retired', { by });
        await store.markRemoved(id, clock.now());
        await recordBy(deps.audit, by, { type: 'agent.deleted', agentId: id });
      }),
    ownedBy: async (accountId) => store.ownedBy(await ownersBehind(accountId, owners)),
  };
}
