import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { AppError } from '../platform/errors.ts';
import { assertUnfiltered, listOfAll, resourceTypeDocument, schemaDocument, schemasOf, serviceProviderConfig } from './discovery.ts';
import { scimErrorBody, scimRefusal } from './errors.ts';
import { readListRequest, readSearchRequest } from './list-request.ts';
import { namesVersion } from './preconditions.ts';
import { parseSelection } from './projection.ts';
import type { ScimResourceType } from './resource-type.ts';
import type { ScimResource } from './schema.ts';
import {
  createResource,
  listResources,
  locationOf,
  patchResource,
  presentResource,
  removeResource,
  replaceResource,
  searchAll,
} from './service.ts';
import { mediaType, root } from './wire.ts';

/** The scopes of contract.md "Addresses". */
export type ScimScope = 'scim:read' | 'scim:write';

/** What the routes of this room stand on. */
export interface ScimDependencies<Caller> {
  readonly resourceTypes: readonly ScimResourceType<Caller>[];
  /** `<issuer>/scim/v2`, absolute, no slash at the end. */
  readonly baseUrl: string;
  /** Who calls; throws `unauthenticated` or `forbidden`, after setting WWW-Authenticate if it has more to say than `Bearer`. */
  guard(ctx: Context, scope: ScimScope): Promise<Caller>;
  /** The JSON body, bounded; throws `too_large` or `invalid_input`. */
  readJson(ctx: Context): Promise<unknown>;
}

const maxIdLength = 200;

function send(ctx: Context, status: number, body: unknown): void {
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.set('Content-Type', mediaType);
}

/** Runs when no route matched path and method together. */
function answerUnmatched(ctx: Context): void {
  const matched = (ctx as Context & { matched?: { methods: string[] }[] }).matched ?? [];
  if (matched.length === 0) throw new AppError('not_found', 'There is no such SCIM endpoint.');
  const methods = [...new Set(matched.flatMap((layer) => layer.methods))];
  ctx.set('Allow', methods.join(', '));
  if (ctx.method === 'OPTIONS') {
    ctx.status = 204; // RFC 9110 §9.3.7: some clients ask first what they may do
    return;
  }
  send(ctx, 405, scimErrorBody(405, `This endpoint takes ${methods.join(', ')}.`));
}

function idOf(ctx: Context): string {
  const id = (ctx as Context & { params: Record<string, string> }).params['id'] ?? '';
  if (id === '' || id.length > maxIdLength || id.includes('\u0000')) throw new AppError('not_found', 'There is no such resource.');
  return id;
}

function ifMatchOf(ctx: Context): string | undefined {
  return ctx.get('If-Match') || undefined;
}

async function bodyOf(ctx: Context, readJson: (ctx: Context) => Promise<unknown>): Promise<unknown> {
  if (!ctx.is(mediaType, 'application/json')) throw new AppError('unsupported_media_type', `Send ${mediaType} or application/json.`);
  return readJson(ctx);
}

function sendResource<Caller>(
  ctx: Context,
  resource: ScimResource,
  { type, baseUrl, status }: { type: ScimResourceType<Caller>; baseUrl: string; status: number },
): void {
  ctx.set('ETag', resource.meta.version);
  if (status === 201) ctx.set('Location', locationOf(type, resource.id, baseUrl));
  send(ctx, status, presentResource(type, resource, { baseUrl, wanted: readListRequest(ctx.query) }));
}

function assertReadable<Caller>(ctx: Context, type: ScimResourceType<Caller>): void {
  parseSelection(type, readListRequest(ctx.query));
}

function addReads<Caller>(router: Router, type: ScimResourceType<Caller>, { baseUrl, guard, readJson }: ScimDependencies<Caller>): void {
  router.get(type.endpoint, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    send(ctx, 200, await listResources(type, { request: readListRequest(ctx.query), baseUrl }, caller));
  });
  router.post(`${type.endpoint}/.search`, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    send(ctx, 200, await listResources(type, { request: readSearchRequest(await bodyOf(ctx, readJson)), baseUrl }, caller));
  });
  router.get(`${type.endpoint}/:id`, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    const resource = await type.get(idOf(ctx), caller);
    const known = ctx.get('If-None-Match');
    if (known === '' || !namesVersion(known, resource.meta.version)) return sendResource(ctx, resource, { type, baseUrl, status: 200 });
    ctx.set('ETag', resource.meta.version);
    ctx.status = 304;
  });
}

function addWrites<Caller>(router: Router, type: ScimResourceType<Caller>, { baseUrl, guard, readJson }: ScimDependencies<Caller>): void {
  router.post(type.endpoint, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    assertReadable(ctx, type);
    sendResource(ctx, await createResource(type, await bodyOf(ctx, readJson), caller), { type, baseUrl, status: 201 });
  });
  router.put(`${type.endpoint}/:id`, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    assertReadable(ctx, type);
    const change = { id: idOf(ctx), body: await bodyOf(ctx, readJson), ifMatch: ifMatchOf(ctx) };
    sendResource(ctx, await replaceResource(type, change, caller), { type, baseUrl, status: 200 });
  });
  router.patch(`${type.endpoint}/:id`, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    assertReadable(ctx, type);
    const change = { id: idOf(ctx), body: await bodyOf(ctx, readJson), ifMatch: ifMatchOf(ctx) };
    sendResource(ctx, await patchResource(type, change, caller), { type, baseUrl, status: 200 });
  });
  router.delete(`${type.endpoint}/:id`, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    await removeResource(type, { id: idOf(ctx), ifMatch: ifMatchOf(ctx) }, caller);
    ctx.status = 204;
  });
}

function addDiscovery<Caller>(router: Router, { resourceTypes, baseUrl, guard }: ScimDependencies<Caller>): void {
  const schemas = schemasOf(resourceTypes).map((schema) => schemaDocument(schema, baseUrl));
  const types = resourceTypes.map((type) => resourceTypeDocument(type, baseUrl));
  router.get('/ServiceProviderConfig', async (ctx) => {
    await guard(ctx, 'scim:read');
    assertUnfiltered(ctx.query['filter']);
    send(ctx, 200, serviceProviderConfig(resourceTypes, baseUrl));
  });
  for (const [endpoint, documents] of [
    ['/ResourceTypes', types],
    ['/Schemas', schemas],
  ] as const) {
    router.get(endpoint, async (ctx) => {
      await guard(ctx, 'scim:read');
      assertUnfiltered(ctx.query['filter']);
      send(ctx, 200, listOfAll(documents));
    });
    router.get(`${endpoint}/:id`, async (ctx) => {
      await guard(ctx, 'scim:read');
      const found = documents.find((document) => document['id'] === idOf(ctx));
      if (!found) throw new AppError('not_found', 'There is no such document.');
      send(ctx, 200, found);
    });
  }
}

/**
 * All of `/scim/v2` (RFC 7644 §3.2, table 2) as one koa middleware; other paths pass through. Everything, discovery included,
 * is behind the guard. The edge's error boundary turns what is thrown into RFC 7644 §3.12 bodies (`scimErrorFormat`); `/Me` is 501
 * (RFC 7644 §3.11), Bulk is not offered.
 */
export function createScimRoutes<Caller>(deps: ScimDependencies<Caller>): Middleware {
  const router = new Router({ prefix: root });
  router.post('/.search', async (ctx) => {
    const caller = await deps.guard(ctx, 'scim:read');
    send(
      ctx,
      200,
      await searchAll(deps.resourceTypes, { request: readSearchRequest(await bodyOf(ctx, deps.readJson)), baseUrl: deps.baseUrl }, caller),
    );
  });
  router.all('/Me', (ctx) => send(ctx, 501, scimErrorBody(501, 'Address resources by their id.')));
  addDiscovery(router, deps);
  for (const type of deps.resourceTypes) {
    addReads(router, type, deps);
    addWrites(router, type, deps);
  }
  const dispatch = router.routes();
  return async (ctx, next) => {
    if (ctx.path !== root && !ctx.path.startsWith(`${root}/`)) return next();
    if (decodingFails(ctx.path)) throw scimRefusal('invalidSyntax', 'The path is not percent-encoded UTF-8.');
    await dispatch(ctx as never, async () => answerUnmatched(ctx));
  };
}

function decodingFails(path: string): boolean {
  try {
    decodeURIComponent(path);
    return false;
  } catch {
    return true;
  }
}
