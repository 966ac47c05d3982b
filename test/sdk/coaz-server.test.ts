import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { withoutPolicies } from '../../src/access-evaluation/index.ts';
import type { Answer, Question } from '../../src/policy/index.ts';
import { createAccessClient, createMcpAccess, declaredMappings, type McpAccess } from '../../src/sdk/resource-server.ts';
import { type AccessServer, createAccessServer } from '../access-evaluation/access-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { startModernMcpServer } from '../support/modern-mcp-server.ts';
import type { SeededClient } from '../support/seeding.ts';

let server: AccessServer;
let mcp: ProtectedMcpServer;
let access: McpAccess;
let agent: SeededClient;
let token: string;
const asked: Question[] = [];
const answer = (effect: Answer['effect']): Answer => ({
  effect,
  rule: 'policy:test',
  reason: 'Too much.',
  remedy: 'Less.',
  policyVersion: 'test',
});

async function withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const headers = { authorization: `Bearer ${token}` };
  try {
    await client.connect(new StreamableHTTPClientTransport(mcp.url, { requestInit: { headers } }));
    return await use(client);
  } finally {
    await client.close();
  }
}

beforeAll(async () => {
  server = await createAccessServer();
  const lazy: McpAccess = { refusalOf: (...given) => access.refusalOf(...given) };
  const scopesForTool = { read_invoices: ['read'], pay_invoice: ['read'] };
  mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: ['read'], rules: { access: lazy, scopesForTool } });
  const own = await server.resource(mcp.resource, 'mcp');
  agent = await server.agent('payer', { token_endpoint_auth_method: 'private_key_jwt' });
  const credentials = { method: 'client_secret_basic', clientId: own.clientId, clientSecret: own.secret ?? '' } as const;
  const client = createAccessClient({ issuer: server.issuer, credentials });
  access = createMcpAccess({ client });
  server.app.parts.policies.ask = (question) => {
    asked.push(question);
    return answer(question.resource.properties?.['amount'] === 500 ? 'approval' : 'permit');
  };
  ({ jwt: token } = await server.agentToken(agent, { scope: 'read', resource: mcp.resource }));
  const { tools } = await withClient((listing) => listing.listTools());
  access = createMcpAccess({ client, mappingOf: declaredMappings(tools) });
}, 60_000);
afterAll(async () => {
  await mcp.close();
  await server.close();
});

const pay = (amount: number) => withClient((client) => client.callTool({ name: 'pay_invoice', arguments: { invoice: 'INV-1', amount } }));

test('every message of the official client is asked about, with what the ledger knows of its token', async () => {
  const methods = asked.map(({ action }) => action.name);
  expect(methods).toEqual(['initialize', 'tools/list']);
  expect(asked[1]).toMatchObject({
    subject: { kind: 'agent', id: agent.agentId },
    clientId: agent.clientId,
    resource: { type: 'mcp_server', id: mcp.resource, server: mcp.resource },
    scopes: ['read'],
  });
});

test('a tool is asked about in the words of its own mapping, and runs only when it is permitted', async () => {
  asked.length = 0;
  expect((await pay(5)).content).toEqual([{ type: 'text', text: 'paid INV-1' }]);
  expect(asked.at(-1)).toMatchObject({ action: { name: 'pay' }, resource: { type: 'invoice', id: 'INV-1', properties: { amount: 5 } } });
  const calls = mcp.calls.length;
  await expect(pay(500)).rejects.toMatchObject({
    code: -32001,
    data: { reason: 'approval_required', next_action: 'request', decision_id: expect.stringMatching(/^dec_/) },
  });
  expect(mcp.calls).toHaveLength(calls);
});

test('what is refused uses up nothing, and without policies the token decides', async () => {
  const known = [token, server.app.parts.policies.ask] as const;
  const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], max_calls: 1 }];
  ({ jwt: token } = await server.agentToken(agent, {
    scope: 'read',
    resource: mcp.resource,
    authorization_details: JSON.stringify(details),
  }));
  await expect(pay(500)).rejects.toMatchObject({ code: -32001 });
  server.app.parts.policies.ask = withoutPolicies;
  expect((await pay(5)).content).toEqual([{ type: 'text', text: 'paid INV-1' }]);
  await expect(pay(5)).rejects.toMatchObject({ code: 403 });
  [token, server.app.parts.policies.ask] = known;
});

test('a token that ended is refused by the decision point, long before it expires', async () => {
  const [, payload = ''] = token.split('.');
  const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string };
  await server.app.parts.tokens.end({ by: 'jti', jti }, { cause: 'test', by: { kind: 'system', id: 'test' } });
  await expect(pay(5)).rejects.toMatchObject({ code: -32001 });
});

test('a decision point that cannot be reached, or is another one, allows nothing: -32603', async () => {
  const known = access;
  const credentials = { method: 'client_secret_basic', clientId: 'x', clientSecret: 'y' } as const;
  for (const policyDecisionPoint of ['http://127.0.0.1:1', `${server.issuer}/`, server.issuer]) {
    access = createMcpAccess({ client: createAccessClient({ issuer: server.issuer, policyDecisionPoint, credentials }) });
    await expect(pay(5)).rejects.toMatchObject({ code: -32603 });
  }
  access = known;
});

describe('MCP revision 2026-07-28', () => {
  let modern: ProtectedMcpServer;
  let known: McpAccess;
  beforeAll(async () => {
    known = access;
    const lazy: McpAccess = { refusalOf: (...given) => access.refusalOf(...given) };
    modern = await startModernMcpServer({
      issuer: server.issuer,
      scopesSupported: [],
      rules: { access: lazy, scopesForTool: { read_invoices: ['read'] } },
    });
    const own = await server.resource(modern.resource, 'mcp');
    const credentials = { method: 'client_secret_basic', clientId: own.clientId, clientSecret: own.secret ?? '' } as const;
    access = createMcpAccess({ client: createAccessClient({ issuer: server.issuer, credentials }) });
    ({ jwt: token } = await server.agentToken(agent, { scope: 'read', resource: modern.resource }));
  });
  afterAll(async () => {
    access = known;
    await modern.close();
  });

  const connected = async <T>(use: (client: ModernClient) => Promise<T>): Promise<T> => {
    const client = new ModernClient({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
    const headers = { authorization: `Bearer ${token}` };
    try {
      await client.connect(new ModernTransport(modern.url, { requestInit: { headers } }));
      return await use(client);
    } finally {
      await client.close();
    }
  };

  test('its discovery is asked about like any other method, and a refused one does not connect', async () => {
    asked.length = 0;
    const { content } = await connected((client) => client.callTool({ name: 'read_invoices', arguments: {} }));
    expect(content).toEqual([{ type: 'text', text: `invoices of ${agent.agentId}` }]);
    expect(asked.map(({ action }) => action.name)).toEqual(expect.arrayContaining(['server/discover', 'tools/call']));
    server.app.parts.policies.ask = ({ action }) => answer(action.name === 'tools/call' ? 'permit' : 'deny');
    await expect(connected((client) => client.callTool({ name: 'read_invoices', arguments: {} }))).rejects.toMatchObject({ code: -32001 });
  });
});
