import { createHash } from 'node:crypto';
import { type AuthorizationDetail, type Budget, BUDGET_WINDOWS, type BudgetWindow } from '../authorization-details/index.ts';
import type { BudgetPath } from './path.ts';
import { windowOf } from './window.ts';

/** Whose permission a budget belongs to: what the token at the root of a lineage says. */
export interface Party {
  readonly accountId: string | undefined;
  /** The agent that was given it; undefined for a client that stands for none. */
  readonly agentId: string | undefined;
  readonly clientId: string;
  readonly approvalId: string | undefined;
}

/** What is kept of a budget beside its counters. */
export interface StoredBudget extends Party {
  readonly id: string;
  readonly unit: string;
  readonly type: string;
  readonly detail: AuthorizationDetail;
  /** Where it was used last, or where it was given for. */
  readonly resource: string;
  /** As it was granted last; undefined: no limit was granted, only taken on underway. */
  readonly granted: Budget | undefined;
  /** What the person lowered it to. */
  readonly lowered: Budget | undefined;
  readonly endedAt: Date | undefined;
  readonly createdAt: Date;
  readonly usedAt: Date | undefined;
}

/** One window of one counter, and how much may be used up in it at most; without a quota it only counts. */
export interface Claim {
  /** Empty for the whole budget, else the name of a node of the path. */
  readonly node: string;
  readonly per: BudgetWindow;
  readonly windowStart: Date;
  readonly windowEnd: Date | undefined;
  readonly quota: bigint | undefined;
}

/** A claim with what was used up of it and what is set aside. */
export interface ClaimState extends Claim {
  readonly used: bigint;
  readonly held: bigint;
}

/** What is left where least is left. */
export interface Left {
  readonly unit: string;
  readonly per: BudgetWindow;
  readonly until: Date | undefined;
  readonly limit: bigint;
  readonly used: bigint;
  readonly held: bigint;
  readonly left: bigint;
}

/**
 * The key of a budget's row. An approval is one permission; otherwise it is what a person gave to an agent, by whatever session or
 * grant, or what an agent does for itself. `subject` is what the detail is for, without its limits.
 */
export function keyOf(party: Party, { subject, unit }: { readonly subject: string; readonly unit: string }): string {
  const { accountId, agentId, clientId, approvalId } = party;
  const holder = agentId ?? clientId;
  const whose = approvalId === undefined ? ['permission', accountId ?? '', holder] : ['approval', approvalId];
  return createHash('sha256')
    .update(JSON.stringify([...whose, subject, unit]))
    .digest('base64url');
}

function smallest(...limits: readonly (bigint | undefined)[]): bigint | undefined {
  return limits.reduce((least, limit) => (least === undefined || (limit !== undefined && limit < least) ? limit : least), undefined);
}

/** Windows begin and end with the calendar, but a node's counter is of no use once its token is gone. */
function endOf(windowEnd: Date | undefined, expiresAt: Date): Date {
  return windowEnd === undefined || expiresAt < windowEnd ? expiresAt : windowEnd;
}

/**
 * Every counter that an act moves: the root's in all four windows, so that what was used up is known whatever window the next grant
 * speaks of, and each narrower budget's on the way down.
 */
export function claimsOf(
  { root, nodes }: Pick<BudgetPath, 'root' | 'nodes'>,
  { lowered, at }: { lowered: Budget | undefined; at: Date },
): readonly Claim[] {
  const limitIn = (per: BudgetWindow, budget: Budget | undefined) => (budget?.per === per ? budget.limit : undefined);
  const whole = BUDGET_WINDOWS.map((per): Claim => {
    const { start, end } = windowOf(per, at);
    return { node: '', per, windowStart: start, windowEnd: end, quota: smallest(limitIn(per, root.budget), limitIn(per, lowered)) };
  });
  const narrower = nodes.map(({ name, budget, expiresAt }): Claim => {
    const { start, end } = windowOf(budget.per, at);
    return { node: name, per: budget.per, windowStart: start, windowEnd: endOf(end, expiresAt), quota: budget.limit };
  });
  return [...whole, ...narrower];
}

/** The tightest of the claims that have a quota; undefined when none has. */
export function leftOf(states: readonly ClaimState[], unit: string): Left | undefined {
  const rooms = states.flatMap(({ per, windowStart, quota, used, held }): Left[] => {
    if (quota === undefined) return [];
    const rest = quota - used - held;
    return [{ unit, per, until: windowOf(per, windowStart).end, limit: quota, used, held, left: rest < 0n ? 0n : rest }];
  });
  return rooms.reduce<Left | undefined>((least, room) => (least === undefined || room.left < least.left ? room : least), undefined);
}
