import type Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import type { Agent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';
import type { CardService } from '../cards/service.ts';
import { fieldOf } from '../form.ts';
import { isOwnedBy } from '../owners.ts';
import { presentFalls } from '../present.ts';
import type { AgentRoutesDeps } from '../routes.ts';
import { noSuchAgent } from '../status.ts';
import { presentOwn } from './present.ts';

type OwnDeps = Pick<AgentRoutesDeps, 'service' | 'owners' | 'surroundings' | 'drift' | 'clock' | 'issuer'> & {
  readonly cards: Pick<CardService, 'changedLately'>;
};

const PATH = '/me/agents/:id';
/** Security rule R22: what stops an agent or lets it run asks for a sign-in of the last 15 minutes. */
const FRESH = { maxAgeSeconds: 900 };

const editorOf = ({ accountId }: BrowserSession): AgentEditor => ({ kind: 'account', id: accountId, party: 'owner' });

/** What an owner does with an agent of theirs, after a page that says what it means. */
interface Act {
  readonly verb: 'stop' | 'start';
  readonly to: 'suspended' | 'active';
  readonly heading: (name: string) => string;
  readonly words: string;
  readonly submit: string;
  readonly done: (name: string) => string;
}

const acts: readonly Act[] = [
  {
    verb: 'stop',
    to: 'suspended',
    heading: (name) => `Stop ${name}?`,
    words: 'It gets no new token, and everything it holds is refused at once.',
    submit: 'Stop it now',
    done: (name) => `${name} is stopped. What it held is refused.`,
  },
  {
    verb: 'start',
    to: 'active',
    heading: (name) => `Let ${name} run?`,
    words: 'It may ask for tokens again. You answer for what it does, and can stop it at any time.',
    submit: 'Let it run',
    done: (name) => `${name} may act.`,
  },
];

/** One's own agent by the id in the address. @throws {AppError} `not_found`, also for somebody else's. */
async function ownAgent(ctx: Context, { accountId }: BrowserSession, { service, owners }: OwnDeps): Promise<Agent> {
  const agent = await service.find(idOf(ctx));
  if (agent === undefined || agent.removedAt !== undefined || !(await isOwnedBy(agent.owner, accountId, owners))) throw noSuchAgent();
  return agent;
}

function addAct(router: Router, { pages, guard }: Web, { deps, act }: { deps: OwnDeps; act: Act }): void {
  const { service, surroundings, issuer } = deps;
  const show = async (ctx: Context, session: BrowserSession, model: object) => {
    const agent = await ownAgent(ctx, session, deps);
    const here = `${basePathOf(issuer)}/me/agents/${agent.id}`;
    const texts = {
      heading: act.heading(agent.displayName),
      words: act.words,
      action: `${here}/${act.verb}`,
      backHref: here,
      submit: act.submit,
      values: { reason: '' },
      ...(act.verb === 'stop'
        ? { isStop: true, falls: presentFalls(await surroundings.whatWouldFall(agent.id)) }
        : { isStop: false, reach: await surroundings.reachOf(agent.id) }),
    };
    await pages.show(ctx, 'me/agent-act', { ...texts, ...model }, session);
  };
  router.get(`${PATH}/${act.verb}`, async (ctx) => {
    const session = await guard.session(ctx, FRESH);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post(`${PATH}/${act.verb}`, async (ctx) => {
    const session = await guard.session(ctx, FRESH);
    if (session === undefined) return;
    const reason = fieldOf(await pages.form(ctx), 'reason');
    const agent = await ownAgent(ctx, session, deps);
    try {
      await service.setStatus(agent.id, act.to, { by: editorOf(session), ...(act.verb === 'stop' ? { reason } : {}) });
      pages.redirect(ctx, `/me/agents/${agent.id}`, { kind: 'done', text: act.done(agent.displayName.slice(0, 80)) });
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
      const { member } = error.details;
      const faults = [{ ...(member === 'reason' ? { field: member } : {}), message: error.message }];
      await show(ctx, session, { faults, values: { reason }, status: error.code === 'conflict' ? 409 : 422 });
    }
  });
}

/** A person's own agents, one page each: what it is and may reach, when it ends, stop, and start where nobody else is required. */
export function createOwnAgentRoutes(deps: OwnDeps): Routes {
  const { owners, surroundings, drift, cards, clock, issuer } = deps;
  return (router, web) => {
    router.get(PATH, async (ctx) => {
      const session = await web.guard.session(ctx);
      if (session === undefined) return;
      const agent = await ownAgent(ctx, session, deps);
      const changer = agent.statusChangedBy?.startsWith('usr_') ? ({ kind: 'user', id: agent.statusChangedBy } as const) : undefined;
      const [owner, changedBy, falls, reach, { notice }, changedCards] = await Promise.all([
        agent.owner && owners.ownerLabel(agent.owner),
        changer && owners.ownerLabel(changer),
        surroundings.whatWouldFall(agent.id),
        surroundings.reachOf(agent.id),
        drift.standingOf(agent),
        cards.changedLately([agent.id]),
      ]);
      const who = changer?.id === session.accountId ? 'you' : changedBy?.name;
      const news = { drift: notice, hasChangedCard: changedCards.has(agent.id) };
      const content = { agent, owner, changedBy: who, falls, reach, accountId: session.accountId, ...news };
      await web.pages.show(ctx, 'me/agent', presentOwn(content, { now: clock.now(), base: basePathOf(issuer) }), session);
    });
    for (const act of acts) addAct(router, web, { deps, act });
  };
}
