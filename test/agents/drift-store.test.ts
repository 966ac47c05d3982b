import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { administrator, openRegistry, type Registry } from './registry.ts';

const digest = 'sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';
let registry: Registry;
let agentId: string;

beforeAll(async () => {
  registry = await openRegistry();
  const owner = { kind: 'user', id: await registry.addPerson('Jana Weber') } as const;
  agentId = (await registry.agents.create({ displayName: 'Bot', owner, status: 'active', source: 'console' }, administrator)).id;
});
afterAll(() => registry.close());

const insert = (row: Readonly<Record<string, unknown>>) => {
  const values = {
    agent_id: agentId,
    fingerprint: 'f',
    presented_digest: digest,
    client_id: 'c',
    first_seen_at: registry.clock.now(),
    ...row,
  };
  const all = Object.entries({ last_seen_at: registry.clock.now(), times: 1, ...values });
  const places = all.map((_, index) => `$${index + 1}`).join(', ');
  return registry.sql(
    `INSERT INTO agent_drifts (${all.map(([name]) => name).join(', ')}) VALUES (${places})`,
    all.map(([, value]) => value),
  );
};

describe('what the database itself refuses', () => {
  test('the same presentation open twice; closed ones may repeat', async () => {
    const closed = { closed_at: registry.clock.now(), outcome: 'accepted' };
    await insert({ id: 'drf_1' });
    await expect(insert({ id: 'drf_2' })).rejects.toMatchObject({ constraint: 'agent_drifts_open' });
    for (const id of ['drf_3', 'drf_4']) await insert({ id, ...closed });
  });

  test('a presentation of nothing, and an end without an outcome', async () => {
    const nothing = insert({ id: 'drf_5', fingerprint: 'g', presented_digest: null });
    await expect(nothing).rejects.toMatchObject({ constraint: 'agent_drifts_presented' });
    for (const wrong of [
      { closed_at: registry.clock.now() },
      { outcome: 'accepted' },
      { closed_at: registry.clock.now(), outcome: 'lost' },
    ])
      await expect(insert({ id: 'drf_6', fingerprint: 'h', ...wrong })).rejects.toMatchObject({ constraint: 'agent_drifts_outcome' });
  });

  test('a setting without a version', async () => {
    const text = `INSERT INTO policy_settings (name, value, version, changed_by, changed_at) VALUES ('drift', 'low', 0, 'usr_x', $1)`;
    await expect(registry.sql(text, [registry.clock.now()])).rejects.toMatchObject({ constraint: 'policy_settings_version' });
  });
});

test('the view counts an agent that acts under review as alive while somebody alive owns it', async () => {
  const isLive = async () => (await registry.sql('SELECT 1 FROM live_agents WHERE agent_id = $1', [agentId])).length > 0;
  const review = { by: administrator, reason: 'a look' } as const;
  await registry.agents.setStatus(agentId, 'underReview', { ...review, meanwhile: 'acts' });
  expect([await isLive(), registry.stopped]).toEqual([true, []]);
  await registry.agents.setStatus(agentId, 'underReview', review);
  expect([await isLive(), registry.stopped]).toEqual([false, [agentId]]);
  const agent = await registry.agents.setStatus(agentId, 'active', { by: administrator });
  await registry.agents.setStatus(agentId, 'underReview', { ...review, meanwhile: 'acts' });
  await registry.disable(agent.owner?.id ?? '');
  expect(await isLive()).toBe(false);
});

test('what was settled more than a year ago is forgotten', async () => {
  const ids = () => registry.sql<{ id: string }>('SELECT id FROM agent_drifts ORDER BY id');
  const before = (await ids()).map(({ id }) => id);
  registry.advance(365 * 86_400);
  await registry.agents.drift.purge();
  expect((await ids()).map(({ id }) => id)).toEqual(before);
  registry.advance(2 * 86_400);
  await registry.agents.drift.purge();
  expect((await ids()).map(({ id }) => id)).toEqual(['drf_1']);
});

test('an owner who leaves ends acting under review as well', async () => {
  const ownerId = await registry.addPerson('Lea Leaver');
  const owner = { kind: 'user', id: ownerId } as const;
  const { id } = await registry.agents.create({ displayName: 'Left bot', owner, status: 'active', source: 'console' }, administrator);
  await registry.agents.setStatus(id, 'underReview', { by: administrator, reason: 'a look', meanwhile: 'acts' });
  await registry.agents.ownerGone({ owner, happened: 'person shut out', successorId: undefined, by: administrator });
  expect(await registry.agents.get(id)).toMatchObject({ status: 'underReview', actsUnderReview: false });
  expect(registry.stopped).toContain(id);
});
