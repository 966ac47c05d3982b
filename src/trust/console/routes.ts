import type Router from '@koa/router';
import type { AuditService } from '../../audit/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { parseWith } from '../../platform/http/body.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, PageNeed, Web } from '../../platform/http/web.ts';
import { happeningOf, presentInConsole, presentInList, warningsOf } from '../present.ts';
import { newTrustProvider, TRUST_KINDS, type TrustKind, type TrustProvider, trustProviderChange } from '../provider.ts';
import type { KeyCheck, TrustService } from '../service.ts';
import { changeOf, EMPTY, faultsOf, formModel, type TrustValues, valuesOf, valuesOfProvider } from './form.ts';

/** A choice of a list: its value and what a person reads. */
interface Choice {
  readonly value: string;
  readonly words: string;
}

/** What the pages stand on. */
export interface TrustConsoleDeps {
  readonly service: TrustService;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly audit: Pick<AuditService, 'list'>;
  /** The agents that a workload may be. */
  readonly choices: () => Promise<{ readonly agents: readonly Choice[] }>;
  readonly nameOf: (id: string) => Promise<string | undefined>;
}

type Context = Parameters<Web['pages']['show']>[0];

const PATH = '/console/trust-providers';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22: whoever is trusted here lets others in. */
const CHANGE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };
const SHOWN = 15;

/** The console's pages of trust providers: list, one, add, edit, remove, and a look at the keys. */
export function trustConsole(deps: TrustConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  addPages(deps, router, web);
  editPages(deps, router, web);
  removePages(deps, router, web);
  onePages(deps, router, web);
}

function listPage({ service, issuer }: TrustConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const [records, count] = await Promise.all([service.list({ after, limit: limit + 1 }), service.count()]);
    const { items, next_cursor: next } = pageOf(records, limit, ({ id }) => id);
    const model = {
      heading: count < 2 ? `${count === 0 ? 'No' : 'One'} issuer is trusted` : `${count} issuers are trusted`,
      words: 'What they sign lets people, workloads and software in, as far as their record says.',
      providers: items.map(presentInList),
      mayChange: session.role === 'admin',
      ...(next === undefined ? {} : { pager: { words: `${items.length} of ${count}`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/trust-providers', model, session);
  });
}

/** Shows the form, with what to mend when there is something. */
async function showForm(
  ctx: Context,
  about: {
    deps: TrustConsoleDeps;
    web: Web;
    session: BrowserSession;
    kind: TrustKind;
    values: TrustValues;
    of?: TrustProvider;
    error?: unknown;
  },
): Promise<void> {
  const { deps, web, session, kind, values, of, error } = about;
  const { agents } = await deps.choices();
  const warnings = of === undefined ? [] : warningsOf(of);
  const model = formModel({ kind, values, base: basePathOf(deps.issuer), agents, warnings, ...(of === undefined ? {} : { id: of.id }) });
  const faults = error === undefined ? {} : { status: 400, faults: faultsOf(error) };
  await web.pages.show(ctx, 'console/trust-provider-form', { ...model, ...faults }, session);
}

function kindOf(ctx: Context): TrustKind {
  const { kind = TRUST_KINDS[0] } = ctx.query;
  return TRUST_KINDS.find((each) => each === kind) ?? TRUST_KINDS[0];
}

function addPages(deps: TrustConsoleDeps, router: Router, web: Web): void {
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session !== undefined) await showForm(ctx, { deps, web, session, kind: kindOf(ctx), values: EMPTY });
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const kind = kindOf(ctx);
    const values = valuesOf(await web.pages.form(ctx));
    try {
      const agent = kind === 'workload' && values.agent !== '' ? { agent_id: values.agent } : {};
      const input = parseWith(newTrustProvider, { ...changeOf(values, kind), kind, issuer: values.issuer, ...agent });
      const provider = await deps.service.create(input, personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${provider.id}`, { kind: 'done', text: `${provider.name} is trusted.` });
    } catch (error) {
      await showForm(ctx, { deps, web, session, kind, values, error });
    }
  });
}

function editPages(deps: TrustConsoleDeps, router: Router, web: Web): void {
  router.get(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const of = await deps.service.get(idOf(ctx));
    await showForm(ctx, { deps, web, session, kind: of.kind, values: valuesOfProvider(of), of });
  });
  router.post(`${PATH}/:id/edit`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const posted = valuesOf(await web.pages.form(ctx));
    const of = await deps.service.get(idOf(ctx));
    const values = { ...posted, issuer: of.issuer, agent: of.agentId ?? '' };
    try {
      await deps.service.update(of.id, parseWith(trustProviderChange, changeOf(values, of.kind)), personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${of.id}`, { kind: 'done', text: 'Saved.' });
    } catch (error) {
      await showForm(ctx, { deps, web, session, kind: of.kind, values, of, error });
    }
  });
}

const ENDS: Readonly<Record<TrustKind, string>> = {
  identity_provider: 'From now on it lets nobody in, and whom it named is forgotten. Tokens already given live out their few minutes.',
  workload: 'The workload gets no token any more, and those it holds end at once.',
  token_issuer: 'Its tokens are exchanged no more, and whom it named is forgotten. Tokens already given live out their few minutes.',
  software: 'Software that registers with its statements is software like any other from now on. What is registered stays.',
};

function removePages({ service, issuer }: TrustConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const { id, name, kind } = await service.get(idOf(ctx));
    const here = `${base}${PATH}/${id}`;
    const model = {
      heading: `Stop trusting ${name}?`,
      words: ENDS[kind],
      action: `${here}/remove`,
      backHref: here,
      submit: 'Stop trusting it',
      current: 'trust-providers',
      values: {},
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const { id, name } = await service.get(idOf(ctx));
    await service.remove(id, personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: `${name} is not trusted any more.` });
  });
}

function onePages(deps: TrustConsoleDeps, router: Router, web: Web): void {
  const { service, audit, clock, nameOf } = deps;
  const base = basePathOf(deps.issuer);
  /** The page of one provider, with what a look at its keys found when somebody just looked. */
  const show = async (ctx: Context, session: BrowserSession, check: KeyCheck | undefined) => {
    const provider = await service.get(idOf(ctx));
    const of = (type: 'assertion.accepted' | 'assertion.refused') => audit.list({ types: [type], mentions: provider.id, limit: SHOWN });
    const [used, refused] = await Promise.all([of('assertion.accepted'), of('assertion.refused')]);
    const about = async (subjectId: string | undefined) =>
      subjectId === undefined ? 'Somebody' : ((await nameOf(subjectId)) ?? subjectId);
    const lines = (events: typeof used.events) =>
      Promise.all(events.map(async (each) => happeningOf(each, { base, now: clock.now(), name: await about(each.event.subjectId) })));
    const agentName = provider.agentId === undefined ? undefined : await nameOf(provider.agentId);
    const model = {
      ...presentInConsole(provider, { agentName, base }),
      uses: await lines(used.events),
      refusals: await lines(refused.events),
      mayChange: session.role === 'admin',
      ...(check === undefined ? {} : { check }),
    };
    await web.pages.show(ctx, 'console/trust-provider', model, session);
  };
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session !== undefined) await show(ctx, session, undefined);
  });
  router.post(`${PATH}/:id/check`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    await show(ctx, session, await service.checkKeys(idOf(ctx)));
  });
}
