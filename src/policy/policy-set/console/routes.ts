import type Router from '@koa/router';
import type { Clock } from '../../../platform/clock.ts';
import { AppError } from '../../../platform/errors.ts';
import { parseWith } from '../../../platform/http/body.ts';
import { type Changer, personAsChanger } from '../../../platform/http/changed-by.ts';
import { basePathOf } from '../../../platform/http/issuer-path.ts';
import { pageOf, readPageQuery } from '../../../platform/http/paging.ts';
import { idOf } from '../../../platform/http/path-id.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../../platform/http/web.ts';
import { POLICY_SCHEMA } from '../../cedar/schema.ts';
import type { Namer } from '../../present.ts';
import { newPolicy, type Policy, policyChange, policyReason } from '../policy-set.ts';
import type { PolicySetService } from '../service.ts';
import { policyExamples } from './examples.ts';
import { listingOf, noteOn, presentInList } from './present.ts';
import { versionPages } from './versions/routes.ts';

/** What the pages stand on. */
export interface PolicyConsoleDeps {
  readonly service: PolicySetService;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly nameOf: Namer;
  /** Begins to ask a draft about what was decided in the days before; returns the id of the trial. */
  readonly tryOut: (draft: { readonly text: string; readonly days: number }, by: Changer) => Promise<string>;
}

type Context = Parameters<Web['pages']['show']>[0];

const PATH = '/console/policies';
const RULES = `${PATH}/rules`;
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22: what agents may do changes only under a fresh sign-in. */
const CHANGE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };

/** What stands in the editor. */
interface Values {
  readonly text: string;
  readonly state: string;
  readonly reason: string;
  readonly version: string;
}

const STATES = [
  { value: 'in_force', words: 'In force: asked about every request' },
  { value: 'draft', words: 'A draft: kept, but not asked' },
];

/** How far back a draft may be tried from the editor, in days. */
const PERIODS: ReadonlyMap<number, string> = new Map([
  [1, 'the last day'],
  [7, 'the last seven days'],
  [30, 'the last thirty days'],
]);

function valuesOf(form: Form): Values {
  const text = (name: keyof Values) => (typeof form[name] === 'string' ? form[name] : '');
  return { text: text('text').replaceAll('\r\n', '\n'), state: text('state'), reason: text('reason'), version: text('version') };
}

/** The console's pages of policies: list, editor, versions. */
export function policyConsole(deps: PolicyConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  editorPages(deps, router, web);
  removePages(deps, router, web);
  versionPages(deps, router, web);
}

function headingOf(count: number): string {
  if (count === 0) return 'No policy is in force';
  return count === 1 ? 'One policy is in force' : `${count} policies are in force`;
}

function listPage({ service, issuer }: PolicyConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const { policies, version } = await service.current();
    const rest = [...policies].sort((left, right) => (left.id < right.id ? -1 : 1)).filter(({ id }) => after === undefined || id > after);
    const { items, next_cursor: next } = pageOf(rest.slice(0, limit + 1), limit, ({ id }) => id);
    const read = policies.length === 0 ? [] : await service.read(items);
    const note = noteOn(policies.length <= limit ? read : []);
    const model = {
      heading: headingOf(policies.filter(({ state }) => state === 'in_force').length),
      mayChange: session.role === 'admin',
      version,
      policies: items.map((policy, index) => {
        const one = read[index];
        if (one === undefined) throw new Error('Every policy of a page is read.');
        return presentInList(policy, one, { base });
      }),
      ...(note === undefined ? {} : { note }),
      ...(next === undefined
        ? {}
        : { pager: { words: `${items.length} of ${policies.length}`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/policies', model, session);
  });
  router.get(`${PATH}/schema`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session !== undefined) await web.pages.show(ctx, 'console/policy-schema', { schema: POLICY_SCHEMA }, session);
  });
}

/** What the editor shows; `error`: what came of the last try. */
interface Shown {
  readonly deps: PolicyConsoleDeps;
  readonly web: Web;
  readonly session: BrowserSession;
  readonly values: Values;
  /** The policy that is edited; left out: a new one. */
  readonly id?: string;
  readonly error?: unknown;
  readonly checked?: true;
}

const MENDABLE: ReadonlySet<string> = new Set(['invalid_input', 'conflict', 'too_many_requests']);

function faultsOf(error: unknown): { field: string; message: string }[] {
  if (!(error instanceof AppError) || !MENDABLE.has(error.code)) throw error;
  const { member, faults } = error.details;
  const field = member === '/reason' ? 'reason' : 'text';
  return faults === undefined
    ? [{ field, message: error.message.replace(/^\/\w+: /, '') }]
    : faults.map(({ line, message }) => ({ field, message: `Line ${line}: ${message}` }));
}

async function showEditor(ctx: Context, { deps, web, session, values, id, error, checked }: Shown): Promise<void> {
  const base = basePathOf(deps.issuer);
  const places = error instanceof AppError ? error.details.faults : undefined;
  const model = {
    heading: id === undefined ? 'Write a policy' : id,
    isNew: id === undefined,
    action: id === undefined ? `${base}${PATH}/new` : `${base}${RULES}/${id}`,
    removeHref: `${base}${RULES}/${id ?? ''}/remove`,
    backHref: `${base}${PATH}`,
    mayChange: session.role === 'admin',
    states: STATES,
    periods: [...PERIODS].map(([days, words]) => ({ value: String(days), words })),
    values,
    examples: id === undefined ? policyExamples : [],
    ...(checked === undefined ? {} : { checked: 'Nothing is wrong with it.' }),
    ...(places === undefined ? {} : { listing: listingOf(values.text, places) }),
    ...(error === undefined ? {} : { status: 400, faults: faultsOf(error) }),
  };
  await web.pages.show(ctx, 'console/policy-form', model, session);
}

/** A look at a text without saving it. @throws as saving does. */
async function look(service: PolicySetService, text: string): Promise<void> {
  const checked = await service.check(text);
  if (checked.ok) return;
  throw new AppError('invalid_input', checked.faults[0]?.message ?? '', { member: '/text', faults: checked.faults });
}

function editorPages(deps: PolicyConsoleDeps, router: Router, web: Web): void {
  const { service } = deps;
  const inputOf = ({ text, state, reason, version }: Values) => ({ text, state, reason, version: Number(version) });
  /** Looks, or saves; shows the editor again with what is wrong. */
  const take = async (ctx: Context, about: { session: BrowserSession; id?: string; save: (values: Values) => Promise<Policy> }) => {
    const { session, id, save } = about;
    const form = await web.pages.form(ctx);
    const values = valuesOf(form);
    const shown = { deps, web, session, values, ...(id === undefined ? {} : { id }) };
    try {
      // what is wrong with the text is said first, whatever else is missing
      await look(service, values.text);
      if (form['do'] === 'try') {
        const days = Number(form['days'] ?? 1);
        const trial = await deps.tryOut({ text: values.text, days: PERIODS.has(days) ? days : 1 }, personAsChanger(session));
        web.pages.redirect(ctx, `${PATH}/what-if/${trial}`);
        return;
      }
      if (form['do'] === 'look') {
        await showEditor(ctx, { ...shown, checked: true });
        return;
      }
      const policy = await save(values);
      const text = policy.state === 'draft' ? 'Kept as a draft.' : 'Saved. It is in force on every server.';
      web.pages.redirect(ctx, `${RULES}/${policy.id}`, { kind: 'done', text });
    } catch (error) {
      await showEditor(ctx, { ...shown, error });
    }
  };
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const { version } = await service.current();
    await showEditor(ctx, { deps, web, session, values: { text: '', state: 'in_force', reason: '', version: String(version) } });
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const save = (values: Values) => service.create(parseWith(newPolicy, inputOf(values)), personAsChanger(session));
    await take(ctx, { session, save });
  });
  router.get(`${RULES}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { policy, version } = await service.get(idOf(ctx));
    const { id, text, state } = policy;
    await showEditor(ctx, { deps, web, session, id, values: { text, state, reason: '', version: String(version) } });
  });
  router.post(`${RULES}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const { id } = (await service.get(idOf(ctx))).policy;
    const save = (values: Values) => service.update(id, parseWith(policyChange, inputOf(values)), personAsChanger(session));
    await take(ctx, { session, id, save });
  });
}

function removePages({ service, issuer }: PolicyConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const show = async (ctx: Context, session: BrowserSession, fault?: string) => {
    const { id } = (await service.get(idOf(ctx))).policy;
    const model = {
      heading: `Remove the policy ${id}?`,
      words: 'From now on nobody is asked about it. It stays readable in the versions, and can be put back with one of them.',
      action: `${base}${RULES}/${id}/remove`,
      backHref: `${base}${RULES}/${id}`,
      submit: 'Remove it',
      current: 'policies',
      reasons: true,
      values: { reason: '' },
      ...(fault === undefined ? {} : { status: 400, faults: [{ field: 'reason', message: fault }] }),
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  };
  router.get(`${RULES}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session !== undefined) await show(ctx, session);
  });
  router.post(`${RULES}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const parsed = policyReason.safeParse({ reason: (await web.pages.form(ctx))['reason'] });
    if (!parsed.success) {
      await show(ctx, session, 'Say why.');
      return;
    }
    await service.remove(idOf(ctx), parsed.data, personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: `${idOf(ctx)} is removed.` });
  });
}
