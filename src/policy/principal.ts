import type { AgentModel, AgentStatus, Autonomy, Elder, RiskLevel } from '../agents/index.ts';

/** What is known of a client when it asks for a token. */
export interface ClientFacts {
  readonly id: string;
  readonly isActive: boolean;
  /** How it came to be: with a token, without one, by a metadata document, by an administrator, from the environment, or with a trust provider. */
  readonly kind: 'dynamic' | 'open' | 'document' | 'admin' | 'bootstrap' | 'workload';
  readonly purpose: 'agent' | 'application' | 'service' | 'resource_server' | 'management';
  /** `svc_…`: who it is when it acts for itself. */
  readonly serviceId: string | undefined;
  /** Marked by an administrator: may have tokens for this server itself (security rule R6). */
  readonly isManagement: boolean;
  /** The only resources it may ask for; for a resource server's own client: its downstream resources (R1 b). */
  readonly resources: readonly string[] | undefined;
}

/** What is known of the agent a client is linked to. */
export interface AgentFacts {
  readonly id: string;
  readonly displayName: string;
  readonly status: AgentStatus;
  /** Under review for drift and acting meanwhile, as the setting for drift allows. */
  readonly actsUnderReview: boolean;
  readonly riskLevel: RiskLevel;
  /** Undefined: nobody asked the record. */
  readonly autonomy?: Autonomy | undefined;
  readonly dataClasses?: readonly string[] | undefined;
  readonly environment?: string | undefined;
  /** What was agreed to run. */
  readonly manifestDigest: string | undefined;
  readonly model: AgentModel | undefined;
  readonly owner: { readonly kind: 'user' | 'group'; readonly id: string } | undefined;
  /** Somebody answers for it: a person who may sign in, or a group that exists. */
  readonly isOwnerAlive: boolean;
  /** A person let the software in by consent alone (security rule R5). */
  readonly isSelfService: boolean;
  readonly validUntil: Date | undefined;
  /** How many agents may act after it in a chain; undefined: as many as the server allows. */
  readonly maxDelegationDepth: number | undefined;
  /** Those above it, nearest first; left out: it stands below nobody. */
  readonly line?: readonly ElderFacts[];
}

/** What is known of an agent above another one. `isLive`: it is active and somebody alive answers for it. */
export type ElderFacts = Pick<Elder, 'id' | 'displayName' | 'isLive' | 'validUntil' | 'maxDelegationDepth' | 'reach'>;

/** The records behind a client_id as they stand now; undefined: there is none. */
export interface PrincipalFacts {
  readonly client: ClientFacts | undefined;
  readonly agent: AgentFacts | undefined;
}

/** Who a client stands for (security rule R5). An application stands for itself as a client and has no identity to be a `sub`. */
export type Principal =
  | { readonly kind: 'agent'; readonly id: string; readonly agent: AgentFacts }
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'application'; readonly id: string }
  | { readonly kind: 'none'; readonly reason: string };

/** Kinds that no administrator vouched for: without an agent they stand for nobody. */
const COMES_BY_ITSELF: ReadonlySet<string> = new Set(['dynamic', 'open', 'document']);

const none = (reason: string): Principal => ({ kind: 'none', reason });

/** Sentences for an agent that may not act, by its state. */
const STOPPED: Readonly<Record<Exclude<AgentStatus, 'active'>, string>> = {
  proposed: 'The agent of this client is proposed and waits for an administrator to activate it.',
  underReview: 'The agent of this client is under review and may not act until that is over.',
  suspended: 'The agent of this client is suspended.',
  retired: 'The agent of this client is retired and will not act again.',
};

/** Why an agent in this state may not act; undefined when it may. */
export function reasonOfStatus(status: AgentStatus): string | undefined {
  return status === 'active' ? undefined : STOPPED[status];
}

/** Whether an agent may act: it is active, or it is under review for drift and the setting lets it go on. */
export function mayAct({ status, actsUnderReview }: Pick<AgentFacts, 'status' | 'actsUnderReview'>): boolean {
  return status === 'active' || (status === 'underReview' && actsUnderReview);
}

/**
 * Who a client stands for: the active agent it is linked to, or what an administrator registered it as. Everything else stands
 * for nobody and gets no token (R5). Pure.
 */
export function principalFrom({ client, agent }: PrincipalFacts): Principal {
  if (client === undefined) return none('The client is not known.');
  if (!client.isActive) return none('The client is not active.');
  if (agent !== undefined) {
    const reason = mayAct(agent) ? undefined : reasonOfStatus(agent.status);
    return reason === undefined ? { kind: 'agent', id: agent.id, agent } : none(reason);
  }
  if (client.purpose === 'agent' || COMES_BY_ITSELF.has(client.kind)) return none('The client is not linked to an agent.');
  if (client.serviceId !== undefined) return { kind: 'service', id: client.serviceId };
  return { kind: 'application', id: client.id };
}
