import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PASSWORD } from '../support/accounts.ts';
import { furnish, type House, logIn, openHouse, RESOURCE, visit } from './house.ts';
import { createVisitor, type Page } from './visitor.ts';

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code' as const;
let house: House;
let clientId: string;
let people = 0;

beforeAll(async () => {
  house = await openHouse();
  clientId = await furnish(house, { client_name: 'Terminal agent', grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT] });
});
afterAll(() => house.close());

async function newPerson(): Promise<string> {
  people += 1;
  return (await house.person(`device${people}@acme.test`)).email;
}

async function ask(path: string, fields: Record<string, string>): Promise<Record<string, unknown>> {
  const answer = await fetch(`${house.issuer}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
  return { status: answer.status, ...((await answer.json()) as object) };
}

const begin = (client = clientId) => ask('/device_authorization', { client_id: client, scope: 'invoices:read', resource: RESOURCE });
const poll = (code: unknown) => ask('/token', { grant_type: DEVICE_GRANT, client_id: clientId, device_code: String(code) });

describe('connecting a device (RFC 8628)', () => {
  test('§3.3: code, confirmation, sign-in, consent, and the device gets what was allowed', async () => {
    const email = await newPerson();
    const { device_code: deviceCode, user_code: userCode } = await begin();
    expect(userCode).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
    const { visitor, page } = await visit(house, `${house.issuer}/device`);
    const confirm = await visitor.submit(page, '/device', { user_code: String(userCode).toLowerCase() });
    for (const words of ['Does your device show this code?', String(userCode), 'Terminal agent', 'Asked from'])
      expect(confirm.text).toContain(words);
    expect((await poll(deviceCode))['error']).toBe('authorization_pending');
    const login = await visitor.follow(await visitor.submit(confirm, '/device'));
    const consent = await logIn(visitor, login, email);
    expect(consent.text).toContain('the device that showed you the code');
    const done = await visitor.follow(await visitor.submit(consent, '/consent', { decision: 'allow' }));
    expect(done.text).toContain('Your device is connected');
    expect(await poll(deviceCode)).toMatchObject({ status: 200, scope: 'invoices:read' });
  });

  test('“Not mine” stops it', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin();
    const { visitor, page } = await visit(house, `${house.issuer}/device`);
    const confirm = await visitor.submit(page, '/device', { user_code: String(userCode) });
    const stopped = await visitor.submit(confirm, '/device', { abort: 'yes' });
    expect(stopped.text).toContain('The device was not connected');
    expect((await poll(deviceCode))['error']).toBe('access_denied');
  });

  test('a denied consent stops it', async () => {
    const { device_code: deviceCode, user_code: userCode } = await begin();
    const { visitor, page } = await visit(house, `${house.issuer}/device`);
    const login = await visitor.follow(
      await visitor.submit(await visitor.submit(page, '/device', { user_code: String(userCode) }), '/device'),
    );
    const consent = await logIn(visitor, login, await newPerson());
    await visitor.follow(await visitor.submit(consent, '/consent', { decision: 'deny' }));
    expect((await poll(deviceCode))['error']).toBe('access_denied');
  });

  test('§5.1, R23: one sentence for every wrong code, and a bound on tries', async () => {
    const { visitor, page } = await visit(house, `${house.issuer}/device`);
    let answer: Page = await visitor.submit(page, '/device', { user_code: 'WRONG' });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('No device waits with this code');
    for (let tries = 0; tries < 25 && answer.status !== 429; tries += 1)
      answer = await visitor.post('/device', [['user_code', 'AAAA-AAAA']]);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is not offered to a client that is not registered for it', async () => {
    const answer = await begin(await furnish(house));
    expect([answer['status'], answer['device_code']]).toEqual([400, undefined]);
  });
});

describe('signing out on a client’s request (RP-Initiated Logout 1.0)', () => {
  test('§2: asks first, ends the session, and says so', async () => {
    const email = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    await logIn(visitor, page, email);
    const question = await visitor.get(`/logout?client_id=${clientId}`);
    for (const words of ['Terminal agent', email, 'Sign out here?']) expect(question.text).toContain(words);
    expect((await visitor.get('/me')).status).toBe(200);
    const again = await visitor.get(`/logout?client_id=${clientId}`);
    const done = await visitor.follow(await visitor.submit(again, '/logout/confirm', { logout: 'yes' }));
    expect(done.text).toContain('You are signed out');
    expect((await visitor.get('/me')).location?.pathname).toBe('/sign-in');
  });

  test('§3: an address that is not registered is not gone to', async () => {
    const visitor = createVisitor(house.issuer);
    const answer = await visitor.get(`/logout?client_id=${clientId}&post_logout_redirect_uri=https://evil.test/`);
    expect([answer.status, answer.location]).toEqual([400, undefined]);
    expect(answer.text).toContain('The application asked in a way that is not possible');
  });

  test('a forged confirmation ends nothing', async () => {
    const email = await newPerson();
    const { visitor, page } = await visit(house, `${house.issuer}/me`);
    await visitor.submit(page, '/login', { email, password: PASSWORD });
    await visitor.get('/logout');
    expect(
      (
        await visitor.post('/logout/confirm', [
          ['logout', 'yes'],
          ['xsrf', 'guess'],
        ])
      ).status,
    ).toBe(400);
    expect((await visitor.get('/me')).status).toBe(200);
  });
});

describe('away from loopback', () => {
  test('R9: pages above `user` wait for a second factor, and the session cookie is bound to the host', async () => {
    const away = await openHouse('https://issuer.test');
    try {
      const [administrator, user] = [await away.person('admin@acme.test', 'admin'), await away.person('user@acme.test')];
      const { visitor, page } = await visit(away, `${away.issuer}/console`);
      const refused = await logIn(visitor, page, administrator.email);
      expect([refused.status, refused.text.includes('Protect your account first')]).toEqual([403, true]);
      expect((await visitor.get('/me/passkeys/new')).status).toBe(200);
      expect(visitor.jar.map(({ name }) => name)).toContain('__Host-behalf_session');
      const other = await visit(away, `${away.issuer}/me`);
      expect((await logIn(other.visitor, other.page, user.email)).status).toBe(200);
    } finally {
      await away.close();
    }
  });
});
