import type { Clock } from '../../platform/clock.ts';
import type { Agent } from '../agent.ts';
import type { AgentAudit, AgentEditor } from '../agent-event.ts';
import type { FamilyStore } from './store.ts';

/** What stopping a tree stands on. */
export interface TreeStopDeps {
  readonly clock: Clock;
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  readonly family: Pick<FamilyStore, 'stopBelow' | 'parentsAmong'>;
  /** Ends what these agents hold, in the transaction that stops them. */
  readonly onManySuspended: (agentIds: readonly string[]) => Promise<void>;
}

/** The server itself: whoever was above ended or lost its owner. */
const REGISTRY: AgentEditor = { kind: 'system', id: 'agents', party: 'system' };

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
  /** The same below each of many that the server moved by a rule of its own. */
  stopBelowAll(agentIds: readonly string[], to: keyof typeof stops): Promise<void>;
}

/** The stops over the store. */
export function createTreeStops({ family, clock, audit, onManySuspended }: TreeStopDeps): TreeStops {
  const stopBelow: TreeStops['stopBelow'] = async ({ id, displayName }, to, by) => {
    const { event: type, words, ...move } = stops[to];
    const reasons = [`Its parent ${displayName} ${words}.`, `${displayName}, above it, ${words}.`] as const;
    const actor = { kind: by.kind, id: by.id };
    const changedBy = by.kind === 'system' ? undefined : by.id;
    for (;;) {
      // An agent that was enrolled or let run while this waited for its parent is seen by the next round only.
      const moved = await family.stopBelow({ ...move, id, reasons, by: changedBy, at: clock.now() });
      if (moved.length === 0) return;
      await audit.recordMany(moved.map(({ id: agentId, reason: cause }) => ({ type, actor, agentId, cause })));
      await onManySuspended(moved.map((one) => one.id));
    }
  };
  return {
    stopBelow,
    async stopBelowAll(agentIds, to) {
      for (const parent of await family.parentsAmong(agentIds)) await stopBelow(parent, to, REGISTRY);
    },
  };
}
