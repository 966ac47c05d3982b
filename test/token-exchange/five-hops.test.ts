import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chainBound } from '../../src/token-exchange/depth.ts';
import {
  ADMINISTRATOR,
  type Answer,
  ask,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
const line: Agent[] = [];
const alone: Agent[] = [];

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  for (const name of ['A', 'B', 'C', 'D', 'E', 'F']) {
    line.push(await makeAgent(server, name, name === 'A' ? { maxDelegationDepth: 4 } : {}));
    alone.push(await makeAgent(server, `${name} alone`, name === 'A' ? { maxDelegationDepth: 4 } : {}));
  }
  for (const [index, to] of line.slice(1).entries()) await delegate(line[index] as Agent, to);
});
afterAll(() => server?.close());

function delegate(from: Agent, to: Agent, more: object = {}) {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const input = { from: from.agentId, to: to.agentId, resources: [API], scopes: ['read', 'write'], until, ...more };
  return server.exchange.delegations.create(input, ADMINISTRATOR);
}
const root = (agent: Agent) => personToken(server, agent, { resources: { [API]: 'read write' } });
const pass = ({ body }: Answer, client: TestClient, more: Record<string, unknown> = {}) =>
  exchangeFor(server, client, { subject: body['access_token'], resource: API, ...more });
function actorsIn({ claims }: Answer): unknown[] {
  const found: unknown[] = [];
  for (let act = claims['act'] as { sub?: unknown; act?: never } | undefined; act !== undefined; act = act.act) found.push(act.sub);
  return found;
}

describe('five agents in a line, each with one naive exchange', () => {
  test('all five stand in the token, newest outermost; the server keeps them whatever the caller presents', async () => {
    let token = await root(line[0] as Agent);
    for (const agent of line.slice(1, 5)) token = await pass(token, agent);
    const names = line.slice(0, 5).map(({ agentId }) => agentId);
    expect(actorsIn(token)).toEqual(names.toReversed());
    expect(token.claims.sub).toBe(server.accountId);
    expect(await server.tokens.find(String(token.claims.jti))).toMatchObject({ depth: 4, agentIds: expect.arrayContaining(names) });
    // one more than the first of them may have behind it
    expect((await pass(token, line[5] as Agent)).body).toMatchObject({ error: 'invalid_request' });
    // a chain that a caller makes up is not asked for anywhere
    const made = await pass(token, line[4] as Agent, { act: JSON.stringify({ sub: 'agt_made_up' }) });
    expect(actorsIn(made)).toEqual(names.toReversed());
  });

  test('without delegations it ends at the first hop', async () => {
    const token = await root(alone[0] as Agent);
    expect((await pass(token, alone[1] as Agent)).body['error']).toBe('actor_unauthorized');
  });
});

describe('impersonation', () => {
  test('is off unless a delegation says so; then the second agent stands in ledger and audit, not in the token', async () => {
    const [from, to, after] = [await makeAgent(server, 'From'), await makeAgent(server, 'Hidden'), await makeAgent(server, 'After')];
    const record = await delegate(from, to, { impersonation: true });
    const answer = await pass(await root(from), to);
    expect([answer.status, actorsIn(answer)]).toEqual([200, [from.agentId]]);
    const jti = String(answer.claims.jti);
    expect(await server.tokens.find(jti)).toMatchObject({ agentId: to.agentId, actorSource: 'impersonation' });
    const told = (await server.audit.list({ type: 'token.impersonated', limit: 5 })).events[0]?.event;
    expect(told).toMatchObject({ agentId: to.agentId, tokenId: jti, subjectId: server.accountId, cause: record.id });
    // it dies with the agent that uses it, although no reader can see that one
    await server.agents.setStatus(to.agentId, 'suspended', { by: ADMINISTRATOR, reason: 'a test' });
    expect((await server.tokens.find(jti))?.isLive).toBe(false);
    await delegate(from, after);
    expect(actorsIn(await pass(await root(from), after))[0]).toBe(after.agentId);
  });

  test('an agent that hands on its own authority can be impersonated as well', async () => {
    const [from, to] = [await makeAgent(server, 'Owner'), await makeAgent(server, 'Mask')];
    await delegate(from, to, { impersonation: true });
    const own = await ask(server, from, { grant_type: 'client_credentials', resource: API, scope: 'read' });
    const answer = await pass(own, to);
    expect([answer.claims.sub, answer.claims['act']]).toEqual([from.agentId, undefined]);
    expect((await server.tokens.find(String(answer.claims.jti)))?.agentIds).toEqual(expect.arrayContaining([from.agentId, to.agentId]));
  });
});

describe('R26: how long a chain may be', () => {
  const said = fc.record({ behind: fc.option(fc.integer({ min: 0, max: 7 }), { nil: undefined }) });

  test('4 where nobody says more; never beyond 8; nobody after the first can lengthen it', () => {
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 8 }), fc.option(said, { nil: undefined }), (parties, subject) => {
        const bound = chainBound(parties, subject);
        expect(bound).toBeLessThanOrEqual(8);
        const first = subject ?? parties.at(-1);
        if (first?.behind === undefined) expect(bound).toBeLessThanOrEqual(4);
        for (const [index, { behind }] of parties.entries())
          if (behind !== undefined) expect(bound).toBeLessThanOrEqual(parties.length - index + behind);
      }),
    );
    expect(chainBound([{ behind: undefined }], undefined)).toBe(4);
    expect(chainBound([{ behind: 7 }], undefined)).toBe(8);
    expect(chainBound([{ behind: 7 }, { behind: undefined }], undefined)).toBe(4);
    expect(chainBound([], { behind: 0 })).toBe(0);
  });

  test('an agent that acts for itself and may have nobody behind it hands nothing on', async () => {
    const [from, to] = [await makeAgent(server, 'Last', { maxDelegationDepth: 0 }), await makeAgent(server, 'Behind')];
    await delegate(from, to);
    const own = await ask(server, from, { grant_type: 'client_credentials', resource: API, scope: 'read' });
    expect((await pass(own, to)).body['error']).toBe('invalid_request');
    expect((await pass(own, from)).status).toBe(200);
  });
});
