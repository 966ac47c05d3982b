/**
 * The registry of agents: who acts, and who answers for it. It owns the records, their lifecycle (lifecycle.ts), the link between
 * an agent and the OAuth clients it authenticates through, the applications agents belong to, and SCIM and console of both. It
 * knows no token, grant or policy: what must end with an agent ends in the hook `onSuspended`, in the same transaction, and
 * everything that issues a token joins the view `live_agents`. Called by registration, policy, exchange, approvals and /me.
 */
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { AgentAudit } from './agent-event.ts';
import type { RedirectFaultOf } from './applications/application.ts';
import { createApplicationRoutes } from './applications/routes.ts';
import { createApplicationResourceType } from './applications/scim.ts';
import { type ApplicationEvent, createApplicationService } from './applications/service.ts';
import { createApplicationStore } from './applications/store.ts';
import { createLastSeen } from './last-seen.ts';
import type { OwnerDirectory } from './owners.ts';
import { type OwnedAgent, presentOwned } from './present.ts';
import { createAgentRoutes } from './routes.ts';
import { createAgentResourceType } from './scim.ts';
import { createAgentSearchStore } from './search/store.ts';
import { type AgentService, createAgentService } from './service.ts';
import { createAgentStore } from './store.ts';
import type { Surroundings } from './surroundings.ts';

export type { Agent, NewAgent } from './agent.ts';
export type { AgentEditor } from './agent-event.ts';
export type { AgentStatus } from './lifecycle.ts';
export type { OwnerDirectory } from './owners.ts';
export type { OwnedAgent } from './present.ts';
export type { CredentialLine, DelegationShown, Falling, ReachLine, Surroundings } from './surroundings.ts';

/** What the registry stands on. The two hooks run inside the transaction that moves the agent. */
export interface AgentsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AgentAudit & { record(event: ApplicationEvent): Promise<void> };
  readonly owners: OwnerDirectory;
  /** Whether this account is the only one that may administer: then it may let its own agents run (security rule R8). */
  readonly isSoleAdministrator?: (accountId: string) => Promise<boolean>;
  /** The rules of client registration for redirect URIs, which SCIM obeys too (security rule R7). */
  readonly redirectFaultOf: RedirectFaultOf;
  /** The agent may no longer act: suspended, retired or under review. Ends what it holds. */
  readonly onSuspended: (agentId: string) => Promise<void>;
  readonly onActivated?: (agentId: string) => Promise<void>;
  readonly surroundings: Surroundings;
}

/** The registry as other capabilities use it. */
export interface Agents extends AgentService {
  /** Notes that the agent acts now, in memory; written by a job, at most once a minute for an agent. */
  touch(agentId: string): void;
  /** Writes what `touch` noted; for the end of the server and for tests. */
  flushLastSeen(): Promise<void>;
  /** What a person answers for, as the page /me shows it. */
  agentsOwnedBy(accountId: string): Promise<readonly OwnedAgent[]>;
  /** How many agents that are not retired each of these owners has; an owner without any is left out. */
  agentCounts(ownerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Owners of at least one agent that is not retired, and how many such agents nobody alive answers for. */
  countOwnership(): Promise<{ readonly owners: number; readonly unowned: number }>;
  readonly capability: Capability;
}

const FLUSH_SECONDS = 15;

/** Builds the registry. */
export function createAgents(deps: AgentsDeps): Agents {
  const { db, clock, issuer, owners } = deps;
  const store = createAgentStore({ db });
  const search = createAgentSearchStore({ db });
  const service = createAgentService({ ...deps, store, search, onActivated: deps.onActivated ?? (async () => undefined) });
  const lastSeen = createLastSeen({ clock, store });
  const applications = createApplicationStore({ db });
  const applicationService = createApplicationService({ ...deps, store: applications });
  return {
    ...service,
    agentCounts: search.countByOwner,
    countOwnership: search.countOwnership,
    touch: lastSeen.touch,
    flushLastSeen: lastSeen.flush,
    agentsOwnedBy: async (accountId) =>
      (await service.ownedBy(accountId)).map((agent) => presentOwned(agent, { now: clock.now(), base: basePathOf(issuer) })),
    capability: {
      name: 'agents',
      scim: [
        createAgentResourceType({ db, service, store, search, owners, applications, issuer }),
        createApplicationResourceType({ service: applicationService, store: applications, issuer }),
      ],
      routes: (router, web) => {
        createAgentRoutes({ ...deps, service, applications })(router, web);
        createApplicationRoutes({ clock, issuer, service: applicationService, store: applications })(router, web);
      },
      jobs: [{ name: 'agents-last-seen', everySeconds: FLUSH_SECONDS, run: lastSeen.flush }],
    },
  };
}
