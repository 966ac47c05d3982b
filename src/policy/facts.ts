import { Provider } from 'oidc-provider';
import { SELF_SERVICE_GROUP_ID } from '../accounts/index.ts';
import type { AgentFacts, ClientFacts, ElderFacts, PrincipalFacts } from './principal.ts';

/** Loads what is known about a client_id. */
export type FactsSource = (clientId: string) => Promise<PrincipalFacts>;

/** What the registry of agents tells of one. */
type AgentRecord = Omit<AgentFacts, 'isOwnerAlive' | 'isSelfService' | 'line'> & { readonly parentId: string | undefined };

/** The records that know: each may be a whole capability, only these calls are made. */
export interface FactsDeps {
  readonly clients: {
    find(clientId: string): Promise<
      | (Omit<ClientFacts, 'isActive' | 'resources'> & {
          readonly status: string;
          readonly bounds: { readonly resources?: readonly string[] | undefined };
        })
      | undefined
    >;
  };
  /** `isLive`: it is active and its owner is alive. */
  readonly agents: {
    standingOf(clientId: string): Promise<(AgentRecord & { readonly isLive: boolean }) | undefined>;
    /** An agent and those above it, nearest first. */
    lineFrom(agentId: string): Promise<readonly ElderFacts[]>;
  };
  readonly owners: { ownerLabel(owner: { kind: 'user' | 'group'; id: string }): Promise<{ readonly isAlive: boolean } | undefined> };
}

/**
 * Facts from the records: the client and its agent at the same time. The owner is asked for apart only when the agent is not alive
 * anyway, and those above it only when it stands below another. Every answer is read anew; what changes between this and the ledger is caught there again (security rule R13).
 */
export function composeFacts({ clients, agents, owners }: FactsDeps): FactsSource {
  return async (clientId) => {
    const [record, agent] = await Promise.all([clients.find(clientId), agents.standingOf(clientId)]);
    const client = record && clientFacts(record);
    if (agent === undefined) return { client, agent };
    const line = agent.parentId === undefined ? undefined : await agents.lineFrom(agent.parentId);
    const owner = agent.isLive || agent.owner === undefined ? undefined : await owners.ownerLabel(agent.owner);
    const standing = { ...agentFacts(agent), isOwnerAlive: agent.isLive || owner?.isAlive === true };
    return { client, agent: line === undefined ? standing : { ...standing, line } };
  };
}

type Found<T extends (...args: never[]) => Promise<unknown>> = NonNullable<Awaited<ReturnType<T>>>;

function clientFacts(record: Found<FactsDeps['clients']['find']>): ClientFacts {
  const { id, kind, purpose, serviceId, isManagement, status, bounds } = record;
  return { id, kind, purpose, serviceId, isManagement, isActive: status === 'active', resources: bounds.resources };
}

function agentFacts(agent: AgentRecord): Omit<AgentFacts, 'isOwnerAlive'> {
  const { id, displayName, status, actsUnderReview, riskLevel, manifestDigest, model, owner, validUntil, maxDelegationDepth } = agent;
  const { autonomy, dataClasses, environment } = agent;
  const standing = { id, displayName, status, actsUnderReview, riskLevel, autonomy, dataClasses, environment, manifestDigest, model };
  return { ...standing, owner, validUntil, maxDelegationDepth, isSelfService: owner?.id === SELF_SERVICE_GROUP_ID };
}

/**
 * The same facts, loaded once for each request of the engine and each client: authentication, policy and exchange ask for them in
 * turn. Outside a request every call loads.
 */
export function perRequest(source: FactsSource): FactsSource {
  const requests = new WeakMap<object, Map<string, Promise<PrincipalFacts>>>();
  return (clientId) => {
    const { ctx } = Provider;
    if (ctx === undefined) return source(clientId);
    const known = requests.get(ctx) ?? new Map<string, Promise<PrincipalFacts>>();
    requests.set(ctx, known);
    const facts = known.get(clientId) ?? source(clientId);
    known.set(clientId, facts);
    return facts;
  };
}
