import type { AuthorizationDetail, Budget } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';
import { namesOf, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { Ids } from '../platform/ids.ts';
import type { Claim, ClaimState, Party, StoredBudget } from './budget.ts';
import type { Receipt } from './receipts/receipt.ts';
import { type BudgetRow, CLAIM, claimRow, type ReceiptRow, type StateRow, toBudget, toReceipt, toState } from './rows.ts';

/** A budget by its key, with what is to be known of it from now on. */
export interface BudgetEntry extends Party {
  readonly key: string;
  readonly unit: string;
  readonly type: string;
  readonly detail: AuthorizationDetail;
  readonly resource: string;
  readonly granted: Budget | undefined;
}

/** What is taken off a budget: at once, or set aside until then. */
export interface Take {
  readonly budgetId: string;
  readonly receiptId: string;
  readonly claims: readonly Claim[];
  readonly quantity: bigint;
  readonly holdUntil: Date | undefined;
}

/** What a list of budgets is narrowed to; newest first, after the id `cursor`. */
export interface BudgetFilter {
  readonly accountId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** SQL of budgets and receipts. */
export interface BudgetStore {
  /** Locks the row of a budget until the transaction ends, and makes it first where there is none. Every counter moves under it. */
  lock(entry: BudgetEntry): Promise<StoredBudget>;
  lockById(id: string): Promise<StoredBudget | undefined>;
  /** A person has just said yes to it: what they lowered or ended before no longer counts. */
  allow(entry: BudgetEntry): Promise<void>;
  /** Keeps what a person lowered it to, or that they ended it. */
  restrict(id: string, to: { readonly lowered?: Budget; readonly endedAt?: Date }): Promise<void>;
  /** Takes it off every claim, or off none: one statement, under the lock. `fits` tells which; the states are those before. */
  take(what: Take): Promise<{ readonly fits: boolean; readonly states: readonly ClaimState[] }>;
  /** Ends a hold and uses up `quantity` of it. False when it was given back in the meantime. */
  settle(hold: { readonly receiptId: string; readonly quantity: bigint }): Promise<boolean>;
  read(budgetId: string, claims: readonly Claim[]): Promise<readonly ClaimState[]>;
  find(id: string): Promise<StoredBudget | undefined>;
  findByKey(key: string): Promise<StoredBudget | undefined>;
  list(filter: BudgetFilter): Promise<readonly StoredBudget[]>;
  /** False when this client has used the key before. */
  insertReceipt(receipt: Receipt, key: { readonly key: string; readonly requestHash: string }): Promise<boolean>;
  closeReceipt(id: string, change: Pick<Receipt, 'state'> & { readonly settled: bigint; readonly closedAt: Date }): Promise<void>;
  keepAnswer(id: string, answer: Readonly<Record<string, unknown>>): Promise<void>;
  findByIdempotencyKey(clientId: string, key: string): Promise<{ requestHash: string; answer: ReceiptRow['answer'] } | undefined>;
  findReceipt(id: string): Promise<Receipt | undefined>;
  listReceipts(budgetId: string, limit: number): Promise<readonly Receipt[]>;
  /** Removes up to `limit` rows of each kind that nobody needs any more. */
  purge(limit: number): Promise<number>;
}

const DAY = 86_400;
const RECEIPT_DAYS = 366;
/** A hold lasts a week at most, and it may be settled in the window in which it was made. */
const COUNTER_DAYS = 40;

const KEYS = 'budget_id, node, per, window_start';
const matches = (row: string, claim: string) =>
  `${row}.budget_id = $2 AND ${row}.node = ${claim}.node AND ${row}.per = ${claim}.per AND ${row}.window_start = ${claim}.window_start`;
/** Every claim of `$1` with what stands against it; a hold that is over counts no more. */
const STATE = `state AS (SELECT claim.*,
    coalesce((SELECT c.used FROM budget_counters c WHERE ${matches('c', 'claim')}), 0) AS used,
    coalesce((SELECT sum(h.quantity) FROM budget_holds h WHERE ${matches('h', 'claim')} AND h.until > $3), 0) AS held
  FROM ${rowsOf('$1', CLAIM, 'claim')})`;
const COUNT_UP = `ON CONFLICT (${KEYS}) DO UPDATE SET used = c.used + excluded.used,
    window_end = greatest(c.window_end, excluded.window_end)`;

const TAKE = `WITH ${STATE},
  expired AS (DELETE FROM budget_holds h WHERE h.budget_id = $2 AND h.until <= $3),
  verdict AS (SELECT coalesce(bool_and(quota IS NULL OR used + held + $4::numeric <= quota), false) AS fits FROM state),
  taken AS (INSERT INTO budget_counters AS c (${KEYS}, window_end, used)
    SELECT $2, node, per, window_start, window_end, $4::numeric FROM state, verdict WHERE fits AND $5::timestamptz IS NULL ${COUNT_UP}),
  kept AS (INSERT INTO budget_holds (receipt_id, ${KEYS}, window_end, quantity, until)
    SELECT $6, $2, node, per, window_start, window_end, $4::numeric, $5 FROM state, verdict WHERE fits AND $5::timestamptz IS NOT NULL)
  SELECT ${namesOf(CLAIM)}, used, held, fits FROM state, verdict`;

const SETTLE = `WITH ended AS (DELETE FROM budget_holds WHERE receipt_id = $1 AND until > $2 RETURNING *),
  taken AS (INSERT INTO budget_counters AS c (${KEYS}, window_end, used) SELECT ${KEYS}, window_end, $3::numeric FROM ended ${COUNT_UP})
  SELECT count(*)::int AS holds FROM ended`;

const LOCK = `INSERT INTO budgets AS b (id, key, unit, type, detail, resource, account_id, agent_id, client_id, approval_id, limit_quantity, per, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (key) DO UPDATE SET limit_quantity = excluded.limit_quantity, per = excluded.per, detail = excluded.detail, resource = excluded.resource`;

function entryValues(id: string, entry: BudgetEntry, now: Date): unknown[] {
  const { key, unit, type, detail, resource, accountId, agentId, clientId, approvalId, granted } = entry;
  const about = [id, key, unit, type, JSON.stringify(detail), resource];
  return [...about, accountId, agentId, clientId, approvalId, granted?.limit.toString(), granted?.per, now];
}

/** What moves counters, in the transaction under way. */
function counters({ db, clock }: { db: Db; clock: Clock }): Pick<BudgetStore, 'take' | 'settle' | 'read'> {
  return {
    async take({ budgetId, receiptId, claims, quantity, holdUntil }) {
      const rows = await db.rows<StateRow & { fits: boolean }>({
        name: 'budget-take',
        text: `${TAKE}`,
        values: [rowSet(claims.map(claimRow)), budgetId, clock.now(), quantity.toString(), holdUntil, receiptId],
      });
      return { fits: rows[0]?.fits === true, states: rows.map(toState) };
    },
    async settle({ receiptId, quantity }) {
      const row = await db.row<{ holds: number }>({
        name: 'budget-settle',
        text: SETTLE,
        values: [receiptId, clock.now(), quantity.toString()],
      });
      return (row?.holds ?? 0) > 0;
    },
    async read(budgetId, claims) {
      const text = `WITH ${STATE} SELECT * FROM state`;
      const values = [rowSet(claims.map(claimRow)), budgetId, clock.now()];
      return (await db.rows<StateRow>({ name: 'budget-read', text, values })).map(toState);
    },
  };
}

type Receipts = Pick<
  BudgetStore,
  'insertReceipt' | 'closeReceipt' | 'keepAnswer' | 'findByIdempotencyKey' | 'findReceipt' | 'listReceipts'
>;

function receipts({ db }: { db: Db }): Receipts {
  return {
    async insertReceipt(receipt, { key, requestHash }) {
      const { id, budgetId, clientId, state, jti, detailIndex, type, unit, quantity, resource, agentId, holdUntil, createdAt } = receipt;
      const about = [id, budgetId, clientId, key, requestHash, state, jti, detailIndex, type, unit, quantity.toString()];
      const row = await db.row({
        name: 'budget-receipt-insert',
        text: `INSERT INTO budget_receipts (id, budget_id, client_id, idempotency_key, request_hash, state, jti, detail_index, type, unit, quantity,
                 resource, agent_id, hold_until, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
               ON CONFLICT (client_id, idempotency_key) DO NOTHING RETURNING id`,
        values: [...about, resource, agentId, holdUntil, createdAt],
      });
      return row !== undefined;
    },
    async closeReceipt(id, { state, settled, closedAt }) {
      const text = 'UPDATE budget_receipts SET state = $2, settled = $3, closed_at = $4 WHERE id = $1';
      await db.rows({ name: 'budget-receipt-close', text, values: [id, state, settled.toString(), closedAt] });
    },
    async keepAnswer(id, answer) {
      const text = 'UPDATE budget_receipts SET answer = $2 WHERE id = $1';
      await db.rows({ name: 'budget-receipt-answer', text, values: [id, JSON.stringify(answer)] });
    },
    async findByIdempotencyKey(clientId, key) {
      const text = 'SELECT request_hash, answer FROM budget_receipts WHERE client_id = $1 AND idempotency_key = $2';
      const row = await db.row<ReceiptRow>({ name: 'budget-receipt-by-key', text, values: [clientId, key] });
      return row && { requestHash: row.request_hash, answer: row.answer };
    },
    async findReceipt(id) {
      const text = 'SELECT * FROM budget_receipts WHERE id = $1';
      const row = await db.row<ReceiptRow>({ name: 'budget-receipt-find', text, values: [id] });
      return row && toReceipt(row);
    },
    async listReceipts(budgetId, limit) {
      const text = 'SELECT * FROM budget_receipts WHERE budget_id = $1 ORDER BY id DESC LIMIT $2';
      return (await db.rows<ReceiptRow>({ name: 'budget-receipt-list', text, values: [budgetId, limit] })).map(toReceipt);
    },
  };
}

/** The store over PostgreSQL. */
export function createBudgetStore(deps: { db: Db; clock: Clock; ids: Ids }): BudgetStore {
  const { db, clock, ids } = deps;
  const one = async (name: string, where: string, value: string) => {
    const row = await db.row<BudgetRow>({ name, text: `SELECT * FROM budgets WHERE ${where}`, values: [value] });
    return row && toBudget(row);
  };
  return {
    ...counters(deps),
    ...receipts(deps),
    async lock(entry) {
      const text = `${LOCK}, used_at = $13 RETURNING b.*`;
      const row = await db.row<BudgetRow>({ name: 'budget-lock', text, values: entryValues(ids.next('bdg'), entry, clock.now()) });
      if (row === undefined) throw new Error('a budget has no row');
      return toBudget(row);
    },
    lockById: (id) => one('budget-lock-by-id', 'id = $1 FOR UPDATE', id),
    async allow(entry) {
      const text = `${LOCK}, lowered = NULL, lowered_per = NULL, ended_at = NULL`;
      await db.rows({ name: 'budget-allow', text, values: entryValues(ids.next('bdg'), entry, clock.now()) });
    },
    async restrict(id, { lowered, endedAt }) {
      const text = `UPDATE budgets SET lowered = coalesce($2, lowered), lowered_per = coalesce($3, lowered_per), ended_at = coalesce($4, ended_at)
        WHERE id = $1`;
      await db.rows({ name: 'budget-restrict', text, values: [id, lowered?.limit.toString(), lowered?.per, endedAt] });
    },
    find: (id) => one('budget-find', 'id = $1', id),
    findByKey: (key) => one('budget-find-by-key', 'key = $1', key),
    async list({ accountId, agentId, cursor, limit }) {
      const text = `SELECT * FROM budgets WHERE ($1::text IS NULL OR account_id = $1) AND ($2::text IS NULL OR agent_id = $2)
        AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`;
      return (await db.rows<BudgetRow>({ name: 'budget-list', text, values: [accountId, agentId, cursor, limit] })).map(toBudget);
    },
    async purge(limit) {
      const before = (days: number) => secondsAfter(clock.now(), -days * DAY);
      const old = [
        { table: 'budget_receipts', column: 'created_at', before: before(RECEIPT_DAYS) },
        { table: 'budget_holds', column: 'until', before: before(1) },
        { table: 'budget_counters', column: 'window_end', before: before(COUNTER_DAYS) },
      ];
      let gone = 0;
      for (const each of old) gone = Math.max(gone, await purge(db, each, limit));
      return gone;
    },
  };
}
