import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../../src/agents/index.ts';
import { administrator, openRegistry, type Registry } from '../registry.ts';

let registry: Registry;
let jana: string;
beforeAll(async () => {
  registry = await openRegistry();
  jana = await registry.addPerson('Jana Weber');
});
afterAll(() => registry.close());

const make = (input?: Partial<NewAgent>): Promise<Agent> => registry.addAgent(jana, input);
const stop = (id: string, to: 'suspended' | 'retired' = 'suspended') =>
  registry.agents.setStatus(id, to, { by: administrator, reason: 'paid twice' });
const resume = (id: string) => registry.agents.resumeTree(id, { by: administrator });
const statesOf = (agents: readonly Agent[]) => Promise.all(agents.map(async ({ id }) => (await registry.agents.get(id)).status));

/** Until so many statements wait for a lock. */
async function untilWaiting(count: number): Promise<void> {
  const text = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  for (;;) {
    const [row] = await registry.sql<{ waiting: number }>(text);
    if ((row?.waiting ?? 0) >= count) return;
  }
}

/** A transaction that does something and stays open until it is told to end. */
function held(work: () => Promise<unknown>) {
  const done = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const whole = registry.db.transaction(async () => {
    await work();
    done.resolve();
    await end.promise;
  });
  whole.catch(done.reject);
  return {
    done: done.promise,
    end: () => {
      end.resolve();
      return whole;
    },
  };
}

const room = { maxChildren: 9, maxChildDepth: 4 };
async function dynasty() {
  const root = await make(room);
  const child = await make({ parentId: root.id, maxChildren: 9, maxChildDepth: 3 });
  const grandchild = await make({ parentId: child.id });
  return [root, child, grandchild] as const;
}

describe('a tree that is let act while somebody stops a part of it', () => {
  test('R13: below the part that ended nobody acts', async () => {
    const tree = await dynasty();
    const [root, child] = tree;
    await stop(root.id);
    const other = held(() => stop(child.id, 'retired'));
    await other.done;
    const resumed = resume(root.id);
    await untilWaiting(1);
    await other.end();
    expect(await resumed).toMatchObject({ resumed: 0 });
    expect(await statesOf(tree)).toEqual(['active', 'retired', 'suspended']);
  });

  test('who stops a part that acts already waits, and stops what was let act below it', async () => {
    const tree = await dynasty();
    const [root, child] = tree;
    await stop(root.id);
    await registry.agents.setStatus(root.id, 'active', { by: administrator });
    await registry.agents.setStatus(child.id, 'active', { by: administrator });
    const other = held(() => resume(root.id));
    await other.done;
    await Promise.all([stop(child.id), untilWaiting(1).then(other.end)]);
    expect(await statesOf(tree)).toEqual(['active', 'suspended', 'suspended']);
  });
});

test('who stops one that stopped with its parent stops it by itself: it stays so when the tree acts again', async () => {
  const tree = await dynasty();
  const [root, child] = tree;
  await stop(root.id);
  expect(await stop(child.id)).toMatchObject({ status: 'suspended', stoppedWith: undefined, statusReason: 'paid twice' });
  expect(await stop(child.id)).toMatchObject({ version: 3 });
  await resume(root.id);
  expect(await statesOf(tree)).toEqual(['active', 'suspended', 'suspended']);
});

test('the stop of a tree and the leaving of somebody who owns parts of it wait for each other instead of in a circle', async () => {
  const mira = await registry.addPerson('Mira');
  const owner = { kind: 'user', id: mira } as const;
  const root = await make(room);
  const child = await make({ parentId: root.id, maxChildren: 9, maxChildDepth: 3 });
  const lower = await make({ parentId: child.id, owner });
  const later = await make({ parentId: root.id, owner });
  const other = held(() => registry.sql('SELECT 1 FROM agents WHERE id = $1 FOR UPDATE', [later.id]));
  await other.done;
  const stopped = stop(root.id);
  await untilWaiting(1);
  const by = { kind: 'account', id: administrator.id } as const;
  const left = registry.agents.ownerGone({ owner, happened: 'person shut out', successorId: undefined, by });
  await untilWaiting(2);
  await other.end();
  expect((await Promise.allSettled([stopped, left])).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect(await statesOf([root, child, lower, later])).toEqual(['suspended', 'suspended', 'suspended', 'suspended']);
});

test('an agent that enrols another while its owner leaves waits and finds them gone', async () => {
  const mira = await registry.addPerson('Mira');
  const owner = { kind: 'user', id: mira } as const;
  const parent = await make({ ...room, owner });
  const by = { kind: 'account', id: administrator.id } as const;
  const shutOut = Promise.withResolvers<void>();
  const leaving = registry.db.transaction(async () => {
    await registry.disable(mira);
    shutOut.resolve();
    await untilWaiting(1);
    await registry.agents.ownerGone({ owner, happened: 'person shut out', successorId: undefined, by });
  });
  await shutOut.promise;
  const child = { displayName: 'Late', validUntil: undefined, askedAt: registry.clock.now() };
  const [left, enrolled] = await Promise.allSettled([leaving, registry.agents.enrolChild(parent.id, child)]);
  expect(left).toMatchObject({ status: 'fulfilled' });
  expect(enrolled).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
  expect(await statesOf([parent])).toEqual(['underReview']);
});
