import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { keySet, keysOf } from '../../platform/db/row-set.ts';
import type { Falling } from '../token-record.ts';

/** What ended with one agent of many; a token that two of them stand behind is counted for both. */
export interface FallenAgent extends Falling {
  readonly agentId: string;
  /** One of the tokens, for the audit. */
  readonly firstJti: string;
}

/** The end of many agents' tokens in SQL. */
export interface StoppedAgentsStore {
  /** Ends what the agents act in or are the subject of, and all that was made from it. Agents that held nothing are not in the answer. */
  end(agentIds: readonly string[], cause: string): Promise<FallenAgent[]>;
}

/** As `endStatement` of ../store.ts: rows are locked in one order, and each agent gets a cutoff for tokens that are being written. */
const END = `WITH RECURSIVE stopped AS (SELECT agent_id FROM unnest(${keysOf('$3')}) AS agent_id),
  falling AS (
    SELECT stopped.agent_id, t.jti FROM stopped JOIN token_ledger t ON t.agent_id = stopped.agent_id WHERE t.expires_at > $1
    UNION SELECT falling.agent_id, child.jti FROM falling JOIN token_ledger child ON child.parent_jti = falling.jti),
  locked AS (SELECT t.jti FROM token_ledger t WHERE t.jti IN (SELECT jti FROM falling) AND t.ended_at IS NULL ORDER BY t.jti FOR UPDATE),
  ended AS (UPDATE token_ledger t SET ended_at = $1, end_cause = $2 FROM locked WHERE t.jti = locked.jti
    RETURNING t.jti, t.agent_ids, t.account_id, t.grant_hash),
  cutoff AS (INSERT INTO token_cutoffs (key, transaction_id, ended_at)
    SELECT 'agent:' || agent_id, pg_current_xact_id()::text, $1 FROM stopped ORDER BY agent_id
    ON CONFLICT (key) DO UPDATE SET transaction_id = excluded.transaction_id, ended_at = excluded.ended_at)
  SELECT falling.agent_id AS "agentId", min(t.jti) AS "firstJti", count(DISTINCT t.jti)::int AS tokens,
    count(DISTINCT nullif(named.agent_id, falling.agent_id))::int AS agents,
    count(DISTINCT t.account_id)::int AS people, count(DISTINCT t.grant_hash)::int AS grants
  FROM falling JOIN ended t ON t.jti = falling.jti LEFT JOIN LATERAL unnest(t.agent_ids) AS named(agent_id) ON true
  GROUP BY falling.agent_id`;

/** The store over PostgreSQL. */
export function createStoppedAgentsStore({ db, clock }: { readonly db: Db; readonly clock: Clock }): StoppedAgentsStore {
  return {
    end: (agentIds, cause) => db.rows<FallenAgent>({ name: 'token-end-agents', text: END, values: [clock.now(), cause, keySet(agentIds)] }),
  };
}
