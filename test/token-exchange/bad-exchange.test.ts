import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ACCESS_TOKEN,
  ADMINISTRATOR,
  type Answer,
  ask,
  EXCHANGE,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeClient,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
const DOWN = 'https://down.test';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
let first: Agent;
let second: Agent;
let idToken: string;
let root: Answer;
const details = [{ type: 'api_call', actions: ['GET'], max_amount: { amount: '100.00', currency: 'EUR' } }];

beforeAll(async () => {
  server = await startExchangeServer();
  for (const resource of [API, DOWN]) await makeResource(server, resource);
  [first, second] = [await makeAgent(server, 'First'), await makeAgent(server, 'Second')];
  await delegate(first, second);
  await delegate(second, first);
  root = await personToken(server, first, { resources: { [API]: 'read write', [DOWN]: 'write' }, details, openid: 'openid' });
  idToken = String(root.body['id_token']);
});
afterAll(() => server?.close());

function delegate(from: Agent, to: Agent) {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const what = { resources: [API, DOWN], scopes: ['read', 'write', 'pay'], authorization_details_types: ['api_call'] };
  return server.exchange.delegations.create({ from: from.agentId, to: to.agentId, ...what, until }, ADMINISTRATOR);
}
const given = () => String(root.body['access_token']);
const pass = (more: Record<string, unknown> = {}, client: Pick<TestClient, 'headers'> = second) =>
  exchangeFor(server, client, { subject: given(), resource: API, ...more });
const asked = (detail: object) => ({ authorization_details: JSON.stringify([detail]) });
const nested = (depth: number): unknown => (depth === 0 ? 'x' : { deeper: nested(depth - 1) });
const actor = (token: string, type: string) => ({ actor_token: token, actor_token_type: type });
/** The same token with other claims and the old signature. */
function forged(change: object): string {
  const [header, payload = '', signature] = given().split('.');
  const claims = { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), ...change };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}
const events = async () => (await server.audit.list({ limit: 200 })).events.filter(({ event }) => event.outcome === 'refused');

/** Everything that can be sent, with the code of the standard. */
const bad: readonly (readonly [string, () => Promise<Answer>, string])[] = [
  ['a scope of the same name at another resource', () => pass({ resource: DOWN, scope: 'read' }), 'invalid_scope'],
  ['a scope that was not granted', () => pass({ scope: 'read pay' }), 'invalid_scope'],
  [
    'a detail that is one cent wider',
    () => pass(asked({ ...details[0], max_amount: { amount: '100.01', currency: 'EUR' } })),
    'invalid_authorization_details',
  ],
  [
    'a detail in another currency',
    () => pass(asked({ ...details[0], max_amount: { amount: '100.00', currency: 'USD' } })),
    'invalid_authorization_details',
  ],
  ['a detail with an action more', () => pass(asked({ ...details[0], actions: ['GET', 'POST'] })), 'invalid_authorization_details'],
  ['a detail of a type that is not known', () => pass(asked({ type: 'unheard' })), 'invalid_authorization_details'],
  ['a detail at another place', () => pass(asked({ ...details[0], locations: [DOWN] })), 'invalid_authorization_details'],
  ['details nested 100 deep', () => pass(asked({ ...details[0], extra: nested(100) })), 'invalid_authorization_details'],
  ['a forged act inside', () => pass({ subject: forged({ act: { iss: server.issuer, sub: second.agentId } }) }), 'invalid_request'],
  ['a forged subject', () => pass({ subject: forged({ sub: 'usr_somebody' }) }), 'invalid_request'],
  ['a may_act that was added', () => pass({ subject: forged({ may_act: { sub: second.agentId } }) }), 'invalid_request'],
  ['an id_token as subject', () => pass({ subject: idToken, subject_token_type: ID_TOKEN }), 'invalid_request'],
  ['an id_token as actor', () => pass(actor(idToken, ID_TOKEN)), 'invalid_request'],
  ['an id_token as actor that calls itself an access token', () => pass(actor(idToken, ACCESS_TOKEN)), 'invalid_request'],
  ['an id_token as actor that calls itself a JWT', () => pass(actor(idToken, JWT)), 'invalid_grant'],
  ['the person’s token as actor', () => pass(actor(given(), ACCESS_TOKEN)), 'invalid_request'],
  ['two targets', () => pass({ resource: [API, DOWN] }), 'invalid_target'],
  ['a resource with a letter that looks like another', () => pass({ resource: 'https://\u0430pi.test' }), 'invalid_target'],
  ['a resource with a space of no width', () => pass({ resource: 'https://api\u200b.test' }), 'invalid_target'],
  ['a resource with a full-width stop', () => pass({ resource: 'https://api\uff0etest/' }), 'invalid_target'],
  ['a scope with a letter that looks like another', () => pass({ scope: 're\u0430d' }), 'invalid_scope'],
  ['details that are no list', () => pass({ authorization_details: '{"type":"api_call"}' }), 'invalid_authorization_details'],
  ['details twice', () => pass({ authorization_details: [JSON.stringify(details), JSON.stringify(details)] }), 'invalid_request'],
];

describe('R1–R3, RFC 8693 §2.2.2, RFC 9396 §5: refused with the code of the standard, and told once', () => {
  test.each(bad)('%s', async (_, send, error) => {
    const before = (await events()).length;
    const answer = await send();
    expect([answer.status, answer.body['error']]).toEqual([400, error]);
    const after = await events();
    expect(after).toHaveLength(before + 1);
    expect(after[0]?.event.cause).toBe(error);
  });

  test('a chain that comes back to one of its own', async () => {
    const once = await pass();
    const back = await exchangeFor(server, first, { subject: once.body['access_token'], resource: API });
    expect(back.body['error']).toBe('invalid_request');
  });

  test('the token of a grant that was taken back, and of an agent that was suspended', async () => {
    const agent = await makeAgent(server, 'Stopped');
    await delegate(agent, second);
    const [one, two] = [
      await personToken(server, agent, { resources: { [API]: 'read' } }),
      await personToken(server, agent, { resources: { [API]: 'read' } }),
    ];
    const { grantHash } = (await server.tokens.find(String(one.claims.jti))) as { grantHash: Buffer };
    await server.tokens.end({ by: 'grant', grantHash }, { cause: 'grant.revoked', by: ADMINISTRATOR });
    expect((await pass({ subject: one.body['access_token'] })).body['error']).toBe('invalid_request');
    expect((await pass({ subject: two.body['access_token'] })).status).toBe(200);
    await server.agents.setStatus(agent.agentId, 'suspended', { by: ADMINISTRATOR, reason: 'a test' });
    expect((await pass({ subject: two.body['access_token'] })).body['error']).toBe('invalid_request');
  });

  test('a public client as actor', async () => {
    const open = await makeClient(server, { token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], purpose: 'agent' });
    const parameters = {
      grant_type: EXCHANGE,
      subject_token: given(),
      subject_token_type: ACCESS_TOKEN,
      resource: API,
      client_id: open.clientId,
    };
    const before = (await events()).length;
    expect((await ask(server, { headers: {} }, parameters)).status).toBe(400);
    expect(await events()).toHaveLength(before + 1);
    await expect(
      makeClient(server, { token_endpoint_auth_method: 'none', grant_types: ['authorization_code', EXCHANGE], purpose: 'agent' }),
    ).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('1 MB is turned away before anybody looks at it', async () => {
    const answer = await pass({ authorization_details: `[{"type":"${'x'.repeat(1_000_000)}"}]` }).catch(() => ({ status: 413 }));
    expect([400, 413]).toContain(answer.status);
  });

  test('no child lives a second longer than what it is made from, however often it is exchanged', async () => {
    let token = root;
    for (let hop = 0; hop < 4; hop += 1) {
      const child = await exchangeFor(server, first, { subject: token.body['access_token'], resource: API });
      expect(Number(child.claims.exp)).toBeLessThanOrEqual(Number(token.claims.exp));
      token = child;
    }
  });
});
