import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import { readRole, type Role } from '../account.ts';
import { textOf } from '../enrolment/routes.ts';
import { faultsOf, type PersonSurroundings, presentLink, presentPeople, presentPerson, roleChoices } from '../present.ts';
import type { SecondFactors } from '../second-factor/second-factor.ts';
import type { AccountService } from '../service.ts';

interface Deps {
  readonly issuer: URL;
  readonly clock: Clock;
  readonly service: AccountService;
  readonly secondFactors: Pick<SecondFactors, 'securityOf'>;
  readonly surroundings: PersonSurroundings;
}

const PATH = '/console/people';
const PAGE_SIZE = 25;
const LOOKING = { roles: ['admin', 'auditor'] } as const;
/** Changing who may do what asks for a sign-in of the last quarter of an hour (security rule R22). */
const CHANGING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

function looking(router: Router, web: Web, { issuer, clock, service, secondFactors, surroundings }: Deps): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, LOOKING);
    if (session === undefined) return;
    const { q = '', cursor } = ctx.query;
    if (Array.isArray(q) || Array.isArray(cursor)) throw new AppError('invalid_input', 'q and cursor are sent once.');
    const page = await service.list({ search: q, cursor, limit: PAGE_SIZE });
    const ids = page.items.map(({ id }) => id);
    const security = new Map(await Promise.all(ids.map(async (id) => [id, await secondFactors.securityOf(id)] as const)));
    const agents = await surroundings.agentCounts(ids);
    await web.pages.show(
      ctx,
      'console/people',
      presentPeople(page, { q: q.slice(0, 120), base, now: clock.now(), security, agents }),
      session,
    );
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, LOOKING);
    if (session === undefined) return;
    const account = await service.get(idOf(ctx));
    const { successorId } = account;
    const [successor, security, agents, grants, sessions, groups] = await Promise.all([
      successorId === undefined ? undefined : service.ownerLabel({ kind: 'user', id: successorId }),
      secondFactors.securityOf(account.id),
      surroundings.agentsOf(account.id),
      surroundings.grantsOf(account.id),
      surroundings.sessionCount(account.id),
      service.groupsOf(account.id),
    ]);
    const about = {
      successor,
      security,
      agents,
      grants,
      sessions,
      groups: groups.map(({ id, name }) => ({ name, href: `${base}/console/groups/${id}` })),
      now: clock.now(),
      isEditor: session.role === 'admin',
      isSelf: session.accountId === account.id,
    };
    await web.pages.show(ctx, 'console/person', presentPerson(account, about), session);
  });
}

function inviting(router: Router, web: Web, { issuer, clock, service }: Deps): void {
  const base = basePathOf(issuer);
  const form = {
    heading: 'Invite somebody',
    words: 'You get a link to hand over. It works once, for 24 hours.',
    action: `${base}${PATH}/invite`,
    backHref: `${base}${PATH}`,
    submit: 'Invite',
    isNew: true,
  };
  router.get(`${PATH}/invite`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    await web.pages.show(ctx, 'console/person-form', { ...form, roles: roleChoices('user'), values: { name: '', email: '' } }, session);
  });
  router.post(`${PATH}/invite`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const sent = await web.pages.form(ctx);
    const [name, email] = [textOf(sent, 'name'), textOf(sent, 'email')];
    const role = readRole(sent['role']);
    try {
      const { account, link } = await service.invite({ name, email, role }, personAsChanger(session));
      await web.pages.show(ctx, 'console/shown-once', presentLink(account, link, { base, now: clock.now() }), session);
    } catch (error) {
      const again = { ...form, roles: roleChoices(role), values: { name, email }, faults: faultsOf(error), status: 400 };
      await web.pages.show(ctx, 'console/person-form', again, session);
    }
  });
}

function changingRoles(router: Router, web: Web, { issuer, service }: Deps): void {
  const base = basePathOf(issuer);
  const show = async (ctx: Context, session: BrowserSession, model: { chosen?: Role }) => {
    const { id, name, role } = await service.get(idOf(ctx));
    const { chosen = role, ...rest } = model;
    const here = `${base}${PATH}/${id}`;
    const texts = {
      heading: `What may ${name} do?`,
      words: 'It holds from their next click on.',
      action: `${here}/roles`,
      backHref: here,
      submit: 'Save',
      isNew: false,
    };
    await web.pages.show(ctx, 'console/person-form', { ...texts, roles: roleChoices(chosen), values: {}, ...rest }, session);
  };
  router.get(`${PATH}/:id/roles`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post(`${PATH}/:id/roles`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const role = readRole((await web.pages.form(ctx))['role']);
    try {
      const { id, name } = await service.setRole(idOf(ctx), role, personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: `${name} has the new role.` });
    } catch (error) {
      const model = { chosen: role, faults: faultsOf(error), status: 400 };
      await show(ctx, session, model);
    }
  });
}

function lettingIn(router: Router, web: Web, { issuer, clock, service }: Deps): void {
  const base = basePathOf(issuer);
  router.post(`${PATH}/:id/resume`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const { id, name } = await service.enable(idOf(ctx), personAsChanger(session));
    web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: `${name} may sign in again.` });
  });
  router.post(`${PATH}/:id/reset`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const link = await service.makeLink(idOf(ctx), personAsChanger(session));
    const account = await service.get(idOf(ctx));
    await web.pages.show(ctx, 'console/shown-once', presentLink(account, link, { base, now: clock.now() }), session);
  });
}

/** The administrators' pages about people. `/invite` stands before `/:id`, which would swallow it. */
export function peopleRoutes(deps: Deps): Routes {
  return (router, web) => {
    inviting(router, web, deps);
    looking(router, web, deps);
    changingRoles(router, web, deps);
    lettingIn(router, web, deps);
  };
}
