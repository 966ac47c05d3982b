import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { managementApi } from '../../platform/http/operation.ts';
import { pageBody, pageOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import type { ThingService } from './service.ts';
import { thingBody, thingsInput, thingType } from './thing.ts';

const PATH = '/api/v1/resource-servers/:id/things/:type';

/** A cursor is the id of the last thing seen; an id may be longer than those of records. */
const query = z.object({
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
    const api = managementApi(router, web);
    const list = { summary: 'List the things of one type', scope: 'admin:read', query, answer: pageBody(thingBody) } as const;
    api.get(PATH, list, async ({ ctx, query: { cursor = '', limit } }) => {
      const from = { after: Buffer.from(cursor, 'base64url').toString(), limit: limit + 1 };
      return pageOf(await service.list(idOf(ctx), typeOf(ctx), from), limit, ({ id }) => id);
    });
    const replace = { summary: 'Name all things of one type', scope: 'admin:write', body: thingsInput } as const;
    api.put(PATH, replace, ({ ctx, by, body: { things } }) => service.replace(idOf(ctx), typeOf(ctx), { things, by }));
  };
}
