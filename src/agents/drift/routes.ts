import type { RouterContext } from '@koa/router';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Flash, Form, Role, Routes } from '../../platform/http/web.ts';
import type { Agent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';
import { fieldOf } from '../form.ts';
import { isOwnedBy, type OwnerDirectory } from '../owners.ts';
import type { AgentService } from '../service.ts';
import { mayLetRun, noSuchAgent, type StatusDeps } from '../status.ts';
import type { Surroundings } from '../surroundings.ts';
import { presentDrift } from './present.ts';
import type { DriftService, DriftStanding } from './service.ts';

/** What the two pages stand on. */
export interface DriftRoutesDeps {
  readonly service: Pick<AgentService, 'get' | 'find' | 'setStatus'>;
  readonly drift: Pick<DriftService, 'standingOf' | 'accept'>;
  readonly owners: Pick<OwnerDirectory, 'ownerLabel' | 'groupsOf' | 'holdOwner'>;
  readonly isSoleAdministrator?: StatusDeps['isSoleAdministrator'];
  readonly surroundings: Pick<Surroundings, 'whatWouldFall' | 'credentialsOf'>;
  readonly clock: Clock;
  readonly issuer: URL;
}

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
/** Security rule R22: what runs, and whether it may, is decided under a sign-in of the last 15 minutes. */
const FRESH = { maxAgeSeconds: 900 } as const;
const STOPPED = 'Something else ran than was agreed.';

/** One of the two pages: who may open it, as whom they decide, and whether they may let the agent act again. */
interface Desk {
  readonly path: string;
  readonly template: string;
  /** Undefined: the answer is given. @throws {AppError} `not_found`. */
  agentFor(ctx: RouterContext, session: BrowserSession): Promise<Agent>;
  readonly readers: { readonly roles?: readonly Role[] };
  readonly deciders: { readonly roles?: readonly Role[]; readonly maxAgeSeconds: number };
}

/** Names of whoever is mentioned: clients that presented something, and who agreed to it. */
async function namesIn({ open, accepted }: DriftStanding, { surroundings, owners }: DriftRoutesDeps): Promise<ReadonlyMap<string, string>> {
  const clientIds = [...new Set([...open, ...(accepted === undefined ? [] : [accepted])].map(({ clientId }) => clientId))];
  const clients = await surroundings.credentialsOf(clientIds);
  const by = accepted?.closedBy;
  const person = by?.startsWith('usr_') === true ? await owners.ownerLabel({ kind: 'user', id: by }) : undefined;
  const named = clients.map(({ clientId, name }) => [clientId, name] as const);
  return new Map([...named, ...(by === undefined || person === undefined ? [] : [[by, person.name] as const])]);
}

function createDesk(desk: Desk, deps: DriftRoutesDeps) {
  const { service, drift, owners, surroundings, clock, issuer } = deps;
  /** Whoever answers for it decides as its owner, unless nobody else could let it run (security rule R8). */
  const mayStart = async (agent: Agent, { role, accountId }: BrowserSession) =>
    role === 'admin' && (await mayLetRun(agent, accountId, deps));
  const model = async (agent: Agent, session: BrowserSession) => {
    const standing = await drift.standingOf(agent);
    const [owner, falls, names, isStarter] = await Promise.all([
      agent.owner && owners.ownerLabel(agent.owner),
      surroundings.whatWouldFall(agent.id),
      namesIn(standing, deps),
      mayStart(agent, session),
    ]);
    const mayDecide = desk.deciders.roles?.includes(session.role) ?? true;
    const content = { agent, owner, standing, names, falls, mayStart: isStarter, mayDecide };
    return presentDrift(content, { now: clock.now(), base: basePathOf(issuer) });
  };
  const decide = async (agent: Agent, session: BrowserSession, form: Form): Promise<Flash> => {
    const isStarter = await mayStart(agent, session);
    const by: AgentEditor = { kind: 'account', id: session.accountId, party: isStarter ? 'administrator' : 'owner' };
    const name = agent.displayName.slice(0, 80);
    const decision = fieldOf(form, 'decision');
    if (decision === 'stop') {
      await service.setStatus(agent.id, 'suspended', { by, reason: STOPPED });
      return { kind: 'done', text: `${name} is suspended. What it held is refused.` };
    }
    if (decision === 'activate') {
      await service.setStatus(agent.id, 'active', { by, from: ['underReview', 'active'] });
      return { kind: 'done', text: `${name} may act.` };
    }
    if (decision !== 'accept') throw new AppError('invalid_input', 'Press one of the buttons.', { member: 'decision' });
    const isDrift = agent.status === 'underReview' && (await drift.standingOf(agent)).notice === 'differs';
    const effect = isStarter && isDrift ? 'act' : 'record';
    const accepted = await drift.accept(agent.id, {
      driftId: fieldOf(form, 'drift'),
      version: Number(fieldOf(form, 'version')),
      by,
      effect,
    });
    if (accepted.status === 'underReview') return { kind: 'done', text: 'That is its record now. An administrator can let it act again.' };
    return { kind: 'done', text: effect === 'act' ? `That is its record now, and ${name} may act.` : 'That is its record now.' };
  };
  return { model, decide };
}

function addDesk(desk: Desk, deps: DriftRoutesDeps): Routes {
  const { model, decide } = createDesk(desk, deps);
  return (router, { guard, pages }) => {
    router.get(desk.path, async (ctx) => {
      const session = await guard.session(ctx, desk.readers);
      if (session === undefined) return;
      await pages.show(ctx, desk.template, await model(await desk.agentFor(ctx, session), session), session);
    });
    router.post(desk.path, async (ctx) => {
      const session = await guard.session(ctx, desk.deciders);
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const agent = await desk.agentFor(ctx, session);
      const here = desk.path.replace(':id', agent.id);
      try {
        pages.redirect(ctx, here, await decide(agent, session, form));
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
        pages.redirect(ctx, here, { kind: 'stop', text: error.message });
      }
    });
  };
}

/** What was agreed beside what runs: `/console/agents/:id/drift` for administrators, `/me/agents/:id/drift` for whoever owns it. */
export function createDriftRoutes(deps: DriftRoutesDeps): Routes {
  const { service, owners } = deps;
  const console = addDesk(
    {
      path: '/console/agents/:id/drift',
      template: 'console/drift',
      agentFor: (ctx) => service.get(idOf(ctx)),
      readers: { roles: READERS },
      deciders: { roles: ['admin'], ...FRESH },
    },
    deps,
  );
  const own = addDesk(
    {
      path: '/me/agents/:id/drift',
      template: 'me/drift',
      async agentFor(ctx, { accountId }) {
        const agent = await service.find(idOf(ctx));
        if (agent === undefined || !(await isOwnedBy(agent.owner, accountId, owners))) throw noSuchAgent();
        return agent;
      },
      readers: {},
      deciders: FRESH,
    },
    deps,
  );
  return (router, web) => {
    console(router, web);
    own(router, web);
  };
}
