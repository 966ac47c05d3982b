import type { AuditRow } from '../audit/index.ts';
import { AUDIT_COLUMNS, valuesOf } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';
import { COLUMNS, columnValues, type LedgerRow, toToken } from './ledger-row.ts';
import type { Companion } from './issuance.ts';
import { isLineageLive, isLive, isSelfLive, PARTY_FAULTS, type PartyFault, partyIsLive } from './liveness-sql.ts';
import type { Falling, KnownToken, NewToken, TokenSelector } from './token-record.ts';
import { selectedId } from './token-record.ts';

/** What a list of live tokens may be narrowed to; `cursor` is what the page before gave. */
export interface LiveTokenFilter {
  readonly clientId?: string;
  readonly agentId?: string;
  readonly accountId?: string;
  readonly resource?: string;
  readonly grantHash?: Buffer;
  readonly cursor?: { readonly issuedAt: Date; readonly jti: string };
  readonly limit: number;
}

/** What is alive at one moment. */
export interface LiveSummary {
  readonly tokens: number;
  readonly agents: number;
  readonly people: number;
  readonly resources: number;
}

/** A scope of a resource and how many live tokens carry it. */
export interface GrantedScope {
  readonly resource: string;
  readonly scope: string;
  readonly tokens: number;
}

/** A live token of a list, with how many live tokens were made from it directly. */
export interface ListedToken extends KnownToken {
  readonly childCount: number;
}

/** What ended with a selection; `firstJti` names one of the tokens. */
export interface Ended extends Falling {
  readonly firstJti: string | undefined;
}

/** What a new token stands on that is dead; `actor` is the acting agent, `agent` any agent in the chain. */
export type Fault = PartyFault | 'actor' | 'parent';

/** SQL of the ledger. One statement each. */
export interface TokenStore {
  /**
   * Writes token, audit event and companion if everything the token stands on is alive at that moment, and returns when it
   * expires: never later than its parent. Undefined, and nothing written, when something is dead.
   */
  insertIfLive(token: NewToken, rows: { readonly event: AuditRow; readonly companion: Companion | undefined }): Promise<Date | undefined>;
  /** What of a new token is dead; empty when nothing is (any more). */
  faultsOf(token: NewToken): Promise<readonly Fault[]>;
  find(jti: string): Promise<KnownToken | undefined>;
  listLive(filter: LiveTokenFilter): Promise<ListedToken[]>;
  countLive(filter: Omit<LiveTokenFilter, 'cursor' | 'limit'>): Promise<number>;
  /** Everything that is alive: tokens, agents in them, people and resources they are for. */
  summarise(): Promise<LiveSummary>;
  /** The scopes that most live tokens carry. */
  mostGranted(limit: number): Promise<GrantedScope[]>;
  /** Ends the selection and what was made from it; whoever ends a token first counts it. */
  end(selector: TokenSelector, cause: string): Promise<Ended>;
  countFalling(selector: TokenSelector): Promise<Falling>;
  /** Whether client and person (if there is one) are alive: for tokens that are not in the ledger. */
  arePartiesLive(clientId: string, accountId: string | undefined): Promise<boolean>;
  /** Removes up to `limit` rows that ended their use a day ago. */
  purge(limit: number): Promise<number>;
}

const DAY = 86_400;
/** No token lives that long: after it a cutoff has nothing left to kill. */
const CUTOFF_DAYS = 31;

const NAMES = COLUMNS.map(([name]) => name).join(', ');
/** Materialized, so that no plan depends on the values: PostgreSQL then keeps one plan instead of making one for each token. */
const CANDIDATE = `candidate AS MATERIALIZED (SELECT ${COLUMNS.map(([name, type], index) => `$${index + 3}::${type} AS ${name}`).join(', ')},
  pg_current_snapshot()::text AS snapshot, NULL::timestamptz AS ended_at)`;
const AUDIT_PLACES = AUDIT_COLUMNS.split(', ').map((_name, index) => `$${COLUMNS.length + 3 + index}`);
const AUDIT_TYPES = ['text', 'timestamptz', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'jsonb', 'text'];
const PARAMETERS = { now: '$1::timestamptz', ownResources: '$2::text[]' };
const PARENT_ALLOWS = `(fresh.parent_jti IS NULL OR ${isLineageLive('fresh', PARAMETERS)})`;
/** A child is never longer-lived than its parent, not by the second that passes while it is made. */
const EXPIRY = 'least(fresh.expires_at, parent.expires_at)';

/** `companion`: a further part of the statement, over the rows of `ledger`. */
const insertStatement = (companion: string): string => `WITH ${CANDIDATE},
  ledger AS (
    INSERT INTO token_ledger (${NAMES}, snapshot, root_jti, depth)
    SELECT ${COLUMNS.map(([name]) => (name === 'expires_at' ? EXPIRY : `fresh.${name}`)).join(', ')}, fresh.snapshot, coalesce(parent.root_jti, fresh.jti), coalesce(parent.depth + 1, 0)
    FROM candidate AS fresh LEFT JOIN token_ledger parent ON parent.jti = fresh.parent_jti
    WHERE ${isSelfLive('fresh', PARAMETERS)} AND ${PARENT_ALLOWS}
    RETURNING expires_at),
  event AS (INSERT INTO audit_events (${AUDIT_COLUMNS}) SELECT ${AUDIT_PLACES.map((place, index) => `${place}::${AUDIT_TYPES[index]}`).join(', ')} FROM ledger)${companion}
  SELECT expires_at FROM ledger`;
const INSERT = insertStatement('');

/** Places of a companion's values begin after those of token and event. */
function companionPart({ table, columns }: Companion): string {
  const first = COLUMNS.length + AUDIT_PLACES.length + 3;
  const places = columns.map(([, type], index) => `$${first + index}::${type}`);
  return `,\n  companion AS (INSERT INTO ${table} (${columns.map(([name]) => name).join(', ')}) SELECT ${places.join(', ')} FROM ledger)`;
}

const FAULTS = `WITH ${CANDIDATE} SELECT ${Object.entries(partyIsLive('fresh', PARAMETERS))
  .map(([name, condition]) => `${condition} AS ${name}`)
  .join(', ')}, ${PARENT_ALLOWS} AS parent, ${partyIsLive('actor', PARAMETERS).agent} AS actor
  FROM candidate AS fresh, LATERAL (SELECT array_remove(ARRAY[fresh.agent_id], NULL) AS agent_ids) AS actor`;

/** Where a cascade begins, over `t`, with the value of the selector as `$3`. */
const SELECTED: Readonly<Record<TokenSelector['by'], string>> = {
  jti: 't.jti = $3',
  client: 't.client_id = $3',
  agent: 't.agent_id = $3',
  account: 't.account_id = $3',
  grant: `t.grant_hash = decode($3, 'hex')`,
  resource: 't.resource = $3',
};

/** The selection and all its descendants; UNION, so that a token reached twice counts once. */
function fallingOf(selector: TokenSelector): string {
  return `WITH RECURSIVE falling AS (
    SELECT t.jti FROM token_ledger t WHERE ${SELECTED[selector.by]} AND t.expires_at > $1
    UNION SELECT child.jti FROM falling JOIN token_ledger child ON child.parent_jti = falling.jti)`;
}

const COUNTS = `count(DISTINCT t.jti)::int AS tokens, count(DISTINCT nullif(named.agent_id, $3))::int AS agents,
  count(DISTINCT t.account_id)::int AS people, count(DISTINCT t.grant_hash)::int AS grants`;
const NAMED = 'LEFT JOIN LATERAL unnest(t.agent_ids) AS named(agent_id) ON true';

/** Rows are locked in one order, so that two cascades that meet wait for each other instead of ending in a deadlock. */
function endStatement(selector: TokenSelector): string {
  const cutoff = `, cutoff AS (INSERT INTO token_cutoffs (key, transaction_id, ended_at) VALUES ($4, pg_current_xact_id()::text, $1)
    ON CONFLICT (key) DO UPDATE SET transaction_id = excluded.transaction_id, ended_at = excluded.ended_at)`;
  return `${fallingOf(selector)},
    locked AS (SELECT t.jti FROM token_ledger t WHERE t.jti IN (SELECT jti FROM falling) AND t.ended_at IS NULL ORDER BY t.jti FOR UPDATE),
    ended AS (UPDATE token_ledger t SET ended_at = $1, end_cause = $2 FROM locked WHERE t.jti = locked.jti
      RETURNING t.jti, t.agent_ids, t.account_id, t.grant_hash)${selector.by === 'jti' ? '' : cutoff}
    SELECT ${COUNTS}, min(t.jti) AS "firstJti" FROM ended t ${NAMED}`;
}

const FILTER = `($3::text IS NULL OR t.client_id = $3) AND ($4::text IS NULL OR $4 = ANY(t.agent_ids)) AND ($5::text IS NULL OR t.account_id = $5)
  AND ($6::text IS NULL OR t.resource = $6) AND ($7::bytea IS NULL OR t.grant_hash = $7)`;
const LIVE_ROW = `t.expires_at > $1 AND ${isLive('t', PARAMETERS)}`;

/** The ledger over PostgreSQL. `ownResources` are the resources of this server itself. */
export function createTokenStore(deps: { db: Db; clock: Clock; ownResources: readonly string[] }): TokenStore {
  const { db, clock } = deps;
  const own = [...deps.ownResources];
  const filterValues = ({ clientId, agentId, accountId, resource, grantHash }: Omit<LiveTokenFilter, 'limit'>) => [
    ...[clock.now(), own, clientId, agentId, accountId, resource, grantHash],
  ];
  const texts = new Map<string, string>();
  const withCompanion = (companion: Companion): string => {
    const known = texts.get(companion.table) ?? insertStatement(companionPart(companion));
    texts.set(companion.table, known);
    return known;
  };
  return {
    async insertIfLive(token, { event, companion }) {
      const values = [clock.now(), own, ...columnValues(token), ...valuesOf(event)];
      const statement =
        companion === undefined
          ? { name: 'token-insert', text: INSERT, values }
          : { name: `token-insert-with-${companion.table}`, text: withCompanion(companion), values: [...values, ...companion.values] };
      return (await db.row<{ expires_at: Date }>(statement))?.expires_at;
    },
    async faultsOf(token) {
      const values = [clock.now(), own, ...columnValues(token)];
      const row = await db.row<Record<string, boolean>>({ name: 'token-faults', text: FAULTS, values });
      return ([...PARTY_FAULTS, 'actor', 'parent'] as const).filter((name) => row?.[name] !== true);
    },
    async find(jti) {
      const text = `SELECT t.*, ${isLive('t', PARAMETERS)} AS is_live FROM token_ledger t WHERE t.jti = $3`;
      const row = await db.row<LedgerRow>({ name: 'token-find', text, values: [clock.now(), own, jti] });
      return row && toToken(row);
    },
    async listLive(filter) {
      const rows = await db.rows<LedgerRow & { child_count: number }>({
        name: 'token-list-live',
        text: `SELECT t.*, true AS is_live, (SELECT count(*)::int FROM token_ledger child WHERE child.parent_jti = t.jti AND child.ended_at IS NULL
                 AND child.expires_at > $1) AS child_count
               FROM token_ledger t WHERE ${FILTER} AND ${LIVE_ROW} AND ($8::timestamptz IS NULL OR (t.issued_at, t.jti) < ($8, $9::text))
               ORDER BY t.issued_at DESC, t.jti DESC LIMIT $10`,
        values: [...filterValues(filter), filter.cursor?.issuedAt, filter.cursor?.jti, filter.limit],
      });
      return rows.map((row) => ({ ...toToken(row), childCount: row.child_count }));
    },
    async countLive(filter) {
      const text = `SELECT count(*)::int AS count FROM token_ledger t WHERE ${FILTER} AND ${LIVE_ROW}`;
      const row = await db.row<{ count: number }>({ name: 'token-count-live', text, values: filterValues(filter) });
      return row?.count ?? 0;
    },
    async summarise() {
      const text = `SELECT count(*)::int AS tokens, count(DISTINCT t.account_id)::int AS people, count(DISTINCT t.resource)::int AS resources,
        (SELECT count(DISTINCT holder.agent_id)::int FROM token_ledger t, unnest(t.agent_ids) AS holder(agent_id) WHERE ${isLive('t', PARAMETERS)}) AS agents
        FROM token_ledger t WHERE ${isLive('t', PARAMETERS)}`;
      const row = await db.row<LiveSummary>({ name: 'token-summary', text, values: [clock.now(), own] });
      return row ?? { tokens: 0, agents: 0, people: 0, resources: 0 };
    },
    mostGranted: (limit) =>
      db.rows<GrantedScope>({
        name: 'token-most-granted',
        text: `SELECT t.resource, held.scope, count(*)::int AS tokens FROM token_ledger t, unnest(string_to_array(t.scope, ' ')) AS held(scope)
          WHERE held.scope <> '' AND ${isLive('t', PARAMETERS)} GROUP BY t.resource, held.scope ORDER BY tokens DESC, t.resource, held.scope LIMIT $3`,
        values: [clock.now(), own, limit],
      }),
    async end(selector, cause) {
      const value = selectedId(selector);
      const values = [clock.now(), cause, value, ...(selector.by === 'jti' ? [] : [`${selector.by}:${value}`])];
      const row = await db.row<Falling & { firstJti: string | null }>({
        name: `token-end-${selector.by}`,
        text: endStatement(selector),
        values,
      });
      const { firstJti, ...counts } = row ?? { tokens: 0, agents: 0, people: 0, grants: 0, firstJti: null };
      return { ...counts, firstJti: firstJti ?? undefined };
    },
    async countFalling(selector) {
      const row = await db.row<Falling>({
        name: `token-falling-${selector.by}`,
        text: `${fallingOf(selector)} SELECT ${COUNTS} FROM token_ledger t ${NAMED} WHERE t.jti IN (SELECT jti FROM falling) AND ${isLive('t', PARAMETERS)}`,
        values: [clock.now(), own, selectedId(selector)],
      });
      return row ?? { tokens: 0, agents: 0, people: 0, grants: 0 };
    },
    async arePartiesLive(clientId, accountId) {
      const text = `SELECT EXISTS (SELECT 1 FROM live_clients WHERE client_id = $1)
        AND ($2::text IS NULL OR EXISTS (SELECT 1 FROM live_accounts WHERE account_id = $2)) AS live`;
      return (await db.row<{ live: boolean }>({ name: 'token-parties', text, values: [clientId, accountId] }))?.live === true;
    },
    async purge(limit) {
      const before = (days: number) => secondsAfter(clock.now(), -days * DAY);
      const tokens = await purge(db, { table: 'token_ledger', column: 'expires_at', before: before(1) }, limit);
      return tokens + (await purge(db, { table: 'token_cutoffs', column: 'ended_at', before: before(CUTOFF_DAYS) }, limit));
    },
  };
}
