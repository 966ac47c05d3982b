import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Agent, NewAgent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';
import type { OwnerDirectory } from '../owners.ts';
import { noSuchAgent } from '../status.ts';
import type { AgentStore } from '../store.ts';
import { depthBelow, earliestOf, type Elder, firstAtRest, leastOf, type Room, roomBelow } from './line.ts';
import type { FamilyStore } from './store.ts';

/** What an agent that enrols another one may say of it. */
export interface Child {
  readonly displayName: string;
  /** When it ends at the latest; its parent's end comes before. */
  readonly validUntil: Date | undefined;
  /** When the parent asked: what was stopped since, and acts again, has to ask again. */
  readonly askedAt: Date;
}

/** What enrolling stands on. */
export interface EnrollingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly store: Pick<AgentStore, 'find' | 'lock'>;
  readonly family: Pick<FamilyStore, 'lineFrom' | 'countChildren'>;
  readonly owners: Pick<OwnerDirectory, 'holdOwner'>;
  readonly create: (input: NewAgent, by: AgentEditor) => Promise<Agent>;
}

/** Everything a child takes from those above it: who answers for it, how risky it is, how long and how far. Pure. */
export function childOf(line: readonly Elder[], { displayName, validUntil }: Omit<Child, 'askedAt'>): NewAgent {
  const [parent] = line;
  if (parent === undefined) throw noSuchAgent();
  const depth = Math.max(0, depthBelow(line) - 1);
  return {
    displayName,
    parentId: parent.id,
    owner: parent.owner,
    riskLevel: parent.riskLevel,
    autonomy: parent.autonomy,
    environment: parent.environment,
    dataClasses: parent.dataClasses,
    validUntil: earliestOf([validUntil, ...line.map((elder) => elder.validUntil)]),
    maxDelegationDepth: leastOf(line.map((elder) => elder.maxDelegationDepth)),
    maxChildDepth: depth === 0 ? undefined : depth,
    maxChildren: depth === 0 ? undefined : parent.maxChildren,
    status: 'active',
    source: 'registration',
  };
}

/** Agents that enrol agents. */
export interface Enrolling {
  /** How many agents may stand behind it in a chain: never more than behind any above it; undefined: nobody said. */
  handOnBound(agentId: string): Promise<number | undefined>;
  /** What may still come below an agent that is there; undefined when there is none. */
  roomOf(agentId: string): Promise<Room | undefined>;
  /** Why nothing may be enrolled below an agent now, in a sentence; undefined when it may. */
  whyNoChild(agentId: string): Promise<string | undefined>;
  /**
   * The parent enrols a child, which acts at once: the parent acts within what its owner allowed it. Holds the parent, so that of many
   * at once no more come than its record allows. @throws {AppError} `conflict` when it may not, or no longer.
   */
  enrolChild(parentId: string, child: Child): Promise<Agent>;
}

/** The use cases over the stores. */
export function createEnrolling({ db, clock, store, family, owners, create }: EnrollingDeps): Enrolling {
  const look = async (agentId: string) => {
    const line = await family.lineFrom(agentId);
    const room = line.length === 0 ? undefined : roomBelow(line, await family.countChildren(agentId));
    return { line, room };
  };
  const reasonIn = ({ line, room }: Awaited<ReturnType<typeof look>>): string | undefined => {
    const resting = firstAtRest(line, clock.now()) ?? line.find(({ status }) => status !== 'active');
    if (resting !== undefined) return `The agent ${resting.displayName} does not act now.`;
    if (room === undefined) return 'There is no such agent.';
    if (room.depth === 0) return 'The record of the agent allows no agents below it.';
    return room.children === 0 ? 'As many agents stand below it as its record allows.' : undefined;
  };
  return {
    handOnBound: async (agentId) => leastOf((await family.lineFrom(agentId)).map((one) => one.maxDelegationDepth)),
    roomOf: async (agentId) => (await look(agentId)).room,
    whyNoChild: async (agentId) => reasonIn(await look(agentId)),
    enrolChild: (parentId, child) =>
      db.transaction(async () => {
        // the owner before the agent, as when somebody leaves and their agents move on
        const owner = (await store.find(parentId))?.owner;
        if (owner !== undefined) await owners.holdOwner(owner);
        await store.lock(parentId);
        const found = await look(parentId);
        const moved = found.line.find(({ statusChangedAt }) => statusChangedAt > child.askedAt);
        const reason = reasonIn(found) ?? (moved && `The agent ${moved.displayName} was stopped since.`);
        if (reason !== undefined) throw new AppError('conflict', reason, { member: 'parent' });
        return create(childOf(found.line, child), { kind: 'agent', id: parentId, party: 'system' });
      }),
  };
}
