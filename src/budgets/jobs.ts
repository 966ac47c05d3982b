import type { Job } from '../platform/jobs.ts';
import type { BudgetStore } from './store.ts';

const PURGE_BATCH = 500;

/** Forgets receipts of more than a year ago, holds that are over and counters of windows that are. */
export function budgetJobs(store: Pick<BudgetStore, 'purge'>): readonly Job[] {
  return [
    {
      name: 'old-budgets',
      everySeconds: 3_600,
      run: async () => {
        while ((await store.purge(PURGE_BATCH)) >= PURGE_BATCH);
      },
    },
  ];
}
