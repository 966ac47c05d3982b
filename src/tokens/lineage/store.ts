import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { type LedgerRow, toToken } from '../ledger-row.ts';
import { isLive } from '../liveness-sql.ts';
import { type Lineage, type LineageToken, MOST_COUNTED } from './lineage.ts';

/** Lineages in SQL. */
export interface LineageStore {
  /** One read, bounded whatever was made from the token; undefined when the ledger does not know it. */
  find(jti: string): Promise<Lineage | undefined>;
  /** The tokens issued under a grant itself, newest first; what was made of them hangs below. */
  begunUnder(grantHash: Buffer, limit: number): Promise<readonly string[]>;
  /** The token that a decision about a client gave. */
  givenBy(decisionId: string, clientId: string): Promise<string | undefined>;
}

type Place = 'above' | 'focus' | 'beside' | 'below';

const PARAMETERS = { now: '$1::timestamptz', ownResources: '$2::text[]' };
/** No chain of actors is that long; one client may go on making narrower tokens for itself. */
const MOST_ABOVE = 12;
const MOST_BESIDE = 3;
const MOST_BELOW = 24;
const DEEPEST_BELOW = 4;
/** How many children of one token are shown: more of the one that was asked for. */
const CHILDREN = 'CASE younger.level WHEN 0 THEN 6 ELSE 3 END';

/** What still works comes first, then what somebody else holds, then what is newest: the rest is left out. */
const FIRST = `(child.ended_at IS NULL AND child.expires_at > $1::timestamptz) DESC, (child.basis IS DISTINCT FROM 'issued_to') DESC,
  child.issued_at DESC, child.jti DESC`;
/** Each step is a look-up by key. */
const parentOf = (younger: string) => `(SELECT t.jti, t.parent_jti FROM token_ledger t WHERE t.jti = ${younger}.parent_jti LIMIT 1)`;

const LINEAGE = `WITH RECURSIVE focus AS (SELECT jti, parent_jti FROM token_ledger WHERE jti = $3),
  above AS (
    SELECT elder.jti, elder.parent_jti, 1 AS level FROM focus, LATERAL ${parentOf('focus')} AS elder
    UNION ALL SELECT elder.jti, elder.parent_jti, younger.level + 1 FROM above AS younger, LATERAL ${parentOf('younger')} AS elder
      WHERE younger.level < ${MOST_ABOVE}),
  beside AS (SELECT child.jti FROM focus JOIN token_ledger child ON child.parent_jti = focus.parent_jti AND child.jti <> focus.jti
    ORDER BY ${FIRST} LIMIT ${MOST_BESIDE}),
  below AS (
    SELECT jti, 0 AS level FROM focus
    UNION ALL SELECT made.jti, younger.level + 1 FROM below AS younger, LATERAL (
      SELECT child.jti FROM token_ledger child WHERE child.parent_jti = younger.jti ORDER BY ${FIRST} LIMIT ${CHILDREN}) AS made
      WHERE younger.level < ${DEEPEST_BELOW}),
  chosen AS (
    SELECT jti, 'above' AS place, -level AS level FROM above
    UNION ALL SELECT jti, 'focus', 0 FROM focus
    UNION ALL SELECT jti, 'beside', 0 FROM beside
    UNION ALL (SELECT jti, 'below', level FROM below WHERE level > 0 LIMIT ${MOST_BELOW}))
  SELECT t.*, chosen.place, ${isLive('t', PARAMETERS)} AS is_live,
    (SELECT count(*)::int FROM (SELECT 1 FROM token_ledger child WHERE child.parent_jti = t.jti LIMIT ${MOST_COUNTED + 1}) AS made) AS child_count
  FROM chosen JOIN token_ledger t ON t.jti = chosen.jti
  ORDER BY chosen.level, t.issued_at, t.jti`;

/** The store over PostgreSQL. `ownResources` are the resources of this server itself. */
export function createLineageStore(deps: {
  readonly db: Db;
  readonly clock: Clock;
  readonly ownResources: readonly string[];
}): LineageStore {
  const { db, clock, ownResources } = deps;
  return {
    async find(jti) {
      const values = [clock.now(), [...ownResources], jti];
      const rows = await db.rows<LedgerRow & { place: Place; child_count: number }>({ name: 'token-lineage', text: LINEAGE, values });
      const at = (wanted: Place): LineageToken[] =>
        rows.filter(({ place }) => place === wanted).map((row) => ({ ...toToken(row), childCount: row.child_count }));
      const [focus] = at('focus');
      return focus && { focus, above: at('above'), beside: at('beside'), below: at('below') };
    },
    async begunUnder(grantHash, limit) {
      const text = 'SELECT jti FROM token_ledger WHERE grant_hash = $1 AND parent_jti IS NULL ORDER BY issued_at DESC, jti DESC LIMIT $2';
      const rows = await db.rows<{ jti: string }>({ name: 'token-begun-under', text, values: [grantHash, limit] });
      return rows.map(({ jti }) => jti);
    },
    async givenBy(decisionId, clientId) {
      // found by the client, of whose tokens of a day there are few; no index is kept for the rare look from a decision
      const text = 'SELECT jti FROM token_ledger WHERE client_id = $1 AND decision_id = $2 LIMIT 1';
      return (await db.row<{ jti: string }>({ name: 'token-given-by', text, values: [clientId, decisionId] }))?.jti;
    },
  };
}
