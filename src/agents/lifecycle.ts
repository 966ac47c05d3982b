/** The states of an agent, in the order of its life (contract.md "SCIM"). */
export const agentStatuses = ['proposed', 'active', 'underReview', 'suspended', 'retired'] as const;

/** `retired` is final; `suspended` survives registration and healing (R14). */
export type AgentStatus = (typeof agentStatuses)[number];

/**
 * Who moves an agent: an administrator · its owner (a person) · a provisioning client with the governance right (R7) · the
 * server by rule (validity over, risk signal, a registration that an initial access token let in).
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

const activates = (from: AgentStatus): LifecycleTransition => ({ from, to: 'active', by: governance, isOwnerRequired: true });
const stops = (from: AgentStatus, to: AgentStatus, by: readonly LifecycleParty[]): LifecycleTransition => ({
  from,
  to,
  by,
  isOwnerRequired: false,
});

/**
 * Every permitted move; what is not here is refused. Whoever answers for an agent may stop it, but not let it run: an owner
 * neither activates nor lifts a suspension (R8), and no rule of the server does either (R14).
 */
export const lifecycleTransitions: readonly LifecycleTransition[] = [
  activates('proposed'),
  activates('underReview'),
  activates('suspended'),
  stops('proposed', 'underReview', ['administrator', 'provisioner', 'system']),
  stops('active', 'underReview', ['administrator', 'provisioner', 'system']),
  stops('suspended', 'underReview', governance),
  stops('proposed', 'suspended', anyone),
  stops('active', 'suspended', anyone),
  stops('underReview', 'suspended', anyone),
  stops('proposed', 'retired', anyone),
  stops('active', 'retired', ['administrator', 'owner', 'provisioner']),
  stops('underReview', 'retired', ['administrator', 'owner', 'provisioner']),
  stops('suspended', 'retired', ['administrator', 'owner', 'provisioner']),
];

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
