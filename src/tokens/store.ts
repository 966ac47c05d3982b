import { AUDIT_COLUMNS } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';
import { type Columns, keySet, keysOf, namesOf, type NewRow, rowSet, rowsOf } from '../platform/db/row-set.ts';
import { COLUMNS, JUDGED, type LedgerRow, rowOf, toToken } from './ledger-row.ts';
import type { Companion } from './issuance.ts';
import { isLineageLive, isLive, isSelfLive, PARTY_FAULTS, type PartyFault, partyIsLive } from './liveness-sql.ts';
import type { CountedSelector, Falling, KnownToken, NewToken, TokenRecord, TokenSelector } from './token-record.ts';
import { selectedId } from './token-record.ts';

/** What a list of live tokens may be narrowed to; `cursor` is what the page before gave. */
export interface LiveTokenFilter {
  readonly clientId?: string;
  readonly agentId?: string;
  readonly accountId?: string;
  readonly resource?: string;
  readonly grantHash?: Buffer;
  readonly parentJti?: string;
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

/** What a new token stands on that is dead; `actor` is the acting agent, `agent` any agent in the chain; `policy`: other policies are in force than it was decided under. */
export type Fault = PartyFault | 'actor' | 'parent' | 'policy';

/** A new token with what is written together with it. */
export interface Issue {
  readonly token: NewToken;
  /** The row of its audit event. */
  readonly event: NewRow;
  readonly companion: Companion | undefined;
}

/** SQL of the ledger. One statement each. */
export interface TokenStore {
  /**
   * Writes token, audit event and companion if everything the token stands on is alive at that moment, and returns when it
   * expires: never later than its parent. Undefined, and nothing written, when something is dead. In a request that has written
   * nothing yet it is committed at once, in one statement with the tokens of other requests.
   */
  insertIfLive(issue: Issue): Promise<Date | undefined>;
  /** What of a new token is dead; empty when nothing is (any more). */
  faultsOf(token: NewToken): Promise<readonly Fault[]>;
  find(jti: string): Promise<KnownToken | undefined>;
  /** A token and what it was made from, newest first. */
  listAncestors(jti: string): Promise<TokenRecord[]>;
  listLive(filter: LiveTokenFilter): Promise<ListedToken[]>;
  countLive(filter: Omit<LiveTokenFilter, 'cursor' | 'limit'>): Promise<number>;
  /** Everything that is alive: tokens, agents in them, people and resources they are for. */
  summarise(): Promise<LiveSummary>;
  /** The scopes that most live tokens carry. */
  mostGranted(limit: number): Promise<GrantedScope[]>;
  /** Ends the selection and what was made from it; whoever ends a token first counts it. */
  end(selector: TokenSelector, cause: string): Promise<Ended>;
  countFalling(selector: CountedSelector): Promise<Falling>;
  /** Whether client and person (if there is one) are alive: for tokens that are not in the ledger. */
  arePartiesLive(clientId: string, accountId: string | undefined): Promise<boolean>;
  /** Removes up to `limit` rows that ended their use a day ago. */
  purge(limit: number): Promise<number>;
}

const DAY = 86_400;
/** No token lives that long: after it a cutoff has nothing left to kill. */
const CUTOFF_DAYS = 31;

const PARAMETERS = { now: '$1::timestamptz', ownResources: '$2::text[]' };
/** Materialized, so that no plan depends on the values: PostgreSQL then keeps one plan instead of making one for each token. */
const CANDIDATES = `candidates AS MATERIALIZED (
  SELECT given.*, pg_current_snapshot()::text AS snapshot, NULL::timestamptz AS ended_at FROM ${rowsOf('$3', [...COLUMNS, ...JUDGED], 'given')})`;
const PARENT_ALLOWS = `(fresh.parent_jti IS NULL OR ${isLineageLive('fresh', PARAMETERS)})`;
/** Counted as the parties are, so that it stays a look-up of the highest key. */
const POLICY_ALLOWS = '(fresh.policy_version IS NULL OR fresh.policy_version = (SELECT version FROM policies_in_force))';
/** By its key, one at a time: a plan made while the ledger was small must not read all of it once it is large. */
const PARENT = 'SELECT root_jti, depth, expires_at FROM token_ledger WHERE jti = fresh.parent_jti LIMIT 1';
/** A child is never longer-lived than its parent, not by the second that passes while it is made. */
const EXPIRY = 'least(fresh.expires_at, parent.expires_at)';

/** A part of the statement that writes a row for each token that was written. */
function besides(name: string, place: `$${number}`, { table, columns }: Pick<Companion, 'table' | 'columns'>): string {
  return `${name} AS (INSERT INTO ${table} (${namesOf(columns)}) SELECT ${namesOf(columns, 'beside')}
    FROM ledger JOIN ${rowsOf(place, [...columns, TOKEN], 'beside')} ON beside.of_token = ledger.jti)`;
}

/** Ties the rows that are written with a token to it. */
const TOKEN: Columns[number] = ['of_token', 'text'];
const EVENT = { table: 'audit_events', columns: AUDIT_COLUMNS };

function insertStatement(companion: Companion | undefined): string {
  const parts = [besides('event', '$4', EVENT), ...(companion === undefined ? [] : [besides('companion', '$5', companion)])];
  return `WITH ${CANDIDATES},
  ledger AS (
    INSERT INTO token_ledger (${namesOf(COLUMNS)}, snapshot, root_jti, depth)
    SELECT ${COLUMNS.map(([name]) => (name === 'expires_at' ? EXPIRY : `fresh.${name}`)).join(', ')}, fresh.snapshot, coalesce(parent.root_jti, fresh.jti), coalesce(parent.depth + 1, 0)
    FROM candidates AS fresh LEFT JOIN LATERAL (${PARENT}) AS parent ON true
    WHERE ${isSelfLive('fresh', PARAMETERS)} AND ${PARENT_ALLOWS} AND ${POLICY_ALLOWS}
    RETURNING jti, expires_at),
  ${parts.join(',\n  ')}
  SELECT jti, expires_at FROM ledger`;
}

const FAULTS = `WITH ${CANDIDATES} SELECT ${Object.entries(partyIsLive('fresh', PARAMETERS))
  .map(([name, condition]) => `${condition} AS ${name}`)
  .join(', ')}, ${PARENT_ALLOWS} AS parent, ${POLICY_ALLOWS} AS policy, ${partyIsLive('actor', PARAMETERS).agent} AS actor
  FROM candidates AS fresh, LATERAL (SELECT array_remove(ARRAY[fresh.agent_id], NULL) AS agent_ids) AS actor`;

/** Where a cascade begins, over `t`, with the value of the selector as `$3`. */
const SELECTED: Readonly<Record<CountedSelector['by'], string>> = {
  jti: 't.jti = $3',
  client: 't.client_id = $3',
  agent: 't.agent_id = $3',
  agents: `t.agent_id = ANY(string_to_array($3, ' '))`,
  account: 't.account_id = $3',
  grant: `t.grant_hash = decode($3, 'hex')`,
  family: `t.family_hash = decode($3, 'hex')`,
  resource: 't.resource = $3',
};

/** The selection and all its descendants; UNION, so that a token reached twice counts once. */
function fallingOf(selector: CountedSelector): string {
  return `WITH RECURSIVE falling AS (
    SELECT t.jti FROM token_ledger t WHERE ${SELECTED[selector.by]} AND t.expires_at > $1
    UNION SELECT child.jti FROM falling JOIN token_ledger child ON child.parent_jti = falling.jti)`;
}

/** Agents the selection does not begin at: those that hold what came from it. */
const COUNTS = `count(DISTINCT t.jti)::int AS tokens,
  count(DISTINCT named.agent_id) FILTER (WHERE named.agent_id <> ALL(string_to_array($3, ' ')))::int AS agents,
  count(DISTINCT t.account_id)::int AS people, count(DISTINCT t.grant_hash)::int AS grants`;
const NAMED = 'LEFT JOIN LATERAL unnest(t.agent_ids) AS named(agent_id) ON true';

/** A token does not come back, nor does a family: their own state is enough. A party does. */
function needsCutoff({ by }: TokenSelector): boolean {
  return by !== 'jti' && by !== 'family';
}

/** Rows are locked in one order, so that two cascades that meet wait for each other instead of ending in a deadlock. */
function endStatement(selector: TokenSelector): string {
  const cutoff = `, cutoff AS (INSERT INTO token_cutoffs (key, transaction_id, ended_at) VALUES ($4, pg_current_xact_id()::text, $1)
    ON CONFLICT (key) DO UPDATE SET transaction_id = excluded.transaction_id, ended_at = excluded.ended_at)`;
  return `${fallingOf(selector)},
    locked AS (SELECT t.jti FROM token_ledger t WHERE t.jti IN (SELECT jti FROM falling) AND t.ended_at IS NULL ORDER BY t.jti FOR UPDATE),
    ended AS (UPDATE token_ledger t SET ended_at = $1, end_cause = $2 FROM locked WHERE t.jti = locked.jti
      RETURNING t.jti, t.agent_ids, t.account_id, t.grant_hash)${needsCutoff(selector) ? cutoff : ''}
    SELECT ${COUNTS}, min(t.jti) AS "firstJti" FROM ended t ${NAMED}`;
}

const FILTER = `($3::text IS NULL OR t.client_id = $3) AND ($4::text IS NULL OR $4 = ANY(t.agent_ids)) AND ($5::text IS NULL OR t.account_id = $5)
  AND ($6::text IS NULL OR t.resource = $6) AND ($7::bytea IS NULL OR t.grant_hash = $7) AND ($8::text IS NULL OR t.parent_jti = $8)`;
const FIND = `SELECT t.*, ${isLive('t', PARAMETERS)} AS is_live FROM token_ledger t WHERE t.jti = ANY(${keysOf('$3')})`;
const LIVE_ROW = `t.expires_at > $1 AND ${isLive('t', PARAMETERS)}`;

/** Writes tokens that came at the same time; each lives or fails by itself. */
function issueMany(deps: { db: Db; clock: Clock; own: readonly string[]; companion: Companion | undefined }) {
  const { db, clock, own, companion } = deps;
  const name = companion === undefined ? 'token-insert' : `token-insert-with-${companion.table}`;
  const text = insertStatement(companion);
  return async (issues: readonly Issue[]): Promise<(Date | undefined)[]> => {
    const besideOf = (row: (issue: Issue) => NewRow | undefined) =>
      rowSet(issues.map((issue) => ({ ...row(issue), of_token: issue.token.jti })));
    const tokens = rowSet(issues.map(({ token }) => rowOf(token)));
    const beside = [besideOf(({ event }) => event), ...(companion === undefined ? [] : [besideOf((issue) => issue.companion?.row)])];
    const rows = await db.rows<{ jti: string; expires_at: Date }>({ name, text, values: [clock.now(), own, tokens, ...beside] });
    const written = new Map(rows.map((row) => [row.jti, row.expires_at]));
    return issues.map(({ token }) => written.get(token.jti));
  };
}

/** The ledger over PostgreSQL. `ownResources` are the resources of this server itself. */
export function createTokenStore(deps: { db: Db; clock: Clock; ownResources: readonly string[] }): TokenStore {
  const { db, clock } = deps;
  const own = [...deps.ownResources];
  const filterValues = ({ clientId, agentId, accountId, resource, grantHash, parentJti }: Omit<LiveTokenFilter, 'limit'>) => [
    ...[clock.now(), own, clientId, agentId, accountId, resource, grantHash, parentJti],
  ];
  const issuers = new Map<string | undefined, (issue: Issue) => Promise<Date | undefined>>();
  /** One gathering for each text of the statement. */
  const issuerWith = (companion: Companion | undefined) => {
    const known = issuers.get(companion?.table) ?? db.together(issueMany({ db, clock, own, companion }));
    issuers.set(companion?.table, known);
    return known;
  };
  return {
    insertIfLive: (issue) => issuerWith(issue.companion)(issue),
    async faultsOf(token) {
      const values = [clock.now(), own, rowSet([rowOf(token)])];
      const row = await db.row<Record<string, boolean>>({ name: 'token-faults', text: FAULTS, values });
      return ([...PARTY_FAULTS, 'actor', 'parent', 'policy'] as const).filter((name) => row?.[name] !== true);
    },
    find: db.together(async (jtis: readonly string[]) => {
      const rows = await db.rows<LedgerRow>({ name: 'token-find', text: FIND, values: [clock.now(), own, keySet(jtis)] });
      const found = new Map(rows.map((row) => [row.jti, toToken(row)]));
      return jtis.map((jti) => found.get(jti));
    }),
    async listAncestors(jti) {
      const text = `WITH RECURSIVE above AS (SELECT t.* FROM token_ledger t WHERE t.jti = $1
        UNION ALL SELECT elder.* FROM above, LATERAL (SELECT * FROM token_ledger t WHERE t.jti = above.parent_jti LIMIT 1) AS elder)
        SELECT above.*, false AS is_live FROM above ORDER BY depth DESC`;
      const rows = await db.rows<LedgerRow>({ name: 'token-ancestors', text, values: [jti] });
      return rows.map((row) => {
        const { isLive: _unknown, ...record } = toToken(row);
        return record;
      });
    },
    async listLive(filter) {
      const rows = await db.rows<LedgerRow & { child_count: number }>({
        name: 'token-list-live',
        text: `SELECT t.*, true AS is_live, (SELECT count(*)::int FROM token_ledger child WHERE child.parent_jti = t.jti AND child.ended_at IS NULL
                 AND child.expires_at > $1) AS child_count
               FROM token_ledger t WHERE ${FILTER} AND ${LIVE_ROW} AND ($9::timestamptz IS NULL OR (t.issued_at, t.jti) < ($9, $10::text))
               ORDER BY t.issued_at DESC, t.jti DESC LIMIT $11`,
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
      const values = [clock.now(), cause, value, ...(needsCutoff(selector) ? [`${selector.by}:${value}`] : [])];
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
