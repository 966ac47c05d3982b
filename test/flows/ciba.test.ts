import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CIBA_GRANT } from '../approvals/issuer.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { overviewCounts, selfServiceSources } from '../../src/home-pages.ts';
import { systemClock } from '../../src/platform/clock.ts';

const RESOURCE = 'https://billing.acme.test/mcp';
const editor = { kind: 'system', id: 'setup', party: 'administrator' } as const;
const by = { kind: 'system', id: 'command-line' } as const;
const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], max_calls: 1 }];

let server: TestServer;
let clientId: string;
let secret: string;
let agentId: string;
let accountId: string;

beforeAll(async () => {
  server = await createTestServer();
  const { accounts, agents, clients, resourceServers } = server.app.parts;
  const { account } = await accounts.invite({ email: 'mira@acme.test', name: 'Mira Köhler', role: 'user' }, by);
  accountId = account.id;
  await resourceServers.create(
    {
      identifier: RESOURCE,
      name: 'Billing MCP',
      kind: 'mcp',
      sensitivity: 'high',
      token_ttl_seconds: null,
      algorithm: 'ES256',
      scopes: [{ name: 'invoices:pay', description: 'Pay invoices' }],
    },
    editor,
  );
  const agent = await agents.create(
    { displayName: 'Invoice bot', source: 'console', owner: { kind: 'user', id: accountId }, status: 'active' },
    editor,
  );
  agentId = agent.id;
  const made = await clients.create(
    { client_name: 'Invoice bot', purpose: 'agent', token_endpoint_auth_method: 'client_secret_basic', grant_types: [CIBA_GRANT] } as never,
    editor,
  );
  clientId = made.record.id;
  secret = made.secret ?? '';
  await agents.linkClient(agentId, clientId, editor);
});
afterAll(() => server.close());

async function post(path: string, form: Record<string, string>) {
  const headers = { authorization: `Basic ${btoa(`${clientId}:${secret}`)}` };
  const response = await fetch(`${server.issuer}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const ask = () =>
  post('/bc-authorize', {
    scope: 'openid invoices:pay',
    login_hint: 'mira@acme.test',
    resource: RESOURCE,
    authorization_details: JSON.stringify(details),
  });
const poll = (id: unknown) => post('/token', { grant_type: CIBA_GRANT, auth_req_id: String(id) });

async function decide(decision: 'approve' | 'deny') {
  const { approvals } = server.app.parts;
  const [approval] = (await approvals.list({ accountId, statuses: ['pending'], limit: 1 })).items;
  if (approval === undefined) throw new Error('nothing waits');
  const { hash } = await approvals.describe(approval);
  const session = { accountId, sessionUid: 'uid', authTime: systemClock.now(), acr: 'urn:behalf:acr:pwd', amr: ['pwd'] };
  return approvals.decide({ approvalId: approval.id, decision, shown: hash, session });
}

test('an agent asks, a person approves, and the ledger knows the token and its approval', async () => {
  const asked = await ask();
  expect(asked).toMatchObject({ status: 200, body: { interval: 5 } });
  expect((await poll(asked.body['auth_req_id'])).body['error']).toBe('authorization_pending');
  const { approval } = await decide('approve');
  const answer = await poll(asked.body['auth_req_id']);
  expect(answer).toMatchObject({ status: 200, body: { scope: 'invoices:pay', authorization_details: details } });
  const verified = await server.app.parts.tokens.verify(String(answer.body['access_token']));
  expect(verified?.payload).toMatchObject({
    sub: accountId,
    sub_profile: 'user',
    act: { sub: agentId },
    approval: { id: approval.id, max_uses: 1 },
  });
  expect(verified?.record).toMatchObject({ approvalId: approval.id, agentId, isLive: true });
});

test('the first pages count it by real queries', async () => {
  const counts = overviewCounts(server.app.parts);
  const asked = await ask();
  expect(await counts.agents()).toMatchObject({ active: 1, owners: 1, unowned: 0 });
  expect(await counts.live()).toEqual({ tokens: 1, agents: 1, people: 1, resources: 1 });
  expect(await counts.scopes(3)).toEqual([{ scope: 'invoices:pay', resourceName: 'Billing MCP', tokens: 1 }]);
  expect(await counts.grants()).toBe(1);
  expect(await counts.waiting(5)).toMatchObject([{ agentName: 'Invoice bot', personName: 'Mira Köhler', resourceName: 'Billing MCP' }]);
  expect(await counts.waitingCount()).toBe(1);
  const sources = selfServiceSources(server.app.parts);
  const [grant] = await server.app.parts.artifacts.listOf('Grant', accountId);
  const hash = grant?.hash ?? Buffer.alloc(0);
  expect(await sources.falling(hash)).toMatchObject({ tokens: 1 });
  expect(await sources.lastUsed(hash)).toBeInstanceOf(Date);
  expect(await sources.granteeOf(clientId)).toMatchObject({ kind: 'agent', name: 'Invoice bot', status: 'active' });
  await sources.endGrant(hash, { cause: 'grant.revoked', by: { kind: 'account', id: accountId } });
  expect(await counts.live()).toMatchObject({ tokens: 0 });
  await decide('deny');
  expect((await poll(asked.body['auth_req_id'])).body['error']).toBe('access_denied');
});

test('a denial is a refusal', async () => {
  const asked = await ask();
  await decide('deny');
  expect((await poll(asked.body['auth_req_id'])).body['error']).toBe('access_denied');
});

test('suspending an agent withdraws what it asked', async () => {
  const { agents, approvals } = server.app.parts;
  await ask();
  expect(await approvals.countOpen([agentId])).toBe(1);
  await agents.setStatus(agentId, 'suspended', { by: editor, reason: 'lost' });
  expect(await approvals.countOpen([agentId])).toBe(0);
  expect((await approvals.list({ accountId, statuses: ['withdrawn'], limit: 5 })).items).toHaveLength(1);
});
