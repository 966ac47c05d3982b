import type { Db } from '../../platform/db/db.ts';
import type { AgentOwner } from '../agent.ts';

/** A change of many agents of one owner. */
export interface Sweep {
  readonly owner: AgentOwner;
  readonly at: Date;
  /** At most so many agents in one statement. */
  readonly limit: number;
}

/** Agents whose owner is gone, in SQL: each statement takes the next ones, so that one owner may have had any number. */
export interface LeavingAgentsStore {
  /** Gives agents that are not retired to a person; which ones. */
  inherit(sweep: Sweep & { readonly successorId: string }): Promise<readonly string[]>;
  /** Puts agents that act, or were about to, under review; which ones. */
  review(sweep: Sweep & { readonly reason: string; readonly by: string | undefined }): Promise<readonly string[]>;
}

/** Locked in the order of their ids, as every statement that takes many agents does. */
const chosen = (condition: string) => `WITH chosen AS (
  SELECT id FROM agents WHERE owner_kind = $1 AND owner_id = $2 AND ${condition} ORDER BY id LIMIT $4 FOR UPDATE)`;

/** The store over PostgreSQL. */
export function createLeavingAgentsStore({ db }: { readonly db: Db }): LeavingAgentsStore {
  const change = async (name: string, text: string, { owner, at, limit }: Sweep, more: readonly unknown[]) => {
    const values = [owner.kind, owner.id, at, limit, ...more];
    return (await db.rows<{ id: string }>({ name, text, values })).map(({ id }) => id);
  };
  return {
    inherit: (sweep) => {
      const text = `${chosen(`status <> 'retired'`)} UPDATE agents SET owner_kind = 'user', owner_id = $5, version = version + 1, updated_at = $3
        FROM chosen WHERE agents.id = chosen.id RETURNING agents.id`;
      return change('agent-inherit', text, sweep, [sweep.successorId]);
    },
    review: (sweep) => {
      const text = `${chosen(`(status IN ('active', 'proposed') OR acts_under_review)`)} UPDATE agents SET status = 'underReview', status_before = status, status_reason = $5,
          status_changed_by = $6, status_changed_at = $3, acts_under_review = false, version = version + 1,
          updated_at = $3
        FROM chosen WHERE agents.id = chosen.id RETURNING agents.id`;
      return change('agent-review-owned', text, sweep, [sweep.reason, sweep.by]);
    },
  };
}
