import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ACCESS_TOKEN,
  ADMINISTRATOR,
  ask,
  type Answer,
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
const BEYOND = 'https://beyond.test';
type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
const agents: Agent[] = [];

beforeAll(async () => {
  server = await startExchangeServer();
  for (const resource of [API, DOWN, BEYOND]) await makeResource(server, resource);
  for (const name of ['A', 'B', 'C', 'D', 'E']) agents.push(await makeAgent(server, name));
  for (const [index, to] of agents.slice(1).entries()) await delegate(agents[index] as Agent, to);
});
afterAll(() => server?.close());

function delegate(from: Agent, to: Agent, more: object = {}) {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const input = {
    from: from.agentId,
    to: to.agentId,
    resources: [API],
    scopes: ['read', 'write'],
    authorization_details_types: ['api_call'],
    until,
    ...more,
  };
  return server.exchange.delegations.create(input, ADMINISTRATOR);
}

const at = (index: number) => agents[index] as Agent;
const root = (consent: Record<string, string> = { [API]: 'read write' }, client: TestClient = at(0)) =>
  personToken(server, client, { resources: consent });
const pass = (from: Answer, client: TestClient, more: Record<string, unknown> = {}) =>
  exchangeFor(server, client, { subject: from.body['access_token'], resource: API, ...more });
const actorsIn = ({ claims }: Answer) => {
  const found: unknown[] = [];
  for (let act = claims['act'] as { sub?: unknown; act?: unknown } | undefined; act !== undefined; act = act.act as typeof act)
    found.push(act.sub);
  return found;
};

describe('RFC 8693 §4.1: the act chain', () => {
  test('hops 1 to 4 nest, newest outermost, the subject stays; a fifth actor is refused (R26)', async () => {
    let token = await root();
    expect(actorsIn(token)).toEqual([at(0).agentId]);
    for (const depth of [1, 2, 3]) {
      token = await pass(token, at(depth));
      expect(actorsIn(token)).toEqual(
        agents
          .slice(0, depth + 1)
          .map(({ agentId }) => agentId)
          .reverse(),
      );
      expect(token.claims.sub).toBe(server.accountId);
      expect(token.claims['act']).toMatchObject({ iss: server.issuer, sub_profile: 'ai_agent' });
    }
    const fifth = await pass(token, at(4));
    expect(fifth.body).toMatchObject({ error: 'invalid_request' });
    expect(String(fifth.body['error_description'])).toContain('more than 4');
  });

  test('an exchange of one’s own token keeps the chain as it is (R3)', async () => {
    const token = await pass(await root(), at(0), { scope: 'read' });
    expect(actorsIn(token)).toEqual([at(0).agentId]);
  });

  test('the ledger knows parent, root and what made the actor', async () => {
    const first = await root();
    const second = await pass(first, at(1));
    const record = await server.tokens.find(String(second.claims.jti));
    expect(record).toMatchObject({
      parentJti: first.claims.jti,
      rootJti: first.claims.jti,
      depth: 1,
      agentId: at(1).agentId,
      actorSource: 'linked_agent',
    });
  });

  test('an agent’s own bound counts those who act after it', async () => {
    const last = await makeAgent(server, 'Last', { maxDelegationDepth: 0 });
    await delegate(last, at(1));
    expect((await pass(await root(undefined, last), at(1))).body['error']).toBe('invalid_request');
  });
});

describe('R1: who may present a token', () => {
  test('a stranger is actor_unauthorized, 400, with a decision that says why', async () => {
    const stranger = await makeAgent(server, 'Stranger');
    const answer = await pass(await root(), stranger);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: 'actor_unauthorized', error_uri: expect.stringContaining('/console/decisions/dec_') });
    const decision = await server.policy.get(String(answer.body['decision_id']));
    expect(decision).toMatchObject({
      effect: 'deny',
      rule: 'exchange-actor-unauthorized',
      agentId: stranger.agentId,
      subjectId: server.accountId,
    });
  });

  test('a delegation counts for its resources and scopes, until its time, until it is ended', async () => {
    const [from, to] = [await makeAgent(server, 'From'), await makeAgent(server, 'To')];
    const token = await root({ [API]: 'read write' }, from);
    const record = await delegate(from, to, { scopes: ['read'] });
    expect((await pass(token, to, { scope: 'write' })).body['error']).toBe('actor_unauthorized');
    expect((await pass(token, to)).body['scope']).toBe('read');
    await server.db.rows({
      name: 'past',
      text: 'UPDATE delegations SET until = $2 WHERE id = $1',
      values: [record.id, new Date(Date.now() - 1_000)],
    });
    expect((await pass(token, to)).body['error']).toBe('actor_unauthorized');
    const second = await delegate(from, to);
    expect((await pass(token, to)).status).toBe(200);
    await server.exchange.delegations.end(second.id, ADMINISTRATOR);
    expect((await pass(token, to)).body['error']).toBe('actor_unauthorized');
  });

  test('a resource server’s own client exchanges what it received towards its downstream resources, as a service', async () => {
    const own = await makeClient(server, { purpose: 'resource_server', resources: [DOWN] });
    const page = await server.db.rows<{ id: string }>({
      name: 'rs',
      text: 'SELECT id FROM resource_servers WHERE identifier = $1',
      values: [API],
    });
    await server.resources.addClient(String(page[0]?.id), own.clientId, ADMINISTRATOR);
    const token = await root({ [API]: 'read', [DOWN]: 'read' });
    const down = await pass(token, own, { resource: DOWN, scope: 'read' });
    expect(down.status).toBe(200);
    expect(down.claims.aud).toBe(DOWN);
    expect(down.claims['act']).toMatchObject({ sub_profile: 'service', act: { sub: at(0).agentId } });
    expect((await pass(token, own, { resource: BEYOND })).status).toBe(400);
    const elsewhere = await root({ [DOWN]: 'read' });
    expect((await pass(elsewhere, own, { resource: DOWN })).body['error']).toBe('actor_unauthorized');
  });

  test('an actor token names the actor only for the client that holds it', async () => {
    const mine = await ask(server, at(1), { grant_type: 'client_credentials', resource: API, scope: 'read' });
    const theirs = await ask(server, at(2), { grant_type: 'client_credentials', resource: API, scope: 'read' });
    const token = await root();
    const acting = { actor_token_type: ACCESS_TOKEN };
    const answer = await pass(token, at(1), { ...acting, actor_token: mine.body['access_token'] });
    expect(actorsIn(answer)[0]).toBe(at(1).agentId);
    expect((await server.tokens.find(String(answer.claims.jti)))?.actorSource).toBe('actor_token');
    expect((await pass(token, at(1), { ...acting, actor_token: theirs.body['access_token'] })).body['error']).toBe('invalid_grant');
    expect((await pass(token, at(1), { ...acting, actor_token: token.body['access_token'] })).body['error']).toBe('invalid_request');
    expect((await pass(token, at(1), { ...acting, actor_token: 'nothing' })).body['error']).toBe('invalid_request');
  });
});

describe('R2: never wider', () => {
  test('scopes beyond the subject token are invalid_scope', async () => {
    expect((await pass(await root({ [API]: 'read' }), at(0), { scope: 'read write' })).body['error']).toBe('invalid_scope');
  });

  test('another resource: only what the person’s grant holds there', async () => {
    const token = await root({ [API]: 'read write', [DOWN]: 'read' });
    const down = await pass(token, at(0), { resource: DOWN });
    expect([down.status, down.body['scope']]).toEqual([200, 'read']);
    expect((await pass(token, at(0), { resource: DOWN, scope: 'write' })).body['error']).toBe('invalid_scope');
    expect((await pass(token, at(0), { resource: BEYOND })).body['error']).toBe('invalid_target');
    const second = await pass(down, at(0), { resource: API, scope: 'write' });
    expect([second.status, second.body['scope']]).toEqual([200, 'write']);
  });

  test('details narrow, limits are handed down, and widening is refused with its path', async () => {
    const details = [{ type: 'api_call', actions: ['GET', 'POST'], max_amount: { amount: '100', currency: 'EUR' } }];
    const token = await personToken(server, at(0), { resources: { [API]: 'read' }, details });
    expect(token.claims['authorization_details']).toEqual(details);
    const narrow = await pass(token, at(1), { authorization_details: JSON.stringify([{ type: 'api_call', actions: ['GET'] }]) });
    expect(narrow.claims['authorization_details']).toEqual([
      { type: 'api_call', actions: ['GET'], max_amount: { amount: '100', currency: 'EUR' } },
    ]);
    expect(narrow.body['authorization_details']).toEqual(narrow.claims['authorization_details']);
    const wide = await pass(token, at(1), { authorization_details: JSON.stringify([{ type: 'api_call', actions: ['DELETE'] }]) });
    expect(wide.body).toMatchObject({ error: 'invalid_authorization_details', error_description: expect.stringMatching(/\/0\/actions/i) });
  });

  test('all of the subject token’s details go on when none are named', async () => {
    const details = [{ type: 'api_call', actions: ['GET'] }];
    const token = await personToken(server, at(0), { resources: { [API]: 'read' }, details });
    expect((await pass(token, at(1))).claims['authorization_details']).toEqual(details);
  });
});

test('an approval goes on with what was approved, and not to another resource (R27)', async () => {
  const token = await root({ [API]: 'read', [DOWN]: 'read' });
  const approval = { id: 'apr_1', max_uses: 1 };
  const values = [token.claims.jti, JSON.stringify(approval)];
  await server.db.rows({ name: 'approve', text: 'UPDATE token_ledger SET approval = $2::jsonb WHERE jti = $1', values });
  expect((await pass(token, at(0))).claims['approval']).toEqual(approval);
  expect((await pass(token, at(0), { resource: DOWN })).claims['approval']).toBeUndefined();
});

describe('R13: nothing outlives what it stands on', () => {
  test('a revoked parent has no further children, and its children are dead', async () => {
    const parent = await root();
    const child = await pass(parent, at(1));
    await server.tokens.end({ by: 'jti', jti: String(parent.claims.jti) }, { cause: 'test', by: { kind: 'system', id: 'test' } });
    expect((await pass(parent, at(1))).body['error']).toBe('invalid_request');
    expect((await pass(child, at(2))).body['error']).toBe('invalid_request');
  });

  test('a suspended agent in the chain ends it; a suspended agent’s client is 401 with a decision', async () => {
    const [first, second] = [await makeAgent(server, 'First'), await makeAgent(server, 'Second')];
    await delegate(first, second);
    const token = await root(undefined, first);
    expect((await pass(token, second)).status).toBe(200);
    await server.agents.setStatus(first.agentId, 'suspended', { by: ADMINISTRATOR, reason: 'a test' });
    expect((await pass(token, second)).body['error']).toBe('invalid_request');
    const own = await pass(token, first);
    expect([own.status, own.body['error']]).toEqual([401, 'invalid_client']);
    expect(own.body['decision_id']).toMatch(/^dec_/);
  });

  test('a proposed agent gets nothing (R5)', async () => {
    const proposed = await makeAgent(server, 'Proposed', { status: 'proposed' });
    await delegate(at(0), proposed);
    const answer = await pass(await root(), proposed);
    expect([answer.status, answer.body['error']]).toEqual([400, 'unauthorized_client']);
  });
});

test('an agent that acts for itself hands on its own authority', async () => {
  const own = await ask(server, at(0), { grant_type: 'client_credentials', resource: API, scope: 'read' });
  const answer = await pass(own, at(1));
  expect(answer.claims.sub).toBe(at(0).agentId);
  expect(answer.claims).toMatchObject({ sub_profile: 'ai_agent', act: { sub: at(1).agentId } });
  expect((await pass(own, at(0))).claims['act']).toBeUndefined();
});
