import type { AuthorizationDetail, Budget, BudgetWindow } from '../authorization-details/index.ts';
import type { Columns } from '../platform/db/row-set.ts';
import type { Claim, ClaimState, StoredBudget } from './budget.ts';
import type { Receipt, ReceiptState } from './receipts/receipt.ts';

/** A row of `budgets`; quantities come as text, exact. */
export interface BudgetRow {
  readonly id: string;
  readonly unit: string;
  readonly type: string;
  readonly detail: AuthorizationDetail;
  readonly resource: string;
  readonly account_id: string | null;
  readonly agent_id: string | null;
  readonly client_id: string;
  readonly approval_id: string | null;
  readonly limit_quantity: string | null;
  readonly per: BudgetWindow | null;
  readonly lowered: string | null;
  readonly lowered_per: BudgetWindow | null;
  readonly ended_at: Date | null;
  readonly created_at: Date;
  readonly used_at: Date | null;
}

function limitOf(unit: string, quantity: string | null, per: BudgetWindow | null): Budget | undefined {
  return quantity === null || per === null ? undefined : { unit, limit: BigInt(quantity), per };
}

/** A row as the rest of the house knows it. */
export function toBudget(row: BudgetRow): StoredBudget {
  const { id, unit, type, detail, resource } = row;
  return {
    ...{ id, unit, type, detail, resource },
    accountId: row.account_id ?? undefined,
    agentId: row.agent_id ?? undefined,
    clientId: row.client_id,
    approvalId: row.approval_id ?? undefined,
    granted: limitOf(unit, row.limit_quantity, row.per),
    lowered: limitOf(unit, row.lowered, row.lowered_per),
    endedAt: row.ended_at ?? undefined,
    createdAt: row.created_at,
    usedAt: row.used_at ?? undefined,
  };
}

/** The columns of a claim. */
export const CLAIM: Columns = [
  ['node', 'text'],
  ['per', 'text'],
  ['window_start', 'timestamptz'],
  ['window_end', 'timestamptz'],
  ['quota', 'numeric'],
];

/** A claim as its row; `budget_id` for a statement about several budgets. */
export function claimRow({ node, per, windowStart, windowEnd, quota }: Claim): Readonly<Record<string, unknown>> {
  return { node, per, window_start: windowStart, window_end: windowEnd, quota: quota?.toString() };
}

/** A claim with what was used up of it, as it is read. */
export interface StateRow {
  readonly node: string;
  readonly per: BudgetWindow;
  readonly window_start: Date;
  readonly window_end: Date | null;
  readonly quota: string | null;
  readonly used: string;
  readonly held: string;
}

/** A row as the rest of the house knows it. */
export function toState(row: StateRow): ClaimState {
  return {
    node: row.node,
    per: row.per,
    windowStart: row.window_start,
    windowEnd: row.window_end ?? undefined,
    quota: row.quota === null ? undefined : BigInt(row.quota),
    used: BigInt(row.used),
    held: BigInt(row.held),
  };
}

/** A row of `budget_receipts`. */
export interface ReceiptRow {
  readonly id: string;
  readonly budget_id: string;
  readonly client_id: string;
  readonly request_hash: string;
  readonly state: ReceiptState;
  readonly jti: string;
  readonly detail_index: number;
  readonly type: string;
  readonly unit: string;
  readonly quantity: string;
  readonly settled: string | null;
  readonly resource: string;
  readonly agent_id: string | null;
  readonly hold_until: Date | null;
  readonly answer: Readonly<Record<string, unknown>> | null;
  readonly created_at: Date;
  readonly closed_at: Date | null;
}

/** A row as the rest of the house knows it. */
export function toReceipt(row: ReceiptRow): Receipt {
  return {
    id: row.id,
    budgetId: row.budget_id,
    clientId: row.client_id,
    state: row.state,
    jti: row.jti,
    detailIndex: row.detail_index,
    type: row.type,
    unit: row.unit,
    quantity: BigInt(row.quantity),
    settled: row.settled === null ? undefined : BigInt(row.settled),
    resource: row.resource,
    agentId: row.agent_id ?? undefined,
    holdUntil: row.hold_until ?? undefined,
    createdAt: row.created_at,
    closedAt: row.closed_at ?? undefined,
  };
}
