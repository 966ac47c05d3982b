import type Router from '@koa/router';
import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import type { ApiCaller, Web } from '../platform/http/web.ts';
import { presentDelegation } from './present.ts';
import type { DelegationService } from './service.ts';

const query = z.object({
  agent_id: z.string().max(64).optional(),
  cursor: z
    .string()
    .regex(/^dlg_[0-9a-f]{32}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

function actorOf({ accountId, clientId }: ApiCaller) {
  return accountId === undefined ? ({ kind: 'client', id: clientId } as const) : ({ kind: 'account', id: accountId } as const);
}

/** `/api/v1/delegations`: list, read, create, end; `issuer` without a slash at its end. A delegation never changes; end it and make another. */
export function delegationApi({
  service,
  issuer,
}: {
  readonly service: DelegationService;
  readonly issuer: string;
}): (router: Router, web: Web) => void {
  const read = { resource: 'api', scope: 'admin:read' } as const;
  const write = { resource: 'api', scope: 'admin:write' } as const;
  return (router, web) => {
    router.get('/api/v1/delegations', async (ctx) => {
      await web.api.caller(ctx, read);
      const parsed = query.safeParse(ctx.query);
      if (!parsed.success)
        throw new AppError('invalid_input', 'A filter is malformed.', { member: String(parsed.error.issues[0]?.path[0]) });
      const { agent_id: agentId, ...rest } = parsed.data;
      const page = await service.list({ agentId, ...rest });
      ctx.body = {
        items: page.delegations.map(presentDelegation),
        ...(page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor }),
      };
    });
    router.get('/api/v1/delegations/:id', async (ctx) => {
      await web.api.caller(ctx, read);
      ctx.body = presentDelegation(await service.get(ctx.params['id'] ?? ''));
    });
    router.post('/api/v1/delegations', async (ctx) => {
      const caller = await web.api.caller(ctx, write);
      const delegation = await service.create(await web.readJson(ctx), actorOf(caller));
      ctx.status = 201;
      ctx.set('location', `${issuer}/api/v1/delegations/${delegation.id}`);
      ctx.body = presentDelegation(delegation);
    });
    router.delete('/api/v1/delegations/:id', async (ctx) => {
      const caller = await web.api.caller(ctx, write);
      await service.end(ctx.params['id'] ?? '', actorOf(caller));
      ctx.status = 204;
    });
  };
}
