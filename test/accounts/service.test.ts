import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Account, type By, SELF_SERVICE_GROUP_ID } from '../../src/accounts/index.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { ADDRESS, createTestAccounts, PASSWORD, redeem, type TestAccounts } from '../support/accounts.ts';
import { clock, minutes } from '../support/clock.ts';
import { schemaDrift } from '../support/schema-drift.ts';

let house: TestAccounts;
const disabled: string[] = [];
const ended: (readonly [string, string | undefined])[] = [];
const SYSTEM: By = { kind: 'system', id: 'command-line' };

beforeEach(async () => {
  disabled.length = 0;
  ended.length = 0;
  house = await createTestAccounts({
    onDisabled: async (id) => void disabled.push(id),
    endOtherSessions: async (...who) => void ended.push(who),
  });
});

afterEach(async () => {
  clock.reset();
  await house.close();
});

const create = (email: string, name = 'Mira') => house.accounts.create({ email, name, role: 'user' }, SYSTEM);

async function isLive(account: Account): Promise<boolean> {
  const text = 'SELECT account_id FROM live_accounts WHERE account_id = $1';
  return (await house.db.rows({ name: 't-live', text, values: [account.id] })).length === 1;
}

describe('people', () => {
  test('are found by id and by address in any case, once each', async () => {
    const mira = await create('Mira@Acme.test', '  Mira Köhler ');
    expect(mira).toMatchObject({ id: expect.stringMatching(/^usr_/), email: 'mira@acme.test', name: 'Mira Köhler', status: 'active' });
    expect(await house.accounts.findByEmail('MIRA@acme.TEST')).toEqual(mira);
    expect(await house.accounts.find('usr_nobody')).toBeUndefined();
    await expect(house.accounts.get('usr_nobody')).rejects.toMatchObject({ code: 'not_found' });
    await expect(create('MIRA@ACME.TEST')).rejects.toMatchObject({ code: 'conflict', details: { member: 'email' } });
    const raw = house.db.rows({ name: 't-upper', text: "UPDATE accounts SET email = 'MIRA@acme.test'", values: [] });
    await expect(raw).rejects.toThrow('accounts_email_lower');
  });

  test.each(['', 'a\u0007b', 'x\u202Ey', 'x'.repeat(121), '\u200b'])('refuses the name %j', async (name) => {
    await expect(create('a@acme.test', name)).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'name' } });
  });

  test.each(['', 'mira', 'mira@', '@acme.test', `${'x'.repeat(250)}@acme.test`, 'a@b.test\u0000'])(
    'refuses the address %j',
    async (email) => {
      await expect(create(email)).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'email' } });
    },
  );

  test('are listed newest first, in pages, searched by name and address with every sign meaning itself', async () => {
    for (let n = 0; n < 7; n += 1) await create(`p${n}@acme.test`, `Person ${n}`);
    await create('odd@acme.test', '100% odd_one');
    const first = await house.accounts.list({ limit: 5 });
    expect(first).toMatchObject({ total: 8, items: [{ name: '100% odd_one' }, { name: 'Person 6' }, {}, {}, {}] });
    const second = await house.accounts.list({ limit: 5, cursor: first.nextCursor });
    expect(second.items.map(({ name }) => name)).toEqual(['Person 2', 'Person 1', 'Person 0']);
    expect(second.nextCursor).toBeUndefined();
    expect((await house.accounts.list({ search: '%', limit: 5 })).items).toHaveLength(1);
    expect((await house.accounts.list({ search: 'd_o', limit: 5 })).total).toBe(1);
    expect((await house.accounts.list({ search: 'P3@ACME', limit: 5 })).items).toMatchObject([{ name: 'Person 3' }]);
  });
});

describe('roles and shutting out', () => {
  test('shut out: not alive, hook called once, in the same transaction; let in again: alive', async () => {
    const mira = await house.person('mira@acme.test');
    expect(await isLive(mira)).toBe(true);
    await house.accounts.disable(mira.id, { by: SYSTEM, reason: 'left' });
    await house.accounts.disable(mira.id, { by: SYSTEM, reason: 'again' });
    expect(disabled).toEqual([mira.id]);
    expect(await isLive(mira)).toBe(false);
    expect(await house.accounts.ownerLabel({ kind: 'user', id: mira.id })).toEqual({ name: mira.name, isAlive: false });
    await house.accounts.enable(mira.id, SYSTEM);
    expect(await isLive(mira)).toBe(true);
    expect((await house.events()).filter((type) => type === 'account.disabled')).toHaveLength(1);
  });

  test('when the hook fails nobody is shut out and nothing is recorded', async () => {
    const failing = await createTestAccounts({ onDisabled: () => Promise.reject(new Error('the cascade failed')) });
    const mira = await failing.person('mira@acme.test');
    await expect(failing.accounts.disable(mira.id, { by: SYSTEM, reason: 'left' })).rejects.toThrow('the cascade failed');
    expect((await failing.accounts.get(mira.id)).status).toBe('active');
    expect(await failing.events()).not.toContain('account.disabled');
    await failing.close();
  });

  test('the last administrator stays one', async () => {
    const { id } = await house.person('one@acme.test', 'admin');
    await expect(house.accounts.setRole(id, 'auditor', SYSTEM)).rejects.toMatchObject({ code: 'conflict' });
    await expect(house.accounts.disable(id, { by: SYSTEM, reason: 'x' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await house.accounts.get(id)).toMatchObject({ role: 'admin', status: 'active' });
    expect(await house.events()).not.toContain('account.role_changed');
  });

  test('R8: the only administrator is the one who is left when others may not administer or are shut out', async () => {
    const [one, other] = [await house.person('one@acme.test', 'admin'), await house.person('other@acme.test', 'admin')];
    const isSole = (id: string) => house.accounts.isSoleAdministrator(id);
    expect([await isSole(one.id), await isSole(other.id), await isSole('usr_nobody')]).toEqual([false, false, false]);
    await house.accounts.disable(other.id, { by: SYSTEM, reason: 'left' });
    expect([await isSole(one.id), await isSole(other.id)]).toEqual([true, false]);
    await house.accounts.enable(other.id, SYSTEM);
    await house.accounts.setRole(other.id, 'auditor', SYSTEM);
    expect([await isSole(one.id), await isSole(other.id)]).toEqual([true, false]);
  });

  test('of six administrators who lose the role at once one keeps it', async () => {
    const six = await Promise.all(Array.from({ length: 6 }, (_, n) => house.person(`a${n}@acme.test`, 'admin')));
    const servers = six.map(() => house.another());
    await Promise.all(servers.map((server) => server.listGroups()));
    const outcomes = await Promise.allSettled(six.map(({ id }, n) => servers[n]?.setRole(id, 'user', SYSTEM)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect((await house.accounts.list({ limit: 9 })).items.filter(({ role }) => role === 'admin')).toHaveLength(1);
  });
});

describe('changing the own password', () => {
  const change = { sessionUid: 'ses-1', address: ADDRESS, deviceToken: undefined };

  test('ends all other sessions and the old password', async () => {
    const mira = await house.person('mira@acme.test');
    await house.accounts.changePassword(mira.id, { ...change, current: PASSWORD, password: 'a whole new password' });
    expect(ended).toEqual([[mira.id, 'ses-1']]);
    const signIn = (password: string) => house.accounts.authentication.verifyPassword({ email: mira.email, password, address: ADDRESS });
    expect(await signIn(PASSWORD)).toEqual({ ok: false });
    expect(await signIn('a whole new password')).toMatchObject({ ok: true });
  });

  test('asks for the password now, and slows down who guesses it', async () => {
    const mira = await house.person('mira@acme.test');
    const wrong = () => house.accounts.changePassword(mira.id, { ...change, current: 'not my password', password: 'a whole new password' });
    for (let round = 0; round < 5; round += 1) await expect(wrong()).rejects.toMatchObject({ details: { member: 'current' } });
    await expect(wrong()).rejects.toMatchObject({ code: 'too_many_requests', details: { retryAfterSeconds: 1 } });
    clock.advance(minutes(1));
    const weak = house.accounts.changePassword(mira.id, { ...change, current: PASSWORD, password: 'MIRA@acme.test' });
    await expect(weak).rejects.toMatchObject({ details: { member: 'password' } });
    expect(ended).toEqual([]);
  });
});

describe('groups', () => {
  test('R5: the self-service group is there from the start', async () => {
    expect(await house.accounts.group(SELF_SERVICE_GROUP_ID)).toEqual({
      id: SELF_SERVICE_GROUP_ID,
      name: 'Self-service',
      isBuiltIn: true,
      memberCount: 0,
      isAlive: true,
    });
    expect(await house.accounts.ownerLabel({ kind: 'group', id: SELF_SERVICE_GROUP_ID })).toEqual({ name: 'Self-service', isAlive: true });
    expect(await house.accounts.ownerLabel({ kind: 'group', id: 'grp_nobody' })).toMatchObject({ isAlive: false });
    expect(await house.accounts.ownerLabel({ kind: 'user', id: SELF_SERVICE_GROUP_ID })).toMatchObject({ isAlive: false });
  });

  test('are made, joined and left', async () => {
    const mira = await create('mira@acme.test');
    const { id } = await house.accounts.createGroup({ name: 'Finance' }, SYSTEM);
    await expect(house.accounts.createGroup({ name: 'Finance' }, SYSTEM)).rejects.toMatchObject({ code: 'conflict' });
    await house.accounts.addMember(id, mira.id, SYSTEM);
    await house.accounts.addMember(id, mira.id, SYSTEM);
    expect(await house.accounts.groupsOf(mira.id)).toMatchObject([{ id, name: 'Finance', memberCount: 1 }]);
    expect(await house.accounts.members(id)).toEqual([mira]);
    await expect(house.accounts.addMember(id, 'usr_nobody', SYSTEM)).rejects.toMatchObject({ code: 'not_found' });
    await house.accounts.removeMember(id, mira.id, SYSTEM);
    expect(await house.accounts.groupsOf(mira.id)).toEqual([]);
    expect((await house.accounts.listGroups()).map(({ name }) => name)).toEqual(['Finance', 'Self-service']);
  });
});

describe('what the engine is told', () => {
  const oidc = () => house.accounts.capability.oidc;
  const find = (id: string) => oidc()?.findAccount?.(undefined as never, id, undefined);

  test('OIDC Core §5.1: who somebody is; a person who was shut out is nobody', async () => {
    const mira = await house.person('mira@acme.test');
    const found = await find(mira.id);
    expect(found?.accountId).toBe(mira.id);
    expect(await found?.claims('userinfo', 'openid', {}, [])).toEqual({
      sub: mira.id,
      name: mira.name,
      email: mira.email,
      email_verified: false,
    });
    await house.accounts.disable(mira.id, { by: SYSTEM, reason: 'left' });
    expect(await find(mira.id)).toBeUndefined();
    expect(await find('usr_nobody')).toBeUndefined();
  });

  test('scopes, claims and classes of assurance', () => {
    expect(oidc()?.scopes).toEqual(['openid', 'profile', 'email']);
    expect(oidc()?.claims).toMatchObject({ openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] });
    expect(oidc()?.acrValues).toEqual(['urn:behalf:acr:pwd', 'urn:behalf:acr:mfa', 'phr']);
  });
});

/** Every row of every table as text, bytes both as hex and as they are. */
async function dump(): Promise<string> {
  const client = new pg.Client(house.database.connection);
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'");
  const parts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await client.query(`SELECT * FROM "${name}"`);
    for (const value of rows.flatMap((row: object) => Object.values(row))) {
      parts.push(Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('hex')}` : (JSON.stringify(value) ?? ''));
    }
  }
  await client.end();
  return parts.join('\n');
}

test('R16: a dump of the database holds none of the secrets people have seen', async () => {
  const code = (await house.accounts.setup.makeCode()) ?? '';
  const reset = await house.accounts.makeLink((await house.person('mira@acme.test')).id, SYSTEM);
  const { account, link } = await house.accounts.invite({ email: 'a@acme.test', name: 'A', role: 'user' }, SYSTEM);
  await redeem(house.accounts, link.url);
  const { deviceToken } = await house.accounts.authentication.signedIn({
    account,
    assurance: { acr: '', amr: ['pwd'] },
    deviceToken: undefined,
  });
  const { challenge } = await house.accounts.authentication.beginPasskey({ binding: 'interaction-uid', accountId: account.id });
  await house.accounts.authentication.verifyPassword({ email: 'guess@acme.test', password: 'a guessed password', address: ADDRESS });
  const text = await dump();
  expect(text).toContain('a@acme.test');
  const tokenOf = (url: string) => url.slice(url.lastIndexOf('/') + 1);
  const secrets = [code, tokenOf(reset.url), tokenOf(link.url), deviceToken, challenge];
  for (const secret of secrets) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
  }
  for (const secret of [PASSWORD, 'a guessed password', 'guess@acme.test', ADDRESS, 'interaction-uid']) expect(text).not.toContain(secret);
});

test('the tables are those of the schema', async () => {
  expect(await schemaDrift(house.database.connection)).toBe('');
  expect(randomIds.next('usr')).toMatch(/^usr_[0-9a-f]{32}$/);
});
