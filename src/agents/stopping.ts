import type { Clock } from '../platform/clock.ts';
import type { AgentAudit } from './agent-event.ts';
import type { ItemStore } from './certification/items/store.ts';
import type { FamilyStore } from './family/store.ts';
import { createTreeStops, type TreeStops } from './family/stops.ts';

/** What stops stand on; the hooks end what agents hold, in the transaction that stops them. */
export interface StoppingDeps {
  readonly clock: Clock;
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  readonly items: Pick<ItemStore, 'dropStopped'>;
  readonly family: Pick<FamilyStore, 'stopBelow' | 'parentsAmong'>;
  readonly onSuspended: (agentId: string) => Promise<void>;
  readonly onManySuspended: ((agentIds: readonly string[]) => Promise<void>) | undefined;
}

/** Everything that follows from the stop of an agent, whoever stops it. */
export interface Stopping extends TreeStops {
  /** One agent, moved by somebody, who has the tree below it stopped as well. */
  readonly onSuspended: (agentId: string) => Promise<void>;
  /** Many agents that a rule of the server moved: what is below them stops too. */
  readonly onManyMoved: (to: 'underReview' | 'retired') => (agentIds: readonly string[]) => Promise<void>;
}

/** Joins what the registry itself does with the hooks of app.ts: nobody is asked any more whether a stopped agent is still needed. */
export function createStopping({ clock, audit, items, family, ...hooks }: StoppingDeps): Stopping {
  const oneByOne = async (agentIds: readonly string[]) => {
    for (const agentId of agentIds) await hooks.onSuspended(agentId);
  };
  const end = async (agentIds: readonly string[]) => {
    await items.dropStopped(clock.now(), agentIds);
    await (hooks.onManySuspended ?? oneByOne)(agentIds);
  };
  const tree = createTreeStops({ clock, audit, family, onManySuspended: end });
  return {
    ...tree,
    async onSuspended(agentId) {
      await items.dropStopped(clock.now(), [agentId]);
      await hooks.onSuspended(agentId);
    },
    onManyMoved: (to) => async (agentIds) => {
      await end(agentIds);
      await tree.stopBelowAll(agentIds, to);
    },
  };
}
