import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../src/agents/index.ts';
import type { Account } from '../../src/accounts/index.ts';
import { type Door, startPages, type Visitor } from '../accounts/visitor.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { signedIn } from './console-person.ts';
import { administrator, openRegistry, type Registry } from './registry.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
let registry: Registry;
let visitor: Visitor;
let jana: string;

const person = (role: Account['role'], id = administrator.id) => signedIn(role, { id, at: registry.clock.now() });
const make = (input: Partial<NewAgent> = {}): Promise<Agent> =>
  registry.agents.create({ displayName: 'Invoice bot', owner: { kind: 'user', id: jana }, source: 'console', ...input }, administrator);
const fields = {
  name: 'New one',
  owner: '',
  purpose: 'Tries',
  riskLevel: 'low',
  autonomy: 'background',
  environment: 'test',
  validUntil: '2027-01-31',
  maxDelegationDepth: '2',
};

beforeAll(async () => {
  registry = await openRegistry(home);
  jana = await registry.addPerson('Jana Weber');
  visitor = (await startPages(registry.agents, door, home)).visitor();
});

beforeEach(() => {
  door.account = person('admin');
  door.needs.length = 0;
});

afterAll(async () => {
  await closeEdges();
  await registry.close();
});

describe('the list of agents', () => {
  test('shows each with its owner and state, finds by name, purpose and owner, and keeps filters in its addresses', async () => {
    const group = await registry.addGroup('Data owners');
    await make({ displayName: 'Pays <b>', purpose: 'Settles invoices', riskLevel: 'high', status: 'active' });
    await make({ displayName: 'Cleans', owner: { kind: 'group', id: group } });
    const all = await visitor.open('/console/agents');
    expect(all.status).toBe(200);
    for (const words of [
      '1 agent acts here',
      'Pays &lt;b&gt;',
      'High risk',
      'Jana Weber',
      'Cleans',
      'Data owners',
      'Proposed',
      '2 of 2 agents',
    ])
      expect(all.html).toContain(words);
    for (const [q, found, hidden] of [
      ['settles', 'Pays', 'Cleans'],
      ['CLEAN', 'Cleans', 'Pays'],
      ['jana', 'Pays', 'Cleans'],
      ['data own', 'Cleans', 'Pays'],
    ] as const) {
      const page = await visitor.open(`/console/agents?q=${encodeURIComponent(q)}`);
      expect([q, page.text.includes(`>${found}`), page.text.includes(`>${hidden}`)]).toEqual([q, true, false]);
      expect(page.text).toContain(`?q=${new URLSearchParams({ q }).toString().slice(2)}&status=active`);
    }
    expect((await visitor.open('/console/agents?status=suspended')).text).toContain('No agent matches');
    expect((await visitor.open('/console/agents?status=nonsense&cursor=%00&risk=1&q=a&q=b')).status).toBe(200);
    expect((await visitor.open('/console/agents?q=%25')).text).toContain('No agent matches');
  });

  test('pages by cursor there and back', async () => {
    await Promise.all(Array.from({ length: 60 }, (_, index) => make({ displayName: `Paged ${index}` })));
    const linkOf = (text: string, rel: string) => new RegExp(`rel="${rel}" href="([^"]+)"`).exec(text)?.[1];
    const namesOn = (text: string) => [...text.matchAll(/>(Paged \d+)</g)].map(([, name]) => name);
    const first = await visitor.open('/console/agents?q=paged');
    const second = await visitor.open(linkOf(first.text, 'next') ?? '');
    const third = await visitor.open(linkOf(second.text, 'next') ?? '');
    expect(new Set([first, second, third].flatMap(({ text }) => namesOn(text))).size).toBe(60);
    expect([linkOf(first.text, 'prev'), linkOf(third.text, 'next')]).toEqual([undefined, undefined]);
    const back = await visitor.open(linkOf(third.text, 'prev') ?? '');
    expect(namesOn(back.text)).toEqual(namesOn(second.text));
    const start = await visitor.open(linkOf(back.text, 'prev') ?? '');
    expect(namesOn(start.text)).toEqual(namesOn(first.text));
    expect(linkOf(start.text, 'prev')).toBeUndefined();
  });
});

describe('adding and editing', () => {
  test('adds an agent as it was described, and shows the form again with what is wrong', async () => {
    await visitor.open('/console/agents/new');
    const refused = await visitor.send('/console/agents/new', { ...fields, name: '' });
    expect([refused.status, refused.text.includes('Give it a name.'), refused.text.includes('Tries')]).toEqual([422, true, true]);
    for (const bad of [{ owner: 'usr_nobody' }, { validUntil: 'soon' }, { maxDelegationDepth: '9' }, { riskLevel: 'none' }]) {
      expect((await visitor.send('/console/agents/new', { ...fields, ...bad })).status).toBe(422);
    }
    const added = await visitor.send('/console/agents/new', { ...fields, owner: jana });
    expect(added.status).toBe(303);
    const id = added.location?.split('/').at(-1) ?? '';
    expect(await registry.agents.get(id)).toMatchObject({
      displayName: 'New one',
      owner: { kind: 'user', id: jana },
      purpose: 'Tries',
      riskLevel: 'low',
      autonomy: 'background',
      environment: 'test',
      validUntil: new Date('2027-01-31T23:59:59.999Z'),
      maxDelegationDepth: 2,
      status: 'proposed',
      source: 'console',
    });
  });

  test('takes the owner by e-mail address too: it wins over the list, and one that nobody has is a fault', async () => {
    await visitor.open('/console/agents/new');
    const send = (ownerEmail: string) =>
      visitor.send('/console/agents/new', { ...fields, name: 'Named by address', owner: '', ownerEmail });
    const unknown = await send('nobody@example.com');
    expect([unknown.status, unknown.text.includes('Nobody here has this address.')]).toEqual([422, true]);
    expect(unknown.html).toContain('value="nobody@example.com"');
    const added = await send(`${jana.toUpperCase()}@example.com`);
    const agent = await registry.agents.get(added.location?.split('/').at(-1) ?? '');
    expect(agent.owner).toEqual({ kind: 'user', id: jana });
  });

  test('of two who edit the same version the second is told', async () => {
    const agent = await make({ description: 'kept', name: 'kept-name' });
    const form = await visitor.open(`/console/agents/${agent.id}/edit`);
    expect(form.text).toContain('name="version" value="1"');
    const send = (purpose: string) => visitor.send(`/console/agents/${agent.id}/edit`, { ...fields, purpose, owner: jana, version: '1' });
    expect((await send('first')).status).toBe(303);
    const late = await send('second');
    expect([late.status, late.text.includes('Somebody changed this agent meanwhile')]).toEqual([409, true]);
    expect(await registry.agents.get(agent.id)).toMatchObject({ purpose: 'first', description: 'kept', name: 'kept-name' });
    expect((await visitor.send(`/console/agents/${agent.id}/edit`, { ...fields, owner: jana })).status).toBe(409);
  });
});

describe('the page of an agent', () => {
  test('says who it is, what falls with it, what it did and what may be done', async () => {
    const parent = await make({ displayName: 'Orchestrator', status: 'active', maxChildren: 3, maxChildDepth: 2 });
    const agent = await make({
      purpose: 'Pays',
      description: 'I am <i>safe</i>',
      parentId: parent.id,
      model: { provider: 'acme', name: 'm1' },
      status: 'active',
      validUntil: new Date('2027-01-01T00:00:00Z'),
    });
    await registry.agents.linkClient(agent.id, 'invoice-client', administrator);
    const page = await visitor.open(`/console/agents/${agent.id}`);
    for (const words of [
      'Pays',
      'Jana Weber',
      'Active',
      'acme m1',
      'Orchestrator',
      'invoice-client',
      '3 live tokens',
      '2 waiting approvals are withdrawn.',
      'Was let run',
      'Was changed',
      'I am &lt;i&gt;safe',
      '1 Jan 2027',
    ]) {
      expect(page.html).toContain(words);
    }
    expect(page.text).toMatch(/Suspend…|Retire…/);
    expect(page.text).not.toContain('>Activate<');
    expect((await visitor.open(`/console/agents/${parent.id}`)).text).toContain(`href="/console/agents/${agent.id}">Invoice bot`);
    expect((await visitor.open('/console/agents/agt_nobody')).status).toBe(404);
  });

  test('an auditor reads and changes nothing; a user sees nothing', async () => {
    const agent = await make({ status: 'active' });
    const here = `/console/agents/${agent.id}`;
    await visitor.open(`${here}/suspend`);
    door.account = person('auditor');
    const page = await visitor.open(here);
    expect([page.status, page.text.includes('Suspend…'), page.text.includes('/edit')]).toEqual([200, false, false]);
    for (const path of ['/suspend', '/retire', '/activate', '/resume', '/edit']) {
      expect((await visitor.send(`${here}${path}`, { ...fields, reason: 'x', name: 'Invoice bot', version: '1' })).status).toBe(403);
    }
    expect((await visitor.send('/console/agents/new', fields)).status).toBe(403);
    door.account = person('user');
    for (const path of ['/console/agents', here]) expect((await visitor.open(path)).status).toBe(403);
    expect(await registry.agents.get(agent.id)).toEqual(agent);
  });
});

describe('stopping and starting', () => {
  test('R22: suspends after a fresh sign-in with a reason, says what falls first, and resumes', async () => {
    const agent = await make({ status: 'active' });
    const here = `/console/agents/${agent.id}`;
    const confirm = await visitor.open(`${here}/suspend`);
    expect(confirm.text).toContain('Suspend Invoice bot?');
    expect(confirm.text).toContain('3 live tokens');
    expect((await visitor.send(`${here}/suspend`, { reason: ' ' })).status).toBe(422);
    expect((await visitor.send(`${here}/suspend`, { reason: 'paid twice' })).location).toBe(here);
    expect(door.needs.every((need) => need?.maxAgeSeconds === 900 && need.roles?.join() === 'admin')).toBe(true);
    expect(registry.stopped).toContain(agent.id);
    const stopped = await visitor.open(here);
    expect(stopped.text).toMatch(/Suspended by usr_administrator just now: paid twice\. It gets no token/);
    expect((await visitor.send(`${here}/activate`, {})).status).toBe(303);
    expect((await registry.agents.get(agent.id)).status).toBe('suspended');
    await visitor.send(`${here}/resume`, {});
    expect((await registry.agents.get(agent.id)).status).toBe('active');
  });

  test('retires only when its name was typed', async () => {
    const agent = await make({ displayName: 'Zoë’s bot' });
    const here = `/console/agents/${agent.id}/retire`;
    await visitor.open(here);
    const wrong = await visitor.send(here, { reason: 'old', name: 'zoe' });
    expect([wrong.status, wrong.text.includes('This is not its name.')]).toEqual([422, true]);
    expect((await visitor.send(here, { reason: 'old', name: 'Zoë’s bot' })).status).toBe(303);
    expect((await registry.agents.get(agent.id)).status).toBe('retired');
  });

  test('R8: an administrator who owns an agent sees no button to let it run, and cannot without', async () => {
    const agent = await make();
    const here = `/console/agents/${agent.id}`;
    expect((await visitor.open(here)).text).toContain('>Activate<');
    door.account = person('admin', jana);
    expect((await visitor.open(here)).text).not.toContain('>Activate<');
    await visitor.open('/console/agents/new');
    expect((await visitor.send(`${here}/activate`, {})).status).toBe(403);
    expect((await registry.agents.get(agent.id)).status).toBe('proposed');
    registry.soleAdministrators.add(jana);
    expect((await visitor.open(here)).text).toContain('>Activate<');
    registry.soleAdministrators.delete(jana);
  });

  test('a form from elsewhere changes nothing', async () => {
    const agent = await make({ status: 'active' });
    expect((await visitor.send(`/console/agents/${agent.id}/suspend`, { csrf: 'forged', reason: 'x' })).status).toBe(403);
    expect((await registry.agents.get(agent.id)).status).toBe('active');
  });
});
