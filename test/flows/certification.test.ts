import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';

let story: DelegationStory;
beforeAll(async () => {
  story = await playDelegation();
}, 60_000);
afterAll(() => story.server.close());

const areAlive = () => Promise.all([story.parent, story.child].map(({ token }) => story.isAlive(token)));

test('an owner is asked, stops one agent, forgets the other, and the tokens of both are dead', async () => {
  const { server, ada, mira, assistant, bookkeeper, resource } = story;
  const due = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  const form = await ada.visit('/console/certifications/new');
  const fields = { name: 'Winter review', note: '', owner: server.miraId, due };
  const preview = await ada.send(form, 'unconfirmedDays', { fields, press: ['step', 'preview'] });
  expect(preview.words).toContain('2 agents of 1 owner');
  const campaign = await ada.send(preview, 'step', { press: ['step', 'start'] });
  expect(campaign.words).toContain('0 of 2 agents answered');

  const home = await mira.visit('/me');
  expect(home.words).toContain('2 agents to confirm by');
  const asked = await mira.visit('/me/certifications');
  expect(asked.words).toContain('May reach Invoices');
  const ofBookkeeper = asked.forms.find(({ action }) => action.endsWith(bookkeeper.agentId));
  const page = { ...asked, forms: ofBookkeeper === undefined ? [] : [ofBookkeeper] };
  const answered = await mira.send(page, 'decision', { press: ['decision', 'decline'] });
  expect(answered.words).toContain('Bookkeeper is stopped in your name.');
  expect(await areAlive()).toEqual([true, false]);

  await server.db.rows({ name: '', text: `UPDATE certification_campaigns SET due_at = now() - interval '1 second'`, values: [] });
  await server.app.jobs.runNow('agents-certification');
  expect(await areAlive()).toEqual([false, false]);
  const again = await assistant.client.clientCredentials({ resource, scope: 'read' });
  expect([again.status, again.body['error'], typeof again.body['decision_id']]).toEqual([401, 'invalid_client', 'string']);

  const closed = await ada.visit(campaign.url.pathname);
  expect(closed.words).toContain('0 confirmed, 1 no longer needed, 0 not answered, 1 suspended because nobody answered.');
  const agent = await ada.visit(`/console/agents/${assistant.agentId}`);
  expect(agent.words).toMatch(/Suspended .*: Not confirmed by \d+ \w+ \d{4} in Winter review\. It gets no token/);
  const trail = await ada.visit('/console/audit?kind=agents');
  for (const words of [
    'asked owners to confirm their agents',
    'said that an agent is no longer needed',
    'The server closed a certification',
  ])
    expect(trail.words).toContain(words);
});
