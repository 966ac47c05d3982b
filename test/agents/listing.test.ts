import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { administrator, openRegistry, type Registry } from './registry.ts';

let registry: Registry;
let jana: string;

beforeAll(async () => {
  registry = await openRegistry();
  jana = await registry.addPerson('Jana Weber');
});

afterAll(() => registry.close());

const add = (displayName: string, rest: object = {}) =>
  registry.agents.create({ displayName, owner: { kind: 'user', id: jana }, status: 'active', source: 'test', ...rest }, administrator);
const found = async (filter: object) => (await registry.agents.list({ limit: 50, ...filter })).agents.map(({ displayName }) => displayName);

describe('a search', () => {
  beforeAll(async () => {
    await add('Rechnungs_bot', { purpose: 'Bezahlt Rechnungen, pünktlich' });
    await add('Travel/planner v2', { name: 'travel.planner', purpose: 'Books trains; holds rooms' });
    await add("O'Hara's helper", { riskLevel: 'high' });
  });

  test.each<[string, string[]]>([
    ['rechn', ['Rechnungs_bot']],
    ['BOT', ['Rechnungs_bot']],
    ['pünkt', ['Rechnungs_bot']],
    ['plan tra', ['Travel/planner v2']],
    ['v2', ['Travel/planner v2']],
    ["o'hara", ["O'Hara's helper"]],
    ['planet', []],
    ["' | !x:* & (", []],
    ['%_\\', []],
  ])('for %s finds words by their beginning', async (search, expected) => {
    expect(await found({ search })).toEqual(expected);
  });

  test('finds an agent by its id, and what a named owner answers for', async () => {
    const agent = await add('Found by id');
    expect(await found({ search: agent.id })).toEqual(['Found by id']);
    expect(await found({ search: 'nothing like it', searchOwners: [jana] })).toHaveLength(4);
  });

  test('goes together with every other filter', async () => {
    expect(await found({ search: 'helper', risk: 'high', status: 'active', ownerId: jana })).toEqual(["O'Hara's helper"]);
    expect(await found({ search: 'helper', risk: 'low' })).toEqual([]);
    const agent = await add('Seen now');
    registry.agents.touch(agent.id);
    await registry.agents.flushLastSeen();
    expect(await found({ unseenSince: registry.clock.now() })).not.toContain('Seen now');
    expect(await found({ unseenSince: new Date(registry.clock.now().getTime() + 1000) })).toContain('Seen now');
    expect(await registry.agents.countMatching({ search: 'helper', status: 'retired' })).toMatchObject({ active: 1, retired: 0 });
  });
});

describe('the counts by status', () => {
  const counted = async () => {
    const rows = await registry.sql<{ status: string; n: number }>(
      'SELECT status, count(*)::int AS n FROM agents WHERE removed_at IS NULL GROUP BY status',
    );
    return expect.objectContaining(Object.fromEntries(rows.map(({ status, n }) => [status, n])));
  };

  test('follow every change, and only those that commit', async () => {
    const one = await add('One');
    const two = await add('Two', { status: 'proposed' });
    expect(await registry.agents.countByStatus()).toEqual(await counted());
    await registry.agents.setStatus(one.id, 'suspended', { by: administrator, reason: 'A test.' });
    await registry.agents.update(two.id, { changes: { purpose: 'Changes nothing here' } }, administrator);
    await registry.agents.remove(two.id, administrator);
    const before = await registry.agents.countByStatus();
    expect(before).toEqual(await counted());
    const failing = registry.db.transaction(async () => {
      await add('Never there');
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect(await registry.agents.countByStatus()).toEqual(before);
  });

  test('stay right while differences are added up and agents move at the same time', async () => {
    const agents = await Promise.all(Array.from({ length: 10 }, (_each, index) => add(`Moving ${index}`)));
    await registry.sql(`INSERT INTO agent_counts (status, difference) SELECT 'active', n % 2 * 2 - 1 FROM generate_series(1, 600) AS n`);
    const compact = registry.agents.capability.jobs?.find(({ name }) => name === 'agents-counts');
    await Promise.all([
      compact?.run(),
      ...agents.map(({ id }) => registry.agents.setStatus(id, 'suspended', { by: administrator, reason: 'A test.' })),
      compact?.run(),
    ]);
    await compact?.run();
    expect(await registry.agents.countByStatus()).toEqual(await counted());
    expect((await registry.sql('SELECT 1 FROM agent_counts')).length).toBeLessThan(50);
  });

  test('ownership counts those who can answer, and agents without', async () => {
    const before = await registry.agents.countOwnership();
    const leaving = await registry.addPerson('Leaving');
    for (const name of ['A', 'B']) await add(`Of somebody who leaves ${name}`, { owner: { kind: 'user', id: leaving } });
    await add('Nobody has it', { owner: undefined, status: 'proposed' });
    expect(await registry.agents.countOwnership()).toEqual({ owners: before.owners + 1, unowned: before.unowned + 1 });
    await registry.disable(leaving);
    expect(await registry.agents.countOwnership()).toEqual({ owners: before.owners, unowned: before.unowned + 3 });
  });
});
