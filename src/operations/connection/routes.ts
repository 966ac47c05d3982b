import type Router from '@koa/router';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { createRateLimiter } from '../../platform/http/rate-limit.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import { presentExamination } from './present.ts';
import type { Walk } from './walk.ts';

const PATH = '/console/doctor';
const TEMPLATE = 'console/doctor';
/** Each walk is a dozen requests that leave this server (security rule R21). */
const ADMINISTRATORS = { roles: ['admin'] } as const;
const WALKS_A_MINUTE = 10;

/** The doctor's page: one field, one list. A walk leaves the server, so it is a form that is sent, never a link. */
export function connectionRoutes({ walk, clock }: { walk: Walk; clock: Pick<Clock, 'now'> }): Routes {
  const pace = createRateLimiter({ limit: WALKS_A_MINUTE, windowSeconds: 60, maxKeys: 1_000, clock });
  const examine = async (subject: string, { accountId }: BrowserSession): Promise<object> => {
    const { allowed, retryAfterSeconds } = pace.take(accountId);
    if (!allowed) throw new AppError('too_many_requests', 'The doctor needs a moment: ask again in a minute.', { retryAfterSeconds });
    try {
      return presentExamination(await walk.examine(subject), { subject });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'invalid_input') throw error;
      return presentExamination(undefined, { subject: subject.slice(0, 2_000), fault: error.message });
    }
  };
  return (router: Router, { guard, pages }: Web) => {
    router.get(PATH, async (ctx) => {
      const session = await guard.session(ctx, ADMINISTRATORS);
      if (session === undefined) return;
      const { subject } = ctx.query;
      const typed = typeof subject === 'string' ? subject.slice(0, 2_000) : '';
      await pages.show(ctx, TEMPLATE, presentExamination(undefined, { subject: typed }), session);
    });
    router.post(PATH, async (ctx) => {
      const session = await guard.session(ctx, ADMINISTRATORS);
      if (session === undefined) return;
      const { subject } = await pages.form(ctx);
      await pages.show(ctx, TEMPLATE, await examine(typeof subject === 'string' ? subject : '', session), session);
    });
  };
}
