import { AppError } from '../../platform/errors.ts';
import type { Agent } from '../agent.ts';
import { recordBy } from '../agent-event.ts';
import type { AgentStatus } from '../lifecycle.ts';
import type { StatusDeps, StatusRequest } from '../status.ts';
import type { FamilyStore } from './store.ts';

/** What stopping a tree stands on. */
export type TreeStopDeps = Pick<StatusDeps, 'db' | 'clock' | 'audit'> & {
  readonly family: Pick<FamilyStore, 'stopBelow' | 'stoppedBelow'>;
  /** Ends what these agents hold, in the transaction that stops them. */
  readonly onBelowStopped: (agentIds: readonly string[]) => Promise<void>;
};

/** What a stop of an agent does to those below it: whom it moves where, and what they read as the reason. */
const stops = {
  underReview: { from: ['active'], to: 'underReview', event: 'agent.reviewed', words: 'was put under review' },
  suspended: { from: ['active', 'underReview'], to: 'suspended', event: 'agent.suspended', words: 'was suspended' },
  retired: { from: ['active', 'underReview'], to: 'suspended', event: 'agent.suspended', words: 'was retired' },
} as const;

/** Stops whole trees. */
export interface TreeStops {
  /** Everything below the agent that acts, or is under review, stops as it did: one event each, in the transaction under way. */
  stopBelow(agent: Pick<Agent, 'id' | 'displayName'>, to: keyof typeof stops, by: StatusRequest['by']): Promise<void>;
}

/** The stops over the store. */
export function createTreeStops({ family, clock, audit, onBelowStopped }: TreeStopDeps): TreeStops {
  return {
    async stopBelow({ id, displayName }, to, by) {
      const { event, words, ...move } = stops[to];
      const reason = `Its parent ${displayName} ${words}.`;
      const changedBy = by.kind === 'system' ? undefined : by.id;
      for (;;) {
        // An agent that was enrolled or let run while this waited for its parent is seen by the next round only.
        const moved = await family.stopBelow({ ...move, id, reason, by: changedBy, at: clock.now() });
        if (moved.length === 0) return;
        for (const agentId of moved) await recordBy(audit, by, { type: event, agentId, cause: reason });
        await onBelowStopped(moved);
      }
    },
  };
}

/** How it went when a tree was to act again. */
export interface TreeResumed {
  readonly agent: Agent;
  /** Those below it that act again, and those that somebody else has to let run. */
  readonly resumed: number;
  readonly left: number;
}

/** What letting a tree act again stands on. */
export type TreeResumeDeps = Pick<TreeStopDeps, 'db' | 'family'> & {
  readonly find: (id: string) => Promise<Agent | undefined>;
  readonly setStatus: (id: string, to: AgentStatus, request: StatusRequest) => Promise<Agent>;
};

/** The stops that an agent's own and those of the stop that stopped it were part of. */
const stopsOf = (agent: Agent | undefined, id: string) => [id, ...(agent?.stoppedWith === undefined ? [] : [agent.stoppedWith])];

/** Lets trees act again: those that were stopped with an agent, never those that stand still on their own account. */
export function createTreeResume({ db, family, find, setStatus }: TreeResumeDeps) {
  const stoppedWith = async (id: string) => family.stoppedBelow(id, stopsOf(await find(id), id));
  const resumeOne = async (id: string, { by }: StatusRequest): Promise<boolean> => {
    try {
      await setStatus(id, 'active', { by, from: ['suspended', 'underReview'] });
      return true;
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
  };
  return {
    /** How many below the agent would act again with it. */
    countStoppedWith: async (id: string): Promise<number> => (await stoppedWith(id)).length,
    /**
     * Lets the agent act, and those below it that were stopped with it: each by the rules of its own (an owner alive, not by whoever
     * owns it). @throws {AppError} as `setStatus`, for the agent itself.
     */
    resumeTree: (id: string, request: StatusRequest): Promise<TreeResumed> =>
      db.transaction(async () => {
        const below = await stoppedWith(id);
        const agent = await setStatus(id, 'active', request);
        let resumed = 0;
        for (const one of below) if (await resumeOne(one, request)) resumed += 1;
        return { agent, resumed, left: below.length - resumed };
      }),
  };
}
