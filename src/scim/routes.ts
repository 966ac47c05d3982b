import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Failure } from '../platform/http/failure.ts';
import { createBulkGate } from './bulk/gate.ts';
import { runBulk } from './bulk/service.ts';
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
  /** A name for the caller that no other one has: what is kept or counted for one is not another one's (cursors, bulk requests). */
  identify(caller: Caller): string;
  /** The resource that the caller's token speaks for, the name of its type and its id; undefined when there is none. */
  me(caller: Caller): { readonly type: string; readonly id: string } | undefined;
  /** What is told about an error within a request that goes on; what nobody foresaw reaches the log. */
  failureOf(ctx: Context, error: unknown): Failure;
  readonly clock: Pick<Clock, 'now'>;
}

type Located<Caller> = { readonly type: ScimResourceType<Caller>; readonly id: string };
type Locate<Caller> = (ctx: Context, caller: Caller) => Located<Caller>;

const maxIdLength = 200;
/** How long a bulk request may take before what is left of it is answered untried; well below what proxies wait. */
const longestBulkMs = 20_000;
const bulkLimits = { perCaller: 2, inAll: 4 };

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

function addCollection<Caller>(router: Router, type: ScimResourceType<Caller>, deps: ScimDependencies<Caller>): void {
  const { baseUrl, guard, readJson, identify } = deps;
  router.get(type.endpoint, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    const request = readListRequest(ctx.query);
    send(ctx, 200, await listResources(type, { request, baseUrl, holder: identify(caller) }, caller));
  });
  router.post(`${type.endpoint}/.search`, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    const request = readSearchRequest(await bodyOf(ctx, readJson));
    send(ctx, 200, await listResources(type, { request, baseUrl, holder: identify(caller) }, caller));
  });
  router.post(type.endpoint, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    assertReadable(ctx, type);
    sendResource(ctx, await createResource(type, await bodyOf(ctx, readJson), caller), { type, baseUrl, status: 201 });
  });
}

/** GET, PUT, PATCH and DELETE of one resource, wherever it is addressed. */
function addResource<Caller>(router: Router, path: string, deps: ScimDependencies<Caller> & { readonly locate: Locate<Caller> }): void {
  const { baseUrl, guard, readJson, locate } = deps;
  router.get(path, async (ctx) => {
    const caller = await guard(ctx, 'scim:read');
    const { type, id } = locate(ctx, caller);
    const resource = await type.get(id, caller);
    const known = ctx.get('If-None-Match');
    if (known === '' || !namesVersion(known, resource.meta.version)) return sendResource(ctx, resource, { type, baseUrl, status: 200 });
    ctx.set('ETag', resource.meta.version);
    ctx.status = 304;
  });
  for (const [method, change] of [
    ['put', replaceResource],
    ['patch', patchResource],
  ] as const) {
    router[method](path, async (ctx) => {
      const caller = await guard(ctx, 'scim:write');
      const { type, id } = locate(ctx, caller);
      assertReadable(ctx, type);
      const body = await bodyOf(ctx, readJson);
      sendResource(ctx, await change(type, { id, body, ifMatch: ifMatchOf(ctx) }, caller), { type, baseUrl, status: 200 });
    });
  }
  router.delete(path, async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    const { type, id } = locate(ctx, caller);
    await removeResource(type, { id, ifMatch: ifMatchOf(ctx) }, caller);
    ctx.status = 204;
  });
}

/** `/Me` (RFC 7644 §3.11): answered as the resource itself would be, whose place is told in every answer. */
function locateMe<Caller>({ resourceTypes, baseUrl, me }: ScimDependencies<Caller>): Locate<Caller> {
  return (ctx, caller) => {
    const found = me(caller);
    const type = resourceTypes.find(({ name }) => name === found?.type);
    if (found === undefined || type === undefined)
      throw new AppError('not_found', 'This token speaks for nobody who is a SCIM resource here: address resources by their id.');
    ctx.set('Location', locationOf(type, found.id, baseUrl));
    return { type, id: found.id };
  };
}

/** `/Bulk` (RFC 7644 §3.7). The guard stands before everything else, the gate before the body is read. */
function addBulk<Caller>(router: Router, deps: ScimDependencies<Caller>): void {
  const { resourceTypes, baseUrl, guard, readJson, identify, failureOf, clock } = deps;
  const gate = createBulkGate(bulkLimits);
  router.post('/Bulk', async (ctx) => {
    const caller = await guard(ctx, 'scim:write');
    await gate.within(identify(caller), async () => {
      const body = await bodyOf(ctx, readJson);
      const end = clock.now().getTime() + longestBulkMs;
      const isOver = () => clock.now().getTime() >= end || ctx.res.destroyed;
      send(ctx, 200, await runBulk(body, { resourceTypes, baseUrl, caller, failureOf: (error) => failureOf(ctx, error), isOver }));
    });
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
 * is behind the guard. The edge's error boundary turns what is thrown into RFC 7644 §3.12 bodies (`scimErrorFormat`).
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
  addResource(router, '/Me', { ...deps, locate: locateMe(deps) });
  addBulk(router, deps);
  addDiscovery(router, deps);
  for (const type of deps.resourceTypes) {
    addCollection(router, type, deps);
    addResource(router, `${type.endpoint}/:id`, { ...deps, locate: (ctx) => ({ type, id: idOf(ctx) }) });
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
