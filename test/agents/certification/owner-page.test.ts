import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Door, startPages, type Visitor } from '../../accounts/visitor.ts';
import { closeEdges } from '../../platform/http/edge-client.ts';
import { type CampaignRegistry, DAY, openCampaigns } from './campaigns.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
const PAGE = '/me/certifications';
const opened: CampaignRegistry[] = [];
let registry: CampaignRegistry;
let visitor: Visitor;

const signIn = (id: string) => {
  const about = { email: 'x@example.com', name: 'Somebody', role: 'user', status: 'active' } as const;
  door.account = {
    id,
    ...about,
    createdAt: registry.clock.now(),
    passwordChangedAt: undefined,
    lastSeenAt: undefined,
    successorId: undefined,
  };
};

beforeEach(async () => {
  registry = await openCampaigns(home);
  opened.push(registry);
  visitor = (await startPages(registry.agents, door, home)).visitor();
  signIn(registry.jana);
});
afterAll(async () => {
  await closeEdges();
  await Promise.all(opened.map((each) => each.close()));
});

describe('/me/certifications', () => {
  test('shows each agent with what it is for, its risk and the date, and takes both answers', async () => {
    const kept = await registry.agent({ displayName: 'Pays <b>', purpose: 'Settles invoices', riskLevel: 'high' });
    const gone = await registry.agent({ displayName: 'Old one', owner: { kind: 'group', id: registry.group } });
    const { id } = await registry.start({ note: 'Ask <Ada>' });
    const page = await visitor.open(PAGE);
    for (const words of [
      'Are these 2 agents still needed?',
      'Winter review',
      'Ask &lt;Ada&gt;',
      'Pays &lt;b&gt;',
      'Settles invoices',
      'High risk',
      '15 Jun 2026',
      'what is granted to it',
      'Finance; one answer of any of you is enough',
    ])
      expect(page.html).toContain(words);
    expect((await visitor.send(`${PAGE}/${id}/${kept}`, { decision: 'confirm', comment: 'yes' })).location).toBe(PAGE);
    expect((await visitor.open(PAGE)).html).toContain('Pays &lt;b&gt; stays as it is.');
    await visitor.send(`${PAGE}/${id}/${gone}`, { decision: 'decline', comment: '' });
    const done = await visitor.open(PAGE);
    expect(done.text).toContain('Old one is stopped in your name. An administrator can let it run again.');
    expect(done.text).toContain('Nothing to confirm');
    expect([await registry.statusOf(kept), await registry.statusOf(gone)]).toEqual(['active', 'suspended']);
  });

  test('whoever comes second reads who answered; somebody else learns nothing', async () => {
    const agent = await registry.agent({ owner: { kind: 'group', id: registry.group } });
    const other = await registry.agent();
    const { id } = await registry.start();
    await visitor.open(PAGE);
    signIn(registry.jonas);
    expect((await visitor.send(`${PAGE}/${id}/${agent}`, { decision: 'confirm', comment: '' })).location).toBe(PAGE);
    for (const path of [`${id}/${other}`, `${id}/agt_${'0'.repeat(32)}`, `crt_${'0'.repeat(32)}/${agent}`, 'x/y'])
      expect((await visitor.send(`${PAGE}/${path}`, { decision: 'confirm', comment: '' })).status).toBe(404);
    signIn(registry.jana);
    await visitor.send(`${PAGE}/${id}/${agent}`, { decision: 'decline', comment: '' });
    expect((await visitor.open(PAGE)).text).toContain('Jonas Brandt confirmed it before you.');
    expect([await registry.statusOf(agent), (await registry.statesOf(id))[other]]).toEqual(['active', 'open']);
  });

  test('a forged form, no answer and a comment without end change nothing', async () => {
    const agent = await registry.agent();
    const { id } = await registry.start();
    await visitor.open(PAGE);
    const path = `${PAGE}/${id}/${agent}`;
    expect((await visitor.send(path, { decision: 'decline', comment: '', csrf: 'forged' })).status).toBe(403);
    expect((await visitor.send(path, { decision: 'perhaps', comment: '' })).status).toBe(400);
    await visitor.send(path, { decision: 'decline', comment: 'x'.repeat(201) });
    expect((await visitor.open(PAGE)).text).toContain('The comment has at most 200 characters');
    expect(await registry.statesOf(id)).toEqual({ [agent]: 'open' });
    door.account = undefined;
    expect((await visitor.open(PAGE)).status).toBe(401);
  });

  test('confirms all low-risk agents of the page in one press, and no other', async () => {
    const low = await Promise.all([registry.agent({ riskLevel: 'low' }), registry.agent({ riskLevel: 'low' })]);
    const high = await registry.agent({ riskLevel: 'high' });
    const { id } = await registry.start();
    const page = await visitor.open(PAGE);
    expect(page.text).toContain('Confirm all 2 low-risk agents');
    const shown = /name="agents" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    expect(shown.split(' ').sort()).toEqual([...low].sort());
    await visitor.send(`${PAGE}/${id}/confirm-low-risk`, { agents: `${shown} ${high}` });
    const after = await visitor.open(PAGE);
    expect(after.text).toContain('2 confirmed; 1 changed meanwhile');
    expect(after.text).not.toContain('Confirm all');
    expect((await registry.statesOf(id))[high]).toBe('open');
    expect((await visitor.send(`${PAGE}/${id}/confirm-low-risk`, { agents: 'x'.repeat(900) })).status).toBe(400);
  });

  test('goes on with the next ones', async () => {
    await Promise.all(Array.from({ length: 23 }, () => registry.agent()));
    await registry.start();
    const first = await visitor.open(PAGE);
    expect(first.text).toContain('20 of 23 agents');
    const next = /rel="next" href="([^"]+)"/.exec(first.text)?.[1] ?? '';
    const second = await visitor.open(next);
    expect([...second.text.matchAll(/value="decline"/g)]).toHaveLength(3);
    expect(second.text).not.toContain('rel="next"');
    expect((await visitor.open(`${PAGE}?campaign=%00&agent=1`)).status).toBe(200);
  });

  test('what was stopped can be said to be needed; it says that this does not start it', async () => {
    const agent = await registry.agent({ displayName: 'Forgotten' });
    const { id } = await registry.start();
    registry.advance(20 * DAY);
    await registry.agents.certification.settle();
    const page = await visitor.open(PAGE);
    expect(page.text).toContain('Stopped, because nobody answered');
    expect(page.text).not.toContain('value="decline"');
    await visitor.send(`${PAGE}/${id}/${agent}`, { decision: 'confirm' });
    const after = await visitor.open(PAGE);
    expect(after.text).toContain('Forgotten is noted as still needed. It stays stopped until an administrator lets it run again.');
    expect([after.text.includes('Stopped, because'), await registry.statusOf(agent)]).toEqual([false, 'suspended']);
  });
});
