import { quantityWords } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import { type ClaimState, claimsOf, type Left, leftOf, type StoredBudget } from './budget.ts';
import type { Plan } from './planning.ts';
import { BudgetRefused } from './refusal.ts';
import type { BudgetStore, Take } from './store.ts';
import { windowWords } from './window.ts';

/** Something that is to be taken off a budget. */
export interface Wanted extends Pick<Take, 'receiptId' | 'quantity' | 'holdUntil'> {
  readonly plan: Plan;
}

/** How much of a budget there is for one act, and what was left afterwards. */
export interface Taking {
  /** Locks the budget of a plan; what it is called and what the person made of it. */
  lock(plan: Plan): Promise<StoredBudget>;
  /** Takes it, under the lock of `budget`. @throws {BudgetRefused} and nothing is taken. Returns what is left then. */
  take(budget: StoredBudget, wanted: Wanted): Promise<Left | undefined>;
  /** What is left of a plan now. */
  left(plan: Plan): Promise<Left | undefined>;
}

function exceeded(left: Left | undefined, at: Date): BudgetRefused {
  if (left === undefined) return new BudgetRefused('budget_exceeded', 'The budget does not reach.');
  const rest = `${quantityWords(left.left, left.unit)} of ${quantityWords(left.limit, left.unit)} left`;
  return new BudgetRefused('budget_exceeded', `The budget does not reach: ${rest} ${windowWords(left.per, at)}.`, left);
}

function after(states: readonly ClaimState[], { quantity, holdUntil }: Pick<Wanted, 'quantity' | 'holdUntil'>): readonly ClaimState[] {
  const isHeld = holdUntil !== undefined;
  return states.map((state) => (isHeld ? { ...state, held: state.held + quantity } : { ...state, used: state.used + quantity }));
}

/** Takes quantities off budgets. */
export function createTaking({ store, clock }: { store: Pick<BudgetStore, 'lock' | 'take' | 'read' | 'findByKey'>; clock: Clock }): Taking {
  return {
    lock: ({ entry }) => store.lock(entry),
    async take(budget, { plan, ...what }) {
      if (budget.endedAt !== undefined) throw new BudgetRefused('budget_ended', 'The person ended this budget.');
      const at = clock.now();
      const claims = claimsOf(plan.path, { lowered: budget.lowered, at });
      const { fits, states } = await store.take({ ...what, budgetId: budget.id, claims });
      if (!fits) throw exceeded(leftOf(states, budget.unit), at);
      return leftOf(after(states, what), budget.unit);
    },
    async left({ path, entry }) {
      const budget = await store.findByKey(entry.key);
      const claims = claimsOf(path, { lowered: budget?.lowered, at: clock.now() });
      const fresh = () => claims.map((claim) => ({ ...claim, used: 0n, held: 0n }));
      const left = leftOf(budget === undefined ? fresh() : await store.read(budget.id, claims), entry.unit);
      return budget?.endedAt === undefined || left === undefined ? left : { ...left, left: 0n };
    },
  };
}
