import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Account } from '../../src/accounts/index.ts';
import type { Agent, NewAgent } from '../../src/agents/index.ts';
import { type Door, startPages, type Visitor } from '../accounts/visitor.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { administrator, openRegistry, type Registry } from './registry.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
let registry: Registry;
let visitor: Visitor;
let jana: string;

const person = (id: string): Account => ({
  id,
  email: 'jana@example.com',
  name: 'Jana Weber',
  role: 'user',
  status: 'active',
  createdAt: registry.clock.now(),
  passwordChangedAt: undefined,
  lastSeenAt: undefined,
  successorId: undefined,
});
const make = (input: Partial<NewAgent> = {}): Promise<Agent> =>
  registry.agents.create(
    { displayName: 'Travel <planner>', owner: { kind: 'user', id: jana }, source: 'console', ...input },
    administrator,
  );
const statusOf = async ({ id }: Agent) => (await registry.agents.get(id)).status;

beforeAll(async () => {
  registry = await openRegistry(home);
  jana = await registry.addPerson('Jana Weber');
  visitor = (await startPages(registry.agents, door, home)).visitor();
});

beforeEach(() => {
  door.account = person(jana);
  door.needs.length = 0;
});

afterAll(async () => {
  await closeEdges();
  await registry.close();
});

describe('/me/agents', () => {
  test('shows an owner their agent: state, when it ends, what would fall; through a group as well', async () => {
    const group = await registry.addGroup('Night shift', [jana]);
    const agent = await make({ owner: { kind: 'group', id: group }, status: 'active', ttlMinutes: 20, purpose: 'Finds trains' });
    const { status, text } = await visitor.open(`/me/agents/${agent.id}`);
    expect(status).toBe(200);
    for (const words of [
      'Travel <planner>',
      'Active',
      'Finds trains',
      'You answer for it with Night shift',
      'in 20 minutes',
      '3 live tokens',
    ])
      expect(text).toContain(words);
    registry.advance(19 * 60 + 30);
    expect((await visitor.open(`/me/agents/${agent.id}`)).text).toContain('in less than a minute');
  });

  test('is not there for anybody else, in any form', async () => {
    const agent = await make({ status: 'active', riskLevel: 'low' });
    const removed = await make();
    await registry.agents.remove(removed.id, administrator);
    for (const id of [removed.id, 'agt_nobody']) expect((await visitor.open(`/me/agents/${id}`)).status).toBe(404);
    await visitor.open(`/me/agents/${agent.id}/stop`);
    door.account = person(await registry.addPerson('Other'));
    for (const path of ['', '/stop', '/start']) expect((await visitor.open(`/me/agents/${agent.id}${path}`)).status).toBe(404);
    for (const path of ['/stop', '/start']) expect((await visitor.send(`/me/agents/${agent.id}${path}`, { reason: 'x' })).status).toBe(404);
    door.account = undefined;
    expect((await visitor.open(`/me/agents/${agent.id}`)).status).toBe(401);
    expect(await statusOf(agent)).toBe('active');
  });

  test('R22: stops after saying what falls, with a reason and a fresh sign-in; the owner of low risk starts it again', async () => {
    const agent = await make({ status: 'active', riskLevel: 'low' });
    const here = `/me/agents/${agent.id}`;
    expect((await visitor.open(here)).text).toContain(`${here}/stop`);
    const asked = await visitor.open(`${here}/stop`);
    for (const words of ['Stop Travel <planner>?', '3 live tokens', '2 waiting approvals are withdrawn'])
      expect(asked.text).toContain(words);
    const silent = await visitor.send(`${here}/stop`, { reason: ' ' });
    expect([silent.status, silent.text.includes('Say why')]).toEqual([422, true]);
    expect((await visitor.send(`${here}/stop`, { reason: 'odd', csrf: 'forged' })).status).toBe(403);
    expect((await visitor.send(`${here}/stop`, { reason: 'paid twice' })).location).toBe(here);
    expect(await registry.agents.get(agent.id)).toMatchObject({ status: 'suspended', statusReason: 'paid twice', statusChangedBy: jana });
    expect((await visitor.open(here)).text).toContain('Suspended by you just now: paid twice');
    await visitor.open(`${here}/start`);
    expect((await visitor.send(`${here}/start`, {})).location).toBe(here);
    expect(await statusOf(agent)).toBe('active');
    expect(door.needs.filter((need) => need !== undefined)).toEqual(Array(6).fill({ maxAgeSeconds: 900 }));
    const { events } = await registry.audit.list({ agentId: agent.id, type: 'agent.suspended', limit: 5 });
    expect(events[0]?.event).toMatchObject({ actor: { kind: 'account', id: jana }, cause: 'paid twice' });
  });

  test.each<[string, Partial<NewAgent>, boolean]>([
    ['low', { riskLevel: 'low' }, true],
    ['medium', { riskLevel: 'medium' }, false],
    ['high', { riskLevel: 'high' }, false],
  ])('R8: a new agent of %s risk', async (_, input, mayStart) => {
    const agent = await make(input);
    const here = `/me/agents/${agent.id}`;
    const { text } = await visitor.open(here);
    expect([text.includes(`${here}/start`), text.includes('An administrator who does not answer for it')]).toEqual([mayStart, !mayStart]);
    await visitor.open(`${here}/start`);
    const { status } = await visitor.send(`${here}/start`, {});
    expect([status, await statusOf(agent)]).toEqual(mayStart ? [303, 'active'] : [403, 'proposed']);
  });

  test('what somebody else stopped, its owner cannot start', async () => {
    const agent = await make({ status: 'active', riskLevel: 'low' });
    await registry.agents.setStatus(agent.id, 'suspended', { by: administrator, reason: 'looked wrong' });
    const here = `/me/agents/${agent.id}`;
    expect((await visitor.open(here)).text).toContain('An administrator who does not answer for it can let it run.');
    await visitor.open(`${here}/start`);
    expect((await visitor.send(`${here}/start`, {})).status).toBe(403);
    expect(await statusOf(agent)).toBe('suspended');
  });
});
