import type { AuditRecorder } from '../../audit/index.ts';
import { type AuthorizationDetail, budgetOf, type DetailTypes, quantityWords } from '../../authorization-details/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { KnownToken, TokenService } from '../../tokens/index.ts';
import type { Plan, Planner } from '../planning.ts';
import { presentLeft, presentReceipt } from '../present.ts';
import { BudgetRefused } from '../refusal.ts';
import type { BudgetService, DetailLeft } from '../service.ts';
import type { BudgetStore } from '../store.ts';
import type { Taking } from '../taking.ts';
import { hashOfAct, type Quantity, type Receipt, type ReportedAct } from './receipt.ts';

/** Who reports: a client, and the resources it may speak for. */
export interface Reporter {
  readonly clientId: string;
  readonly mayReportFor: (resource: string) => boolean;
}

/** An answer for a resource server: a receipt, and what is left where it is known. */
export type ReceiptAnswer = Readonly<Record<string, unknown>>;

/** What resource servers do with budgets. */
export interface ReceiptService {
  /**
   * Uses something up, or sets it aside. The same key with the same report answers as before, also when the token has died since.
   * @throws {AppError} `not_found` for a token that is none of this reporter's; {BudgetRefused} when nothing is taken.
   */
  report(reporter: Reporter, act: ReportedAct, key: string): Promise<ReceiptAnswer>;
  /** Ends a hold: so much of it was used up, all of it when nothing is said, and the rest is given back. Safe to repeat. */
  settle(reporter: Reporter, id: string, quantity: Quantity | undefined): Promise<ReceiptAnswer>;
  /** Gives a hold back. Safe to repeat. */
  cancel(reporter: Reporter, id: string): Promise<ReceiptAnswer>;
  /** @throws {AppError} `not_found` */
  receipt(reporter: Reporter, id: string): Promise<ReceiptAnswer>;
  /** What is left of the details of a token. @throws {AppError} `not_found` when the token is dead or none of theirs. */
  leftFor(reporter: Reporter, jti: string): Promise<readonly DetailLeft[]>;
}

/** What the service stands on. */
export interface ReceiptServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly store: BudgetStore;
  readonly planner: Planner;
  readonly taking: Taking;
  readonly types: () => DetailTypes;
  readonly tokens: Pick<TokenService, 'find'>;
  readonly leftOf: BudgetService['leftOf'];
}

/** The key was used in the moment in which this request wanted to use it. */
class KeyTaken extends Error {}

function detailsOf(token: KnownToken): readonly AuthorizationDetail[] {
  return (token.details ?? []) as readonly AuthorizationDetail[];
}

function notFound(): AppError {
  return new AppError('not_found', 'There is no such token or receipt for this resource server.');
}

function tokenEnded(): BudgetRefused {
  return new BudgetRefused('token_ended', 'The token is not alive any more.');
}

/** The one detail an act is about. @throws {BudgetRefused} when none has such a budget, {AppError} when several do and none was named. */
function detailFor(types: DetailTypes, token: KnownToken, act: ReportedAct): number {
  const fitting = detailsOf(token).flatMap((detail, index) => {
    const type = types.find(detail.type);
    const budget = type && budgetOf(type, detail);
    const isNamed = act.detail === undefined || act.detail === index;
    return detail.type === act.type && isNamed && budget?.unit === act.unit && budget.taken === 'receipt' ? [index] : [];
  });
  const [index, ...others] = fitting;
  if (index === undefined) throw new BudgetRefused('beyond_detail', 'No detail of this token has such a budget.');
  if (others.length > 0)
    throw new AppError('invalid_input', '/detail: several details of this token have such a budget', { member: '/detail' });
  return index;
}

function checkEach({ path }: Plan, { quantity, unit }: Quantity): void {
  const { each } = path.own;
  if (each === undefined || quantity <= each) return;
  throw new BudgetRefused('beyond_detail', `One act may take ${quantityWords(each, unit)} at most.`);
}

/** Reports: what resource servers say was used up. */
function reporting(deps: ReceiptServiceDeps): Pick<ReceiptService, 'report'> {
  const { db, clock, ids, audit, store, planner, taking, types, tokens } = deps;
  const replay = async (clientId: string, key: string, requestHash: string) => {
    const known = await store.findByIdempotencyKey(clientId, key);
    if (known === undefined) return undefined;
    if (known.requestHash === requestHash && known.answer !== null) return known.answer;
    throw new BudgetRefused('key_reused', 'This Idempotency-Key came with another report.');
  };
  const planFor = async (token: KnownToken, act: ReportedAct): Promise<{ plan: Plan; index: number }> => {
    if (!token.isLive) throw tokenEnded();
    const index = detailFor(types(), token, act);
    const plan = await planner.planOf(token, index);
    if (plan === undefined) throw new BudgetRefused('budget_ended', 'What was granted does not hold this detail any more.');
    checkEach(plan, act);
    return { plan, index };
  };
  const keep = (receipt: Omit<Receipt, 'budgetId'>, about: { plan: Plan; key: string; requestHash: string }) =>
    db.transaction(async () => {
      const { plan, ...key } = about;
      const budget = await taking.lock(plan);
      // the lock may have been long in coming: what was revoked meanwhile takes nothing any more
      if ((await tokens.find(receipt.jti))?.isLive !== true) throw tokenEnded();
      if (!(await store.insertReceipt({ ...receipt, budgetId: budget.id }, key))) throw new KeyTaken();
      const { id: receiptId, quantity, holdUntil } = receipt;
      const left = await taking.take(budget, { plan, receiptId, quantity, holdUntil });
      const answer = {
        ...presentReceipt({ ...receipt, budgetId: budget.id }),
        ...(left === undefined ? {} : { remaining: presentLeft(left) }),
      };
      await store.keepAnswer(receiptId, answer);
      return answer;
    });
  const tell = (error: unknown, token: KnownToken, reporter: Reporter) => {
    if (!(error instanceof BudgetRefused) || error.reason !== 'budget_exceeded') return;
    const { agentId, subject: subjectId, jti: tokenId, resource } = token;
    const parties = { ...(agentId === undefined ? {} : { agentId }), subjectId, tokenId, resource, clientId: token.clientId };
    const actor = { kind: 'client', id: reporter.clientId } as const;
    return audit.record({ type: 'budget.exceeded', actor, ...parties, outcome: 'refused', cause: error.message });
  };
  return {
    async report(reporter, act, key) {
      const { clientId } = reporter;
      const requestHash = hashOfAct(act);
      const known = await replay(clientId, key, requestHash);
      if (known !== undefined) return known;
      const token = await tokens.find(act.jti);
      if (token === undefined || !reporter.mayReportFor(token.resource)) throw notFound();
      const { plan, index } = await planFor(token, act);
      const now = clock.now();
      const { jti, type, unit, quantity, holdSeconds } = act;
      const isHeld = holdSeconds !== undefined;
      const receipt: Omit<Receipt, 'budgetId'> = {
        ...{ id: ids.next('rct'), clientId, jti, detailIndex: index, type, unit, quantity, createdAt: now },
        ...{ resource: token.resource, agentId: token.agentId, state: isHeld ? 'held' : 'spent' },
        ...{ settled: undefined, closedAt: undefined, holdUntil: isHeld ? secondsAfter(now, holdSeconds) : undefined },
      };
      try {
        return await keep(receipt, { plan, key, requestHash });
      } catch (error) {
        const won = error instanceof KeyTaken ? await replay(clientId, key, requestHash) : undefined;
        if (won !== undefined) return won;
        await tell(error, token, reporter);
        throw error;
      }
    },
  };
}

/** How holds end. The lock of the budget comes first, so that nobody gives away what is just being settled. */
function closing(deps: ReceiptServiceDeps): Pick<ReceiptService, 'settle' | 'cancel' | 'receipt'> {
  const { db, clock, store } = deps;
  const ownReceipt = async ({ mayReportFor }: Reporter, id: string): Promise<Receipt> => {
    const receipt = await store.findReceipt(id);
    if (receipt === undefined || !mayReportFor(receipt.resource)) throw notFound();
    return receipt;
  };
  const close = (
    reporter: Reporter,
    id: string,
    want: (held: bigint, unit: string) => { state: 'settled' | 'cancelled'; settled: bigint },
  ) =>
    db.transaction(async () => {
      const seen = await ownReceipt(reporter, id);
      await store.lockById(seen.budgetId);
      const receipt = await ownReceipt(reporter, id);
      const { state, settled } = want(receipt.quantity, receipt.unit);
      if (receipt.state === state && receipt.settled === settled) return presentReceipt(receipt);
      if (receipt.state !== 'held') throw new BudgetRefused('hold_ended', `This is ${receipt.state} already.`);
      const isThere = await store.settle({ receiptId: id, quantity: settled });
      if (!isThere && state === 'settled') throw new BudgetRefused('hold_ended', 'The hold was given back: its time was over.');
      const closedAt = clock.now();
      await store.closeReceipt(id, { state, settled, closedAt });
      return presentReceipt({ ...receipt, state, settled, closedAt });
    });
  return {
    settle: (reporter, id, quantity) =>
      close(reporter, id, (held, unit) => {
        if (quantity !== undefined && quantity.unit !== unit)
          throw new BudgetRefused('beyond_detail', 'The hold is in another unit than this.');
        const settled = quantity?.quantity ?? held;
        if (settled > held) throw new BudgetRefused('beyond_detail', `The hold is for ${quantityWords(held, unit)}.`);
        return { state: 'settled', settled };
      }),
    cancel: (reporter, id) => close(reporter, id, () => ({ state: 'cancelled', settled: 0n })),
    receipt: async (reporter, id) => presentReceipt(await ownReceipt(reporter, id)),
  };
}

/** The receipts over their store. */
export function createReceiptService(deps: ReceiptServiceDeps): ReceiptService {
  return {
    ...reporting(deps),
    ...closing(deps),
    async leftFor({ mayReportFor }, jti) {
      const token = await deps.tokens.find(jti);
      if (token === undefined || !token.isLive || !mayReportFor(token.resource)) throw notFound();
      return deps.leftOf(token);
    },
  };
}
