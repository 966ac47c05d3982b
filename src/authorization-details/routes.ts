import type Router from '@koa/router';
import type { Context } from 'koa';
import { parseWith } from '../platform/http/body.ts';
import { callerAsChanger } from '../platform/http/changed-by.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { presentType } from './present.ts';
import { typeChange } from './registered-type.ts';
import type { DetailTypeService } from './service.ts';

const PATH = '/api/v1/authorization-detail-types';

/** `/api/v1/authorization-detail-types`: every type this server knows, with its schema (RFC 9396 §10), by its name. */
export function detailTypeApi(service: DetailTypeService, router: Router, web: Web): void {
  const read = (ctx: Context) => web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
  const write = async (ctx: Context) => callerAsChanger(await web.api.caller(ctx, { resource: 'api', scope: 'admin:write' }));

  router.get(PATH, async (ctx) => {
    await read(ctx);
    ctx.body = { items: (await service.list()).map(presentType) };
  });
  router.post(PATH, async (ctx) => {
    const by = await write(ctx);
    const type = await service.create(await web.readJson(ctx), by);
    ctx.status = 201;
    ctx.set('location', `${ctx.path}/${type.definition.type}`);
    ctx.body = presentType(type);
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    await read(ctx);
    ctx.body = presentType(await service.get(idOf(ctx)));
  });
  router.patch(`${PATH}/:id`, async (ctx) => {
    const by = await write(ctx);
    ctx.body = presentType(await service.update(idOf(ctx), parseWith(typeChange, await web.readJson(ctx)), by));
  });
  router.delete(`${PATH}/:id`, async (ctx) => {
    const by = await write(ctx);
    await service.remove(idOf(ctx), by);
    ctx.status = 204;
  });
}
