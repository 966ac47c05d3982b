import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { OAuthConformanceConfig, OAuthConformanceResult } from '@mcpjam/sdk';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { loadMcpJam } from '../support/mcpjam.ts';
import { type SecureDocuments, startSecureDocuments } from '../support/secure-documents.ts';
import { freePort } from '../support/test-server.ts';

const SCOPES = ['invoices:read', 'invoices:pay'];

let server: InhabitedServer;
let mcp: ProtectedMcpServer;
let documents: SecureDocuments;
const asked = jest.spyOn(globalThis, 'fetch');
beforeAll(async () => {
  [server, documents] = await Promise.all([createInhabitedServer(), startSecureDocuments()]);
  mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: SCOPES, leadsToIssuer: true });
  await server.resource(mcp.resource, SCOPES);
}, 60_000);
afterAll(async () => {
  asked.mockRestore();
  await Promise.all([mcp.close(), documents.close()]);
  await server.close();
});

type Flow = Omit<OAuthConformanceConfig, 'serverUrl'>;

const REDIRECT_URI = 'http://127.0.0.1/callback';

/** The runner at its port, with Mira at the browser; every check of its own, then the list of tools and one call. */
async function run(flow: Flow): Promise<OAuthConformanceResult> {
  const { OAuthConformanceTest } = await loadMcpJam();
  const openUrl = async (url: string) => void (await fetch(await server.anotherBrowser().authorize(url)));
  const runner = new OAuthConformanceTest({
    serverUrl: mcp.resource,
    redirectUrl: `http://127.0.0.1:${await freePort()}/callback`,
    auth: { mode: 'interactive', openUrl },
    verification: { callTool: { name: 'read_invoices' }, timeout: 5_000 },
    oauthConformanceChecks: true,
    stepTimeout: 10_000,
    ...flow,
  });
  return runner.run();
}

/** The steps that did not pass, with what the runner says. */
const exceptions = ({ steps }: OAuthConformanceResult) =>
  steps.filter(({ status }) => status !== 'passed').map(({ step, status, error }) => [step, status, error?.message ?? ''].join(' ').trim());

const PASSED = {
  passed: true,
  verification: { listTools: { passed: true, toolCount: 2 }, callTool: { passed: true, toolName: 'read_invoices' } },
};
/** It asks with a code that is used up, and our answer does not say which part of the grant is wrong: there is nothing to isolate. */
const UNDECIDED = ['oauth_invalid_redirect skipped Token request was rejected for a non-redirect reason: grant request is invalid'];

/** Steps in which a person takes part. */
const NOT_FOR_ITSELF = [
  'generate_pkce_parameters skipped',
  'authorization_request skipped',
  'received_authorization_code skipped',
  'oauth_invalid_authorize_redirect skipped',
  'oauth_invalid_redirect skipped',
];

// without metadata of the MCP server the oldest revision cannot learn which scopes there are: the client is told
const REVISIONS = [
  { protocolVersion: '2025-11-25' },
  { protocolVersion: '2025-06-18' },
  { protocolVersion: '2025-03-26', scopes: SCOPES.join(' ') },
] as const;

describe.each(REVISIONS)('@mcpjam/sdk OAuth conformance, revision $protocolVersion', (revision) => {
  test('software that registers by itself', async () => {
    const result = await run({ ...revision, registrationStrategy: 'dcr' });
    expect(exceptions(result)).toEqual(UNDECIDED);
    expect(result).toMatchObject(PASSED);
  });

  test.each(['none', 'client_secret_post', 'client_secret_basic'])('software that was registered before, %s', async (method) => {
    const { clientId, clientSecret } = await server.register({
      client_name: 'MCPJam',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: method,
    });
    const preregistered = { clientId, ...(clientSecret === '' ? {} : { clientSecret }) };
    const result = await run({ ...revision, registrationStrategy: 'preregistered', client: { preregistered } });
    expect(exceptions(result)).toEqual(UNDECIDED);
    expect(result).toMatchObject(PASSED);
  });

  test('an agent for itself, with client credentials', async () => {
    const software = await server.register({ client_name: 'MCPJam at night', grant_types: ['client_credentials'] });
    const secrets = { clientId: software.clientId, clientSecret: software.clientSecret };
    const result = await run({
      ...revision,
      scopes: SCOPES.join(' '),
      registrationStrategy: 'preregistered',
      client: { preregistered: secrets },
      auth: { mode: 'client_credentials', ...secrets },
    });
    expect(exceptions(result).map((exception) => exception.split(' ', 2).join(' '))).toEqual(NOT_FOR_ITSELF);
    expect(result).toMatchObject(PASSED);
    expect(mcp.calls.at(-1)?.authorization).toMatchObject({ subject: software.agentId });
  });

  test('nobody vouched for software that registers to act for itself: it is refused', async () => {
    const auth = { mode: 'client_credentials', clientId: 'none', clientSecret: 'none' } as const;
    const result = await run({ ...revision, registrationStrategy: 'dcr', auth });
    expect(result.passed).toBe(false);
    const failed = result.steps.find(({ status }) => status === 'failed');
    expect([failed?.step, failed?.http?.response?.body]).toEqual([
      'request_client_registration',
      expect.objectContaining({ error: 'invalid_client_metadata' }),
    ]);
  });
});

test('@mcpjam/sdk OAuth conformance, revision 2025-11-25: software that is known by its metadata document', async () => {
  const clientIdMetadataUrl = documents.serve({
    client_name: 'MCPJam',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  });
  const result = await run({ protocolVersion: '2025-11-25', registrationStrategy: 'cimd', client: { clientIdMetadataUrl } });
  expect(exceptions(result)).toEqual(UNDECIDED);
  expect(result).toMatchObject({ ...PASSED, credentials: { clientId: clientIdMetadataUrl } });
});

test('nothing left this machine', () => {
  const hosts = asked.mock.calls.map(([what]) => new URL(what instanceof Request ? what.url : what).hostname);
  expect(new Set(hosts)).toEqual(new Set(['localhost', '127.0.0.1']));
});
