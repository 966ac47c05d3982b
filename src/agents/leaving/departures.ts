import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { AgentOwner } from '../agent.ts';
import type { AgentAudit, AgentEditor, AgentEvent } from '../agent-event.ts';
import { createLeavingAgentsStore } from './store.ts';

/** An owner who can answer for nothing any more. */
export interface OwnerDeparture {
  readonly owner: AgentOwner;
  readonly happened: 'person shut out' | 'person removed' | 'group emptied' | 'group deleted';
  /** Who takes over: somebody alive, who stays it until the transaction ends. */
  readonly successorId: string | undefined;
  readonly by: Pick<AgentEditor, 'kind' | 'id'>;
}

/** What a departure needs. The hook runs in the transaction under way. */
export interface DepartureDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  /** Ends what these agents hold. */
  readonly onManySuspended: (agentIds: readonly string[]) => Promise<void>;
}

const BATCH = 500;

/** No name stands here: whoever was removed is forgotten, and the audit keeps this for good. */
const WORDS = {
  'person shut out': 'Its owner was shut out',
  'person removed': 'Its owner was removed',
  'group emptied': 'Nobody is left in the group that owns it',
  'group deleted': 'The group that owns it was deleted',
} as const satisfies Record<OwnerDeparture['happened'], string>;

/** Repeats a statement that takes the next agents until none is left. */
async function untilNone(next: () => Promise<readonly string[]>, tell: (agentIds: readonly string[]) => Promise<void>): Promise<void> {
  for (;;) {
    const agentIds = await next();
    if (agentIds.length > 0) await tell(agentIds);
    if (agentIds.length < BATCH) return;
  }
}

/**
 * Moves on what an owner answered for, in the transaction under way: to the successor, each agent in its state; or, without one,
 * what acts or was about to act goes under review and holds nothing any more. One audit event for each agent. Safe to repeat.
 */
export function createDepartures(deps: DepartureDeps): (departure: OwnerDeparture) => Promise<void> {
  const { db, clock, audit } = deps;
  const store = createLeavingAgentsStore(deps);
  return ({ owner, happened, successorId, by }) =>
    db.transaction(async () => {
      const sweep = { owner, at: clock.now(), limit: BATCH };
      const actor = { kind: by.kind, id: by.id };
      const record = (agentIds: readonly string[], about: Omit<AgentEvent, 'actor' | 'agentId'>) =>
        audit.recordMany(agentIds.map((agentId) => ({ actor, agentId, ...about })));
      if (successorId !== undefined) {
        const about = {
          type: 'agent.owner_changed',
          subjectId: successorId,
          action: 'set',
          cause: `${WORDS[happened]}; the successor takes over.`,
        } as const;
        await untilNone(
          () => store.inherit({ ...sweep, successorId }),
          (agentIds) => record(agentIds, about),
        );
        return;
      }
      const reason = `${WORDS[happened]}, and nobody takes over.`;
      await untilNone(
        () => store.review({ ...sweep, reason, by: by.kind === 'system' ? undefined : by.id }),
        async (agentIds) => {
          await record(agentIds, { type: 'agent.reviewed', cause: reason });
          await deps.onManySuspended(agentIds);
        },
      );
    });
}
