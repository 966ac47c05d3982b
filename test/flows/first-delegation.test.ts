import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { consentTo, type DelegationStory, playDelegation, REDIRECT_URI } from '../support/delegation-story.ts';

let story: DelegationStory;
beforeEach(async () => {
  story = await playDelegation();
}, 60_000);
afterEach(() => story.server.close());

const setActive = (agentId: string, active: boolean) =>
  story.manage('PATCH', `/scim/v2/Agents/${agentId}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', path: 'active', value: active }],
  });
const areAlive = async () => [await story.isAlive(story.parent.token), await story.isAlive(story.child.token)];

describe('what a delegation rests on ends it', () => {
  test('the person ends it under /me: both tokens and the refresh token are dead', async () => {
    const { mira, assistant, parent } = story;
    expect(await areAlive()).toEqual([true, true]);
    const home = await mira.visit('/me');
    expect(home.words).toContain('Assistant');
    const path = /href="([^"]*\/me\/grants\/[0-9a-f]+\/end)"/.exec(home.html)?.[1] ?? '';
    const question = await mira.open(new URL(path, story.server.issuer).href);
    await mira.send(question, 'csrf');
    expect(await areAlive()).toEqual([false, false]);
    expect((await assistant.client.refresh(String(parent.body['refresh_token']))).body['error']).toBe('invalid_grant');
    expect((await mira.visit('/me')).html).not.toContain(path);
  });

  test('R13: an administrator shuts the person out: their tokens and their agents’ are dead, and their browser is out', async () => {
    const { ada, mira, server, assistant, resource } = story;
    await ada.visit('/console');
    const question = await ada.open(`${server.issuer}/console/people/${server.miraId}/suspend`);
    await ada.send(question, 'reason', { fields: { reason: 'left the company' } });
    expect(await areAlive()).toEqual([false, false]);
    // the agent had no owner but her: nobody answers for it any more
    const next = await assistant.client.clientCredentials({ resource, scope: 'read' });
    expect([next.status, next.token]).toEqual([400, '']);
    const page = await mira.open(`${server.issuer}/me`);
    expect(page.forms.some(({ names }) => names.has('password'))).toBe(true);
  });

  test('suspended and active again: what died stays dead, and new tokens live', async () => {
    const { assistant, resource, parent } = story;
    expect((await setActive(assistant.agentId, false)).body['active']).toBe(false);
    expect(await areAlive()).toEqual([false, false]);
    expect((await setActive(assistant.agentId, true)).body['active']).toBe(true);
    expect(await areAlive()).toEqual([false, false]);
    const next = await assistant.client.clientCredentials({ resource, scope: 'read' });
    expect(await story.isAlive(next.token)).toBe(true);
    expect((await assistant.client.refresh(String(parent.body['refresh_token']))).status).toBe(400);
  });

  test('only the second agent is suspended: its token dies, that of the first lives on', async () => {
    await setActive(story.bookkeeper.agentId, false);
    expect(await areAlive()).toEqual([true, false]);
    const again = await story.bookkeeper.client.exchange(story.parent.token, { resource: story.resource, scope: 'read' });
    expect([again.status, again.body['error'], typeof again.body['decision_id']]).toEqual([401, 'invalid_client', 'string']);
  });

  test('a suspended agent’s software is refused at every endpoint with its own credentials', async () => {
    const { assistant, mira, server, resource, parent } = story;
    const pending = assistant.client.authorizationRequest({ resource, scope: 'read' }, REDIRECT_URI);
    await setActive(assistant.agentId, false);
    const asked = [
      await assistant.client.introspect(parent.token),
      await assistant.client.revoke(parent.token),
      await assistant.client.askPerson(server.miraEmail, { resource, scope: 'openid pay' }),
      await assistant.client.refresh(String(parent.body['refresh_token'])),
      await assistant.client.clientCredentials({ resource, scope: 'read' }),
    ];
    expect(asked.map(({ status, body }) => [status, body['error']])).toEqual(asked.map(() => [401, 'invalid_client']));
    const page = await mira.open(pending.url);
    expect([page.status, page.leftTo]).toEqual([400, undefined]);
  });

  test('an agent that stopped waiting for an answer asks nothing any more: its open question is gone', async () => {
    const { mira, assistant } = story;
    expect((await mira.visit('/me/approvals')).html).toMatch(/\/me\/approvals\/apr_/);
    await setActive(assistant.agentId, false);
    const inbox = await mira.visit('/me/approvals');
    expect(inbox.words).toContain('Nobody waits for you');
  });
});

test('R6: no agent gets at the server’s own interfaces, for itself or for a person', async () => {
  const { assistant, mira, server } = story;
  for (const resource of [`${server.issuer}/api/v1`, `${server.issuer}/scim/v2`]) {
    const own = await assistant.client.clientCredentials({ resource, scope: 'admin:read scim:read' });
    expect([own.status, own.token]).toEqual([400, '']);
    await expect(consentTo(assistant, mira, { resource, scope: 'admin:read scim:read' })).rejects.toThrow();
  }
});

test('R2: a child is never wider than its parent, nor for another resource without a grant for it', async () => {
  const { assistant, server, parent, resource } = story;
  const other = await server.resource('https://payroll.acme.test', ['read']);
  const elsewhere = await assistant.client.exchange(parent.token, { resource: other, scope: 'read' });
  expect([elsewhere.status, elsewhere.body['error']]).toEqual([400, 'invalid_target']);
  const narrower = await assistant.client.exchange(parent.token, { resource, scope: 'read' });
  const wider = await assistant.client.exchange(narrower.token, { resource, scope: 'read pay' });
  expect([narrower.status, wider.status, wider.body['error']]).toEqual([200, 400, 'invalid_scope']);
});
