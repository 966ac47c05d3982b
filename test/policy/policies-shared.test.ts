import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createPoliciesInForce } from '../../src/policy/policy-set/loading.ts';
import { createPolicySetStore } from '../../src/policy/policy-set/store.ts';
import { basic, type SeededClient } from '../support/seeding.ts';
import { startTwoServers, type TwoServers } from '../support/two-servers.ts';

const RESOURCE = 'https://api.test/mcp';
const PIPELINE = { clientId: 'pipeline', secret: 'a-secret-of-more-than-thirty-two-characters' };
const STOP = '@id("stop") forbid(principal, action, resource) when { context.scopes.contains("read") };';

let servers: TwoServers;
let agent: SeededClient;
let headers: Record<string, string>;

beforeAll(async () => {
  servers = await startTwoServers({ BEHALF_BOOTSTRAP_CLIENT_ID: PIPELINE.clientId, BEHALF_BOOTSTRAP_CLIENT_SECRET: PIPELINE.secret });
  await servers.resource(RESOURCE);
  agent = await servers.agent('bot');
  const form = { grant_type: 'client_credentials', resource: `${servers.issuer}/api/v1`, scope: 'admin:read admin:write' };
  const answer = await servers.ask('/token', { form, headers: basic({ ...PIPELINE }) });
  headers = { authorization: `Bearer ${String(answer.json()['access_token'])}` };
}, 60_000);
afterAll(() => servers?.close());

const form = { grant_type: 'client_credentials', resource: RESOURCE, scope: 'read' };
const tokens = async (count: number) => {
  const asked = Array.from({ length: count }, (_, number) => servers.ask('/token', { form, headers: basic(agent) }, number));
  return (await Promise.all(asked)).map(({ status }) => status);
};
const save = () => servers.ask('/api/v1/policies', { json: { text: STOP, reason: 'stop' }, headers }, 0);
const remove = () => servers.ask('/api/v1/policies/stop?reason=go', { method: 'DELETE', headers }, 1);

test('what is saved on one server holds on both at once, for everything that is issued from then on', async () => {
  expect(await tokens(4)).toEqual([200, 200, 200, 200]);
  for (const _ of [1, 2]) {
    expect((await save()).status).toBe(201);
    expect(new Set(await tokens(6))).toEqual(new Set([400]));
    expect((await remove()).status).toBe(204);
    expect(new Set(await tokens(6))).toEqual(new Set([200]));
  }
}, 60_000);

test('no token that is issued while policies are saved was decided under others than those in force', async () => {
  const storm = async () => {
    for (const _ of [1, 2]) {
      await save();
      await remove();
    }
  };
  const [, ...answers] = await Promise.all([storm(), ...[1, 2, 3, 4].map(() => tokens(8))]);
  // permitted, refused, or asked to try again where the policies changed twice while one token was made
  for (const status of answers.flat()) expect([200, 400, 503]).toContain(status);
  const wrong = await servers.db.rows({
    name: 'test-wrong',
    text: `SELECT t.jti FROM token_ledger t JOIN decisions d ON d.id = t.decision_id JOIN policy_versions v ON d.policy_version LIKE '%policies-' || v.version
      WHERE t.resource = $1 AND jsonb_array_length(v.policies) > 0`,
    values: [RESOURCE],
  });
  expect(wrong).toEqual([]);
}, 60_000);

test('a server hears of a change by word of the other: for its clock no second has passed in which to look', async () => {
  const at = systemClock.now();
  const log = createLogger('silent');
  const notifications = createNotifications({ db: servers.db, log });
  const inForce = createPoliciesInForce({
    db: servers.db,
    store: createPolicySetStore(servers),
    clock: { ...systemClock, now: () => at },
    ids: randomIds,
    log,
    notifications,
  });
  await notifications.start();
  try {
    const before = (await inForce.reload()).version;
    await save();
    const saved = performance.now();
    const heard = async (): Promise<number> => {
      await turn();
      const { version } = await inForce.current();
      return version > before || performance.now() - saved > 10_000 ? version : heard();
    };
    expect(await heard()).toBe(before + 1);
  } finally {
    await notifications.stop();
    await remove();
  }
});
