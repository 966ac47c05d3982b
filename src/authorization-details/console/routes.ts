import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../platform/http/web.ts';
import { tryOut } from '../live-example.ts';
import { definitionText, presentInConsole, presentInList } from '../present.ts';
import type { RegisteredType } from '../registered-type.ts';
import type { CompileDefinition } from '../registry.ts';
import type { DetailTypeService } from '../service.ts';
import {
  attemptOf,
  faultsOf,
  FIRST_DEFINITION,
  firstAttempt,
  isAttempt,
  readDefinition,
  tried,
  type TypeValues,
  valuesOf,
} from './form.ts';

const PATH = '/console/authorization-detail-types';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
const WRITE: PageNeed = { roles: ['admin'] };
/** Security rule R22: what takes rights away needs a recent sign-in. */
const DESTROY: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };
const FORM = 'console/detail-type-form';

/** What the pages stand on. */
export interface DetailTypePages {
  readonly service: DetailTypeService;
  readonly compile: CompileDefinition;
  readonly issuer: URL;
}

/** The console's pages of types of authorization details: list, one with a live example, add, edit, switch, remove. */
export function detailTypeConsole(deps: DetailTypePages, router: Router, web: Web): void {
  addPages(deps, router, web);
  listPage(deps, router, web);
  detailPages(deps, router, web);
  editPages(deps, router, web);
  switchAction(deps, router, web);
  removePages(deps, router, web);
}

function listPage({ service }: DetailTypePages, router: Router, web: Web): void {
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const types = await service.list();
    const on = types.filter(({ isEnabled }) => isEnabled).length;
    const model = {
      heading: on === 1 ? 'Agents can ask for 1 type of detail' : `Agents can ask for ${on} types of detail`,
      words: 'A detail says more exactly than a scope what a token allows: which tools, how much, until when.',
      types: types.map(presentInList),
      mayChange: session.role === 'admin',
    };
    await web.pages.show(ctx, 'console/detail-types', model, session);
  });
}

function formModel(values: TypeValues, about: { heading: string; submit: string; lead: string; action: string; backHref: string }) {
  return { ...about, values };
}

function addPages({ service, compile, issuer }: DetailTypePages, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const about = {
    heading: 'Add a type of detail',
    submit: 'Add it',
    lead: 'Say what a detail may hold, how each member may narrow when it is handed on, and how it reads to people. Try it below before you add it.',
    action: `${base}${PATH}/new`,
    backHref: `${base}${PATH}`,
  };
  const first: TypeValues = { definition: FIRST_DEFINITION, ...firstAttempt(readDefinition(FIRST_DEFINITION)['example']) };
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session !== undefined) await web.pages.show(ctx, FORM, { ...formModel(first, about), ...tried(compile, first) }, session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    await answerForm(
      { web, compile, ctx, session, form },
      { about, save: (definition) => service.create(definition, personAsChanger(session)) },
    );
  });
}

interface Answering {
  readonly web: Web;
  readonly compile: CompileDefinition;
  readonly ctx: Context;
  readonly session: BrowserSession;
  readonly form: Form;
}

interface Saving {
  readonly about: Parameters<typeof formModel>[1];
  readonly save: (definition: Readonly<Record<string, unknown>>) => Promise<RegisteredType>;
}

/** Tries or saves what was posted, whichever button was pressed; a fault shows the form again. */
async function answerForm({ web, compile, ctx, session, form }: Answering, { about, save }: Saving): Promise<void> {
  const values = valuesOf(form);
  if (isAttempt(form)) {
    const result = tried(compile, values);
    const status = result.faults.length === 0 ? {} : { status: 400 };
    await web.pages.show(ctx, FORM, { ...formModel(values, about), ...status, ...result }, session);
    return;
  }
  try {
    const { definition } = await save(readDefinition(values.definition));
    web.pages.redirect(ctx, `${PATH}/${definition.type}`, {
      kind: 'done',
      text: `${definition.title}: saved. Requests can name ${definition.type} now.`,
    });
  } catch (error) {
    await web.pages.show(ctx, FORM, { ...formModel(values, about), status: 400, faults: faultsOf(error) }, session);
  }
}

function detailPages({ service, compile }: DetailTypePages, router: Router, web: Web): void {
  const show = async (ctx: Context, session: BrowserSession, form: Form | undefined) => {
    const found = await service.get(idOf(ctx));
    const attempt = form === undefined ? firstAttempt(found.definition.example) : attemptOf(form);
    const model = {
      type: presentInConsole(found),
      values: attempt,
      tried: tryOut(compile(found.definition), attempt),
      may: {
        edit: session.role === 'admin' && !found.isBuiltIn,
        remove: session.role === 'admin' && !found.isBuiltIn && found.usedAt === undefined,
        switch: session.role === 'admin',
      },
    };
    await web.pages.show(ctx, 'console/detail-type', model, session);
  };
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session !== undefined) await show(ctx, session, undefined);
  });
  router.post(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session !== undefined) await show(ctx, session, await web.pages.form(ctx));
  });
}

function editPages({ service, compile, issuer }: DetailTypePages, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const aboutOf = ({ definition, usedAt }: RegisteredType) => ({
    heading: `Edit ${definition.title}`,
    submit: 'Save',
    lead:
      usedAt === undefined
        ? 'No request has named this type yet, so anything but its name may change.'
        : 'Requests have named this type. Its words may change, bounds may be relaxed and optional members added; for anything else, add another type.',
    action: `${base}${PATH}/${definition.type}/edit`,
    backHref: `${base}${PATH}/${definition.type}`,
  });
  router.get(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const found = await service.get(idOf(ctx));
    const values = { definition: definitionText(found.definition), ...firstAttempt(found.definition.example) };
    await web.pages.show(ctx, FORM, { ...formModel(values, aboutOf(found)), ...tried(compile, values) }, session);
  });
  router.post(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const found = await service.get(idOf(ctx));
    const save = async (definition: Readonly<Record<string, unknown>>) => {
      const { type, ...parts } = compile(definition).definition;
      if (type !== found.definition.type) throw new AppError('conflict', '/type is the name of the type and stays.', { member: '/type' });
      return service.update(type, { example: null, ...parts }, personAsChanger(session));
    };
    await answerForm({ web, compile, ctx, session, form }, { about: aboutOf(found), save });
  });
}

function switchAction({ service }: DetailTypePages, router: Router, web: Web): void {
  router.post(`${PATH}/:id/status`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    const status = (await web.pages.form(ctx))['status'] === 'active' ? 'active' : 'disabled';
    const { definition } = await service.update(idOf(ctx), { status }, personAsChanger(session));
    const text =
      status === 'active'
        ? 'Requests can name it again.'
        : 'No request can name it any more. What was granted keeps its meaning until it ends.';
    web.pages.redirect(ctx, `${PATH}/${definition.type}`, { kind: 'done', text });
  });
}

function removePages({ service, issuer }: DetailTypePages, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    const { definition } = await service.get(idOf(ctx));
    const model = {
      heading: `Remove ${definition.title}?`,
      words: 'No request has named it, so nothing depends on it. Its name may be used again.',
      action: `${base}${PATH}/${definition.type}/remove`,
      backHref: `${base}${PATH}/${definition.type}`,
      submit: 'Remove it',
      current: 'detail-types',
      values: {},
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const type = idOf(ctx);
    await service.remove(type, personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: `${type} is removed.` });
  });
}
