import type Router from '@koa/router';
import { z } from 'zod';
import { asSent, managementApi } from '../platform/http/operation.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { presentType, typeBody } from './present.ts';
import { typeChange } from './registered-type.ts';
import type { DetailTypeService } from './service.ts';

const PATH = '/api/v1/authorization-detail-types';
const read = { scope: 'admin:read', answer: typeBody } as const;
const write = { scope: 'admin:write', answer: typeBody } as const;

/** `/api/v1/authorization-detail-types`: every type this server knows, with its schema (RFC 9396 §10), by its name. */
export function detailTypeApi(service: DetailTypeService, router: Router, web: Web): void {
  const api = managementApi(router, web);
  const list = {
    summary: 'List the types of authorization details',
    scope: 'admin:read',
    answer: z.object({ items: z.array(typeBody) }),
  } as const;
  api.get(PATH, list, async () => ({ items: (await service.list()).map(presentType) }));
  const create = { ...write, summary: 'Register a type', body: asSent(z.looseObject({ type: z.string() })), status: 201 } as const;
  api.post(PATH, create, async ({ ctx, body, by }) => {
    const type = await service.create(body, by);
    ctx.set('location', `${ctx.path}/${type.definition.type}`);
    return presentType(type);
  });
  api.get(`${PATH}/:id`, { ...read, summary: 'Read a type' }, async ({ ctx }) => presentType(await service.get(idOf(ctx))));
  api.patch(`${PATH}/:id`, { ...write, summary: 'Change a type', body: typeChange }, async ({ ctx, body, by }) =>
    presentType(await service.update(idOf(ctx), body, by)),
  );
  api.delete(`${PATH}/:id`, { summary: 'Remove a type that was never used', scope: 'admin:write' }, async ({ ctx, by }) =>
    service.remove(idOf(ctx), by),
  );
}
