import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { managementApi } from '../../platform/http/operation.ts';
import type { Role, Web } from '../../platform/http/web.ts';
import { readApprovalId } from '../approval-id.ts';
import type { Receipts } from './service.ts';

/** What the routes stand on. */
export interface ReceiptRouteDeps {
  readonly receipts: Pick<Receipts, 'get'>;
  /** The resource servers a client belongs to. */
  readonly resourcesOfClient: (clientId: string) => Promise<readonly string[]>;
}

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];

const READ = {
  summary: 'Read the signed receipt of a decision',
  scope: ['admin:read', 'approvals:decide'],
  others: [{ resource: 'access', scope: 'access:evaluate' }],
  media: 'application/jwt',
} as const;

function notFound(): AppError {
  return new AppError('not_found', 'There is no such receipt, or it is not for you.');
}

/** The JWS as it is, or inside JSON for who asks for JSON alone. */
function answer(ctx: Context, receipt: string): void {
  if (ctx.accepts('application/jwt', 'application/json') === 'application/json') {
    ctx.body = { receipt };
    return;
  }
  ctx.type = 'application/jwt';
  ctx.body = receipt;
}

/** A file to keep: nothing of it is shown on a page. */
function download(ctx: Context, id: string, receipt: string): void {
  ctx.attachment(`${id}.jwt`);
  ctx.type = 'application/jwt';
  ctx.body = receipt;
}

/**
 * `GET /api/v1/approvals/{id}/receipt` for administrators and auditors, for the person who was asked, and for a client of the resource
 * server that the approval is about (R6); and the same as a file from the two pages of an approval.
 */
export function receiptRoutes({ receipts, resourcesOfClient }: ReceiptRouteDeps, router: Router, web: Web): void {
  const { guard } = web;
  managementApi(router, web).get('/api/v1/approvals/:id/receipt', READ, async ({ ctx, caller, scope }) => {
    const found = await receipts.get(readApprovalId(ctx.params['id']));
    const isTheirs = async () => {
      if (scope === 'approvals:decide') return caller.accountId === found.accountId;
      return found.resource !== undefined && (await resourcesOfClient(caller.clientId)).includes(found.resource);
    };
    if (scope !== 'admin:read' && !(await isTheirs())) throw notFound();
    answer(ctx, found.receipt);
  });
  router.get('/me/approvals/:id/receipt', async (ctx) => {
    const id = readApprovalId(ctx.params['id']);
    const session = await guard.session(ctx);
    if (session === undefined) return;
    const { accountId, receipt } = await receipts.get(id);
    if (accountId !== session.accountId) throw notFound();
    download(ctx, id, receipt);
  });
  router.get('/console/approvals/:id/receipt', async (ctx) => {
    const id = readApprovalId(ctx.params['id']);
    const session = await guard.session(ctx, { roles: READERS });
    if (session !== undefined) download(ctx, id, (await receipts.get(id)).receipt);
  });
}
