import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type FamilyStory, GRANTS, openFamily, type SpeakingAgent } from '../child-enrolment/family-story.ts';

let story: FamilyStory;
let child: SpeakingAgent;
beforeAll(async () => {
  story = await openFamily();
}, 60_000);
afterAll(() => story.server.close());

const get = (agentId: string) => story.server.app.parts.agents.get(agentId);

test('RFC 8414: the metadata lists the grant', async () => {
  const response = await fetch(`${story.server.issuer}/.well-known/oauth-authorization-server`);
  const { grant_types_supported: grants } = (await response.json()) as { grant_types_supported: string[] };
  expect(grants).toContain('urn:behalf:params:oauth:grant-type:child-enrolment');
});

test('RFC 7591 §3: the parent asks for an initial access token, its child registers with it and acts at once', async () => {
  const { parent, server, resource } = story;
  const asked = await story.ask(parent, { scope: 'read', resource, agent_valid_for: '3600' });
  expect([asked.status, asked.body]).toEqual([
    200,
    {
      access_token: expect.stringMatching(/^behalf_iat_/),
      token_type: 'Bearer',
      issued_token_type: 'urn:behalf:params:oauth:token-type:initial-access-token',
      expires_in: 600,
      registration_endpoint: `${server.issuer}/register`,
      agent_id: parent.agentId,
      grant_types: GRANTS,
      scope: 'read',
      resource: [resource],
    },
  ]);
  const registered = await story.enrol(String(asked.body['access_token']));
  expect([registered.status, registered.body['scope']]).toEqual([201, 'read']);
  expect((await story.enrol(String(asked.body['access_token']))).status).toBe(401);
  const found = await server.app.parts.agents.findByClient(String(registered.body['client_id']));
  const above = await get(parent.agentId);
  expect(found).toMatchObject({ parentId: parent.agentId, owner: above.owner, status: 'active', riskLevel: above.riskLevel });
  expect(found).toMatchObject({ maxChildDepth: 1, maxChildren: 5, displayName: 'Worker' });
  const left = (found?.validUntil?.getTime() ?? 0) - Date.now();
  expect(left > 3_500_000 && left <= 3_600_000).toBe(true);
  const { audit } = server.app.parts;
  const { events } = await audit.list({ agentId: String(found?.id), limit: 10 });
  const byParent = events.filter(({ event }) => event.actor.id === parent.agentId).map(({ event }) => event.type as string);
  expect(byParent.sort()).toEqual(['agent.activated', 'agent.proposed', 'agent.updated']);
  const made = await audit.list({ type: 'initial_access_token.created', agentId: parent.agentId, limit: 5 });
  expect(made.events.map(({ event }) => event.actor)).toEqual([{ kind: 'agent', id: parent.agentId }]);
  const client = await audit.list({ type: 'client.registered', clientId: String(registered.body['client_id']), limit: 5 });
  expect(client.events.map(({ event }) => event.actor)).toEqual([{ kind: 'agent', id: parent.agentId }]);
});

test('a child gets a token that is narrower than its parent; a wider one is refused with decision_id', async () => {
  const { parent, resource, server } = story;
  child = await story.child(parent, { resource });
  const [own, childs] = [
    await parent.client.clientCredentials({ resource, scope: 'read pay' }),
    await child.client.clientCredentials({ resource, scope: 'read' }),
  ];
  expect([own.claims['scope'], childs.claims['scope'], childs.claims.sub]).toEqual(['read pay', 'read', child.agentId]);
  const bounded = await story.child(parent, { scope: 'read' });
  const own2 = await bounded.client.clientCredentials({ resource, scope: 'pay' });
  expect([own2.status, own2.body['error'], typeof own2.body['decision_id']]).toEqual([400, 'invalid_scope', 'string']);
  const elsewhere = await server.resource('https://payroll.acme.test', ['read']);
  const { clients } = server.app.parts;
  await clients.update(parent.clientId, { scope: 'read', resources: [resource] }, { kind: 'account', id: 'usr_administrator' });
  const wider = await child.client.clientCredentials({ resource, scope: 'read pay' });
  expect([wider.status, wider.body['error'], typeof wider.body['decision_id']]).toEqual([400, 'invalid_scope', 'string']);
  const decision = await server.app.parts.policy.get(String(wider.body['decision_id']));
  expect(decision).toMatchObject({ rule: 'parent-scope', reason: 'Orchestrator, above this agent, may not have pay.' });
  await clients.update(child.clientId, { resources: null }, { kind: 'account', id: 'usr_administrator' });
  const other = await child.client.clientCredentials({ resource: elsewhere, scope: 'read' });
  expect([other.status, other.body['error'], typeof other.body['decision_id']]).toEqual([400, 'invalid_target', 'string']);
});

test('the parent is suspended: the token of its child is inactive, and its next request invalid_client', async () => {
  const { parent, resource } = story;
  const held = await child.client.clientCredentials({ resource, scope: 'read' });
  expect(await story.isAlive(held.token)).toBe(true);
  await story.stop(parent.agentId);
  expect(await story.isAlive(held.token)).toBe(false);
  const next = await child.client.clientCredentials({ resource, scope: 'read' });
  expect([next.status, next.body['error'], typeof next.body['decision_id']]).toEqual([401, 'invalid_client', 'string']);
  expect(await get(child.agentId)).toMatchObject({ status: 'suspended', statusReason: 'Its parent Orchestrator was suspended.' });
});
