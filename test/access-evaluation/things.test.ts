import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMINISTRATOR, type SeededClient } from '../support/seeding.ts';
import { type AccessServer, createAccessServer } from './access-server.ts';

const SHOP = 'https://shop.example';
let server: AccessServer;
let own: SeededClient;
let path: string;
let headers: Record<string, string>;

beforeAll(async () => {
  server = await createAccessServer();
  own = await server.resource(SHOP);
  const manager = await server.client('management', { purpose: 'management', is_management: true } as never);
  headers = { authorization: `Bearer ${await server.apiToken(manager)}` };
  const [{ id } = { id: '' }] = await server.app.parts.resourceServers.list({ limit: 1 });
  path = `/api/v1/resource-servers/${id}/things`;
}, 60_000);
afterAll(() => server.close());

const put = async (type: string, things: unknown, from = headers) => (await server.post(`${path}/${type}`, { things }, from, 'PUT')).status;
const count = async () =>
  (await server.db.row<{ count: number }>({ name: 'things', text: 'SELECT count(*)::int AS count FROM access_things', values: [] }))?.count;

test('only administrators name things, and each change is in the audit', async () => {
  expect(await put('lamp', [{ id: 'a' }], {})).toBe(401);
  expect(await put('lamp', [{ id: 'a' }], { authorization: `Bearer ${await server.accessToken(own)}` })).toBe(401);
  expect(await put('lamp', [{ id: 'b' }, { id: 'a', properties: { room: 'hall' } }])).toBe(204);
  const { items } = (await (await fetch(`${server.issuer}${path}/lamp`, { headers })).json()) as { items: unknown };
  expect(items).toEqual([{ id: 'a', properties: { room: 'hall' } }, { id: 'b' }]);
  const text = `SELECT resource, data->>'action' AS action FROM audit_events WHERE type = 'resource_server.updated' AND data->>'action' LIKE 'things%'`;
  expect(await server.db.rows({ name: 'events', text, values: [] })).toEqual([{ resource: SHOP, action: 'things lamp' }]);
});

test.each<[string, unknown]>([
  ['no list', {}],
  ['a thing without an id', [{}]],
  ['an id that is no text', [{ id: 7 }]],
  ['an id with a control character', [{ id: 'a\u0000' }]],
  ['a thing twice', [{ id: 'a' }, { id: 'a' }]],
  ['an id that no index keeps', [{ id: '😀'.repeat(900) }]],
  ['a member nobody knows', 7],
  ['more than 5,000', Array.from({ length: 5_001 }, (_, index) => ({ id: String(index) }))],
])('%s: 400, and nothing changes', async (_name, things) => {
  const before = await count();
  expect(await put('lamp', things)).toBe(400);
  expect(await put('x'.repeat(129), [])).toBe(400);
  expect(await count()).toBe(before);
});

test('the longest id that is taken is kept', async () => {
  expect(await put('long', [{ id: 'x'.repeat(1_900) }])).toBe(204);
  expect(await put('long', [])).toBe(204);
});

test('there is nothing of a resource server that is not there, and what a removed one had goes', async () => {
  const nowhere = `${server.issuer}/api/v1/resource-servers/rsv_none/things/lamp`;
  expect((await fetch(nowhere, { headers })).status).toBe(404);
  const { resourceServers, accessEvaluation } = server.app.parts;
  const purge = () => accessEvaluation.capability.jobs?.find(({ name }) => name === 'things-of-removed-resource-servers')?.run();
  await purge();
  expect(await count()).toBe(2);
  const [{ id } = { id: '' }] = await resourceServers.list({ limit: 1 });
  await resourceServers.remove(id, ADMINISTRATOR);
  await purge();
  expect(await count()).toBe(0);
});
