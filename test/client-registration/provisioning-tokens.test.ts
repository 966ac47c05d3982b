import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newProvisioningToken } from '../../src/client-registration/provisioning-tokens/provisioning-token.ts';
import { createAgentClient, discover } from '../support/agent-client.ts';
import { clock, hours, minutes } from '../support/clock.ts';
import { createSend, type HttpRequest } from '../support/http-exchange.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const DAY = 24;
const BY = { kind: 'account', id: 'usr_administrator' } as const;
const BOOTSTRAP = { clientId: 'pipeline', secret: 'a-secret-of-more-than-thirty-two-characters' };
const AGENT = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const send = createSend();

let server: TestServer;
/** Believes X-Forwarded-For of this machine. */
let behindProxy: TestServer;
beforeAll(async () => {
  [server, behindProxy] = await Promise.all([
    createTestServer({ bootstrapClient: BOOTSTRAP }),
    createTestServer({ trustedProxies: ['127.0.0.0/8', '::1'] }),
  ]);
});
afterAll(async () => {
  clock.reset();
  await Promise.all([server.close(), behindProxy.close()]);
});

const connect = (on: TestServer, { governance = true, ...input }: { governance?: boolean } & Record<string, unknown> = {}) =>
  on.app.parts.clients.provisioningTokens.connect(
    { name: 'Okta', hasGovernance: governance, token: newProvisioningToken.parse(input) },
    BY,
  );
const scim = (on: TestServer, value: string, { path = '/Agents', ...more }: Partial<HttpRequest> & { path?: string } = {}) =>
  send({ url: `${on.issuer}/scim/v2${path}`, ...more, headers: { authorization: `Bearer ${value}`, ...more.headers } });
const events = async (on: TestServer, type: string, clientId: string) =>
  (await on.app.parts.audit.list({ limit: 200 })).events
    .map(({ event }) => event)
    .filter((event) => event.type === type && event.clientId === clientId);
const tokens = (on: TestServer) => on.app.parts.clients.provisioningTokens;
const lineOf = async (on: TestServer, clientId: string) =>
  (await tokens(on).list({ after: undefined, limit: 100 })).find(({ client }) => client.id === clientId)?.tokens ?? [];

describe('contract "Addresses": a provisioning token', () => {
  test('provisions agents at /scim/v2, and the audit names its client', async () => {
    const { value, clientId } = await connect(server);
    const body = { schemas: [AGENT], displayName: 'Bot of Okta', externalId: 'okta-1', active: false };
    const made = await scim(server, value, { json: body });
    expect([made.status, made.body['displayName']]).toEqual([201, 'Bot of Okta']);
    const found = await scim(server, value, { path: `/Agents?filter=${encodeURIComponent('externalId eq "okta-1"')}` });
    expect(found.body['totalResults']).toBe(1);
    const proposed = await events(server, 'agent.proposed', clientId);
    expect(proposed).toEqual([]);
    const [event] = (await server.app.parts.audit.list({ agentId: String(made.body['id']), limit: 5 })).events;
    expect(event?.event.actor).toEqual({ kind: 'client', id: clientId });
  });

  test('is nothing anywhere else: not at /api or /access, not introspected, not exchanged, not in an address', async () => {
    const { value } = await connect(server);
    for (const path of ['/api/v1/clients', '/access/v1/evaluation'])
      expect((await send({ url: `${server.issuer}${path}`, headers: { authorization: `Bearer ${value}` } })).status).not.toBe(200);
    const api = await send({ url: `${server.issuer}/api/v1/clients`, headers: { authorization: `Bearer ${value}` } });
    expect([api.status, api.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
    const pipeline = createAgentClient(
      await discover(server.issuer, send),
      { clientId: BOOTSTRAP.clientId, clientSecret: BOOTSTRAP.secret },
      send,
    );
    expect((await pipeline.introspect(value)).body).toEqual({ active: false });
    expect((await scim(server, value, { headers: { authorization: `DPoP ${value}` } })).status).toBe(401);
    expect((await send({ url: `${server.issuer}/scim/v2/Agents?access_token=${value}` })).status).toBe(401);
  });

  test('R7: has exactly the rights its client has at each call', async () => {
    const { value, clientId } = await connect(server, { governance: false });
    const { body } = await scim(server, value, { json: { schemas: [AGENT], displayName: 'Timid' } });
    const remove = () => scim(server, value, { method: 'DELETE', path: `/Agents/${String(body['id'])}` });
    expect((await remove()).status).toBe(403);
    await server.app.parts.clients.update(clientId, { has_governance: true }, BY);
    expect((await remove()).status).toBe(204);
    await server.app.parts.clients.update(clientId, { is_management: false, has_governance: false }, BY);
    expect((await scim(server, value)).status).toBe(401);
  });

  test('that may only read writes nothing', async () => {
    const { value } = await connect(server, { access: 'read' });
    expect((await scim(server, value)).status).toBe(200);
    const refused = await scim(server, value, { json: { schemas: [AGENT], displayName: 'No' } });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, expect.stringContaining('insufficient_scope')]);
  });

  test('is at most two at a time for a client, and the old one works beside the new one until it is ended', async () => {
    const first = await connect(server);
    const second = await tokens(server).create(first.clientId, newProvisioningToken.parse({}), BY);
    await expect(tokens(server).create(first.clientId, newProvisioningToken.parse({}), BY)).rejects.toMatchObject({ code: 'conflict' });
    expect((await scim(server, first.value)).status).toBe(200);
    await tokens(server).revoke(first.token.id, BY);
    expect((await scim(server, first.value)).status).toBe(401);
    expect((await scim(server, second.value)).status).toBe(200);
    await expect(tokens(server).revoke(first.token.id, BY)).rejects.toMatchObject({ code: 'conflict' });
    await tokens(server).create(first.clientId, newProvisioningToken.parse({}), BY);
  });

  test('ends with its client, at once and for good', async () => {
    for (const stop of ['disable', 'remove'] as const) {
      const { value, clientId, token } = await connect(server);
      await server.app.parts.clients[stop](clientId, BY);
      expect((await scim(server, value)).status).toBe(401);
      expect(await events(server, 'provisioning_token.revoked', clientId)).toMatchObject([
        { resource: token.id, cause: `client.${stop}d`.replace('removed', 'deleted') },
      ]);
      if (stop === 'remove') continue;
      await server.app.parts.clients.enable(clientId, BY);
      expect((await scim(server, value)).status).toBe(401);
    }
  });

  test('is for no client that is not marked for management', async () => {
    const { record } = await server.app.parts.clients.create(
      { client_name: 'Desk', purpose: 'service', token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'] },
      BY,
    );
    await expect(tokens(server).create(record.id, newProvisioningToken.parse({}), BY)).rejects.toMatchObject({ code: 'conflict' });
    await expect(tokens(server).create('cli_none', newProvisioningToken.parse({}), BY)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('what a caller is told of a token that is not taken', () => {
  // time goes on from test to test and never back: a limiter that saw the future would keep everybody waiting
  const told = async (value: string) => {
    const { status, headers, body } = await scim(server, value);
    return { status, body, challenge: headers.get('www-authenticate') };
  };

  test('is the same for an unknown, mistyped, ended, outlived and misplaced one, and for any other nonsense', async () => {
    const [ended, outlived, misplaced] = await Promise.all([
      connect(server),
      connect(server, { ttl_seconds: 86_400 }),
      connect(server, { addresses: ['203.0.113.0/24'] }),
    ]);
    await tokens(server).revoke(ended.token.id, BY);
    clock.advance(hours(DAY) + minutes(1));
    const unknown = (await connect(behindProxy)).value;
    const mistyped = `${unknown.slice(0, -1)}${unknown.endsWith('A') ? 'B' : 'A'}`;
    const answers = await Promise.all([ended.value, outlived.value, misplaced.value, unknown, mistyped, 'a.b.c'].map(told));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 401, body: { status: '401' } });
    const reasons = await Promise.all(
      [ended, outlived, misplaced].map(({ clientId }) => events(server, 'provisioning_token.refused', clientId)),
    );
    expect(reasons.flat().map(({ cause }) => cause)).toEqual(['revoked', 'expired', 'address_not_allowed']);
  });

  test('R23: who is wrong too often from one address waits, and a token that was right there does not', async () => {
    clock.advance(hours(2));
    const on = behindProxy;
    const [known, fresh, other] = await Promise.all([connect(on), connect(on), connect(on)]);
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    expect((await scim(on, known.value, from('198.51.100.1'))).status).toBe(200);
    const statuses: number[] = [];
    for (let turn = 0; turn < 31; turn += 1) statuses.push((await scim(on, `behalf_scim_${turn}`, from('198.51.100.1'))).status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(30);
    const waiting = await scim(on, fresh.value, from('198.51.100.1'));
    expect([waiting.status, Number(waiting.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect((await scim(on, known.value, from('198.51.100.1'))).status).toBe(200);
    expect((await scim(on, other.value, from('198.51.100.2'))).status).toBe(200);
    clock.advance(minutes(1));
    expect((await scim(on, fresh.value, from('198.51.100.1'))).status).toBe(200);
  });
});

describe('R20: the addresses of a token', () => {
  test('count as the socket tells them: what a stranger forwards is not heard', async () => {
    const { value, clientId } = await connect(server, { addresses: ['203.0.113.0/24'] });
    for (const headers of [{ 'x-forwarded-for': '203.0.113.7' }, { forwarded: 'for=203.0.113.7' }, { 'x-real-ip': '203.0.113.7' }])
      expect((await scim(server, value, { headers })).status).toBe(401);
    const here = await connect(server, { addresses: ['127.0.0.0/8', '::1'] });
    expect((await scim(server, here.value)).status).toBe(200);
    const [line] = await lineOf(server, clientId);
    expect(line?.lastRefusal).toMatchObject({ reason: 'address_not_allowed', from: expect.stringMatching(/^(127\.0\.0\.1|::1)$/) });
  });

  test('are those a trusted proxy names; refusals are told once a minute for a token', async () => {
    const { value, clientId } = await connect(behindProxy, { addresses: ['203.0.113.0/24', '2001:db8::/32'] });
    const from = (address: string) => scim(behindProxy, value, { headers: { 'x-forwarded-for': address } });
    for (const address of ['203.0.113.7', '2001:db8::7', '192.0.2.1, 203.0.113.9']) expect((await from(address)).status).toBe(200);
    const strangers = await Promise.all(Array.from({ length: 10 }, () => from('203.0.113.7, 192.0.2.1')));
    expect(new Set(strangers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(await events(behindProxy, 'provisioning_token.refused', clientId)).toHaveLength(1);
    clock.advance(minutes(2));
    await from('192.0.2.1');
    expect(await events(behindProxy, 'provisioning_token.refused', clientId)).toHaveLength(2);
  });
});

describe('the last use', () => {
  test('is true to the minute, with its address, and costs the call no statement', async () => {
    const { value, clientId } = await connect(behindProxy);
    const from = (address: string) => scim(behindProxy, value, { headers: { 'x-forwarded-for': address } });
    await from('203.0.113.7');
    expect((await lineOf(behindProxy, clientId))[0]?.lastUse).toBeUndefined();
    await behindProxy.app.jobs.runNow('provisioning-tokens-last-use');
    const [first] = await lineOf(behindProxy, clientId);
    expect(first?.lastUse).toMatchObject({ from: '203.0.113.7' });
    await from('203.0.113.8');
    await tokens(behindProxy).flush();
    expect((await lineOf(behindProxy, clientId))[0]?.lastUse).toEqual(first?.lastUse);
    clock.advance(minutes(2));
    await from('203.0.113.8');
    await tokens(behindProxy).flush();
    expect((await lineOf(behindProxy, clientId))[0]?.lastUse).toMatchObject({ from: '203.0.113.8' });
  });
});

describe('the database', () => {
  test('keeps neither the value nor a lifetime beyond a year', async () => {
    const { value, token } = await connect(server);
    const [row] = await server.db.rows<{ text: string }>({
      name: '',
      text: 'SELECT t::text AS text FROM provisioning_tokens t WHERE id = $1',
      values: [token.id],
    });
    expect(row?.text).not.toContain(value);
    expect(row?.text).toContain(value.slice(-4));
    const stretch = {
      name: '',
      text: `UPDATE provisioning_tokens SET expires_at = created_at + interval '366 days' WHERE id = $1`,
      values: [token.id],
    };
    await expect(server.db.rows(stretch)).rejects.toThrow(/lifetime/);
  });
});
