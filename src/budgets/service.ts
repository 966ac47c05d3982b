import type { AuditActor, AuditRecorder } from '../audit/index.ts';
import { type AuthorizationDetail, type Budget, budgetOf, type DetailTypes, quantityWords } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { KnownToken } from '../tokens/index.ts';
import { claimsOf, type Left, type Party } from './budget.ts';
import type { Planner } from './planning.ts';
import type { Known } from './present.ts';
import type { Quantity, Receipt } from './receipts/receipt.ts';
import type { BudgetFilter, BudgetStore } from './store.ts';
import type { Taking } from './taking.ts';

/** What is left of one detail of a token. */
export interface DetailLeft {
  readonly detail: number;
  readonly type: string;
  readonly left: Left;
}

/** The use cases of budgets. */
export interface BudgetService {
  /** What is left of each detail of a token that has a budget; a detail whose grant is gone has nothing left and is not named. */
  leftOf(token: KnownToken): Promise<readonly DetailLeft[]>;
  /** A person has just said yes to these details: limits are as they say now, what was used up stays so. */
  allowed(party: Party, about: { readonly details: readonly AuthorizationDetail[]; readonly resource: string }): Promise<void>;
  /** What was used up of each of these details for that party, as if they were granted as they stand; undefined where nothing was yet. */
  knownOf(party: Party, details: readonly AuthorizationDetail[]): Promise<readonly (Known | undefined)[]>;
  list(filter: BudgetFilter): Promise<readonly Known[]>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<Known>;
  receiptsOf(budgetId: string, limit: number): Promise<readonly Receipt[]>;
  /** Holds it to less than was granted. @throws {AppError} `invalid_input` for more, or for another unit. */
  lower(id: string, to: Quantity, by: AuditActor): Promise<Known>;
  /** Nothing more is taken off it until the person says yes to it anew. */
  end(id: string, by: AuditActor): Promise<Known>;
}

/** What the service stands on. */
export interface BudgetServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly store: BudgetStore;
  readonly planner: Planner;
  readonly taking: Taking;
  readonly types: () => DetailTypes;
}

function detailsOf(token: KnownToken): readonly AuthorizationDetail[] {
  return (token.details ?? []) as readonly AuthorizationDetail[];
}

/** What is known of budgets, and what people make of theirs. */
function keeping(deps: BudgetServiceDeps): Pick<BudgetService, 'allowed' | 'knownOf' | 'list' | 'get' | 'receiptsOf' | 'lower' | 'end'> {
  const { db, clock, audit, store, planner } = deps;
  const withStates = async (budget: Known['budget']): Promise<Known> => {
    const { detail, granted, lowered } = budget;
    const path = { root: { detail, budget: granted }, nodes: [] };
    return { budget, states: await store.read(budget.id, claimsOf(path, { lowered, at: clock.now() })) };
  };
  const get = async (id: string): Promise<Known> => {
    const budget = await store.find(id);
    if (budget === undefined) throw new AppError('not_found', 'There is no such budget.');
    return withStates(budget);
  };
  const change = (id: string, by: AuditActor, to: (known: Known['budget']) => { lowered?: Budget; endedAt?: Date; words: string }) =>
    db.transaction(async () => {
      const budget = await store.lockById(id);
      if (budget === undefined) throw new AppError('not_found', 'There is no such budget.');
      const { words, ...restriction } = to(budget);
      await store.restrict(id, restriction);
      const { accountId, agentId } = budget;
      const parties = { ...(accountId === undefined ? {} : { subjectId: accountId }), ...(agentId === undefined ? {} : { agentId }) };
      await audit.record({ type: 'budget.changed', actor: by, resource: id, action: words, ...parties });
      return get(id);
    });
  return {
    async allowed(party, about) {
      const entries = planner.entriesOf(party, about).toSorted((one, other) => (one.key < other.key ? -1 : 1));
      for (const entry of entries) await store.allow(entry);
    },
    knownOf: (party, details) =>
      Promise.all(
        details.map(async (detail) => {
          const [entry] = planner.entriesOf(party, { details: [detail], resource: '' });
          const budget = entry && (await store.findByKey(entry.key));
          return budget && withStates({ ...budget, granted: entry.granted, lowered: undefined });
        }),
      ),
    list: async (filter) => Promise.all((await store.list(filter)).map(withStates)),
    get,
    receiptsOf: (budgetId, limit) => store.listReceipts(budgetId, limit),
    lower: (id, to, by) =>
      change(id, by, ({ granted, unit }) => {
        if (granted === undefined || to.unit !== unit || to.quantity > granted.limit)
          throw new AppError('invalid_input', 'Name less than was allowed, in the same currency.', { member: 'amount' });
        return { lowered: { unit, limit: to.quantity, per: granted.per }, words: `lowered to ${quantityWords(to.quantity, unit)}` };
      }),
    end: (id, by) => change(id, by, () => ({ endedAt: clock.now(), words: 'ended' })),
  };
}

/** The budgets over their store. */
export function createBudgetService(deps: BudgetServiceDeps): BudgetService {
  const { planner, taking } = deps;
  const leftOf = async (token: KnownToken): Promise<readonly DetailLeft[]> => {
    const found = await Promise.all(
      detailsOf(token).map(async ({ type }, detail): Promise<DetailLeft[]> => {
        const known = deps.types().find(type);
        if (known === undefined || budgetOf(known, detailsOf(token)[detail] as AuthorizationDetail) === undefined) return [];
        const plan = await planner.planOf(token, detail);
        const left = plan && (await taking.left(plan));
        return left === undefined ? [] : [{ detail, type, left }];
      }),
    );
    return found.flat();
  };
  return {
    ...keeping(deps),
    leftOf,
  };
}
