import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import { AppError } from '../../platform/errors.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import { fieldOf } from '../form.ts';
import type { AnswerOutcome } from './answers.ts';
import { type PageSources, presentOwnerPage } from './present.ts';

const PAGE = '/me/certifications';
const PAGE_SIZE = 20;
const MAX_NAME_IN_FLASH = 80;

const campaignId = z.string().regex(/^crt_[0-9a-f]{32}$/);
const agentId = z.string().regex(/^agt_[0-9a-f]{32}$/);
const cursor = z.object({ campaign: campaignId, agent: agentId });
const decision = z.enum(['confirm', 'decline']);
const agentIds = z.array(agentId).max(PAGE_SIZE);

const outcomes: Readonly<Record<AnswerOutcome, string>> = {
  confirmed: 'stays as it is. Thank you.',
  declined: 'is stopped in your name. An administrator can let it run again.',
  confirmed_late: 'is noted as still needed. It stays stopped until an administrator lets it run again.',
};

/** An id of the path. @throws {AppError} `not_found` for what is none: the same as for what is not there. */
function idIn(ctx: RouterContext, name: 'campaign' | 'agent'): string {
  const parsed = (name === 'campaign' ? campaignId : agentId).safeParse(ctx.params[name]);
  if (parsed.success) return parsed.data;
  throw new AppError('not_found', 'Nobody asks for this agent here, or somebody else answers for it.');
}

/** Leads back to the list; whoever came second reads there who answered. */
async function answered(ctx: RouterContext, { pages }: Web, work: () => Promise<string>): Promise<void> {
  try {
    pages.redirect(ctx, PAGE, { kind: 'done', text: await work() });
  } catch (error) {
    if (!(error instanceof AppError) || (error.code !== 'conflict' && error.code !== 'invalid_input')) throw error;
    pages.redirect(ctx, PAGE, { kind: 'note', text: error.message });
  }
}

/** `/me/certifications`: what a person is asked to confirm, and their answers. All of it works without script. */
export function createOwnerRoutes(around: PageSources & { readonly nameOfAgent: (id: string) => Promise<string | undefined> }): Routes {
  const { service } = around;
  const answerOne = async (ctx: RouterContext, web: Web, session: BrowserSession) => {
    const form = await web.pages.form(ctx);
    const key = { campaignId: idIn(ctx, 'campaign'), agentId: idIn(ctx, 'agent') };
    const chosen = decision.safeParse(fieldOf(form, 'decision'));
    if (!chosen.success) throw new AppError('invalid_input', 'Choose one of the two answers.', { member: 'decision' });
    await answered(ctx, web, async () => {
      const given = { ...key, decision: chosen.data, comment: fieldOf(form, 'comment'), by: session.accountId };
      const outcome = await service.answer(given);
      const name = (await around.nameOfAgent(key.agentId)) ?? 'The agent';
      return `${name.slice(0, MAX_NAME_IN_FLASH)} ${outcomes[outcome]}`;
    });
  };
  const answerLowRisk = async (ctx: RouterContext, web: Web, session: BrowserSession) => {
    const form = await web.pages.form(ctx);
    const ids = agentIds.safeParse(fieldOf(form, 'agents').split(' '));
    if (!ids.success) throw new AppError('invalid_input', 'These are not agents of one page.', { member: 'agents' });
    const campaign = idIn(ctx, 'campaign');
    await answered(ctx, web, async () => {
      const confirmed = await service.confirmLowRisk({ campaignId: campaign, agentIds: ids.data, by: session.accountId });
      const left = ids.data.length - confirmed;
      return left === 0
        ? `${confirmed} confirmed. Thank you.`
        : `${confirmed} confirmed; ${left} changed meanwhile and can be answered by themselves.`;
    });
  };
  const addAnswer = (router: Router, web: Web, [path, answer]: readonly [string, typeof answerOne]) =>
    router.post(`${PAGE}/:campaign/${path}`, async (ctx) => {
      const session = await web.guard.session(ctx);
      if (session !== undefined) await answer(ctx, web, session);
    });
  return (router, web) => {
    router.get(PAGE, async (ctx) => {
      const session = await web.guard.session(ctx);
      if (session === undefined) return;
      const from = cursor.safeParse(ctx.query);
      const after = from.success ? { campaignId: from.data.campaign, agentId: from.data.agent } : undefined;
      const asked = await service.askedOf(session.accountId, { cursor: after, limit: PAGE_SIZE });
      await web.pages.show(ctx, 'me/certifications', await presentOwnerPage(asked, around), session);
    });
    addAnswer(router, web, ['confirm-low-risk', answerLowRisk]);
    addAnswer(router, web, [':agent', answerOne]);
  };
}
