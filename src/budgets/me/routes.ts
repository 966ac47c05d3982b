import type { Context } from 'koa';
import { COUNT, toMinor } from '../../authorization-details/index.ts';
import { AppError } from '../../platform/errors.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Form, Routes } from '../../platform/http/web.ts';
import type { StoredBudget } from '../budget.ts';
import type { BudgetService } from '../service.ts';
import { type BudgetWords, presentBudgets } from './present.ts';

/** What the pages call. */
export interface BudgetPagesDeps {
  readonly service: Pick<BudgetService, 'list' | 'get' | 'lower' | 'end'>;
  readonly words: BudgetWords;
  readonly basePath: string;
}

const SHOWN = 100;

/** What a person typed as the new limit. @throws {AppError} `invalid_input` */
function limitIn(form: Form, unit: string): bigint {
  const { limit } = form;
  const text = typeof limit === 'string' ? limit.trim() : '';
  const isCount = unit === COUNT && /^\d{1,9}$/.test(text);
  const quantity = isCount ? BigInt(text) : unit === COUNT ? undefined : toMinor(text, unit);
  if (quantity === undefined) throw new AppError('invalid_input', 'Name the new limit as a number, like 250.00.', { member: 'limit' });
  return quantity;
}

/** `/me/budgets`: what a person's agents used up, and how to lower or end it. */
export function budgetPages({ service, words, basePath: base }: BudgetPagesDeps): Routes {
  /** One's own budget. @throws {AppError} `not_found`, also for somebody else's. */
  const own = async (ctx: Context, accountId: string): Promise<StoredBudget> => {
    const { budget } = await service.get(idOf(ctx));
    if (budget.accountId === accountId) return budget;
    throw new AppError('not_found', 'There is no such budget.');
  };
  return (router, { guard, pages }) => {
    router.get('/me/budgets', async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      const known = await service.list({ accountId: session.accountId, limit: SHOWN });
      await pages.show(ctx, 'me/budgets', await presentBudgets(known, { words, base }), session);
    });
    router.post('/me/budgets/:id/lower', async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const { id, unit } = await own(ctx, session.accountId);
      await service.lower(id, { unit, quantity: limitIn(form, unit) }, { kind: 'account', id: session.accountId });
      pages.redirect(ctx, '/me/budgets', { kind: 'done', text: 'The new limit holds from now on.' });
    });
    router.post('/me/budgets/:id/end', async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      await pages.form(ctx);
      const { id } = await own(ctx, session.accountId);
      await service.end(id, { kind: 'account', id: session.accountId });
      pages.redirect(ctx, '/me/budgets', { kind: 'done', text: 'Nothing more can be used up of it.' });
    });
  };
}
