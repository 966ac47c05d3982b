import type { Agent } from '../agent.ts';
import type { AgentAudit, AgentEditor } from '../agent-event.ts';
import { isStartedByOwner } from '../lifecycle.ts';
import { isOwnedBy } from '../owners.ts';
import type { StatusDeps, StatusRequest } from '../status.ts';
import type { FamilyStore } from './store.ts';

/** How it went when a tree was to act again. */
export interface TreeResumed {
  readonly agent: Agent;
  /** Those below it that act again, and those that somebody else has to let run. */
  readonly resumed: number;
  readonly left: number;
}

/** What letting a tree act again stands on. */
export type TreeResumeDeps = Pick<StatusDeps, 'db' | 'clock' | 'owners' | 'isSoleAdministrator' | 'onActivated'> & {
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  readonly family: Pick<FamilyStore, 'stoppedBelow' | 'lockBelow' | 'resume'>;
  readonly find: (id: string) => Promise<Agent | undefined>;
  readonly setStatus: (id: string, to: 'active', request: StatusRequest) => Promise<Agent>;
};

/** Lets trees act again. */
export interface Resuming {
  /** How many below the agent would act again with it. */
  countStoppedWith(id: string): Promise<number>;
  /**
   * Lets the agent act, and those below it that were stopped with it; never those that stand still on their own account. Each by the
   * rules of its own: an owner alive, and not by whoever owns it. @throws {AppError} as a change of status, for the agent itself.
   */
  resumeTree(id: string, request: StatusRequest): Promise<TreeResumed>;
}

/** The agent's own stop, and the one above it that it was part of. */
const stopsOf = (agent: Agent | undefined, id: string) => [id, ...(agent?.stoppedWith === undefined ? [] : [agent.stoppedWith])];

type Stopped = Pick<Agent, 'id' | 'parentId'>;

/** Those that may, and stand below nobody who stays stopped. `below`: nearest first. Pure. */
export function resumable<One extends Stopped>(below: readonly One[], may: (agent: One) => boolean): readonly string[] {
  const staying = new Set<string>();
  return below.flatMap((agent) => {
    if (!staying.has(agent.parentId ?? '') && may(agent)) return [agent.id];
    staying.add(agent.id);
    return [];
  });
}

/** The use cases over the store. */
export function createResuming(deps: TreeResumeDeps): Resuming {
  const { db, family, clock, audit, find, setStatus, onActivated, owners } = deps;
  /** Of the owners, each asked once: who is alive, and stays it until the transaction ends; and behind whom the editor stands. */
  const look = async (below: readonly Agent[], by: AgentEditor) => {
    const [alive, own] = [new Set<string>(), new Set<string>()];
    for (const owner of new Map(below.flatMap((one) => (one.owner === undefined ? [] : [[one.owner.id, one.owner] as const]))).values()) {
      if (await owners.holdOwner(owner)) alive.add(owner.id);
      if (by.kind === 'account' && (await isOwnedBy(owner, by.id, owners))) own.add(owner.id);
    }
    const isSole = own.size > 0 && (await deps.isSoleAdministrator?.(by.id)) === true;
    return { alive, own, isSole };
  };
  /** Security rule R8, as for each of them alone. */
  const mayResume = ({ alive, own, isSole }: Awaited<ReturnType<typeof look>>, by: AgentEditor) => {
    const now = clock.now();
    return (agent: Agent) => {
      const { owner, validUntil } = agent;
      if (owner === undefined || !alive.has(owner.id) || (validUntil !== undefined && validUntil <= now)) return false;
      if (!own.has(owner.id)) return by.party !== 'owner';
      return isStartedByOwner(agent, by.id) || (isSole && by.party !== 'owner');
    };
  };
  return {
    countStoppedWith: async (id) => (await family.stoppedBelow(id, stopsOf(await find(id), id))).length,
    resumeTree: (id, request) =>
      db.transaction(async () => {
        const { by } = request;
        const stops = stopsOf(await find(id), id);
        // owners before agents, as when somebody leaves
        const known = await look(await family.stoppedBelow(id, stops), by);
        const agent = await setStatus(id, 'active', request);
        // read again once nobody else moves them: who was stopped meanwhile stays so, and all below
        await family.lockBelow(id, stops);
        const below = await family.stoppedBelow(id, stops);
        const ids = resumable(below, mayResume(known, by));
        const changedBy = by.kind === 'system' ? undefined : by.id;
        const resumed = await family.resume({ ids, by: changedBy, at: clock.now() });
        const actor = { kind: by.kind, id: by.id };
        await audit.recordMany(resumed.map((agentId) => ({ type: 'agent.activated', actor, agentId }) as const));
        for (const agentId of resumed) await onActivated(agentId);
        return { agent, resumed: resumed.length, left: below.length - resumed.length };
      }),
  };
}
