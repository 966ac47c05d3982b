import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../../src/agents/index.ts';
import { administrator, openRegistry, type Registry } from '../registry.ts';

let registry: Registry;
let jana: string;
beforeAll(async () => {
  registry = await openRegistry();
  jana = await registry.addPerson('Jana Weber');
});
afterAll(() => registry.close());

const make = (input?: Partial<NewAgent>): Promise<Agent> => registry.addAgent(jana, input);
const edit = (id: string, changes: Partial<Agent>) => registry.agents.update(id, { changes }, administrator);
const refusal = (code: string, member = 'parent') => expect.objectContaining({ code, details: { member } });
const room = { maxChildren: 3, maxChildDepth: 3 };

/** A client that the agent authenticates through, registered for these. */
async function link(agentId: string, reach: { resources?: readonly string[]; scopes?: readonly string[] }): Promise<void> {
  const clientId = `cli_${agentId}`;
  const text = `INSERT INTO clients (client_id, name, kind, purpose, status, metadata, scopes, bounds, is_management, has_governance, version, created_at, updated_at)
    VALUES ($1, 'c', 'admin', 'agent', 'active', '{"grant_types":["client_credentials"]}', $2::jsonb, $3::jsonb, false, false, 1, now(), now())`;
  const scopes = reach.scopes === undefined ? null : JSON.stringify(reach.scopes);
  await registry.sql(text, [clientId, scopes, JSON.stringify({ grantTypes: [], resources: reach.resources })]);
  await registry.agents.linkClient(agentId, clientId, administrator);
}

describe('how many may stand below an agent, and how deep', () => {
  test('none unless its record says so; as many as it says; a retired one gives its place back', async () => {
    const closed = await make();
    await expect(make({ parentId: closed.id })).rejects.toEqual(refusal('conflict'));
    await expect(make({ parentId: (await make({ maxChildren: 2 })).id })).rejects.toEqual(refusal('conflict'));
    const parent = await make({ maxChildren: 2, maxChildDepth: 1 });
    const [first] = [await make({ parentId: parent.id }), await make({ parentId: parent.id, status: 'proposed' })];
    await expect(make({ parentId: parent.id })).rejects.toEqual(refusal('conflict'));
    await registry.agents.setStatus(first.id, 'retired', { by: administrator, reason: 'done' });
    expect(await make({ parentId: parent.id })).toMatchObject({ parentId: parent.id });
  });

  test('every agent above counts: a grandchild needs two generations at the top', async () => {
    const top = await make({ maxChildren: 3, maxChildDepth: 2 });
    const middle = await make({ parentId: top.id, maxChildren: 3, maxChildDepth: 1 });
    const low = await make({ parentId: middle.id });
    await expect(make({ parentId: low.id })).rejects.toEqual(refusal('conflict'));
    await edit(top.id, { maxChildDepth: 1 });
    await expect(make({ parentId: middle.id })).rejects.toEqual(refusal('conflict'));
    expect(await registry.agents.roomOf(top.id)).toEqual({ children: 2, depth: 1 });
    expect(await registry.agents.roomOf(middle.id)).toEqual({ children: 0, depth: 0 });
  });

  test.each([
    ['maxChildDepth', { maxChildDepth: 3 }],
    ['maxChildren', { maxChildren: 4 }],
    ['maxDelegationDepth', { maxDelegationDepth: 3 }],
  ])('a child never has more than what is left of %s, at its making and at an edit', async (member, more) => {
    const parent = await make({ ...room, maxDelegationDepth: 2 });
    await expect(make({ parentId: parent.id, ...more })).rejects.toEqual(refusal('invalid_input', member));
    const child = await make({ parentId: parent.id });
    await expect(edit(child.id, more)).rejects.toEqual(refusal('invalid_input', member));
    expect(await edit(child.id, { maxChildDepth: 2, maxChildren: 3, maxDelegationDepth: 2 })).toMatchObject({ maxChildDepth: 2 });
  });

  test('the limits themselves are bounded, in the database too', async () => {
    await expect(make({ maxChildren: 1001 })).rejects.toEqual(refusal('invalid_input', 'maxChildren'));
    await expect(make({ maxChildDepth: 5 })).rejects.toEqual(refusal('invalid_input', 'maxChildDepth'));
    const { id } = await make();
    await expect(registry.sql('UPDATE agents SET max_children = 1001 WHERE id = $1', [id])).rejects.toThrow('agents_max_children');
    await expect(registry.sql('UPDATE agents SET max_child_depth = 5 WHERE id = $1', [id])).rejects.toThrow('agents_max_child_depth');
  });

  test('of twenty that come at once as many get in as there is room', async () => {
    const parent = await make({ maxChildren: 5, maxChildDepth: 1 });
    const enrolled = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        registry.agents.enrolChild(parent.id, { displayName: `c${index}`, validUntil: undefined, askedAt: registry.clock.now() }),
      ),
    );
    expect(enrolled.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect((await registry.agents.below(parent.id, 50)).total).toBe(5);
  });
});

describe('an agent moves below another one', () => {
  test('with its whole tree: number, depth and its own limits are checked', async () => {
    const [parent, mover] = [await make({ maxChildren: 1, maxChildDepth: 2 }), await make({ maxChildren: 1, maxChildDepth: 1 })];
    const below = await make({ parentId: mover.id });
    const shallow = await make({ maxChildren: 1, maxChildDepth: 1 });
    await expect(edit(mover.id, { parentId: shallow.id })).rejects.toEqual(refusal('conflict'));
    expect(await edit(mover.id, { parentId: parent.id })).toMatchObject({ parentId: parent.id });
    await expect(edit((await make()).id, { parentId: parent.id })).rejects.toEqual(refusal('conflict'));
    expect((await registry.agents.lineFrom(below.id)).map(({ id }) => id)).toEqual([below.id, mover.id, parent.id]);
  });

  test('R2: not when it may have a (resource, scope) that one above may not', async () => {
    const [a, b] = ['https://a.test', 'https://b.test'];
    const parent = await make({ ...room });
    await link(parent.id, { resources: [a], scopes: ['read'] });
    const within = await make();
    await link(within.id, { resources: [a], scopes: ['read'] });
    expect(await edit(within.id, { parentId: parent.id })).toMatchObject({ parentId: parent.id });
    for (const reach of [{ resources: [a, b], scopes: ['read'] }, { resources: [a], scopes: ['read', 'pay'] }, { resources: [a] }, {}]) {
      const beyond = await make();
      await link(beyond.id, reach);
      await expect(edit(beyond.id, { parentId: parent.id })).rejects.toEqual(refusal('conflict'));
    }
  });

  test('an active one not below one that rests', async () => {
    const [resting, active] = [await make({ ...room, status: 'proposed' }), await make()];
    await expect(edit(active.id, { parentId: resting.id })).rejects.toEqual(refusal('conflict'));
    await expect(make({ parentId: resting.id })).rejects.toEqual(refusal('conflict'));
    expect(await make({ parentId: resting.id, status: 'proposed' })).toMatchObject({ status: 'proposed' });
  });
});
