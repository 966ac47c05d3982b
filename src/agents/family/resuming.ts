import { AppError } from '../../platform/errors.ts';
import type { Agent, AgentOwner } from '../agent.ts';
import { type AgentEditor, recordBy } from '../agent-event.ts';
import { assertMayActivate, type StatusDeps, type StatusRequest } from '../status.ts';
import type { FamilyStore, StoppedAgent } from './store.ts';

/** How it went when a tree was to act again. */
export interface TreeResumed {
  readonly agent: Agent;
  /** Those below it that act again, and those that somebody else has to let run. */
  readonly resumed: number;
  readonly left: number;
}

/** What letting a tree act again stands on. */
export type TreeResumeDeps = Pick<StatusDeps, 'db' | 'clock' | 'audit' | 'owners' | 'isSoleAdministrator' | 'onActivated'> & {
  readonly family: Pick<FamilyStore, 'stoppedBelow' | 'resume'>;
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

/** Those whose owner lets them run and below nobody who stays stopped. `below`: nearest first. Pure. */
export function resumable(below: readonly StoppedAgent[], isAllowed: (owner: AgentOwner | undefined) => boolean): readonly string[] {
  const staying = new Set<string>();
  return below.flatMap(({ id, parentId, owner }) => {
    if (!staying.has(parentId) && isAllowed(owner)) return [id];
    staying.add(id);
    return [];
  });
}

/** The use cases over the store. */
export function createResuming(deps: TreeResumeDeps): Resuming {
  const { db, family, clock, audit, find, setStatus, onActivated } = deps;
  const stoppedWith = async (id: string) => family.stoppedBelow(id, stopsOf(await find(id), id));
  /** Each owner is judged once, however many agents they have. */
  const ownersWho = async (below: readonly StoppedAgent[], by: AgentEditor): Promise<ReadonlySet<string>> => {
    const allowed = new Set<string>();
    for (const [id, owner] of new Map(below.flatMap((one) => (one.owner === undefined ? [] : [[one.owner.id, one.owner] as const])))) {
      const refusal = await assertMayActivate({ owner }, by, deps).catch((error: unknown) => error);
      if (refusal === undefined) allowed.add(id);
      else if (!(refusal instanceof AppError)) throw refusal;
    }
    return allowed;
  };
  return {
    countStoppedWith: async (id) => (await stoppedWith(id)).length,
    resumeTree: (id, request) =>
      db.transaction(async () => {
        const below = await stoppedWith(id);
        const agent = await setStatus(id, 'active', request);
        const { by } = request;
        const allowed = await ownersWho(below, by);
        const ids = resumable(below, (owner) => owner !== undefined && allowed.has(owner.id));
        const changedBy = by.kind === 'system' ? undefined : by.id;
        const resumed = await family.resume({ ids, by: changedBy, at: clock.now() });
        for (const agentId of resumed) {
          await recordBy(audit, by, { type: 'agent.activated', agentId });
          await onActivated(agentId);
        }
        return { agent, resumed: resumed.length, left: below.length - resumed.length };
      }),
  };
}
