import type Router from '@koa/router';
import { managementApi } from '../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, startOf } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { keyCheckBody, presentTrustProvider, trustProviderBody } from './present.ts';
import { newTrustProvider, trustProviderChange } from './provider.ts';
import type { TrustService } from './service.ts';

const PATH = '/api/v1/trust-providers';

/** `/api/v1/trust-providers`: list, create, read, change, delete, and a look at the keys of one. */
export function trustApi({ service }: { readonly service: TrustService }, router: Router, web: Web): void {
  const api = managementApi(router, web);
  const answer = trustProviderBody;
  api.get(
    PATH,
    { summary: 'List the trust providers', scope: 'admin:read', query: pageQuery, answer: pageBody(answer) },
    async ({ query }) => {
      const { after, limit } = startOf(query);
      const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
      return { ...page, items: page.items.map(presentTrustProvider) };
    },
  );
  api.post(
    PATH,
    { summary: 'Trust somebody', scope: 'admin:write', body: newTrustProvider, answer, status: 201 },
    async ({ ctx, by, body }) => {
      const provider = await service.create(body, by);
      ctx.set('location', `${ctx.path}/${provider.id}`);
      return presentTrustProvider(provider);
    },
  );
  api.get(`${PATH}/:id`, { summary: 'Read a trust provider', scope: 'admin:read', answer }, async ({ ctx }) =>
    presentTrustProvider(await service.get(idOf(ctx))),
  );
  api.patch(
    `${PATH}/:id`,
    { summary: 'Change a trust provider', scope: 'admin:write', body: trustProviderChange, answer },
    async ({ ctx, by, body }) => presentTrustProvider(await service.update(idOf(ctx), body, by)),
  );
  api.delete(`${PATH}/:id`, { summary: 'Trust somebody no more', scope: 'admin:write' }, ({ ctx, by }) => service.remove(idOf(ctx), by));
  api.post(
    `${PATH}/:id/check`,
    { summary: 'Read the keys of a trust provider now', scope: 'admin:write', answer: keyCheckBody },
    async ({ ctx }) => {
      const { isReadable, words, keys } = await service.checkKeys(idOf(ctx));
      return { is_readable: isReadable, words, keys };
    },
  );
}
