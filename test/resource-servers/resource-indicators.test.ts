import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type Answered, type Connecting, connecting, REDIRECT_URI } from '../refresh-tokens/connection.ts';
import { clock, minutes } from '../support/clock.ts';
import { createInhabitedServer, DEVICE_GRANT, type InhabitedServer } from '../support/inhabited-server.ts';

const WANTED = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI] };
const INVOICES = 'https://invoices.acme.test/mcp';
const TRIPS = 'https://trips.acme.test';

let server: InhabitedServer;
let client: Connecting;
let confidential: Connecting;

beforeAll(async () => {
  server = await createInhabitedServer();
  await server.resource(INVOICES);
  await server.resource(TRIPS, ['read', 'book']);
  const register = async (method: string) => {
    const software = await server.register({ ...WANTED, client_name: `Client ${method}`, token_endpoint_auth_method: method });
    return connecting(server, software);
  };
  client = await register('none');
  confidential = await register('client_secret_basic');
}, 60_000);
afterAll(async () => {
  clock.reset();
  await server.close();
});

const asked = { resource: INVOICES, scope: 'read write' };
const about = ({ status, body, access }: Answered) => {
  if (access === '') return [status, body['error']];
  const { aud, scope } = decodeJwt(access);
  return [status, aud, String(scope).split(' ').sort().join(' '), String(body['scope']).split(' ').sort().join(' ')];
};
const granted = (resource: string, scope: string) => [200, resource, scope, scope];

describe('RFC 8707 §2: one resource, however it is spelled', () => {
  test.each([
    ['the host in capitals', 'https://INVOICES.acme.test/mcp'],
    ['the scheme in capitals', 'HTTPS://invoices.acme.test/mcp'],
    ['the default port', 'https://invoices.acme.test:443/mcp'],
    ['an escape that needs none', 'https://invoices.acme.test/%6Dcp'],
  ])('%s, at all three requests', async (_name, resource) => {
    const callback = await server.mira.authorize(client.request({ ...asked, resource }));
    const first = await client.redeem(callback, { resource });
    expect(about(first)).toEqual(granted(INVOICES, 'read write'));
    expect(about(await client.refresh(first.refresh, { resource }))).toEqual(granted(INVOICES, 'read write'));
  });

  test('a bare host, which parsers write with a slash', async () => {
    const callback = await server.mira.authorize(client.request({ scope: 'book', resource: `${TRIPS}/` }));
    const first = await client.redeem(callback, { resource: TRIPS });
    expect(about(first)).toEqual(granted(TRIPS, 'book'));
    expect(about(await client.refresh(first.refresh, { resource: `${TRIPS}/` }))).toEqual(granted(TRIPS, 'book'));
  });

  test('the same one twice', async () => {
    const callback = await server.mira.authorize(client.request({ ...asked, resource: [INVOICES, 'https://INVOICES.acme.test/mcp'] }));
    expect(about(await client.redeem(callback))).toEqual(granted(INVOICES, 'read write'));
  });
});

describe('what is left out is inherited (openai/codex#33403, anomalyco/opencode#34592)', () => {
  test('at the token request and at every refresh, also with openid', async () => {
    for (const scope of ['read write', 'openid read write']) {
      for (const each of [client, confidential]) {
        const first = await each.connect(server.mira, { ...asked, scope });
        expect(about(first)).toEqual(granted(INVOICES, 'read write'));
        const second = await each.refresh(first.refresh);
        expect(about(second)).toEqual(granted(INVOICES, 'read write'));
        expect(about(await each.refresh(second.refresh))).toEqual(granted(INVOICES, 'read write'));
      }
    }
  });
});

describe('another one is invalid_target (RFC 8707 §2)', () => {
  const others: [string, string[]][] = [
    ['registered, but not what was allowed', [TRIPS]],
    ['not registered', ['https://elsewhere.test']],
    ['a longer path', [`${INVOICES}/`]],
    ['no URI', ['invoices']],
    ['with a fragment', [`${INVOICES}#x`]],
    ['two of them', [INVOICES, TRIPS]],
  ];

  test.each(others)('at the token request: %s', async (_name, [resource = '']) => {
    const callback = await server.mira.authorize(client.request(asked));
    const wrong = resource === INVOICES ? TRIPS : resource;
    expect(about(await client.redeem(callback, { resource: wrong }))).toEqual([400, 'invalid_target']);
  });

  test.each(others)('at a refresh, which uses nothing up: %s', async (_name, resources) => {
    for (const each of [client, confidential]) {
      const first = await each.connect(server.mira, asked);
      const wrong = new URLSearchParams(resources.map((resource): [string, string] => ['resource', resource]));
      expect(about(await each.refresh(first.refresh, wrong))).toEqual([400, 'invalid_target']);
      // long after the window in which a used token would lead to its successor
      clock.advance(minutes(5));
      expect(about(await each.refresh(first.refresh, { resource: INVOICES }))).toEqual(granted(INVOICES, 'read write'));
    }
  });
});

describe('RFC 6749 §6: the scope of a refresh', () => {
  test('may be narrower for one token, and the next one has all of it again', async () => {
    const first = await client.connect(server.mira, asked);
    const narrow = await client.refresh(first.refresh, { scope: 'read' });
    expect(about(narrow)).toEqual(granted(INVOICES, 'read'));
    expect(about(await client.refresh(narrow.refresh, { resource: INVOICES }))).toEqual(granted(INVOICES, 'read write'));
  });

  test('is never wider, also when the person allowed more since', async () => {
    const person = server.anotherBrowser();
    const first = await client.connect(person, { ...asked, scope: 'read' });
    await client.connect(person, asked);
    expect(about(await client.refresh(first.refresh, { scope: 'read write' }))).toEqual([400, 'invalid_scope']);
    expect(about(await client.refresh(first.refresh))).toEqual(granted(INVOICES, 'read'));
  });
});

describe('what clients leave out of an authorization request', () => {
  const ERRANDS = 'https://errands.acme.test/mcp';
  const errorOf = (address: URL | undefined) => Object.fromEntries(address?.searchParams ?? []);

  beforeAll(async () => {
    const scopes = [
      { name: 'see', description: 'See errands', risk: 'low' },
      { name: 'plan', description: 'Plan errands', risk: 'medium' },
      { name: 'pay', description: 'Pay for errands', risk: 'high' },
    ] as const;
    const kind = { name: 'Errands', kind: 'mcp', sensitivity: 'low', token_ttl_seconds: null, algorithm: 'ES256' } as const;
    await server.app.parts.resourceServers.create(
      { identifier: ERRANDS, ...kind, scopes: [...scopes] },
      { kind: 'system', id: 'command-line' },
    );
  });

  test('no scope: the person is asked for all but the delicate ones, and may untick them', async () => {
    expect(about(await client.connect(server.mira, { resource: ERRANDS }))).toEqual(granted(ERRANDS, 'plan see'));
    const again = { resource: ERRANDS, prompt: 'consent' };
    const narrowed = await client.connect(server.anotherBrowser(), again, { press: ['decision', 'allow'], untick: ['scope=plan'] });
    expect(about(narrowed)).toEqual(granted(ERRANDS, 'see'));
  });

  test('no scope, and registered for one scope: that one, delicate or not', async () => {
    for (const scope of ['plan', 'pay']) {
      const metadata = { ...WANTED, client_name: `Registered for ${scope}`, token_endpoint_auth_method: 'none', scope };
      const bound = connecting(server, { clientId: (await server.register(metadata)).clientId });
      expect(about(await bound.connect(server.mira, { resource: ERRANDS }))).toEqual(granted(ERRANDS, scope));
    }
  });

  test('no scope for a pushed request either (RFC 9126)', async () => {
    const query = new URL(client.request({ resource: ERRANDS })).searchParams;
    const pushed = await fetch(`${server.issuer}/par`, { method: 'POST', body: query });
    const { request_uri: uri } = (await pushed.json()) as { request_uri: string };
    const address = `${server.issuer}/authorize?${new URLSearchParams({ client_id: client.clientId, request_uri: uri })}`;
    expect(about(await client.redeem(await server.mira.authorize(address)))[1]).toBe(ERRANDS);
  });

  test('nor for a device (RFC 8628)', async () => {
    const metadata = { client_name: 'Printer', grant_types: [DEVICE_GRANT, 'refresh_token'], token_endpoint_auth_method: 'none' };
    const { clientId } = await server.register(metadata);
    const post = async (path: string, form: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: clientId, ...form });
      return (await (await fetch(`${server.issuer}${path}`, { method: 'POST', body })).json()) as Record<string, string>;
    };
    const device = await post('/device_authorization', { resource: ERRANDS });
    await server.anotherBrowser().connectDevice(device['verification_uri_complete'] ?? '');
    const tokens = await post('/token', { grant_type: DEVICE_GRANT, device_code: device['device_code'] ?? '' });
    expect(tokens['scope']?.split(' ').sort()).toEqual(['plan', 'see']);
    expect((await connecting(server, { clientId }).refresh(tokens['refresh_token'] ?? '')).status).toBe(200);
  });

  test.each([
    ['no resource', { scope: 'read' }],
    ['neither resource nor scope', {}],
  ])('%s: invalid_target, not a refusal that no person gave', async (_name, more) => {
    const answer = await server.mira.open(client.request(more));
    expect(errorOf(answer.leftTo)).toMatchObject({
      error: 'invalid_target',
      error_description: expect.stringContaining('name the resource'),
    });
  });

  test('no resource, for a client that may ask for one alone: that one', async () => {
    const by = { kind: 'system', id: 'command-line' } as const;
    const input = { name: 'One resource', owner: { kind: 'user', id: server.miraId }, agent_state: 'active', uses: 1 } as const;
    const bounds = { ttl_seconds: 600, grant_types: WANTED.grant_types, resources: [INVOICES] };
    const { token } = await server.app.parts.clients.initialAccessTokens.create({ ...input, ...bounds }, by);
    const answer = await fetch(`${server.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...WANTED, client_name: 'Old', token_endpoint_auth_method: 'none' }),
    });
    const { client_id: clientId } = (await answer.json()) as { client_id: string };
    const old = connecting(server, { clientId });
    expect(about(await old.connect(server.mira, { scope: 'read' }))).toEqual(granted(INVOICES, 'read'));
    expect(about(await old.connect(server.mira, {}))).toEqual(granted(INVOICES, 'read write'));
  });

  test('identity alone needs no resource', async () => {
    const answer = await client.connect(server.mira, { scope: 'openid' });
    expect([answer.status, answer.body['scope'], answer.access.includes('.')]).toEqual([200, 'openid', false]);
  });
});
