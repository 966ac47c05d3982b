import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { detailsHash } from '../../src/authorization-details/index.ts';
import { reasonNotToDecide } from '../../src/approvals/index.ts';
import { faultOfBindingMessage, mixesScripts } from '../../src/approvals/deceptive-text.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { AppError } from '../../src/platform/errors.ts';
import { clock, minutes } from '../support/clock.ts';
import { answer, ask, assuranceOf, claimsOf, createTestIssuer, people, poll, questionFor, type TestIssuer } from './issuer.ts';

let issuer: TestIssuer;
let breaks = false;
let hasCode = false;
const mira = people.mira.id;
const fresh = () => ({ accountId: mira, sessionUid: 'uid', authTime: systemClock.now(), acr: 'mfa', amr: ['otp'] });

beforeAll(async () => {
  issuer = await createTestIssuer({
    deps: {
      assurance: assuranceOf(() => hasCode),
      // where a server may die: the decision is committed, the engine not told
      provider: () => {
        if (breaks) throw new Error('the server died here');
        return issuer.oidc.current();
      },
    },
  });
});
afterAll(() => issuer.close());
beforeEach(() => issuer.db.rows({ name: 'wipe', text: 'DELETE FROM approvals', values: [] }));
afterEach(() => {
  [breaks, hasCode] = [false, false];
  clock.reset();
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) =>
      error instanceof AppError ? `${error.code}${error.details.member ? ` ${error.details.member}` : ''}` : String(error),
  );
}

describe('a decision', () => {
  test('is made once: of 20 at a time one wins, whichever way it goes', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { auth_req_id: id } = (await ask(issuer)).body;
      const { approval, hash } = await questionFor(issuer, mira);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          codeOf(
            issuer.approvals.decide({
              approvalId: approval.id,
              decision: index % 2 === 0 ? 'approve' : 'deny',
              shown: hash,
              session: fresh(),
            }),
          ),
        ),
      );
      expect(answers.filter((one) => one === 'done')).toHaveLength(1);
      expect(new Set(answers)).toEqual(new Set(['done', 'conflict']));
      const { events } = await issuer.audit.list({ mentions: approval.id, type: 'approval.decided', limit: 5 });
      expect(events).toHaveLength(1);
      const { status } = await poll(issuer, id);
      expect(status).toBe(events[0]?.event.outcome === 'approved' ? 200 : 400);
    }
  });

  test('survives a crash before the engine was told; the job finishes it, once', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    const before = (await issuer.artifacts.listOf('Grant', mira)).length;
    breaks = true;
    const { approval } = await answer(issuer, mira, 'approve');
    expect(approval).toMatchObject({ status: 'approved', completedAt: undefined });
    expect((await poll(issuer, id)).body['error']).toBe('authorization_pending');
    breaks = false;
    const finish = issuer.approvals.capability.jobs?.find(({ name }) => name === 'approvals-finish');
    await Promise.all([finish?.run(), finish?.run(), finish?.run()]);
    expect((await poll(issuer, id)).status).toBe(200);
    expect(await issuer.artifacts.listOf('Grant', mira)).toHaveLength(before + 1);
    await finish?.run();
    expect((await poll(issuer, id)).body['error']).toBe('invalid_grant');
  });

  test('R12 covers exactly what was shown: a forged or foreign hash decides nothing', async () => {
    await ask(issuer);
    const first = await questionFor(issuer, mira);
    await ask(issuer, { binding_message: 'another' });
    const second = await questionFor(issuer, mira);
    for (const shown of ['', 'sha-256:forged', first.hash]) {
      expect(await codeOf(issuer.approvals.decide({ approvalId: second.approval.id, decision: 'approve', shown, session: fresh() }))).toBe(
        'conflict shown',
      );
    }
    expect(await issuer.approvals.countWaiting(mira)).toBe(2);
  });

  test('is the asked person’s alone, with a fresh sign-in', async () => {
    await ask(issuer, { authorization_details: JSON.stringify([{ type: 'mcp_tool_call', tools: ['pay'] }]) });
    const { approval, hash } = await questionFor(issuer, mira);
    const decide = (session: object) =>
      codeOf(issuer.approvals.decide({ approvalId: approval.id, decision: 'approve', shown: hash, session: { ...fresh(), ...session } }));
    expect(await decide({ accountId: people.adam.id })).toBe('not_found');
    expect(await decide({ authTime: new Date(systemClock.now().getTime() - minutes(16)) })).toBe('forbidden');
    expect(await decide({})).toBe('done');
  });

  /** Decides what waits for Mira, with what she gives at the click. */
  const press = async (decision: 'approve' | 'deny', code?: string) => {
    const { approval, hash } = await questionFor(issuer, mira);
    const confirmation = code === undefined ? undefined : { credential: '', code };
    return codeOf(issuer.approvals.decide({ approvalId: approval.id, decision, shown: hash, session: fresh(), confirmation }));
  };

  test('R12 the first yes to an agent is confirmed at the click by those who can; later ones are not', async () => {
    hasCode = true;
    const asked = () => ask(issuer, { authorization_details: JSON.stringify([{ type: 'mcp_tool_call', tools: ['pay'] }]) });
    await asked();
    for (const code of [undefined, '', '000000']) expect(await press('approve', code)).toBe('forbidden confirmation');
    expect(await press('approve', '246810')).toBe('done');
    await asked();
    expect(await press('approve')).toBe('done');
  });

  test('R12 money is confirmed each time; denying never is; the confirmation is the sign-in that the token tells of', async () => {
    hasCode = true;
    await ask(issuer);
    await press('approve', '246810');
    const { auth_req_id: id } = (await ask(issuer)).body;
    const money = JSON.stringify([{ type: 'api_call', actions: ['POST'], max_amount: { amount: '1240.00', currency: 'EUR' } }]);
    const { approval } = await questionFor(issuer, mira);
    const makeMoney = (approvalId: string) =>
      issuer.db.rows({
        name: 'money',
        text: `UPDATE approvals SET details = $2::jsonb, details_hash = $3 WHERE id = $1`,
        values: [approvalId, money, detailsHash(JSON.parse(money))],
      });
    await makeMoney(approval.id);
    expect(await press('approve')).toBe('forbidden confirmation');
    expect(await press('approve', '246810')).toBe('done');
    expect(claimsOf((await poll(issuer, id)).body['access_token'])).toMatchObject({ acr: 'mfa' });
    await ask(issuer);
    await makeMoney((await questionFor(issuer, mira)).approval.id);
    expect(await press('deny')).toBe('done');
  });

  test('nothing that ran out can be decided', async () => {
    await ask(issuer);
    const { approval, hash } = await questionFor(issuer, mira);
    clock.advance(minutes(6));
    expect(await codeOf(issuer.approvals.decide({ approvalId: approval.id, decision: 'approve', shown: hash, session: fresh() }))).toBe(
      'conflict',
    );
  });
});

describe('the rules', () => {
  test.each([
    ['subject', 'usr_1', 'usr_1', true, undefined],
    ['subject', 'usr_2', 'usr_1', false, 'Only the person it is asked of decides this.'],
    ['other', 'usr_1', 'usr_1', false, 'Somebody else than the person it is for must decide this.'],
    ['other', 'usr_2', 'usr_1', true, 'Nobody decides for an agent they answer for.'],
    ['other', 'usr_2', 'usr_1', false, undefined],
  ] as const)('R8 decider %s, %s for %s, owner %s', (decider, accountId, subjectId, ownsAgent, reason) => {
    expect(reasonNotToDecide({ decider, accountId, subjectId, ownsAgent })).toBe(reason);
  });

  test('R11 mixed alphabets are marked inside a word, not between words', () => {
    expect(mixesScripts('Pаypal')).toBe(true);
    expect(mixesScripts('Счёт INV-4711 für Köln')).toBe(false);
    expect(faultOfBindingMessage('Счёт 4711')).toBeUndefined();
    expect(faultOfBindingMessage('a\u0301\u0301\u0301')).toMatch(/invisible/);
  });
});
