import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TOTP } from 'otpauth';
import type { Account } from '../../src/accounts/index.ts';
import { ADDRESS, createTestAccounts, PASSWORD, type TestAccounts } from '../support/accounts.ts';
import { clock } from '../support/clock.ts';
import { createSoftwareAuthenticator } from '../support/software-authenticator.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { type Door, startPages, type Visitor } from './visitor.ts';

const ISSUER = new URL('http://localhost:3000');
const FRESH = 900;

let house: TestAccounts;
let door: Door;
let visitor: Visitor;
let pages: Awaited<ReturnType<typeof startPages>>;
const agents = [{ href: '/console/agents/agt_1', name: 'Invoice bot', purpose: 'Pays', state: { word: 'Active', tone: 'yes' as const } }];

beforeEach(async () => {
  const surroundings = {
    agentsOf: async () => agents,
    agentCounts: async (ids: readonly string[]) => new Map(ids.map((id) => [id, 3])),
    grantsOf: async () => [],
    sessionCount: async () => 2,
  };
  house = await createTestAccounts({ surroundings });
  door = { account: undefined, needs: [] };
  pages = await startPages(house.accounts, door, ISSUER);
  visitor = pages.visitor();
});

afterEach(async () => {
  clock.reset();
  await closeEdges();
  await house.close();
});

const enter = async (role: Account['role'] = 'admin') => {
  door.account = await house.person('jana@acme.test', role);
  return door.account;
};
const signIn = (email: string, password = PASSWORD) => house.accounts.authentication.verifyPassword({ email, password, address: ADDRESS });

describe('/setup', () => {
  const fields = { email: 'jana@acme.test', name: 'Jana Weber', password: PASSWORD };

  test('takes the code and makes the administrator; afterwards it is done', async () => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    expect((await visitor.open('/setup')).html).toContain('name="code"');
    const wrong = await visitor.send('/setup', { ...fields, code: 'wrong' });
    expect(wrong.status).toBe(400);
    expect(wrong.text).toContain('value="Jana Weber"');
    expect(wrong.html).not.toContain(PASSWORD);
    const done = await visitor.send('/setup', { ...fields, code });
    expect([done.status, done.location]).toEqual([303, '/console']);
    expect(await signIn(fields.email)).toMatchObject({ ok: true, account: { role: 'admin' } });
    expect((await visitor.open('/setup')).html).toContain('has its administrator');
    expect((await visitor.send('/setup', { ...fields, code })).html).toContain('has its administrator');
  });

  test('R22: refuses a form without the token of its page', async () => {
    const code = (await house.accounts.setup.makeCode()) ?? '';
    await visitor.open('/setup');
    expect((await visitor.send('/setup', { ...fields, code, csrf: 'x' })).status).toBe(403);
    expect(await house.accounts.setup.isOpen()).toBe(true);
  });

  test('without https answers only callers on this machine', async () => {
    expect((await visitor.open('/setup', { 'x-forwarded-for': '203.0.113.5' })).status).toBe(403);
    expect((await visitor.open('/setup', { 'x-forwarded-for': '::1' })).status).toBe(200);
  });
});

describe('one-time links', () => {
  test('looking does not use one up; using it sets name, password and device', async () => {
    const { account, link } = await house.accounts.invite(
      { email: 'jonas@acme.test', name: 'Jonas', role: 'user' },
      { kind: 'account', id: (await enter()).id },
    );
    const path = new URL(link.url).pathname;
    for (let look = 0; look < 3; look += 1) {
      const { text } = await visitor.open(path);
      expect(text).toContain('Welcome, Jonas');
      expect(text).toContain('Person jana@acme.test invited you');
    }
    const weak = await visitor.send(path, { name: 'Jonas Brandt', password: 'short' });
    expect([weak.status, weak.html.includes('at least 12 characters')]).toEqual([400, true]);
    const done = await visitor.send(path, { name: 'Jonas Brandt', password: PASSWORD });
    expect([done.status, done.location]).toEqual([303, '/me']);
    expect((await house.accounts.get(account.id)).name).toBe('Jonas Brandt');
    expect(visitor.cookies.get('behalf_device')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(visitor.cookies.has('behalf_device.sig')).toBe(true);
    const used = await visitor.open(path);
    expect([used.status, used.html.includes('This link works once')]).toEqual([404, true]);
    expect((await visitor.send(path, { name: 'x', password: PASSWORD })).status).toBe(404);
  });

  test('R19: the log names the page, not the link', async () => {
    await visitor.open('/link/some-secret-token');
    expect(JSON.stringify(pages.edge.lines)).toContain('/link/:token');
    expect(JSON.stringify(pages.edge.lines)).not.toContain('some-secret-token');
  });
});

describe('/console/people', () => {
  test('lists and finds people, shows one with what belongs to them', async () => {
    const jana = await enter('auditor');
    const { text } = await visitor.open('/console/people?q=JANA');
    expect(text).toContain('jana@acme.test');
    expect(text).toContain('Password only');
    expect((await visitor.open('/console/people?q=nobody')).text).toContain('Nobody matches');
    const person = await visitor.open(`/console/people/${jana.id}`);
    for (const words of ['Invoice bot', '2 sessions', 'Auditor']) expect(person.text).toContain(words);
    expect(person.text).not.toContain('Make a reset link');
    expect((await visitor.open('/console/people/usr_nobody')).status).toBe(404);
    expect((await visitor.open('/console/people?q=a&q=b')).status).toBe(400);
  });

  test('invites: the link is shown once and works', async () => {
    await enter();
    await visitor.open('/console/people/invite');
    const wrong = await visitor.send('/console/people/invite', { name: 'Jonas', email: 'jonas', role: 'approver' });
    expect([wrong.status, wrong.text.includes('value="jonas"')]).toEqual([400, true]);
    const { status, text } = await visitor.send('/console/people/invite', { name: 'Jonas', email: 'jonas@acme.test', role: 'approver' });
    const url = /http:\/\/localhost:3000\/link\/[\w-]+/.exec(text)?.[0] ?? '';
    expect([status, url]).toEqual([200, expect.stringContaining('/link/')]);
    expect((await visitor.open(new URL(url).pathname)).status).toBe(200);
    expect(await house.accounts.findByEmail('jonas@acme.test')).toMatchObject({ role: 'approver' });
  });

  test('changes the role, makes a reset link, shuts out with a reason, lets in again', async () => {
    await enter();
    const { id } = await house.person('mira@acme.test');
    const here = `/console/people/${id}`;
    await visitor.open(`${here}/roles`);
    expect((await visitor.send(`${here}/roles`, { role: 'auditor' })).location).toBe(here);
    expect((await visitor.send(`${here}/roles`, { role: 'emperor' })).status).toBe(400);
    expect((await visitor.send(`${here}/reset`, {})).text).toMatch(/Reset link/);
    expect((await visitor.open(`${here}/suspend`)).text).toContain('Shut out Person mira@acme.test?');
    expect((await visitor.send(`${here}/suspend`, { reason: ' ' })).status).toBe(400);
    expect((await visitor.send(`${here}/suspend`, { reason: 'left' })).location).toBe(here);
    expect(await house.accounts.get(id)).toMatchObject({ role: 'auditor', status: 'disabled' });
    expect((await visitor.open(here)).text).toContain('Let in again');
    expect((await visitor.send(`${here}/resume`, {})).location).toBe(here);
    expect(await house.accounts.get(id)).toMatchObject({ status: 'active' });
  });

  test('says who takes over, and what would happen to the agents', async () => {
    await enter();
    const [{ id }, heir] = [await house.person('mira@acme.test'), await house.person('heir@acme.test')];
    const here = `/console/people/${id}`;
    expect((await visitor.open(here)).text).toContain('Nobody takes over: their agents would be put under review.');
    expect((await visitor.open(`${here}/suspend`)).text).toContain('3 agents under review');
    const wrong = await visitor.send(`${here}/successor`, { successor: 'nobody@acme.test' });
    expect([wrong.status, wrong.text.includes('Nobody here has this address.')]).toEqual([400, true]);
    expect((await visitor.send(`${here}/successor`, { successor: 'mira@acme.test' })).status).toBe(400);
    expect((await visitor.send(`${here}/successor`, { successor: ' HEIR@acme.test ' })).location).toBe(here);
    expect(await house.accounts.get(id)).toMatchObject({ successorId: heir.id });
    expect((await visitor.open(here)).text).toContain('Person heir@acme.test takes over their agents.');
    expect((await visitor.open(`${here}/suspend`)).text).toContain('3 agents for Person heir@acme.test');
    await house.accounts.disable(heir.id, { by: { kind: 'account', id: heir.id }, reason: 'left' });
    expect((await visitor.open(here)).text).toContain('Whoever was named is gone too');
    expect((await visitor.send(`${here}/successor`, { successor: '' })).location).toBe(here);
    expect(await house.accounts.get(id)).toMatchObject({ successorId: undefined });
  });

  test('removes for good, by the name; the page is gone then', async () => {
    const admin = await enter();
    const { id, name } = await house.person('mira@acme.test');
    const here = `/console/people/${id}`;
    expect((await visitor.open(`${here}/remove`)).text).toContain(`Remove ${name}?`);
    for (const fields of [
      { reason: ' ', name },
      { reason: 'left', name: 'Somebody' },
      { reason: 'left', name, successor: 'mira@acme.test' },
    ]) {
      expect((await visitor.send(`${here}/remove`, fields)).status).toBe(400);
    }
    expect((await visitor.send(`/console/people/${admin.id}/remove`, { reason: 'x', name: admin.name })).status).toBe(400);
    expect((await visitor.send(`${here}/remove`, { reason: 'left', name })).location).toBe('/console/people');
    expect((await visitor.open(here)).status).toBe(404);
    expect((await visitor.open('/console/people')).text).not.toContain(id);
  });

  test('nobody shuts themselves out, and the last administrator stays one', async () => {
    const { id } = await enter();
    await visitor.open(`/console/people/${id}/roles`);
    expect((await visitor.send(`/console/people/${id}/suspend`, { reason: 'x' })).status).toBe(400);
    expect((await visitor.send(`/console/people/${id}/roles`, { role: 'user' })).text).toContain('This is the last administrator');
  });

  test.each([undefined, 'user', 'approver', 'auditor'] as const)('changes nothing for role %s', async (role) => {
    const { id } = await house.person('mira@acme.test');
    if (role !== undefined) await enter(role);
    await visitor.open('/setup');
    const acts = ['invite', `${id}/roles`, `${id}/reset`, `${id}/suspend`, `${id}/resume`, `${id}/remove`, `${id}/successor`];
    for (const act of acts) {
      const fields = { role: 'admin', reason: 'x', name: 'X', email: 'x@acme.test' };
      expect((await visitor.send(`/console/people/${act}`, fields)).status).toBe(role === undefined ? 401 : 403);
    }
    expect(await house.accounts.get(id)).toMatchObject({ role: 'user', status: 'active' });
    expect(await house.accounts.findByEmail('x@acme.test')).toBeUndefined();
  });

  test('R22: every change asks for a sign-in of the last fifteen minutes', async () => {
    const { id } = await enter();
    await visitor.open('/console/people/invite');
    door.needs.length = 0;
    for (const act of ['invite', `${id}/roles`, `${id}/reset`, `${id}/suspend`, `${id}/resume`, `${id}/remove`, `${id}/successor`])
      await visitor.send(`/console/people/${act}`, {});
    expect(door.needs).toEqual(Array(7).fill({ roles: ['admin'], maxAgeSeconds: FRESH }));
  });
});

describe('/me', () => {
  test('changes the password', async () => {
    await enter('user');
    await visitor.open('/me/password');
    const wrong = await visitor.send('/me/password', { current: 'not my password', password: 'a whole new password' });
    expect([wrong.status, wrong.text.includes('This is not your password now')]).toEqual([400, true]);
    expect((await visitor.send('/me/password', { current: PASSWORD, password: 'a whole new password' })).location).toBe('/me');
    expect(await signIn('jana@acme.test', 'a whole new password')).toMatchObject({ ok: true });
  });

  test('adds and removes a passkey', async () => {
    const { id } = await enter();
    const device = createSoftwareAuthenticator({ origin: ISSUER.origin, rpId: ISSUER.hostname });
    const { text } = await visitor.open('/me/passkeys/new');
    expect(text).toMatch(/data-library="[^"]+webauthn\.js"/);
    const options = JSON.parse(/data-options="(\{.*?\})" data-library/.exec(text)?.[1] ?? '{}');
    expect((await visitor.send('/me/passkeys/new', { credential: '{}', label: 'x' })).status).toBe(400);
    const added = await visitor.send('/me/passkeys/new', { credential: device.register(options), label: 'MacBook' });
    expect([added.status, added.location]).toEqual([303, '/me']);
    const { passkeys } = await house.accounts.presentSecurity(id);
    expect(passkeys).toMatchObject([{ label: 'MacBook', added: { text: 'just now' } }]);
    const remove = `/me/passkeys/${passkeys[0]?.id}/remove`;
    expect((await visitor.open(remove)).text).toContain('Remove the passkey “MacBook”?');
    expect((await visitor.send(remove, {})).location).toBe('/me');
    expect((await visitor.send(remove, {})).status).toBe(404);
    expect(await house.events()).toEqual(expect.arrayContaining(['account.credential_added', 'account.credential_removed']));
  });

  test('adds and removes an authenticator app, without script', async () => {
    const { id } = await enter();
    const { html, text } = await visitor.open('/me/code/new');
    expect(html).toContain('<svg');
    const secret = (/<p class="mono">([A-Z2-7 ]+)<\/p>/.exec(text)?.[1] ?? '').replaceAll(' ', '');
    const code = () => new TOTP({ secret }).generate({ timestamp: Date.now() });
    expect((await visitor.send('/me/code/new', { code: '12345x' })).html).toContain('This code is not right');
    expect((await visitor.send('/me/code/new', { code: code() })).location).toBe('/me');
    expect(await house.accounts.presentSecurity(id)).toMatchObject({
      hasCode: true,
      mayUseConsole: true,
      account: { roles: 'Administrator' },
    });
    await visitor.open('/me/code/remove');
    expect((await visitor.send('/me/code/remove', {})).location).toBe('/me');
    expect((await visitor.send('/me/code/remove', {})).status).toBe(404);
  });

  test('R22: whoever finds a browser left open cannot enrol or remove anything', async () => {
    await enter();
    await visitor.open('/me/code/new');
    door.needs.length = 0;
    for (const act of ['passkeys/new', 'code/new', 'passkeys/cred_x/remove', 'code/remove']) {
      await visitor.open(`/me/${act}`);
      await visitor.send(`/me/${act}`, {});
    }
    expect(door.needs).toEqual(Array(8).fill({ maxAgeSeconds: FRESH }));
  });
});
