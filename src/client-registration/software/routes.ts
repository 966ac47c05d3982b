import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../platform/http/web.ts';
import { faultsOf, textOf } from '../console/form.ts';
import type { Owners } from '../initial-access-tokens/service.ts';
import { presentInList, presentSoftware, type SoftwareAgent } from './present.ts';
import type { SoftwareService } from './service.ts';
import type { Software } from './software.ts';

/** The registry, as far as the pages decide about agents that came by themselves. Changes join the transaction under way. */
export interface SoftwareAgents {
  /** The newest of these agents that there is. */
  current(agentIds: readonly string[]): Promise<SoftwareAgent | undefined>;
  /** @throws {AppError} */
  adopt(
    agentId: string,
    taken: { readonly owner: { kind: 'user' | 'group'; id: string }; readonly riskLevel: string; readonly accountId: string },
  ): Promise<void>;
  /** @throws {AppError} */
  letIn(agentId: string, accountId: string): Promise<void>;
  /** Instances of the software that stand for stopped ones stand for nobody from now on. */
  release(softwareId: string, agentIds: readonly string[]): Promise<void>;
  /** Those that act stop. */
  stop(agentIds: readonly string[], why: { readonly reason: string; readonly accountId: string }): Promise<void>;
}

/** What the pages stand on. */
export interface SoftwareConsoleDeps {
  readonly db: Pick<Db, 'transaction'>;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly owners: Owners;
  readonly software: SoftwareService;
  readonly softwareAgents: SoftwareAgents;
}

const PATH = '/console/software';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22: who acts for people changes only under a fresh sign-in. */
const DECIDE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };

/** The console's pages of software that came by itself: list, one, adopt, let in, limit, refuse, allow. */
export function softwareConsole(deps: SoftwareConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  onePage(deps, router, web);
  decisions(deps, router, web);
  refusing(deps, router, web);
}

const cursorOf = ({ lastSeenAt, id }: Software) => `${lastSeenAt.toISOString()} ${id}`;

function afterOf(cursor: string | undefined) {
  if (cursor === undefined) return undefined;
  const [at = '', id = ''] = cursor.split(' ');
  const lastSeenAt = new Date(at);
  if (Number.isNaN(lastSeenAt.getTime())) throw new AppError('invalid_input', 'The cursor is none of ours.', { member: 'cursor' });
  return { lastSeenAt, id };
}

function listPage({ software, softwareAgents, clock, issuer }: SoftwareConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const q = typeof ctx.query['q'] === 'string' ? ctx.query['q'].slice(0, 120) : '';
    const [records, count] = await Promise.all([software.list({ search: q, after: afterOf(after), limit: limit + 1 }), software.count()]);
    const { items, next_cursor: next } = pageOf(records, limit, cursorOf);
    const instances = await software.instancesOf(items.map(({ id }) => id));
    const now = clock.now();
    const lines = items.map(async (one) =>
      presentInList(one, { agent: await softwareAgents.current(one.agentIds), instances: instances.get(one.id), now }),
    );
    const nextHref = `${base}${PATH}?${new URLSearchParams({ ...(q === '' ? {} : { q }), cursor: next ?? '' })}`;
    const model = {
      heading: count === 1 ? 'One product came by itself' : `${count.toLocaleString('en')} products came by themselves`,
      q,
      software: await Promise.all(lines),
      ...(next === undefined ? {} : { pager: { words: `${items.length} of ${count}`, nextHref } }),
    };
    await web.pages.show(ctx, 'console/software', model, session);
  });
}

async function modelOf(deps: SoftwareConsoleDeps, id: string, session: BrowserSession) {
  const { software, softwareAgents, owners, clock, issuer } = deps;
  const one = await software.get(id);
  const [agent, instances, choices] = await Promise.all([
    softwareAgents.current(one.agentIds),
    software.instancesOf([id]),
    session.role === 'admin' ? owners.choices() : [],
  ]);
  const offered = choices.map((owner) => ({ value: `${owner.kind}:${owner.id}`, words: owner.name }));
  return presentSoftware(one, {
    agent,
    instances: instances.get(id),
    base: basePathOf(issuer),
    now: clock.now(),
    mayDecide: session.role === 'admin',
    owners: [{ value: '', words: 'Choose who answers for it' }, ...offered],
  });
}

function onePage(deps: SoftwareConsoleDeps, router: Router, web: Web): void {
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session !== undefined) await web.pages.show(ctx, 'console/one-software', await modelOf(deps, idOf(ctx), session), session);
  });
}

function ownerIn(form: Form): { kind: 'user' | 'group'; id: string } {
  const [kind, id] = textOf(form, 'owner').split(':');
  if ((kind !== 'user' && kind !== 'group') || id === undefined || id === '')
    throw new AppError('invalid_input', 'Choose who answers for it.', { member: '/owner' });
  return { kind, id };
}

type Decided = { readonly one: Software; readonly form: Form; readonly session: BrowserSession };

/** Puts somebody, or nothing more than some resources, behind the software. */
function decisions(deps: SoftwareConsoleDeps, router: Router, web: Web): void {
  const { db, software, softwareAgents } = deps;
  const agentOf = async (one: Software) => {
    const agent = await softwareAgents.current(one.agentIds);
    if (agent === undefined) throw new AppError('conflict', 'Nobody has let it in yet: there is no agent to decide about.');
    return agent;
  };
  const decide = (act: string, { done, work }: { done: string; work: (decided: Decided) => Promise<void> }) =>
    router.post(`${PATH}/:id/${act}`, async (ctx) => {
      const session = await web.guard.session(ctx, DECIDE);
      if (session === undefined) return;
      const form = await web.pages.form(ctx);
      const id = idOf(ctx);
      try {
        await db.transaction(async () => work({ one: await software.get(id), form, session }));
        web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: done });
      } catch (error) {
        await showFault(ctx, { error, model: await modelOf(deps, id, session), session });
      }
    });
  const showFault = async (ctx: Context, { error, model, session }: { error: unknown; model: object; session: BrowserSession }) => {
    const isForbidden = error instanceof AppError && error.code === 'forbidden';
    const faults = isForbidden ? [{ message: error.message }] : faultsOf(error, {});
    await web.pages.show(ctx, 'console/one-software', { ...model, status: 400, faults }, session);
  };
  decide('adopt', {
    done: 'Adopted. What it may do now, its own page says.',
    async work({ one, form, session: { accountId } }) {
      const agent = await agentOf(one);
      await softwareAgents.adopt(agent.id, { owner: ownerIn(form), riskLevel: textOf(form, 'riskLevel'), accountId });
      if (one.proof !== 'redirect_host') return;
      await software.change(one.id, { isBound: textOf(form, 'isBound') === 'yes' }, personAsChanger({ accountId }));
    },
  });
  decide('let-in', {
    done: 'It is let in: it acts for those who say yes.',
    work: async ({ one, session: { accountId } }) => softwareAgents.letIn((await agentOf(one)).id, accountId),
  });
  decide('limit', {
    done: 'Set. It asks for nothing else from now on.',
    async work({ one, form, session }) {
      const lines = textOf(form, 'resources')
        .split(/\s+/)
        .filter((line) => line !== '');
      await software.change(one.id, { resources: lines.length === 0 ? undefined : lines }, personAsChanger(session));
    },
  });
  decide('allow', {
    done: 'It may come again. It begins anew: what was stopped stays stopped.',
    async work({ one, session }) {
      await softwareAgents.release(one.id, one.agentIds);
      await software.allow(one.id, personAsChanger(session));
    },
  });
}

function refusing({ db, software, softwareAgents, issuer }: SoftwareConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const path = `${PATH}/:id/refuse`;
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, DECIDE);
    if (session === undefined) return;
    const one = await software.get(idOf(ctx));
    const model = {
      heading: `Refuse ${one.name}?`,
      words: 'Its agent stops and everything it holds ends at once. It cannot register again, and nobody can let it in.',
      action: `${base}${PATH}/${one.id}/refuse`,
      backHref: `${base}${PATH}/${one.id}`,
      submit: 'Refuse it',
      current: 'software',
      reasons: true,
      values: { reason: '' },
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, DECIDE);
    if (session === undefined) return;
    const reason = textOf(await web.pages.form(ctx), 'reason').slice(0, 300) || 'The software was refused.';
    const id = idOf(ctx);
    await db.transaction(async () => {
      const one = await software.refuse(id, personAsChanger(session));
      await softwareAgents.stop(one.agentIds, { reason, accountId: session.accountId });
    });
    web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: 'Refused. It holds nothing any more.' });
  });
}
