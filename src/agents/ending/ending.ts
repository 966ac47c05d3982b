import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { AgentAudit } from '../agent-event.ts';
import { createEndingStore } from './store.ts';

/** What the end of agents needs. The hooks run in the transaction under way. */
export interface EndingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  /** Ends what these agents hold. */
  readonly onManySuspended: (agentIds: readonly string[]) => Promise<void>;
  /** The agent ended by itself: whatever it authenticated with goes too. */
  readonly onEnded: (agentId: string) => Promise<void>;
}

const BATCH = 100;
const BY = { kind: 'system', id: 'agents' } as const;
const CAUSE = 'validity over';

/**
 * Ends the agents whose time is over: retired, and those that were made for a while removed, with their clients, secrets and
 * tokens. Any number, a batch a transaction; safe to repeat and to run on two servers.
 */
export function createEnding(deps: EndingDeps): () => Promise<void> {
  const { db, clock, audit } = deps;
  const store = createEndingStore(deps);
  const endBatch = () =>
    db.transaction(async () => {
      const ended = await store.retireDue({ at: clock.now(), reason: CAUSE, limit: BATCH });
      if (ended.length === 0) return 0;
      const retired = ended.map(({ id }) => ({ type: 'agent.retired', actor: BY, agentId: id, cause: CAUSE }) as const);
      const deleted = ended
        .filter(({ isRemoved }) => isRemoved)
        .map(({ id }) => ({ type: 'agent.deleted', actor: BY, agentId: id }) as const);
      await audit.recordMany([...retired, ...deleted]);
      await deps.onManySuspended(ended.map(({ id }) => id));
      for (const { id } of ended) await deps.onEnded(id);
      return ended.length;
    });
  return async () => {
    while ((await endBatch()) === BATCH);
  };
}
