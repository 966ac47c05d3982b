import type Router from '@koa/router';
import { z } from 'zod';
import { asSent, managementApi } from '../platform/http/operation.ts';
import { pageBody } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { ApiCaller, Web } from '../platform/http/web.ts';
import { newDelegation } from './delegation.ts';
import { delegationBody, presentDelegation } from './present.ts';
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
  const answer = delegationBody;
  return (router, web) => {
    const api = managementApi(router, web);
    const list = { summary: 'List the delegations', scope: 'admin:read', query, answer: pageBody(answer) } as const;
    api.get('/api/v1/delegations', list, async ({ query: { agent_id: agentId, ...rest } }) => {
      const page = await service.list({ agentId, ...rest });
      return {
        items: page.delegations.map(presentDelegation),
        ...(page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor }),
      };
    });
    api.get('/api/v1/delegations/:id', { summary: 'Read a delegation', scope: 'admin:read', answer }, async ({ ctx }) =>
      presentDelegation(await service.get(idOf(ctx))),
    );
    const make = {
      summary: 'Let one agent take over tokens from another',
      scope: 'admin:write',
      body: asSent(newDelegation),
      answer,
    } as const;
    api.post('/api/v1/delegations', { ...make, status: 201 }, async ({ ctx, caller, body }) => {
      const delegation = await service.create(body, actorOf(caller));
      ctx.set('location', `${issuer}/api/v1/delegations/${delegation.id}`);
      return presentDelegation(delegation);
    });
    api.delete('/api/v1/delegations/:id', { summary: 'End a delegation', scope: 'admin:write' }, async ({ ctx, caller }) => {
      await service.end(idOf(ctx), actorOf(caller));
    });
  };
}
