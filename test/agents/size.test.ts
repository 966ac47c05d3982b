import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bestOf } from '../support/best-of.ts';
import { openScimRegistry, type ScimRegistry } from './scim-server.ts';

const AGENTS = 10_000;
let registry: ScimRegistry;
let middle: string;

beforeAll(async () => {
  registry = await openScimRegistry();
  await registry.sql(
    `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, data_classes, source, external_id, provisioned, version, created_at, updated_at)
     SELECT 'agt_' || lpad(n::text, 32, '0'), 'bot-' || n, 'Bot ' || n, CASE n % 4 WHEN 0 THEN 'suspended' ELSE 'active' END, $1, 'user', 'usr_' || n % 500, 'Does work ' || n % 100,
       'low', 'background', '{}', 'scim:bulk', 'ext-' || n, '{}', 1, $1, $1 FROM generate_series(1, $2::int) AS n`,
    [registry.clock.now(), AGENTS],
  );
  await registry.sql('ANALYZE agents');
  middle = `agt_${String(AGENTS / 2).padStart(32, '0')}`;
});

afterAll(() => registry.close());

const filter = (text: string) => `GET /Agents?count=5&cursor=&filter=${encodeURIComponent(text)}`;

test.each<[string, () => Promise<unknown>]>([
  ['a page in the middle', () => registry.agents.list({ cursor: middle, limit: 25 })],
  ['a page of one status', () => registry.agents.list({ status: 'suspended', cursor: middle, limit: 25 })],
  ['a page of one owner', () => registry.agents.list({ ownerId: 'usr_7', limit: 25 })],
  ['a search by name', () => registry.agents.list({ search: 'bot 77', limit: 25 })],
  ['the counts by status', () => registry.agents.countByStatus()],
  ['the counts of a search', () => registry.agents.countMatching({ search: 'bot' })],
  ['who owns how many', () => registry.agents.countOwnership()],
  ['SCIM externalId eq', () => registry.send(filter('externalId eq "ext-5000"'))],
  ['SCIM displayName sw', () => registry.send(filter('displayName sw "bot 50"'))],
  ['SCIM owners.value eq and active eq', () => registry.send(filter('owners.value eq "usr_7" and active eq true'))],
])('among 10,000 agents %s takes less than 50 ms', async (_, work) => {
  expect(await bestOf(work, 10)).toBeLessThan(50);
});

test('of very many that match it says only that they are many', async () => {
  expect(await registry.agents.countMatching({ search: 'bot' })).toBeUndefined();
  expect(await registry.agents.countMatching({ ownerId: 'usr_7' })).toMatchObject({ active: 20 });
});

test('finds the right ones among them', async () => {
  expect((await registry.agents.list({ ownerId: 'usr_7', limit: 25 })).agents).toHaveLength(20);
  expect((await registry.agents.list({ search: 'bot 777', limit: 200 })).agents).toHaveLength(11);
  expect((await registry.send(filter('externalId eq "ext-5000"'))).body).toMatchObject({ totalResults: 1, Resources: [{ id: middle }] });
});
