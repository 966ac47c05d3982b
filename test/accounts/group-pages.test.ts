import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Account, Departure } from '../../src/accounts/index.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { createTestAccounts, type TestAccounts } from '../support/accounts.ts';
import { type Door, startPages, type Visitor } from './visitor.ts';

const FRESH = 900;
const SYSTEM = { kind: 'system', id: 'command-line' } as const;

let house: TestAccounts;
let door: Door;
let visitor: Visitor;
let owned: number;
const departures: Departure[] = [];

beforeEach(async () => {
  departures.length = 0;
  owned = 0;
  house = await createTestAccounts({
    onOwnerGone: async (departure) => void departures.push(departure),
    memberAgents: {
      namesOf: async (ids) => new Map(ids.map((id) => [id, `Agent ${id}`])),
      countByOwner: async (ids) => new Map(ids.map((id) => [id, owned])),
    },
  });
  door = { account: undefined, needs: [] };
  visitor = (await startPages(house.accounts, door, new URL('http://localhost:3000'))).visitor();
});
afterEach(async () => {
  await closeEdges();
  await house.close();
});

const enter = async (role: Account['role'] = 'admin') => {
  door.account = await house.person(`${role}@acme.test`, role);
  return door.account;
};
/** A group with these people in it. */
async function make(name: string, ...emails: readonly string[]) {
  const group = await house.accounts.createGroup({ name }, SYSTEM);
  const people = await Promise.all(emails.map((email) => house.person(email)));
  for (const { id } of people) await house.accounts.addMember(group.id, id, SYSTEM);
  return { path: `/console/groups/${group.id}`, id: group.id, people };
}
const membersOf = async (id: string) => (await house.accounts.members(id)).map(({ email }) => email);

describe('/console/groups', () => {
  test('is for administrators and auditors; auditors change nothing', async () => {
    const { path } = await make('Finance', 'mira@acme.test');
    for (const role of ['user', 'approver'] as const) {
      await enter(role);
      expect([(await visitor.open('/console/groups')).status, (await visitor.open(path)).status]).toEqual([403, 403]);
    }
    await enter('auditor');
    expect((await visitor.open('/console/groups')).html).not.toContain('/console/groups/new');
    const page = await visitor.open(path);
    expect([page.status, page.html.includes('mira@acme.test'), page.html.includes('<form')]).toEqual([200, true, false]);
    expect((await visitor.send(`${path}/rename`, { name: 'Mine' })).status).toBe(403);
    expect((await visitor.send(`${path}/people`, { email: 'auditor@acme.test' })).status).toBe(403);
  });

  test('lists them with what they own, finds them by name and pages by cursor', async () => {
    owned = 3;
    await enter();
    for (let number = 10; number < 40; number += 1) await house.accounts.createGroup({ name: `Team ${number}` }, SYSTEM);
    const first = await visitor.open('/console/groups?q=team');
    expect(first.text).toContain('30 groups');
    expect([first.text.includes('Team 34'), first.text.includes('Team 35'), first.text.includes('3 agents')]).toEqual([true, false, true]);
    const next = /href="([^"]*cursor=[^"]*)"/.exec(first.text)?.[1] ?? '';
    const second = await visitor.open(next);
    expect([second.text.includes('Team 34'), second.text.includes('Team 35'), second.text.includes('rel="next"')]).toEqual([
      false,
      true,
      false,
    ]);
    expect((await visitor.open('/console/groups?q=nothing-of-the-kind')).text).toContain('No group matches');
  });

  test('R22: whatever changes a group asks for a fresh sign-in and the token of its page', async () => {
    const { path, people } = await make('Finance', 'mira@acme.test');
    await enter();
    const removal = `${path}/people/${people[0]?.id}/remove`;
    for (const page of ['/console/groups/new', `${path}/rename`, `${path}/delete`, removal]) {
      door.needs.length = 0;
      await visitor.open(page);
      expect([page, (await visitor.send(page, { csrf: 'x' })).status]).toEqual([page, 403]);
      expect(door.needs.map((need) => need?.maxAgeSeconds)).toEqual([FRESH, FRESH]);
    }
    door.needs.length = 0;
    expect((await visitor.send(`${path}/people`, { csrf: 'x', email: 'admin@acme.test' })).status).toBe(403);
    expect(door.needs.map((need) => need?.maxAgeSeconds)).toEqual([FRESH]);
    expect(await house.accounts.listGroups()).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: 'Finance', memberCount: 1 })]),
    );
  });
});

describe('an administrator', () => {
  test('makes a group, renames it, and reads what is wrong with a name beside it', async () => {
    await enter();
    await visitor.open('/console/groups/new');
    const made = await visitor.send('/console/groups/new', { name: 'Finance' });
    expect([made.status, made.location]).toEqual([303, expect.stringMatching(/^\/console\/groups\/grp_/)]);
    expect((await visitor.open(made.location ?? '')).text).toContain('cannot answer for an agent');
    const taken = await visitor.send('/console/groups/new', { name: 'Finance' });
    expect([taken.status, taken.text.includes('There is a group of this name already.')]).toEqual([400, true]);
    await visitor.send(`${made.location}/rename`, { name: 'Finance operations' });
    expect((await visitor.open(made.location ?? '')).text).toContain('<h1>Finance operations</h1>');
    expect((await house.events()).slice(-2)).toEqual(['group.created', 'group.renamed']);
  });

  test('adds somebody by address; an unknown one is a fault beside the field', async () => {
    const { path, id } = await make('Finance');
    await house.person('mira@acme.test');
    await enter();
    await visitor.open(path);
    const unknown = await visitor.send(`${path}/people`, { email: 'nobody@acme.test' });
    expect([unknown.status, unknown.text.includes('Nobody here has this address.')]).toEqual([400, true]);
    expect(unknown.html).toContain('value="nobody@acme.test"');
    expect((await visitor.send(`${path}/people`, { email: 'Mira@ACME.test' })).status).toBe(303);
    expect(await membersOf(id)).toEqual(['mira@acme.test']);
    expect((await visitor.open(path)).text).toContain('The only one');
  });

  test('is told what falls before the last one is taken out, and it falls', async () => {
    owned = 2;
    const { path, id, people } = await make('Finance', 'mira@acme.test', 'jana@acme.test');
    await enter();
    const [mira, jana] = people.map((person) => `${path}/people/${person.id}/remove`) as [string, string];
    expect((await visitor.open(mira)).text).toContain('The others go on answering');
    expect((await visitor.send(mira, {})).location).toBe(path);
    expect([await membersOf(id), departures.length]).toEqual([['jana@acme.test'], 0]);
    expect((await visitor.open(jana)).text).toContain('2 agents under review');
    await visitor.send(jana, {});
    expect(departures.map(({ owner, happened }) => [owner.id, happened])).toEqual([[id, 'group emptied']]);
    expect((await visitor.open(path)).text).toContain('Nobody in it can sign in, so the 2 agents it owns get no token.');
    expect((await visitor.open(jana)).status).toBe(404);
  });

  test('deletes a group by typing its name; the built-in one stays', async () => {
    owned = 1;
    const { path, id } = await make('Finance', 'mira@acme.test');
    await enter();
    expect((await visitor.open(`${path}/delete`)).text).toContain('1 agent under review');
    const wrong = await visitor.send(`${path}/delete`, { name: 'finance' });
    expect([wrong.status, wrong.text.includes('This is not its name.')]).toEqual([400, true]);
    expect((await visitor.send(`${path}/delete`, { name: 'Finance' })).location).toBe('/console/groups');
    expect(departures.map(({ happened }) => happened)).toEqual(['group deleted']);
    expect((await visitor.open(path)).status).toBe(404);
    const own = '/console/groups/grp_self_service';
    const { html, text } = await visitor.open(own);
    expect([html.includes('/delete'), text.includes('by their consent alone')]).toEqual([false, true]);
    const name = /<h1>([^<]+)</.exec(text)?.[1] ?? '';
    expect((await visitor.send(`${own}/delete`, { name })).text).toContain('belongs to the server');
    expect((await house.accounts.listGroups()).map((group) => group.id)).toEqual(expect.not.arrayContaining([id]));
  });
});

test('agents in a group are shown by name, so many and no more', async () => {
  const { path, id } = await make('Finance', 'mira@acme.test');
  await enter();
  const text = `INSERT INTO group_agents (group_id, agent_id, added_at) SELECT $1, 'agt_' || n, now() FROM generate_series(1, 201) n`;
  await house.db.rows({ name: '', text, values: [id] });
  const page = await visitor.open(path);
  expect([page.text.includes('Agent agt_1<'), page.text.match(/>Agent agt_/g)?.length, page.text.includes('and more')]).toEqual([
    true,
    200,
    true,
  ]);
});

test('the page of a person names their groups', async () => {
  const { path, people } = await make('Finance', 'mira@acme.test');
  await enter();
  expect((await visitor.open(`/console/people/${people[0]?.id}`)).html).toContain(`href="${path}">Finance</a>`);
});
