/**
 * The conditions under which a token is alive, as SQL over one row with the ledger's columns. The same text judges a row that
 * is about to be written and one that is read: there is no second opinion (R13). It looks only at the liveness views that the
 * capabilities own, and at the ledger itself.
 */

/** Places in the statement's parameters: `$1` … */
export interface LivenessParameters {
  /** The time from the clock. */
  readonly now: string;
  /** Our own resources as text[]: they need no resource server's record. */
  readonly ownResources: string;
}

/** Clocks of two servers differ by less; statements and idle transactions end sooner (platform/db/db.ts). */
const CUTOFF_SLACK = `interval '60 seconds'`;

/** What can be wrong with a token's parties, in the order in which a refusal names it. */
export const PARTY_FAULTS = ['client', 'agent', 'account', 'grant', 'family', 'resource'] as const;
export type PartyFault = (typeof PARTY_FAULTS)[number];

/**
 * Counted, not EXISTS: PostgreSQL turns that into a join or a hash of the whole table while it is small, and keeps the plan when
 * it is large. A count stays a look-up by key for each row.
 */
function isThere(from: string): string {
  return `(SELECT count(*) FROM ${from}) > 0`;
}

/** SQL that is true when the party of `row` is alive, by party. */
export function partyIsLive(row: string, { now, ownResources }: LivenessParameters): Readonly<Record<PartyFault, string>> {
  // the names inside differ from every name a caller may use for its row: a row that they hid would always be alive
  return {
    client: isThere(`live_clients AS in_clients WHERE in_clients.client_id = ${row}.client_id`),
    agent: `(SELECT count(*) FROM live_agents AS in_agents WHERE in_agents.agent_id = ANY(${row}.agent_ids)
      AND (in_agents.valid_until IS NULL OR in_agents.valid_until > ${now})) = cardinality(${row}.agent_ids)`,
    account: `(${row}.account_id IS NULL OR ${isThere(`live_accounts AS in_accounts WHERE in_accounts.account_id = ${row}.account_id`)})`,
    grant: `(${row}.grant_hash IS NULL OR ${isThere(`live_grants AS in_grants
      WHERE in_grants.grant_hash = ${row}.grant_hash AND (in_grants.expires_at IS NULL OR in_grants.expires_at > ${now})`)})`,
    family: `(${row}.family_hash IS NULL OR NOT ${isThere(`ended_refresh_families AS in_families WHERE in_families.family_hash = ${row}.family_hash`)})`,
    resource: `(${row}.resource = ANY(${ownResources})
      OR ${isThere(`live_resource_servers AS in_resources WHERE in_resources.identifier = ${row}.resource`)})`,
  };
}

/**
 * A cutoff kills what was issued before it. "Before" is not a matter of clocks: a token whose statement did not see the
 * cutoff's transaction was issued before it, even if it was written a moment later. The time only narrows the search.
 */
function isPastCutoffs(row: string): string {
  const keys = `'client:' || ${row}.client_id, 'account:' || ${row}.account_id, 'grant:' || encode(${row}.grant_hash, 'hex'), 'resource:' || ${row}.resource`;
  return `NOT ${isThere(`token_cutoffs AS in_cutoffs
    WHERE in_cutoffs.key = ANY(ARRAY[${keys}] || ARRAY(SELECT 'agent:' || unnest(${row}.agent_ids)))
      AND in_cutoffs.ended_at + ${CUTOFF_SLACK} >= ${row}.issued_at
      AND NOT pg_visible_in_snapshot(in_cutoffs.transaction_id::xid8, ${row}.snapshot::pg_snapshot)`)}`;
}

/** SQL that is true when `row` itself is alive, whatever its ancestors are. */
export function isSelfLive(row: string, parameters: LivenessParameters): string {
  const parties = Object.values(partyIsLive(row, parameters));
  return [`${row}.ended_at IS NULL`, `${row}.expires_at > ${parameters.now}`, ...parties, isPastCutoffs(row)].join('\n AND ');
}

/** SQL that is true when `row` and everything it was made from is alive; an ancestor that is missing counts as dead. */
export function isLive(row: string, parameters: LivenessParameters): string {
  return `(${isSelfLive(row, parameters)} AND (${row}.parent_jti IS NULL OR ${isLineageLive(row, parameters)}))`;
}

/** SQL that is true when all ancestors of `row` are alive. */
export function isLineageLive(row: string, parameters: LivenessParameters): string {
  // each step is a look-up by key, whatever the size of the ledger was when the plan was made
  const above = (younger: string) => `SELECT * FROM token_ledger AS in_ledger WHERE in_ledger.jti = ${younger}.parent_jti LIMIT 1`;
  return `(WITH RECURSIVE ancestors AS (
      (${above(row)}) UNION ALL SELECT elder.* FROM ancestors AS younger, LATERAL (${above('younger')}) AS elder)
    SELECT coalesce(count(*) = max(ancestor.depth) + 1 AND bool_and(${isSelfLive('ancestor', parameters)}), false) FROM ancestors ancestor)`;
}
