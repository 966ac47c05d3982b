import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { administrator } from '../registry.ts';
import { ADA, type CampaignRegistry, DAY, openCampaigns } from './campaigns.ts';

let registry: CampaignRegistry;

beforeEach(async () => {
  registry = await openCampaigns();
});
afterEach(() => registry.close());

const certification = () => registry.agents.certification;
const refusal = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ name: 'AppError', code, message: expect.stringMatching(message) });
const answer = (
  campaignId: string,
  agentId: string,
  more: Partial<Parameters<CampaignRegistry['agents']['certification']['answer']>[0]> = {},
) => certification().answer({ campaignId, agentId, decision: 'confirm', comment: '', by: registry.jana, ...more });
const asked = async (accountId: string) =>
  (await certification().askedOf(accountId, { cursor: undefined, limit: 20 })).asked.map(({ agent }) => agent.id).sort();

describe('starting', () => {
  test('takes in the active agents of its scope with their owners, says before how many, and is on the trail', async () => {
    const own = { kind: 'group', id: registry.group } as const;
    const high = await registry.agent({ riskLevel: 'high', owner: own });
    const low = await registry.agent({ riskLevel: 'low' });
    await registry.agent({ riskLevel: 'high', status: 'proposed' });
    const stopped = await registry.agent({ riskLevel: 'high' });
    await registry.agents.setStatus(stopped, 'suspended', { by: administrator, reason: 'x' });
    const all = { riskLevels: ['low', 'medium', 'high'], ownerId: undefined, unconfirmedDays: undefined } as const;
    const input = { name: 'Winter', note: '', dueAt: new Date(registry.clock.now().getTime() + 3 * DAY * 1000) };
    expect(await certification().preview({ ...input, scope: all })).toEqual({ agents: 2, owners: 2, unanswerable: 0 });
    const everything = await registry.start();
    expect(await registry.statesOf(everything.id)).toEqual({ [high]: 'open', [low]: 'open' });
    expect(await registry.sql('SELECT owner_kind, owner_id FROM certification_items WHERE agent_id = $1', [high])).toEqual([
      { owner_kind: 'group', owner_id: registry.group },
    ]);
    expect(await registry.statesOf((await registry.start({ scope: { riskLevels: ['high'] } })).id)).toEqual({ [high]: 'open' });
    expect(await registry.statesOf((await registry.start({ scope: { ownerId: registry.jana } })).id)).toEqual({ [low]: 'open' });
    expect(await registry.recorded('certification.started')).toContainEqual(
      expect.objectContaining({ actor: { kind: 'account', id: ADA }, resource: everything.id, action: 'agents 2 owners 2' }),
    );
  });

  test('the preview counts agents for whom nobody is left to answer: a person shut out, a group without a living member', async () => {
    const max = await registry.addPerson('Max');
    const alone = await registry.addGroup('Alone', [max]);
    await registry.agent({ owner: { kind: 'user', id: max } });
    await registry.agent({ owner: { kind: 'group', id: alone } });
    await registry.agent();
    await registry.disable(max);
    const { name, note, dueAt, scope } = await registry.start();
    expect(await certification().preview({ name, note, dueAt, scope })).toEqual({ agents: 3, owners: 3, unanswerable: 2 });
  });

  test('what was confirmed lately is left out when days without confirmation are asked for', async () => {
    const [old, fresh] = [await registry.agent(), await registry.agent()];
    registry.advance(40 * DAY);
    const first = await registry.start();
    await answer(first.id, fresh);
    await registry.agent();
    expect(Object.keys(await registry.statesOf((await registry.start({ scope: { unconfirmedDays: 30 } })).id))).toEqual([old]);
  });

  test('asks nobody when no agent is like that, and nothing is kept', async () => {
    await expect(registry.start()).rejects.toEqual(refusal('conflict', /nobody to ask/));
    expect(await registry.sql('SELECT id FROM certification_campaigns')).toEqual([]);
    expect(await registry.recorded('certification.started')).toEqual([]);
  });
});

describe('who is asked', () => {
  test('whoever owns the agent now, through a group too; never anybody else', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    expect([await asked(registry.jana), await asked(registry.jonas)]).toEqual([[agent], []]);
    await expect(answer(id, agent, { by: registry.jonas })).rejects.toEqual(refusal('not_found'));
    await registry.agents.update(agent, { changes: { owner: { kind: 'user', id: registry.jonas } } }, administrator);
    expect([await asked(registry.jana), await asked(registry.jonas)]).toEqual([[], [agent]]);
    await expect(answer(id, agent)).rejects.toEqual(refusal('not_found'));
    await registry.agents.update(agent, { changes: { owner: { kind: 'group', id: registry.group } } }, administrator);
    expect([await asked(registry.jana), await asked(registry.jonas)]).toEqual([[agent], [agent]]);
    expect(await answer(id, agent, { by: registry.jonas })).toBe('confirmed');
    expect([await asked(registry.jana), await certification().countAsked(registry.jana)]).toEqual([[], { count: 0, dueAt: undefined }]);
  });

  test('nobody who was shut out answers, and no agent that is not in it is answered for', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    const outside = await registry.agent();
    await expect(answer(id, outside)).rejects.toEqual(refusal('not_found'));
    await expect(answer('crt_nobody', agent)).rejects.toEqual(refusal('not_found'));
    await registry.disable(registry.jana);
    await expect(answer(id, agent)).rejects.toEqual(refusal('not_found'));
    expect(await registry.statesOf(id)).toEqual({ [agent]: 'open' });
  });

  test('pages by cursor in the order of the dates, and counts with the earliest one', async () => {
    const agents = [await registry.agent(), await registry.agent(), await registry.agent()].sort();
    const late = await registry.start({ dueAt: new Date(registry.clock.now().getTime() + 30 * DAY * 1000) });
    const soon = await registry.start();
    expect(await certification().countAsked(registry.jana)).toEqual({ count: 6, dueAt: soon.dueAt });
    const seen: string[][] = [];
    for (let cursor: { campaignId: string; agentId: string } | undefined, page = 0; page < 3; page += 1) {
      const part = await certification().askedOf(registry.jana, { cursor, limit: 2 });
      seen.push(...part.asked.map(({ campaign, agent }) => [campaign.id, agent.id]));
      cursor = part.nextCursor;
      expect(cursor === undefined).toBe(page === 2);
    }
    expect(seen).toEqual([soon.id, late.id].flatMap((id) => agents.map((agent) => [id, agent])));
  });
});

describe('answering', () => {
  test('a confirmation is kept with the agent, which goes on as before, and is on the trail without the comment', async () => {
    const agent = await registry.agent();
    const before = await registry.agents.get(agent);
    const { id } = await registry.start();
    expect(await answer(id, agent, { comment: ' we need it ' })).toBe('confirmed');
    const at = registry.clock.now();
    expect(await registry.agents.get(agent)).toEqual({ ...before, lastConfirmedAt: at, lastConfirmedBy: registry.jana });
    expect(await registry.sql('SELECT state, decided_by, decided_as, decided_at, comment FROM certification_items')).toEqual([
      { state: 'confirmed', decided_by: registry.jana, decided_as: 'owner', decided_at: at, comment: 'we need it' },
    ]);
    const [event] = await registry.recorded('agent.confirmed');
    expect(event).toMatchObject({ actor: { kind: 'account', id: registry.jana }, agentId: agent, resource: id });
    expect(JSON.stringify(event)).not.toContain('we need it');
    expect(registry.stopped).toEqual([]);
    await expect(answer(id, agent)).rejects.toEqual(refusal('conflict', /answered this already/));
  });

  test('“no longer needed” suspends it in the owner’s name, in the same transaction', async () => {
    const agent = await registry.agent({ owner: { kind: 'group', id: registry.group } });
    const { id } = await registry.start();
    registry.failNextStop();
    await expect(answer(id, agent, { decision: 'decline' })).rejects.toThrow('the cascade failed');
    expect([await registry.statesOf(id), await registry.recorded('agent.declined')]).toEqual([{ [agent]: 'open' }, []]);
    expect(await answer(id, agent, { decision: 'decline', comment: 'Replaced.' })).toBe('declined');
    expect(await registry.agents.get(agent)).toMatchObject({
      status: 'suspended',
      statusChangedBy: registry.jana,
      statusReason: 'No longer needed, its owner says: Replaced.',
      lastConfirmedAt: undefined,
    });
    expect(registry.stopped).toEqual([agent]);
    expect(await registry.eventsOf(agent)).toEqual(['agent.activated', 'agent.declined', 'agent.proposed', 'agent.suspended']);
    await expect(answer(id, agent, { by: registry.jonas })).rejects.toEqual(refusal('conflict', /^Jana Weber said before you/));
  });

  test('many at once only while they are low risk', async () => {
    const [low, other, raised] = [
      await registry.agent({ riskLevel: 'low' }),
      await registry.agent({ riskLevel: 'low' }),
      await registry.agent(),
    ];
    const foreign = await registry.agent({ riskLevel: 'low', owner: { kind: 'user', id: registry.jonas } });
    const { id } = await registry.start();
    expect(await certification().confirmLowRisk({ campaignId: id, agentIds: [low, raised, foreign, other, low], by: registry.jana })).toBe(
      2,
    );
    expect(await registry.statesOf(id)).toEqual({ [low]: 'confirmed', [other]: 'confirmed', [raised]: 'open', [foreign]: 'open' });
  });

  test('R8: an administrator confirms for an owner who is away with a reason, but not their own agent unless nobody else could', async () => {
    const [first, own] = [await registry.agent(), await registry.agent({ owner: { kind: 'user', id: registry.jonas } })];
    const { id } = await registry.start();
    const confirm = (agentId: string, by: string, reason = 'On leave until May') =>
      certification().confirmForOwner({ campaignId: id, agentId, by, reason });
    await expect(confirm(first, ADA, '  ')).rejects.toEqual(refusal('invalid_input'));
    await confirm(first, ADA);
    expect((await registry.recorded('agent.confirmed'))[0]).toMatchObject({
      actor: { kind: 'account', id: ADA },
      agentId: first,
      subjectId: registry.jana,
      action: 'for_owner',
      cause: 'On leave until May',
    });
    expect(await registry.agents.get(first)).toMatchObject({ lastConfirmedBy: ADA });
    await expect(confirm(own, registry.jonas)).rejects.toEqual(refusal('forbidden', /your own page/));
    registry.soleAdministrators.add(registry.jonas);
    await confirm(own, registry.jonas);
    expect(await registry.statesOf(id)).toEqual({ [first]: 'confirmed', [own]: 'confirmed' });
    await expect(confirm(own, ADA)).rejects.toEqual(refusal('conflict', /^Jonas Brandt confirmed it before you/));
  });
});
