import type { Agent } from '../agent.ts';
import { type AgentEditor, recordBy } from '../agent-event.ts';
import type { StatusDeps } from '../status.ts';
import type { FamilyStore } from './store.ts';

/** What stopping a tree stands on. */
export type TreeStopDeps = Pick<StatusDeps, 'clock' | 'audit' | 'onSuspended'> & {
  readonly family: Pick<FamilyStore, 'stopBelow'>;
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
  stopBelow(agent: Pick<Agent, 'id' | 'displayName'>, to: keyof typeof stops, by: AgentEditor): Promise<void>;
}

/** The stops over the store. */
export function createTreeStops({ family, clock, audit, onSuspended }: TreeStopDeps): TreeStops {
  return {
    async stopBelow({ id, displayName }, to, by) {
      const { event, words, ...move } = stops[to];
      const reasons = [`Its parent ${displayName} ${words}.`, `${displayName}, above it, ${words}.`] as const;
      const changedBy = by.kind === 'system' ? undefined : by.id;
      for (;;) {
        // An agent that was enrolled or let run while this waited for its parent is seen by the next round only.
        const moved = await family.stopBelow({ ...move, id, reasons, by: changedBy, at: clock.now() });
        if (moved.length === 0) return;
        for (const { id: agentId, reason: cause } of moved) await recordBy(audit, by, { type: event, agentId, cause });
        await onSuspended(moved.map((one) => one.id));
      }
    },
  };
}
