import { createHash, createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TOTP } from 'otpauth';
import { createSecondFactors, type SecondFactors } from '../../src/accounts/second-factor/second-factor.ts';
import type { Account } from '../../src/accounts/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { clock, minutes, seconds } from '../support/clock.ts';
import { createSoftwareAuthenticator, type SoftwareAuthenticator } from '../support/software-authenticator.ts';

const ISSUER = new URL('http://localhost:3000');
const SITE = { origin: 'http://localhost:3000', rpId: 'localhost' };
const BINDING = 'session-1';

let house: TestAccounts;
let factors: SecondFactors;
let account: Account;
let device: SoftwareAuthenticator;

beforeEach(async () => {
  house = await createTestAccounts();
  factors = createSecondFactors({ ...house, clock: systemClock, ids: randomIds, issuer: ISSUER, audit: { record: async () => undefined } });
  account = await house.person('mira@acme.test', 'admin');
  device = createSoftwareAuthenticator(SITE);
});

afterEach(async () => {
  clock.reset();
  await house.close();
});

async function enrol(how: Parameters<SoftwareAuthenticator['register']>[1] = {}, binding = BINDING) {
  const options = await factors.passkeys.beginRegistration(account, BINDING);
  return factors.addPasskey(account, { binding, credential: device.register(options, how), label: 'Notebook' });
}

const ceremony = (accountId: string | undefined = account.id) => ({ binding: BINDING, accountId });
const authentication = () => house.accounts.authentication;

describe('passkeys', () => {
  test('one that was enrolled signs in, with and without the account being known before', async () => {
    await enrol();
    for (const accountId of [account.id, undefined]) {
      const options = await authentication().beginPasskey(ceremony(accountId));
      expect(options.userVerification).toBe('required');
      const answer = await authentication().finishPasskey(ceremony(accountId), device.authenticate(options));
      expect(answer).toMatchObject({ ok: true, account: { id: account.id }, assurance: { acr: 'phr', amr: ['hwk', 'user', 'mfa'] } });
    }
    expect((await factors.securityOf(account.id)).passkeys).toMatchObject([{ label: 'Notebook', lastUsedAt: expect.any(Date) }]);
  });

  test.each([
    ['of another site', { origin: 'https://evil.test' }],
    ['without user verification', { userVerified: false }],
  ])('refuses one %s', async (_name, bend) => {
    await expect(enrol(bend)).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'credential' } });
    await enrol();
    const options = await authentication().beginPasskey(ceremony());
    expect(await authentication().finishPasskey(ceremony(), device.authenticate(options, bend))).toEqual({ ok: false });
  });

  test('refuses a registration from another session, answered twice, or after five minutes', async () => {
    await expect(enrol({}, 'session-2')).rejects.toMatchObject({ code: 'invalid_input' });
    const options = await factors.passkeys.beginRegistration(account, BINDING);
    const credential = device.register(options);
    await factors.addPasskey(account, { binding: BINDING, credential, label: '' });
    await expect(factors.addPasskey(account, { binding: BINDING, credential, label: '' })).rejects.toMatchObject({ code: 'invalid_input' });
    const late = await factors.passkeys.beginRegistration(account, BINDING);
    const answer = device.register(late);
    clock.advance(minutes(5) + seconds(1));
    await expect(factors.addPasskey(account, { binding: BINDING, credential: answer, label: '' })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });

  test('R12 one agrees to exactly one thing, and what it signed can be verified by anybody', async () => {
    await enrol();
    const [covers, other] = [randomIds.bytes(32), randomIds.bytes(32)];
    const { beginConfirmation, confirm } = authentication();
    const asked = await beginConfirmation(account.id, covers);
    const options = JSON.parse(asked?.passkey ?? '');
    expect([options.challenge, options.userVerification, asked?.takesCode]).toEqual([covers.toString('base64url'), 'required', false]);
    const given = (bend = {}) => ({ credential: device.authenticate(options, bend), code: '' });
    for (const refused of [
      given({ userVerified: false }),
      given({ origin: 'https://evil.test' }),
      { credential: '{}', code: '' },
      { credential: '', code: '123456' },
    ])
      expect(await confirm(account.id, covers, refused)).toEqual({ ok: false });
    expect(await confirm(account.id, other, given())).toEqual({ ok: false });
    const stranger = await house.person('jana@acme.test', 'user');
    expect(await confirm(stranger.id, covers, given())).toEqual({ ok: false });
    const accepted = await confirm(account.id, covers, given());
    expect(accepted).toMatchObject({ ok: true, assurance: { acr: 'phr', amr: ['hwk', 'user', 'mfa'] } });
    if (!accepted.ok || accepted.assertion === undefined) throw new Error('not confirmed');
    const { client_data: clientData, authenticator_data: data, signature, public_key: jwk } = accepted.assertion;
    const [said, authenticator] = [Buffer.from(clientData, 'base64url'), Buffer.from(data, 'base64url')];
    expect(JSON.parse(said.toString())).toMatchObject({ type: 'webauthn.get', challenge: covers.toString('base64url') });
    const signed = Buffer.concat([authenticator, createHash('sha256').update(said).digest()]);
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    expect(verify('sha256', signed, key, Buffer.from(signature, 'base64url'))).toBe(true);
    expect((await house.events()).filter((type) => type === 'sign_in.failed')).toHaveLength(6);
  });

  test('R12 who has no passkey agrees with a code of their app, once; who has neither is not asked', async () => {
    const { beginConfirmation, confirm } = authentication();
    const covers = randomIds.bytes(32);
    expect(await beginConfirmation(account.id, covers)).toBeUndefined();
    const { secret } = await factors.beginCode(account);
    const code = () => new TOTP({ secret }).generate({ timestamp: systemClock.now().getTime() });
    expect(await factors.confirmCode(account, code())).toBe(true);
    expect(await beginConfirmation(account.id, covers)).toEqual({ passkey: undefined, takesCode: true });
    clock.advance(minutes(1));
    const given = { credential: '', code: code() };
    expect(await confirm(account.id, covers, given)).toMatchObject({ ok: true, assurance: { amr: ['otp', 'mfa'] }, assertion: undefined });
    expect(await confirm(account.id, covers, given)).toEqual({ ok: false });
  });

  test('a challenge is answered once: of twenty at a time one signs in', async () => {
    await enrol();
    const credential = device.authenticate(await authentication().beginPasskey(ceremony()));
    const answers = await Promise.all(Array.from({ length: 20 }, () => authentication().finishPasskey(ceremony(), credential)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('refuses a challenge of another session, of another account, or of a registration', async () => {
    await enrol();
    const other = await house.person('other@acme.test');
    const mine = async () => device.authenticate(await authentication().beginPasskey(ceremony()));
    expect(await authentication().finishPasskey({ binding: 'session-2', accountId: account.id }, await mine())).toEqual({ ok: false });
    expect(await authentication().finishPasskey(ceremony(other.id), await mine())).toEqual({ ok: false });
    const forOther = await authentication().beginPasskey(ceremony(other.id));
    expect(await authentication().finishPasskey(ceremony(other.id), device.authenticate(forOther))).toEqual({ ok: false });
    const { challenge } = await factors.passkeys.beginRegistration(account, BINDING);
    expect(await authentication().finishPasskey(ceremony(), device.authenticate({ challenge }))).toEqual({ ok: false });
    expect(await authentication().finishPasskey(ceremony(), 'not json')).toEqual({ ok: false });
  });

  test('WebAuthn §6.1.1: refuses a signature counter that did not grow', async () => {
    await enrol();
    const use = async (counter: number) =>
      authentication().finishPasskey(ceremony(), device.authenticate(await authentication().beginPasskey(ceremony()), { counter }));
    expect(await use(7)).toMatchObject({ ok: true });
    expect(await use(7)).toEqual({ ok: false });
    expect(await use(6)).toEqual({ ok: false });
    expect(await use(8)).toMatchObject({ ok: true });
  });

  test('one that is removed, or whose owner is shut out, signs in no more', async () => {
    const { id } = await enrol();
    const other = await house.person('other@acme.test', 'admin');
    expect(await factors.removePasskey(other, id)).toBe(false);
    await house.accounts.disable(account.id, { by: { kind: 'account', id: other.id }, reason: 'left' });
    const use = async () =>
      authentication().finishPasskey(ceremony(), device.authenticate(await authentication().beginPasskey(ceremony())));
    expect(await use()).toEqual({ ok: false });
    await house.accounts.enable(account.id, { kind: 'account', id: other.id });
    expect(await use()).toMatchObject({ ok: true });
    expect(await factors.removePasskey(account, id)).toBe(true);
    expect(await use()).toEqual({ ok: false });
  });
});

describe('codes of an authenticator app', () => {
  async function app() {
    const { secret } = await factors.beginCode(account);
    const totp = new TOTP({ secret, algorithm: 'SHA1', digits: 6, period: 30 });
    return {
      now: () => totp.generate({ timestamp: Date.now() }),
      earlier: (s: number) => totp.generate({ timestamp: Date.now() - seconds(s) }),
    };
  }
  const verify = (code: string) => authentication().verifyCode(account.id, code);

  test('count after one right code was typed, and not before', async () => {
    const { now } = await app();
    expect(await verify(now())).toEqual({ ok: false });
    expect(await factors.confirmCode(account, '000000')).toBe(false);
    expect(await factors.securityOf(account.id)).toMatchObject({ hasCode: false });
    expect(await factors.confirmCode(account, `${now().slice(0, 3)} ${now().slice(3)}`)).toBe(true);
    clock.advance(seconds(30));
    expect(await verify(now())).toMatchObject({ ok: true, assurance: { acr: 'urn:behalf:acr:mfa', amr: ['otp', 'mfa'] } });
  });

  test('RFC 6238 §5.2: one code works once, the one of enrolment included, also twenty times at once', async () => {
    const { now, earlier } = await app();
    await factors.confirmCode(account, now());
    expect(await factors.codes.verify(account.id, now())).toBe(false);
    clock.advance(minutes(1));
    const code = now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => factors.codes.verify(account.id, code)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await factors.codes.verify(account.id, earlier(30))).toBe(false);
  });

  test('RFC 6238 §5.2: accepts the step before and after, nothing farther', async () => {
    const { now, earlier } = await app();
    await factors.confirmCode(account, now());
    clock.advance(minutes(10));
    expect(await factors.codes.verify(account.id, earlier(60))).toBe(false);
    expect(await factors.codes.verify(account.id, earlier(30))).toBe(true);
    expect(await factors.codes.verify(account.id, earlier(-60))).toBe(false);
    expect(await factors.codes.verify(account.id, earlier(-30))).toBe(true);
  });

  test('guessing is slowed down per account', async () => {
    const { now } = await app();
    await factors.confirmCode(account, now());
    clock.advance(minutes(1));
    for (let round = 0; round < 5; round += 1) expect(await verify('12345x')).toEqual({ ok: false });
    expect(await verify(now())).toEqual({ ok: false, retryAfterSeconds: 1 });
    clock.advance(seconds(1));
    expect(await verify(now())).toMatchObject({ ok: true });
  });

  test('the secret shown stays the same for ten minutes; enrolling anew leaves the old one in force until confirmed', async () => {
    const { secret } = await factors.beginCode(account);
    expect((await factors.beginCode(account)).secret).toBe(secret);
    clock.advance(minutes(11));
    expect((await factors.beginCode(account)).secret).not.toBe(secret);
    const first = await app();
    await factors.confirmCode(account, first.now());
    const second = await app();
    clock.advance(minutes(1));
    expect(await factors.codes.verify(account.id, second.now())).toBe(false);
    expect(await factors.codes.verify(account.id, first.now())).toBe(true);
    expect(await factors.confirmCode(account, second.now())).toBe(true);
    clock.advance(minutes(1));
    expect(await factors.codes.verify(account.id, first.now())).toBe(false);
  });

  test('secrets survive a change of the master key', async () => {
    const masterKey = randomIds.bytes(32);
    const deps = { ...house, clock: systemClock, ids: randomIds, issuer: ISSUER, audit: { record: async () => undefined } };
    const before = createSecondFactors({ ...deps, vault: createVault({ masterKey, previousMasterKey: undefined, ids: randomIds }) });
    const { secret } = await before.beginCode(account);
    await before.confirmCode(account, new TOTP({ secret }).generate({ timestamp: Date.now() }));
    const next = randomIds.bytes(32);
    await createSecondFactors({
      ...deps,
      vault: createVault({ masterKey: next, previousMasterKey: masterKey, ids: randomIds }),
    }).codes.reseal();
    const after = createSecondFactors({ ...deps, vault: createVault({ masterKey: next, previousMasterKey: undefined, ids: randomIds }) });
    clock.advance(minutes(1));
    expect(await after.codes.verify(account.id, new TOTP({ secret }).generate({ timestamp: Date.now() }))).toBe(true);
  });
});

test('R9: every role above user must enrol, a user need not, and one factor is enough', async () => {
  const user = await house.person('user@acme.test');
  expect(await house.accounts.mustEnrol(user)).toBe(false);
  for (const role of ['admin', 'approver', 'auditor'] as const) expect(await house.accounts.mustEnrol({ id: account.id, role })).toBe(true);
  await enrol();
  expect(await house.accounts.mustEnrol(account)).toBe(false);
  const answer = await authentication().verifyPassword({ email: account.email, password: 'correct horse battery', address: '203.0.113.7' });
  expect(answer).toMatchObject({ ok: true, needsSecondFactor: true, methods: ['passkey'] });
});
