import type Router from '@koa/router';
import type { Web } from '../platform/http/web.ts';
import type { DetailTypes } from './registry.ts';

/** `GET /api/v1/authorization-detail-types`: every type this server knows, with its schema (RFC 9396 §10). */
export function detailTypeRoutes(types: DetailTypes): (router: Router, web: Web) => void {
  return (router, web) => {
    router.get('/api/v1/authorization-detail-types', async (ctx) => {
      await web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
      const known = types.names.flatMap((name) => types.find(name)?.definition ?? []);
      ctx.body = { items: known.map(({ type, title, schema }) => ({ type, title, schema })) };
    });
  };
}
