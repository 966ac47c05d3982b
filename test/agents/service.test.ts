import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AgentEditor, NewAgent } from '../../src/agents/index.ts';
import { administrator, openRegistry, type Registry } from './registry.ts';

let registry: Registry;
let jana: string;

beforeAll(async () => {
  registry = await openRegistry();
  jana = await registry.addPerson('Jana Weber');
});

afterAll(() => registry.close());

const refusal = (code: string) => expect.objectContaining({ name: 'AppError', code });
const make = (input: Partial<NewAgent> = {}, by: AgentEditor = administrator) =>
  registry.agents.create({ displayName: 'Invoice bot', owner: { kind: 'user', id: jana }, source: 'console', ...input }, by);
const stop = { by: administrator, reason: 'paid twice' };
const idsIn = async (text: string) => (await registry.sql<{ agent_id: string }>(text)).map((row) => row.agent_id);
const isLive = async (id: string) => (await idsIn('SELECT agent_id FROM live_agents')).includes(id);

describe('records of agents', () => {
  test('a new agent is proposed, named by its id until somebody names it, and its making is on the trail', async () => {
    const agent = await make({ displayName: '  Zoë’s bot ' });
    expect(agent).toMatchObject({
      displayName: 'Zoë’s bot',
      name: agent.id,
      status: 'proposed',
      riskLevel: 'medium',
      autonomy: 'interactive',
      version: 1,
    });
    expect(agent.id).toMatch(/^agt_[0-9a-f]{32}$/);
    expect(await registry.agents.find(agent.id)).toEqual(agent);
    expect(await registry.eventsOf(agent.id)).toEqual(['agent.proposed']);
  });

  test('keeps every member as it was given', async () => {
    const parent = await make({ maxChildren: 2, maxChildDepth: 3 });
    const details = {
      name: 'everything',
      description: 'I pay.\nOn time.',
      purpose: 'Pays invoices',
      riskLevel: 'high',
      autonomy: 'background',
      dataClasses: ['pii', 'money'],
      environment: 'production',
      model: { provider: 'acme', name: 'm', version: '4' },
      manifestDigest: 'sha-256:abc',
      validUntil: new Date('2027-01-31T00:00:00Z'),
      maxDelegationDepth: 0,
      parentId: parent.id,
      maxChildren: 1,
      maxChildDepth: 2,
      externalId: 'x-1',
      provisioned: { roles: [{ value: 'r' }] },
    } as const;
    const agent = await make({ ...details, source: 'registration' });
    expect(await registry.agents.get(agent.id)).toMatchObject({ ...details, owner: { kind: 'user', id: jana }, source: 'registration' });
    expect(await registry.agents.childrenOf(parent.id)).toEqual([agent]);
  });

  test.each<[string, Partial<NewAgent>, string]>([
    ['an empty name', { displayName: '  ' }, 'displayName'],
    ['a name that turns its direction (R11)', { displayName: 'pay\u202Eevil' }, 'displayName'],
    ['a name with a control character', { displayName: 'a\u0007b' }, 'displayName'],
    ['a name without end', { displayName: 'x'.repeat(121) }, 'displayName'],
    ['a depth above 7 (R26)', { maxDelegationDepth: 8 }, 'maxDelegationDepth'],
    ['an unknown risk', { riskLevel: 'none' as 'low' }, 'riskLevel'],
    ['a date that is none', { validUntil: new Date(Number.NaN) }, 'validUntil'],
    ['an owner who does not exist', { owner: { kind: 'user', id: 'usr_nobody' } }, 'owner'],
    ['a parent that does not exist', { parentId: 'agt_nobody' }, 'parent'],
    ['more than 64 KB kept for others', { provisioned: { roles: ['x'.repeat(70_000)] } }, 'provisioned'],
  ])('refuses %s', async (_, input, member) => {
    await expect(make(input)).rejects.toEqual(
      expect.objectContaining({ code: 'invalid_input', details: expect.objectContaining({ member }) }),
    );
  });

  test('a name is taken whatever its case, and free again when its agent is deleted', async () => {
    const first = await make({ name: 'Ledger' });
    await expect(make({ name: 'ledger' })).rejects.toEqual(
      expect.objectContaining({ code: 'conflict', details: { member: 'name', scimType: 'uniqueness' } }),
    );
    await registry.agents.remove(first.id, administrator);
    expect((await make({ name: 'LEDGER' })).name).toBe('LEDGER');
  });

  test('an edit names what changed, counts up, and is refused when it was made from an older version', async () => {
    const agent = await make();
    const edited = await registry.agents.update(
      agent.id,
      { changes: { purpose: 'Pays', environment: 'test', displayName: agent.displayName }, version: 1 },
      administrator,
    );
    expect(edited).toMatchObject({ purpose: 'Pays', environment: 'test', version: 2 });
    await expect(registry.agents.update(agent.id, { changes: { purpose: 'Steals' }, version: 1 }, administrator)).rejects.toEqual(
      refusal('conflict'),
    );
    const cleared = await registry.agents.update(agent.id, { changes: { environment: undefined } }, administrator);
    expect(cleared).toMatchObject({ environment: undefined, purpose: 'Pays' });
    expect(await registry.agents.update(agent.id, { changes: { purpose: 'Pays' } }, administrator)).toMatchObject({ version: 3 });
    const { events } = await registry.audit.list({ agentId: agent.id, type: 'agent.updated', limit: 9 });
    expect(events.map(({ event }) => event.action).sort()).toEqual(['environment', 'purpose environment']);
  });

  test('of two edits from the same version one wins', async () => {
    const agent = await make();
    const edits = await Promise.allSettled(
      ['a', 'b'].map((purpose) => registry.agents.update(agent.id, { changes: { purpose }, version: 1 }, administrator)),
    );
    expect(edits.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await registry.agents.get(agent.id)).toMatchObject({ version: 2 });
  });

  test('nobody stands below themselves, not even when two are moved at once', async () => {
    const room = { maxChildren: 1, maxChildDepth: 4 };
    const [top, below] = [await make(room), await make({ ...room, maxChildDepth: 3 })];
    const moves = await Promise.allSettled([
      registry.agents.update(top.id, { changes: { parentId: below.id, maxChildDepth: 2 } }, administrator),
      registry.agents.update(below.id, { changes: { parentId: top.id } }, administrator),
    ]);
    expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(registry.agents.update(top.id, { changes: { parentId: top.id } }, administrator)).rejects.toEqual(
      refusal('invalid_input'),
    );
  });
});

describe('the life of an agent', () => {
  test('runs, stops in the same transaction as the cascade, and runs again', async () => {
    const agent = await make();
    await registry.agents.setStatus(agent.id, 'active', { by: administrator });
    expect(await isLive(agent.id)).toBe(true);
    const stopped = await registry.agents.setStatus(agent.id, 'suspended', stop);
    expect(stopped).toMatchObject({ status: 'suspended', statusReason: 'paid twice', statusChangedBy: administrator.id });
    expect(registry.stopped).toContain(agent.id);
    expect(await isLive(agent.id)).toBe(false);
    await registry.agents.setStatus(agent.id, 'active', { by: administrator, from: ['suspended'] });
    expect(await registry.eventsOf(agent.id)).toEqual(['agent.activated', 'agent.activated', 'agent.proposed', 'agent.suspended']);
  });

  test('a cascade that fails leaves the agent as it was, without an event', async () => {
    const agent = await make({ status: 'active' });
    registry.failNextStop();
    await expect(registry.agents.setStatus(agent.id, 'suspended', stop)).rejects.toThrow('the cascade failed');
    expect(await registry.agents.get(agent.id)).toMatchObject({ status: 'active', version: 1 });
    expect(await registry.eventsOf(agent.id)).toEqual(['agent.activated', 'agent.proposed']);
  });

  test('repeating a stop is no error and no second event; a reason is needed', async () => {
    const agent = await make({ status: 'active' });
    await expect(registry.agents.setStatus(agent.id, 'suspended', { by: administrator })).rejects.toEqual(refusal('invalid_input'));
    await registry.agents.setStatus(agent.id, 'suspended', stop);
    await registry.agents.setStatus(agent.id, 'suspended', stop);
    expect((await registry.eventsOf(agent.id)).filter((type) => type === 'agent.suspended')).toHaveLength(1);
  });

  test('two administrators at once: one lets it run, the other suspends it, one wins and the other sees it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const agent = await make();
      const moves = await Promise.allSettled([
        registry.agents.setStatus(agent.id, 'active', { by: administrator, from: ['proposed'] }),
        registry.agents.setStatus(agent.id, 'suspended', { ...stop, from: ['proposed'] }),
      ]);
      expect(moves.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(moves.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
      expect(await registry.eventsOf(agent.id)).toHaveLength(2);
    }
  });

  test('a stop is not lost to an edit made at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const agent = await make({ status: 'active' });
      await Promise.allSettled([
        registry.agents.update(agent.id, { changes: { purpose: `p${round}` } }, administrator),
        registry.agents.setStatus(agent.id, 'suspended', stop),
      ]);
      expect(await registry.agents.get(agent.id)).toMatchObject({ status: 'suspended' });
    }
  });

  test('an agent needs a living owner to run, and an owner to go on running', async () => {
    const orphan = await make({ owner: undefined });
    await expect(registry.agents.setStatus(orphan.id, 'active', { by: administrator })).rejects.toEqual(refusal('conflict'));
    await expect(make({ owner: undefined, status: 'active' })).rejects.toEqual(refusal('conflict'));
    const gone = await registry.addPerson('Gone Tomorrow');
    const left = await make({ owner: { kind: 'user', id: gone } });
    await registry.disable(gone);
    await expect(registry.agents.setStatus(left.id, 'active', { by: administrator })).rejects.toEqual(refusal('conflict'));
    const running = await make({ status: 'active' });
    await expect(registry.agents.update(running.id, { changes: { owner: undefined } }, administrator)).rejects.toEqual(refusal('conflict'));
  });

  test('R8: who owns an agent, alone or in a group, may stop it but not let it run', async () => {
    const group = await registry.addGroup('Data owners', [jana]);
    const asJana: AgentEditor = { ...administrator, id: jana };
    for (const owner of [
      { kind: 'user', id: jana },
      { kind: 'group', id: group },
    ] as const) {
      const agent = await make({ owner });
      await expect(registry.agents.setStatus(agent.id, 'active', { by: asJana })).rejects.toEqual(refusal('forbidden'));
      await expect(make({ owner, status: 'active' }, asJana)).rejects.toEqual(refusal('forbidden'));
      await registry.agents.setStatus(agent.id, 'active', { by: administrator });
      await registry.agents.setStatus(agent.id, 'suspended', { by: { ...asJana, party: 'owner' }, reason: 'odd' });
      await expect(registry.agents.setStatus(agent.id, 'active', { by: { ...asJana, party: 'owner' } })).rejects.toEqual(
        refusal('forbidden'),
      );
    }
  });

  test('R8: an owner lets an agent of low risk run when it is new, or when they stopped it themselves', async () => {
    const asJana: AgentEditor = { kind: 'account', id: jana, party: 'owner' };
    const asOther: AgentEditor = { ...asJana, id: await registry.addPerson('Other') };
    const { id } = await make({ riskLevel: 'low' });
    await expect(registry.agents.setStatus(id, 'active', { by: asOther })).rejects.toEqual(refusal('not_found'));
    expect(await registry.agents.setStatus(id, 'active', { by: asJana })).toMatchObject({ status: 'active' });
    await registry.agents.setStatus(id, 'suspended', { by: asJana, reason: 'odd' });
    await registry.agents.setStatus(id, 'active', { by: asJana });
    await registry.agents.setStatus(id, 'suspended', { by: asJana, reason: 'odd' });
    expect(await registry.agents.setStatus(id, 'suspended', stop)).toMatchObject({ statusChangedBy: administrator.id });
    await expect(registry.agents.setStatus(id, 'active', { by: asJana })).rejects.toEqual(refusal('forbidden'));
    await registry.agents.setStatus(id, 'underReview', stop);
    await registry.agents.setStatus(id, 'suspended', { by: asJana, reason: 'odd' });
    await expect(registry.agents.setStatus(id, 'active', { by: asJana })).rejects.toEqual(refusal('forbidden'));
  });

  test('R8: the only administrator lets an agent of their own run, until there is a second one', async () => {
    const asJana: AgentEditor = { ...administrator, id: jana };
    const [first, second] = [await make({ owner: { kind: 'user', id: jana } }), await make({ owner: { kind: 'user', id: jana } })];
    registry.soleAdministrators.add(jana);
    expect(await registry.agents.setStatus(first.id, 'active', { by: asJana })).toMatchObject({ status: 'active' });
    registry.soleAdministrators.delete(jana);
    await expect(registry.agents.setStatus(second.id, 'active', { by: asJana })).rejects.toEqual(refusal('forbidden'));
  });

  test('a retired agent never runs again; a deleted one is in no list but keeps its record', async () => {
    const agent = await make({ displayName: 'Once', status: 'active' });
    await registry.agents.remove(agent.id, administrator);
    expect(registry.stopped).toContain(agent.id);
    expect(await registry.agents.get(agent.id)).toMatchObject({ status: 'retired', removedAt: registry.clock.now() });
    await expect(registry.agents.setStatus(agent.id, 'active', { by: administrator })).rejects.toEqual(refusal('conflict'));
    await expect(registry.agents.remove(agent.id, administrator)).rejects.toEqual(refusal('not_found'));
    await expect(registry.agents.update(agent.id, { changes: { purpose: 'x' } }, administrator)).rejects.toEqual(refusal('not_found'));
    expect((await registry.agents.list({ search: 'once', limit: 9 })).agents).toEqual([]);
    expect(await registry.eventsOf(agent.id)).toEqual(['agent.activated', 'agent.deleted', 'agent.proposed', 'agent.retired']);
  });

  test('live_agents holds an agent only while it is active and somebody alive owns it', async () => {
    const [mira, group] = [await registry.addPerson('Mira'), await registry.addGroup('Pickers')];
    const owned = await make({ owner: { kind: 'user', id: mira }, status: 'active', validUntil: new Date('2027-01-01T00:00:00Z') });
    const grouped = await make({ owner: { kind: 'group', id: group }, status: 'active' });
    expect(await registry.sql('SELECT valid_until FROM live_agents WHERE agent_id = $1', [owned.id])).toEqual([
      { valid_until: new Date('2027-01-01T00:00:00Z') },
    ]);
    expect(await isLive(grouped.id)).toBe(true);
    await registry.disable(mira);
    await registry.sql('DELETE FROM groups WHERE id = $1', [group]);
    expect(await isLive(owned.id)).toBe(false);
    expect(await isLive(grouped.id)).toBe(false);
    for (const status of ['proposed', 'underReview', 'suspended', 'retired'] as const) {
      const agent = await make(status === 'proposed' ? {} : { status: 'active' });
      if (status !== 'proposed') await registry.agents.setStatus(agent.id, status, stop);
      expect([status, await isLive(agent.id)]).toEqual([status, false]);
    }
  });
});

describe('what belongs to an agent', () => {
  test('a client stands for one agent; a stopped agent gets no further one (R14)', async () => {
    const [one, other] = [await make({ status: 'active' }), await make()];
    await registry.agents.linkClient(one.id, 'client-1', administrator);
    await registry.agents.linkClient(one.id, 'client-1', administrator);
    await expect(registry.agents.linkClient(other.id, 'client-1', administrator)).rejects.toEqual(refusal('conflict'));
    expect(await registry.agents.findByClient('client-1')).toEqual(one);
    expect(await registry.agents.clientsOf(one.id)).toEqual(['client-1']);
    await registry.agents.setStatus(one.id, 'suspended', stop);
    await expect(registry.agents.linkClient(one.id, 'client-2', administrator)).rejects.toEqual(refusal('conflict'));
    expect(await registry.agents.findByClient('client-2')).toBeUndefined();
    await registry.agents.unlinkClient('client-1', administrator);
    expect(await registry.agents.findByClient('client-1')).toBeUndefined();
    expect(await registry.eventsOf(one.id)).toEqual([
      'agent.activated',
      'agent.proposed',
      'agent.suspended',
      'agent.updated',
      'agent.updated',
    ]);
  });

  test('of many that claim a client at once one gets it', async () => {
    const claimants = await Promise.all(Array.from({ length: 8 }, () => make()));
    const links = await Promise.allSettled(claimants.map(({ id }) => registry.agents.linkClient(id, 'claimed', administrator)));
    expect(links.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('last seen is written in batches, at most once a minute, and never goes back', async () => {
    const agent = await make();
    const lastSeen = async () => (await registry.agents.get(agent.id)).lastSeenAt;
    registry.agents.touch(agent.id);
    expect(await lastSeen()).toBeUndefined();
    const first = registry.clock.now();
    await registry.agents.flushLastSeen();
    expect(await lastSeen()).toEqual(first);
    registry.advance(30);
    registry.agents.touch(agent.id);
    await registry.agents.flushLastSeen();
    expect(await lastSeen()).toEqual(first);
    registry.advance(31);
    registry.agents.touch(agent.id);
    await registry.agents.flushLastSeen();
    expect(await lastSeen()).toEqual(registry.clock.now());
    expect(await registry.agents.get(agent.id)).toMatchObject({ version: 1 });
  });

  test('a person answers for their own agents and those of their groups, not for retired ones', async () => {
    const lea = await registry.addPerson('Lea');
    const group = await registry.addGroup('Night shift', [lea]);
    const own = await make({ displayName: 'Own', owner: { kind: 'user', id: lea }, purpose: 'Hers', status: 'active' });
    const shared = await make({ displayName: 'Shared', owner: { kind: 'group', id: group } });
    const old = await make({ owner: { kind: 'user', id: lea } });
    await registry.agents.setStatus(old.id, 'retired', stop);
    expect(await registry.agents.agentsOwnedBy(lea)).toEqual([
      {
        id: shared.id,
        name: 'Shared',
        purpose: '',
        state: { word: 'Proposed', tone: 'info' },
        href: `/tenant/console/agents/${shared.id}`,
      },
      { id: own.id, name: 'Own', purpose: 'Hers', state: { word: 'Active', tone: 'yes' }, href: `/tenant/console/agents/${own.id}` },
    ]);
    expect(await registry.agents.agentCounts([lea, group, 'usr_nobody'])).toEqual(
      new Map([
        [lea, 1],
        [group, 1],
      ]),
    );
  });
});
