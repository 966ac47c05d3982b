import { describe, expect, test } from '@jest/globals';
import {
  type AnswerCircumstances,
  type Campaign,
  declineReason,
  expiryReason,
  itemStates,
  judgeAnswer,
  type NewCampaign,
  readCampaign,
  readComment,
  readDueAt,
  standingOf,
  unconfirmedSince,
} from '../../../src/agents/certification/campaign.ts';
import type { AgentStatus } from '../../../src/agents/index.ts';

const now = new Date('2026-06-01T12:00:00Z');
const later = (days: number) => new Date(now.getTime() + days * 86_400_000);
const input: NewCampaign = {
  name: ' Winter review ',
  note: '',
  scope: { riskLevels: ['high'], ownerId: undefined, unconfirmedDays: undefined },
  dueAt: later(14),
};
const running: Pick<Campaign, 'closedAt' | 'cancelled' | 'dueAt'> = { closedAt: undefined, cancelled: undefined, dueAt: later(14) };
const due = { ...running, dueAt: now };
const closed = { ...running, closedAt: now };
const cancelled = { ...closed, cancelled: { by: 'usr_1', reason: 'wrong' } };
const refusedAt = (member: string) => expect.objectContaining({ code: 'invalid_input', details: { member } });

describe('what a campaign may be', () => {
  test('is trimmed, and names every risk once', () => {
    const scope = { riskLevels: ['high', 'low', 'high'], ownerId: 'grp_1', unconfirmedDays: 90 } as const;
    expect(readCampaign({ ...input, scope }, now)).toEqual({
      name: 'Winter review',
      note: '',
      scope: { riskLevels: ['high', 'low'], ownerId: 'grp_1', unconfirmedDays: 90 },
      dueAt: later(14),
    });
  });

  test.each<[string, Partial<NewCampaign>, string]>([
    ['no name', { name: ' ' }, 'name'],
    ['a name without end', { name: 'x'.repeat(81) }, 'name'],
    ['a name that turns its direction (R11)', { name: 'a\u202Eb' }, 'name'],
    ['a note without end', { note: 'x'.repeat(1001) }, 'note'],
    ['no risk', { scope: { ...input.scope, riskLevels: [] } }, 'riskLevels'],
    ['an unknown risk', { scope: { ...input.scope, riskLevels: ['none' as 'low'] } }, 'riskLevels'],
    ['an owner who is neither person nor group', { scope: { ...input.scope, ownerId: 'agt_1' } }, 'ownerId'],
    ['no day', { scope: { ...input.scope, unconfirmedDays: 0 } }, 'unconfirmedDays'],
    ['half a day', { scope: { ...input.scope, unconfirmedDays: 1.5 } }, 'unconfirmedDays'],
    ['what is no number of days', { scope: { ...input.scope, unconfirmedDays: Number.NaN } }, 'unconfirmedDays'],
    ['more than ten years', { scope: { ...input.scope, unconfirmedDays: 3_651 } }, 'unconfirmedDays'],
    ['a date within a day', { dueAt: later(0.9) }, 'dueAt'],
    ['a date after a year', { dueAt: later(367) }, 'dueAt'],
    ['a date that is none', { dueAt: new Date(Number.NaN) }, 'dueAt'],
  ])('not %s', (_, change, member) => {
    expect(() => readCampaign({ ...input, ...change }, now)).toThrow(refusedAt(member));
  });

  test('a date is within a day and a year', () => {
    expect([readDueAt(later(1), now), readDueAt(later(366), now)]).toEqual([later(1), later(366)]);
  });

  test('days without confirmation are counted back from now', () => {
    expect(unconfirmedSince({ ...input.scope, unconfirmedDays: 90 }, now)).toEqual(later(-90));
    expect(unconfirmedSince(input.scope, now)).toBeUndefined();
  });
});

describe('where it stands', () => {
  test.each([
    ['running', running],
    ['due', due],
    ['closed', closed],
    ['cancelled', cancelled],
  ] as const)('%s', (standing, campaign) => {
    expect(standingOf(campaign, now)).toBe(standing);
  });
});

describe('whether an agent can be answered for', () => {
  const judge = (change: Partial<AnswerCircumstances>) =>
    judgeAnswer({
      campaign: running,
      item: { state: 'open', decidedBy: undefined },
      agent: { status: 'active' },
      decision: 'confirm',
      now,
      ...change,
    });

  test.each<[AgentStatus, string]>([
    ['active', 'answer'],
    ['underReview', 'answer'],
    ['proposed', 'answer'],
    ['suspended', 'stopped'],
    ['retired', 'stopped'],
  ])('one that is %s: %s', (status, expected) => {
    for (const decision of ['confirm', 'decline'] as const) expect(judge({ agent: { status }, decision })).toBe(expected);
  });

  test('only while the campaign runs', () => {
    expect([judge({ campaign: due }), judge({ campaign: closed }), judge({ campaign: cancelled })]).toEqual(['late', 'over', 'over']);
  });

  test('only once', () => {
    for (const state of ['confirmed', 'declined'] as const) expect(judge({ item: { state, decidedBy: 'usr_1' } })).toBe('decided');
    expect(judge({ item: { state: 'dropped', decidedBy: undefined } })).toBe('stopped');
  });

  test('too late it can still be confirmed, once, while it is suspended; it cannot be stopped again', () => {
    const expired = { item: { state: 'expired', decidedBy: undefined }, campaign: closed } as const;
    expect(judge({ ...expired, agent: { status: 'suspended' } })).toBe('confirm_late');
    expect(judge({ ...expired, agent: { status: 'suspended' }, decision: 'decline' })).toBe('late');
    for (const status of ['active', 'retired'] as const) expect(judge({ ...expired, agent: { status } })).toBe('late');
    expect(judge({ item: { state: 'expired', decidedBy: 'usr_1' }, agent: { status: 'suspended' } })).toBe('decided');
  });

  test('every state has an answer', () => {
    for (const state of itemStates) expect(judge({ item: { state, decidedBy: undefined } })).toBeDefined();
  });
});

describe('words', () => {
  test('say why an agent was suspended, within what a reason may hold', () => {
    const longest = { name: 'x'.repeat(80), dueAt: new Date('2026-12-31T23:59:59.999Z') };
    expect(expiryReason({ ...longest, name: 'Winter review' })).toBe('Not confirmed by 31 Dec 2026 in Winter review.');
    for (const reason of [expiryReason(longest), declineReason(longest, undefined), declineReason(longest, 'y'.repeat(200))])
      expect(reason.length).toBeLessThanOrEqual(300);
    expect(declineReason(longest, 'Replaced')).toBe('No longer needed, its owner says: Replaced');
  });

  test('a comment may be empty, is bounded and hides nothing', () => {
    expect([readComment('  ', 'comment'), readComment(' fine ', 'comment')]).toEqual([undefined, 'fine']);
    for (const text of ['x'.repeat(201), 'a\u200bb']) expect(() => readComment(text, 'reason')).toThrow(refusedAt('reason'));
  });
});
