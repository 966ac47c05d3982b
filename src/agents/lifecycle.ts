/** The states of an agent, in the order of its life (contract.md "SCIM"). */
export const agentStatuses = ['proposed', 'active', 'underReview', 'suspended', 'retired'] as const;

/** `retired` is final; `suspended` survives registration and healing (R14). */
export type AgentStatus = (typeof agentStatuses)[number];

/**
 * Who moves an agent: an administrator · its owner (a person) · a provisioning client with the governance right (R7) · the
 * server by rule (validity over, owner gone, risk signal, a registration that an initial access token let in).
 */
export type LifecycleParty = 'administrator' | 'owner' | 'provisioner' | 'system';

/** One permitted move. */
export interface LifecycleTransition {
  readonly from: AgentStatus;
  readonly to: AgentStatus;
  readonly by: readonly LifecycleParty[];
  /** An agent that may act needs somebody who answers for it. */
  readonly isOwnerRequired: boolean;
}

const governance: readonly LifecycleParty[] = ['administrator', 'provisioner'];
const anyone: readonly LifecycleParty[] = ['administrator', 'owner', 'provisioner', 'system'];

const activates = (from: AgentStatus, by: readonly LifecycleParty[]): LifecycleTransition => ({
  from,
  to: 'active',
  by,
  isOwnerRequired: true,
});
const stops = (from: AgentStatus, to: AgentStatus, by: readonly LifecycleParty[]): LifecycleTransition => ({
  from,
  to,
  by,
  isOwnerRequired: false,
});

/**
 * Every permitted move; what is not here is refused. Whoever answers for an agent may stop it. They let it run where nobody else
 * is required (`isStartedByOwner`), and never end a review: that is a second pair of eyes (R8). No rule of the server lets an
 * agent run (R14).
 */
export const lifecycleTransitions: readonly LifecycleTransition[] = [
  activates('proposed', [...governance, 'owner']),
  activates('underReview', governance),
  activates('suspended', [...governance, 'owner']),
  stops('proposed', 'underReview', ['administrator', 'provisioner', 'system']),
  stops('active', 'underReview', ['administrator', 'provisioner', 'system']),
  stops('suspended', 'underReview', governance),
  stops('proposed', 'suspended', anyone),
  stops('active', 'suspended', anyone),
  stops('underReview', 'suspended', anyone),
  stops('proposed', 'retired', anyone),
  stops('active', 'retired', anyone),
  stops('underReview', 'retired', anyone),
  stops('suspended', 'retired', anyone),
];

/** What of an agent decides whether its owner alone may let it run. */
export interface OwnStart {
  readonly status: AgentStatus;
  readonly statusBefore: AgentStatus | undefined;
  readonly statusChangedBy: string | undefined;
  readonly riskLevel: 'low' | 'medium' | 'high';
}

/**
 * Whether an account that owns an agent may let it run without anybody else (R8): its risk is low, and it is new, or it was stopped
 * by this account while it ran or was new. What somebody else stopped, or put under review, somebody else lets run again.
 */
export function isStartedByOwner({ status, statusBefore, statusChangedBy, riskLevel }: OwnStart, accountId: string): boolean {
  if (riskLevel !== 'low') return false;
  if (status === 'proposed') return true;
  return status === 'suspended' && statusChangedBy === accountId && (statusBefore === 'active' || statusBefore === 'proposed');
}

/** Whether an agent is suspended, and whoever stopped it could let it run again as its owner. */
export function isStoppedByOwner(agent: OwnStart): boolean {
  return agent.status === 'suspended' && agent.statusChangedBy !== undefined && isStartedByOwner(agent, agent.statusChangedBy);
}

/** Who wants to move which agent where. */
export interface LifecycleRequest {
  readonly from: AgentStatus;
  readonly to: AgentStatus;
  readonly by: LifecycleParty;
  readonly hasOwner: boolean;
}

/** Whether the move may happen; `unchanged` when the agent is already there (repeating a stop must not fail). */
export type LifecycleDecision =
  | { readonly allowed: true; readonly change: 'moved' | 'unchanged' }
  | { readonly allowed: false; readonly reason: 'no_such_transition' | 'not_permitted' | 'owner_required' };

/** Judges one move by the table. Pure; the caller compares and sets, so that two moves at once cannot both win. */
export function decideTransition({ from, to, by, hasOwner }: LifecycleRequest): LifecycleDecision {
  if (from === to) return { allowed: true, change: 'unchanged' };
  const transition = lifecycleTransitions.find((one) => one.from === from && one.to === to);
  if (transition === undefined) return { allowed: false, reason: 'no_such_transition' };
  if (!transition.by.includes(by)) return { allowed: false, reason: 'not_permitted' };
  if (transition.isOwnerRequired && !hasOwner) return { allowed: false, reason: 'owner_required' };
  return { allowed: true, change: 'moved' };
}

/** The state of a new agent: `proposed`, unless who registers it may activate and somebody owns it. */
export function decideInitialStatus({ wanted, hasOwner }: { readonly wanted: AgentStatus; readonly hasOwner: boolean }): LifecycleDecision {
  if (wanted === 'proposed') return { allowed: true, change: 'moved' };
  if (wanted !== 'active') return { allowed: false, reason: 'no_such_transition' };
  return hasOwner ? { allowed: true, change: 'moved' } : { allowed: false, reason: 'owner_required' };
}

/** Whether an agent acts: it is active, or it goes on while it is under review, as the setting for drift lets it. */
export function isActing({ status, actsUnderReview }: { readonly status: AgentStatus; readonly actsUnderReview: boolean }): boolean {
  return status === 'active' || (status === 'underReview' && actsUnderReview);
}

/** R5: whether an agent in this state gets tokens: always, only where a policy says so, or never. */
export function tokenIssuance(status: AgentStatus): 'allowed' | 'byPolicy' | 'never' {
  return issuance[status];
}

const issuance = {
  proposed: 'byPolicy',
  active: 'allowed',
  underReview: 'byPolicy',
  suspended: 'never',
  retired: 'never',
} as const satisfies Record<AgentStatus, string>;

/** Whether an agent in this state gets tokens without any policy: only an active one (R5). */
export function mayIssueTokens(status: AgentStatus): boolean {
  return tokenIssuance(status) === 'allowed';
}
