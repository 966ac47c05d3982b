import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAgentClient, discover } from '../support/agent-client.ts';
import { createInhabitedServer, DEVICE_GRANT, type InhabitedServer } from '../support/inhabited-server.ts';
import { selfRegistered } from '../support/self-registered.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const SYSTEM = { kind: 'system', id: 'command-line' } as const;

let server: InhabitedServer;
beforeAll(async () => {
  server = await createInhabitedServer();
  const scopes = [
    { name: 'notes:read', description: 'Read your notes', risk: 'low' },
    { name: 'notes:write', description: 'Change your notes' },
    { name: 'notes:share', description: 'Show your notes to anybody', risk: 'high' },
  ] as const;
  const kind = { name: 'Notes', kind: 'mcp', sensitivity: 'medium', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  await server.app.parts.resourceServers.create({ identifier: RESOURCE, ...kind, scopes: [...scopes] }, SYSTEM);
}, 60_000);
afterAll(() => server.close());

describe('RFC 6749 §3.3: a request without a scope', () => {
  test('asks the person for what the resource offers, but for nothing of high risk', async () => {
    const software = await selfRegistered(server);
    const mira = server.anotherBrowser();
    const page = await software.reach(mira, { resource: RESOURCE });
    expect(page.words).toContain('Read your notes');
    expect(page.words).toContain('Change your notes');
    expect(page.words).not.toContain('Show your notes to anybody');
    const answer = await software.connect(mira, { resource: RESOURCE });
    expect(answer.claims).toMatchObject({ aud: RESOURCE, scope: 'notes:read notes:write' });
    expect(answer.body['scope']).toBe('notes:read notes:write');
  });

  test('is narrowed by the person like any other', async () => {
    const software = await selfRegistered(server);
    const answer = await software.connect(server.anotherBrowser(), { resource: RESOURCE }, { untick: ['scope=notes:write'] });
    expect(answer.claims['scope']).toBe('notes:read');
  });

  test('may be pushed (RFC 9126), or come from a device (RFC 8628)', async () => {
    const software = await server.register({
      client_name: 'Television',
      redirect_uris: ['http://127.0.0.1:49152/callback'],
      grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
      token_endpoint_auth_method: 'none',
    });
    const found = await discover(server.issuer);
    const form = { client_id: software.clientId, resource: RESOURCE };
    const post = async (address: string, more: Record<string, string>) => {
      const response = await fetch(address, { method: 'POST', body: new URLSearchParams({ ...form, ...more }) });
      return (await response.json()) as Record<string, string>;
    };
    const client = createAgentClient(found, { clientId: software.clientId, clientSecret: '' });
    const pending = client.authorizationRequest({ resource: RESOURCE }, 'http://127.0.0.1:49152/callback');
    const pushed = await post(found.pushed_authorization_request_endpoint, Object.fromEntries(new URL(pending.url).searchParams));
    const query = new URLSearchParams({ client_id: software.clientId, request_uri: pushed['request_uri'] ?? '' });
    const callback = await server.anotherBrowser().authorize(`${found.authorization_endpoint}?${query}`);
    expect((await client.redeem(pending, callback)).claims['scope']).toBe('notes:read notes:write');
    const device = await post(found.device_authorization_endpoint, {});
    await server.anotherBrowser().connectDevice(device['verification_uri_complete'] ?? '');
    const answer = await client.token({ grant_type: DEVICE_GRANT, device_code: device['device_code'] ?? '', resource: RESOURCE });
    expect(answer.claims['scope']).toBe('notes:read notes:write');
  });

  test('with authorization details (RFC 9396) asks for these alone', async () => {
    const software = await selfRegistered(server);
    const detail = { type: 'mcp_tool_call', tools: ['read_note'] };
    const page = await software.reach(server.anotherBrowser(), { resource: RESOURCE, authorization_details: [detail] });
    expect(page.words).toContain('read_note');
    expect(page.words).not.toContain('Change your notes');
  });

  test('without a resource, too, is for knowing who the person is, and no resource server takes its token', async () => {
    const software = await selfRegistered(server);
    const answer = await software.connect(server.anotherBrowser(), {});
    expect([answer.status, answer.body['scope'], answer.claims]).toEqual([200, 'openid', {}]);
  });
});

describe('a request that nothing can come of', () => {
  test.each(['notes:read', 'notes:read offline_access'])(
    'RFC 8707 §2: %s without a resource is refused before the person is asked',
    async (scope) => {
      const software = await selfRegistered(server);
      const page = await software.reach(server.anotherBrowser(), { scope });
      expect([page.leftTo?.searchParams.get('error'), page.leftTo?.searchParams.get('iss')]).toEqual(['invalid_target', server.issuer]);
      expect(page.leftTo?.searchParams.get('error_description')).toContain('name the resource');
    },
  );
});
