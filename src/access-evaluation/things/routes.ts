import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { callerAsChanger } from '../../platform/http/changed-by.ts';
import { pageOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import type { ThingService } from './service.ts';
import { thingsInput, thingType } from './thing.ts';

const PATH = '/api/v1/resource-servers/:id/things/:type';

/** A cursor is the id of the last thing seen; an id may be longer than those of records. */
const page = z.object({
  cursor: z
    .string()
    .max(12_000)
    .regex(/^[\w-]+$/, 'is not a cursor of ours')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const typeOf = (ctx: Context): string => parseWith(thingType, (ctx as Context & { params: Record<string, string> }).params['type']);

/** `/api/v1/resource-servers/{id}/things/{type}`: what a search for resources of that type looks through. */
export function thingRoutes(service: ThingService): (router: Router, web: Web) => void {
  return (router, web) => {
    router.get(PATH, async (ctx) => {
      await web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
      const { cursor = '', limit } = parseWith(page, { cursor: ctx.query['cursor'], limit: ctx.query['limit'] });
      const from = { after: Buffer.from(cursor, 'base64url').toString(), limit: limit + 1 };
      ctx.body = pageOf(await service.list(idOf(ctx), typeOf(ctx), from), limit, ({ id }) => id);
    });
    router.put(PATH, async (ctx) => {
      const by = callerAsChanger(await web.api.caller(ctx, { resource: 'api', scope: 'admin:write' }));
      const { things } = parseWith(thingsInput, await web.readJson(ctx));
      await service.replace(idOf(ctx), typeOf(ctx), { things, by });
      ctx.status = 204;
    });
  };
}
