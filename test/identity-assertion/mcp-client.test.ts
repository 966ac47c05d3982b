import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, CrossAppAccessProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { ADMINISTRATOR, type Company, openCompany } from './company.ts';

let company: Company;
let mcp: ProtectedMcpServer;
beforeAll(async () => {
  company = await openCompany();
  mcp = await startProtectedMcpServer({ issuer: company.server.issuer, scopesSupported: ['invoices:read', 'invoices:pay'] });
  const about = { identifier: mcp.resource, name: 'Invoices', kind: 'mcp', sensitivity: 'medium', token_ttl_seconds: null } as const;
  const scopes = ['invoices:read', 'invoices:pay'].map((name) => ({ name, description: name }));
  await company.server.app.parts.resourceServers.create({ ...about, algorithm: 'ES256', scopes }, ADMINISTRATOR);
}, 60_000);
afterAll(async () => {
  await mcp.close();
  await company.close();
});

test('EMA: the MCP SDK connects with an assertion of the company, without a page for anybody to click through', async () => {
  const asked: { authorizationServerUrl: string; resourceUrl: string }[] = [];
  const provider = new CrossAppAccessProvider({
    async assertion({ authorizationServerUrl, resourceUrl, scope }) {
      asked.push({ authorizationServerUrl, resourceUrl });
      return company.idJag({ aud: company.server.issuer, resource: resourceUrl, scope: scope ?? 'invoices:read' });
    },
    clientId: company.agent.clientId,
    clientSecret: company.agent.secret ?? '',
    expectedIssuer: company.server.issuer,
  });
  const client = new Client({ name: 'desktop', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(mcp.url, { authProvider: provider }));
  await client.callTool({ name: 'read_invoices', arguments: {} });
  await client.close();
  expect(asked.map(({ resourceUrl }) => resourceUrl)).toEqual([mcp.resource]);
  expect(mcp.calls).toHaveLength(1);
  expect(mcp.calls[0]?.authorization).toMatchObject({ subject: company.accountId });
}, 30_000);
