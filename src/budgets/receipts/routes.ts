import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { failureOf } from '../../platform/http/failure.ts';
import { idOf } from '../../platform/http/path-id.ts';
import { problemOf } from '../../platform/http/problem.ts';
import { requestIdOf } from '../../platform/http/request-id.ts';
import type { ApiCaller, Routes, Web } from '../../platform/http/web.ts';
import { presentLeft } from '../present.ts';
import { readAct, readKey, readSettlement } from './receipt.ts';
import { BudgetRefused } from '../refusal.ts';
import type { DetailLeft } from '../service.ts';
import type { ReceiptService, Reporter } from './service.ts';

/** What the interfaces call. */
export interface ReceiptRoutesDeps {
  readonly service: ReceiptService;
  readonly resourceServers: { resourcesOfClient(clientId: string): Promise<readonly string[]> };
  readonly clients: { find(clientId: string): Promise<{ readonly isManagement: boolean } | undefined> };
}

const TITLES: Readonly<Record<BudgetRefused['reason'], string>> = {
  budget_exceeded: 'The budget does not reach',
  budget_ended: 'The budget has ended',
  beyond_detail: 'The token does not allow this',
  token_ended: 'The token is not alive',
  hold_ended: 'The hold is over',
  key_reused: 'The idempotency key was used for something else',
};

/** A refusal with its own word and what is left (RFC 9457 §3.2), so that a program need not read the sentence. */
function writeRefusal(ctx: Context, error: BudgetRefused): void {
  const { reason, left } = error;
  const problem = problemOf(failureOf(error, requestIdOf(ctx)));
  ctx.status = problem.status;
  ctx.body = JSON.stringify({
    ...problem,
    type: `urn:behalf:problem:${reason}`,
    title: TITLES[reason],
    code: reason,
    ...(left === undefined ? {} : { remaining: presentLeft(left) }),
  });
  ctx.type = 'application/problem+json';
}

/** What is left of the details of a token, for whoever may ask. */
export function leftList(details: readonly DetailLeft[]): readonly Readonly<Record<string, unknown>>[] {
  return details.map(({ detail, type, left }) => ({ detail, type, remaining: presentLeft(left) }));
}

const jtiQuery = z.strictObject({ jti: z.string().min(1).max(128) });

/** `/access/v1/receipts` and `/access/v1/budgets`, for a resource server's own client, confined to its resources (R6). */
export function receiptRoutes({ service, resourceServers, clients }: ReceiptRoutesDeps): Routes {
  const reporterOf = async ({ clientId }: ApiCaller): Promise<Reporter> => {
    const own = await resourceServers.resourcesOfClient(clientId);
    const mayAll = own.length === 0 && (await clients.find(clientId))?.isManagement === true;
    return { clientId, mayReportFor: (resource) => mayAll || own.includes(resource) };
  };
  const answering = (web: Web, answer: (ctx: Context, reporter: Reporter) => Promise<unknown>) => async (ctx: Context) => {
    const reporter = await reporterOf(await web.api.caller(ctx, { resource: 'access', scope: 'receipts:write' }));
    try {
      ctx.body = await answer(ctx, reporter);
    } catch (error) {
      if (!(error instanceof BudgetRefused)) throw error;
      writeRefusal(ctx, error);
    }
  };
  return (router: Router, web: Web) => {
    const path = '/access/v1/receipts';
    router.post(
      path,
      answering(web, async (ctx, reporter) => {
        const key = readKey(ctx.get('idempotency-key'));
        const answer = await service.report(reporter, readAct(await web.readJson(ctx)), key);
        ctx.status = 201;
        return answer;
      }),
    );
    router.get(
      `${path}/:id`,
      answering(web, (ctx, reporter) => service.receipt(reporter, idOf(ctx))),
    );
    router.post(
      `${path}/:id/settle`,
      answering(web, async (ctx, reporter) => {
        const hasBody = ctx.request.length !== undefined && ctx.request.length > 0;
        return service.settle(reporter, idOf(ctx), hasBody ? readSettlement(await web.readJson(ctx)) : undefined);
      }),
    );
    router.post(
      `${path}/:id/cancel`,
      answering(web, (ctx, reporter) => service.cancel(reporter, idOf(ctx))),
    );
    router.get(
      '/access/v1/budgets',
      answering(web, async (ctx, reporter) => {
        const { jti } = parseWith(jtiQuery, { ...ctx.query });
        return { items: leftList(await service.leftFor(reporter, jti)) };
      }),
    );
  };
}
