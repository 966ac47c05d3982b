import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import type { AppError } from '../../../platform/errors.ts';
import { idOf } from '../../../platform/http/path-id.ts';
import type { BrowserSession, Role, Routes, Web } from '../../../platform/http/web.ts';
import { ownerOf, riskLevels } from '../../agent.ts';
import { type Fault, fieldOf, statusOfFault } from '../../form.ts';
import { labelsOf } from '../../listing.ts';
import { type Frame, riskWord, type ShownOwner } from '../../present.ts';
import { type ItemState, itemStates } from '../campaign.ts';
import { dayOf, type PageSources } from '../present.ts';
import type { CampaignInProgress } from '../service.ts';
import { blankCampaign, type CampaignFormValues, faultOfCampaign, readCampaignForm, readDue, valuesOfCampaign } from './form.ts';
import { itemWord, presentCampaign, presentCampaigns, presentReach, scopeWords } from './present.ts';

/** What the console's pages stand on. */
export interface CampaignConsoleDeps extends PageSources {
  readonly nameOfAgent: (id: string) => Promise<string | undefined>;
}

const PAGE = '/console/certifications';
const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
const WRITERS: readonly Role[] = ['admin'];
/** Security rule R22: what will stop agents, or keeps them running, asks for a sign-in of the last 15 minutes. */
const FRESH = { roles: WRITERS, maxAgeSeconds: 900 };
const LIST_SIZE = 20;
const ITEMS_SIZE = 25;
const MOST_UNANSWERED = 10;
const CHOICES = 100;
const id = z
  .string()
  .max(100)
  .regex(/^[a-z]{3}_\w+$/)
  .optional()
  .catch(undefined);
const itemQuery = z.object({ state: z.enum(itemStates).catch('open'), owner: id, cursor: id });

function hrefOf(base: string, campaignId: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${base}${PAGE}/${campaignId}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`;
}

/** Names of people and groups by id; an id without a name stays as it is. */
function namesOf({ owners }: CampaignConsoleDeps, ids: readonly (string | undefined)[]): Promise<ReadonlyMap<string, ShownOwner>> {
  return labelsOf(
    ids.map((each) => (each === undefined ? undefined : ownerOf(each))),
    owners,
  );
}

async function itemsModel(
  deps: CampaignConsoleDeps,
  found: CampaignInProgress,
  { query, mayManage }: { query: z.output<typeof itemQuery>; mayManage: boolean },
) {
  const { service, base, clock } = deps;
  const { campaign, progress } = found;
  const { state, owner, cursor } = query;
  const frame: Frame = { now: clock.now(), base };
  const [listed, unanswered] = await Promise.all([
    service.list({ campaignId: campaign.id, state, ownerId: owner, cursor, limit: ITEMS_SIZE + 1 }),
    campaign.closedAt === undefined ? service.unanswered(campaign.id, MOST_UNANSWERED) : [],
  ]);
  const agents = listed.slice(0, ITEMS_SIZE);
  const involved = agents.flatMap(({ agent, item }) => [agent.owner?.id, item.decidedBy]);
  const about = [campaign.createdBy, campaign.cancelled?.by, campaign.scope.ownerId, owner];
  const names = await namesOf(deps, [...involved, ...about, ...unanswered.map((each) => each.owner?.id)]);
  const at = (more: { state: ItemState; owner?: string | undefined; cursor?: string | undefined }) => hrefOf(base, campaign.id, more);
  const next = listed.length > ITEMS_SIZE ? { nextHref: at({ state, owner, cursor: agents.at(-1)?.agent.id }) } : {};
  const first = cursor === undefined ? {} : { previousHref: at({ state, owner }) };
  return {
    ...presentCampaign({ ...found, agents, shown: state, names, mayManage }, frame),
    tabs: itemStates.map((each) => ({
      href: at({ state: each, owner }),
      words: itemWord(each),
      count: progress[each].toLocaleString('en-GB'),
      current: each === state,
    })),
    unanswered: unanswered.map(({ owner: who, open }) => ({
      name: who === undefined ? 'Nobody owns them' : (names.get(who.id)?.name ?? 'Nobody'),
      isGone: who === undefined || names.get(who.id)?.isAlive !== true,
      open: open.toLocaleString('en-GB'),
      ...(who === undefined ? {} : { href: at({ state: 'open', owner: who.id }) }),
    })),
    ...(owner === undefined ? {} : { ownedBy: { name: names.get(owner)?.name ?? 'Nobody', allHref: at({ state }) } }),
    ...('nextHref' in next || 'previousHref' in first ? { pager: { words: `${agents.length} shown`, ...first, ...next } } : {}),
  };
}

function addReading(router: Router, { pages, guard }: Web, deps: CampaignConsoleDeps): void {
  const { service, base, clock } = deps;
  router.get(PAGE, async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session === undefined) return;
    const page = await service.listCampaigns({ cursor: id.parse(ctx.query['cursor']), limit: LIST_SIZE });
    const frame: Frame = { now: clock.now(), base };
    await pages.show(ctx, 'console/certifications', presentCampaigns(page, { frame, mayStart: WRITERS.includes(session.role) }), session);
  });
  router.get(`${PAGE}/:id`, async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session === undefined) return;
    const about = { query: itemQuery.parse(ctx.query), mayManage: WRITERS.includes(session.role) };
    await pages.show(ctx, 'console/certification', await itemsModel(deps, await service.get(idOf(ctx)), about), session);
  });
}

function createForms({ owners, service, base }: CampaignConsoleDeps) {
  const ownerOptions = async () => {
    const [people, groups] = await Promise.all([owners.list({ limit: CHOICES }), owners.listGroups()]);
    const named = [...people.items.filter(({ status }) => status === 'active'), ...groups];
    return [{ value: '', words: 'Everybody' }, ...named.map(({ id: value, name }) => ({ value, words: name }))];
  };
  const form = async (values: CampaignFormValues, faults?: readonly Fault[]) => ({
    action: `${base}${PAGE}/new`,
    backHref: `${base}${PAGE}`,
    owners: await ownerOptions(),
    risks: riskLevels.map((name) => ({ name, words: riskWord(name), checked: values[name] === 'on' })),
    values,
    ...(faults === undefined ? {} : { faults }),
  });
  const preview = async (values: CampaignFormValues, now: Date) => {
    const input = readCampaignForm(values);
    const reach = await service.preview(input);
    const owner = input.scope.ownerId === undefined ? undefined : ownerOf(input.scope.ownerId);
    return {
      action: `${base}${PAGE}/new`,
      name: input.name,
      note: input.note,
      due: dayOf(input.dueAt, now),
      words: scopeWords(input.scope, owner && (await owners.ownerLabel(owner))?.name),
      reach: presentReach(reach),
      mayStart: reach.agents > 0,
      fields: Object.entries(values).map(([name, value]) => ({ name, value })),
    };
  };
  return { form, preview };
}

/** The form asks first what it would reach; only the page that says so begins it. */
function addStarting(router: Router, { pages, guard }: Web, deps: CampaignConsoleDeps): void {
  const { service, clock } = deps;
  const { form, preview } = createForms(deps);
  const take = async (ctx: RouterContext, session: BrowserSession, { values, step }: { values: CampaignFormValues; step: string }) => {
    if (step === 'start') {
      const campaign = await service.start(readCampaignForm(values), session.accountId);
      return pages.redirect(ctx, `${PAGE}/${campaign.id}`, { kind: 'done', text: 'It runs. Owners see it on their own page.' });
    }
    if (step === 'change') return pages.show(ctx, 'console/certification-form', await form(values), session);
    await pages.show(ctx, 'console/certification-preview', await preview(values, clock.now()), session);
  };
  router.get(`${PAGE}/new`, async (ctx) => {
    const session = await guard.session(ctx, FRESH);
    if (session !== undefined) await pages.show(ctx, 'console/certification-form', await form(blankCampaign), session);
  });
  router.post(`${PAGE}/new`, async (ctx) => {
    const session = await guard.session(ctx, FRESH);
    if (session === undefined) return;
    const posted = await pages.form(ctx);
    const values = valuesOfCampaign(posted);
    try {
      await take(ctx, session, { values, step: fieldOf(posted, 'step') });
    } catch (error) {
      const status = statusOfFault(error);
      const model = await form(values, [faultOfCampaign(error as AppError)]);
      await pages.show(ctx, 'console/certification-form', { ...model, status }, session);
    }
  });
}

/** A page that asks before it does something to a campaign, and what it does. */
interface Act {
  readonly path: string;
  readonly template: string;
  readonly model: (found: CampaignInProgress, ctx: RouterContext) => Promise<object>;
  /** Returns what to say on the campaign's page. */
  readonly act: (found: CampaignInProgress, ctx: RouterContext, about: { field: string; by: string }) => Promise<string>;
  readonly field: 'due' | 'reason';
}

function actsOf({ service, nameOfAgent, clock }: CampaignConsoleDeps): readonly Act[] {
  const agentOf = (ctx: RouterContext) => (ctx.params['agent'] ?? '').slice(0, 100);
  const extend: Act = {
    path: 'extend',
    template: 'console/certification-extend',
    field: 'due',
    model: async ({ campaign }) => ({ heading: `More time for ${campaign.name}?`, due: dayOf(campaign.dueAt, clock.now()) }),
    act: async ({ campaign }, _ctx, { field, by }) => {
      await service.extend(campaign.id, readDue(field), by);
      return 'Owners have more time.';
    },
  };
  const cancel: Act = {
    path: 'cancel',
    template: 'console/confirm',
    field: 'reason',
    model: async ({ campaign }) => ({
      heading: `Cancel ${campaign.name}?`,
      words: 'Nobody is asked any more, and nothing is suspended for it. What was answered stays.',
      submit: 'Cancel it',
      reasons: true,
    }),
    act: async ({ campaign }, _ctx, { field, by }) => {
      await service.cancel(campaign.id, field, by);
      return 'It is cancelled.';
    },
  };
  const confirm: Act = {
    path: 'agents/:agent/confirm',
    template: 'console/confirm',
    field: 'reason',
    model: async (_found, ctx) => ({
      heading: `Confirm ${(await nameOfAgent(agentOf(ctx))) ?? 'this agent'} for its owner?`,
      words: 'For an owner who is away. The audit says that you answered in their place, and why.',
      submit: 'It is still needed',
      tone: 'calm',
      reasons: true,
    }),
    act: async ({ campaign }, ctx, { field, by }) => {
      await service.confirmForOwner({ campaignId: campaign.id, agentId: agentOf(ctx), reason: field, by });
      return 'Confirmed in its owner’s place.';
    },
  };
  return [extend, cancel, confirm];
}

function addActs(router: Router, { pages, guard }: Web, deps: CampaignConsoleDeps): void {
  const { service, base } = deps;
  for (const act of actsOf(deps)) {
    const show = async (ctx: RouterContext, session: BrowserSession, { value, fault }: { value: string; fault?: AppError }) => {
      const found = await service.get(idOf(ctx));
      const backHref = `${base}${PAGE}/${found.campaign.id}`;
      const faults = fault === undefined ? {} : { status: statusOfFault(fault), faults: [faultOfCampaign(fault)] };
      const frame = { current: 'certifications', action: `${base}${ctx.path}`, backHref, values: { [act.field]: value }, ...faults };
      await pages.show(ctx, act.template, { ...(await act.model(found, ctx)), ...frame }, session);
    };
    router.get(`${PAGE}/:id/${act.path}`, async (ctx) => {
      const session = await guard.session(ctx, FRESH);
      if (session !== undefined) await show(ctx, session, { value: '' });
    });
    router.post(`${PAGE}/:id/${act.path}`, async (ctx) => {
      const session = await guard.session(ctx, FRESH);
      if (session === undefined) return;
      const value = fieldOf(await pages.form(ctx), act.field);
      const found = await service.get(idOf(ctx));
      try {
        const text = await act.act(found, ctx, { field: value, by: session.accountId });
        pages.redirect(ctx, `${PAGE}/${found.campaign.id}`, { kind: 'done', text });
      } catch (error) {
        statusOfFault(error);
        await show(ctx, session, { value, fault: error as AppError });
      }
    });
  }
}

/** The console's pages for certification: list, one campaign, start, extend, cancel, confirm for an owner. All work without script. */
export function createCampaignConsole(deps: CampaignConsoleDeps): Routes {
  return (router, web) => {
    addStarting(router, web, deps);
    addReading(router, web, deps);
    addActs(router, web, deps);
  };
}
