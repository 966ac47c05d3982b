import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { parseWith } from '../../platform/http/body.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../platform/http/web.ts';
import type { ResourceServer } from '../resource-server.ts';
import { RISKS } from '../risk.ts';
import type { ResourceServerService } from '../service.ts';
import { type ResourceTool, toolInput, type ToolInput } from './tool.ts';
import { toolsTold } from './told.ts';

/** What the pages stand on. */
export interface ToolPagesDeps {
  readonly service: Pick<ResourceServerService, 'get' | 'update'>;
  readonly issuer: URL;
}

const PATH = '/console/resource-servers/:id/tools';
const WRITE: PageNeed = { roles: ['admin'] };
const FORM = 'console/tool-form';
const RISK_WORDS = { low: 'Little', medium: 'Some', high: 'Much: money, secrets, personal data' } as const;

type Values = Readonly<Record<'name' | 'title' | 'description' | 'risk' | 'toolScope', string>>;

const EMPTY: Values = { name: '', title: '', description: '', risk: 'medium', toolScope: '' };

const textIn = (form: Form, name: string) => (typeof form[name] === 'string' ? form[name] : '');
const pageOf = ({ id }: Pick<ResourceServer, 'id'>) => `/console/resource-servers/${id}`;

function valuesOf(form: Form): Values {
  const text = (name: keyof Values) => textIn(form, name);
  return { name: text('name'), title: text('title'), description: text('description'), risk: text('risk'), toolScope: text('toolScope') };
}

function valuesOfTool({ name, title, description, risk, scope }: ResourceTool): Values {
  return { name, title, description, risk, toolScope: scope ?? '' };
}

function inputOf({ title, toolScope, ...rest }: Values): ToolInput {
  const words = title === '' ? {} : { title };
  return parseWith(toolInput, { ...rest, ...words, scope: toolScope === '' ? null : toolScope });
}

/** A tool in the form a change takes it. */
function asInput({ scope, description, ...tool }: ResourceTool): ToolInput {
  return { ...tool, scope: scope ?? null, ...(description === '' ? {} : { description }) };
}

/** What to mend; the last part of the pointer is the field. */
function faultsOf(error: unknown): { field: string; message: string }[] {
  if (!(error instanceof AppError) || error.code !== 'invalid_input') throw error;
  const field = error.details.member?.split('/').at(-1) ?? '';
  return [{ field: field === 'scope' ? 'toolScope' : field, message: error.message }];
}

function formModel(server: ResourceServer, values: Values, about: { action: string; base: string; tool: ResourceTool | undefined }) {
  const { action, base, tool } = about;
  return {
    ...(tool === undefined
      ? { heading: `Add a tool of ${server.name}`, submit: 'Add it' }
      : { heading: `Edit ${tool.title}`, submit: 'Save' }),
    isNew: tool === undefined,
    server: { name: server.name, href: `${base}${pageOf(server)}` },
    action,
    risks: RISKS.map((value) => ({ value, words: RISK_WORDS[value] })),
    scopes: [
      { value: '', words: 'None in particular' },
      ...server.scopes.map(({ name, description }) => ({ value: name, words: `${name}: ${description}` })),
    ],
    values,
  };
}

function toolIn(server: ResourceServer, ctx: Context & { readonly params: Readonly<Record<string, string | undefined>> }): ResourceTool {
  const tool = server.tools.find(({ name }) => name === ctx.params['tool']);
  if (tool === undefined) throw new AppError('not_found', 'The resource server has no such tool.');
  return tool;
}

/** The console's pages of a resource server's tools: add, edit, remove, take from what the server tells, and whether others go too. */
export function toolPages(deps: ToolPagesDeps, router: Router, web: Web): void {
  addPages(deps, router, web);
  editPages(deps, router, web);
  toldPages(deps, router, web);
  router.post(`${PATH}/open`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const isOpen = textIn(await web.pages.form(ctx), 'open') === 'yes';
    const server = await deps.service.update(idOf(ctx), { tools_open: isOpen }, personAsChanger(session));
    const text = isOpen ? 'Other tools may be asked for, too.' : 'Only these tools may be asked for.';
    web.pages.redirect(ctx, pageOf(server), { kind: 'done', text });
  });
}

function addPages({ service, issuer }: ToolPagesDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = (server: ResourceServer, values: Values) =>
    formModel(server, values, { action: `${base}${pageOf(server)}/tools/new`, base, tool: undefined });
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const server = await service.get(idOf(ctx));
    await web.pages.show(ctx, FORM, modelOf(server, { ...EMPTY, risk: server.sensitivity }), session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    const server = await service.get(idOf(ctx));
    try {
      await service.update(server.id, { tools: [...server.tools.map(asInput), inputOf(values)] }, personAsChanger(session));
      web.pages.redirect(ctx, pageOf(server), { kind: 'done', text: `${values.title || values.name} is one of its tools.` });
    } catch (error) {
      await web.pages.show(ctx, FORM, { ...modelOf(server, values), status: 400, faults: faultsOf(error) }, session);
    }
  });
}

function editPages({ service, issuer }: ToolPagesDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = (server: ResourceServer, tool: ResourceTool, values: Values) =>
    formModel(server, values, { action: `${base}${pageOf(server)}/tools/${encodeURIComponent(tool.name)}/edit`, base, tool });
  const save = async (about: { server: ResourceServer; tool: ResourceTool; form: Form; session: BrowserSession }) => {
    const { server, tool, form, session } = about;
    const others = server.tools.filter(({ name }) => name !== tool.name);
    const by = personAsChanger(session);
    if (form['act'] === 'remove') return service.update(server.id, { tools: others.map(asInput) }, by);
    const changed = inputOf({ ...valuesOf(form), name: tool.name });
    return service.update(server.id, { tools: server.tools.map((each) => (each === tool ? changed : asInput(each))) }, by);
  };
  router.get(`${PATH}/:tool/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const server = await service.get(idOf(ctx));
    const tool = toolIn(server, ctx);
    await web.pages.show(ctx, FORM, modelOf(server, tool, valuesOfTool(tool)), session);
  });
  router.post(`${PATH}/:tool/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const server = await service.get(idOf(ctx));
    const tool = toolIn(server, ctx);
    try {
      await save({ server, tool, form, session });
      web.pages.redirect(ctx, pageOf(server), { kind: 'done', text: form['act'] === 'remove' ? `${tool.title} is removed.` : 'Saved.' });
    } catch (error) {
      const model = modelOf(server, tool, { ...valuesOf(form), name: tool.name });
      await web.pages.show(ctx, FORM, { ...model, status: 400, faults: faultsOf(error) }, session);
    }
  });
}

/** Tools that are known keep what was written about them; the server only adds to them. */
function joined(server: ResourceServer, told: readonly ToolInput[]): ToolInput[] {
  const known = new Set(server.tools.map(({ name }) => name));
  return [...server.tools.map(asInput), ...told.filter(({ name }) => !known.has(name))];
}

function toldPages({ service, issuer }: ToolPagesDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = (server: ResourceServer, told: string) => ({
    server: { name: server.name, href: `${base}${pageOf(server)}` },
    action: `${base}${pageOf(server)}/tools/told`,
    values: { told },
  });
  router.get(`${PATH}/told`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session !== undefined) await web.pages.show(ctx, 'console/tools-told', modelOf(await service.get(idOf(ctx)), ''), session);
  });
  router.post(`${PATH}/told`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const told = textIn(await web.pages.form(ctx), 'told');
    const server = await service.get(idOf(ctx));
    try {
      const tools = joined(server, toolsTold(told)).map((tool) => parseWith(toolInput, tool));
      await service.update(server.id, { tools }, personAsChanger(session));
      const added = tools.length - server.tools.length;
      web.pages.redirect(ctx, pageOf(server), { kind: 'done', text: added === 1 ? 'One tool is new.' : `${added} tools are new.` });
    } catch (error) {
      const faults = faultsOf(error).map(({ message }) => ({ field: 'told', message }));
      await web.pages.show(ctx, 'console/tools-told', { ...modelOf(server, told), status: 400, faults }, session);
    }
  });
}
