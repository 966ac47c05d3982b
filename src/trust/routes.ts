import type Router from '@koa/router';
import { parseWith } from '../platform/http/body.ts';
import { callerAsChanger } from '../platform/http/changed-by.ts';
import { pageOf, readPageQuery } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { presentTrustProvider } from './present.ts';
import { newTrustProvider, trustProviderChange } from './provider.ts';
import type { TrustService } from './service.ts';

const PATH = '/api/v1/trust-providers';
const READ = { resource: 'api', scope: 'admin:read' } as const;
const WRITE = { resource: 'api', scope: 'admin:write' } as const;

/** `/api/v1/trust-providers`: list, create, read, change, delete, and a look at the keys of one. */
export function trustApi({ service }: { readonly service: TrustService }, router: Router, web: Web): void {
  router.get(PATH, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { after, limit } = readPageQuery(ctx);
    const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
    ctx.body = { ...page, items: page.items.map(presentTrustProvider) };
  });
  router.post(PATH, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    const provider = await service.create(parseWith(newTrustProvider, await web.readJson(ctx)), by);
    ctx.status = 201;
    ctx.set('location', `${ctx.path}/${provider.id}`);
    ctx.body = presentTrustProvider(provider);
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    await web.api.caller(ctx, READ);
    ctx.body = presentTrustProvider(await service.get(idOf(ctx)));
  });
  router.patch(`${PATH}/:id`, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    ctx.body = presentTrustProvider(await service.update(idOf(ctx), parseWith(trustProviderChange, await web.readJson(ctx)), by));
  });
  router.delete(`${PATH}/:id`, async (ctx) => {
    await service.remove(idOf(ctx), callerAsChanger(await web.api.caller(ctx, WRITE)));
    ctx.status = 204;
  });
  router.post(`${PATH}/:id/check`, async (ctx) => {
    await web.api.caller(ctx, WRITE);
    const { isReadable, words, keys } = await service.checkKeys(idOf(ctx));
    ctx.body = { is_readable: isReadable, words, keys };
  });
}
