import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newPolicy } from '../../src/policy/policy-set/policy-set.ts';
import { clock, seconds } from '../support/clock.ts';
import {
  ADMINISTRATOR,
  ask,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from '../token-exchange/exchange-server.ts';

const API = 'https://api.test';
const BY = { kind: 'account', id: ADMINISTRATOR.id } as const;
/** Nobody tells this server of changes: its notifications were never started. */
let server: ExchangeServer;
let bot: TestClient & { readonly agentId: string };

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  bot = await makeAgent(server, 'Bot');
});
afterAll(() => server?.close());
afterEach(async () => {
  clock.reset();
  const { policies } = await server.policy.policies.current();
  for (const { id } of policies) await server.policy.policies.remove(id, { reason: 'the test is over' }, BY);
});

const own = (client: TestClient = bot) => ask(server, client, { grant_type: 'client_credentials', resource: API, scope: 'read' });
const save = (text: string, state: 'in_force' | 'draft' = 'in_force') =>
  server.policy.policies.create(newPolicy.parse({ text, state, reason: 'a test' }), BY);
/** What a second of memory spares is left out: it depends on when it is asked. */
const statementsOf = async (request: () => Promise<unknown>) => {
  server.statements.length = 0;
  await request();
  return server.statements.filter((name) => !['resource-server-by-identifier', 'resources-of-client', 'policies-in-force'].includes(name));
};
const STOP = '@id("stop") @reason("Nothing is read today.") forbid(principal, action, resource) when { context.scopes.contains("read") };';

test('R13: a server that heard of no change issues nothing under the policies before it', async () => {
  expect((await own()).status).toBe(200);
  await save(STOP);
  server.statements.length = 0;
  const refused = await own();
  expect([refused.status, refused.body['error']]).toEqual([400, 'access_denied']);
  expect(server.statements).toContain('token-faults');
  const decision = await server.policy.get(String(refused.body['decision_id']));
  expect(decision).toMatchObject({ effect: 'deny', rule: 'policy:stop', reason: 'Nothing is read today.', agentId: bot.agentId });
  expect(decision.policyVersion).toMatch(/ policies-\d+$/);
  // and the other way round: what is allowed again is refused for no longer than it takes to look
  await server.policy.policies.remove('stop', { reason: 'enough' }, BY);
  clock.advance(seconds(2));
  await own();
  expect((await own()).status).toBe(200);
});

test('every grant is asked about, an exchange included; drafts are not in force', async () => {
  const subject = (await own()).body['access_token'];
  const draft = await save(STOP, 'draft');
  expect((await own()).status).toBe(200);
  await server.policy.policies.update(draft.id, { state: 'in_force', reason: 'go' }, BY);
  for (const answer of [
    await own(),
    await exchangeFor(server, bot, { subject, resource: API, scope: 'read' }),
    await personToken(server, bot, { resources: { [API]: 'read' } }),
  ])
    expect([answer.status, answer.body['error']]).toEqual([400, 'access_denied']);
});

test('a token for nothing but who somebody is, which the ledger does not know, is judged by the newest policies', async () => {
  const identity = () => personToken(server, bot, { resources: {}, openid: 'openid' });
  expect((await identity()).status).toBe(200);
  await save('@id("nobody") forbid(principal, action, resource is Identity);');
  expect((await identity()).body['error']).toBe('access_denied');
});

test('policies cost no round trip: they are in memory', async () => {
  await own();
  const without = await statementsOf(own);
  await save('@id("later") @approval("owner") forbid(principal, action, resource) when { context.scopes.contains("write") };');
  await own();
  expect(await statementsOf(own)).toEqual(without);
});

test('an invariant comes first: no policy allows what it refuses', async () => {
  await save('@id("all") permit(principal, action, resource);');
  const proposed = await makeAgent(server, 'Proposed', { status: 'proposed' });
  expect((await own(proposed)).body).toMatchObject({ error: 'unauthorized_client' });
});

test('an owner who is not allowed something has no agent that is', async () => {
  await save(`@id("not-pat") forbid(principal == Person::"${server.accountId}", action, resource);`);
  const refused = await own();
  expect(await server.policy.get(String(refused.body['decision_id']))).toMatchObject({ rule: 'policy:not-pat' });
});

test('a server that cannot load what is in force refuses, and goes on when it can', async () => {
  await save(STOP);
  const broken = `UPDATE policy_versions SET policies = jsonb_set(policies, '{0,text}', '"forbid(principl"') WHERE version = (SELECT max(version) FROM policy_versions)`;
  await server.db.rows({ name: 'break', text: broken, values: [] });
  const refused = await own();
  expect(refused.body).toMatchObject({ error: 'access_denied' });
  expect(await server.policy.get(String(refused.body['decision_id']))).toMatchObject({ rule: 'policies-not-loaded' });
  expect(await server.policy.loaded()).toBeUndefined();
  await server.policy.policies.remove('stop', { reason: 'mended' }, BY);
  expect((await own()).status).toBe(200);
  expect(await server.policy.loaded()).toMatchObject({ count: 0 });
});

test('what is asked is kept with the decision, and holds nothing a bearer could use', async () => {
  const answer = await own();
  const record = await server.tokens.find(String(answer.claims.jti));
  const { input } = await server.policy.get(String(record?.decisionId));
  expect(input['question']).toMatchObject({
    subject: { kind: 'agent', id: bot.agentId },
    agent: { id: bot.agentId, riskLevel: expect.any(String), owner: { kind: 'user', id: server.accountId } },
    resource: { server: API },
    scopes: ['read'],
    context: { grantType: 'client_credentials', network: expect.any(String) },
  });
});

test('two who save at the same time: one of them is told to look again', async () => {
  const { version } = await server.policy.policies.current();
  const saving = ['one', 'two'].map((id) =>
    server.policy.policies.create(
      newPolicy.parse({ text: `@id("${id}") permit(principal, action, resource);`, reason: 'a race', version }),
      BY,
    ),
  );
  const settled = await Promise.allSettled(saving);
  expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});
