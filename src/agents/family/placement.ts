import { AppError } from '../../platform/errors.ts';
import type { Agent, AgentDetails } from '../agent.ts';
import { type AgentStatus, isActing } from '../lifecycle.ts';
import type { AgentStore } from '../store.ts';
import { depthBelow, leastOf, roomBelow } from './line.ts';
import { beyond, type ClientReach } from './reach.ts';
import type { FamilyStore } from './store.ts';

/** What finding a place stands on. */
export interface PlacementDeps {
  readonly store: Pick<AgentStore, 'lock' | 'lockParentage'>;
  readonly family: Pick<FamilyStore, 'lineFrom' | 'hold' | 'countChildren' | 'heightOf'>;
}

type Bounds = Pick<AgentDetails, 'maxChildren' | 'maxChildDepth' | 'maxDelegationDepth'>;
type Line = Awaited<ReturnType<FamilyStore['lineFrom']>>;

const MAX_TREE_DEPTH = 8;
/** As many as a chain holds at most (security rule R26). */
const MAX_DELEGATION_DEPTH = 4;

const misplaced = (words: string) => new AppError('invalid_input', words, { member: 'parent' });
const noRoom = (words: string) => new AppError('conflict', words, { member: 'parent' });

/** What an agent may hand down is never more than what is left of its parent's own. */
function assertBounds({ maxChildren, maxChildDepth, maxDelegationDepth }: Bounds, line: Line): void {
  const [parent] = line;
  const tooLarge = (member: string, most: number) =>
    new AppError('invalid_input', `${member} is at most ${most} below ${parent?.displayName}.`, { member });
  const depth = Math.max(0, depthBelow(line) - 1);
  if ((maxChildDepth ?? 0) > depth) throw tooLarge('maxChildDepth', depth);
  if ((maxChildren ?? 0) > (parent?.maxChildren ?? 0)) throw tooLarge('maxChildren', parent?.maxChildren ?? 0);
  const handOn = leastOf(line.map((elder) => elder.maxDelegationDepth)) ?? MAX_DELEGATION_DEPTH;
  if ((maxDelegationDepth ?? 0) > handOn) throw tooLarge('maxDelegationDepth', handOn);
}

/** Security rule of the tree: whoever stands below may do no more. */
function assertReach(clients: readonly ClientReach[], line: Line): void {
  for (const elder of line) {
    const excess = clients.map((client) => beyond(elder.reach, client)).find((one) => one !== undefined);
    if (excess !== undefined) throw noRoom(`It may have ${excess}, which ${elder.displayName} may not: take that from its clients first.`);
  }
}

function assertRoom(line: Line, { living, height }: { living: number; height: number }): void {
  const [parent] = line;
  const { depth, children } = roomBelow(line, living);
  if (children === 0) throw noRoom(`No more agents may stand below ${parent?.displayName}.`);
  if (height + 1 > depth) throw noRoom(`Only ${depth} generations may stand below ${parent?.displayName}.`);
}

/** Why an agent below another one may not act. */
function restingAbove({ displayName, status }: { displayName: string; status: AgentStatus }): AppError {
  return new AppError('conflict', `The agent above it, ${displayName}, is ${status}: let that act first.`, { member: 'parent' });
}

/** Where agents may stand, and when one below another may act. Each holds the parent until the transaction ends. */
export interface Placement {
  /** A new agent may stand below its parent: there is room, and its bounds are inside those above. @throws {AppError} */
  assertNewFits(agent: AgentDetails & { readonly parentId: string }, status: AgentStatus): Promise<void>;
  /** An edited one may stand where it now stands, with what it now may hand down. @throws {AppError} */
  assertEditFits(before: Agent, after: Agent): Promise<void>;
  /** All above it act, and go on until the transaction ends; whoever stops one of them waits and stops this one too. @throws {AppError} `conflict` */
  assertMayAct(agent: Pick<Agent, 'parentId'>): Promise<void>;
}

/** The rules over the stores. */
export function createPlacement({ store, family }: PlacementDeps): Placement {
  const lineOf = async (parentId: string) => {
    const line = await family.lineFrom(parentId);
    const [parent] = line;
    if (parent === undefined || parent.status === 'retired') throw misplaced('The parent is an agent that is not retired.');
    if (line.length >= MAX_TREE_DEPTH) throw misplaced(`Agents stand at most ${MAX_TREE_DEPTH} deep below each other.`);
    return line;
  };
  const assertMayAct = async ({ parentId }: Pick<Agent, 'parentId'>) => {
    if (parentId === undefined) return;
    await family.hold(parentId);
    const resting = (await family.lineFrom(parentId)).find(({ status }) => status !== 'active');
    if (resting !== undefined) throw restingAbove(resting);
  };
  const assertMoveFits = async (after: Agent & { readonly parentId: string }) => {
    await store.lockParentage();
    await store.lock(after.parentId);
    const line = await lineOf(after.parentId);
    if (line.some(({ id }) => id === after.id)) throw misplaced('An agent cannot stand below itself.');
    const [self] = await family.lineFrom(after.id);
    assertRoom(line, { living: await family.countChildren(after.parentId, after.id), height: await family.heightOf(after.id) });
    assertBounds(after, line);
    assertReach(self?.reach ?? [], line);
    if (isActing(after)) await assertMayAct(after);
  };
  return {
    assertMayAct,
    async assertNewFits(agent, status) {
      await store.lock(agent.parentId);
      const line = await lineOf(agent.parentId);
      assertRoom(line, { living: await family.countChildren(agent.parentId), height: 0 });
      assertBounds(agent, line);
      if (status === 'active') await assertMayAct(agent);
    },
    async assertEditFits(before, after) {
      const { parentId } = after;
      if (parentId === undefined) return;
      if (parentId !== before.parentId) return assertMoveFits({ ...after, parentId });
      const bounds = ['maxChildren', 'maxChildDepth', 'maxDelegationDepth'] as const;
      if (bounds.some((name) => after[name] !== before[name])) assertBounds(after, await family.lineFrom(parentId));
    },
  };
}
