import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bestOf } from '../../support/best-of.ts';
import { administrator } from '../registry.ts';
import { ADA, type CampaignRegistry, DAY, openCampaigns } from './campaigns.ts';

const AGENTS = 10_000;
let registry: CampaignRegistry;

beforeEach(async () => {
  registry = await openCampaigns();
});
afterEach(() => registry.close());

const certification = () => registry.agents.certification;
const reasonOf = (outcome: PromiseSettledResult<unknown>) => (outcome.status === 'rejected' ? String(outcome.reason) : outcome.value);

describe('two at once', () => {
  test('of two members of a group one wins, the other is told who answered', async () => {
    for (let round = 0; round < 5; round += 1) {
      const agentId = await registry.agent({ owner: { kind: 'group', id: registry.group } });
      const { id: campaignId } = await registry.start();
      const answers = await Promise.allSettled([
        certification().answer({ campaignId, agentId, decision: 'confirm', comment: '', by: registry.jana }),
        certification().answer({ campaignId, agentId, decision: 'decline', comment: '', by: registry.jonas }),
      ]);
      const isConfirmed = answers[0]?.status === 'fulfilled';
      expect(answers.map(reasonOf)).toEqual(
        isConfirmed
          ? ['confirmed', expect.stringContaining('Jana Weber confirmed it before you.')]
          : [expect.stringContaining('Jonas Brandt said before you that it is no longer needed.'), 'declined'],
      );
      expect([await registry.statusOf(agentId), await registry.statesOf(campaignId)]).toEqual([
        isConfirmed ? 'active' : 'suspended',
        expect.objectContaining({ [agentId]: isConfirmed ? 'confirmed' : 'declined' }),
      ]);
    }
  });

  test('an answer and a stop from elsewhere never wait for each other for ever, and both are true', async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, () => registry.agent()));
    const { id: campaignId } = await registry.start();
    const outcomes = await Promise.allSettled(
      agents.flatMap((agentId) => [
        certification().answer({ campaignId, agentId, decision: 'confirm', comment: '', by: registry.jana }),
        registry.agents.setStatus(agentId, 'suspended', { by: administrator, reason: 'paid twice' }),
      ]),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' });
    for (const agentId of agents) expect(await registry.statusOf(agentId)).toBe('suspended');
    for (const state of Object.values(await registry.statesOf(campaignId))) expect(['confirmed', 'dropped']).toContain(state);
  });

  test('an answer and the end of the campaign: what was answered before counts, nothing after', async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, () => registry.agent()));
    const { id: campaignId } = await registry.start();
    const [cancelled, ...answers] = await Promise.allSettled([
      certification().cancel(campaignId, 'wrong', ADA),
      ...agents.map((agentId) => certification().answer({ campaignId, agentId, decision: 'confirm', comment: '', by: registry.jana })),
    ]);
    expect(cancelled?.status).toBe('fulfilled');
    const states = await registry.statesOf(campaignId);
    agents.forEach((agentId, index) => {
      expect(states[agentId]).toBe(answers[index]?.status === 'fulfilled' ? 'confirmed' : 'dropped');
    });
  });

  test('two servers that end a campaign at once suspend each agent once and close it once', async () => {
    const agents = await Promise.all(Array.from({ length: 12 }, () => registry.agent()));
    const { id } = await registry.start();
    registry.advance(20 * DAY);
    await Promise.all([certification().settle(), certification().settle(), certification().settle()]);
    expect([...registry.stopped].sort()).toEqual([...agents].sort());
    for (const agentId of agents) {
      expect((await registry.eventsOf(agentId)).filter((type) => type === 'agent.suspended')).toHaveLength(1);
    }
    expect(await registry.recorded('certification.closed')).toHaveLength(1);
    expect((await certification().get(id)).progress.expired).toBe(12);
  });
});

describe('10,000 agents', () => {
  test('are taken in within two seconds; then the page of an owner asks within 50 ms, that of an administrator within half a second', async () => {
    await registry.sql(
      `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, data_classes, source, provisioned, version, created_at, updated_at)
       SELECT 'agt_' || lpad(n::text, 32, '0'), 'bot-' || n, 'Bot ' || n, 'active', $1, 'user', CASE n % 500 WHEN 7 THEN $2 ELSE 'usr_' || n % 500 END, '', 'low', 'background', '{}', 'scim:bulk', '{}', 1, $1, $1
       FROM generate_series(1, $3::int) AS n`,
      [registry.clock.now(), registry.jana, AGENTS],
    );
    await registry.sql('ANALYZE agents');
    const { name, note, dueAt, scope } = await registry.start();
    expect(await bestOf(() => registry.start(), 3)).toBeLessThan(2_000);
    expect(await bestOf(() => certification().preview({ name, note, dueAt, scope }), 3)).toBeLessThan(500);
    const page = (await certification().listCampaigns({ cursor: undefined, limit: 20 })).items;
    expect(page.map(({ progress }) => progress.open)).toEqual([AGENTS, AGENTS, AGENTS, AGENTS]);
    const [{ id } = { id: '' }] = page.map(({ campaign }) => campaign);
    const owner = [
      () => certification().askedOf(registry.jana, { cursor: undefined, limit: 20 }),
      () => certification().countAsked(registry.jana),
    ];
    for (const work of owner) expect(await bestOf(work, 5)).toBeLessThan(50);
    for (const work of [
      () => certification().unanswered(id, 10),
      () => certification().list({ campaignId: id, state: 'open', ownerId: registry.jana, cursor: undefined, limit: 26 }),
      () => certification().listCampaigns({ cursor: undefined, limit: 20 }),
    ])
      expect(await bestOf(work, 3)).toBeLessThan(500);
    expect(await certification().unanswered(id, 1)).toEqual([expect.objectContaining({ open: 20 })]);
  });
});

describe('the database itself', () => {
  test.each([
    ['a state nobody knows', `UPDATE certification_items SET state = 'lost'`],
    ['a decision without whoever made it', `UPDATE certification_items SET state = 'confirmed', decided_at = now()`],
    ['a decision without a time', `UPDATE certification_items SET state = 'declined', decided_by = 'usr_1', decided_as = 'owner'`],
    ['an open one that is decided', `UPDATE certification_items SET decided_at = now()`],
    [
      'an answer in a part nobody plays',
      `UPDATE certification_items SET state = 'confirmed', decided_at = now(), decided_by = 'usr_1', decided_as = 'friend'`,
    ],
    ['half an owner', `UPDATE certification_items SET owner_kind = NULL`],
    ['a cancelled campaign that runs on', `UPDATE certification_campaigns SET cancelled_by = 'usr_1', cancel_reason = 'x'`],
    ['a cancelled campaign without a reason', `UPDATE certification_campaigns SET cancelled_by = 'usr_1', closed_at = now()`],
    ['a number of days below one', `UPDATE certification_campaigns SET unconfirmed_days = 0`],
  ])('%s is not kept', async (_, text) => {
    await registry.agent();
    await registry.start();
    await expect(registry.sql(text)).rejects.toMatchObject({ code: '23514' });
  });
});
