import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import type { Account, Group } from '../account.ts';
import { textOf } from '../enrolment/routes.ts';
import { faultsOf } from '../present.ts';
import type { MemberAgents } from '../scim/provisioning.ts';
import type { ProvisioningStore } from '../scim/store.ts';
import type { AccountService } from '../service.ts';
import { MOST_MEMBERS_SHOWN, pageOfGroups, presentFalling, presentGroup, presentGroups } from './present.ts';

interface Deps {
  readonly issuer: URL;
  readonly service: AccountService;
  readonly memberAgents: MemberAgents;
  readonly members: Pick<ProvisioningStore, 'agentsIn'>;
}

const PATH = '/console/groups';
const LOOKING = { roles: ['admin', 'auditor'] } as const;
/** Who is in a group answers for its agents (R7): changing that asks for a sign-in of the last quarter of an hour (R22). */
const CHANGING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

const ownedBy = async ({ memberAgents }: Deps, { id }: Group) => (await memberAgents.countByOwner([id])).get(id) ?? 0;

function looking(router: Router, web: Web, deps: Deps): void {
  const { service, memberAgents } = deps;
  const base = basePathOf(deps.issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, LOOKING);
    if (session === undefined) return;
    const { q = '', cursor } = ctx.query;
    if (Array.isArray(q) || Array.isArray(cursor)) throw new AppError('invalid_input', 'q and cursor are sent once.');
    const asked = { q: q.trim().slice(0, 120), cursor };
    const page = pageOfGroups(await service.listGroups(), asked);
    const owned = await memberAgents.countByOwner(page.items.map(({ id }) => id));
    const model = presentGroups(page, { q: asked.q, base, owned, isEditor: session.role === 'admin' });
    await web.pages.show(ctx, 'console/groups', model, session);
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, LOOKING);
    if (session !== undefined) await showGroup(ctx, web, { deps, session });
  });
}

/** The page of a group; `more`: what a form on it said, with its fault. */
async function showGroup(ctx: Context, web: Web, { deps, session, more = {} }: { deps: Deps; session: BrowserSession; more?: object }) {
  const { service, memberAgents, members, issuer } = deps;
  const group = await service.group(idOf(ctx));
  const [people, owned, agentIds] = await Promise.all([
    service.members(group.id),
    ownedBy(deps, group),
    members.agentsIn(group.id, MOST_MEMBERS_SHOWN + 1),
  ]);
  const names = await memberAgents.namesOf(agentIds.slice(0, MOST_MEMBERS_SHOWN));
  const agents = [...names].map(([id, name]) => ({ id, name }));
  const around = { base: basePathOf(issuer), isEditor: session.role === 'admin', hasMoreAgents: agentIds.length > MOST_MEMBERS_SHOWN };
  const model = presentGroup({ group, people, owned, agents, ...around });
  await web.pages.show(ctx, 'console/group', { ...model, values: { email: '' }, ...more }, session);
}

function naming(router: Router, web: Web, { service, issuer }: Deps): void {
  const base = `${basePathOf(issuer)}${PATH}`;
  /** The form that makes a group, or gives the one of the address another name. */
  const addForm = (path: string, groupOf: (ctx: Context) => Promise<Group | undefined>) => {
    const show = async (ctx: Context, session: BrowserSession, more: { values?: object }) => {
      const group = await groupOf(ctx);
      const texts =
        group === undefined
          ? { heading: 'Make a group', action: `${base}/new`, backHref: base, submit: 'Make it' }
          : { heading: `Rename ${group.name}`, action: `${base}/${group.id}/rename`, backHref: `${base}/${group.id}`, submit: 'Save' };
      await web.pages.show(ctx, 'console/group-form', { ...texts, values: { name: group?.name ?? '' }, ...more }, session);
    };
    router.get(path, async (ctx) => {
      const session = await web.guard.session(ctx, CHANGING);
      if (session !== undefined) await show(ctx, session, {});
    });
    router.post(path, async (ctx) => {
      const session = await web.guard.session(ctx, CHANGING);
      if (session === undefined) return;
      const name = textOf(await web.pages.form(ctx), 'name');
      const [group, by] = [await groupOf(ctx), personAsChanger(session)];
      try {
        const { id } = group === undefined ? await service.createGroup({ name }, by) : await service.renameGroup(group.id, name, by);
        web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: group === undefined ? 'Made. Add who belongs to it.' : 'Saved.' });
      } catch (error) {
        await show(ctx, session, Object.assign({ values: { name }, faults: faultsOf(error) }, { status: 400 }));
      }
    });
  };
  addForm(`${PATH}/new`, async () => undefined);
  addForm(`${PATH}/:id/rename`, (ctx) => service.group(idOf(ctx)));
}

function adding(router: Router, web: Web, deps: Deps): void {
  const { service } = deps;
  router.post(`${PATH}/:id/people`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const email = textOf(await web.pages.form(ctx), 'email')
      .trim()
      .slice(0, 320);
    try {
      const person = await service.findByEmail(email);
      if (person === undefined) throw new AppError('invalid_input', 'Nobody here has this address.', { member: 'email' });
      await service.addMember(idOf(ctx), person.id, personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${idOf(ctx)}`, { kind: 'done', text: `${person.name} is in the group.` });
    } catch (error) {
      await showGroup(ctx, web, { deps, session, more: { values: { email }, faults: faultsOf(error), status: 400 } });
    }
  });
}

/** Who of the group an address names. @throws {AppError} `not_found`. */
async function memberIn(
  ctx: Context,
  { service }: Deps,
): Promise<{ readonly group: Group; readonly person: Account; readonly isLast: boolean }> {
  const group = await service.group(idOf(ctx));
  const members = await service.members(group.id);
  const person = members.find(({ id }) => id === (ctx as Context & { params: Record<string, string> }).params['person']);
  if (person === undefined) throw new AppError('not_found', 'They are not in this group.');
  const isLast = !group.isBuiltIn && members.every(({ id, status }) => id === person.id || status !== 'active');
  return { group, person, isLast };
}

function removing(router: Router, web: Web, deps: Deps): void {
  const { service, issuer } = deps;
  const path = `${PATH}/:id/people/:person/remove`;
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const { group, person, isLast } = await memberIn(ctx, deps);
    const here = `${basePathOf(issuer)}${PATH}/${group.id}`;
    const model = {
      current: 'groups',
      heading: `Take ${person.name} out of ${group.name}?`,
      words: isLast ? 'Nobody else in it can sign in.' : 'The others go on answering for what it owns.',
      action: `${here}/people/${person.id}/remove`,
      backHref: here,
      submit: 'Take them out',
      values: {},
      ...(isLast ? { falls: presentFalling(await ownedBy(deps, group)) } : {}),
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const { group, person } = await memberIn(ctx, deps);
    await service.removeMember(group.id, person.id, personAsChanger(session));
    web.pages.redirect(ctx, `${PATH}/${group.id}`, { kind: 'done', text: `${person.name} is not in the group any more.` });
  });
}

function deleting(router: Router, web: Web, deps: Deps): void {
  const { service, issuer } = deps;
  const path = `${PATH}/:id/delete`;
  const show = async (ctx: Context, session: BrowserSession, more: object) => {
    const group = await service.group(idOf(ctx));
    const here = `${basePathOf(issuer)}${PATH}/${group.id}`;
    const texts = {
      current: 'groups',
      heading: `Delete ${group.name}?`,
      words: 'The people in it stay; what it owns has nobody who answers for it.',
      action: `${here}/delete`,
      backHref: here,
      submit: 'Delete it',
      name: group.name,
      values: {},
      falls: presentFalling(await ownedBy(deps, group)),
    };
    await web.pages.show(ctx, 'console/confirm', { ...texts, ...more }, session);
  };
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const typed = textOf(await web.pages.form(ctx), 'name');
    const { id, name } = await service.group(idOf(ctx));
    try {
      if (typed.trim().normalize('NFC') !== name) throw new AppError('invalid_input', 'This is not its name.', { member: 'name' });
      await service.removeGroup(id, personAsChanger(session));
      web.pages.redirect(ctx, PATH, { kind: 'done', text: `${name} is deleted.` });
    } catch (error) {
      await show(ctx, session, { faults: faultsOf(error), status: 400 });
    }
  });
}

/** The administrators' pages about groups. `/new` stands before `/:id`, which would swallow it. */
export function groupRoutes(deps: Deps): Routes {
  return (router, web) => {
    naming(router, web, deps);
    looking(router, web, deps);
    adding(router, web, deps);
    removing(router, web, deps);
    deleting(router, web, deps);
  };
}
