import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import { idOf } from '../platform/http/path-id.ts';
import type { BrowserSession, Form, Role, Routes, Web } from '../platform/http/web.ts';
import { type Agent, autonomies, riskLevels } from './agent.ts';
import type { AgentAudit, AgentEditor } from './agent-event.ts';
import type { ApplicationStore } from './applications/store.ts';
import { presentKept } from './cards/present.ts';
import type { CardService } from './cards/service.ts';
import type { Certification } from './certification/index.ts';
import {
  type AgentFormValues,
  type Fault,
  faultOf,
  fieldOf,
  readAgentForm,
  readTtl,
  statusOfFault,
  valuesOfAgent,
  valuesOfForm,
} from './form.ts';
import { familyOf } from './family/page.ts';
import { presentFamily, resumedWords } from './family/present.ts';
import type { DriftService } from './drift/service.ts';
import { agentsModel, readListQuery } from './listing.ts';
import { ownerOptions, withOwnerByEmail } from './owner-options.ts';
import type { OwnerDirectory } from './owners.ts';
import { type Frame, presentAgent, presentFalls } from './present.ts';
import type { AgentService } from './service.ts';
import { mayLetRun, type StatusDeps, type StatusRequest } from './status.ts';
import type { Surroundings } from './surroundings.ts';

/** What the console pages of agents stand on. */
export interface AgentRoutesDeps {
  readonly service: AgentService;
  readonly owners: OwnerDirectory;
  readonly isSoleAdministrator?: StatusDeps['isSoleAdministrator'];
  readonly audit: Pick<AgentAudit, 'list'>;
  readonly surroundings: Surroundings;
  readonly applications: Pick<ApplicationStore, 'linksOf'>;
  readonly certification: Pick<Certification, 'factsAbout'>;
  readonly cards: Pick<CardService, 'find'>;
  readonly drift: Pick<DriftService, 'standingOf'>;
  readonly clock: Clock;
  readonly issuer: URL;
}

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
const WRITERS: readonly Role[] = ['admin'];
/** Security rule R22: what stops an agent asks for a sign-in of the last 15 minutes. */
const FRESH_SECONDS = 900;
const ENVIRONMENTS = ['production', 'staging', 'test', 'development'];

const LIVES = [
  { value: '', words: 'Until its end, or for good' },
  { value: '20', words: '20 minutes' },
  { value: '60', words: 'An hour' },
  { value: '480', words: '8 hours' },
  { value: '1440', words: 'A day' },
  { value: '43200', words: '30 days' },
];

const editorOf = ({ accountId }: BrowserSession): AgentEditor => ({ kind: 'account', id: accountId, party: 'administrator' });

const capitalised = (word: string) => ({ value: word, words: `${word[0]?.toUpperCase()}${word.slice(1)}` });

function createForms({ owners, issuer }: Pick<AgentRoutesDeps, 'owners' | 'issuer'>) {
  const base = basePathOf(issuer);
  /** The model of views/console/agent-form.eta; `agent` undefined: a new one. */
  return async (agent: Agent | undefined, { values, faults }: { values: AgentFormValues; faults?: readonly Fault[] }) => {
    const list = `${base}/console/agents`;
    const environments = [...new Set([...ENVIRONMENTS, values.environment])].filter((one) => one !== '');
    return {
      heading: agent === undefined ? 'Add an agent' : `Edit ${agent.displayName}`,
      action: agent === undefined ? `${list}/new` : `${list}/${agent.id}/edit`,
      backHref: agent === undefined ? list : `${list}/${agent.id}`,
      submit: agent === undefined ? 'Add the agent' : 'Save',
      owners: await ownerOptions(owners, values.owner),
      risks: riskLevels.map((value) => capitalised(value)),
      autonomies: [
        { value: autonomies[0], words: 'No: a person is there' },
        { value: autonomies[1], words: 'Yes: in the background' },
      ],
      ...(agent === undefined ? { lives: LIVES } : {}),
      environments: [{ value: '', words: 'Not said' }, ...environments.map((value) => capitalised(value))],
      values,
      ...(faults === undefined ? {} : { faults }),
    };
  };
}

function addReading(router: Router, { pages, guard }: Web, deps: AgentRoutesDeps): void {
  const { service, owners, audit, surroundings, certification, cards, drift, clock, issuer } = deps;
  const frame = (): Frame => ({ now: clock.now(), base: basePathOf(issuer) });
  const labelOf = async (owner: Agent['owner']) => owner && owners.ownerLabel(owner);

  router.get('/console/agents', async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session === undefined) return;
    await pages.show(
      ctx,
      'console/agents',
      await agentsModel(readListQuery(ctx.query), { service, directory: owners, frame: frame() }),
      session,
    );
  });
  router.get('/console/agents/:id', async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session === undefined) return;
    const agent = await service.get(idOf(ctx));
    const { id, statusChangedBy } = agent;
    const changer = statusChangedBy?.startsWith('usr_') ? ({ kind: 'user', id: statusChangedBy } as const) : undefined;
    const [owner, family, clientIds, changedBy, links] = await Promise.all([
      labelOf(agent.owner),
      familyOf(agent, service),
      service.clientsOf(id),
      labelOf(changer),
      deps.applications.linksOf([id]),
    ]);
    const [falls, reach, credentials, budgets, delegation, certified, trail, mayStart, card, { notice }] = await Promise.all([
      surroundings.whatWouldFall(id),
      surroundings.reachOf(id),
      surroundings.credentialsOf(clientIds),
      surroundings.budgetsOf(id),
      surroundings.lastDelegationOf(id),
      certification.factsAbout(agent),
      audit.list({ agentId: id, limit: 20 }),
      mayLetRun(agent, session.accountId, deps),
      cards.find(id),
      drift.standingOf(agent),
    ]);
    const moved = { changedBy: changedBy?.name ?? statusChangedBy, applications: links.get(id) ?? [] };
    const shown = { agent, owner, ...moved, falls, reach, credentials, budgets, delegation, certified };
    const relatives = { family: presentFamily(family, frame()) };
    const may = { mayManage: WRITERS.includes(session.role), mayStart, drift: notice };
    const page = presentAgent({ ...shown, ...relatives, events: trail.events.map(({ event }) => event), ...may }, frame());
    await pages.show(ctx, 'console/agent', { ...page, ...(card === undefined ? {} : { card: presentKept(card, clock.now()) }) }, session);
  });
}

function addEditing(router: Router, { pages, guard }: Web, deps: AgentRoutesDeps): void {
  const { service } = deps;
  const formModel = createForms(deps);

  /** Shows the form, or takes what was posted and leads on to the agent; a fault shows it again. */
  const addForm = (path: string, agentOf: (ctx: RouterContext) => Promise<Agent | undefined>) => {
    router.get(path, async (ctx) => {
      const session = await guard.session(ctx, { roles: WRITERS });
      if (session === undefined) return;
      const agent = await agentOf(ctx);
      await pages.show(ctx, 'console/agent-form', await formModel(agent, { values: valuesOfAgent(agent) }), session);
    });
    router.post(path, async (ctx) => {
      const session = await guard.session(ctx, { roles: WRITERS });
      if (session === undefined) return;
      const values = valuesOfForm(await pages.form(ctx));
      const agent = await agentOf(ctx);
      try {
        const saved = await save(agent, { values, session });
        const text = agent === undefined ? 'Added. Somebody who does not own it can let it run.' : 'Saved.';
        pages.redirect(ctx, `/console/agents/${saved.id}`, { kind: 'done', text });
      } catch (error) {
        const status = statusOfFault(error);
        await pages.show(
          ctx,
          'console/agent-form',
          { ...(await formModel(agent, { values, faults: [faultOf(error as AppError)] })), status },
          session,
        );
      }
    });
  };
  const save = async (agent: Agent | undefined, { values, session }: { values: AgentFormValues; session: BrowserSession }) => {
    const changes = readAgentForm(await withOwnerByEmail(values, deps.owners), agent);
    if (agent === undefined) return service.create({ ...changes, ttlMinutes: readTtl(values), source: 'console' }, editorOf(session));
    return service.update(agent.id, { changes, version: Number(values.version) }, editorOf(session));
  };
  addForm('/console/agents/new', async () => undefined);
  addForm('/console/agents/:id/edit', async (ctx) => service.get(idOf(ctx)));
}

/** One of the two acts that stop an agent and say before what falls. */
interface Stop {
  readonly verb: 'suspend' | 'retire';
  readonly to: 'suspended' | 'retired';
  readonly heading: (name: string) => string;
  readonly words: string;
  readonly submit: string;
  readonly done: (name: string) => string;
}

const stops: readonly Stop[] = [
  {
    verb: 'suspend',
    to: 'suspended',
    heading: (name) => `Suspend ${name}?`,
    words: 'It gets no new token and everything it holds is refused at once. You can resume it.',
    submit: 'Suspend it',
    done: (name) => `${name} is suspended. What it held is refused.`,
  },
  {
    verb: 'retire',
    to: 'retired',
    heading: (name) => `Retire ${name}?`,
    words: 'For good. Its record and its audit stay; it never acts again.',
    submit: 'Retire it',
    done: (name) => `${name} is retired.`,
  },
];

function addStops(router: Router, { pages, guard }: Web, { service, surroundings, issuer }: AgentRoutesDeps): void {
  const base = basePathOf(issuer);
  const need = { roles: WRITERS, maxAgeSeconds: FRESH_SECONDS };
  const confirmModel = async (agent: Agent, stop: Stop, { reason, faults }: { reason: string; faults?: readonly Fault[] }) => ({
    current: 'agents',
    heading: stop.heading(agent.displayName),
    words: stop.words,
    action: `${base}/console/agents/${agent.id}/${stop.verb}`,
    backHref: `${base}/console/agents/${agent.id}`,
    submit: stop.submit,
    falls: presentFalls(await surroundings.whatWouldFall(agent.id)),
    ...(stop.to === 'retired' ? { name: agent.displayName } : {}),
    reasons: true,
    values: { reason },
    ...(faults === undefined ? {} : { faults }),
  });
  const assertNamed = (agent: Agent, stop: Stop, form: Form) => {
    if (stop.to !== 'retired' || fieldOf(form, 'name').normalize('NFC') === agent.displayName) return;
    throw new AppError('invalid_input', 'This is not its name.', { member: 'name' });
  };
  for (const stop of stops) {
    router.get(`/console/agents/:id/${stop.verb}`, async (ctx) => {
      const session = await guard.session(ctx, need);
      if (session === undefined) return;
      await pages.show(ctx, 'console/confirm', await confirmModel(await service.get(idOf(ctx)), stop, { reason: '' }), session);
    });
    router.post(`/console/agents/:id/${stop.verb}`, async (ctx) => {
      const session = await guard.session(ctx, need);
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const agent = await service.get(idOf(ctx));
      const reason = fieldOf(form, 'reason');
      try {
        assertNamed(agent, stop, form);
        await service.setStatus(agent.id, stop.to, { by: editorOf(session), reason });
        pages.redirect(ctx, `/console/agents/${agent.id}`, { kind: 'done', text: stop.done(agent.displayName.slice(0, 80)) });
      } catch (error) {
        const status = statusOfFault(error);
        await pages.show(
          ctx,
          'console/confirm',
          { ...(await confirmModel(agent, stop, { reason, faults: [faultOf(error as AppError)] })), status },
          session,
        );
      }
    });
  }
}

const starts = [
  { verb: 'activate', from: ['proposed', 'underReview', 'active'] },
  { verb: 'resume', from: ['suspended', 'active'] },
] as const satisfies readonly { readonly verb: string; readonly from: StatusRequest['from'] }[];

function addStarts(router: Router, { pages, guard }: Web, { service }: AgentRoutesDeps): void {
  for (const { verb, from } of starts) {
    router.post(`/console/agents/:id/${verb}`, async (ctx) => {
      const session = await guard.session(ctx, { roles: WRITERS });
      if (session === undefined) return;
      const isWithTree = fieldOf(await pages.form(ctx), 'family') === 'below';
      const path = `/console/agents/${idOf(ctx)}`;
      try {
        const request = { by: editorOf(session), from };
        const { agent, ...counts } = isWithTree
          ? await service.resumeTree(idOf(ctx), request)
          : { agent: await service.setStatus(idOf(ctx), 'active', request), resumed: 0, left: 0 };
        pages.redirect(ctx, path, { kind: 'done', text: resumedWords({ name: agent.displayName.slice(0, 80), ...counts }) });
      } catch (error) {
        statusOfFault(error);
        pages.redirect(ctx, path, { kind: 'stop', text: (error as AppError).message });
      }
    });
  }
}

/** The console's pages for agents: list, one agent, add, edit, suspend, retire, activate, resume. All work without script. */
export function createAgentRoutes(deps: AgentRoutesDeps): Routes {
  return (router, web) => {
    addEditing(router, web, deps);
    addReading(router, web, deps);
    addStops(router, web, deps);
    addStarts(router, web, deps);
  };
}
