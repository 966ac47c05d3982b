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

const room = { maxChildren: 9, maxChildDepth: 4 };
const make = (input?: Partial<NewAgent>): Promise<Agent> => registry.addAgent(jana, input);
const stop = (id: string, to: 'suspended' | 'underReview' | 'retired' = 'suspended') =>
  registry.agents.setStatus(id, to, { by: administrator, reason: 'paid twice' });
const start = (id: string) => registry.agents.setStatus(id, 'active', { by: administrator });
const statusOf = async (id: string) => (await registry.agents.get(id)).status;
const refusal = (code: string) => expect.objectContaining({ name: 'AppError', code });

/** Root › child › grandchild. */
async function dynasty() {
  const root = await make({ displayName: 'Root', ...room });
  const child = await make({ parentId: root.id, displayName: 'Child', maxChildren: 9, maxChildDepth: 3 });
  const grandchild = await make({ parentId: child.id });
  return { root, child, grandchild };
}

describe('what stands below an agent stops with it', () => {
  test.each([
    ['suspended', 'suspended', 'agent.suspended', 'Its parent Root was suspended.', 'Root, above it, was suspended.'],
    ['underReview', 'underReview', 'agent.reviewed', 'Its parent Root was put under review.', 'Root, above it, was put under review.'],
    ['retired', 'suspended', 'agent.suspended', 'Its parent Root was retired.', 'Root, above it, was retired.'],
  ] as const)('%s: each with its reason, its event and its cascade', async (to, state, event, childs, grandchilds) => {
    const { root, child, grandchild } = await dynasty();
    await stop(root.id, to);
    expect(await registry.agents.get(child.id)).toMatchObject({ status: state, statusReason: childs, stoppedWith: root.id, version: 2 });
    expect(await registry.agents.get(grandchild.id)).toMatchObject({ status: state, statusReason: grandchilds, stoppedWith: root.id });
    for (const { id } of [child, grandchild]) {
      expect(await registry.eventsOf(id)).toContain(event);
      expect(registry.stopped).toContain(id);
    }
  });

  test('a cascade that fails leaves the whole tree as it was', async () => {
    const { root, grandchild } = await dynasty();
    registry.failNextStop();
    await expect(stop(root.id)).rejects.toThrow('the cascade failed');
    expect([await statusOf(root.id), await statusOf(grandchild.id)]).toEqual(['active', 'active']);
  });

  test('a suspension goes on to those under review; one that never acted stays proposed', async () => {
    const { root, child, grandchild } = await dynasty();
    const proposed = await make({ parentId: child.id, status: 'proposed' });
    await stop(child.id, 'underReview');
    await stop(root.id);
    expect([await statusOf(child.id), await statusOf(grandchild.id), await statusOf(proposed.id)]).toEqual([
      'suspended',
      'suspended',
      'proposed',
    ]);
  });
});

describe('letting act again', () => {
  test('nobody acts below one that rests, and letting the parent act brings nobody back by itself', async () => {
    const { root, child, grandchild } = await dynasty();
    await stop(root.id);
    await expect(start(child.id)).rejects.toEqual(refusal('conflict'));
    await start(root.id);
    expect([await statusOf(child.id), await statusOf(grandchild.id)]).toEqual(['suspended', 'suspended']);
    await expect(start(grandchild.id)).rejects.toEqual(refusal('conflict'));
    expect(await registry.agents.countStoppedWith(child.id)).toBe(1);
    expect(await registry.agents.resumeTree(child.id, { by: administrator })).toMatchObject({ resumed: 1 });
    expect(await statusOf(grandchild.id)).toBe('active');
  });

  test('with those below that were stopped with it, and no other', async () => {
    const { root, child, grandchild } = await dynasty();
    const [alone, below] = [await make({ parentId: root.id, maxChildren: 1, maxChildDepth: 1 }), await make({ parentId: child.id })];
    await stop(alone.id);
    await stop(below.id, 'underReview');
    await stop(root.id);
    expect(await registry.agents.countStoppedWith(root.id)).toBe(2);
    expect(await registry.agents.resumeTree(root.id, { by: administrator })).toMatchObject({ resumed: 2, left: 0 });
    const states = await Promise.all([root, child, grandchild, alone, below].map(({ id }) => statusOf(id)));
    expect(states).toEqual(['active', 'active', 'active', 'suspended', 'suspended']);
    expect(await registry.agents.get(child.id)).toMatchObject({ stoppedWith: undefined, statusReason: undefined });
    expect(await registry.eventsOf(child.id)).toEqual(['agent.activated', 'agent.activated', 'agent.proposed', 'agent.suspended']);
  });

  test('R8: those whom the person owns, or nobody alive, stay stopped, and so does what stands below them', async () => {
    const mira = await registry.addPerson('Mira');
    const { root, child } = await dynasty();
    const hers = await make({ parentId: root.id, owner: { kind: 'user', id: mira }, maxChildren: 1, maxChildDepth: 1 });
    const lower = await make({ parentId: hers.id });
    await stop(root.id);
    const asMira = { ...administrator, id: mira };
    expect(await registry.agents.resumeTree(root.id, { by: asMira })).toMatchObject({ resumed: 2, left: 2 });
    expect([await statusOf(child.id), await statusOf(hers.id), await statusOf(lower.id)]).toEqual(['active', 'suspended', 'suspended']);
    await registry.disable(mira);
    await stop(root.id);
    await registry.agents.resumeTree(root.id, { by: administrator });
    expect([await statusOf(hers.id), await statusOf(lower.id)]).toEqual(['suspended', 'suspended']);
  });
});

describe('R13: of a stop above and a start below at once, none leaves an agent that acts below one that rests', () => {
  /** Rounds enough that both orders occur; returns which outcomes did. */
  async function race(begin: (tree: Awaited<ReturnType<typeof dynasty>>) => Promise<() => Promise<unknown>>): Promise<Set<string>> {
    const outcomes = new Set<string>();
    for (let round = 0; round < 16; round += 1) {
      const tree = await dynasty();
      const other = await begin(tree);
      const turns = Math.floor(round / 2);
      const later = async (count: number, act: () => Promise<unknown>) => {
        for (let turn = 0; turn < count; turn += 1) await registry.sql('SELECT 1');
        return act();
      };
      const [starts, stops] = round % 2 === 0 ? [turns, 0] : [0, turns];
      const [started] = await Promise.allSettled([later(starts, other), later(stops, () => stop(tree.root.id))]);
      outcomes.add(started.status);
      const { agents } = await registry.agents.below(tree.root.id, 50);
      expect(agents.filter(({ status }) => status === 'active')).toEqual([]);
    }
    return outcomes;
  }

  test('a child that is let act', async () => {
    const outcomes = await race(async ({ grandchild }) => {
      await stop(grandchild.id);
      return () => start(grandchild.id);
    });
    expect(outcomes).toEqual(new Set(['fulfilled', 'rejected']));
  });

  test('a child that is enrolled', async () => {
    const child = { displayName: 'late', validUntil: undefined, askedAt: registry.clock.now() };
    const outcomes = await race(async (tree) => () => registry.agents.enrolChild(tree.child.id, child));
    expect(outcomes).toEqual(new Set(['fulfilled', 'rejected']));
  });

  test('an active agent that moves below it', async () => {
    const outcomes = await race(async ({ child }) => {
      const { id } = await make();
      return () => registry.agents.update(id, { changes: { parentId: child.id } }, administrator);
    });
    expect(outcomes.has('fulfilled')).toBe(true);
  });

  test('two stops of one tree at once wait for each other', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { root, child } = await dynasty();
      await Promise.all(Array.from({ length: 6 }, () => make({ parentId: child.id })));
      await Promise.all([stop(root.id), stop(child.id)]);
      expect((await registry.agents.below(root.id, 50)).agents.filter(({ status }) => status === 'active')).toEqual([]);
    }
  });
});
