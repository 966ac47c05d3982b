import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { administrator } from '../registry.ts';
import { ADA, type CampaignRegistry, DAY, openCampaigns } from './campaigns.ts';

let registry: CampaignRegistry;

beforeEach(async () => {
  registry = await openCampaigns();
});
afterEach(() => registry.close());

const certification = () => registry.agents.certification;
const refusal = (code: string) => expect.objectContaining({ name: 'AppError', code });
const confirm = (campaignId: string, agentId: string) =>
  certification().answer({ campaignId, agentId, decision: 'confirm', comment: '', by: registry.jana });
const isClosed = async (id: string) => (await certification().get(id)).campaign.closedAt !== undefined;
const runJob = async () => {
  const job = registry.agents.capability.jobs?.find(({ name }) => name === 'agents-certification');
  if (job === undefined) throw new Error('there is no such job');
  await job.run();
};

describe('at the due date', () => {
  test('what nobody confirmed is suspended by the server with the reason, and the campaign is closed', async () => {
    const [kept, forgotten, reviewed] = [await registry.agent(), await registry.agent(), await registry.agent()];
    const { id } = await registry.start({ dueAt: new Date('2026-06-15T23:59:59.999Z') });
    await confirm(id, kept);
    await registry.agents.setStatus(reviewed, 'underReview', { by: administrator, reason: 'odd' });
    await runJob();
    expect([await registry.statusOf(forgotten), await isClosed(id)]).toEqual(['active', false]);
    registry.advance(15 * DAY);
    await runJob();
    expect(await registry.agents.get(forgotten)).toMatchObject({
      status: 'suspended',
      statusReason: 'Not confirmed by 15 Jun 2026 in Winter review.',
      statusChangedBy: undefined,
    });
    expect([await registry.statusOf(kept), await registry.statusOf(reviewed)]).toEqual(['active', 'suspended']);
    expect(await registry.statesOf(id)).toEqual({ [kept]: 'confirmed', [forgotten]: 'expired', [reviewed]: 'expired' });
    expect(registry.stopped.filter((agentId) => agentId === forgotten)).toEqual([forgotten]);
    const { events } = await registry.audit.list({ agentId: forgotten, type: 'agent.suspended', limit: 9 });
    expect(events.map(({ event }) => event)).toEqual([
      expect.objectContaining({ actor: { kind: 'system', id: 'certification' }, cause: 'Not confirmed by 15 Jun 2026 in Winter review.' }),
    ]);
    expect(await isClosed(id)).toBe(true);
    expect(await registry.recorded('certification.closed')).toEqual([
      expect.objectContaining({ resource: id, action: 'confirmed 1 declined 0 expired 2 dropped 0' }),
    ]);
    await runJob();
    expect(await registry.recorded('certification.closed')).toHaveLength(1);
  });

  test('one that cannot be stopped does not keep the others running, and is tried again', async () => {
    const agents = [await registry.agent(), await registry.agent()];
    const { id } = await registry.start();
    registry.advance(20 * DAY);
    registry.failNextStop();
    await expect(runJob()).rejects.toThrow('1 agents that nobody confirmed are not suspended yet');
    const states = Object.values(await registry.statesOf(id)).sort();
    expect([states, await isClosed(id)]).toEqual([['expired', 'open'], false]);
    await runJob();
    for (const agent of agents) expect(await registry.statusOf(agent)).toBe('suspended');
    expect(await isClosed(id)).toBe(true);
  });

  test('runs through more than one batch', async () => {
    await registry.sql(
      `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, data_classes, source, provisioned, version, created_at, updated_at)
       SELECT 'agt_' || lpad(n::text, 32, '0'), 'bot-' || n, 'Bot ' || n, 'active', $1, 'user', $2, '', 'low', 'background', '{}', 'scim:bulk', '{}', 1, $1, $1 FROM generate_series(1, 450) AS n`,
      [registry.clock.now(), registry.jana],
    );
    const { id } = await registry.start();
    registry.advance(20 * DAY);
    await runJob();
    expect((await certification().get(id)).progress).toEqual({ open: 0, confirmed: 0, declined: 0, expired: 450, dropped: 0 });
  });

  test('an answer after the date is refused although the job was not there yet; a late one is noted and resumes nothing', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    registry.advance(15 * DAY);
    await expect(confirm(id, agent)).rejects.toEqual(refusal('conflict'));
    await runJob();
    const ofJana = await certification().askedOf(registry.jana, { cursor: undefined, limit: 9 });
    expect([ofJana.asked, ofJana.expired.map((each) => each.agent.id)]).toEqual([[], [agent]]);
    expect(await confirm(id, agent)).toBe('confirmed_late');
    expect(await registry.agents.get(agent)).toMatchObject({ status: 'suspended', lastConfirmedBy: registry.jana });
    expect(await registry.statesOf(id)).toEqual({ [agent]: 'expired' });
    expect((await registry.recorded('agent.confirmed'))[0]).toMatchObject({ action: 'late', agentId: agent, resource: id });
    expect((await certification().askedOf(registry.jana, { cursor: undefined, limit: 9 })).expired).toEqual([]);
    await expect(confirm(id, agent)).rejects.toEqual(refusal('conflict'));
  });
});

describe('what is no longer asked', () => {
  test('agents that are stopped meanwhile are taken out at once, in every campaign; one under review stays', async () => {
    const [stopped, gone, reviewed, kept] = await Promise.all([registry.agent(), registry.agent(), registry.agent(), registry.agent()]);
    const [first, second] = [await registry.start(), await registry.start()];
    await registry.agents.setStatus(stopped, 'suspended', { by: administrator, reason: 'x' });
    await registry.agents.remove(gone, administrator);
    await registry.agents.setStatus(reviewed, 'underReview', { by: administrator, reason: 'x' });
    for (const { id } of [first, second])
      expect(await registry.statesOf(id)).toEqual({ [stopped]: 'dropped', [gone]: 'dropped', [reviewed]: 'open', [kept]: 'open' });
    await registry.agents.setStatus(stopped, 'active', { by: administrator });
    registry.advance(20 * DAY);
    await runJob();
    expect(await registry.statusOf(stopped)).toBe('active');
    await certification()
      .answer({ campaignId: first.id, agentId: kept, decision: 'confirm', comment: '', by: registry.jana })
      .catch(() => undefined);
    expect(await registry.statusOf(kept)).toBe('suspended');
  });

  test('an agent whose own time is over is taken out in the same transaction', async () => {
    const agent = await registry.agent({ validUntil: new Date(registry.clock.now().getTime() + DAY * 1000) });
    const { id } = await registry.start();
    registry.advance(2 * DAY);
    await registry.agents.endDue();
    expect([await registry.statusOf(agent), await registry.statesOf(id)]).toEqual(['retired', { [agent]: 'dropped' }]);
  });

  test('what was stopped past the lifecycle is found by the job', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    await registry.sql(`UPDATE agents SET status = 'retired' WHERE id = $1`, [agent]);
    expect(await certification().countAsked(registry.jana)).toEqual({ count: 0, dueAt: undefined });
    await runJob();
    expect([await registry.statesOf(id), await isClosed(id)]).toEqual([{ [agent]: 'dropped' }, true]);
  });

  test('a campaign is closed as soon as everything is answered', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    await confirm(id, agent);
    await runJob();
    expect(await isClosed(id)).toBe(true);
    expect(await registry.statusOf(agent)).toBe('active');
  });
});

describe('more time, and an early end', () => {
  const until = (days: number) => new Date(registry.clock.now().getTime() + days * DAY * 1000);

  test('more time is given while it runs, also after the date when nothing happened yet', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    for (const dueAt of [until(13), until(400)]) {
      await expect(certification().extend(id, dueAt, ADA)).rejects.toEqual(refusal('invalid_input'));
    }
    registry.advance(15 * DAY);
    expect((await certification().extend(id, until(5), ADA)).dueAt).toEqual(until(5));
    await runJob();
    expect(await registry.statusOf(agent)).toBe('active');
    await confirm(id, agent);
    await runJob();
    await expect(certification().extend(id, until(9), ADA)).rejects.toEqual(refusal('conflict'));
    expect((await registry.recorded('certification.extended'))[0]).toMatchObject({ resource: id, actor: { kind: 'account', id: ADA } });
  });

  test('a cancelled one suspends nobody, keeps what was answered, and says who ended it and why', async () => {
    const [kept, open] = [await registry.agent(), await registry.agent()];
    const { id } = await registry.start();
    await confirm(id, kept);
    for (const reason of [' ', 'x'.repeat(301)])
      await expect(certification().cancel(id, reason, ADA)).rejects.toEqual(refusal('invalid_input'));
    expect((await certification().cancel(id, 'wrong scope', ADA)).cancelled).toEqual({ by: ADA, reason: 'wrong scope' });
    expect(await registry.statesOf(id)).toEqual({ [kept]: 'confirmed', [open]: 'dropped' });
    await expect(confirm(id, open)).rejects.toEqual(refusal('conflict'));
    registry.advance(20 * DAY);
    await runJob();
    expect(await registry.statusOf(open)).toBe('active');
    expect(await registry.recorded('certification.cancelled')).toEqual([expect.objectContaining({ resource: id, cause: 'wrong scope' })]);
    expect(await registry.recorded('certification.closed')).toEqual([]);
    for (const attempt of [certification().cancel(id, 'again', ADA), certification().extend(id, until(9), ADA)])
      await expect(attempt).rejects.toEqual(refusal('conflict'));
    await expect(certification().get('crt_nobody')).rejects.toEqual(refusal('not_found'));
  });
});
