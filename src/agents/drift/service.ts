import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import { type Agent, type RiskLevel, riskLevels } from '../agent.ts';
import { type AgentAudit, type AgentEditor, recordBy } from '../agent-event.ts';
import type { AgentService } from '../service.ts';
import { changedMeanwhile, noSuchAgent } from '../status.ts';
import type { AgentStore } from '../store.ts';
import { agreedTo, type Drift, differenceOf, fingerprintOf, isAgreed, lineOf, partsOf, type Running } from './drift.ts';
import type { DriftStore } from './store.ts';

/** Something that was presented for an agent's software, by a request that would have got a token. */
export interface Presentation {
  readonly agentId: string;
  readonly clientId: string;
  readonly running: Running;
  /** The risks at which an agent goes on meanwhile; asked inside the transaction, so that the answer holds until its end. */
  readonly risksThatGoOn: () => Promise<readonly RiskLevel[]>;
}

/** What is to be said of an agent: something else runs, nobody agreed yet to what runs, or its owner agreed and it waits. */
export type DriftNotice = 'differs' | 'unrecorded' | 'accepted';

/** The same, wherever the agent is listed. */
export const noticeWords = {
  differs: 'Something else runs than was agreed',
  unrecorded: 'Nobody agreed yet to what it runs',
  accepted: 'Its owner agreed to what it runs now',
} as const satisfies Record<DriftNotice, string>;

/** Where an agent stands: what its software presented, and whether its owner agreed to it while it is under review. */
export interface DriftStanding {
  /** Open, the one that was seen last first; what the record says by now is left out. */
  readonly open: readonly Drift[];
  /** Agreed to since the review began. */
  readonly accepted: Drift | undefined;
  readonly notice: DriftNotice | undefined;
}

/** Somebody agrees to what runs. */
export interface Acceptance {
  readonly driftId: string;
  /** The version of the agent whose record stood beside it. */
  readonly version: number;
  readonly by: AgentEditor;
  /** `record`: what runs becomes the record. `act`: and the agent leaves its review (security rule R8). */
  readonly effect: 'record' | 'act';
}

/** What runs, held against what was agreed. Every change is one transaction with its audit events. */
export interface DriftService {
  /**
   * Keeps what was presented; the same again only counts. An active agent whose record says something else goes under review.
   * `same`: the record says it. `noted`: the record says nothing, and the agent goes on. `acts`, `stopped`: it differs.
   */
  note(presentation: Presentation): Promise<'same' | 'noted' | 'acts' | 'stopped'>;
  standingOf(agent: Agent): Promise<DriftStanding>;
  /** By agent id, for lists; agents of which nothing is to be said are left out. */
  noticesOf(agents: readonly Agent[]): Promise<ReadonlyMap<string, DriftNotice>>;
  /** @throws {AppError} `not_found`, `forbidden` (R8), `conflict` (settled already, changed meanwhile, retired). */
  accept(agentId: string, acceptance: Acceptance): Promise<Agent>;
  /** Stops agents that act under review and whose risk is none of these, in the transaction under way; returns how many. */
  stopBeyond(risks: readonly RiskLevel[]): Promise<number>;
  /** Hook of editing: a record that says what runs settles it; a higher risk ends acting under review. */
  onEdited(before: Agent, after: Agent): Promise<void>;
  /** Hook of the lifecycle: who lets it act although it differs has seen it; the next presentation is a new one. */
  onActivated(agentId: string): Promise<void>;
  /** Removes what was settled more than a year ago. */
  purge(): Promise<void>;
}

/** What it stands on. */
export interface DriftServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Pick<AgentAudit, 'record'>;
  readonly store: Pick<AgentStore, 'find' | 'lock'>;
  readonly drifts: DriftStore;
  readonly agents: Pick<AgentService, 'update' | 'setStatus'>;
}

const WATCH: AgentEditor = { kind: 'system', id: 'drift', party: 'system' };
/** More than this one agent cannot have open: whoever presents something new each time fills no table. */
const MOST_OPEN = 10;
const KEPT_SECONDS = 366 * 86_400;
const PURGE_BATCH = 1_000;

const isContradiction = (agent: Agent, { presented }: Drift) => differenceOf(agent, presented).contradicted.length > 0;

function openStanding(agent: Agent, drifts: readonly Drift[]): Pick<DriftStanding, 'open' | 'notice'> {
  const open = drifts.filter(({ presented }) => !isAgreed(differenceOf(agent, presented)));
  if (open.length === 0) return { open, notice: undefined };
  return { open, notice: open.some((drift) => isContradiction(agent, drift)) ? 'differs' : 'unrecorded' };
}

/** What is read, for pages and lists. */
function createReading({ drifts }: Pick<DriftServiceDeps, 'drifts'>): Pick<DriftService, 'standingOf' | 'noticesOf'> {
  return {
    async standingOf(agent) {
      const { open, notice } = openStanding(agent, await drifts.openOf([agent.id]));
      const accepted = agent.status === 'underReview' ? await drifts.lastAccepted(agent.id, agent.statusChangedAt) : undefined;
      return { open, accepted, notice: notice === 'differs' || accepted === undefined ? notice : 'accepted' };
    },
    async noticesOf(agents) {
      const all = await drifts.openOf(agents.map(({ id }) => id));
      const notices = agents.map((agent) => {
        const own = all.filter(({ agentId }) => agentId === agent.id);
        return [agent.id, openStanding(agent, own).notice] as const;
      });
      return new Map(notices.filter((pair): pair is [string, DriftNotice] => pair[1] !== undefined));
    },
  };
}

/** What a token request says. */
function createNote({ db, clock, ids, audit, store, drifts, agents }: DriftServiceDeps): DriftService['note'] {
  const keep = async (agent: Agent, { clientId, running }: Presentation) => {
    const { manifestDigest, model } = agent;
    const { id, times } = await drifts.count({
      id: ids.next('drf'),
      agentId: agent.id,
      fingerprint: fingerprintOf(running),
      presented: running,
      recorded: { manifestDigest, model },
      clientId,
      at: clock.now(),
    });
    if (times === 1) await drifts.forgetOldest(agent.id, MOST_OPEN);
    return { id, isNew: times === 1 };
  };
  const record = (agent: Agent, { clientId, running }: Presentation, driftId: string) => {
    const { contradicted } = differenceOf(agent, running);
    return audit.record({
      type: 'agent.drifted',
      actor: { kind: 'client', id: clientId },
      agentId: agent.id,
      clientId,
      resource: driftId,
      action: contradicted.join(' '),
      cause: `agreed ${lineOf(agent.manifestDigest, agent.model)}; runs ${lineOf(running.digest, running.model)}`,
    });
  };
  const review = async (agent: Agent, goesOn: boolean) => {
    const reason = 'Something else runs than was agreed.';
    await agents.setStatus(agent.id, 'underReview', { by: WATCH, reason, meanwhile: goesOn ? 'acts' : 'rests' });
    return goesOn ? 'acts' : 'stopped';
  };
  return (presentation) =>
    db.transaction(async () => {
      // before the agent: who changes the setting stops agents under its lock
      const risks = await presentation.risksThatGoOn();
      const agent = await store.lock(presentation.agentId);
      if (agent === undefined || (agent.status !== 'active' && agent.status !== 'underReview')) return 'stopped';
      const difference = differenceOf(agent, presentation.running);
      if (isAgreed(difference)) return 'same';
      const { id, isNew } = await keep(agent, presentation);
      if (difference.contradicted.length === 0) return 'noted';
      if (isNew) await record(agent, presentation, id);
      if (agent.status === 'active') return review(agent, risks.includes(agent.riskLevel));
      return agent.actsUnderReview ? 'acts' : 'stopped';
    });
}

/** What people decide about it. */
function createAcceptance({ db, clock, audit, store, drifts, agents }: DriftServiceDeps): DriftService['accept'] {
  const settle = async (agent: Agent, drift: Drift, by: AgentEditor) => {
    const others = (await drifts.openOf([agent.id])).filter(({ id }) => id !== drift.id).map(({ id }) => id);
    const closing = { by: by.id, at: clock.now() };
    await drifts.close({ ids: [drift.id], outcome: 'accepted', ...closing });
    await drifts.close({ ids: others, outcome: 'superseded', ...closing });
  };
  return (agentId, { driftId, version, by, effect }) =>
    db.transaction(async () => {
      const agent = await store.lock(agentId);
      if (agent === undefined) throw noSuchAgent();
      const drift = await drifts.findOpen(driftId, agentId);
      if (drift === undefined || agent.status === 'retired') throw new AppError('conflict', 'This was settled already.');
      if (version !== agent.version) throw changedMeanwhile();
      const changes = agreedTo(agent, drift.presented);
      await settle(agent, drift, by);
      const updated = await agents.update(agentId, { changes }, by);
      await recordBy(audit, by, {
        type: 'agent.drift_accepted',
        agentId,
        clientId: drift.clientId,
        resource: drift.id,
        action: [...partsOf(drift.presented.digest, drift.presented.model).keys()].join(' '),
        cause: `was ${lineOf(agent.manifestDigest, agent.model)}`,
        remedy: `is ${lineOf(changes.manifestDigest, changes.model)}`,
      });
      return effect === 'record' ? updated : agents.setStatus(agentId, 'active', { by, from: ['underReview'] });
    });
}

/** Builds it over its stores. */
export function createDriftService(deps: DriftServiceDeps): DriftService {
  const { clock, store, drifts, agents } = deps;
  const stop = (agentId: string, reason: string) =>
    agents.setStatus(agentId, 'underReview', { by: WATCH, reason, from: ['underReview'], meanwhile: 'rests' });
  const settleBy = async (agent: Agent) => {
    const settled = (await drifts.openOf([agent.id])).filter(({ presented }) => isAgreed(differenceOf(agent, presented)));
    await drifts.close({ ids: settled.map(({ id }) => id), outcome: 'recordChanged', by: undefined, at: clock.now() });
  };
  return {
    ...createReading(deps),
    note: createNote(deps),
    accept: createAcceptance(deps),
    async stopBeyond(risks) {
      const ids = await drifts.actingBeyond(risks);
      for (const id of ids) await stop(id, 'The setting for drift no longer lets it act meanwhile.');
      return ids.length;
    },
    async onEdited(before, after) {
      if (lineOf(before.manifestDigest, before.model) !== lineOf(after.manifestDigest, after.model)) await settleBy(after);
      const isRiskier = riskLevels.indexOf(after.riskLevel) > riskLevels.indexOf(before.riskLevel);
      if (after.actsUnderReview && isRiskier) await stop(after.id, 'Its risk is judged higher than when it was let act meanwhile.');
    },
    async onActivated(agentId) {
      const agent = await store.find(agentId);
      if (agent === undefined) return;
      const seen = (await drifts.openOf([agentId])).filter((drift) => isContradiction(agent, drift));
      await drifts.close({ ids: seen.map(({ id }) => id), outcome: 'dismissed', by: agent.statusChangedBy, at: clock.now() });
    },
    async purge() {
      const before = secondsAfter(clock.now(), -KEPT_SECONDS);
      while ((await drifts.purge(before, PURGE_BATCH)) >= PURGE_BATCH);
    },
  };
}
