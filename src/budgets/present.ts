import { z } from 'zod';
import { BUDGET_WINDOWS, COUNT, fromMinor, quantityWords } from '../authorization-details/index.ts';
import type { Sent } from '../platform/http/operation.ts';
import type { ClaimState, Left, StoredBudget } from './budget.ts';
import { leftOf } from './budget.ts';
import { RECEIPT_STATES, type Receipt } from './receipts/receipt.ts';
import { windowWords } from './window.ts';

/** Of a quantity either an amount with its currency, or a number of acts. */
const quantity = { amount: z.string().optional(), currency: z.string().optional(), count: z.int().optional() };
/** The same where the unit is clear: an amount as text, or a number of acts. */
const share = z.union([z.string(), z.int()]);
const per = z.enum(BUDGET_WINDOWS);
const at = z.iso.datetime();
const limitBody = z.object({ ...quantity, per }).meta({ id: 'BudgetLimit' });

/** What is left of a budget. */
const leftBody = z
  .object({ ...quantity, per, until: at.optional(), limit: share, used: share, held: share })
  .meta({ id: 'BudgetLeft', description: 'Until the window turns, which it never does without `until`.' });

/** A receipt as the interfaces answer with it. */
export const receiptBody = z
  .object({
    id: z.string(),
    state: z.enum(RECEIPT_STATES),
    jti: z.string(),
    detail: z.int(),
    type: z.string(),
    ...quantity,
    settled: share.optional(),
    hold_until: at.optional(),
    at,
    closed_at: at.optional(),
  })
  .meta({ id: 'BudgetReceipt' });

/** A budget as the interface lists it. */
export const budgetBody = z
  .object({
    id: z.string(),
    type: z.string(),
    authorization_detail: z.looseObject({ type: z.string() }),
    resource: z.string(),
    account_id: z.string().optional(),
    agent_id: z.string().optional(),
    client_id: z.string(),
    approval_id: z.string().optional(),
    limit: limitBody.optional(),
    lowered_to: limitBody.optional(),
    used: z.partialRecord(per, share),
    remaining: leftBody.optional(),
    created_at: at,
    used_at: at.optional(),
    ended_at: at.optional(),
  })
  .meta({ id: 'Budget' });

/** The same with its newest receipts. */
export const budgetWithReceipts = budgetBody.extend({ receipts: z.array(receiptBody) }).meta({ id: 'BudgetWithReceipts' });

function presentQuantity(quantity: bigint, unit: string): { amount: string; currency: string } | { count: number } {
  return unit === COUNT ? { count: Number(quantity) } : { amount: fromMinor(quantity, unit), currency: unit };
}

function part(quantity: bigint, unit: string): string | number {
  return unit === COUNT ? Number(quantity) : fromMinor(quantity, unit);
}

/** What is left, for the resource server: `{ amount, currency, per, until, limit, used, held }` (times RFC 3339). */
export function presentLeft(left: Left): Sent<typeof leftBody> {
  const { unit, per, until, limit, used, held } = left;
  return {
    ...presentQuantity(left.left, unit),
    per,
    ...(until === undefined ? {} : { until: until.toISOString() }),
    limit: part(limit, unit),
    used: part(used, unit),
    held: part(held, unit),
  };
}

/** A receipt in the form of `receiptBody`. */
export function presentReceipt(receipt: Receipt): Sent<typeof receiptBody> {
  const { id, state, jti, detailIndex, type, unit, quantity, settled, holdUntil, createdAt, closedAt } = receipt;
  return {
    id,
    state,
    jti,
    detail: detailIndex,
    type,
    ...presentQuantity(quantity, unit),
    ...(settled === undefined ? {} : { settled: part(settled, unit) }),
    ...(holdUntil === undefined ? {} : { hold_until: holdUntil.toISOString() }),
    at: createdAt.toISOString(),
    ...(closedAt === undefined ? {} : { closed_at: closedAt.toISOString() }),
  };
}

/** A budget with the counters of its four windows. */
export interface Known {
  readonly budget: StoredBudget;
  readonly states: readonly ClaimState[];
}

/** A budget in the form of `budgetBody`. */
export function presentBudget({ budget, states }: Known): Sent<typeof budgetBody> {
  const { id, type, unit, detail, resource, accountId, agentId, clientId, approvalId, granted, lowered, endedAt, createdAt, usedAt } =
    budget;
  const left = leftOf(states, unit);
  const limit = (one: StoredBudget['granted']) => one && { ...presentQuantity(one.limit, unit), per: one.per };
  return {
    id,
    type,
    authorization_detail: detail,
    resource,
    account_id: accountId,
    agent_id: agentId,
    client_id: clientId,
    approval_id: approvalId,
    limit: limit(granted),
    lowered_to: limit(lowered),
    used: Object.fromEntries(states.map(({ per, used }) => [per, part(used, unit)])),
    ...(left === undefined ? {} : { remaining: presentLeft(left) }),
    created_at: createdAt.toISOString(),
    used_at: usedAt?.toISOString(),
    ended_at: endedAt?.toISOString(),
  };
}

/** A budget as a meter (views/partials/budget.eta): what was used of what, in words, and how far along that is. */
export interface BudgetView {
  readonly id: string;
  /** `340.00 of 1,000.00 EUR used`. */
  readonly used: string;
  /** `this week, until Sunday 6 December 24:00 UTC`. */
  readonly window: string;
  /** What it is for, and where. */
  readonly words: string;
  readonly percent: number;
  readonly held?: string;
  readonly state?: { readonly word: string; readonly tone: string };
  readonly note?: string;
}

/** `340.00 of 1,000.00 EUR used`: the unit once. */
function shareWords({ used, limit, unit }: Left): string {
  const whole = quantityWords(limit, unit);
  return `${quantityWords(used, unit).split(' ')[0]} of ${whole} used`;
}

/** The same in words for people; `words` says what the budget is for. */
export function budgetView({ budget, states }: Known, { words, now }: { words: string; now: Date }): BudgetView {
  const { id, unit, granted, lowered, endedAt } = budget;
  const left = leftOf(states, unit);
  const all = states.find(({ per }) => per === 'total')?.used ?? 0n;
  const spoken = left === undefined ? `${quantityWords(all, unit)} used` : shareWords(left);
  const full = left === undefined || left.limit === 0n ? 0 : Number(((left.used + left.held) * 100n) / left.limit);
  const isOut = left?.left === 0n;
  return {
    id,
    used: spoken,
    window: left === undefined ? 'no limit of its own' : windowWords(left.per, now),
    words,
    percent: Math.min(100, full),
    ...(left === undefined || left.held === 0n ? {} : { held: `${quantityWords(left.held, unit)} set aside` }),
    ...(endedAt === undefined ? (isOut ? { state: { word: 'Used up', tone: 'wait' } } : {}) : { state: { word: 'Ended', tone: 'stop' } }),
    ...(lowered === undefined || granted === undefined ? {} : { note: `lowered from ${quantityWords(granted.limit, unit)}` }),
  };
}

/** `340.00 EUR of it used this week, until Sunday 6 December 24:00 UTC`, beside a question; undefined when nothing was used yet. */
export function usedWords({ budget, states }: Known, now: Date): string | undefined {
  const left = leftOf(states, budget.unit);
  if (left === undefined || left.used + left.held === 0n) return undefined;
  return `${quantityWords(left.used + left.held, budget.unit)} of it used ${windowWords(left.per, now)}`;
}
