import type { Issuance } from '../tokens/index.ts';
import type { PolicyInput } from './decision.ts';
import type { AgentFacts } from './principal.ts';
import type { Question } from './question.ts';

/** What a request for a token carries beside what the invariants look at. */
export interface AroundToken {
  readonly issuance: Pick<Issuance, 'acr' | 'authTime' | 'approval' | 'approvedBy'>;
  readonly amr: readonly string[] | undefined;
  /** The address it came from, after trusted proxies. */
  readonly network: string;
}

/** Who approved: whoever the approval says, or the person the token is for where they approved it themselves. */
function approverOf({ approval, approvedBy }: AroundToken['issuance'], subject: Question['subject']): string | undefined {
  if (approvedBy !== undefined) return approvedBy;
  return approval?.['by'] === 'subject' && subject.kind === 'account' ? subject.id : undefined;
}

/**
 * What the policies are asked about a token; undefined when nobody can be named whose token it is, which an invariant refuses.
 * Holds no bearer value.
 */
export function tokenQuestion(input: PolicyInput, { issuance, amr, network }: AroundToken): Question | undefined {
  const { subject, resource, facts, clientId, actors, scopes, details, grantType, now } = input;
  if (subject === undefined) return undefined;
  const { acr, authTime, approval } = issuance;
  const approvedBy = approverOf(issuance, subject);
  return {
    subject,
    actors: actors.map(({ iss, sub }) => ({ iss, sub })),
    clientId,
    facts,
    action: { name: 'issue_token' },
    resource: { type: 'resource_server', id: resource.identifier ?? '', server: resource.identifier },
    scopes,
    details,
    context: {
      at: now,
      grantType,
      network,
      ...(acr === undefined ? {} : { acr }),
      ...(amr === undefined ? {} : { amr }),
      ...(authTime === undefined ? {} : { authTime }),
      ...(approval === undefined ? {} : { isApproved: true }),
      ...(approvedBy === undefined ? {} : { approvedBy }),
    },
  };
}

/** True, or nothing: what is not so is not kept. */
const ifSo = (value: boolean): true | undefined => (value ? true : undefined);

function keptAgent(agent: AgentFacts) {
  const { id, displayName, riskLevel, autonomy, dataClasses, environment, model, owner, actsUnderReview, isSelfService, validUntil } =
    agent;
  const flags = { actsUnderReview: ifSo(actsUnderReview), isSelfService: ifSo(isSelfService) };
  const line = agent.line?.map((elder) => ({ id: elder.id }));
  return { id, displayName, riskLevel, autonomy, dataClasses, environment, model, owner, ...flags, validUntil, line };
}

/**
 * A question as it is kept with its decision, so that it can be asked again: what the policies can look at, and nothing else of the records.
 * Every token writes one, so it is put together member by member; what is undefined leaves no trace in JSON.
 */
export function keptQuestion({ subject, actors, clientId, facts, action, resource, scopes, details, context, groups }: Question) {
  const { client, agent } = facts;
  return {
    ...{ subject, actors, clientId, action, resource, scopes, details, context, groups },
    client: client === undefined ? undefined : { kind: client.kind, purpose: client.purpose },
    agent: agent === undefined ? undefined : keptAgent(agent),
  };
}

const dateOf = (value: unknown) => (typeof value === 'string' ? new Date(value) : undefined);

/**
 * The question that was kept, as it was asked; undefined when what is kept is none. What is known of the client and the agent is what
 * the records said then.
 */
export function questionFrom(kept: unknown): Question | undefined {
  if (typeof kept !== 'object' || kept === null || !('subject' in kept) || !('context' in kept)) return undefined;
  const { client, agent, context, ...rest } = kept as Record<string, unknown> & { context: Record<string, unknown> };
  const at = dateOf(context['at']);
  if (at === undefined || Number.isNaN(at.getTime())) return undefined;
  const empty = { actors: [], scopes: [], details: [] };
  const facts = {
    client: client === undefined ? undefined : { ...client, isActive: true, resources: undefined },
    agent:
      agent === undefined
        ? undefined
        : { actsUnderReview: false, isSelfService: false, ...agent, validUntil: dateOf((agent as { validUntil?: unknown }).validUntil) },
  };
  return { ...empty, ...rest, facts, context: { ...context, at, authTime: dateOf(context['authTime']) } } as unknown as Question;
}
