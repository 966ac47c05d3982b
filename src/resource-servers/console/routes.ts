import type Router from '@koa/router';
import { issuerOf } from '../../oidc/index.ts';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { parseWith } from '../../platform/http/body.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { idOf } from '../../platform/http/path-id.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import type { Form, PageNeed, Web } from '../../platform/http/web.ts';
import { presentInConsole, presentInList, presentTools, readScopeLines, scopeLines } from '../present.ts';
import { newResourceServer, type ResourceServer, resourceServerChange, TOKEN_ALGORITHMS } from '../resource-server.ts';
import { toolPages } from '../tools/routes.ts';
import { issueCredentials, type ResourceServerRouteDeps, removeWithClients } from '../routes.ts';

const PATH = '/console/resource-servers';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
const WRITE: PageNeed = { roles: ['admin'] };
/** Security rule R22: destructive acts and new credentials need a recent sign-in. */
const DESTROY: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };

const KINDS = [
  { value: 'mcp', words: 'An MCP server' },
  { value: 'api', words: 'An API' },
];
const SENSITIVITIES = [
  { value: 'low', words: 'Little' },
  { value: 'medium', words: 'Some' },
  { value: 'high', words: 'Much: money, secrets, personal data' },
];
const ALGORITHMS = TOKEN_ALGORITHMS.map((value) => ({ value, words: value }));
/** Where a fault of the interface's input stands in the form. */
const FIELDS: Readonly<Record<string, string>> = { identifier: 'uri', token_ttl_seconds: 'lifetimeSeconds' };

type Values = Readonly<Record<'name' | 'uri' | 'kind' | 'scopes' | 'lifetimeSeconds' | 'algorithm' | 'sensitivity', string>>;

function textOf(form: Form, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value : '';
}

function valuesOf(form: Form): Values {
  const text = (name: keyof Values) => textOf(form, name);
  return {
    name: text('name'),
    uri: text('uri'),
    kind: text('kind'),
    scopes: text('scopes'),
    lifetimeSeconds: text('lifetimeSeconds'),
    algorithm: text('algorithm'),
    sensitivity: text('sensitivity'),
  };
}

function inputOf({ uri, lifetimeSeconds, scopes, ...rest }: Values) {
  return { ...rest, token_ttl_seconds: lifetimeSeconds === '' ? null : Number(lifetimeSeconds), scopes: readScopeLines(scopes) };
}

function valuesOfServer(server: ResourceServer): Values {
  const { name, identifier, kind, algorithm, sensitivity, tokenTtlSeconds, scopes } = server;
  return {
    name,
    uri: identifier,
    kind,
    algorithm,
    sensitivity,
    lifetimeSeconds: tokenTtlSeconds?.toString() ?? '',
    scopes: scopeLines(scopes),
  };
}

const EMPTY: Values = { name: '', uri: '', kind: 'mcp', scopes: '', lifetimeSeconds: '', algorithm: 'ES256', sensitivity: 'medium' };

function formModel(values: Values, more: { isNew: boolean; action: string; backHref: string }) {
  const words = more.isNew ? { heading: 'Add a resource server', submit: 'Add it' } : { heading: `Edit ${values.name}`, submit: 'Save' };
  return { ...words, ...more, kinds: KINDS, algorithms: ALGORITHMS, sensitivities: SENSITIVITIES, values };
}

/** What to mend, for the form; anything but bad input is not the form's business. */
function faultsOf(error: unknown): { field?: string; message: string }[] {
  if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
  const [, member = ''] = (error.details.member ?? '').split('/');
  return [{ ...(member === '' ? {} : { field: FIELDS[member] ?? member }), message: error.message }];
}

/** The console's pages of resource servers: list, one, add, edit, remove, own credentials. */
export function resourceServerConsole(deps: ResourceServerRouteDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  addPages(deps, router, web);
  editPages(deps, router, web);
  removePages(deps, router, web);
  detailPages(deps, router, web);
  toolPages(deps, router, web);
}

function listPage({ service, issuer }: ResourceServerRouteDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const [records, count] = await Promise.all([service.list({ after, limit: limit + 1 }), service.count()]);
    const { items, next_cursor: next } = pageOf(records, limit, ({ id }) => id);
    const model = {
      heading: count === 1 ? '1 API accepts our tokens' : `${count} APIs accept our tokens`,
      words: 'An agent can ask for access to these and to nothing else.',
      resourceServers: items.map(presentInList),
      ...(next === undefined ? {} : { pager: { words: `${items.length} of ${count}`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/resource-servers', model, session);
  });
}

function addPages({ service, issuer }: ResourceServerRouteDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const more = { isNew: true, action: `${base}${PATH}/new`, backHref: `${base}${PATH}` };
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session !== undefined) await web.pages.show(ctx, 'console/resource-server-form', formModel(EMPTY, more), session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      const server = await service.create(
        parseWith(newResourceServer, { ...inputOf(values), identifier: values.uri }),
        personAsChanger(session),
      );
      web.pages.redirect(ctx, `${PATH}/${server.id}`, { kind: 'done', text: `${server.name} can now be asked for.` });
    } catch (error) {
      await web.pages.show(
        ctx,
        'console/resource-server-form',
        { ...formModel(values, more), status: 400, faults: faultsOf(error) },
        session,
      );
    }
  });
}

function editPages({ service, issuer }: ResourceServerRouteDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const moreOf = (id: string) => ({ isNew: false, action: `${base}${PATH}/${id}/edit`, backHref: `${base}${PATH}/${id}` });
  router.get(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const server = await service.get(idOf(ctx));
    await web.pages.show(ctx, 'console/resource-server-form', formModel(valuesOfServer(server), moreOf(server.id)), session);
  });
  router.post(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    const server = await service.get(idOf(ctx));
    try {
      await service.update(server.id, parseWith(resourceServerChange, inputOf(values)), personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${server.id}`, { kind: 'done', text: 'Saved.' });
    } catch (error) {
      const model = formModel({ ...values, uri: server.identifier }, moreOf(server.id));
      await web.pages.show(ctx, 'console/resource-server-form', { ...model, status: 400, faults: faultsOf(error) }, session);
    }
  });
}

function removePages(deps: ResourceServerRouteDeps, router: Router, web: Web): void {
  const base = basePathOf(deps.issuer);
  const modelOf = ({ id, name }: ResourceServer) => ({
    heading: `Remove ${name}?`,
    words: 'Every token for it ends at once, its own credentials too, and nobody can ask for it any more.',
    action: `${base}${PATH}/${id}/remove`,
    backHref: `${base}${PATH}/${id}`,
    submit: 'Remove it',
    current: 'resource-servers',
    name,
    values: {},
  });
  router.get(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session !== undefined) await web.pages.show(ctx, 'console/confirm', modelOf(await deps.service.get(idOf(ctx))), session);
  });
  router.post(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    const typed = textOf(await web.pages.form(ctx), 'name');
    const server = await deps.service.get(idOf(ctx));
    if (typed.trim() !== server.name) {
      const faults = [{ field: 'name', message: 'Type the name exactly as it stands above.' }];
      await web.pages.show(ctx, 'console/confirm', { ...modelOf(server), status: 400, faults }, session);
      return;
    }
    await removeWithClients(deps, server.id, personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: `${server.name} is removed.` });
  });
}

function detailPages(deps: ResourceServerRouteDeps, router: Router, web: Web): void {
  const { service, serverClients, issuer } = deps;
  const base = basePathOf(issuer);
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const server = await service.get(idOf(ctx));
    const clients = await serverClients.describe(await service.clientsOf(server.id));
    const model = {
      ...presentInConsole(server, issuerOf(issuer)),
      scopes: server.scopes.map(({ name, description, risk }) => ({ value: name, words: description, risk })),
      ...presentTools(server, session.role === 'admin' ? `${base}${PATH}/${server.id}` : undefined),
      clients: clients.map(({ clientId, name, lastUsedAt }) => ({
        name,
        detail: `${clientId} · ${lastUsedAt === undefined ? 'never used' : `last used ${lastUsedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`}`,
        href: `${base}/console/clients/${encodeURIComponent(clientId)}`,
      })),
      maySave: session.role === 'admin',
    };
    await web.pages.show(ctx, 'console/resource-server', model, session);
  });
  router.post(`${PATH}/:id/clients`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const server = await service.get(idOf(ctx));
    const { clientId, clientSecret } = await issueCredentials(deps, server.id, personAsChanger(session));
    ctx.set('cache-control', 'no-store');
    const model = {
      heading: `Credentials of ${server.name}`,
      words: 'The API proves itself with these when it asks about tokens or exchanges them onward.',
      once: [
        { label: 'client_id', value: clientId },
        { label: 'client_secret', value: clientSecret },
      ],
      facts: [{ label: 'Sent as', value: 'client_secret_basic' }],
      next: { href: `${base}${PATH}/${server.id}`, words: 'I have copied it' },
      current: 'resource-servers',
    };
    await web.pages.show(ctx, 'console/shown-once', model, session);
  });
}
