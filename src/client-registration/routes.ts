import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import { parseWith } from '../platform/http/body.ts';
import { callerAsChanger } from '../platform/http/changed-by.ts';
import { pageOf, readPageQuery } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { ApiCaller, Web } from '../platform/http/web.ts';
import { PURPOSES } from './client.ts';
import { type InitialAccessTokens, newInitialAccessToken } from './initial-access-tokens/service.ts';
import { presentClient, presentInitialAccessToken } from './present.ts';
import { clientChange, newClient } from './client-input.ts';
import type { ClientService } from './service.ts';

/** What the management interface stands on. */
export interface ClientApiDeps {
  readonly clients: ClientService;
  readonly initialAccessTokens: InitialAccessTokens;
}

const CLIENTS = '/api/v1/clients';
const TOKENS = '/api/v1/initial-access-tokens';

const listQuery = z.object({ search: z.string().max(120).optional(), purpose: z.enum(PURPOSES).optional() });
const rotation = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .optional(),
});

/** Only a person, or a client that has governance itself, hands governance on (security rule R7). */
function checkGovernance(caller: ApiCaller, input: { has_governance?: boolean | undefined }): void {
  if (input.has_governance !== true || caller.hasGovernance || caller.accountId !== undefined) return;
  throw new AppError('forbidden', 'This client may not hand governance on.', { member: '/has_governance' });
}

/** `/api/v1/clients` with secret rotation, and `/api/v1/initial-access-tokens`. */
export function clientApi(deps: ClientApiDeps, router: Router, web: Web): void {
  const guards = {
    read: (ctx: Context) => web.api.caller(ctx, { resource: 'api', scope: 'admin:read' }),
    write: (ctx: Context) => web.api.caller(ctx, { resource: 'api', scope: 'admin:write' }),
  };
  clientRoutes(deps.clients, router, { ...guards, readJson: web.readJson });
  tokenRoutes(deps.initialAccessTokens, router, { ...guards, readJson: web.readJson });
}

interface Guards {
  readonly read: (ctx: Context) => Promise<ApiCaller>;
  readonly write: (ctx: Context) => Promise<ApiCaller>;
  readonly readJson: Web['readJson'];
}

function clientRoutes(clients: ClientService, router: Router, { read, write, readJson }: Guards): void {
  router.get(CLIENTS, async (ctx) => {
    await read(ctx);
    const { after, limit } = readPageQuery(ctx);
    const query = parseWith(listQuery, { search: ctx.query['search'], purpose: ctx.query['purpose'] });
    const page = pageOf(await clients.list({ ...query, after, limit: limit + 1 }), limit, ({ id }) => id);
    ctx.body = { ...page, items: page.items.map(presentClient) };
  });
  router.post(CLIENTS, async (ctx) => {
    const caller = await write(ctx);
    const input = parseWith(newClient, await readJson(ctx));
    checkGovernance(caller, input);
    const { record, secret } = await clients.create(input, callerAsChanger(caller));
    ctx.status = 201;
    ctx.set({ location: `${ctx.path}/${encodeURIComponent(record.id)}`, 'cache-control': 'no-store' });
    ctx.body = { ...presentClient(record), ...(secret === undefined ? {} : { client_secret: secret }) };
  });
  router.get(`${CLIENTS}/:id`, async (ctx) => {
    await read(ctx);
    ctx.body = presentClient(await clients.get(idOf(ctx)));
  });
  router.patch(`${CLIENTS}/:id`, async (ctx) => {
    const caller = await write(ctx);
    const input = parseWith(clientChange, await readJson(ctx));
    checkGovernance(caller, input);
    ctx.body = presentClient(await clients.update(idOf(ctx), input, callerAsChanger(caller)));
  });
  router.delete(`${CLIENTS}/:id`, async (ctx) => {
    await clients.remove(idOf(ctx), callerAsChanger(await write(ctx)));
    ctx.status = 204;
  });
  router.post(`${CLIENTS}/:id/secret`, async (ctx) => {
    const by = callerAsChanger(await write(ctx));
    const body = ctx.request.length === undefined || ctx.request.length === 0 ? {} : await readJson(ctx);
    const { overlap_seconds: overlapSeconds } = parseWith(rotation, body);
    const secret = await clients.rotateSecret(idOf(ctx), { overlapSeconds, by });
    ctx.set('cache-control', 'no-store');
    ctx.body = { client_id: idOf(ctx), client_secret: secret };
  });
}

function tokenRoutes(tokens: InitialAccessTokens, router: Router, { read, write, readJson }: Guards): void {
  router.get(TOKENS, async (ctx) => {
    await read(ctx);
    const { after, limit } = readPageQuery(ctx);
    const page = pageOf(await tokens.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
    ctx.body = { ...page, items: page.items.map(presentInitialAccessToken) };
  });
  router.post(TOKENS, async (ctx) => {
    const by = callerAsChanger(await write(ctx));
    const { record, token } = await tokens.create(parseWith(newInitialAccessToken, await readJson(ctx)), by);
    ctx.status = 201;
    ctx.set({ location: `${ctx.path}/${record.id}`, 'cache-control': 'no-store' });
    ctx.body = { ...presentInitialAccessToken(record), token };
  });
  router.get(`${TOKENS}/:id`, async (ctx) => {
    await read(ctx);
    ctx.body = presentInitialAccessToken(await tokens.get(idOf(ctx)));
  });
  router.delete(`${TOKENS}/:id`, async (ctx) => {
    await tokens.revoke(idOf(ctx), callerAsChanger(await write(ctx)));
    ctx.status = 204;
  });
}
