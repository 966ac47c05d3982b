import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ADMINISTRATOR,
  type Answer,
  ask,
  type ExchangeServer,
  exchangeFor,
  GRANTS,
  makeAgent,
  makeClient,
  makeGrant,
  makeResource,
  personToken,
  sessionOf,
  startExchangeServer,
  type TestClient,
} from '../token-exchange/exchange-server.ts';

const API = 'https://api.test';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';
let server: ExchangeServer;

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
});
afterAll(() => server?.close());

const own = (client: TestClient, more: Record<string, string> = {}) =>
  ask(server, client, { grant_type: 'client_credentials', resource: API, scope: 'read', ...more });
const lastDecision = async (clientId: string) => (await server.policy.list({ clientId, limit: 1 })).decisions[0];

describe('every grant passes the policy', () => {
  const modelOf = async (client: TestClient, name: 'RefreshToken' | 'DeviceCode' | 'BackchannelAuthenticationRequest') => {
    const provider = server.oidc.current();
    const shared = {
      client: await provider.Client.find(client.clientId),
      accountId: server.accountId,
      grantId: await makeGrant(server, client, { resources: { [API]: 'read' }, openid: 'openid' }),
      scope: 'openid read',
      resource: API,
      gty: 'test',
    };
    const model = new provider[name](shared as never) as unknown as { save(ttl: number): Promise<string> };
    return model.save(300);
  };

  test('one decision for each token: client_credentials, code, refresh, device, CIBA, exchange', async () => {
    const agent = await makeAgent(server, 'All grants', { client: { grant_types: [...GRANTS, DEVICE] } });
    const subject = (await own(agent)).body['access_token'];
    const grants: (() => Promise<Answer>)[] = [
      () => own(agent),
      () => personToken(server, agent, { resources: { [API]: 'read' } }),
      async () => ask(server, agent, { grant_type: 'refresh_token', refresh_token: await modelOf(agent, 'RefreshToken'), resource: API }),
      async () => ask(server, agent, { grant_type: DEVICE, device_code: await modelOf(agent, 'DeviceCode'), resource: API }),
      async () =>
        ask(server, agent, { grant_type: CIBA, auth_req_id: await modelOf(agent, 'BackchannelAuthenticationRequest'), resource: API }),
      () => exchangeFor(server, agent, { subject, resource: API }),
    ];
    const seen: unknown[] = [];
    for (const grant of grants) {
      const answer = await grant();
      expect([answer.status, answer.body['error']]).toEqual([200, undefined]);
      const record = await server.tokens.find(String(answer.claims.jti));
      const decision = await server.policy.get(String(record?.decisionId));
      expect(decision).toMatchObject({ effect: 'permit', rule: 'invariants', clientId: agent.clientId, agentId: agent.agentId });
      seen.push(decision.input['grant_type']);
    }
    expect(seen).toEqual([
      'client_credentials',
      'authorization_code',
      'refresh_token',
      DEVICE,
      CIBA,
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ]);
    const { decisions } = await server.policy.list({ clientId: agent.clientId, limit: 200 });
    expect(decisions).toHaveLength(grants.length + 1);
  });
});

describe('who the token speaks as', () => {
  test('an agent for itself: sub is the agent, no act; a service: sub is the service; never the client', async () => {
    const agent = await makeAgent(server, 'Itself');
    expect((await own(agent)).claims).toMatchObject({ sub: agent.agentId, sub_profile: 'ai_agent' });
    expect((await own(agent)).claims['act']).toBeUndefined();
    const service = await makeClient(server, { purpose: 'service' });
    const { claims } = await own(service);
    expect(claims).toMatchObject({ sub: expect.stringMatching(/^svc_/), sub_profile: 'service' });
    expect(claims.sub).not.toBe(service.clientId);
  });

  test('an agent for a person: sub is the account, act the agent, also when its client is public', async () => {
    const agent = await makeAgent(server, 'Public', {
      client: { token_endpoint_auth_method: 'none', grant_types: ['authorization_code'] },
    });
    const { claims } = await personToken(server, agent, { resources: { [API]: 'read' } });
    expect(claims).toMatchObject({
      sub: server.accountId,
      sub_profile: 'user',
      act: { iss: server.issuer, sub: agent.agentId, sub_profile: 'ai_agent' },
    });
  });

  test('an application gets tokens for people without act, and none for itself', async () => {
    const application = await makeClient(server);
    expect((await personToken(server, application, { resources: { [API]: 'read' } })).claims['act']).toBeUndefined();
    expect((await own(application)).body).toMatchObject({ error: 'unauthorized_client' });
  });
});

describe('R5: agents that may not act', () => {
  test('proposed and under review: unauthorized_client, with a decision; nothing is burnt', async () => {
    const agent = await makeAgent(server, 'Waiting', { status: 'proposed' });
    const refused = await own(agent);
    expect([refused.status, refused.body['error']]).toEqual([400, 'unauthorized_client']);
    const id = String(refused.body['decision_id']);
    expect(refused.body['error_uri']).toBe(`${server.issuer}/console/decisions/${id}`);
    expect(await server.policy.get(id)).toMatchObject({ rule: 'agent-proposed', effect: 'deny', agentId: agent.agentId });
    const events = await server.audit.list({ type: 'token.refused', clientId: agent.clientId, limit: 10 });
    expect(events.events.map(({ event }) => event)).toEqual([
      expect.objectContaining({ decisionId: id, cause: 'unauthorized_client', outcome: 'refused' }),
    ]);
    await server.agents.setStatus(agent.agentId, 'active', { by: ADMINISTRATOR, reason: 'fine' });
    expect((await own(agent)).status).toBe(200);
  });

  test('a code survives the refusal and works once the reason is gone', async () => {
    const agent = await makeAgent(server, 'Reviewed');
    await server.agents.setStatus(agent.agentId, 'underReview', { by: ADMINISTRATOR, reason: 'a look' });
    const { makeCode } = await import('../token-exchange/exchange-server.ts');
    const code = await makeCode(server, agent, { resources: { [API]: 'read' } });
    const redeem = () =>
      ask(server, agent, {
        grant_type: 'authorization_code',
        code,
        redirect_uri: 'https://client.example/cb',
        code_verifier: 'v'.repeat(43),
      });
    expect((await redeem()).body).toMatchObject({ error: 'unauthorized_client' });
    await server.agents.setStatus(agent.agentId, 'active', { by: ADMINISTRATOR, reason: 'fine' });
    expect((await redeem()).status).toBe(200);
  });

  test.each(['suspended', 'retired'] as const)(
    '%s: 401 invalid_client with decision_id, the same for a minute, also where no token is asked for',
    async (status) => {
      const agent = await makeAgent(server, `Agent ${status}`, { status });
      const first = await own(agent);
      expect([first.status, first.body['error']]).toEqual([401, 'invalid_client']);
      const id = String(first.body['decision_id']);
      expect(await server.policy.get(id)).toMatchObject({ rule: `agent-${status}`, action: 'authenticate', agentId: agent.agentId });
      expect((await own(agent)).body['decision_id']).toBe(id);
      const backchannel = await fetch(`${server.issuer}/bc-authorize`, {
        method: 'POST',
        headers: agent.headers,
        body: new URLSearchParams({ scope: 'openid' }),
      });
      expect([backchannel.status, await backchannel.json()]).toEqual([
        401,
        expect.objectContaining({ error: 'invalid_client', decision_id: id }),
      ]);
    },
  );

  test('a disabled client is turned away with a decision, an unknown one without', async () => {
    const client = await makeClient(server, { purpose: 'service' });
    await server.clients.disable(client.clientId, ADMINISTRATOR);
    expect((await own(client)).body).toMatchObject({ error: 'invalid_client', decision_id: expect.stringMatching(/^dec_/) });
    const unknown = await own({ ...client, headers: { authorization: `Basic ${Buffer.from('cli_x:y').toString('base64')}` } });
    expect([unknown.status, unknown.body['decision_id']]).toEqual([401, undefined]);
  });
});

test('R6 tokens for this server go to clients for management only', async () => {
  const resource = `${server.issuer}/api/v1`;
  const manager = await makeClient(server, { purpose: 'management', is_management: true });
  expect((await own(manager, { resource, scope: 'admin:read' })).status).toBe(200);
  const agent = await makeAgent(server, 'Curious');
  expect((await own(agent, { resource, scope: 'admin:read' })).body).toMatchObject({ error: 'invalid_target' });
});

test('a permitted token and its decision are one statement', async () => {
  const agent = await makeAgent(server, 'Counted');
  await own(agent);
  server.statements.length = 0;
  await own(agent);
  expect(server.statements.filter((name) => name.includes('-insert'))).toEqual(['token-insert-with-decisions']);
});

describe('R24: who reads decisions', () => {
  const read = async (path: string, token?: unknown) => {
    const response = await fetch(
      `${server.issuer}${path}`,
      token === undefined ? {} : { headers: { authorization: `Bearer ${String(token)}` } },
    );
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: (await response.json()) as Record<string, unknown>,
    };
  };
  const managerToken = async () => {
    const manager = await makeClient(server, { purpose: 'management', is_management: true });
    return (await own(manager, { resource: `${server.issuer}/api/v1`, scope: 'admin:read' })).body['access_token'];
  };

  test('management reads one and lists them; no token, no decision; unknown ones are problem+json 404', async () => {
    const agent = await makeAgent(server, 'Read', { status: 'proposed' });
    const id = String((await own(agent)).body['decision_id']);
    const token = await managerToken();
    expect((await read(`/api/v1/decisions/${id}`, token)).body).toMatchObject({
      id,
      effect: 'deny',
      rule: 'agent-proposed',
      input: { grant_type: 'client_credentials' },
    });
    const list = await read(`/api/v1/decisions?agent_id=${agent.agentId}&effect=deny&limit=1`, token);
    expect((list.body['items'] as { id: string }[]).map((one) => one.id)).toEqual([id]);
    expect((await read(`/api/v1/decisions/${id}`)).status).toBe(401);
    const missing = await read(`/api/v1/decisions/dec_${'0'.repeat(32)}`, token);
    expect([missing.status, missing.type]).toEqual([404, expect.stringContaining('application/problem+json')]);
    expect((await read('/api/v1/decisions?effect=maybe', token)).status).toBe(400);
  });

  test('the page: administrators, auditors, the agent’s owner, the affected person; nobody else', async () => {
    const agent = await makeAgent(server, 'Shown', { status: 'proposed' });
    const id = String((await own(agent)).body['decision_id']);
    const seen = async (role: 'admin' | 'auditor' | 'approver' | 'user', accountId?: string) => {
      server.session = sessionOf(role, accountId);
      return read(`/console/decisions/${id}`);
    };
    const page = await seen('auditor');
    expect(page.body).toMatchObject({
      template: 'console/decision',
      model: { heading: 'Shown may not have this token', refusal: { change: 'An administrator can activate the agent.' } },
    });
    const html = String(page.body['html']);
    for (const words of ['Shown may not have this token', 'proposed and waits', 'An administrator can activate the agent.', id])
      expect(html).toContain(words);
    expect((await seen('user', server.accountId)).status).toBe(200);
    expect((await seen('approver')).status).toBe(404);
    expect((await seen('user', 'usr_somebody')).status).toBe(404);
    server.session = sessionOf('admin');
  });

  test('decisions hold no bearer value', async () => {
    const agent = await makeAgent(server, 'Clean');
    const token = String((await own(agent)).body['access_token']);
    await exchangeFor(server, await makeAgent(server, 'Thief'), { subject: token, resource: API });
    const rows = await server.db.rows<{ row: string }>({ name: 'dump', text: 'SELECT d::text AS row FROM decisions d', values: [] });
    expect(rows.map(({ row }) => row).join('\n')).not.toContain('eyJ');
    expect(await lastDecision(agent.clientId)).toMatchObject({ effect: 'permit' });
  });
});
