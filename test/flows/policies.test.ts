import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readableDecision } from '../../src/policy/present.ts';
import { type DelegationStory, playDelegation, REDIRECT_URI } from '../support/delegation-story.ts';

const PATH = '/api/v1/policies';
let story: DelegationStory;

beforeAll(async () => {
  story = await playDelegation();
}, 60_000);
afterAll(() => story?.server.close());
afterEach(async () => {
  const { body } = await story.manage('GET', PATH);
  for (const { id } of body['items'] as { id: string }[]) await story.manage('DELETE', `${PATH}/${id}?reason=over`);
});

const save = async (text: string) => {
  const answer = await story.manage('POST', PATH, { text, reason: 'a test' });
  expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
};
const askForTokenOf = async (scope: string) => {
  const { assistant, mira, resource } = story;
  const pending = assistant.client.authorizationRequest({ resource, scope }, REDIRECT_URI);
  return assistant.client.redeem(pending, await mira.authorize(pending.url));
};

describe('the interface', () => {
  test('takes a policy, shows it, changes it, tells its versions apart, and puts one back', async () => {
    const { manage } = story;
    const text = '@id("no-pay") forbid(principal, action, resource) when { context.scopes.contains("pay") };';
    await save(text);
    const { version } = (await manage('GET', `${PATH}/no-pay`)).body as { version: number };
    const changed = await manage('PATCH', `${PATH}/no-pay`, { text: text.replace('"pay"', '"read"'), reason: 'wider', version });
    expect(changed.status).toBe(200);
    expect((await manage('GET', `${PATH}/versions/${version + 1}/diff`)).body).toMatchObject({
      against: version,
      changes: [{ id: 'no-pay', change: 'changed', lines: [expect.stringMatching(/^-.*"pay"/), expect.stringMatching(/^\+.*"read"/)] }],
    });
    const namesOf = async (state: string) =>
      ((await manage('GET', `${PATH}?state=${state}`)).body['items'] as { id: string }[]).map(({ id }) => id);
    expect([await namesOf('in_force'), await namesOf('draft')]).toEqual([['no-pay'], []]);
    expect((await manage('PATCH', `${PATH}/no-pay`, { state: 'draft', reason: 'late', version })).status).toBe(409);
    expect((await manage('POST', `${PATH}/versions/${version}/rollback`, { reason: 'it was better' })).body).toEqual({
      version: version + 2,
    });
    expect((await manage('GET', `${PATH}/no-pay`)).body['text']).toBe(text);
    const { body } = await manage('GET', `${PATH}/versions?limit=2`);
    expect(body).toMatchObject({
      items: [
        { version: version + 2, restores: version, reason: 'it was better', summary: `put back version ${version}` },
        { version: version + 1, summary: 'changed no-pay', reason: 'wider' },
      ],
      next_cursor: expect.any(String),
    });
    const older = await manage('GET', `${PATH}/versions?cursor=${body['next_cursor']}`);
    expect((older.body['items'] as { version: number }[])[0]?.version).toBe(version);
    const audited = await story.server.app.parts.audit.list({ types: ['policy.restored'], limit: 1 });
    expect(audited.events[0]?.event).toMatchObject({
      action: expect.stringContaining(`put back version ${version}`),
      cause: 'it was better',
    });
  });

  test('says what is wrong by line and column, and where', async () => {
    const text = '@id("typo")\nforbid(principal, action, resource)\nwhen { context.scops.contains("pay") };';
    const refused = await story.manage('POST', PATH, { text, reason: 'a test' });
    expect([refused.status, refused.body]).toEqual([
      400,
      expect.objectContaining({ member: '/text', faults: [{ line: 3, column: 8, message: expect.stringMatching(/scops.*scopes/) }] }),
    ]);
    expect(
      (await story.manage('POST', `${PATH}/validate`, { policies: [text, '@id("fine") permit(principal, action, resource);'] })).body,
    ).toEqual({
      items: [
        { valid: false, faults: [expect.objectContaining({ line: 3 })] },
        { valid: true, id: 'fine', effect: 'permit' },
      ],
    });
    expect(String((await story.manage('GET', `${PATH}/schema`)).body['schema'])).toContain('entity Agent');
    expect((await story.manage('GET', PATH)).body).toMatchObject({ items: [] });
  });
});

test('a policy forbids, and the refused agent learns which one and where to read about it', async () => {
  await save(
    '@id("no-pay") @reason("Agents do not pay here.") forbid(principal is Agent, action, resource) when { context.scopes.contains("pay") };',
  );
  const refused = await askForTokenOf('read pay');
  expect([refused.status, refused.body]).toEqual([
    400,
    expect.objectContaining({
      error: 'access_denied',
      decision_id: expect.any(String),
      error_description: expect.stringContaining('Agents do not pay here.'),
    }),
  ]);
  const decision = await story.manage('GET', `/api/v1/decisions/${String(refused.body['decision_id'])}`);
  expect(decision.body).toMatchObject({
    rule: 'policy:no-pay',
    effect: 'deny',
    subject_id: story.server.miraId,
    explanation: {
      policy: { id: 'no-pay', text: expect.stringContaining('Agents do not pay here.') },
      in_the_way: ['no-pay'],
      changes: [{ by: 'client', words: 'Ask without the scope pay.' }, expect.objectContaining({ by: 'administrator' })],
    },
  });
  expect(readableDecision.parse(decision.body)).toEqual(decision.body);
  const page = await story.ada.visit(new URL(String(refused.body['error_uri'])).pathname);
  expect(page.words).toMatch(/Agents do not pay here\..*The smallest change that would allow it Ask without the scope pay\./);
  expect(page.html).toContain('/console/policies/rules/no-pay');
  // Mira, whom it is about, reads why, but not the policy itself: it may speak of others
  const hers = await story.mira.visit(new URL(String(refused.body['error_uri'])).pathname);
  expect([hers.words.includes('Ask without the scope pay.'), hers.html.includes('forbid(principal')]).toEqual([true, false]);
  expect((await askForTokenOf('read')).status).toBe(200);
});

test('a policy asks for an approval, and what Mira approves is issued', async () => {
  const { assistant, mira, resource, server } = story;
  await save('@id("ask-first") @approval("owner") forbid(principal is Agent, action, resource) when { context.scopes.contains("pay") };');
  const refused = await askForTokenOf('read pay');
  expect(refused.body).toMatchObject({
    error: 'access_denied',
    approval_by: ['owner'],
    backchannel_authentication_endpoint: expect.stringContaining(server.issuer),
  });
  const decision = await story.manage('GET', `/api/v1/decisions/${String(refused.body['decision_id'])}`);
  expect(decision.body).toMatchObject({ rule: 'policy:ask-first', effect: 'approval' });
  const asked = await assistant.client.askPerson(server.miraEmail, { resource, scope: 'openid pay' });
  await mira.decide('approve');
  const answer = await assistant.client.poll(String(asked.body['auth_req_id']));
  expect([answer.status, answer.claims['approval']]).toEqual([200, expect.objectContaining({ by: 'subject' })]);
});

test('an approval by somebody the policy does not name is none', async () => {
  const { assistant, mira, resource, server } = story;
  await save(
    '@id("admins") @approval("administrators") forbid(principal is Agent, action, resource) when { context.scopes.contains("pay") };',
  );
  const asked = await assistant.client.askPerson(server.miraEmail, { resource, scope: 'openid pay' });
  await mira.decide('approve');
  const answer = await assistant.client.poll(String(asked.body['auth_req_id']));
  expect(answer.body).toMatchObject({ error: 'access_denied', approval_by: ['administrators'] });
});

test('a policy asks for a stronger sign-in in the words of RFC 9470; an agent for itself has nobody to send', async () => {
  await save('@id("strong") @step_up("phr") @max_age("600") forbid(principal, action, resource) when { context.scopes.contains("pay") };');
  expect((await askForTokenOf('read pay')).body).toMatchObject({
    error: 'insufficient_user_authentication',
    acr_values: 'phr',
    max_age: 600,
    decision_id: expect.any(String),
  });
  const { assistant, bookkeeper, parent, resource } = story;
  await save('@id("strong-hops") @step_up("phr") forbid(principal, action, resource) when { context.chain_length > 1 };');
  const handedOn = await bookkeeper.client.exchange(parent.token, { resource, scope: 'read' });
  expect(handedOn.body).toMatchObject({ error: 'insufficient_user_authentication', acr_values: 'phr' });
  const own = await assistant.client.clientCredentials({ resource, scope: 'pay' });
  expect([own.body['error'], own.body['acr_values']]).toEqual(['access_denied', undefined]);
});

test('R8: nobody locks administrators out: this server’s own interfaces ask no policy', async () => {
  const own = `@id("own") forbid(principal, action, resource == ResourceServer::"${story.server.issuer}/api/v1");`;
  expect((await story.manage('POST', PATH, { text: own, reason: 'a test' })).status).toBe(400);
  await save('@id("nothing") forbid(principal, action, resource);');
  const { resource, assistant } = story;
  expect((await assistant.client.clientCredentials({ resource, scope: 'read' })).status).toBe(400);
  const { parts } = story.server.app;
  const fresh = await parts.clients.find('pipeline');
  expect(fresh?.isManagement).toBe(true);
  const authorization = `Basic ${Buffer.from('pipeline:a-secret-of-more-than-thirty-two-characters').toString('base64')}`;
  const form = new URLSearchParams({ grant_type: 'client_credentials', resource: `${story.server.issuer}/api/v1`, scope: 'admin:write' });
  const answer = await fetch(`${story.server.issuer}/token`, { method: 'POST', headers: { authorization }, body: form });
  expect(answer.status).toBe(200);
});

describe('what if', () => {
  const NO_PAY = '@id("no-pay") forbid(principal is Agent, action, resource) when { context.scopes.contains("pay") };';
  const finished = async (path: string): Promise<Readonly<Record<string, unknown>>> => {
    const { body } = await story.manage('GET', path);
    return body['state'] === 'running' ? finished(path) : body;
  };
  const tried = async (draft: object) => {
    const answer = await story.manage('POST', `${PATH}/what-if`, draft);
    expect([answer.status, answer.body]).toEqual([202, expect.objectContaining({ state: 'running', seen: 0 })]);
    return finished(String(answer.headers.get('location')));
  };

  test('a draft tells who would have been refused, and nothing is in force', async () => {
    const since = new Date().toISOString();
    expect((await askForTokenOf('read pay')).status).toBe(200);
    expect((await askForTokenOf('read pay')).status).toBe(200);
    expect((await askForTokenOf('read')).status).toBe(200);
    const found = await tried({ policies: [NO_PAY], since });
    expect(found).toMatchObject({ state: 'done', progress: 1, seen: 3, newly_refused: 2, newly_allowed: 0, not_judged: 0, is_cut: false });
    const { assistant, server, resource } = story;
    const about = { agent_id: assistant.agentId, client_id: assistant.clientId, subject_id: server.miraId, resource };
    expect(found['items']).toEqual([
      {
        change: 'newly_refused',
        ...about,
        before: 'invariants',
        after: 'policy:no-pay',
        count: 2,
        decision_id: expect.stringMatching(/^dec_/),
      },
    ]);
    expect((await askForTokenOf('read pay')).status).toBe(200);
  });

  test('and who would have been allowed, when one is taken away; what an invariant refused stays refused', async () => {
    const since = new Date().toISOString();
    await save(NO_PAY);
    expect((await askForTokenOf('read pay')).status).toBe(400);
    const { bookkeeper, parent, resource } = story;
    expect((await bookkeeper.client.exchange(parent.token, { resource: `${resource}/unknown`, scope: 'read' })).status).toBe(400);
    expect(await tried({ remove: ['no-pay'], since })).toMatchObject({ newly_refused: 0, newly_allowed: 1 });
    expect(await tried({ since })).toMatchObject({ newly_refused: 0, newly_allowed: 0, items: [] });
  });

  test('a draft that cannot be kept cannot be tried, nor a time that is none', async () => {
    const refused = await story.manage('POST', `${PATH}/what-if`, { policies: ['forbid(principal'] });
    expect([refused.status, refused.body['member']]).toEqual([400, '/policies/0']);
    for (const period of [{ since: '2020-01-01T00:00:00Z' }, { since: '2026-12-01T00:00:00Z', until: '2026-11-01T00:00:00Z' }])
      expect((await story.manage('POST', `${PATH}/what-if`, period)).status).toBe(400);
    expect((await story.manage('GET', `${PATH}/what-if/trl_${'0'.repeat(32)}`)).status).toBe(404);
  });

  test('an administrator tries it in the editor, reads what it would have done, and puts it in force', async () => {
    const { ada } = story;
    await askForTokenOf('read pay');
    const fields = { text: NO_PAY, state: 'in_force', days: '1' };
    let page = await ada.send(await ada.visit('/console/policies/new'), 'do', { fields, press: ['do', 'try'] });
    while (page.words.includes('Look now')) page = await ada.visit(page.url.pathname);
    expect(page.words).toMatch(/It would have refused \d+ requests/);
    expect(page.words).toMatch(/Mira Köhler → Assistant → https:\/\/invoices\.acme\.test\/mcp \d+ requests · allowed before, no-pay then/);
    const saved = await ada.send(page, 'reason', { fields: { reason: 'Looks right.' }, press: ['do', 'save'] });
    expect(saved.words).toContain('It is in force on every server.');
    expect((await askForTokenOf('read pay')).status).toBe(400);
  });
});
