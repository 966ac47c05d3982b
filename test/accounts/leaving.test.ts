import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Account, type By, type Departure, type OwnerRef, SELF_SERVICE_GROUP_ID } from '../../src/accounts/index.ts';
import { createTestAccounts, PASSWORD, type TestAccounts } from '../support/accounts.ts';

let house: TestAccounts;
const departures: Departure[] = [];
const removed: string[] = [];
const SYSTEM: By = { kind: 'system', id: 'command-line' };
const how = { by: SYSTEM, reason: 'left' };

beforeEach(async () => {
  departures.length = 0;
  removed.length = 0;
  house = await createTestAccounts({
    onOwnerGone: async (departure) => void departures.push(departure),
    onRemoved: async (id) => void removed.push(id),
  });
});

afterEach(() => house.close());

const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => house.db.rows<Row>({ name: '', text, values });
const isAlive = async (owner: OwnerRef) => (await house.accounts.ownerLabel(owner)).isAlive;
const user = ({ id }: Account) => ({ kind: 'user', id }) as const;
const groupOf = async (...members: readonly Account[]) => {
  const { id } = await house.accounts.createGroup({ name: `Group of ${members.map(({ name }) => name).join(', ')}` }, SYSTEM);
  for (const member of members) await house.accounts.addMember(id, member.id, SYSTEM);
  return id;
};

describe('a successor', () => {
  test('is named, told to the trail, and taken back', async () => {
    const [mira, jonas] = [await house.person('mira@acme.test'), await house.person('jonas@acme.test')];
    expect(await house.accounts.nameSuccessor(mira.id, jonas.id, SYSTEM)).toMatchObject({ successorId: jonas.id });
    await house.accounts.nameSuccessor(mira.id, jonas.id, SYSTEM);
    expect(await house.accounts.get(mira.id)).toMatchObject({ successorId: jonas.id });
    expect(await house.accounts.nameSuccessor(mira.id, undefined, SYSTEM)).toMatchObject({ successorId: undefined });
    expect((await house.events()).filter((type) => type === 'account.successor_named')).toHaveLength(2);
  });

  test('is somebody else who is alive', async () => {
    const [mira, jonas] = [await house.person('mira@acme.test'), await house.person('jonas@acme.test')];
    await house.accounts.disable(jonas.id, how);
    for (const id of [mira.id, jonas.id, 'usr_nobody', SELF_SERVICE_GROUP_ID]) {
      await expect(house.accounts.nameSuccessor(mira.id, id, SYSTEM)).rejects.toMatchObject({ details: { member: 'successor' } });
      await expect(house.accounts.disable(mira.id, { ...how, successorId: id })).rejects.toMatchObject({
        details: { member: 'successor' },
      });
    }
    expect(await house.accounts.get(mira.id)).toMatchObject({ status: 'active', successorId: undefined });
    await expect(sql('UPDATE accounts SET successor_id = id')).rejects.toThrow('accounts_successor_is_another');
  });

  test('takes over when the person is shut out; another one can be chosen then; one who is gone takes over nothing', async () => {
    const people = await Promise.all(['a', 'b', 'c', 'heir', 'other'].map((name) => house.person(`${name}@acme.test`)));
    const [a, b, c, heir, other] = people as [Account, Account, Account, Account, Account];
    for (const { id } of [a, b, c]) await house.accounts.nameSuccessor(id, heir.id, SYSTEM);
    await house.accounts.disable(a.id, how);
    await house.accounts.disable(b.id, { ...how, successorId: other.id });
    await house.accounts.disable(heir.id, how);
    await house.accounts.disable(c.id, how);
    expect(departures.map(({ owner, successorId, happened }) => [owner.id, successorId, happened])).toEqual([
      [a.id, heir.id, 'person shut out'],
      [b.id, other.id, 'person shut out'],
      [heir.id, undefined, 'person shut out'],
      [c.id, undefined, 'person shut out'],
    ]);
    await house.accounts.enable(a.id, SYSTEM);
    expect(departures).toHaveLength(4);
  });
});

describe('somebody who is removed', () => {
  test('is forgotten but for an id: no list, no way in, no way back, and the address is free', async () => {
    const mira = await house.person('mira@acme.test');
    await house.accounts.nameSuccessor(mira.id, (await house.person('heir@acme.test')).id, SYSTEM);
    const group = await groupOf(mira);
    await house.accounts.authentication.signedIn({ account: mira, assurance: { acr: '', amr: ['pwd'] }, deviceToken: undefined });
    await house.accounts.remove(mira.id, how);
    expect([removed, await house.accounts.find(mira.id), await house.accounts.findByEmail('mira@acme.test')]).toEqual([
      [mira.id],
      undefined,
      undefined,
    ]);
    expect(await house.accounts.ownerLabel(user(mira))).toEqual({ name: 'Former person', isAlive: false });
    expect(await house.accounts.nameOf(mira.id)).toBe('Former person');
    expect(await house.accounts.list({ limit: 9 })).toMatchObject({ total: 1, items: [{ email: 'heir@acme.test' }] });
    expect(await house.accounts.members(group)).toEqual([]);
    for (const attempt of [
      house.accounts.enable(mira.id, SYSTEM),
      house.accounts.setRole(mira.id, 'admin', SYSTEM),
      house.accounts.makeLink(mira.id, SYSTEM),
      house.accounts.remove(mira.id, how),
      house.accounts.disable(mira.id, how),
      house.accounts.nameSuccessor(mira.id, undefined, SYSTEM),
      house.accounts.addMember(group, mira.id, SYSTEM),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'not_found' });
    }
    await expect(sql(`UPDATE accounts SET status = 'active' WHERE id = $1`, [mira.id])).rejects.toThrow('accounts_removed_is_disabled');
    const again = await house.person('mira@acme.test');
    expect(again.id).not.toBe(mira.id);
    const signIn = { email: 'mira@acme.test', password: PASSWORD, address: '203.0.113.9' };
    expect(await house.accounts.authentication.verifyPassword(signIn)).toMatchObject({ ok: true, account: { id: again.id } });
  });

  test('leaves nothing of themselves in the database', async () => {
    const mira = await house.accounts.create({ email: 'mira.koehler@acme.test', name: 'Mira Köhler', role: 'user' }, SYSTEM);
    await house.accounts.makeLink(mira.id, SYSTEM);
    await house.accounts.securityOf(mira.id);
    await house.accounts.remove(mira.id, how);
    const tables = await sql<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
    const texts = await Promise.all(tables.map(({ name }) => sql<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`)));
    const dump = texts
      .flat()
      .map(({ row }) => row)
      .join('\n');
    expect(dump).toContain(mira.id);
    expect(dump).not.toMatch(/mira\.koehler|Köhler/);
  });

  test('goes after being shut out as well: a successor who was chosen by then takes over', async () => {
    const [mira, heir] = [await house.person('mira@acme.test'), await house.person('heir@acme.test')];
    await house.accounts.disable(mira.id, how);
    await house.accounts.remove(mira.id, { ...how, successorId: heir.id });
    expect(departures).toMatchObject([
      { happened: 'person shut out', successorId: undefined },
      { happened: 'person removed', successorId: heir.id },
    ]);
    expect((await house.events()).filter((type) => type.startsWith('account.d'))).toEqual(['account.disabled', 'account.deleted']);
  });

  test('is never the last administrator', async () => {
    const { id } = await house.person('one@acme.test', 'admin');
    await expect(house.accounts.remove(id, how)).rejects.toMatchObject({ code: 'conflict' });
    expect(await house.accounts.get(id)).toMatchObject({ role: 'admin', status: 'active', email: 'one@acme.test' });
    expect(await house.events()).not.toContain('account.deleted');
  });
});

describe('a group', () => {
  test('is alive while somebody in it is, and the view agrees', async () => {
    const [mira, jonas] = [await house.person('mira@acme.test'), await house.person('jonas@acme.test')];
    const id = await groupOf();
    const owner = { kind: 'group', id } as const;
    const live = async () => (await sql('SELECT 1 AS one FROM live_groups WHERE group_id = $1', [id])).length === 1;
    const states: boolean[][] = [];
    const look = async () =>
      states.push([await isAlive(owner), await live(), await house.db.transaction(() => house.accounts.holdOwner(owner))]);
    await look();
    for (const { id: member } of [mira, jonas]) await house.accounts.addMember(id, member, SYSTEM);
    await house.accounts.disable(mira.id, how);
    await look();
    await house.accounts.removeMember(id, jonas.id, SYSTEM);
    await look();
    await house.accounts.enable(mira.id, SYSTEM);
    await look();
    expect(states).toEqual([
      [false, false, false],
      [true, true, true],
      [false, false, false],
      [true, true, true],
    ]);
  });

  test('answers for nothing once the last one alive is shut out, removed or taken out of it, or it is deleted', async () => {
    const people = await Promise.all(['a', 'b', 'c', 'd'].map((name) => house.person(`${name}@acme.test`)));
    const [a, b, c, d] = people as [Account, Account, Account, Account];
    const both = await groupOf(a, d);
    const [ofA, ofB, ofC, ofD] = [await groupOf(a), await groupOf(b), await groupOf(c), await groupOf(d)];
    await house.accounts.disable(a.id, how);
    await house.accounts.remove(b.id, how);
    await house.accounts.removeMember(ofC, c.id, SYSTEM);
    await house.accounts.removeGroup(ofD, SYSTEM);
    const groups = departures.filter(({ owner }) => owner.kind === 'group');
    expect(groups.map(({ owner, happened }) => [owner.id, happened])).toEqual([
      [ofA, 'group emptied'],
      [ofB, 'group emptied'],
      [ofC, 'group emptied'],
      [ofD, 'group deleted'],
    ]);
    await house.accounts.disable(d.id, how);
    expect(departures.at(-1)).toMatchObject({ owner: { kind: 'group', id: both }, happened: 'group emptied' });
    await expect(house.accounts.group(ofD)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('is renamed; those of the server are neither renamed nor deleted', async () => {
    const id = await groupOf();
    expect(await house.accounts.renameGroup(id, ' Finance ', SYSTEM)).toMatchObject({ id, name: 'Finance' });
    await house.accounts.renameGroup(id, 'Finance', SYSTEM);
    await expect(house.accounts.renameGroup(id, 'Self-service', SYSTEM)).rejects.toMatchObject({ details: { member: 'name' } });
    await expect(house.accounts.renameGroup(id, '', SYSTEM)).rejects.toMatchObject({ details: { member: 'name' } });
    await expect(house.accounts.renameGroup('grp_none', 'x', SYSTEM)).rejects.toMatchObject({ code: 'not_found' });
    for (const attempt of [
      house.accounts.renameGroup(SELF_SERVICE_GROUP_ID, 'Ours', SYSTEM),
      house.accounts.removeGroup(SELF_SERVICE_GROUP_ID, SYSTEM),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'conflict' });
    }
    expect((await house.events()).filter((type) => type.startsWith('group.'))).toEqual(['group.created', 'group.renamed']);
  });
});
