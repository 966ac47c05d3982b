import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import type { Account } from '../account.ts';
import { textOf } from '../enrolment/routes.ts';
import { faultsOf, type PersonSurroundings } from '../present.ts';
import type { AccountService } from '../service.ts';
import type { LeavingRequest } from './leaving.ts';
import { presentDeparture } from './present.ts';

interface Deps {
  readonly issuer: URL;
  readonly service: AccountService;
  readonly surroundings: Pick<PersonSurroundings, 'agentCounts'>;
}

const PATH = '/console/people';
/** Changing who may do what asks for a sign-in of the last quarter of an hour (security rule R22). */
const CHANGING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

/** One of the two ways in which an administrator ends somebody's time here. */
interface Act {
  readonly verb: 'suspend' | 'remove';
  readonly heading: (name: string) => string;
  readonly words: string;
  readonly submit: string;
  readonly done: (name: string) => string;
  /** Where it leads, below the list of people. */
  readonly next: (id: string) => string;
  /** Final: asks for the name. */
  readonly isFinal: boolean;
}

const acts: readonly Act[] = [
  {
    verb: 'suspend',
    heading: (name) => `Shut out ${name}?`,
    words: 'They cannot sign in any more, and agents can no longer act for them. You can let them in again.',
    submit: 'Shut them out',
    done: (name) => `${name} is shut out.`,
    next: (id) => `/${id}`,
    isFinal: false,
  },
  {
    verb: 'remove',
    heading: (name) => `Remove ${name}?`,
    words: 'Name, address and ways to sign in are forgotten. What they did stays in the audit, by “Former person”.',
    submit: 'Remove them',
    done: (name) => `${name} is removed.`,
    next: () => '',
    isFinal: true,
  },
];

/** The person an address names; undefined for an empty one. @throws {AppError} `invalid_input` with member `successor`. */
async function successorIn(address: string, service: AccountService): Promise<string | undefined> {
  if (address.trim() === '') return undefined;
  const found = await service.findByEmail(address);
  if (found === undefined) throw new AppError('invalid_input', 'Nobody here has this address.', { member: 'successor' });
  return found.id;
}

function assertNamed({ name }: Account, typed: string): void {
  if (typed.trim().normalize('NFC') !== name) throw new AppError('invalid_input', 'This is not their name.', { member: 'name' });
}

function addAct(router: Router, web: Web, { deps, act }: { deps: Deps; act: Act }): void {
  const { service, surroundings, issuer } = deps;
  const path = `${PATH}/:id/${act.verb}`;
  const show = async (ctx: Context, session: BrowserSession, model: object) => {
    const account = await service.get(idOf(ctx));
    const here = `${basePathOf(issuer)}${PATH}/${account.id}`;
    const successor = account.successorId === undefined ? undefined : await service.ownerLabel({ kind: 'user', id: account.successorId });
    const agents = (await surroundings.agentCounts([account.id])).get(account.id) ?? 0;
    const texts = {
      current: 'people',
      heading: act.heading(account.name),
      words: act.words,
      action: `${here}/${act.verb}`,
      backHref: here,
      submit: act.submit,
      reasons: true,
      values: { reason: '', successor: '' },
      ...presentDeparture({ agents, successor }),
      ...(act.isFinal ? { name: account.name } : {}),
    };
    await web.pages.show(ctx, 'console/confirm', { ...texts, ...model }, session);
  };
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const [reason, successor] = [textOf(form, 'reason'), textOf(form, 'successor')];
    const account = await service.get(idOf(ctx));
    try {
      if (account.id === session.accountId) throw new AppError('conflict', 'Nobody does this to themselves; another administrator can.');
      if (reason.trim() === '') throw new AppError('invalid_input', 'Say why: the audit keeps it.', { member: 'reason' });
      if (act.isFinal) assertNamed(account, textOf(form, 'name'));
      const how: LeavingRequest = { by: personAsChanger(session), reason, successorId: await successorIn(successor, service) };
      await (act.verb === 'remove' ? service.remove(account.id, how) : service.disable(account.id, how));
      web.pages.redirect(ctx, `${PATH}${act.next(account.id)}`, { kind: 'done', text: act.done(account.name) });
    } catch (error) {
      await show(ctx, session, { faults: faultsOf(error), values: { reason, successor }, status: 400 });
    }
  });
}

function namingSuccessors(router: Router, web: Web, { service, issuer }: Deps): void {
  const path = `${PATH}/:id/successor`;
  const show = async (ctx: Context, session: BrowserSession, model: object) => {
    const { id, name, successorId } = await service.get(idOf(ctx));
    const here = `${basePathOf(issuer)}${PATH}/${id}`;
    const named = successorId === undefined ? undefined : await service.find(successorId);
    const texts = {
      heading: `Who takes over from ${name}?`,
      action: `${here}/successor`,
      backHref: here,
      values: { successor: named?.email ?? '' },
    };
    await web.pages.show(ctx, 'console/successor-form', { ...texts, ...model }, session);
  };
  router.get(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post(path, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGING);
    if (session === undefined) return;
    const successor = textOf(await web.pages.form(ctx), 'successor');
    try {
      const { id } = await service.nameSuccessor(idOf(ctx), await successorIn(successor, service), personAsChanger(session));
      web.pages.redirect(ctx, `${PATH}/${id}`, { kind: 'done', text: 'Saved.' });
    } catch (error) {
      await show(ctx, session, { faults: faultsOf(error), values: { successor }, status: 400 });
    }
  });
}

/** Shutting somebody out, removing them, and saying who takes over what they answer for. */
export function leavingRoutes(deps: Deps): Routes {
  return (router, web) => {
    for (const act of acts) addAct(router, web, { deps, act });
    namingSuccessors(router, web, deps);
  };
}
