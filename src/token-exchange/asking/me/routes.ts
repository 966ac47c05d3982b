import type Router from '@koa/router';
import { AppError } from '../../../platform/errors.ts';
import { idOf } from '../../../platform/http/path-id.ts';
import type { BrowserSession, Form, Web } from '../../../platform/http/web.ts';
import type { DelegationRequest } from '../delegation-request.ts';
import { requestCard } from '../present.ts';
import { ANSWERED, decisionIn, type RequestRouteDeps, showRequest } from '../routes.ts';

/** What the pages of a person stand on besides. */
export interface OwnPageDeps extends RequestRouteDeps {
  readonly ownedBy: (accountId: string) => Promise<readonly { readonly id: string; readonly displayName: string }[]>;
  readonly ownsAgent: (accountId: string, agentId: string) => Promise<boolean>;
}

type Context = Parameters<Web['pages']['show']>[0];

const PATH = '/me/delegations';
/** Security rule R22. */
const FRESH = { maxAgeSeconds: 900 };
const SHOWN = 50;
/** Which field of the form a member of the interface is. */
const FIELDS: Readonly<Record<string, string>> = { resources: 'resource', authorization_details_types: 'types' };

function valuesOf(form: Form) {
  const text = (name: string) => (typeof form[name] === 'string' ? form[name].trim().slice(0, 2_000) : '');
  return {
    ...{ from: text('from'), to: text('to'), resource: text('resource'), scopes: text('scopes'), types: text('types') },
    ...{ until: text('until'), reason: text('reason') },
  };
}

type Values = ReturnType<typeof valuesOf>;

const words = (list: string): string[] => list.split(/\s+/).filter((word) => word !== '');

/** The last moment of the day that was chosen. */
function inputOf({ from, to, resource, scopes, types, until, reason }: Values) {
  const what = { resources: [resource], scopes: words(scopes), authorization_details_types: words(types) };
  return { from, to, ...what, until: `${until}T23:59:59Z`, reason };
}

/** One that this person has to do with. @throws {AppError} `not_found`, also for everybody else's. */
async function ownRequest(ctx: Context, accountId: string, { service, ownsAgent }: OwnPageDeps): Promise<DelegationRequest> {
  const request = await service.get(idOf(ctx));
  const isTheirs = request.requestedBy === accountId;
  if (isTheirs || (await ownsAgent(accountId, request.fromAgentId)) || (await ownsAgent(accountId, request.toAgentId))) return request;
  throw new AppError('not_found', 'There is no such request.');
}

/** `/me/delegations`: what others ask of one's agents, what was asked for them, a form to ask, and one question with its answers. */
export function ownRequestPages(deps: OwnPageDeps, router: Router, web: Web): void {
  const { service, clock, names, basePath, ownedBy } = deps;
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session === undefined) return;
    const { accountId } = session;
    const [waiting, asked, owned] = await Promise.all([
      service.waitingFor(accountId),
      service.askedFor(accountId, SHOWN),
      ownedBy(accountId),
    ]);
    const about = { names, now: clock.now() };
    const model = {
      waiting: await Promise.all(waiting.map((each) => requestCard(each, about))),
      asked: await Promise.all(asked.map((each) => requestCard(each, about))),
      mayAsk: owned.length > 0,
    };
    await web.pages.show(ctx, 'me/delegations', model, session);
  });
  askPages(deps, router, web);
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session === undefined) return;
    const request = await ownRequest(ctx, session.accountId, deps);
    await showRequest(ctx, { deps: { ...deps, basePath }, web, session, request }, { template: 'me/delegation-request', path: PATH });
  });
  router.post(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    const decision = decisionIn((await web.pages.form(ctx))['decision']);
    const { id } = await ownRequest(ctx, session.accountId, deps);
    await service[decision](id, session);
    web.pages.redirect(ctx, PATH, ANSWERED[decision]);
  });
}

function askPages({ service, ownedBy, basePath }: OwnPageDeps, router: Router, web: Web): void {
  const show = async (ctx: Context, session: BrowserSession, about: { values: Values; fault?: AppError }) => {
    const { values, fault } = about;
    const member = (fault?.details.member ?? '').replace(/^\//, '').split('/')[0] ?? '';
    const faults = fault === undefined ? {} : { status: 400, faults: [{ field: FIELDS[member] ?? member, message: fault.message }] };
    const agents = (await ownedBy(session.accountId)).map(({ id, displayName }) => ({ value: id, words: displayName }));
    const model = { action: `${basePath}${PATH}/new`, backHref: `${basePath}${PATH}`, agents, values, ...faults };
    await web.pages.show(ctx, 'me/delegation-form', model, session);
  };
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session !== undefined) await show(ctx, session, { values: valuesOf({}) });
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      await service.askAsOwner(inputOf(values), session.accountId);
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
      return show(ctx, session, { values, fault: error });
    }
    web.pages.redirect(ctx, PATH, {
      kind: 'done',
      text: 'Asked. The owner of the other agent, or an administrator, answers within a week.',
    });
  });
}
