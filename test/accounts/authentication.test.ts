import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ACR, combine, createPasswords, isAtLeast, PASSWORD_ASSURANCE } from '../../src/accounts/index.ts';
import { ADDRESS, createTestAccounts, PASSWORD, type TestAccounts } from '../support/accounts.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';

let house: TestAccounts;
const EMAIL = 'mira@acme.test';
const STRANGER = '198.51.100.9';

beforeEach(async () => {
  house = await createTestAccounts();
});

afterEach(async () => {
  clock.reset();
  await house.close();
});

const tryPassword = (password: string, how: { email?: string; address?: string; deviceToken?: string } = {}) =>
  house.accounts.authentication.verifyPassword({ email: EMAIL, address: ADDRESS, ...how, password });

/** `count` wrong passwords in a row, as far as they are let through. */
async function guess(count: number, how: Parameters<typeof tryPassword>[1] = {}) {
  const answers = [];
  for (let round = 0; round < count; round += 1) answers.push(await tryPassword('a wrong password', how));
  return answers;
}

describe('passwords', () => {
  test('a right one signs in, whatever the case of the address', async () => {
    const account = await house.person(EMAIL);
    const answer = await tryPassword(PASSWORD, { email: ' Mira@ACME.test' });
    expect(answer).toMatchObject({
      ok: true,
      account: { id: account.id },
      needsSecondFactor: false,
      methods: [],
      assurance: PASSWORD_ASSURANCE,
    });
  });

  test('wrong password, unknown person, invited person and disabled person get one answer', async () => {
    await house.person(EMAIL);
    const gone = await house.person('gone@acme.test');
    await house.accounts.disable(gone.id, { by: { kind: 'system', id: 'command-line' }, reason: 'left' });
    await house.accounts.invite({ email: 'new@acme.test', name: 'New', role: 'user' }, { kind: 'system', id: 'command-line' });
    expect(await tryPassword('a wrong password')).toEqual({ ok: false });
    expect(await tryPassword(PASSWORD, { email: 'nobody@acme.test' })).toEqual({ ok: false });
    expect(await tryPassword(PASSWORD, { email: 'gone@acme.test' })).toEqual({ ok: false });
    expect(await tryPassword(PASSWORD, { email: 'new@acme.test' })).toEqual({ ok: false });
    expect((await house.events()).filter((type) => type === 'sign_in.failed')).toHaveLength(4);
  });

  test('a hash made with weaker parameters is replaced at the next sign-in', async () => {
    await house.person(EMAIL);
    const stronger = await createPasswords({ memoryCost: 2048, timeCost: 2, parallelism: 1 });
    const again = await createTestAccounts({ db: house.db, passwords: stronger });
    await again.accounts.authentication.verifyPassword({ email: EMAIL, password: PASSWORD, address: ADDRESS });
    const rows = await house.db.rows<{ password_hash: string }>({ name: 't-hash', text: 'SELECT password_hash FROM accounts', values: [] });
    expect(rows[0]?.password_hash).toContain('m=2048');
    expect(await tryPassword(PASSWORD)).toMatchObject({ ok: true });
    await again.close();
  });

  test('signing in is noted and makes the device known', async () => {
    const account = await house.person(EMAIL);
    const { deviceToken } = await house.accounts.authentication.signedIn({
      account,
      assurance: PASSWORD_ASSURANCE,
      deviceToken: 'made up',
    });
    expect(deviceToken).not.toBe('made up');
    expect((await house.accounts.get(account.id)).lastSeenAt).toBeInstanceOf(Date);
    expect(await house.events()).toContain('sign_in.succeeded');
    const second = await house.accounts.authentication.signedIn({ account, assurance: PASSWORD_ASSURANCE, deviceToken });
    expect(second.deviceToken).toBe(deviceToken);
  });
});

describe('R23: guessing slows down', () => {
  test('per account: the fifth failure pauses one second, each further one twice as long, a quarter of an hour at most', async () => {
    await house.person(EMAIL);
    expect(await guess(5)).toEqual(Array(5).fill({ ok: false }));
    expect(await tryPassword(PASSWORD)).toEqual({ ok: false, retryAfterSeconds: 1 });
    for (const pause of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]) {
      clock.advance(seconds(pause));
      expect(await tryPassword('a wrong password')).toEqual({ ok: false });
      expect(await tryPassword(PASSWORD)).toEqual({ ok: false, retryAfterSeconds: Math.min(2 * pause, 900) });
    }
    clock.advance(seconds(900));
    expect(await tryPassword(PASSWORD)).toMatchObject({ ok: true });
    expect(await guess(4, { address: STRANGER })).toEqual(Array(4).fill({ ok: false }));
    expect(await tryPassword(PASSWORD, { address: STRANGER })).toMatchObject({ ok: true });
    expect((await house.events()).filter((type) => type === 'sign_in.blocked')).toHaveLength(1);
  });

  test('twenty tries at once get no further than five in a row', async () => {
    await house.person(EMAIL);
    const answers = await Promise.all(Array.from({ length: 20 }, () => tryPassword('a wrong password')));
    expect(answers.filter((answer) => !answer.ok && answer.retryAfterSeconds === undefined)).toHaveLength(5);
  });

  test('people who sign in at one moment do not stop each other, though the clock of the second server is behind', async () => {
    await Promise.all([house.person(EMAIL), house.person('jana@acme.test')]);
    expect(await tryPassword('a wrong password')).toEqual({ ok: false });
    clock.advance(-50);
    expect(await tryPassword(PASSWORD, { email: 'jana@acme.test' })).toMatchObject({ ok: true });
    clock.advance(-50);
    expect(await tryPassword(PASSWORD)).toMatchObject({ ok: true });
  });

  test('an unknown address slows down like a known one', async () => {
    expect((await guess(6, { email: 'nobody@acme.test' })).at(-1)).toEqual({ ok: false, retryAfterSeconds: 1 });
  });

  test('per network address: one that tries many accounts is stopped, others are not', async () => {
    await house.person(EMAIL);
    for (let round = 0; round < 20; round += 1) await guess(1, { email: `someone${round}@acme.test`, address: STRANGER });
    expect(await tryPassword(PASSWORD, { address: STRANGER })).toMatchObject({ ok: false, retryAfterSeconds: expect.any(Number) });
    expect(await tryPassword(PASSWORD)).toMatchObject({ ok: true });
  });

  test('an IPv6 subscriber is one address, whatever they pick inside their /64', async () => {
    for (let round = 0; round < 20; round += 1) await guess(1, { email: `someone${round}@acme.test`, address: `2001:db8:1:2::${round}` });
    expect((await guess(1, { email: 'other@acme.test', address: '2001:db8:1:2:ffff::1' }))[0]).toHaveProperty('retryAfterSeconds');
    expect((await guess(1, { email: 'other@acme.test', address: '2001:db8:1:3::1' }))[0]).toEqual({ ok: false });
  });

  test('a known device passes while strangers are slowed down, and has its own count', async () => {
    const account = await house.person(EMAIL);
    const { deviceToken } = await house.accounts.authentication.signedIn({
      account,
      assurance: PASSWORD_ASSURANCE,
      deviceToken: undefined,
    });
    await guess(8, { address: STRANGER });
    expect(await tryPassword(PASSWORD)).toHaveProperty('retryAfterSeconds');
    expect(await tryPassword(PASSWORD, { deviceToken })).toMatchObject({ ok: true });
    expect((await guess(6, { deviceToken })).at(-1)).toHaveProperty('retryAfterSeconds');
    clock.advance(hours(24 * 181));
    await guess(6, { address: STRANGER });
    expect(await tryPassword(PASSWORD, { deviceToken })).toHaveProperty('retryAfterSeconds');
  });

  test('a device known to one account is no help with another', async () => {
    const account = await house.person('other@acme.test');
    await house.person(EMAIL);
    const { deviceToken } = await house.accounts.authentication.signedIn({
      account,
      assurance: PASSWORD_ASSURANCE,
      deviceToken: undefined,
    });
    expect((await guess(6, { deviceToken })).at(-1)).toHaveProperty('retryAfterSeconds');
  });

  test('what is over is forgotten and swept up', async () => {
    await guess(7, { email: 'nobody@acme.test' });
    const [job] = house.accounts.capability.jobs ?? [];
    const left = async () =>
      (await house.db.rows({ name: 't-throttle', text: 'SELECT key_hash FROM sign_in_throttle', values: [] })).length;
    await job?.run();
    expect(await left()).toBe(2);
    clock.advance(hours(24) + minutes(1));
    await job?.run();
    expect(await left()).toBe(0);
  });
});

test('classes of assurance are ordered, and two proofs in one sign-in add up', () => {
  expect(isAtLeast(ACR.passkey, ACR.secondFactor)).toBe(true);
  expect(isAtLeast(ACR.password, ACR.secondFactor)).toBe(false);
  expect(isAtLeast('something else', ACR.password)).toBe(false);
  expect(isAtLeast(ACR.passkey, 'something else')).toBe(false);
  expect(combine(PASSWORD_ASSURANCE, { acr: ACR.secondFactor, amr: ['otp', 'mfa'] })).toEqual({
    acr: ACR.secondFactor,
    amr: ['pwd', 'otp', 'mfa'],
  });
  expect(combine({ acr: ACR.passkey, amr: ['swk', 'user', 'mfa'] }, PASSWORD_ASSURANCE).acr).toBe('phr');
});
