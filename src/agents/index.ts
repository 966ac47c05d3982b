/**
 * The registry of agents: who acts, and who answers for it. It owns the records, their lifecycle (lifecycle.ts), the link between
 * an agent and the OAuth clients it authenticates through, certification, the applications agents belong to, SCIM and pages. It
 * knows no token, grant or policy: what must end with an agent ends in the hook `onSuspended`, in the same transaction, and
 * everything that issues a token joins the view `live_agents`. Called by registration, policy, exchange, approvals and /me.
 */
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { AgentAudit, CertificationAudit } from './agent-event.ts';
import type { RedirectFaultOf } from './applications/application.ts';
import { createApplicationRoutes } from './applications/routes.ts';
import { createApplicationResourceType } from './applications/scim.ts';
import { type ApplicationEvent, createApplicationService } from './applications/service.ts';
import { createApplicationStore } from './applications/store.ts';
import { createCertification } from './certification/index.ts';
import type { CertificationService } from './certification/service.ts';
import { createItemStore } from './certification/items/store.ts';
import { createCampaignStore } from './certification/store.ts';
import { createDriftRoutes } from './drift/routes.ts';
import { createDriftService, type DriftService } from './drift/service.ts';
import { createDriftStore } from './drift/store.ts';
import { createEnding } from './ending/ending.ts';
import { createLastSeen, type Seen } from '../platform/last-seen.ts';
import type { Outgoing } from '../platform/outgoing/dispatcher.ts';
import { createBatchCreation } from './batch/creation.ts';
import { createAgentBatchStore } from './batch/store.ts';
import { createUpsert } from './batch/upsert.ts';
import { cardCommands } from './cards/commands.ts';
import { cardJob } from './cards/jobs.ts';
import { createCardRoutes } from './cards/routes.ts';
import { type CardService, createCardService } from './cards/service.ts';
import { createCardStore } from './cards/store.ts';
import { agentCommands } from './commands.ts';
import { createPlacement } from './family/placement.ts';
import { createFamilyStore } from './family/store.ts';
import { createDepartures, type OwnerDeparture } from './leaving/departures.ts';
import { createOwnAgentRoutes } from './me/routes.ts';
import type { OwnerDirectory } from './owners.ts';
import { type OwnedAgent, presentOwned } from './present.ts';
import { createAgentRoutes } from './routes.ts';
import { createAgentResourceType } from './scim.ts';
import { createAgentSearchStore } from './search/store.ts';
import { type AgentService, createAgentService } from './service.ts';
import { createAgentStore } from './store.ts';
import { createStopping } from './stopping.ts';
import type { Surroundings } from './surroundings.ts';

export { type Agent, type AgentModel, type Autonomy, type NewAgent, type RiskLevel, riskLevels } from './agent.ts';
export type { AgentEditor } from './agent-event.ts';
export type { CertificationService } from './certification/service.ts';
export type { Elder, Room } from './family/line.ts';
export { beyond, type ClientReach, mayHaveDetail, mayHaveResource, mayHaveScope } from './family/reach.ts';
export { differenceOf, fingerprintOf, isAgreed, readRunning, RUNNING_PARAMETERS, type Running } from './drift/drift.ts';
export { type DriftNotice, type DriftService, noticeWords, type Presentation } from './drift/service.ts';
export type { AgentStatus } from './lifecycle.ts';
export type { OwnerDeparture } from './leaving/departures.ts';
export type { OwnerDirectory } from './owners.ts';
export type { OwnedAgent } from './present.ts';
export type { CredentialLine, DelegationShown, Falling, ReachLine, Surroundings } from './surroundings.ts';

/** What the registry stands on. The hooks run inside the transaction that moves the agent. */
export interface AgentsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AgentAudit & CertificationAudit & { record(event: ApplicationEvent): Promise<void> };
  readonly owners: OwnerDirectory;
  /** Whether this account is the only one that may administer: then it may let its own agents run (security rule R8). */
  readonly isSoleAdministrator?: (accountId: string) => Promise<boolean>;
  /** The rules of client registration for redirect URIs, which SCIM obeys too (security rule R7). */
  readonly redirectFaultOf: RedirectFaultOf;
  /** The agent may no longer act: suspended, retired or under review. Ends what it holds. */
  readonly onSuspended: (agentId: string) => Promise<void>;
  /** The agent may not act until a review is over; left out: `onSuspended`. */
  readonly onPaused?: (agentId: string) => Promise<void>;
  readonly onActivated?: (agentId: string) => Promise<void>;
  /** The same as `onSuspended` for many agents at once; left out: one after the other. */
  readonly onManySuspended?: (agentIds: readonly string[]) => Promise<void>;
  /** The agent ended by itself, because its time is over: its clients and their secrets go too. */
  readonly onEnded?: (agentId: string) => Promise<void>;
  readonly surroundings: Surroundings;
  /** The guarded way out, for agent cards (security rule R21). */
  readonly outgoing: Pick<Outgoing, 'fetch'>;
}

/** The registry as other capabilities use it. */
export interface Agents extends AgentService {
  /** The A2A agent cards that agents came from. */
  readonly cards: Pick<CardService, 'add' | 'find' | 'changedLately'>;
  /** What runs, held against what was agreed. */
  readonly drift: DriftService;
  /** Notes that the agent acts now, in memory; written by a job, at most once a minute for an agent. */
  touch(agentId: string): void;
  /** Writes what `touch` noted; for the end of the server and for tests. */
  flushLastSeen(): Promise<void>;
  /** What a person answers for, as the page /me shows it. */
  agentsOwnedBy(accountId: string): Promise<readonly OwnedAgent[]>;
  /** Moves on what an owner who is gone answered for, in the transaction under way. */
  ownerGone(departure: OwnerDeparture): Promise<void>;
  /** Ends the agents whose time is over; the job calls it. */
  endDue(): Promise<void>;
  /** How many agents that are not retired each of these owners has; an owner without any is left out. */
  agentCounts(ownerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Owners of at least one agent that is not retired, and how many such agents nobody alive answers for. */
  countOwnership(): Promise<{ readonly owners: number; readonly unowned: number }>;
  /** Owners confirm their agents by a date; see src/agents/certification. */
  readonly certification: CertificationService;
  readonly capability: Capability;
}

const FLUSH_SECONDS = 15;
const COMPACT_SECONDS = 60;
/** The policy refuses an agent whose time is over at once; this is how long its record and its clients may be left. */
const ENDING_SECONDS = 15;

/** Builds the registry. */
export function createAgents(deps: AgentsDeps): Agents {
  const { db, clock, issuer, owners } = deps;
  const store = createAgentStore({ db });
  const search = createAgentSearchStore({ db });
  const nothing = async () => undefined;
  const items = createItemStore({ db });
  const family = createFamilyStore({ db });
  const stopping = createStopping({ ...deps, onManySuspended: deps.onManySuspended, items, family });
  const { onSuspended, stopBelow } = stopping;
  const moving = { ...deps, onEnded: deps.onEnded ?? nothing };
  const service = createAgentService({
    ...deps,
    onSuspended,
    stopBelow,
    store,
    search,
    family,
    onEdited: (before, after) => drift.onEdited(before, after),
    async onActivated(agentId) {
      await drift.onActivated(agentId);
      await deps.onActivated?.(agentId);
    },
  });
  const drift = createDriftService({ ...deps, store, drifts: createDriftStore({ db }), agents: service });
  const endDue = createEnding({ ...moving, onManySuspended: stopping.onManyMoved('retired') });
  const campaigns = createCampaignStore({ db });
  const certification = createCertification({ ...deps, agents: service, agentStore: store, campaigns, items });
  const applications = createApplicationStore({ db });
  const applicationService = createApplicationService({ ...deps, store: applications });
  const lastSeen = createLastSeen<Seen>({ clock, write: store.setLastSeen });
  const cardStore = createCardStore({ db });
  const cards = createCardService({ ...deps, store: cardStore, agents: service });
  const { onEdited } = drift;
  const batching = { ...deps, onEdited, store, placement: createPlacement({ store, family }), batchStore: createAgentBatchStore({ db }) };
  const batch = createBatchCreation({ ...batching, service });
  return {
    ...service,
    drift,
    ownerGone: createDepartures({ ...moving, onManySuspended: stopping.onManyMoved('underReview') }),
    endDue,
    cards,
    agentCounts: search.countByOwner,
    countOwnership: search.countOwnership,
    certification,
    touch: (id) => lastSeen.touch({ id }),
    flushLastSeen: lastSeen.flush,
    agentsOwnedBy: async (accountId) =>
      (await service.ownedBy(accountId)).map((agent) => presentOwned(agent, { now: clock.now(), base: basePathOf(issuer) })),
    capability: {
      name: 'agents',
      scim: [
        createAgentResourceType({ db, service, store, search, owners, applications, batch, issuer }),
        createApplicationResourceType({ service: applicationService, store: applications, issuer }),
      ],
      routes: (router, web) => {
        createCardRoutes({ ...deps, cards, agents: service })(router, web);
        createAgentRoutes({ ...deps, service, certification, cards, drift, applications })(router, web);
        createApplicationRoutes({ clock, issuer, service: applicationService, store: applications })(router, web);
        createDriftRoutes({ ...deps, service, drift })(router, web);
        certification.routes(router, web);
        createOwnAgentRoutes({ ...deps, service, drift, cards })(router, web);
      },
      jobs: [
        { name: 'agents-last-seen', everySeconds: FLUSH_SECONDS, run: lastSeen.flush },
        { name: 'settled-drift', everySeconds: 3_600, run: drift.purge },
        { name: 'agents-counts', everySeconds: COMPACT_SECONDS, run: search.compactCounts },
        { name: 'agents-ending', everySeconds: ENDING_SECONDS, run: endDue },
        certification.job,
        cardJob({ clock, store: cardStore, cards }),
      ],
      commands: [...agentCommands(createUpsert(batching)), ...cardCommands(cards)],
    },
  };
}
