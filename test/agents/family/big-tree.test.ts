import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../../support/inhabited-server.ts';

const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
const SIZE = 1_000;
let server: InhabitedServer;
let rootId: string;

beforeAll(async () => {
  server = await createInhabitedServer();
  const { agents } = server.app.parts;
  const owner = { kind: 'user', id: server.miraId } as const;
  const root = await agents.create({ displayName: 'Root', owner, status: 'active', source: 'console' }, administrator);
  rootId = root.id;
  // every tenth stands directly below the root, the others below those
  const text = `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, data_classes,
      parent_id, source, provisioned, version, created_at, updated_at)
    SELECT 'agt_t' || n, 'agt_t' || n, 'Descendant ' || n, 'active', now(), 'user', $1, '', 'low', 'background', '{}',
      CASE WHEN n % 10 = 0 THEN $2 ELSE 'agt_t' || (n - n % 10) END, 'console', '{}', 1, now(), now()
    FROM generate_series(10, $3::int + 9) AS n ORDER BY n % 10 <> 0, n`;
  await server.db.rows({ name: '', text, values: [server.miraId, rootId, SIZE] });
  await server.db.rows({
    name: '',
    text: `INSERT INTO agent_clients (client_id, agent_id, linked_at) SELECT 'cli_' || id, id, now() FROM agents WHERE id LIKE 'agt_t%'`,
    values: [],
  });
}, 60_000);
afterAll(() => server.close());

test('a stop reaches a thousand agents below, each with its event and its cutoff, and so does letting them act again', async () => {
  const { agents } = server.app.parts;
  await agents.setStatus(rootId, 'suspended', { by: administrator, reason: 'odd' });
  const one = async (text: string, value: string) =>
    (await server.db.row<{ count: number }>({ name: '', text: `SELECT count(*)::int AS count FROM ${text} = $1`, values: [value] }))?.count;
  const count = (status: string) => one('agents WHERE status', status);
  expect(await count('suspended')).toBe(SIZE + 1);
  expect(await one('audit_events WHERE type', 'agent.suspended')).toBe(SIZE + 1);
  expect(await one(`token_cutoffs WHERE key LIKE 'agent:%' AND ''`, '')).toBe(SIZE + 1);
  expect(await agents.resumeTree(rootId, { by: administrator })).toMatchObject({ resumed: SIZE, left: 0 });
  expect(await count('active')).toBe(SIZE + 1);
}, 60_000);
