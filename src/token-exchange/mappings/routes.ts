import type Router from '@koa/router';
import { AppError } from '../../platform/errors.ts';
import { parseWith } from '../../platform/http/body.ts';
import { managementApi } from '../../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, readPageQuery, startOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, Web } from '../../platform/http/web.ts';
import type { Choice } from '../console/routes.ts';
import { newMapping } from './mapping.ts';
import { lineOf, mappingBody, presentMapping } from './present.ts';
import type { MappingService } from './service.ts';

/** What the routes stand on. */
export interface MappingRouteDeps {
  readonly service: MappingService;
  /** What a resource is called; undefined when the record is gone. */
  readonly nameOf: (identifier: string) => Promise<string | undefined>;
  readonly choices: () => Promise<{ readonly resources: readonly Choice[] }>;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
}

const API = '/api/v1/scope-mappings';
const PAGE = '/console/scope-mappings';
/** What scopes give elsewhere changes only under a recent sign-in (security rule R22). */
const MAY_CHANGE = { roles: ['admin'], maxAgeSeconds: 900 } as const;
const MAY_READ = { roles: ['admin', 'auditor'] } as const;
/** Which field of the form a member of the interface is. */
const FIELDS: Readonly<Record<string, string>> = {
  'from/resource': 'fromResource',
  'from/scope': 'fromScope',
  'to/resource': 'toResource',
  'to/scope': 'toScope',
};

type Context = Parameters<Web['pages']['show']>[0];

/** `/api/v1/scope-mappings`: list, read, create, delete. A mapping never changes. */
export function mappingApi({ service }: Pick<MappingRouteDeps, 'service'>, router: Router, web: Web): void {
  const api = managementApi(router, web);
  const answer = mappingBody;
  const list = { summary: 'List the scope mappings', scope: 'admin:read', query: pageQuery, answer: pageBody(answer) } as const;
  api.get(API, list, async ({ query }) => {
    const { after, limit } = startOf(query);
    const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
    return { ...page, items: page.items.map(presentMapping) };
  });
  api.get(`${API}/:id`, { summary: 'Read a scope mapping', scope: 'admin:read', answer }, async ({ ctx }) =>
    presentMapping(await service.get(idOf(ctx))),
  );
  const make = { summary: 'Let a scope give another one elsewhere', scope: 'admin:write', body: newMapping, answer, status: 201 } as const;
  api.post(API, make, async ({ ctx, by, body }) => {
    const mapping = await service.create(body, by);
    ctx.set('location', `${ctx.path}/${mapping.id}`);
    return presentMapping(mapping);
  });
  api.delete(`${API}/:id`, { summary: 'Remove a scope mapping', scope: 'admin:write' }, ({ ctx, by }) => service.remove(idOf(ctx), by));
}

function valuesOf(form: Form) {
  const text = (name: string) => (typeof form[name] === 'string' ? form[name].trim().slice(0, 2_000) : '');
  return { fromResource: text('fromResource'), fromScope: text('fromScope'), toResource: text('toResource'), toScope: text('toScope') };
}

type Values = ReturnType<typeof valuesOf>;

function inputOf({ fromResource, fromScope, toResource, toScope }: Values) {
  return parseWith(newMapping, {
    from: { resource: fromResource, scope: fromScope },
    to: { resource: toResource, scope: toScope },
  });
}

/** `/console/scope-mappings`: the rules with a form for another one, and a page that asks before one is removed. */
export function mappingConsole(deps: MappingRouteDeps, router: Router, web: Web): void {
  const { service, nameOf, basePath } = deps;
  const show = async (ctx: Context, session: BrowserSession, about: { values: Values; fault?: AppError }) => {
    const { after, limit } = readPageQuery(ctx);
    const page = pageOf(await service.list({ after, limit: limit + 1 }), limit, ({ id }) => id);
    const member = (about.fault?.details.member ?? '').replace(/^\//, '');
    const faults =
      about.fault === undefined ? {} : { status: 400, faults: [{ field: FIELDS[member] ?? 'toScope', message: about.fault.message }] };
    const nextHref = page.next_cursor === undefined ? {} : { nextHref: `${basePath}${PAGE}?cursor=${page.next_cursor}` };
    const model = {
      mappings: await Promise.all(page.items.map((one) => lineOf(one, nameOf))),
      mayChange: session.role === 'admin',
      resources: (await deps.choices()).resources,
      action: `${basePath}${PAGE}`,
      values: about.values,
      pager: { words: `${page.items.length} shown`, ...nextHref },
      ...faults,
    };
    await web.pages.show(ctx, 'console/scope-mappings', model, session);
  };
  router.get(PAGE, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_READ);
    if (session !== undefined) await show(ctx, session, { values: valuesOf({}) });
  });
  router.post(PAGE, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_CHANGE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      await service.create(inputOf(values), { kind: 'account', id: session.accountId });
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
      return show(ctx, session, { values, fault: error });
    }
    web.pages.redirect(ctx, PAGE, { kind: 'done', text: 'The mapping counts from now on.' });
  });
  addRemoval(deps, router, web);
}

function addRemoval({ service, nameOf, basePath }: MappingRouteDeps, router: Router, web: Web): void {
  const path = `${PAGE}/:id/remove`;
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_CHANGE);
    if (session === undefined) return;
    const { id, from, to } = await lineOf(await service.get(idOf(ctx)), nameOf);
    const model = {
      heading: 'Remove this mapping?',
      words: `${from.scope} at ${from.name} will no longer give ${to.scope} at ${to.name}. Tokens already handed on live out their few minutes.`,
      action: `${basePath}${PAGE}/${id}/remove`,
      backHref: `${basePath}${PAGE}`,
      submit: 'Remove it',
      current: 'delegations',
      values: {},
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_CHANGE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    await service.remove(idOf(ctx), { kind: 'account', id: session.accountId });
    web.pages.redirect(ctx, PAGE, { kind: 'done', text: 'The mapping is gone.' });
  });
}
