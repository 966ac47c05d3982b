import type { Db } from '../../platform/db/db.ts';

/** An agent that ended; an ephemeral one is removed as well. */
export interface EndedAgent {
  readonly id: string;
  readonly isRemoved: boolean;
}

/** Agents whose time is over, in SQL. */
export interface EndingStore {
  /** Retires up to `limit` agents that end by `at`, those that were made for a while are removed; those somebody changes now are left for the next time. */
  retireDue(due: { readonly at: Date; readonly reason: string; readonly limit: number }): Promise<readonly EndedAgent[]>;
}

/** The store over PostgreSQL. */
export function createEndingStore({ db }: { readonly db: Db }): EndingStore {
  return {
    retireDue: ({ at, reason, limit }) =>
      db.rows<EndedAgent>({
        name: 'agent-retire-due',
        text: `WITH due AS (SELECT id FROM agents WHERE valid_until <= $1 AND status <> 'retired' ORDER BY valid_until LIMIT $3 FOR UPDATE SKIP LOCKED)
          UPDATE agents SET status = 'retired', status_before = status, status_reason = $2, status_changed_by = NULL, status_changed_at = $1,
            acts_under_review = false, stopped_with = NULL,
            removed_at = CASE WHEN ttl_minutes IS NULL THEN NULL ELSE $1 END, version = version + 1, updated_at = $1
          FROM due WHERE agents.id = due.id RETURNING agents.id, agents.removed_at IS NOT NULL AS "isRemoved"`,
        values: [at, reason, limit],
      }),
  };
}
