import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { basic } from '../support/agent-client.ts';
import { CHILD_GRANT } from '../support/inhabited-server.ts';
import { administrator, type FamilyStory, GRANTS, openFamily } from './family-story.ts';

let story: FamilyStory;
beforeAll(async () => {
  story = await openFamily();
}, 60_000);
afterAll(() => story.server.close());

const rule = async (body: Readonly<Record<string, unknown>>) => (await story.server.app.parts.policy.get(String(body['decision_id']))).rule;
const parentWith = async (limits: object, about: object = {}) => {
  const parent = await story.register({ ...about });
  await story.allow(parent.agentId, limits);
  return parent;
};
const room = { maxChildren: 5, maxChildDepth: 1 };

describe('who may ask', () => {
  test('R4: a client that does not authenticate is refused at registration and at use', async () => {
    const metadata = { client_name: 'Public', token_endpoint_auth_method: 'none', redirect_uris: ['https://a.example/cb'] };
    const grants = { grant_types: ['authorization_code', CHILD_GRANT] };
    await expect(story.server.register({ ...metadata, ...grants })).rejects.toThrow('invalid_client_metadata');
    const open = await story.server.register({ ...metadata, grant_types: ['authorization_code'] });
    await story.allow(open.agentId, room);
    // as if it had been registered before there was the rule
    await story.server.db.rows({
      name: '',
      text: `UPDATE clients SET metadata = jsonb_set(metadata, '{grant_types}', $2::jsonb), version = version + 1 WHERE client_id = $1`,
      values: [open.clientId, JSON.stringify(grants.grant_types)],
    });
    const body = new URLSearchParams({ grant_type: CHILD_GRANT, client_id: open.clientId });
    const answer = await fetch(`${story.server.issuer}/token`, { method: 'POST', body });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, 'invalid_request']);
  });

  test('an agent whose record says nothing, or whose room is taken, is told why', async () => {
    const closed = await story.ask(await story.register());
    expect([closed.status, closed.body['error'], await rule(closed.body)]).toEqual([400, 'unauthorized_client', 'child-room']);
    const parent = await parentWith({ maxChildren: 1, maxChildDepth: 1 });
    await story.child(parent);
    const full = await story.ask(parent);
    expect([full.status, full.body['error'], full.body['access_token']]).toEqual([400, 'unauthorized_client', undefined]);
    expect(full.body['error_description']).toContain('As many agents stand below it as its record allows.');
  });

  test('R5: an application is no agent', async () => {
    const { clients } = story.server.app.parts;
    const input = { client_name: 'App', purpose: 'service', token_endpoint_auth_method: 'client_secret_basic', grant_types: [CHILD_GRANT] };
    const { record, secret } = await clients.create(input as never, administrator);
    const answer = await fetch(`${story.server.issuer}/token`, {
      method: 'POST',
      headers: basic(record.id, String(secret)),
      body: new URLSearchParams({ grant_type: CHILD_GRANT }),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    expect([answer.status, body['error'], await rule(body)]).toEqual([400, 'unauthorized_client', 'child-of-an-agent']);
  });
});

describe('what a child may have', () => {
  test.each([
    ['agent_valid_for', '59', 'invalid_request'],
    ['agent_valid_for', 'soon', 'invalid_request'],
    ['scope', 'a"b', 'invalid_scope'],
    ['resource', 'not a uri', 'invalid_target'],
  ])('RFC 6749 §5.2: a malformed %s (%s) is %s', async (name, value, error) => {
    const parent = await parentWith(room);
    const { status, body } = await story.ask(parent, { [name]: value });
    expect([status, body['error']]).toEqual([400, error]);
  });

  test('R2: nothing that its parent may not: scope, resource, grants, redirects, time', async () => {
    const until = new Date(Date.now() + 7_200_000);
    const parent = await parentWith({ ...room, validUntil: until, riskLevel: 'high' });
    await story.server.app.parts.clients.update(parent.clientId, { scope: 'read', resources: [story.resource] }, administrator);
    const scope = await story.ask(parent, { scope: 'read pay' });
    expect([scope.body['error'], await rule(scope.body)]).toEqual(['invalid_scope', 'parent-scope']);
    const target = await story.ask(parent, { resource: 'https://else.acme.test' });
    expect([target.body['error'], await rule(target.body)]).toEqual(['invalid_target', 'parent-resource']);
    const asked = await story.ask(parent, { agent_valid_for: '315360000' });
    // no further generation may come: the child does not get the grant to enrol
    expect(asked.body['grant_types']).toEqual(GRANTS.filter((grant) => grant !== CHILD_GRANT));
    for (const metadata of [{ grant_types: [CHILD_GRANT] }, { grant_types: ['urn:openid:params:grant-type:ciba'] }, { scope: 'pay' }]) {
      expect((await story.enrol(asked.token, metadata)).body['error']).toBe('invalid_client_metadata');
    }
    const { body } = await story.enrol(asked.token);
    const child = await story.server.app.parts.agents.findByClient(String(body['client_id']));
    expect(child).toMatchObject({ validUntil: until, riskLevel: 'high', maxChildren: undefined, maxChildDepth: undefined });
  });

  test('a grandchild comes from a child that may enrol, until the generations are used up', async () => {
    const parent = await parentWith({ maxChildren: 2, maxChildDepth: 2 });
    const child = await story.child(parent, {}, { grant_types: ['client_credentials', CHILD_GRANT] });
    const grandchild = await story.child(child, {}, { grant_types: ['client_credentials'] });
    expect(await story.server.app.parts.agents.get(grandchild.agentId)).toMatchObject({
      parentId: child.agentId,
      maxChildDepth: undefined,
    });
    const end = await story.enrol((await story.ask(child)).token, { grant_types: [CHILD_GRANT] });
    expect(end.body['error']).toBe('invalid_client_metadata');
  });

  test('RFC 7592 §2.2: an update beyond what the parent may have now is refused, one within is not', async () => {
    const parent = await parentWith(room);
    const child = await story.child(parent, { scope: 'read pay' }, { scope: 'read' });
    const put = async (scope: string, from: Readonly<Record<string, unknown>>) => {
      const answer = await fetch(String(from['registration_client_uri']), {
        method: 'PUT',
        headers: { authorization: `Bearer ${from['registration_access_token']}`, 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: child.clientId, client_name: 'Worker', grant_types: ['client_credentials'], scope }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    await story.server.app.parts.clients.update(parent.clientId, { scope: 'read' }, administrator);
    const wider = await put('read pay', child.information);
    expect([wider.status, wider.body['error'], await rule(wider.body)]).toEqual([400, 'invalid_client_metadata', 'parent-scope']);
    expect((await put('read', child.information)).status).toBe(200);
    expect(await story.server.app.parts.agents.get(child.agentId)).toMatchObject({ status: 'active' });
  });
});

describe('at the moment of registration', () => {
  test('of twenty registrations at once as many become agents as the record allows', async () => {
    const parent = await parentWith(room);
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await story.ask(parent)).token));
    const answers = await Promise.all(tokens.map((token) => story.enrol(token)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(5).fill(201), ...Array(15).fill(403)]);
    const refused = answers.find(({ status }) => status === 403)?.body ?? {};
    expect([refused['error'], await rule(refused)]).toEqual(['access_denied', 'child-room']);
    expect((await story.server.app.parts.agents.below(parent.agentId, 50)).total).toBe(5);
  });

  test('R14: a parent that was stopped since, even if it acts again, has to ask again', async () => {
    const parent = await parentWith(room);
    const { token } = await story.ask(parent);
    await story.stop(parent.agentId);
    const resting = await story.enrol(token);
    expect([resting.status, resting.body['error'], await rule(resting.body)]).toEqual([403, 'access_denied', 'child-room']);
    await story.server.app.parts.agents.setStatus(parent.agentId, 'active', { by: administrator });
    expect((await story.enrol(token)).status).toBe(403);
    expect((await story.enrol((await story.ask(parent)).token)).status).toBe(201);
  });

  test('the tokens of agents are not in the console’s list, and are forgotten after a day', async () => {
    const parent = await parentWith(room);
    await story.ask(parent);
    const { initialAccessTokens } = story.server.app.parts.clients;
    expect((await initialAccessTokens.list({ limit: 200 })).filter((one) => one.parent !== undefined)).toEqual([]);
    expect(await initialAccessTokens.purge()).toBe(0);
    await story.server.db.rows({
      name: '',
      text: `UPDATE initial_access_tokens SET expires_at = expires_at - interval '2 days'`,
      values: [],
    });
    expect(await initialAccessTokens.purge()).toBeGreaterThan(0);
    expect(await initialAccessTokens.count()).toBeGreaterThan(0);
  });
});
