/**
 * Budgets: how much of what a detail allows was used up. Owns the counters that all tokens of one permission share, the receipts by
 * which resource servers report what was used, and what people make of theirs. What a budget is and how it narrows is said by
 * authorization-details; the lineage of a token by the ledger. Called by resource servers over `/access/v1`, by the ledger when it
 * writes a token, by introspection and by the pages that show what was spent.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { PolicyService } from '../policy/index.ts';
import type { NewToken, TokenService } from '../tokens/index.ts';
import { takingAtIssue } from './issuing.ts';
import { budgetJobs } from './jobs.ts';
import { createBudgetWords } from './me/present.ts';
import { budgetPages } from './me/routes.ts';
import type { BudgetView } from './present.ts';
import { createPlanner, type PlanningDeps } from './planning.ts';
import { leftList, receiptRoutes } from './receipts/routes.ts';
import { createReceiptService } from './receipts/service.ts';
import { budgetApi } from './routes.ts';
import { type BudgetService, createBudgetService } from './service.ts';
import { type BudgetFilter, createBudgetStore } from './store.ts';
import { createTaking } from './taking.ts';

export type { Party } from './budget.ts';
export { type BudgetView, usedWords } from './present.ts';
export type { BudgetService } from './service.ts';

/** The budgets and what they contribute. */
export interface Budgets extends BudgetService {
  /** For the ledger: takes what a token uses up by being issued, in its transaction. */
  onIssuing(token: NewToken): Promise<void>;
  /** For introspection: what is left of each detail of a token that has a budget; undefined when none has. */
  introspected(...token: Parameters<BudgetService['leftOf']>): Promise<readonly object[] | undefined>;
  /** Budgets as meters, newest first, for the pages that show them. */
  viewsOf(filter: BudgetFilter): Promise<readonly BudgetView[]>;
  readonly capability: Capability;
}

/** What budgets stand on, wired in app.ts. */
export interface BudgetsDeps extends Pick<PlanningDeps, 'artifacts'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  readonly tokens: Pick<TokenService, 'find' | 'ancestorsOf'>;
  readonly policy: Pick<PolicyService, 'refuse'>;
  /** The types in force now. */
  readonly details: { readonly types: DetailTypes };
  readonly resourceServers: { resourcesOfClient(clientId: string): Promise<readonly string[]> };
  /** Names of agents and resources, for pages. */
  readonly nameOf: (id: string) => Promise<string | undefined>;
  readonly clients: { find(clientId: string): Promise<{ readonly isManagement: boolean } | undefined> };
}

/** Builds the capability. */
export function createBudgets(given: BudgetsDeps): Budgets {
  const deps = { ...given, types: () => given.details.types };
  const store = createBudgetStore(deps);
  const planner = createPlanner(deps);
  const taking = createTaking({ ...deps, store });
  const service = createBudgetService({ ...deps, store, planner, taking });
  const receiptService = createReceiptService({ ...deps, store, planner, taking, leftOf: service.leftOf });
  const words = createBudgetWords(deps);
  const me = budgetPages({ ...deps, service, words, basePath: basePathOf(given.issuer) });
  const receipts = receiptRoutes({ ...deps, service: receiptService });
  const api = budgetApi({ service });
  return {
    ...service,
    onIssuing: takingAtIssue({ ...deps, store, planner, taking }),
    async viewsOf(filter) {
      const known = await service.list(filter);
      return Promise.all(known.map(words.viewOf));
    },
    async introspected(token) {
      const left = await service.leftOf(token);
      return left.length === 0 ? undefined : leftList(left);
    },
    capability: {
      name: 'budgets',
      jobs: budgetJobs(store),
      routes(router, web) {
        receipts(router, web);
        api(router, web);
        me(router, web);
      },
    },
  };
}
