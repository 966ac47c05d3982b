import { z } from 'zod';
import { parseWith } from '../platform/http/body.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Routes } from '../platform/http/web.ts';
import { budgetBody, receiptBody } from './present.ts';
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
    router.get('/api/v1/budgets', async (ctx) => {
      await web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
      const { agent: agentId, account: accountId, cursor, limit } = parseWith(listQuery, { ...ctx.query });
      const found = await service.list({ agentId, accountId, cursor, limit: limit + 1 });
      const last = found[limit - 1];
      ctx.body = {
        items: found.slice(0, limit).map(budgetBody),
        ...(found.length > limit && last !== undefined ? { next_cursor: last.budget.id } : {}),
      };
    });
    router.get('/api/v1/budgets/:id', async (ctx) => {
      await web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
      const known = await service.get(idOf(ctx));
      const receipts = await service.receiptsOf(known.budget.id, RECEIPTS_SHOWN);
      ctx.body = { ...budgetBody(known), receipts: receipts.map(receiptBody) };
    });
  };
}
