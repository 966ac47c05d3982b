import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { clock, minutes } from '../support/clock.ts';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';
import type { Page, Person } from '../support/person.ts';

const digestOf = (text: string) => `sha-256:${createHash('sha256').update(text).digest('base64url')}`;
const shortOf = (digest: string) => `${digest.slice(8, 13)}…${digest.slice(-3)}`;
const [AGREED, OTHER] = [digestOf('agreed'), digestOf('other')];
const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;

let story: DelegationStory;
beforeAll(async () => {
  story = await playDelegation();
  for (const person of [story.mira, story.ada]) await person.visit('/me');
}, 60_000);
afterAll(() => story?.server.close());
afterEach(() => clock.reset());

const agents = () => story.server.app.parts.agents;
const agentNow = () => agents().get(story.assistant.agentId);
const pathOf = (start: '/me' | '/console') => `${start}/agents/${story.assistant.agentId}/drift`;
const present = (digest: string, model: object = { provider: 'acme', name: 'm2' }) =>
  story.assistant.client.token({
    grant_type: 'client_credentials',
    resource: story.resource,
    scope: 'read',
    agent_manifest_digest: digest,
    agent_model: JSON.stringify(model),
  });
const press = (person: Person, page: Page, decision: string) => person.send(page, 'decision', { press: ['decision', decision] });
const buttonsOf = (page: Page) => page.forms.flatMap(({ buttons }) => buttons.map(({ value }) => value));

beforeEach(async () => {
  if ((await agentNow()).status !== 'active') await agents().setStatus(story.assistant.agentId, 'active', { by: administrator });
  const changes = {
    manifestDigest: AGREED,
    model: { provider: 'acme', name: 'm1', version: '1' },
    owner: { kind: 'user', id: story.server.miraId },
  };
  await agents().update(story.assistant.agentId, { changes: changes as never }, administrator);
});

describe('its owner', () => {
  test('finds it on their page, reads both side by side, and agrees; an administrator lets it act again', async () => {
    await present(OTHER);
    const home = await story.mira.visit('/me');
    expect(home.html).toContain(`href="${pathOf('/me')}">Something else runs than was agreed`);
    const own = await story.mira.visit(`/me/agents/${story.assistant.agentId}`);
    expect(own.html).toContain(`href="${pathOf('/me')}"`);
    const page = await story.mira.visit(pathOf('/me'));
    for (const words of [
      'Something else runs than was agreed',
      'Assistant',
      'Under review',
      'm1',
      'm2',
      shortOf(AGREED),
      shortOf(OTHER),
      'not said',
      'once',
    ])
      expect(page.words).toContain(words);
    expect(page.html).toContain(`data-copy="${OTHER}"`);
    expect(buttonsOf(page)).toEqual(['accept', 'stop']);
    const accepted = await press(story.mira, page, 'accept');
    expect(accepted.words).toContain('That is its record now. An administrator can let it act again.');
    expect(buttonsOf(accepted)).toEqual(['stop']);
    expect(await agentNow()).toMatchObject({
      status: 'underReview',
      manifestDigest: OTHER,
      model: { provider: 'acme', name: 'm2', version: '1' },
    });
    const { events } = await story.server.app.parts.audit.list({
      agentId: story.assistant.agentId,
      type: 'agent.drift_accepted',
      limit: 1,
    });
    expect(events[0]?.event).toMatchObject({
      actor: { kind: 'account', id: story.server.miraId },
      cause: `was manifestDigest ${AGREED}, model.provider acme, model.name m1, model.version 1`,
      remedy: `is manifestDigest ${OTHER}, model.provider acme, model.name m2, model.version 1`,
    });

    const agentPage = await story.ada.visit(`/console/agents/${story.assistant.agentId}`);
    expect(agentPage.html).toContain(`href="${pathOf('/console')}">Its owner agreed to what it runs now`);
    const asked = await story.ada.visit(pathOf('/console'));
    expect(asked.words).toContain('Mira Köhler says this is expected');
    expect(asked.words).toContain(shortOf(AGREED));
    const done = await press(story.ada, asked, 'activate');
    expect(done.words).toContain('Assistant may act.');
    expect((await present(OTHER)).status).toBe(200);
  }, 30_000);

  test('stops it', async () => {
    await present(OTHER);
    await press(story.mira, await story.mira.visit(pathOf('/me')), 'stop');
    expect(await agentNow()).toMatchObject({
      status: 'suspended',
      statusReason: 'Something else ran than was agreed.',
      statusChangedBy: story.server.miraId,
    });
    expect((await present(AGREED)).status).toBe(401);
  });

  test('cannot let it act: not by a button of their own making', async () => {
    await present(OTHER);
    const page = await story.mira.visit(pathOf('/me'));
    expect((await press(story.mira, page, 'activate')).status).toBe(403);
    expect((await agentNow()).status).toBe('underReview');
  });

  test('agrees to what nobody recorded, and it goes on', async () => {
    await agents().update(story.assistant.agentId, { changes: { manifestDigest: undefined, model: undefined } }, administrator);
    expect((await present(digestOf('first'))).status).toBe(200);
    const page = await story.mira.visit(pathOf('/me'));
    expect(page.words).toContain('Nobody agreed yet to what it runs');
    const accepted = await press(story.mira, page, 'accept');
    expect(accepted.words).toContain('It runs what was agreed');
    expect(await agentNow()).toMatchObject({
      status: 'active',
      manifestDigest: digestOf('first'),
      model: { provider: 'acme', name: 'm2' },
    });
  });

  test('is told when the record changed, or it was settled, meanwhile', async () => {
    await present(OTHER);
    const page = await story.mira.visit(pathOf('/me'));
    await agents().update(story.assistant.agentId, { changes: { purpose: 'another' } }, administrator);
    expect((await press(story.mira, page, 'accept')).words).toContain('Somebody changed this agent meanwhile');
    const fresh = await story.mira.visit(pathOf('/me'));
    await press(story.mira, fresh, 'accept');
    expect((await press(story.mira, fresh, 'accept')).words).toContain('This was settled already.');
  });
});

describe('an administrator', () => {
  test('accepts it and lets it act again with one press, and is not offered to activate it unseen', async () => {
    await present(OTHER);
    await present(digestOf('third'), { name: 'm3' });
    const agentPage = await story.ada.visit(`/console/agents/${story.assistant.agentId}`);
    expect(agentPage.html).toContain(`href="${pathOf('/console')}">See what differs`);
    expect(agentPage.html).not.toContain('/activate"');
    const page = await story.ada.visit(pathOf('/console'));
    expect(page.words).toContain('It also said that it runs');
    const done = await press(story.ada, page, 'accept');
    expect(done.words).toContain('That is its record now, and Assistant may act.');
    expect(await agentNow()).toMatchObject({ status: 'active', manifestDigest: digestOf('third'), model: { name: 'm3' } });
    expect((await present(digestOf('third'), { name: 'm3' })).status).toBe(200);
    expect((await present(OTHER)).status).toBe(400);
  });

  test('R8: who owns it only agrees, unless nobody else could let it act', async () => {
    const { accounts } = story.server.app.parts;
    const ada = (await accounts.list({ search: 'ada@acme.test', limit: 1 })).items[0]?.id ?? '';
    const other = await accounts.create({ email: 'other@acme.test', name: 'Otto Other', role: 'admin' }, { kind: 'system', id: 'setup' });
    await agents().update(story.assistant.agentId, { changes: { owner: { kind: 'user', id: ada } } }, administrator);
    await present(OTHER);
    const page = await story.ada.visit(pathOf('/console'));
    expect(page.words).toContain('This is expected');
    await press(story.ada, page, 'accept');
    expect(await agentNow()).toMatchObject({ status: 'underReview', manifestDigest: OTHER });
    await accounts.disable(other.id, { by: { kind: 'system', id: 'setup' }, reason: 'left' });
    const alone = await press(story.ada, await story.ada.visit(pathOf('/me')), 'activate');
    expect(alone.words).toContain('Assistant may act.');
  });
});

describe('who may look', () => {
  test('nobody but its owner at /me, nobody without a role in the console', async () => {
    const bookkeeper = `/me/agents/${story.bookkeeper.agentId}/drift`;
    expect((await story.mira.visit(bookkeeper)).status).toBe(200);
    expect((await story.ada.visit(bookkeeper)).status).toBe(404);
    expect((await story.mira.visit('/me/agents/agt_nobody/drift')).status).toBe(404);
    expect((await story.mira.visit(pathOf('/console'))).status).toBe(403);
    expect((await story.mira.visit('/console/policies/drift')).status).toBe(403);
  });
});

test('R22: an old sign-in reads but does not decide', async () => {
  await present(OTHER);
  const page = await story.mira.visit(pathOf('/me'));
  clock.advance(minutes(16));
  const answer = await press(story.mira, page, 'accept');
  expect(answer.url.pathname).toBe('/sign-in');
  expect((await agentNow()).manifestDigest).toBe(AGREED);
  const back = await story.mira.send(answer, 'password', { fields: story.server.miraCredentials as never });
  expect(back.url.pathname).toBe(pathOf('/me'));
  expect((await press(story.mira, back, 'accept')).words).toContain('That is its record now.');
});

test('the setting is an administrator’s to choose, and says who chose it', async () => {
  const page = await story.ada.visit('/console/policies/drift');
  expect(page.words).toContain('Stop it until somebody looked');
  const set = await story.ada.send(page, 'tokens', { fields: { tokens: 'low' } });
  expect(set.words).toMatch(/Set\..*Set by/);
  expect(set.html).toMatch(/value="low" checked/);
  const late = await story.ada.send(page, 'tokens', { fields: { tokens: 'medium' } });
  expect(late.words).toContain('Somebody else set this meanwhile');
  expect((await story.ada.send(set, 'tokens', { fields: { tokens: 'always' } })).status).toBe(400);
  expect((await story.server.app.parts.policy.driftSetting.get()).choice).toBe('low');
  expect((await story.ada.visit('/console/settings')).html).toContain('/console/policies/drift');
});
