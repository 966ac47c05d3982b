import type Router from '@koa/router';
import type { Context } from 'koa';
import { parseWith } from '../platform/http/body.ts';
import { callerAsChanger } from '../platform/http/changed-by.ts';
import { pageOf, readPageQuery } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { presentResourceServer } from './present.ts';
import { newResourceServer, type ResourceServer, resourceServerChange } from './resource-server.ts';
import type { ChangedBy, ResourceServerService } from './service.ts';

/** A resource server's own credentials, as whoever keeps clients offers them (app.ts passes it). */
export interface ServerClients {
  /** Makes a confidential client for a resource server; the secret is shown this once. Runs in the transaction under way. */
  issue(server: ResourceServer, by: ChangedBy): Promise<{ readonly clientId: string; readonly clientSecret: string }>;
  /** What is known of clients, for people; unknown ones are left out. */
  describe(
    clientIds: readonly string[],
  ): Promise<readonly { readonly clientId: string; readonly name: string; readonly lastUsedAt: Date | undefined }[]>;
  /** Ends a client for good. */
  remove(clientId: string, by: ChangedBy): Promise<void>;
}

/** What the routes stand on. */
export interface ResourceServerRouteDeps {
  readonly service: ResourceServerService;
  readonly serverClients: ServerClients;
  readonly issuer: URL;
  /** Several writes as one. */
  readonly transaction: <T>(work: () => Promise<T>) => Promise<T>;
}

const PATH = '/api/v1/resource-servers';

/** `/api/v1/resource-servers` and the credentials below each. */
export function resourceServerApi(deps: ResourceServerRouteDeps, router: Router, web: Web): void {
  const { service } = deps;
  const read = (ctx: Context) => web.api.caller(ctx, { resource: 'api', scope: 'admin:read' });
  const write = async (ctx: Context) => callerAsChanger(await web.api.caller(ctx, { resource: 'api', scope: 'admin:write' }));

  router.get(PATH, async (ctx) => {
    await read(ctx);
    const { after, limit } = readPageQuery(ctx);
    const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
    ctx.body = { ...page, items: page.items.map(presentResourceServer) };
  });
  router.post(PATH, async (ctx) => {
    const by = await write(ctx);
    const server = await service.create(parseWith(newResourceServer, await web.readJson(ctx)), by);
    ctx.status = 201;
    ctx.set('location', `${ctx.path}/${server.id}`);
    ctx.body = presentResourceServer(server);
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    await read(ctx);
    ctx.body = presentResourceServer(await service.get(idOf(ctx)));
  });
  router.patch(`${PATH}/:id`, async (ctx) => {
    const by = await write(ctx);
    ctx.body = presentResourceServer(await service.update(idOf(ctx), parseWith(resourceServerChange, await web.readJson(ctx)), by));
  });
  router.delete(`${PATH}/:id`, async (ctx) => {
    const by = await write(ctx);
    await removeWithClients(deps, idOf(ctx), by);
    ctx.status = 204;
  });
  credentialRoutes(deps, router, { read, write });
}

/** `/api/v1/resource-servers/{id}/clients`: list, make (the secret is in that one answer) and end. */
function credentialRoutes(
  deps: ResourceServerRouteDeps,
  router: Router,
  { read, write }: { read: (ctx: Context) => Promise<unknown>; write: (ctx: Context) => Promise<ChangedBy> },
): void {
  const { service, serverClients } = deps;
  const path = `${PATH}/:id/clients`;
  router.get(path, async (ctx) => {
    await read(ctx);
    const { id } = await service.get(idOf(ctx));
    const clients = await serverClients.describe(await service.clientsOf(id));
    ctx.body = {
      items: clients.map(({ clientId, name, lastUsedAt }) => ({
        client_id: clientId,
        name,
        last_used_at: lastUsedAt?.toISOString() ?? null,
      })),
    };
  });
  router.post(path, async (ctx) => {
    const by = await write(ctx);
    const { clientId, clientSecret } = await issueCredentials(deps, idOf(ctx), by);
    ctx.status = 201;
    ctx.set('cache-control', 'no-store');
    ctx.body = { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' };
  });
  router.delete(`${path}/:clientId`, async (ctx) => {
    const by = await write(ctx);
    const { clientId = '' } = ctx.params;
    await deps.transaction(async () => {
      await service.removeClient(idOf(ctx), clientId, by);
      await serverClients.remove(clientId, by);
    });
    ctx.status = 204;
  });
}

/** Makes a client and gives it to the resource server, both or neither. @throws {AppError} `not_found` */
export function issueCredentials(
  deps: ResourceServerRouteDeps,
  id: string,
  by: ChangedBy,
): Promise<{ clientId: string; clientSecret: string }> {
  return deps.transaction(async () => {
    const issued = await deps.serverClients.issue(await deps.service.get(id), by);
    await deps.service.addClient(id, issued.clientId, by);
    return issued;
  });
}

/** Removes a resource server and ends its own credentials with it. @throws {AppError} `not_found` */
export function removeWithClients(deps: ResourceServerRouteDeps, id: string, by: ChangedBy): Promise<void> {
  return deps.transaction(async () => {
    const clients = await deps.service.clientsOf(id);
    await deps.service.remove(id, by);
    for (const clientId of clients) await deps.serverClients.remove(clientId, by);
  });
}
