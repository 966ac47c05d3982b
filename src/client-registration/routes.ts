import type Router from '@koa/router';
import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import { type ManagementApi, managementApi } from '../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, startOf } from '../platform/http/paging.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { ApiCaller, Web } from '../platform/http/web.ts';
import { PURPOSES } from './client.ts';
import { type InitialAccessTokens, newInitialAccessToken } from './initial-access-tokens/service.ts';
import { presentClient, presentInitialAccessToken } from './present.ts';
import { clientBody, initialAccessTokenBody, newClientBody, newInitialAccessTokenBody, newSecretBody } from './wire.ts';
import { clientChange, newClient } from './client-input.ts';
import type { ClientService } from './service.ts';

/** What the management interface stands on. */
export interface ClientApiDeps {
  readonly clients: ClientService;
  readonly initialAccessTokens: InitialAccessTokens;
}

const CLIENTS = '/api/v1/clients';
const TOKENS = '/api/v1/initial-access-tokens';

const listQuery = pageQuery.extend({ search: z.string().max(120).optional(), purpose: z.enum(PURPOSES).optional() });
const rotation = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(30 * 86_400)
      .optional(),
  })
  .default({});

/** Only a person, or a client that has governance itself, hands governance on (security rule R7). */
function checkGovernance(caller: ApiCaller, input: { has_governance?: boolean | undefined }): void {
  if (input.has_governance !== true || caller.hasGovernance || caller.accountId !== undefined) return;
  throw new AppError('forbidden', 'This client may not hand governance on.', { member: '/has_governance' });
}

/** `/api/v1/clients` with secret rotation, and `/api/v1/initial-access-tokens`. */
export function clientApi(deps: ClientApiDeps, router: Router, web: Web): void {
  const api = managementApi(router, web);
  clientRoutes(deps.clients, api);
  tokenRoutes(deps.initialAccessTokens, api);
}

function clientRoutes(clients: ClientService, api: ManagementApi): void {
  const answer = clientBody;
  api.get(
    CLIENTS,
    { summary: 'List the clients', scope: 'admin:read', query: listQuery, answer: pageBody(answer) },
    async ({ query: { search, purpose, ...place } }) => {
      const { after, limit } = startOf(place);
      const page = pageOf(await clients.list({ search, purpose, after, limit: limit + 1 }), limit, ({ id }) => id);
      return { ...page, items: page.items.map(presentClient) };
    },
  );
  api.post(
    CLIENTS,
    {
      summary: 'Add a client; its secret is in this answer alone',
      scope: 'admin:write',
      body: newClient,
      answer: newClientBody,
      status: 201,
    },
    async ({ ctx, caller, by, body }) => {
      checkGovernance(caller, body);
      const { record, secret } = await clients.create(body, by);
      ctx.set({ location: `${ctx.path}/${encodeURIComponent(record.id)}`, 'cache-control': 'no-store' });
      return { ...presentClient(record), ...(secret === undefined ? {} : { client_secret: secret }) };
    },
  );
  api.get(`${CLIENTS}/:id`, { summary: 'Read a client', scope: 'admin:read', answer }, async ({ ctx }) =>
    presentClient(await clients.get(idOf(ctx))),
  );
  api.patch(
    `${CLIENTS}/:id`,
    { summary: 'Change a client', scope: 'admin:write', body: clientChange, answer },
    async ({ ctx, caller, by, body }) => {
      checkGovernance(caller, body);
      return presentClient(await clients.update(idOf(ctx), body, by));
    },
  );
  api.delete(`${CLIENTS}/:id`, { summary: 'Delete a client and end its tokens', scope: 'admin:write' }, async ({ ctx, by }) => {
    await clients.remove(idOf(ctx), by);
  });
  api.post(
    `${CLIENTS}/:id/secret`,
    { summary: 'Give a client a new secret; it is in this answer alone', scope: 'admin:write', body: rotation, answer: newSecretBody },
    async ({ ctx, by, body: { overlap_seconds: overlapSeconds } }) => {
      const secret = await clients.rotateSecret(idOf(ctx), { overlapSeconds, by });
      ctx.set('cache-control', 'no-store');
      return { client_id: idOf(ctx), client_secret: secret };
    },
  );
}

function tokenRoutes(tokens: InitialAccessTokens, api: ManagementApi): void {
  const answer = initialAccessTokenBody;
  api.get(
    TOKENS,
    { summary: 'List the initial access tokens', scope: 'admin:read', query: pageQuery, answer: pageBody(answer) },
    async ({ query }) => {
      const { after, limit } = startOf(query);
      const page = pageOf(await tokens.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
      return { ...page, items: page.items.map(presentInitialAccessToken) };
    },
  );
  api.post(
    TOKENS,
    {
      summary: 'Make an initial access token; its value is in this answer alone',
      ...{ scope: 'admin:write', body: newInitialAccessToken, answer: newInitialAccessTokenBody, status: 201 },
    },
    async ({ ctx, by, body }) => {
      const { record, token } = await tokens.create(body, by);
      ctx.set({ location: `${ctx.path}/${record.id}`, 'cache-control': 'no-store' });
      return { ...presentInitialAccessToken(record), token };
    },
  );
  api.get(`${TOKENS}/:id`, { summary: 'Read an initial access token', scope: 'admin:read', answer }, async ({ ctx }) =>
    presentInitialAccessToken(await tokens.get(idOf(ctx))),
  );
  api.delete(`${TOKENS}/:id`, { summary: 'End an initial access token', scope: 'admin:write' }, async ({ ctx, by }) => {
    await tokens.revoke(idOf(ctx), by);
  });
}
