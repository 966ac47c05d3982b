import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type AgentClient, createAgentClient, discover, type PendingAuthorization, type TokenAnswer } from '../support/agent-client.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';

const RESOURCE = 'https://tickets.acme.test';
const REDIRECT_URI = 'https://app.acme.test/callback';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;

let server: InhabitedServer;
let app: AgentClient;
let bot: AgentClient;
let other: AgentClient;
let botId: string;
let otherId: string;

async function makeClient(name: string, purpose: 'agent' | 'application'): Promise<AgentClient & { agentId: string }> {
  const { clients, agents } = server.app.parts;
  const input = {
    ...{ client_name: name, purpose, token_endpoint_auth_method: 'client_secret_basic', redirect_uris: [REDIRECT_URI] },
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  };
  const { record, secret = '' } = await clients.create(input as never, ADMINISTRATOR);
  const client = createAgentClient(await discover(server.issuer), { clientId: record.id, clientSecret: secret });
  if (purpose === 'application') return { ...client, agentId: '' };
  const owner = { kind: 'user', id: server.miraId } as const;
  const { id: agentId } = await agents.create({ displayName: name, owner, status: 'active', source: 'console' }, ADMINISTRATOR);
  await agents.linkClient(agentId, record.id, ADMINISTRATOR);
  return { ...client, agentId };
}

beforeAll(async () => {
  server = await createInhabitedServer({ drafts: ['oauth-ai-agents-obo-02'] });
  await server.resource(RESOURCE);
  app = await makeClient('Help desk', 'application');
  const made = [await makeClient('Ticket bot', 'agent'), await makeClient('Other bot', 'agent')] as const;
  [bot, other] = made;
  [botId, otherId] = [made[0].agentId, made[1].agentId];
}, 60_000);
afterAll(() => server?.close());

function asking(actor: string | undefined, by: AgentClient = app, more: Record<string, string> = {}): PendingAuthorization {
  const pending = by.authorizationRequest({ resource: RESOURCE, scope: 'read' }, REDIRECT_URI);
  const url = new URL(pending.url);
  for (const [name, value] of Object.entries({ ...(actor === undefined ? {} : { requested_actor: actor }), ...more }))
    url.searchParams.set(name, value);
  return { ...pending, url: url.href };
}
const ownToken = async (agent: AgentClient) => (await agent.clientCredentials({ resource: RESOURCE, scope: 'read' })).token;
function redeem(pending: PendingAuthorization, callback: URL, actorToken?: string): Promise<TokenAnswer> {
  const form = { grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '', redirect_uri: REDIRECT_URI };
  const acting = actorToken === undefined ? {} : { actor_token: actorToken, actor_token_type: ACCESS_TOKEN };
  return app.token({ ...form, code_verifier: pending.verifier, ...acting });
}

describe('draft-oauth-ai-agents-on-behalf-of-user-02', () => {
  test('the person agrees to agent and application by name; the agent proves itself; it stands in act', async () => {
    const pending = asking(botId);
    const page = await server.mira.reachConsent(pending.url);
    expect(page.words).toContain('Ticket bot (Help desk)');
    const callback = await server.mira.authorize(pending.url);
    // a wrong or missing actor token uses nothing up
    expect((await redeem(pending, callback)).body['error']).toBe('invalid_request');
    expect((await redeem(pending, callback, await ownToken(other))).body['error']).toBe('invalid_grant');
    expect((await redeem(pending, callback, 'no.token.here')).body['error']).toBe('invalid_grant');
    const answer = await redeem(pending, callback, await ownToken(bot));
    expect([answer.status, answer.claims]).toEqual([
      200,
      expect.objectContaining({
        sub: server.miraId,
        client_id: app.clientId,
        act: { iss: server.issuer, sub: botId, sub_profile: 'ai_agent' },
      }),
    ]);
    const { tokens, agents } = server.app.parts;
    expect(await tokens.find(String(answer.claims.jti))).toMatchObject({ agentId: botId, actorSource: 'actor_token', isLive: true });
    // a person’s token, even this one, is no agent’s
    const again = asking(botId);
    const back = await server.mira.authorize(again.url);
    expect((await redeem(again, back, answer.token)).body['error']).toBe('invalid_grant');
    await agents.setStatus(botId, 'suspended', { by: ADMINISTRATOR, reason: 'a test' });
    expect((await tokens.find(String(answer.claims.jti)))?.isLive).toBe(false);
    await agents.setStatus(botId, 'active', { by: ADMINISTRATOR });
  }, 60_000);

  test('the person is asked each time who acts, whatever was allowed before', async () => {
    const page = await server.mira.reachConsent(asking(otherId).url);
    expect(page.words).toContain('Other bot (Help desk)');
  }, 30_000);

  test.each<[string, () => PendingAuthorization, string]>([
    ['an agent that is not there', () => asking('agt_nobody'), 'access_denied'],
    ['what is no agent', () => asking('usr_1'), 'access_denied'],
    ['another agent than the client’s own', () => asking(botId, other), 'access_denied'],
    [
      'a connection that goes on without the person',
      () => asking(botId, app, { scope: 'read offline_access', prompt: 'consent' }),
      'invalid_scope',
    ],
  ])('refuses %s', async (_, make, error) => {
    const response = await fetch(make().url, { redirect: 'manual' });
    expect(new URL(String(response.headers.get('location'))).searchParams.get('error')).toBe(error);
  });

  test('a code that names nobody takes no actor token', async () => {
    const pending = asking(undefined);
    const callback = await server.mira.authorize(pending.url);
    expect((await redeem(pending, callback, await ownToken(bot))).body['error']).toBe('invalid_request');
    const plain = await redeem(pending, callback);
    expect([plain.status, plain.claims['act']]).toEqual([200, undefined]);
  }, 30_000);
});
