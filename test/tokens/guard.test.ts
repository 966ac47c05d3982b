import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { SubjectProfile } from '../../src/tokens/index.ts';
import { addAgent, addClient, obtain, type Wish } from './asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from './token-server.ts';

let server: TokenServer;
let api: string;
const manager = { purpose: 'management', isManagement: true, hasGovernance: true } as const;

beforeAll(async () => {
  server = await createTokenServer();
  api = `${server.issuer}/api/v1`;
  await server.parties.add('resource', PAYMENTS);
  await addClient(server, 'mgmt');
  server.roster.principals.set('mgmt', { kind: 'service', id: 'svc_mgmt' });
  for (const role of ['admin', 'approver', 'auditor', 'user'] as const) {
    await server.parties.add('account', `usr_${role}`);
    server.roster.accounts.set(`usr_${role}`, { role, status: 'active' });
  }
});

beforeEach(() => {
  server.roster.guarded.set('mgmt', manager);
  server.time.offsetSeconds = 0;
});

afterAll(() => server.close());

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

const call = ({ method = 'GET', path = '/api/v1/tokens', headers = {} }: Call) => fetch(`${server.issuer}${path}`, { method, headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const forPerson = (account: string, scope: string, more: Partial<Wish> = {}): Wish => ({
  account,
  scope,
  resource: api,
  notes: { subject: account, subjectProfile: 'user' as SubjectProfile, ...more.notes },
});

async function statusOf(token: string, options: Call = {}): Promise<number> {
  return (await call({ ...options, headers: { ...bearer(token), ...options.headers } })).status;
}

async function expectChallenge(response: Response, status: number, error: string | undefined): Promise<void> {
  expect(response.status).toBe(status);
  const challenge = response.headers.get('www-authenticate') ?? '';
  expect(challenge).toContain(`Bearer realm="${server.issuer}"`);
  expect(challenge).toContain('DPoP realm=');
  if (error === undefined) expect(challenge).not.toContain('error=');
  else expect(challenge).toContain(`error="${error}"`);
}

describe('RFC 6750 §3: a call without a token that is good here', () => {
  test('says what is missing, and tells an error only to who sent a token', async () => {
    await expectChallenge(await call({}), 401, undefined);
    for (const authorization of [
      'Basic eDp5',
      'Bearer',
      'Bearer a b',
      'Bearer a.b.c',
      'DPoP a.b.c',
      `Bearer ${'x'.repeat(12_000)}`,
      'bearer é',
    ])
      await expectChallenge(
        await call({ headers: { authorization: encodeURI(authorization).replaceAll('%20', ' ') } }),
        401,
        'invalid_token',
      );
    const { jwt } = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    expect((await call({ path: `/api/v1/tokens?access_token=${jwt}` })).status).toBe(401);
  });

  test('takes the token of a management client for exactly this resource and scope', async () => {
    const { jwt } = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    expect(await statusOf(jwt)).toBe(200);
    const elsewhere = await obtain(server, 'mgmt', { scope: 'admin:read', resource: `${server.issuer}/scim/v2` });
    await expectChallenge(await call({ headers: bearer(elsewhere.jwt) }), 401, 'invalid_token');
    const payments = await obtain(server, 'mgmt', { scope: 'admin:read', resource: PAYMENTS });
    await expectChallenge(await call({ headers: bearer(payments.jwt) }), 401, 'invalid_token');
    const narrow = await obtain(server, 'mgmt', { scope: 'scim:read', resource: api });
    const refused = await call({ headers: bearer(narrow.jwt) });
    await expectChallenge(refused, 403, 'insufficient_scope');
    expect(refused.headers.get('www-authenticate')).toContain('scope="admin:read"');
  });

  test('judges liveness anew at each call', async () => {
    const { jwt, jti } = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    expect(await statusOf(jwt)).toBe(200);
    await server.parties.remove('client', 'mgmt');
    expect(await statusOf(jwt)).toBe(401);
    await server.parties.add('client', 'mgmt');
    expect(await statusOf(jwt)).toBe(200);
    server.time.offsetSeconds = 901;
    expect(await statusOf(jwt)).toBe(401);
    server.time.offsetSeconds = 0;
    await server.tokens.end({ by: 'jti', jti }, { cause: 'test', by: { kind: 'system', id: 'test' } });
    expect(await statusOf(jwt)).toBe(401);
  });
});

describe('R6: who may manage', () => {
  test('only a client that is still marked for management', async () => {
    const { jwt } = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    server.roster.guarded.set('mgmt', { ...manager, isManagement: false });
    expect(await statusOf(jwt)).toBe(403);
    server.roster.guarded.delete('mgmt');
    expect(await statusOf(jwt)).toBe(403);
  });

  test('never with an actor, never through an exchange', async () => {
    const { clientId } = await addAgent(server, 'sneaky');
    server.roster.guarded.set(clientId, manager);
    const acted = await obtain(server, clientId, { account: 'usr_admin', scope: 'admin:read', resource: api });
    expect(acted.claims).toHaveProperty('act');
    expect(await statusOf(acted.jwt)).toBe(403);
    const root = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    const exchanged = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api, notes: { parentJti: root.jti } });
    expect(await statusOf(exchanged.jwt)).toBe(403);
  });

  test.each([
    ['admin', 'admin:read', 200],
    ['auditor', 'admin:read', 200],
    ['approver', 'admin:read', 403],
    ['user', 'admin:read', 403],
    ['admin', 'admin:write', 404],
    ['auditor', 'admin:write', 403],
    ['approver', 'admin:write', 403],
    ['user', 'admin:write', 403],
  ] as const)('the role %s bounds %s: %i', async (role, scope, status) => {
    const { jwt } = await obtain(server, 'mgmt', forPerson(`usr_${role}`, scope));
    const options = scope === 'admin:read' ? {} : { method: 'DELETE', path: '/api/v1/tokens/none' };
    expect(await statusOf(jwt, options)).toBe(status);
  });

  test('a role or account that changed counts at once', async () => {
    const { jwt } = await obtain(server, 'mgmt', forPerson('usr_admin', 'admin:read'));
    expect(await statusOf(jwt)).toBe(200);
    server.roster.accounts.set('usr_admin', { role: 'user', status: 'active' });
    expect(await statusOf(jwt)).toBe(403);
    server.roster.accounts.set('usr_admin', { role: 'admin', status: 'disabled' });
    expect(await statusOf(jwt)).toBe(401);
    server.roster.accounts.set('usr_admin', { role: 'admin', status: 'active' });
  });

  const decide = async (wish: Wish) => {
    const { jwt } = await obtain(server, 'mgmt', wish);
    const headers = new Map<string, string[]>();
    const ctx = {
      method: 'POST',
      originalUrl: '/api/v1/approvals/apr_1/decision',
      get: (name: string) => (name === 'authorization' ? `Bearer ${jwt}` : ''),
      append: (name: string, value: string) => headers.set(name, [...(headers.get(name) ?? []), value]),
    };
    const caller = await server.guard
      .caller(ctx as never, { resource: 'api', scope: 'approvals:decide' })
      .catch((error: { code: string }) => error);
    return { caller, challenge: headers.get('www-authenticate')?.join() ?? '' };
  };
  const signedIn = (secondsAgo: number, acr = 'strong') => ({ notes: { acr, authTime: new Date(Date.now() - secondsAgo * 1000) } });

  test('deciding is for a person with the role and a fresh, strong sign-in', async () => {
    for (const role of ['admin', 'approver'])
      expect((await decide(forPerson(`usr_${role}`, 'approvals:decide', signedIn(60)))).caller).toMatchObject({
        accountId: `usr_${role}`,
        subjectProfile: 'user',
      });
    for (const role of ['auditor', 'user'])
      expect((await decide(forPerson(`usr_${role}`, 'approvals:decide', signedIn(60)))).caller).toMatchObject({ code: 'forbidden' });
    expect((await decide({ scope: 'approvals:decide', resource: api })).caller).toMatchObject({ code: 'forbidden' });
    for (const stale of [signedIn(901), signedIn(60, 'weak'), {}]) {
      const { caller, challenge } = await decide(forPerson('usr_admin', 'approvals:decide', stale));
      expect(caller).toMatchObject({ code: 'unauthenticated' });
      expect(challenge).toContain('error="insufficient_user_authentication"');
    }
  });

  test('a resource server asks about access with its own client, and manages nothing', async () => {
    await addClient(server, 'rs');
    server.roster.principals.set('rs', { kind: 'service', id: 'svc_rs' });
    server.roster.guarded.set('rs', { purpose: 'resource_server', isManagement: false, hasGovernance: false });
    const { jwt } = await obtain(server, 'rs', { scope: 'access:evaluate', resource: `${server.issuer}/access/v1` });
    const ctx = {
      method: 'POST',
      originalUrl: '/access/v1/evaluation',
      get: (name: string) => (name === 'authorization' ? `Bearer ${jwt}` : ''),
      append: () => undefined,
    };
    await expect(server.guard.caller(ctx as never, { resource: 'access', scope: 'access:evaluate' })).resolves.toMatchObject({
      clientId: 'rs',
      hasGovernance: false,
    });
    const managing = await obtain(server, 'rs', { scope: 'admin:read', resource: api });
    expect(await statusOf(managing.jwt)).toBe(403);
  });
});

describe('RFC 9449 §7: a token that is bound to a key', () => {
  type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
  let keys: Keys;
  let jwt: string;
  let count = 0;

  const prove = async (claims: Record<string, unknown>, options: { by?: Keys; typ?: string } = {}): Promise<string> => {
    const by = options.by ?? keys;
    count += 1;
    const ath = createHash('sha256')
      .update(jwt ?? '')
      .digest('base64url');
    const all = {
      htm: 'GET',
      htu: `${server.issuer}/api/v1/tokens`,
      iat: Math.floor(Date.now() / 1000),
      jti: `p-${count}`,
      ath,
      ...claims,
    };
    return new SignJWT(all)
      .setProtectedHeader({ alg: 'ES256', typ: options.typ ?? 'dpop+jwt', jwk: await exportJWK(by.publicKey) })
      .sign(by.privateKey);
  };
  const send = (dpop: string, scheme = 'DPoP') =>
    call({ headers: { authorization: `${scheme} ${jwt}`, ...(dpop === '' ? {} : { dpop }) } });

  beforeAll(async () => {
    keys = await generateKeyPair('ES256', { extractable: true });
    const dpop = await prove({ htm: 'POST', htu: `${server.issuer}/token`, ath: undefined });
    jwt = (await obtain(server, 'mgmt', { scope: 'admin:read', resource: api, headers: { dpop } })).jwt;
  });

  test('is taken with its proof, once', async () => {
    const proof = await prove({});
    expect((await send(proof)).status).toBe(200);
    await expectChallenge(await send(proof), 401, 'invalid_dpop_proof');
    const fresh = await prove({});
    const replies = await Promise.all(Array.from({ length: 10 }, () => send(fresh)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('is refused as a bearer token, and a bearer token as a bound one', async () => {
    await expectChallenge(await send(await prove({}), 'Bearer'), 401, 'invalid_token');
    const plain = await obtain(server, 'mgmt', { scope: 'admin:read', resource: api });
    const reply = await call({ headers: { authorization: `DPoP ${plain.jwt}`, dpop: await prove({}) } });
    await expectChallenge(reply, 401, 'invalid_token');
  });

  const wrong: [string, () => Promise<string>][] = [
    ['no proof', async () => ''],
    ['nonsense', async () => 'a.b.c'],
    ['another method', () => prove({ htm: 'POST' })],
    ['another path', () => prove({ htu: `${server.issuer}/api/v1/other` })],
    ['another host', () => prove({ htu: 'https://evil.test/api/v1/tokens' })],
    ['another token', () => prove({ ath: 'AAAA' })],
    ['no token', () => prove({ ath: undefined })],
    ['too old', () => prove({ iat: Math.floor(Date.now() / 1000) - 120 })],
    ['from the future', () => prove({ iat: Math.floor(Date.now() / 1000) + 120 })],
    ['no time', () => prove({ iat: undefined })],
    ['no id', () => prove({ jti: undefined })],
    ['a long id', () => prove({ jti: 'x'.repeat(300) })],
    ['another type', () => prove({}, { typ: 'JWT' })],
    ['another key', async () => prove({}, { by: await generateKeyPair('ES256', { extractable: true }) })],
  ];

  test.each(wrong)('is refused with a proof of %s', async (_name, make) => {
    await expectChallenge(await send(await make()), 401, 'invalid_dpop_proof');
  });

  test('one proof is enough where several kinds of caller are let in; the first need that the token meets counts', async () => {
    const dpop = await prove({});
    const headers: Record<string, string> = { authorization: `DPoP ${jwt}`, dpop };
    const ctx = { method: 'GET', originalUrl: '/api/v1/tokens', get: (name: string) => headers[name] ?? '', append: () => undefined };
    const needs = [
      { resource: 'api', scope: 'admin:write' },
      { resource: 'access', scope: 'access:evaluate' },
      { resource: 'api', scope: 'admin:read' },
    ] as const;
    expect(await server.guard.callerFor(ctx as never, needs)).toMatchObject({ caller: { clientId: 'mgmt' }, need: needs[2] });
    await expect(server.guard.callerFor(ctx as never, needs)).rejects.toMatchObject({ code: 'unauthenticated' });
    headers['dpop'] = await prove({});
    await expect(server.guard.callerFor(ctx as never, [needs[0], needs[1]])).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('the query does not count', async () => {
    const headers = { authorization: `DPoP ${jwt}`, dpop: await prove({}) };
    expect((await call({ path: '/api/v1/tokens?limit=1', headers })).status).toBe(200);
  });
});
