import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Account } from '../../../src/accounts/index.ts';
import { type Door, startPages, type Visitor } from '../../accounts/visitor.ts';
import { closeEdges } from '../../platform/http/edge-client.ts';
import { ADA, type CampaignRegistry, DAY, openCampaigns } from './campaigns.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
const LIST = '/console/certifications';
let registry: CampaignRegistry;
let visitor: Visitor;

const signIn = (role: Account['role'], id: string) => {
  const about = {
    email: 'ada@example.com',
    name: 'Ada Admin',
    status: 'active',
    passwordChangedAt: undefined,
    lastSeenAt: undefined,
    successorId: undefined,
  } as const;
  door.account = { id, role, createdAt: registry.clock.now(), ...about };
};
const dayIn = (days: number) => new Date(registry.clock.now().getTime() + days * DAY * 1000).toISOString().slice(0, 10);
const fields = { name: 'Winter <review>', note: 'Twice a year.', medium: 'on', high: 'on', owner: '', unconfirmedDays: '', due: '' };
const own = { kind: 'group', id: '' };

beforeAll(async () => {
  registry = await openCampaigns(home);
  own.id = registry.group;
  visitor = (await startPages(registry.agents, door, home)).visitor();
});
beforeEach(() => {
  door.needs.length = 0;
  signIn('admin', ADA);
});
afterAll(async () => {
  await closeEdges();
  await registry.close();
});

describe('an administrator', () => {
  test('asks for a preview first, may change it, and only then begins', async () => {
    const agent = await registry.agent({ displayName: 'Pays <b>', riskLevel: 'high' });
    await registry.agent({ riskLevel: 'low' });
    await visitor.open(`${LIST}/new`);
    const filled = { ...fields, due: dayIn(14) };
    const preview = await visitor.send(`${LIST}/new`, { ...filled, step: 'preview' });
    for (const words of [
      '1 agent of 1 owner',
      'active agents of medium and high risk',
      'Twice a year.',
      'Ask them',
      'Nothing is asked yet',
    ])
      expect(preview.text).toContain(words);
    expect(preview.html).toContain('Winter &lt;review&gt;');
    expect(await registry.sql('SELECT id FROM certification_campaigns')).toEqual([]);
    const again = await visitor.send(`${LIST}/new`, { ...filled, step: 'change' });
    expect(again.text).toMatch(/name="note"[^>]*>Twice a year\.</);
    expect(again.text).toMatch(/name="low" value="on">/);
    expect(again.text).toMatch(/name="high" value="on" checked>/);
    const started = await visitor.send(`${LIST}/new`, { ...filled, step: 'start' });
    expect(started.location).toMatch(/^\/console\/certifications\/crt_[0-9a-f]{32}$/);
    expect(door.needs.every((need) => need?.maxAgeSeconds === 900 && need.roles?.join() === 'admin')).toBe(true);
    const page = await visitor.open(started.location ?? '');
    for (const words of ['It runs.', '0 of 1 agent answered', 'Who has not answered', 'Jana Weber', 'Confirm for the owner'])
      expect(page.text).toContain(words);
    expect(page.html).toContain('Pays &lt;b&gt;');
    expect(page.text).toContain(`href="/console/agents/${agent}"`);
    const list = await visitor.open(LIST);
    expect(list.text).toContain('1 agent waits to be confirmed');
    expect(list.text).toMatch(/<meter min="0" max="1" value="0"/);
  });

  test.each<[string, Partial<typeof fields>, string]>([
    ['no name', { name: '' }, 'has 1 to 80 characters'],
    ['no date', { due: '' }, 'Say until when'],
    ['a date that is none', { due: '2026-02-30x' }, 'A day is written like'],
    ['a date that is too near', { due: dayText(0) }, 'at least a day'],
    ['no risk', { medium: '', high: '' }, 'at least one of low, medium and high'],
    ['an owner of another kind', { owner: 'agt_1' }, 'is a person or a group'],
    ['days that are none', { unconfirmedDays: 'many' }, 'whole number of days'],
  ])('is shown the form again with %s', async (_, change, words) => {
    await visitor.open(`${LIST}/new`);
    for (const step of ['preview', 'start']) {
      const page = await visitor.send(`${LIST}/new`, { ...fields, due: dayIn(14), ...change, step });
      expect([page.status, page.text.includes(words), page.text.includes('name="unconfirmedDays"')]).toEqual([422, true, true]);
    }
  });

  test('is told when nobody is like that', async () => {
    await visitor.open(`${LIST}/new`);
    const none = { ...fields, due: dayIn(14), owner: registry.jonas };
    const preview = await visitor.send(`${LIST}/new`, { ...none, step: 'preview' });
    expect([preview.text.includes('No agent'), preview.text.includes('Ask them')]).toEqual([true, false]);
    const start = await visitor.send(`${LIST}/new`, { ...none, step: 'start' });
    expect([start.status, start.text.includes('there is nobody to ask')]).toEqual([409, true]);
  });

  test('gives more time, confirms for an owner with a reason, and cancels with one', async () => {
    const agent = await registry.agent({ displayName: 'Cleans' });
    const { id } = await registry.start({ name: 'Spring review' });
    const here = `${LIST}/${id}`;
    await visitor.open(`${here}/extend`);
    const earlier = await visitor.send(`${here}/extend`, { due: dayIn(3) });
    expect([earlier.status, earlier.text.includes('later than the one owners know')]).toEqual([422, true]);
    expect((await visitor.send(`${here}/extend`, { due: dayIn(60) })).location).toBe(here);
    expect((await registry.agents.certification.get(id)).campaign.dueAt).toEqual(new Date(`${dayIn(60)}T23:59:59.999Z`));
    const confirm = `${here}/agents/${agent}/confirm`;
    expect((await visitor.open(confirm)).text).toContain('Confirm Cleans for its owner?');
    expect((await visitor.send(confirm, { reason: '' })).status).toBe(422);
    expect((await visitor.send(confirm, { reason: 'On leave' })).location).toBe(here);
    const confirmed = await visitor.open(`${here}?state=confirmed`);
    expect(confirmed.text).toContain('by Ada Admin for the owner');
    expect(confirmed.text).toContain('“On leave”');
    expect((await visitor.send(confirm, { reason: 'On leave' })).status).toBe(409);
    await visitor.open(`${here}/cancel`);
    expect((await visitor.send(`${here}/cancel`, { reason: '' })).status).toBe(422);
    expect((await visitor.send(`${here}/cancel`, { reason: 'Wrong quarter' })).location).toBe(here);
    expect((await visitor.open(here)).text).toContain('Cancelled by Ada Admin: Wrong quarter. Nobody was suspended from then on.');
    expect(door.needs.filter((need) => need?.maxAgeSeconds === 900)).toHaveLength(10);
  });

  test('R8: does not confirm their own agent in the console', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    await visitor.open(`${LIST}/${id}/agents/${agent}/confirm`);
    signIn('admin', registry.jana);
    expect((await visitor.send(`${LIST}/${id}/agents/${agent}/confirm`, { reason: 'x' })).status).toBe(403);
    expect((await registry.statesOf(id))[agent]).toBe('open');
  });

  test('pages through the agents of a campaign, of one owner if asked', async () => {
    const agents = await Promise.all(
      Array.from({ length: 60 }, (_, index) => registry.agent({ displayName: `Paged ${index}`, owner: own as never })),
    );
    const { id } = await registry.start({ scope: { ownerId: registry.group } });
    const seen = new Set<string>();
    let path: string | undefined = `${LIST}/${id}?state=open&owner=${registry.group}`;
    for (let page = 0; path !== undefined && page < 4; page += 1) {
      const { text } = await visitor.open(path);
      expect(text).toContain('Only agents of <b>Finance</b>');
      for (const [, name] of text.matchAll(/>(Paged \d+)</g)) seen.add(name ?? '');
      path = /rel="next" href="([^"]+)"/.exec(text)?.[1];
    }
    expect([seen.size, path]).toEqual([agents.length, undefined]);
    expect((await visitor.open(`${LIST}/${id}?state=lost&owner=%00&cursor=1`)).status).toBe(200);
    expect((await visitor.open(`${LIST}/crt_nobody`)).status).toBe(404);
  });
});

/** A day so near that no owner could answer. */
function dayText(days: number): string {
  return new Date(Date.UTC(2026, 5, 1) + days * DAY * 1000).toISOString().slice(0, 10);
}

describe('who may do what', () => {
  test('auditors and approvers read, people without a role see nothing of it', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    const acts = ['/extend', '/cancel', `/agents/${agent}/confirm`].map((act) => `${LIST}/${id}${act}`);
    await visitor.open(acts[0] ?? '');
    for (const role of ['auditor', 'approver', 'user'] as const) {
      signIn(role, ADA);
      const isReader = role !== 'user';
      for (const path of [LIST, `${LIST}/${id}`]) expect([role, (await visitor.open(path)).status]).toEqual([role, isReader ? 200 : 403]);
      for (const path of [`${LIST}/new`, ...acts]) {
        expect([role, (await visitor.open(path)).status]).toEqual([role, 403]);
        expect((await visitor.send(path, { ...fields, due: dayIn(40), reason: 'x', step: 'start' })).status).toBe(403);
      }
      const page = await visitor.open(`${LIST}/${id}`);
      for (const words of ['More time…', 'Cancel it…', 'Confirm for the owner']) expect(page.text).not.toContain(words);
      expect((await visitor.open(LIST)).text).not.toContain('Ask owners…');
    }
    expect((await registry.agents.certification.get(id)).campaign.closedAt).toBeUndefined();
  });

  test('the page of an agent says who confirmed it and whether it waits', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start({ name: 'Waits' });
    const waiting = await visitor.open(`/console/agents/${agent}`);
    expect(waiting.text).toMatch(new RegExp(`Waits to be confirmed</dt><dd><a href="/console/certifications/${id}">by 15 Jun 2026, Waits`));
    await registry.agents.certification.answer({ campaignId: id, agentId: agent, decision: 'confirm', comment: '', by: registry.jana });
    const confirmed = await visitor.open(`/console/agents/${agent}`);
    expect(confirmed.text).toContain('Confirmed</dt><dd>by Jana Weber on 1 Jun 2026');
    expect(confirmed.text).not.toContain('Waits to be confirmed');
    expect(confirmed.text).toContain('Was confirmed as still needed');
  });
});
