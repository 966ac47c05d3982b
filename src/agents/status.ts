import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Agent } from './agent.ts';
import { type AgentAudit, type AgentEditor, recordBy } from './agent-event.ts';
import type { Placement } from './family/placement.ts';
import {
  type AgentStatus,
  decideTransition,
  isStartedByOwner,
  isStoppedByOwner,
  type LifecycleDecision,
  type OwnStart,
} from './lifecycle.ts';
import { isOwnedBy, type OwnerDirectory } from './owners.ts';
import type { AgentStore } from './store.ts';

/** A change of status: who, why, and what they saw. */
export interface StatusRequest {
  readonly by: AgentEditor;
  /** Needed to suspend or review; its owner and the audit read it. */
  readonly reason?: string | undefined;
  /** The states in which whoever asks believes the agent to be; any other is a `conflict`. */
  readonly from?: readonly AgentStatus[];
  /**
   * Of a review alone. `ends` (or left out): everything it holds and could still become a token goes. `rests`: its tokens end, and
   * what people allowed it waits for the end of the review. `acts`: it goes on, under review.
   */
  readonly meanwhile?: 'ends' | 'rests' | 'acts';
}

/** What moving agents stands on. The two hooks run inside the transaction that moves the agent. */
export interface StatusDeps {
  readonly db: Db;
  readonly store: AgentStore;
  readonly clock: Clock;
  readonly audit: Pick<AgentAudit, 'record'>;
  readonly owners: Pick<OwnerDirectory, 'holdOwner' | 'groupsOf'>;
  /** Whether nobody else could decide; left out: somebody else always can. */
  readonly isSoleAdministrator?: ((accountId: string) => Promise<boolean>) | undefined;
  /** The agent may no longer act: suspended, retired or under review. Ends what it holds. */
  readonly onSuspended: (agentId: string) => Promise<void>;
  /** The agent may not act until a review is over. Ends its tokens and keeps what people allowed; left out: `onSuspended`. */
  readonly onPaused?: ((agentId: string) => Promise<void>) | undefined;
  readonly onActivated: (agentId: string) => Promise<void>;
  /** What stands below the agent stops with it (family/). */
  readonly stopBelow: (agent: Agent, to: 'underReview' | 'suspended' | 'retired', by: AgentEditor) => Promise<void>;
  readonly placement: Pick<Placement, 'assertMayAct'>;
}

const MAX_REASON = 300;
const eventOf = {
  active: 'agent.activated',
  underReview: 'agent.reviewed',
  suspended: 'agent.suspended',
  retired: 'agent.retired',
} as const;

/** What everybody hears who names an agent that is not there. */
export const noSuchAgent = () => new AppError('not_found', 'There is no such agent.');

/** What the second of two hears who change the same agent. */
export const changedMeanwhile = () => new AppError('conflict', 'Somebody changed this agent meanwhile: look again before you decide.');

/** Why a move is not on the table of the lifecycle. */
export function lifecycleRefusal(decision: LifecycleDecision & { allowed: false }, from: AgentStatus, to: AgentStatus): AppError {
  if (decision.reason === 'owner_required') {
    return new AppError('conflict', 'An active agent needs an owner: name one first.', { member: 'owner' });
  }
  if (decision.reason === 'not_permitted') {
    return new AppError('forbidden', `Moving an agent from ${from} to ${to} takes an administrator.`, { member: 'status' });
  }
  return new AppError('conflict', `An agent that is ${from} cannot become ${to}.`, { member: 'status' });
}

function readReason(to: AgentStatus, reason: string | undefined): string | undefined {
  const text = reason?.trim();
  if (text !== undefined && text.length > MAX_REASON) {
    throw new AppError('invalid_input', `The reason has at most ${MAX_REASON} characters.`, { member: 'reason' });
  }
  if (text) return text;
  if (to === 'suspended' || to === 'underReview') {
    throw new AppError('invalid_input', 'Say why: its owner and the audit read it.', { member: 'reason' });
  }
  return undefined;
}

type Deciders = Pick<StatusDeps, 'owners' | 'isSoleAdministrator'>;

/** An agent, as far as it decides who may let it run. */
export type Startable = OwnStart & Pick<Agent, 'owner'>;

/**
 * Whether an account that may let agents run may let this one: not their own where somebody else is required (security rule R8),
 * unless nobody else is there who could, the one administrator of a young server.
 */
export async function mayLetRun(agent: Startable, accountId: string, deciders: Deciders): Promise<boolean> {
  if (!(await isOwnedBy(agent.owner, accountId, deciders.owners)) || isStartedByOwner(agent, accountId)) return true;
  return (await deciders.isSoleAdministrator?.(accountId)) === true;
}

/** @throws {AppError} `forbidden` by the rule of `mayLetRun`. */
export async function assertMayLetRun(agent: Startable, by: AgentEditor, deciders: Deciders): Promise<void> {
  if (by.kind !== 'account' || (await mayLetRun(agent, by.id, deciders))) return;
  throw new AppError('forbidden', 'You own this agent: somebody else has to let it run.', { member: 'status' });
}

/** Who moves an agent as its owner is its owner. @throws {AppError} `not_found`: what is not theirs is not there for them. */
async function assertOwned(agent: Agent, by: AgentEditor, { owners }: Deciders): Promise<void> {
  if (by.party === 'owner' && !(await isOwnedBy(agent.owner, by.id, owners))) throw noSuchAgent();
}

/** Nobody runs without somebody alive who answers for it, or when its time is over. */
async function assertMayRun({ owner, validUntil }: Agent, { owners, clock }: Pick<StatusDeps, 'owners' | 'clock'>): Promise<void> {
  if (owner !== undefined && !(await owners.holdOwner(owner))) {
    throw new AppError('conflict', 'Nobody alive owns this agent: give it to another person or group first.', { member: 'owner' });
  }
  if (validUntil !== undefined && validUntil <= clock.now()) {
    throw new AppError('conflict', 'The time of this agent is over: move its end first.', { member: 'validUntil' });
  }
}

/** Whether somebody stops again what its owner stopped and could start: then it stays stopped until somebody else decides. */
function isOverruling(agent: Agent, to: AgentStatus, by: AgentEditor): boolean {
  return to === 'suspended' && by.party !== 'owner' && by.id !== agent.statusChangedBy && isStoppedByOwner(agent);
}

/** Moves agents through their life. */
export function createStatusChanges(deps: StatusDeps) {
  const { db, store, clock } = deps;

  const afterMove = async (agentId: string, to: AgentStatus, meanwhile: StatusRequest['meanwhile']) => {
    if (to === 'active') return deps.onActivated(agentId);
    if (to !== 'underReview' || meanwhile === undefined || meanwhile === 'ends') return deps.onSuspended(agentId);
    return meanwhile === 'rests' ? (deps.onPaused ?? deps.onSuspended)(agentId) : undefined;
  };
  const applyMove = async (agent: Agent, to: Exclude<AgentStatus, 'proposed'>, { by, reason, meanwhile }: StatusRequest) => {
    const why = readReason(to, reason);
    const changedBy = by.kind === 'system' ? undefined : by.id;
    const actsUnderReview = to === 'underReview' && meanwhile === 'acts';
    const move = { id: agent.id, from: agent.status, to, reason: why, by: changedBy, at: clock.now(), actsUnderReview };
    // A stop must not be lost to an edit made meanwhile; letting it run must not meet another owner than was checked.
    const moved = await store.move(to === 'active' ? { ...move, version: agent.version } : move);
    if (moved === undefined) return undefined;
    await recordBy(deps.audit, by, { type: eventOf[to], agentId: agent.id, ...(why === undefined ? {} : { cause: why }) });
    await afterMove(agent.id, to, meanwhile);
    if (to !== 'active' && !actsUnderReview) await deps.stopBelow(agent, to, by);
    return moved;
  };
  const find = async (id: string) => {
    const agent = await store.find(id);
    if (agent === undefined) throw noSuchAgent();
    return agent;
  };

  /** Compare and set: of two who move it at once one wins, unless both want the same. */
  const setStatus = (id: string, to: AgentStatus, request: StatusRequest): Promise<Agent> =>
    db.transaction(async () => {
      const agent = await find(id);
      await assertOwned(agent, request.by, deps);
      const decision = decideTransition({ from: agent.status, to, by: request.by.party, hasOwner: agent.owner !== undefined });
      // a review for another reason stops an agent that acts under review, although its state has the same name
      const isStop = agent.actsUnderReview && to === 'underReview' && request.meanwhile !== 'acts';
      const isRepeated = decision.allowed && decision.change === 'unchanged';
      // and who stops one that stopped with its parent wants it stopped by itself: it stays so when the parent acts again
      const isOwnStop = agent.stoppedWith !== undefined && to !== 'retired';
      if (isRepeated && !isStop && !isOwnStop && !isOverruling(agent, to, request.by)) return agent;
      if (request.from !== undefined && !request.from.includes(agent.status)) throw changedMeanwhile();
      if (!decision.allowed) throw lifecycleRefusal(decision, agent.status, to);
      if (to === 'active') {
        await assertMayLetRun(agent, request.by, deps);
        await assertMayRun(agent, deps);
        await deps.placement.assertMayAct(agent);
      }
      const moved = to === 'proposed' ? undefined : await applyMove(agent, to, request);
      if (moved !== undefined) return moved;
      const now = await find(id);
      if (now.status === to) return now;
      throw changedMeanwhile();
    });
  return { setStatus };
}
