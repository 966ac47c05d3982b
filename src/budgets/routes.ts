import { z } from 'zod';
import { managementApi } from '../platform/http/operation.ts';
import { pageBody } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Routes } from '../platform/http/web.ts';
import { budgetBody, budgetWithReceipts, presentBudget, presentReceipt } from './present.ts';
import type { BudgetService } from './service.ts';

const id = z.string().min(1).max(64);
const listQuery = z.strictObject({
  agent: id.optional(),
  account: id.optional(),
  cursor: z
    .string()
    .regex(/^bdg_[0-9a-f]{32}$/, 'is not a cursor of ours')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const RECEIPTS_SHOWN = 100;

/** `/api/v1/budgets`: list (filters `agent`, `account`) and read, with the newest receipts. */
export function budgetApi({ service }: { readonly service: BudgetService }): Routes {
  return (router, web) => {
    const api = managementApi(router, web);
    const list = { summary: 'List the budgets', scope: 'admin:read', query: listQuery, answer: pageBody(budgetBody) } as const;
    api.get('/api/v1/budgets', list, async ({ query: { agent: agentId, account: accountId, cursor, limit } }) => {
      const found = await service.list({ agentId, accountId, cursor, limit: limit + 1 });
      const last = found[limit - 1];
      return {
        items: found.slice(0, limit).map(presentBudget),
        ...(found.length > limit && last !== undefined ? { next_cursor: last.budget.id } : {}),
      };
    });
    const read = { summary: 'Read a budget with its newest receipts', scope: 'admin:read', answer: budgetWithReceipts } as const;
    api.get('/api/v1/budgets/:id', read, async ({ ctx }) => {
      const known = await service.get(idOf(ctx));
      const receipts = await service.receiptsOf(known.budget.id, RECEIPTS_SHOWN);
      return { ...presentBudget(known), receipts: receipts.map(presentReceipt) };
    });
  };
}
