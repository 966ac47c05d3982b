import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TOTP } from 'otpauth';
import type { Account, Role } from '../../src/accounts/index.ts';
import { PASSWORD } from '../support/accounts.ts';
import { clock, minutes } from '../support/clock.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import { furnish, type House, logIn, openHouse, requestOf, visit } from './house.ts';
import { createVisitor, formsOf, type Page, type Visitor } from './visitor.ts';

let house: House;
let people = 0;

beforeAll(async () => {
  house = await openHouse();
});
afterAll(async () => {
  clock.reset();
  await house.close();
});

async function newPerson(role: Role = 'user'): Promise<Account> {
  people += 1;
  return house.person(`somebody${people}@acme.test`, role);
}

/** Somebody who has signed in at `path`, and the page that followed. */
async function signedIn(account: Account, path = '/me'): Promise<{ visitor: Visitor; page: Page }> {
  const { visitor, page } = await visit(house, `${house.issuer}${path}`);
  return { visitor, page: await logIn(visitor, page, account.email) };
}

const wordsOf = (page: Page) =>
  JSON.parse(/<p>(\{.*?\})<\/p>/.exec(page.text)?.[1]?.replaceAll('&quot;', '"') ?? '{}') as Record<string, unknown>;

/** Adds an authenticator app; returns its codes. */
async function addCode(visitor: Visitor): Promise<TOTP> {
  const page = await visitor.follow(await visitor.get('/me/code/new'));
  const secret = (/<p class="mono">([A-Z2-7 ]+)<\/p>/.exec(page.text)?.[1] ?? '').replaceAll(' ', '');
  const totp = new TOTP({ secret, digits: 6, period: 30 });
  await visitor.submit(page, '/me/code/new', { code: totp.generate() });
  clock.advance(minutes(1));
  return totp;
}

describe('signing in to our own pages', () => {
  test('leads back to the page that was asked for; one session serves clients too', async () => {
    const account = await newPerson();
    const { visitor, page } = await signedIn(account);
    expect(page.url.pathname).toBe('/me');
    expect(wordsOf(page)).toMatchObject({ accountId: account.id, role: 'user', acr: 'urn:behalf:acr:pwd', amr: ['pwd'] });
    const consent = await visitor.follow(await visitor.get(requestOf(house, await furnish(house))));
    expect(consent.text).toContain(`Signed in as <strong>${account.email}</strong>`);
  });

  test('one sentence for an unknown address and a wrong password', async () => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    for (const email of [account.email, 'nobody@acme.test']) {
      const answer = await visitor.submit(page, '/sign-in/login', { email, password: 'not the password' });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('Email and password do not belong together.');
      expect(answer.text).not.toContain('not the password');
    }
    const failed = (await house.events()).filter(({ type }) => type === 'sign_in.failed');
    expect(failed.slice(-2).map(({ cause }) => cause)).toEqual(['wrong_password', 'wrong_password']);
  });

  test('R23: too many failures slow down with the time to wait, and say so', async () => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    let answer = page;
    for (let tries = 0; tries < 8 && answer.status !== 429; tries += 1) {
      answer = await visitor.submit(page, '/sign-in/login', { email: account.email, password: `wrong ${tries}` });
    }
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.text).toMatch(/Wait \d+ seconds? and try again/);
    expect(answer.text).not.toContain('name="password"');
    expect((await house.events()).some(({ type, subjectId }) => type === 'sign_in.blocked' && subjectId === account.id)).toBe(true);
    clock.advance(minutes(20));
    expect((await logIn(visitor, page, account.email)).url.pathname).toBe('/me');
  });

  test('a second factor follows the password, as a step without script', async () => {
    const account = await newPerson();
    const totp = await addCode((await signedIn(account)).visitor);
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    const second = await logIn(visitor, page, account.email);
    expect(second.text).toContain('name="code"');
    expect((await visitor.get('/me')).location?.pathname).toBe('/sign-in');
    const wrong = await visitor.submit(second, '/code', { code: '000000' });
    expect([wrong.status, wrong.text.includes('This code is not right')]).toEqual([400, true]);
    const done = await visitor.follow(await visitor.submit(wrong, '/code', { code: totp.generate() }));
    expect(wordsOf(done)).toMatchObject({ acr: 'urn:behalf:acr:mfa', amr: ['pwd', 'otp', 'mfa'] });
  });

  test('a right password waits ten minutes for the second factor, and is worth nothing in another browser', async () => {
    const account = await newPerson();
    const totp = await addCode((await signedIn(account)).visitor);
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    const second = await logIn(visitor, page, account.email);
    const stranger = createVisitor(house.issuer);
    const elsewhere = await stranger.get('/sign-in');
    const field = (name: string) => formsOf(elsewhere)[0]?.fields.find(([key]) => key === name)?.[1] ?? '';
    const stolen = await stranger.post('/sign-in/code', [
      ['csrf', field('csrf')],
      ['code', totp.generate()],
    ]);
    expect(stolen.location?.pathname).toBe('/sign-in');
    clock.advance(minutes(11));
    await visitor.follow(await visitor.submit(second, '/code', { code: totp.generate() }));
    expect((await visitor.get('/me')).location?.pathname).toBe('/sign-in');
  });

  test('a passkey signs in without a password', async () => {
    const account = await newPerson();
    const { visitor } = await signedIn(account);
    const device = createSoftwareAuthenticator({ origin: house.issuer, rpId: 'localhost' });
    const optionsOf = (page: Page) => JSON.parse(/data-options="([^"]*)"/.exec(page.text)?.[1]?.replaceAll('&quot;', '"') ?? '{}');
    const enrol = await visitor.get('/me/passkeys/new');
    await visitor.submit(enrol, '/me/passkeys/new', { credential: device.register(optionsOf(enrol)), label: 'Key' });
    const fresh = await visit(house, `${house.issuer}/me`);
    const credential = device.authenticate(optionsOf(fresh.page));
    const done = await fresh.visitor.follow(await fresh.visitor.submit(fresh.page, '/passkey', { credential }));
    expect(wordsOf(done)).toMatchObject({ accountId: account.id, acr: 'phr' });
    const replay = await visit(house, `${house.issuer}/me`);
    expect((await replay.visitor.submit(replay.page, '/passkey', { credential })).status).toBe(400);
  });
});

describe('R22: nothing planted, nothing forged, nothing leading elsewhere', () => {
  test.each([
    'https://evil.test/console',
    '//evil.test',
    '/\\evil.test',
    '/me/../../evil',
    '/me/..%2f..',
    'javascript:alert(1)',
    '/authorize?client_id=x',
    '/console?next=https://evil.test',
    '/meevil.test',
    '/me@evil.test',
    '/me?a=b#c',
    `/me?a=${'b'.repeat(500)}`,
  ])('%s is no place to go on to', async (address) => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/sign-in?return=${encodeURIComponent(address)}`);
    const answer = await visitor.submit(page, '/login', { email: account.email, password: PASSWORD });
    expect(answer.location?.href).toBe(`${house.issuer}/me`);
  });

  test('a page that was asked for with filters comes with them after signing in', async () => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me?state=decided&cursor=apr_1&q=a%20b`);
    const answer = await visitor.submit(page, '/login', { email: account.email, password: PASSWORD });
    expect(answer.location?.href).toBe(`${house.issuer}/me?state=decided&cursor=apr_1&q=a%20b`);
  });

  test('the session of before signing in is worth nothing afterwards', async () => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    // the engine gives even strangers a session, for instance on its logout page
    await visitor.get('/logout');
    const planted = visitor.cookie('behalf_session');
    expect(planted).toBeDefined();
    await logIn(visitor, await visitor.get(page.url.href), account.email);
    expect(visitor.cookie('behalf_session')?.value).not.toBe(planted?.value);
    const attacker = createVisitor(house.issuer);
    attacker.jar.push(...(planted === undefined ? [] : [planted]));
    expect((await attacker.get('/me')).location?.pathname).toBe('/sign-in');
  });

  test('signing in for a client renews the session identifier too', async () => {
    const account = await newPerson();
    const { visitor } = await signedIn(account);
    const before = visitor.cookie('behalf_session')?.value;
    await visitor
      .follow(await visitor.get(requestOf(house, await furnish(house), { prompt: 'login' })))
      .then((page) => logIn(visitor, page, account.email));
    expect(visitor.cookie('behalf_session')?.value).not.toBe(before);
  });

  test.each([
    ['without a token', (fields: [string, string][]) => fields.filter(([name]) => name !== 'csrf'), {}],
    [
      'with a token made up',
      (fields: [string, string][]) =>
        fields.map(([name, value]): [string, string] => [name, name === 'csrf' ? `${value.slice(0, -2)}xx` : value]),
      {},
    ],
    ['from another site', (fields: [string, string][]) => fields, { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
  ])('a form sent %s is refused before anything is tried', async (_case, change, headers) => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    const form = formsOf(page).find(({ action }) => action.includes('/sign-in/login'));
    const fields = change(form?.fields ?? []).filter(([name]) => name !== 'email' && name !== 'password');
    const before = (await house.events()).length;
    const answer = await visitor.post(form?.action ?? '', [...fields, ['email', account.email], ['password', PASSWORD]], headers);
    expect(answer.status).toBe(403);
    expect((await house.events()).length).toBe(before);
  });

  test('a token from before signing in does not sign for the person', async () => {
    const account = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    const before = formsOf(page)[0]?.fields.find(([name]) => name === 'csrf')?.[1] ?? '';
    await logIn(visitor, page, account.email);
    expect((await visitor.post('/me', [['csrf', before]])).status).toBe(403);
    const logout = await visitor.get('/sign-out');
    const after = formsOf(logout)[0]?.fields.find(([name]) => name === 'csrf')?.[1] ?? '';
    expect((await visitor.post('/me', [['csrf', after]])).status).toBe(200);
  });

  test('the token of another person does not sign for this one', async () => {
    const [mine, other] = [await signedIn(await newPerson()), await signedIn(await newPerson())];
    const tokenOf = async ({ visitor }: typeof mine) =>
      formsOf(await visitor.get('/sign-out'))[0]?.fields.find(([name]) => name === 'csrf')?.[1] ?? '';
    const foreign = await tokenOf(other);
    await tokenOf(mine);
    expect(
      (
        await mine.visitor.post('/sign-out', [
          ['csrf', foreign],
          ['logout', 'yes'],
        ])
      ).status,
    ).toBe(403);
    expect((await mine.visitor.get('/me')).status).toBe(200);
  });
});

describe('the guard of pages', () => {
  test('a page for roles refuses others with the rule and what would allow it', async () => {
    const { page } = await signedIn(await newPerson(), '/console');
    expect(page.status).toBe(403);
    for (const words of ['Only administrators and auditors may open it.', 'An administrator can give it to you.'])
      expect(page.text).toContain(words);
  });

  test('R9: on loopback a password is enough until a second factor is there; then it is not', async () => {
    const account = await newPerson('admin');
    const { visitor, page } = await signedIn(account, '/console');
    expect(page.status).toBe(200);
    const totp = await addCode(visitor);
    const more = await visitor.follow(await visitor.get('/console'));
    expect([more.url.searchParams.get('ask'), more.text.includes('name="code"'), more.text.includes('name="password"')]).toEqual([
      'more',
      true,
      false,
    ]);
    const done = await visitor.follow(await visitor.submit(more, '/code', { code: totp.generate() }));
    expect([done.url.pathname, done.status]).toEqual(['/console', 200]);
  });

  test('R22: an old sign-in is asked for again and leads back to the same page', async () => {
    const account = await newPerson();
    const { visitor } = await signedIn(account);
    clock.advance(minutes(16));
    const page = await visitor.follow(await visitor.get('/me/fresh'));
    expect(page.url.pathname).toBe('/sign-in');
    expect(page.text).toContain(`value="${account.email}"`);
    const done = await logIn(visitor, page, account.email);
    expect([done.url.pathname, done.status]).toEqual(['/me/fresh', 200]);
  });

  test('a disabled account is out at once', async () => {
    const account = await newPerson();
    const { visitor } = await signedIn(account);
    await house.accounts.disable(account.id, { by: { kind: 'system', id: 'command-line' }, reason: 'left' });
    expect((await visitor.get('/me')).location?.pathname).toBe('/sign-in');
  });
});

describe('the sessions of a person', () => {
  test('are listed with their browser, and end one by one', async () => {
    const account = await newPerson();
    const [here, there] = [await signedIn(account), await signedIn(account)];
    const sessions = await house.signIn.sessionsOf(account.id);
    expect(sessions.map(({ userAgent }) => userAgent)).toEqual(['Visitor/1.0', 'Visitor/1.0']);
    const mine = String(wordsOf(await here.visitor.get('/me'))['sessionUid']);
    const theirs = sessions.find(({ uid }) => uid !== mine)?.uid ?? '';
    const csrf = formsOf(await here.visitor.get('/sign-out'))[0]?.fields.find(([name]) => name === 'csrf')?.[1] ?? '';
    expect((await here.visitor.post(`/me/sessions/${theirs}/end`, [['csrf', csrf]])).location?.pathname).toBe('/me');
    expect([(await here.visitor.get('/me')).status, (await there.visitor.get('/me')).status]).toEqual([200, 303]);
    expect((await house.events()).at(-1)).toMatchObject({ type: 'session.ended', subjectId: account.id });
    const stranger = await signedIn(await newPerson());
    const token = formsOf(await stranger.visitor.get('/sign-out'))[0]?.fields.find(([name]) => name === 'csrf')?.[1] ?? '';
    expect((await stranger.visitor.post(`/me/sessions/${mine}/end`, [['csrf', token]])).status).toBe(404);
  });

  test('a change of password ends the others', async () => {
    const account = await newPerson();
    const [here, there] = [await signedIn(account), await signedIn(account)];
    const page = await here.visitor.get('/me/password');
    await here.visitor.submit(page, '/me/password', { current: PASSWORD, password: 'another long password' });
    expect([(await here.visitor.get('/me')).status, (await there.visitor.get('/me')).status]).toEqual([200, 303]);
  });

  test('signing out ends this one; GET alone ends nothing', async () => {
    const { visitor } = await signedIn(await newPerson());
    const page = await visitor.get('/sign-out');
    expect((await visitor.get('/me')).status).toBe(200);
    const stayed = await visitor.submit(page, '/sign-out');
    expect(stayed.location?.pathname).toBe('/me');
    const out = await visitor.follow(await visitor.submit(page, '/sign-out', { logout: 'yes' }));
    expect(out.text).toContain('You are signed out');
    expect((await visitor.get('/me')).status).toBe(303);
  });
});
