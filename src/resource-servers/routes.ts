import type Router from '@koa/router';
import { type ManagementApi, managementApi } from '../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, startOf } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { Web } from '../platform/http/web.ts';
import { credentialsBody, newCredentialBody, presentResourceServer, resourceServerBody } from './present.ts';
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
  const api = managementApi(router, web);
  const answer = resourceServerBody;

  api.get(
    PATH,
    { summary: 'List the resource servers', scope: 'admin:read', query: pageQuery, answer: pageBody(answer) },
    async ({ query }) => {
      const { after, limit } = startOf(query);
      const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
      return { ...page, items: page.items.map(presentResourceServer) };
    },
  );
  api.post(
    PATH,
    { summary: 'Register a resource server', scope: 'admin:write', body: newResourceServer, answer, status: 201 },
    async ({ ctx, by, body }) => {
      const server = await service.create(body, by);
      ctx.set('location', `${ctx.path}/${server.id}`);
      return presentResourceServer(server);
    },
  );
  api.get(`${PATH}/:id`, { summary: 'Read a resource server', scope: 'admin:read', answer }, async ({ ctx }) =>
    presentResourceServer(await service.get(idOf(ctx))),
  );
  api.patch(
    `${PATH}/:id`,
    { summary: 'Change a resource server', scope: 'admin:write', body: resourceServerChange, answer },
    async ({ ctx, by, body }) => presentResourceServer(await service.update(idOf(ctx), body, by)),
  );
  api.delete(`${PATH}/:id`, { summary: 'Remove a resource server, its credentials and its tokens', scope: 'admin:write' }, ({ ctx, by }) =>
    removeWithClients(deps, idOf(ctx), by),
  );
  credentialRoutes(deps, api);
}

/** `/api/v1/resource-servers/{id}/clients`: list, make (the secret is in that one answer) and end. */
function credentialRoutes(deps: ResourceServerRouteDeps, api: ManagementApi): void {
  const { service, serverClients } = deps;
  const path = `${PATH}/:id/clients`;
  api.get(path, { summary: 'List the credentials of a resource server', scope: 'admin:read', answer: credentialsBody }, async ({ ctx }) => {
    const { id } = await service.get(idOf(ctx));
    const clients = await serverClients.describe(await service.clientsOf(id));
    return {
      items: clients.map(({ clientId, name, lastUsedAt }) => ({
        client_id: clientId,
        name,
        last_used_at: lastUsedAt?.toISOString() ?? null,
      })),
    };
  });
  api.post(
    path,
    { summary: 'Make credentials for a resource server', scope: 'admin:write', answer: newCredentialBody, status: 201 },
    async ({ ctx, by }) => {
      const { clientId, clientSecret } = await issueCredentials(deps, idOf(ctx), by);
      ctx.set('cache-control', 'no-store');
      return { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' as const };
    },
  );
  api.delete(`${path}/:clientId`, { summary: 'End credentials of a resource server', scope: 'admin:write' }, ({ ctx, by }) => {
    const { clientId = '' } = ctx.params;
    return deps.transaction(async () => {
      await service.removeClient(idOf(ctx), clientId, by);
      await serverClients.remove(clientId, by);
    });
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
