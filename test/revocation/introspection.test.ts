import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { addAgent, addClient, basic, introspect, obtain, post } from '../tokens/asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from '../tokens/token-server.ts';

let server: TokenServer;
const INACTIVE = { active: false };
const PATH = '/introspect';

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
  await server.parties.add('account', 'usr_mira');
  await addAgent(server, 'bot');
  await addClient(server, 'rs');
  server.roster.resourceClients.set('rs', PAYMENTS);
  await addClient(server, 'other-rs');
  server.roster.resourceClients.set('other-rs', 'https://other.test');
});

afterAll(() => server.close());

const person = () => obtain(server, 'cli-bot', { account: 'usr_mira' });

describe('RFC 7662 §2.2: what a token is', () => {
  test('all the ledger knows, for the resource server the token is for', async () => {
    const details = [{ type: 'api_call', amount: 1 }];
    const notes = { approval: { id: 'apr_1', max_uses: 1 }, acr: 'strong', authTime: new Date('2026-01-01T00:00:00Z') };
    const { jwt, claims } = await obtain(server, 'cli-bot', { account: 'usr_mira', details, notes });
    expect(await introspect(server, 'rs', jwt)).toEqual({
      active: true,
      iss: server.issuer,
      sub: 'usr_mira',
      sub_profile: 'user',
      act: { iss: server.issuer, sub: 'agt_bot', sub_profile: 'ai_agent' },
      client_id: 'cli-bot',
      aud: PAYMENTS,
      scope: 'pay',
      token_type: 'Bearer',
      authorization_details: details,
      approval: notes.approval,
      acr: 'strong',
      auth_time: 1_767_225_600,
      iat: claims['iat'],
      exp: claims['exp'],
      jti: claims['jti'],
    });
  });

  test('a token of client_credentials, and its binding', async () => {
    const { body } = await post(server, '/token', { form: { grant_type: 'client_credentials', scope: 'pay' }, headers: basic('cli-bot') });
    expect(await introspect(server, 'rs', String(body['access_token']))).toMatchObject({
      active: true,
      sub: 'agt_bot',
      sub_profile: 'ai_agent',
    });
    const key = await generateKeyPair('ES256');
    const proof = await new SignJWT({ htm: 'POST', htu: `${server.issuer}/token` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(key.publicKey) })
      .setIssuedAt()
      .setJti('proof-1')
      .sign(key.privateKey);
    const bound = await obtain(server, 'cli-bot', { headers: { dpop: proof } });
    expect(await introspect(server, 'rs', bound.jwt)).toMatchObject({ token_type: 'DPoP', cnf: bound.claims['cnf'] });
  });

  test('R24: the client it was issued to may ask, nobody else', async () => {
    const { jwt } = await person();
    expect(await introspect(server, 'cli-bot', jwt)).toMatchObject({ active: true });
    expect(await introspect(server, 'other-rs', jwt)).toEqual(INACTIVE);
  });

  test('RFC 9701 §5: a signed answer for the client that asks for one', async () => {
    await addClient(server, 'signed-rs', { introspection_signed_response_alg: 'ES256' });
    server.roster.resourceClients.set('signed-rs', PAYMENTS);
    const { jwt } = await person();
    const headers = { ...basic('signed-rs'), accept: 'application/token-introspection+jwt' };
    const reply = await post(server, PATH, { form: { token: jwt }, headers });
    expect(reply.headers.get('content-type')).toMatch('application/token-introspection+jwt');
    const keys = createLocalJWKSet({ keys: server.oidc.publicKeys() } as unknown as JSONWebKeySet);
    const options = { issuer: server.issuer, audience: 'signed-rs', typ: 'token-introspection+jwt' };
    const { payload } = await jwtVerify(reply.text, keys, options);
    expect(payload['token_introspection']).toMatchObject({ active: true, sub: 'usr_mira' });
    expect(payload).not.toHaveProperty('sub');
  });

  test('a refresh token and an opaque access token, for their own client alone', async () => {
    const { reply } = await person();
    expect(await introspect(server, 'cli-bot', String(reply['refresh_token']))).toMatchObject({ active: true, client_id: 'cli-bot' });
    expect(await introspect(server, 'rs', String(reply['refresh_token']))).toEqual(INACTIVE);
    const opaque = await obtain(server, 'cli-bot', { account: 'usr_mira', scope: 'openid' });
    expect(opaque.jwt).not.toContain('.');
    expect(await introspect(server, 'cli-bot', opaque.jwt)).toMatchObject({ active: true });
    expect(await introspect(server, 'rs', opaque.jwt)).toEqual(INACTIVE);
  });

  test('one read of the ledger, after the client has proved who it is', async () => {
    const { jwt } = await person();
    await introspect(server, 'rs', jwt);
    server.statements.length = 0;
    await introspect(server, 'rs', jwt);
    expect(server.statements).toEqual(['token-find']);
    server.statements.length = 0;
    await post(server, PATH, { form: { token: jwt }, headers: basic('rs', 'wrong') });
    expect(server.statements).toEqual([]);
  });
});

describe('every token that is not alive or not ours is exactly {"active":false}', () => {
  const forged = async (change: { alg?: string; typ?: string; iss?: string }) => {
    const { claims } = await person();
    const { privateKey } = await generateKeyPair('ES256');
    const { kid } = server.oidc.publicKeys().find((key) => key['alg'] === 'ES256') as { kid: string };
    return new SignJWT({ ...claims, ...(change.iss === undefined ? {} : { iss: change.iss }) })
      .setProtectedHeader({ alg: 'ES256', typ: change.typ ?? 'at+jwt', kid })
      .sign(privateKey);
  };
  const none = ({ claims }: { claims: object }) =>
    [{ alg: 'none', typ: 'at+jwt' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

  const hostile: [string, () => Promise<string>][] = [
    ['signed by another key', () => forged({})],
    ['of another issuer', () => forged({ iss: 'https://evil.test' })],
    ['with alg none', async () => `${none(await person())}.`],
    ['with alg none, two parts', async () => none(await person())],
    ['a lone protected header', async () => 'eyJhbGciOiJub25lIn0'],
    ['with another payload', async () => (await person()).jwt.replace(/\.[^.]+\./, '.e30.')],
    ['with its signature cut off', async () => (await person()).jwt.replace(/[^.]+$/, '')],
    ['its jti alone', async () => (await person()).jti],
    ['five parts of nothing', async () => 'a.b.c.d.e'],
    ['dots', async () => '...'],
    ['control characters', async () => 'a.\u0000\u0001.\uffff'],
    ['of 50 KB', async () => `eyJ.${'A'.repeat(50_000)}.x`],
    ['never issued', async () => 'A'.repeat(43)],
    ['an object in words', async () => '[object Object]'],
    ['a prototype', async () => '__proto__'],
  ];

  test.each(hostile)('a token: %s', async (_name, make) => {
    expect(await introspect(server, 'rs', await make())).toEqual(INACTIVE);
  });

  test('an id token or another JWT that we signed', async () => {
    const { claims } = await person();
    await addClient(server, 'signed-rs-2', { introspection_signed_response_alg: 'ES256' });
    const headers = { ...basic('signed-rs-2'), accept: 'application/token-introspection+jwt' };
    const { text } = await post(server, PATH, { form: { token: String(claims['jti']) }, headers });
    expect(text.split('.')).toHaveLength(3);
    expect(await introspect(server, 'rs', text)).toEqual(INACTIVE);
  });

  test('expired', async () => {
    const { jwt } = await person();
    server.time.offsetSeconds = 890;
    expect(await introspect(server, 'rs', jwt)).toMatchObject({ active: true });
    server.time.offsetSeconds = 901;
    expect(await introspect(server, 'rs', jwt)).toEqual(INACTIVE);
    server.time.offsetSeconds = 0;
  });

  test('R4: a public client is told nothing', async () => {
    await addClient(server, 'public', { token_endpoint_auth_method: 'none' });
    server.roster.resourceClients.set('public', PAYMENTS);
    const { jwt } = await person();
    expect((await post(server, PATH, { form: { token: jwt, client_id: 'public' } })).body).toEqual(INACTIVE);
  });

  test('whose client, agent, person, grant, resource or ancestor is gone; and alive when only the copy of the state was stale', async () => {
    const { agentId, clientId } = await addAgent(server, 'mortal');
    await server.parties.add('resource', 'https://mortal.test');
    await server.parties.add('account', 'usr_mortal');
    await addClient(server, 'mortal-rs');
    server.roster.resourceClients.set('mortal-rs', 'https://mortal.test');
    const wish = { account: 'usr_mortal', resource: 'https://mortal.test' };
    const root = await obtain(server, clientId, wish);
    const child = await obtain(server, 'cli-bot', { resource: 'https://mortal.test', notes: { parentJti: root.jti } });
    const parties = [
      ['client', clientId],
      ['agent', agentId],
      ['account', 'usr_mortal'],
      ['resource', 'https://mortal.test'],
    ] as const;
    for (const [kind, id] of parties) {
      await server.parties.remove(kind, id);
      expect(await introspect(server, 'mortal-rs', root.jwt)).toEqual(INACTIVE);
      expect(await introspect(server, 'mortal-rs', child.jwt)).toEqual(INACTIVE);
      await server.parties.add(kind, id);
      expect(await introspect(server, 'mortal-rs', child.jwt)).toMatchObject({ active: true });
    }
    await server.db.rows({
      name: 'grants-gone',
      text: `DELETE FROM oidc_artifacts WHERE model = 'Grant' AND account_id = 'usr_mortal'`,
      values: [],
    });
    expect(await introspect(server, 'mortal-rs', root.jwt)).toEqual(INACTIVE);
    expect(await introspect(server, 'mortal-rs', child.jwt)).toEqual(INACTIVE);
  });

  test('an opaque or refresh token of a person who is disabled', async () => {
    await server.parties.add('account', 'usr_leaver');
    const { reply } = await obtain(server, 'cli-bot', { account: 'usr_leaver' });
    const opaque = await obtain(server, 'cli-bot', { account: 'usr_leaver', scope: 'openid' });
    await server.parties.remove('account', 'usr_leaver');
    expect(await introspect(server, 'cli-bot', String(reply['refresh_token']))).toEqual(INACTIVE);
    expect(await introspect(server, 'cli-bot', opaque.jwt)).toEqual(INACTIVE);
  });
});

describe('RFC 7662 §2.1, RFC 6749 §5.2: a request that is not sound', () => {
  const wrong: [string, string, Record<string, string>, number, string][] = [
    ['a token sent twice', 'token=a&token=b', basic('rs'), 400, 'invalid_request'],
    ['a JWT sent twice', 'token=a.b.c&token=a.b.c', basic('rs'), 400, 'invalid_request'],
    ['a hint sent twice', 'token=a.b.c&token_type_hint=x&token_type_hint=y', basic('rs'), 400, 'invalid_request'],
    ['no token', 'foo=bar', basic('rs'), 400, 'invalid_request'],
    ['an empty token', 'token=', basic('rs'), 400, 'invalid_request'],
    ['no client', 'token=a.b.c', {}, 400, 'invalid_request'],
    ['a wrong secret', 'token=a.b.c', basic('rs', 'wrong'), 401, 'invalid_client'],
    ['an unknown client', 'token=a.b.c', basic('stranger'), 401, 'invalid_client'],
    ['two ways to prove oneself', 'token=a.b.c&client_id=rs&client_secret=x', basic('rs'), 400, 'invalid_request'],
    ['client_id of another', 'token=a.b.c&client_id=other-rs', basic('rs'), 400, 'invalid_request'],
  ];

  test.each(wrong)('%s', async (_name, form, headers, status, error) => {
    const reply = await post(server, PATH, { form, headers });
    expect([reply.status, reply.body['error']]).toEqual([status, error]);
  });

  test('a body of another type, even with a token in it or in the address', async () => {
    const { jwt } = await person();
    const headers = { ...basic('rs'), 'content-type': 'application/json' };
    expect((await post(server, PATH, { form: JSON.stringify({ token: jwt }), headers })).body['error']).toBe('invalid_request');
    expect((await post(server, `${PATH}?token=${jwt}`, { form: '', headers: basic('rs') })).body['error']).toBe('invalid_request');
    expect((await fetch(`${server.issuer}${PATH}?token=${jwt}`, { headers: basic('rs') })).status).toBe(404);
  });

  test('a body of more than 64 KB without a length is cut off', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let part = 0; part < 70; part += 1) controller.enqueue(new TextEncoder().encode('x'.repeat(1024)));
        controller.close();
      },
    });
    const headers = { ...basic('rs'), 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await fetch(`${server.issuer}${PATH}`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
    expect([reply.status, ((await reply.json()) as { error: string }).error]).toEqual([413, 'invalid_request']);
  });

  test('the hint does not change the answer', async () => {
    const { jwt, reply } = await person();
    for (const hint of ['refresh_token', 'access_token', 'nonsense']) {
      expect((await post(server, PATH, { form: { token: jwt, token_type_hint: hint }, headers: basic('rs') })).body).toMatchObject({
        active: true,
      });
      const form = { token: String(reply['refresh_token']), token_type_hint: hint };
      expect((await post(server, PATH, { form, headers: basic('cli-bot') })).body).toMatchObject({ active: true });
    }
  });
});
