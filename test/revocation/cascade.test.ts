import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addAgent, addClient, introspect, obtain } from '../tokens/asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from '../tokens/token-server.ts';

let server: TokenServer;

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
  await addClient(server, 'rs');
  server.roster.resourceClients.set('rs', PAYMENTS);
});

afterAll(() => server.close());

const areActive = async (...tokens: readonly { jwt: string }[]) =>
  Promise.all(tokens.map(async ({ jwt }) => (await introspect(server, 'rs', jwt))['active']));

async function artifacts(column: 'client_id' | 'account_id', id: string): Promise<string[]> {
  const text = `SELECT model FROM oidc_artifacts WHERE ${column} = $1 ORDER BY model`;
  return (await server.db.rows<{ model: string }>({ name: `artifacts-${column}`, text, values: [id] })).map(({ model }) => model);
}

/** A chain of four: the first agent acts for a person, each next one on a token made from the one before. */
async function chainOfFour(name: string) {
  await server.parties.add('account', `usr_${name}`);
  const agents = [];
  for (let depth = 0; depth < 4; depth += 1) agents.push(await addAgent(server, `${name}-${depth}`));
  const tokens: { jwt: string; jti: string; reply: Record<string, unknown> }[] = [];
  for (const { clientId } of agents) {
    const parent = tokens.at(-1);
    tokens.push(await obtain(server, clientId, parent === undefined ? { account: `usr_${name}` } : { notes: { parentJti: parent.jti } }));
  }
  const [first, second, third, fourth] = tokens;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error('the chain is short');
  return { agents, tokens: [first, second, third, fourth] as const, person: `usr_${name}` };
}

describe('what falls', () => {
  test('with an agent: its tokens and their children to the fourth, not those before it; counted before and told after', async () => {
    const { agents, tokens } = await chainOfFour('deep');
    const [, second] = agents;
    const agentId = second?.agentId ?? '';
    const stranger = await obtain(server, agents[0]?.clientId ?? '');
    const falling = { tokens: 3, agents: 2, people: 0, grants: 0 };
    expect(await server.tokens.countFalling({ by: 'agent', agentId })).toEqual(falling);
    await server.revocation.cascade.onAgentSuspended(agentId, { cause: 'evt_1', by: { kind: 'account', id: 'usr_admin' } });
    expect(await areActive(...tokens, stranger)).toEqual([true, false, false, false, true]);
    expect(await server.tokens.find(tokens[3].jti)).toMatchObject({
      depth: 3,
      rootJti: tokens[0].jti,
      endCause: 'evt_1',
      endedAt: expect.any(Date),
    });
    const text = `SELECT data FROM audit_events WHERE type = 'token.revoked' AND agent_id = $1`;
    const events = await server.db.rows<{ data: object }>({ name: 'agent-revocations', text, values: [agentId] });
    expect(events).toEqual([
      {
        data: expect.objectContaining({
          cause: 'evt_1',
          actor: { kind: 'account', id: 'usr_admin' },
          remedy: 'ended 3 tokens, 2 agents, 0 people, 0 grants',
        }),
      },
    ]);
    expect(await server.tokens.countFalling({ by: 'agent', agentId })).toEqual({ tokens: 0, agents: 0, people: 0, grants: 0 });
    await server.revocation.cascade.onAgentSuspended(agentId);
    expect(await server.db.rows({ name: 'agent-revocations', text, values: [agentId] })).toHaveLength(1);
  });

  test('with an agent: whatever its clients could still redeem, and nothing of other clients', async () => {
    const { agentId, clientId } = await addAgent(server, 'holder');
    const other = await addAgent(server, 'bystander');
    await server.parties.add('account', 'usr_holder');
    const { reply } = await obtain(server, clientId, { account: 'usr_holder' });
    await obtain(server, other.clientId, { account: 'usr_holder' });
    await server.revocation.cascade.onAgentSuspended(agentId);
    expect(await artifacts('client_id', clientId)).toEqual([]);
    expect(await artifacts('client_id', other.clientId)).toEqual(['Grant', 'RefreshToken']);
    expect(await introspect(server, clientId, String(reply['refresh_token']))).toEqual({ active: false });
  });

  test('with a person: their tokens, the children of those, their grants and sign-ins', async () => {
    const { tokens, person } = await chainOfFour('leaver');
    await server.revocation.cascade.onAccountDisabled(person);
    expect(await areActive(...tokens)).toEqual([false, false, false, false]);
    expect(await artifacts('account_id', person)).toEqual([]);
  });

  test('with a client: its tokens, also those it gets while it is not looked at', async () => {
    const { agents, tokens } = await chainOfFour('client');
    await server.revocation.cascade.onClientDisabled(agents[2]?.clientId ?? '');
    expect(await areActive(...tokens)).toEqual([true, true, false, false]);
  });

  test('with a grant, by its id or its hash: everything that came from it', async () => {
    const one = await chainOfFour('grant-one');
    const two = await chainOfFour('grant-two');
    await server.revocation.cascade.onGrantEnded(String(one.tokens[0].reply['grant_id']));
    expect(await areActive(...one.tokens, two.tokens[0])).toEqual([false, false, false, false, true]);
    const record = await server.tokens.get(two.tokens[0].jti);
    await server.revocation.cascade.onGrantEnded(record.grantHash ?? Buffer.alloc(0));
    expect(await areActive(...two.tokens)).toEqual([false, false, false, false]);
    expect(await artifacts('account_id', two.person)).toEqual([]);
  });

  test('with a resource', async () => {
    const { clientId } = await addAgent(server, 'reader');
    await server.parties.add('resource', 'https://gone.test');
    const { jti } = await obtain(server, clientId, { resource: 'https://gone.test' });
    await server.revocation.cascade.onResourceRemoved('https://gone.test');
    expect(await server.tokens.find(jti)).toMatchObject({ isLive: false, endCause: 'resource_server.deleted' });
  });

  test('nothing, when the act it belongs to is undone', async () => {
    const { agentId, clientId } = await addAgent(server, 'undone');
    const token = await obtain(server, clientId);
    await server.db.transaction(async () => {
      await server.revocation.cascade.onAgentSuspended(agentId);
      server.db.rollback();
    });
    expect(await areActive(token)).toEqual([true]);
  });

  test('once, when cascades meet: agents, people and clients of one chain at the same time', async () => {
    const { agents, tokens, person } = await chainOfFour('meeting');
    const { cascade } = server.revocation;
    const both = agents.flatMap(({ agentId, clientId }) => [
      () => cascade.onAgentSuspended(agentId),
      () => cascade.onClientDisabled(clientId),
    ]);
    const all = [...both, ...both, () => cascade.onAccountDisabled(person), () => cascade.onAccountDisabled(person)];
    await Promise.all(all.map((stop) => stop()));
    expect(await areActive(...tokens)).toEqual([false, false, false, false]);
  });
});
