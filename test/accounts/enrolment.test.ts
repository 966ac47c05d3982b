import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { By } from '../../src/accounts/index.ts';
import { ADDRESS, createTestAccounts, PASSWORD, redeem, type TestAccounts } from '../support/accounts.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';

let house: TestAccounts;
const ended: (readonly [string, string | undefined])[] = [];
const SYSTEM: By = { kind: 'system', id: 'command-line' };
const FIRST = { email: 'Jana@acme.test', name: 'Jana Weber', password: PASSWORD };

beforeEach(async () => {
  ended.length = 0;
  house = await createTestAccounts({ endOtherSessions: async (...who) => void ended.push(who) });
});

afterEach(async () => {
  clock.reset();
  await house.close();
});

const signIn = (email: string, password = PASSWORD) => house.accounts.authentication.verifyPassword({ email, password, address: ADDRESS });
const countAdministrators = async () => (await house.accounts.list({ limit: 100 })).items.filter(({ role }) => role === 'admin').length;

describe('the first administrator by setup code', () => {
  test('has 160 bits, and makes one administrator', async () => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    expect(Buffer.from(code, 'base64url')).toHaveLength(20);
    const account = await house.accounts.setup.redeem({ ...FIRST, code: ` ${code} ` });
    expect(account).toMatchObject({ email: 'jana@acme.test', role: 'admin', status: 'active' });
    expect(await signIn('jana@acme.test')).toMatchObject({ ok: true });
    expect(await house.events()).toEqual(['account.created', 'setup.completed']);
    expect(await house.accounts.setup.makeCode()).toBeUndefined();
    expect(await house.accounts.setup.isOpen()).toBe(false);
    await expect(house.accounts.setup.redeem({ ...FIRST, email: 'two@acme.test', code })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('a second start prints another code; both work until one is used', async () => {
    const [one = '', two = ''] = [await house.accounts.setup.makeCode(), await house.accounts.setup.makeCode()];
    expect(one).not.toBe(two);
    await house.accounts.setup.redeem({ ...FIRST, code: one });
    await expect(house.accounts.setup.redeem({ ...FIRST, email: 'two@acme.test', code: two })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('ends after thirty minutes', async () => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    clock.advance(minutes(30) + seconds(1));
    await expect(house.accounts.setup.redeem({ ...FIRST, code })).rejects.toMatchObject({
      code: 'invalid_input',
      details: { member: 'code' },
    });
  });

  test.each([
    ['code', { code: 'wrong' }],
    ['code', { code: '' }],
    ['email', { email: 'jana' }],
    ['name', { name: 'Jana \u202Eweb' }],
    ['password', { password: 'short' }],
    ['password', { password: 'jana@acme.test' }],
  ])('names what is wrong with the %s and keeps the code', async (member, wrong) => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    await expect(house.accounts.setup.redeem({ ...FIRST, code, ...wrong })).rejects.toMatchObject({
      code: 'invalid_input',
      details: { member },
    });
    await expect(house.accounts.setup.redeem({ ...FIRST, code })).resolves.toMatchObject({ role: 'admin' });
  });

  test('twenty at once with one code: one administrator', async () => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    const tries = Array.from({ length: 20 }, (_, n) => house.accounts.setup.redeem({ ...FIRST, email: `a${n}@acme.test`, code }));
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await countAdministrators()).toBe(1);
  });

  test('twenty at once with twenty codes on ten servers: one administrator', async () => {
    const servers = Array.from({ length: 10 }, () => house.another());
    const codes = await Promise.all([...servers, ...servers].map(({ setup }) => setup.makeCode()));
    const tries = codes.map((code = '', n) => servers[n % 10]?.setup.redeem({ ...FIRST, email: `a${n}@acme.test`, code }));
    const outcomes = await Promise.allSettled(tries);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(19);
    for (const { reason } of refused) expect(['conflict', 'invalid_input']).toContain(reason.code);
    expect(await countAdministrators()).toBe(1);
  });
});

describe('the first administrator by environment', () => {
  const config = { email: 'ops@acme.test', password: PASSWORD };

  test('is created when there is none, and ignored with one warning afterwards', async () => {
    expect(await house.accounts.setup.ensureFirstAdministrator(undefined)).toBeUndefined();
    expect(await house.accounts.setup.ensureFirstAdministrator(config)).toMatchObject({ email: 'ops@acme.test', role: 'admin' });
    expect(house.warnings).toHaveLength(0);
    expect(await house.accounts.setup.ensureFirstAdministrator({ ...config, email: 'two@acme.test' })).toBeUndefined();
    expect(house.warnings).toHaveLength(1);
    expect(house.warnings[0]).not.toContain(PASSWORD);
    expect(await countAdministrators()).toBe(1);
  });

  test('ten servers that start at once make one', async () => {
    const starts = Array.from({ length: 10 }, (_, n) =>
      house.accounts.setup.ensureFirstAdministrator({ ...config, email: `ops${n}@acme.test` }),
    );
    expect((await Promise.all(starts)).filter((account) => account !== undefined)).toHaveLength(1);
  });
});

describe('one-time links', () => {
  const invite = (email = 'jonas@acme.test') => house.accounts.invite({ email, name: 'Jonas', role: 'user' }, SYSTEM);

  test('an invitation lasts a day, lets the person choose name and password, and works once', async () => {
    const { link } = await invite();
    expect(link.url).toMatch(/^http:\/\/localhost:3000\/link\/[A-Za-z0-9_-]{27}$/);
    expect(link.expiresAt.getTime() - Date.now()).toBeGreaterThan(hours(24) - minutes(1));
    expect(await redeem(house.accounts, link.url, { name: 'Jonas Brandt' })).toMatchObject({ name: 'Jonas Brandt' });
    expect(await signIn('jonas@acme.test')).toMatchObject({ ok: true, account: { name: 'Jonas Brandt' } });
    await expect(redeem(house.accounts, link.url)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of twenty at once one sets its password', async () => {
    const { link } = await invite();
    const passwords = Array.from({ length: 20 }, (_, n) => `the password of try ${n}`);
    const outcomes = await Promise.allSettled(passwords.map((password) => redeem(house.accounts, link.url, { password })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = passwords[outcomes.findIndex(({ status }) => status === 'fulfilled')] ?? '';
    expect(await signIn('jonas@acme.test', winner)).toMatchObject({ ok: true });
  });

  test.each([
    ['invitation', hours(24)],
    ['reset', hours(1)],
  ] as const)('an expired %s does not work', async (purpose, lifetimeMs) => {
    const { id } = purpose === 'reset' ? await house.person('mira@acme.test') : (await invite()).account;
    const { url } = await house.accounts.makeLink(id, SYSTEM);
    clock.advance(lifetimeMs + seconds(1));
    await expect(redeem(house.accounts, url)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a bad password leaves the link as it was', async () => {
    const { link } = await invite();
    await expect(redeem(house.accounts, link.url, { password: 'short' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(redeem(house.accounts, link.url, { password: 'jonas@acme.test' })).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(redeem(house.accounts, link.url)).resolves.toMatchObject({ email: 'jonas@acme.test' });
  });

  test('a new link ends the one before; being shut out ends all', async () => {
    const { account, link } = await invite();
    const second = await house.accounts.makeLink(account.id, SYSTEM);
    expect(second.purpose).toBe('invitation');
    await expect(redeem(house.accounts, link.url)).rejects.toMatchObject({ code: 'not_found' });
    await house.accounts.disable(account.id, { by: SYSTEM, reason: 'mistake' });
    await expect(redeem(house.accounts, second.url)).rejects.toMatchObject({ code: 'not_found' });
    await expect(house.accounts.makeLink(account.id, SYSTEM)).rejects.toMatchObject({ code: 'conflict' });
    await house.accounts.enable(account.id, SYSTEM);
    await expect(redeem(house.accounts, second.url)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a reset ends sessions and known devices and removes what was lost', async () => {
    const account = await house.person('mira@acme.test');
    const { deviceToken } = await house.accounts.authentication.signedIn({
      account,
      assurance: { acr: '', amr: ['pwd'] },
      deviceToken: undefined,
    });
    const { url, purpose } = await house.accounts.makeLink(account.id, SYSTEM);
    expect(purpose).toBe('reset');
    await redeem(house.accounts, url, { password: 'a whole new password', name: 'Somebody else' });
    expect(ended).toEqual([[account.id, undefined]]);
    expect((await house.accounts.get(account.id)).name).toBe(account.name);
    expect(await signIn('mira@acme.test')).toEqual({ ok: false });
    expect(await signIn('mira@acme.test', 'a whole new password')).toMatchObject({ ok: true });
    const again = await house.accounts.authentication.signedIn({ account, assurance: { acr: '', amr: ['pwd'] }, deviceToken });
    expect(again.deviceToken).not.toBe(deviceToken);
  });

  test('the command for an administrator who locked themselves out prints one', async () => {
    await house.person('jana@acme.test', 'admin');
    const [command] = house.accounts.capability.commands ?? [];
    const run = async (email: string, how = {}) => {
      const lines: string[] = [];
      const code = await command?.run({ args: [email], json: false, dryRun: false, out: (line) => lines.push(line), ...how });
      return { code, text: lines.join('\n') };
    };
    expect(await run('nobody@acme.test')).toMatchObject({ code: 1 });
    expect((await run('jana@acme.test', { dryRun: true })).text).not.toContain('/link/');
    const { code, text } = await run('JANA@acme.test');
    expect(code).toBe(0);
    await redeem(house.accounts, text.split('\n')[0] ?? '', { password: 'a whole new password' });
    expect(await signIn('jana@acme.test', 'a whole new password')).toMatchObject({ ok: true });
    expect(JSON.parse((await run('jana@acme.test', { json: true })).text)).toHaveProperty('url');
  });
});
