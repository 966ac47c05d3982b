import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAgentClient, discover } from '../support/agent-client.ts';
import { consentTo, REDIRECT_URI } from '../support/delegation-story.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { scimClient } from '../support/scim-client.ts';

const BY = { kind: 'system', id: 'command-line' } as const;
let server: InhabitedServer;
let token: string;

const ask = async (path: string, init: RequestInit = {}) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const answer = await fetch(`${server.issuer}/scim/v2${path}`, { headers, ...init });
  return { status: answer.status, location: answer.headers.get('location'), body: (await answer.json()) as Record<string, unknown> };
};

beforeAll(async () => {
  server = await createInhabitedServer();
  const { accounts, clients } = server.app.parts;
  await accounts.setRole(server.miraId, 'admin', BY);
  const input = {
    client_name: 'A console of one’s own',
    purpose: 'management',
    is_management: true,
    grant_types: ['authorization_code'],
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'client_secret_basic',
  } as const;
  const { record, secret } = await clients.create(input as never, BY as never);
  const client = createAgentClient(await discover(server.issuer), { clientId: record.id, clientSecret: secret ?? '' });
  const what = { resource: `${server.issuer}/scim/v2`, scope: 'scim:read scim:write' };
  token = (await consentTo({ client } as never, server.mira, what)).token;
});

afterAll(() => server.close());

describe('RFC 7644 §3.11 /Me', () => {
  test('is the person behind the token, at the address of their resource', async () => {
    const { status, location, body } = await ask('/Me');
    expect([status, location]).toEqual([200, `${server.issuer}/scim/v2/Users/${server.miraId}`]);
    expect(body).toMatchObject({ id: server.miraId, userName: server.miraEmail, roles: [{ value: 'admin' }] });
  });

  test('takes changes like any resource, under the same rules', async () => {
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
    const patch = (...Operations: object[]) => ask('/Me', { method: 'PATCH', body: JSON.stringify({ schemas, Operations }) });
    expect((await patch({ op: 'replace', path: 'displayName', value: 'Mira K.' })).body).toMatchObject({ displayName: 'Mira K.' });
    // R7: her token's client has no governance right, and she may use the console
    expect((await patch({ op: 'replace', path: 'emails', value: [{ value: 'other@acme.test', primary: true }] })).status).toBe(403);
  });

  test('is 404 for a client that stands for itself', async () => {
    const { status, body } = await (await scimClient(server, 'governance')).send('GET /Me');
    expect([status, body['status']]).toEqual([404, '404']);
  });
});
