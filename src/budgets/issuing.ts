import { type AuthorizationDetail, budgetOf, type DetailTypes, quantityWords } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { PolicyService } from '../policy/index.ts';
import type { NewToken } from '../tokens/index.ts';
import type { Plan, Planner } from './planning.ts';
import { BudgetRefused } from './refusal.ts';
import type { BudgetStore } from './store.ts';
import type { Taking } from './taking.ts';

/** What taking at issue stands on. */
export interface IssuingDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly types: () => DetailTypes;
  readonly planner: Planner;
  readonly store: Pick<BudgetStore, 'insertReceipt'>;
  readonly taking: Taking;
  readonly policy: Pick<PolicyService, 'refuse'>;
}

interface Due {
  readonly plan: Plan;
  readonly index: number;
  readonly type: string;
}

function refuse(token: NewToken, reason: string, { policy }: IssuingDeps): never {
  const { clientId, agentId, subject: subjectId, resource, parentJti } = token;
  return policy.refuse({
    rule: 'budget-exceeded',
    error: 'invalid_authorization_details',
    reason,
    remedy: 'Ask for less, wait until the window turns, or ask the person for more.',
    ...{ clientId, agentId, subjectId, resource },
    action: 'issue_token',
    input: { parent: parentJti ?? null, details: (token.details ?? []).map(({ type }) => String(type)) },
  });
}

/**
 * Takes off a budget what a new token may use up at most, for types whose budget is taken at issue: the bound on one act, or all of
 * the token's own budget when it has none. In the transaction of the token; refused, the request ends and nothing is used.
 */
export function takingAtIssue(deps: IssuingDeps): (token: NewToken) => Promise<void> {
  const { clock, ids, types, planner, store, taking } = deps;
  const dueOf = async (token: NewToken): Promise<readonly Due[]> => {
    const details = (token.details ?? []) as readonly AuthorizationDetail[];
    const due: Due[] = [];
    for (const [index, detail] of details.entries()) {
      const type = types().find(detail.type);
      if (type === undefined || budgetOf(type, detail)?.taken !== 'issue') continue;
      const plan = await planner.planOf(token, index);
      if (plan === undefined) refuse(token, 'What was granted does not hold this budget any more.', deps);
      due.push({ plan, index, type: detail.type });
    }
    // one order for everybody, so that two tokens that draw on the same two budgets do not wait for each other
    return due.toSorted((one, other) => (one.plan.entry.key < other.plan.entry.key ? -1 : 1));
  };
  const takeOne = async (token: NewToken, { plan, index, type }: Due): Promise<void> => {
    const { unit, limit, each } = plan.path.own;
    const quantity = each === undefined || each > limit ? limit : each;
    if (quantity === 0n) refuse(token, `Nothing of ${quantityWords(limit, unit)} can be used by one act.`, deps);
    const receiptId = ids.next('rct');
    const budget = await taking.lock(plan);
    await taking.take(budget, { plan, receiptId, quantity, holdUntil: undefined });
    const { jti, clientId, resource, agentId } = token;
    const about = { id: receiptId, budgetId: budget.id, clientId, jti, detailIndex: index, type, unit, quantity, resource, agentId };
    const state = { state: 'spent', settled: undefined, holdUntil: undefined, createdAt: clock.now(), closedAt: undefined } as const;
    await store.insertReceipt({ ...about, ...state }, { key: receiptId, requestHash: receiptId });
  };
  return async (token) => {
    for (const due of await dueOf(token)) {
      try {
        await takeOne(token, due);
      } catch (error) {
        if (!(error instanceof BudgetRefused)) throw error;
        refuse(token, error.message, deps);
      }
    }
  };
}
