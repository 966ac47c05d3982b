/**
 * What the two first pages show: the console's overview and a person's own page. Only reads, and the end of a grant; every part
 * comes from a capability's own service.
 */
import type { Accounts, AccountsDeps } from './accounts/index.ts';
import { type Agents, noticeWords } from './agents/index.ts';
import type { Approvals } from './approvals/index.ts';
import type { DetailTypes } from './authorization-details/index.ts';
import type { Clients } from './client-registration/index.ts';
import type { ArtifactStore } from './oidc/index.ts';
import type { Counts } from './overview/index.ts';
import type { ResourceServers } from './resource-servers/index.ts';
import type { Revocation } from './revocation/index.ts';
import type { SelfService, SelfServiceSources } from './self-service/index.ts';
import type { SignIn } from './sign-in/index.ts';
import type { TokenExchange } from './token-exchange/index.ts';
import type { Tokens } from './tokens/index.ts';

/** The capabilities that are asked. */
export interface HomeParts {
  readonly accounts: Accounts;
  readonly agents: Agents;
  readonly approvals: Approvals;
  readonly artifacts: ArtifactStore;
  readonly clients: Pick<Clients, 'find' | 'software'>;
  readonly details: { readonly types: DetailTypes };
  readonly resourceServers: ResourceServers;
  readonly revocation: Revocation;
  readonly signIn: SignIn;
  readonly tokenExchange: Pick<TokenExchange, 'requests'>;
  readonly tokens: Tokens;
}

/** What people are shown with, and asked about agents in their groups; given as functions, because app.ts builds people first. */
export function aroundPeople(parts: {
  readonly agents: () => Pick<Agents, 'agentsOwnedBy' | 'agentCounts' | 'namesOf'>;
  readonly selfService: () => Pick<SelfService, 'grantLinesOf'>;
  readonly signIn: () => Pick<SignIn, 'sessionsOf'>;
}): Pick<AccountsDeps, 'surroundings' | 'memberAgents'> {
  const { agents, selfService, signIn } = parts;
  return {
    surroundings: {
      agentsOf: (accountId) => agents().agentsOwnedBy(accountId),
      agentCounts: (accountIds) => agents().agentCounts(accountIds),
      grantsOf: (accountId) => selfService().grantLinesOf(accountId),
      sessionCount: async (accountId) => (await signIn().sessionsOf(accountId)).length,
    },
    memberAgents: {
      namesOf: (agentIds) => agents().namesOf(agentIds),
      countByOwner: (ownerIds) => agents().agentCounts(ownerIds),
    },
  };
}

/** The numbers of the overview. */
export function overviewCounts(parts: HomeParts): Counts {
  const { agents, approvals, artifacts, clients, resourceServers, tokens } = parts;
  return {
    agents: async () => ({ ...(await agents.countByStatus()), ...(await agents.countOwnership()) }),
    newSoftware: (since) => clients.software.countSince(since),
    live: () => tokens.summarise(),
    async scopes(limit) {
      const most = await tokens.mostGranted(limit);
      return Promise.all(
        most.map(async ({ scope, resource, tokens: count }) => ({
          scope,
          resourceName: (await resourceServers.findByIdentifier(resource))?.name ?? resource,
          tokens: count,
        })),
      );
    },
    grants: () => artifacts.countGrants(),
    certifications: (limit) => agents.certification.running(limit),
    waiting: (limit) => approvals.waiting(limit),
    waitingCount: async () => (await approvals.countByStatus()).get('pending') ?? 0,
  };
}

/** What the page of a person shows. */
export function selfServiceSources(parts: HomeParts): SelfServiceSources {
  const { accounts, agents, approvals, clients, details, resourceServers, revocation, signIn, tokenExchange, tokens } = parts;
  return {
    async granteeOf(clientId) {
      const agent = await agents.findByClient(clientId);
      if (agent !== undefined) return { kind: 'agent', name: agent.displayName, status: agent.status };
      const client = await clients.find(clientId);
      return client && { kind: 'service', name: client.name };
    },
    resourceOf: (uri) => resourceServers.findByIdentifier(uri),
    detailTypes: () => details.types,
    lastUsed: async (grantHash) => (await tokens.live({ grantHash, limit: 1 })).tokens[0]?.issuedAt,
    historyOf: (grantHash) => tokens.historyOf(grantHash),
    falling: (grantHash) => tokens.countFalling({ by: 'grant', grantHash }),
    async agentsOwnedBy(accountId) {
      const owned = await agents.ownedBy(accountId);
      const changed = await agents.cards.changedLately(owned.map(({ id }) => id));
      const notices = await agents.drift.noticesOf(owned);
      return owned.map((agent) => {
        const notice = notices.get(agent.id);
        return {
          ...agent,
          ...(changed.has(agent.id) ? { card: 'Its agent card changed' } : {}),
          ...(notice === undefined ? {} : { notice: noticeWords[notice] }),
        };
      });
    },
    waitingFor: (accountId) => approvals.countWaiting(accountId),
    toConfirm: (accountId) => agents.certification.countAsked(accountId),
    toHandOn: async (accountId) => (await tokenExchange.requests.waitingFor(accountId)).length,
    sessionsOf: (accountId) => signIn.sessionsOf(accountId),
    securityOf: (accountId) => accounts.presentSecurity(accountId),
    endGrant: (grantHash, reason) => revocation.cascade.onGrantEnded(grantHash, reason),
  };
}
