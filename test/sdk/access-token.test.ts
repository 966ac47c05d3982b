import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { base64url } from 'jose';
import { createResourceServer, type ResourceServer } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, newKey, now, resource, startLocalIssuer } from './local-issuer.ts';
import { bearer, refusalOf, requestWith } from './requests.ts';

let issuer: LocalIssuer;
let server: ResourceServer;

beforeAll(async () => {
  issuer = await startLocalIssuer();
  server = createResourceServer({ issuer: issuer.issuer, resource });
});
afterAll(() => issuer.close());

function unsigned(token: string): string {
  const [, payload] = token.split('.');
  return `${base64url.encode(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'key-1' }))}.${payload}.`;
}

describe('a good token', () => {
  test('RFC 8693 §4.1 tells the subject, the actors newest first, the agent and the client', async () => {
    const inner = { iss: issuer.issuer, sub: 'agt_first', sub_profile: 'ai_agent' };
    const act = { iss: issuer.issuer, sub: 'agt_newest', sub_profile: 'AI_agent', act: inner };
    const authorization = await server.verify(bearer(await issuer.token({ act, scope: 'a b a' })));
    expect(authorization).toMatchObject({
      subject: 'usr_1',
      subjectProfile: 'user',
      client: 'cli_1',
      scopes: ['a', 'b'],
      issuer: issuer.issuer,
    });
    expect(authorization.actors.map((actor) => actor.subject)).toEqual(['agt_newest', 'agt_first']);
    expect(authorization.agent).toEqual({ issuer: issuer.issuer, subject: 'agt_newest', profile: 'ai_agent' });
  });

  test('an agent acting for itself is the agent; a service or a person is not', async () => {
    const self = await server.verify(bearer(await issuer.token({ act: undefined, sub: 'agt_9', sub_profile: 'ai_agent' })));
    expect(self).toMatchObject({ agent: { subject: 'agt_9' }, actors: [] });
    const service = {
      iss: issuer.issuer,
      sub: 'svc_1',
      sub_profile: 'service',
      act: { iss: issuer.issuer, sub: 'agt_1', sub_profile: 'ai_agent' },
    };
    expect((await server.verify(bearer(await issuer.token({ act: service })))).agent).toBeUndefined();
    expect((await server.verify(bearer(await issuer.token({ act: undefined })))).agent).toBeUndefined();
  });

  test('RFC 9068 §4 takes application/at+jwt, a one-element aud and no scope', async () => {
    const token = await issuer.token({ aud: [resource], scope: undefined }, { typ: 'application/at+jwt' });
    expect((await server.verify(bearer(token))).scopes).toEqual([]);
  });

  test('details and approval are read', async () => {
    const details = [{ type: 'payment', amount: '10' }];
    const approval = {
      id: 'apr_1',
      approved_at: now(),
      approved_until: new Date((now() + 60) * 1000).toISOString(),
      by: 'other',
      max_uses: 1,
    };
    const authorization = await server.verify(bearer(await issuer.token({ authorization_details: details, approval })));
    expect(authorization.authorizationDetails).toEqual(details);
    expect(authorization.approval).toMatchObject({ id: 'apr_1', by: 'other', maxUses: 1 });
    expect(authorization.approval?.approvedUntil.getTime()).toBe((now() + 60) * 1000);
  });

  test.each(['EdDSA', 'Ed25519', 'RS256', 'PS256'])('%s signatures are taken', async (alg) => {
    const key = await newKey(`key-${alg}`, alg);
    const other = await startLocalIssuer();
    other.published.push(key.publicJwk);
    const token = await other.token({}, { alg, kid: key.kid }, key.privateKey);
    await expect(createResourceServer({ issuer: other.issuer, resource }).verify(bearer(token))).resolves.toBeDefined();
    await other.close();
  });
});

describe('RFC 9068 §4 claims and headers that are refused with invalid_token', () => {
  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['typ JWT', {}, { typ: 'JWT' }],
    ['no typ', {}, { typ: undefined }],
    ['an id_token-like typ', {}, { typ: 'logout+jwt' }],
    ['another audience', { aud: 'http://127.0.0.1:4999/other' }, {}],
    ['the audience with a trailing slash', { aud: `${resource}/` }, {}],
    ['two audiences', { aud: [resource, 'https://other.test'] }, {}],
    ['our audience twice', { aud: [resource, resource] }, {}],
    ['an empty audience list', { aud: [] }, {}],
    ['no audience', { aud: undefined }, {}],
    ['expired', { exp: now() - 60, iat: now() - 400 }, {}],
    ['no exp', { exp: undefined }, {}],
    ['exp as text', { exp: String(now() + 300) }, {}],
    ['issued in the future', { iat: now() + 120 }, {}],
    ['no iat', { iat: undefined }, {}],
    ['not valid yet', { nbf: now() + 120 }, {}],
    ['a foreign issuer', { iss: 'https://evil.test' }, {}],
    ['the issuer with a slash', { iss: 'ISSUER/' }, {}],
    ['no client_id', { client_id: undefined }, {}],
    ['client_id as a list', { client_id: ['cli_1'] }, {}],
    ['no sub', { sub: undefined }, {}],
    ['an empty sub', { sub: '' }, {}],
    ['no jti', { jti: undefined }, {}],
    ['scope as a list', { scope: ['invoices:read'] }, {}],
    ['scope with a quote', { scope: 'a"b' }, {}],
    ['no kid', {}, { kid: undefined }],
    ['an unknown kid', {}, { kid: 'key-2' }],
    ['a cnf nobody knows', { cnf: { jwk: {} } }, {}],
    ['act as text', { act: 'agt_1' }, {}],
    ['act as a list', { act: [{ iss: 'x', sub: 'y' }] }, {}],
    ['act null', { act: null }, {}],
    ['act without iss', { act: { sub: 'agt_1' } }, {}],
    ['act with a malformed inner act', { act: { iss: 'x', sub: 'agt_1', act: { iss: 'x', sub: 7 } } }, {}],
    ['details as an object', { authorization_details: { type: 'payment' } }, {}],
    ['a detail without type', { authorization_details: [{ amount: 1 }] }, {}],
    ['an approval without an end', { approval: { id: 'apr_1', max_uses: 1 } }, {}],
    ['an approval that is over', { approval: { id: 'apr_1', approved_until: now() - 1 } }, {}],
    ['max_uses 0', { approval: { id: 'apr_1', approved_until: now() + 60, max_uses: 0 } }, {}],
    ['max_uses as text', { approval: { id: 'apr_1', approved_until: now() + 60, max_uses: '1' } }, {}],
  ];
  test.each(cases)('%s', async (_, claims, header) => {
    const iss = typeof claims['iss'] === 'string' ? claims['iss'].replace('ISSUER', issuer.issuer) : issuer.issuer;
    const refusal = await refusalOf(server, bearer(await issuer.token({ ...claims, iss }, header)));
    expect({ code: refusal.code, status: refusal.status }).toEqual({ code: 'invalid_token', status: 401 });
  });

  test('a chain deeper than allowed is refused, not cut', async () => {
    let act: Record<string, unknown> | undefined;
    for (let depth = 0; depth < 5; depth += 1) act = { iss: issuer.issuer, sub: `agt_${depth}`, ...(act && { act }) };
    expect((await refusalOf(server, bearer(await issuer.token({ act })))).message).toMatch(/too deeply/);
    await expect(
      createResourceServer({ issuer: issuer.issuer, resource, maxActors: 5 }).verify(bearer(await issuer.token({ act }))),
    ).resolves.toBeDefined();
  });
});

describe('signatures that are refused', () => {
  test('alg none', async () => {
    const request = requestWith(['Authorization', `Bearer ${unsigned(await issuer.token())}x`]);
    expect((await refusalOf(server, request)).code).toBe('invalid_token');
    expect((await refusalOf(server, bearer(unsigned(await issuer.token())))).code).toBe('invalid_token');
  });

  test('HS256 with the public key as the secret', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(issuer.key.publicJwk).padEnd(64));
    expect((await refusalOf(server, bearer(await issuer.token({}, { alg: 'HS256' }, secret)))).code).toBe('invalid_token');
  });

  test('an algorithm outside the list, though the issuer publishes its key', async () => {
    const other = await startLocalIssuer();
    const key = await newKey('key-384', 'ES384');
    other.published.push(key.publicJwk);
    const token = await other.token({}, { alg: 'ES384', kid: key.kid }, key.privateKey);
    expect((await refusalOf(createResourceServer({ issuer: other.issuer, resource }), bearer(token))).code).toBe('invalid_token');
    await other.close();
  });

  test('another key under the kid of ours, embedded or not', async () => {
    const evil = await newKey('key-1');
    expect((await refusalOf(server, bearer(await issuer.token({}, {}, evil.privateKey)))).code).toBe('invalid_token');
    const embedded = { jwk: evil.publicJwk, jku: 'https://evil.test/jwks' };
    expect((await refusalOf(server, bearer(await issuer.token({}, embedded, evil.privateKey)))).code).toBe('invalid_token');
  });

  test('the kid of a key of another kind', async () => {
    const rsa = await newKey('key-1', 'RS256');
    expect((await refusalOf(server, bearer(await issuer.token({}, { alg: 'RS256' }, rsa.privateKey)))).code).toBe('invalid_token');
  });

  test('a changed payload, and text that is no token', async () => {
    const [header, , signature] = (await issuer.token()).split('.');
    const [, payload] = (await issuer.token({ scope: 'invoices:pay' })).split('.');
    expect((await refusalOf(server, bearer(`${header}.${payload}.${signature}`))).code).toBe('invalid_token');
    expect((await refusalOf(server, bearer('abc'))).code).toBe('invalid_token');
  });
});

describe('ways to present a token that are refused', () => {
  test('none, and another scheme: a bare 401 (RFC 6750 §3.1)', async () => {
    for (const headers of [[], ['Authorization', 'Basic YTpi']]) {
      const refusal = await refusalOf(server, requestWith(headers));
      expect(refusal).toMatchObject({ code: 'token_missing', status: 401 });
      expect(server.challenge(refusal).headers['www-authenticate']).not.toMatch(/error/);
    }
  });

  test('OAuth 2.1 §5.1 in the query, alone or beside the header', async () => {
    const token = await issuer.token();
    for (const url of [
      `/billing?access_token=${token}`,
      `/billing?a=1&access%5Ftoken=${token}`,
      'http://evil.test/billing?access_token=x',
    ]) {
      expect(await refusalOf(server, requestWith([], url))).toMatchObject({ code: 'invalid_request', status: 400 });
      expect(await refusalOf(server, requestWith(['Authorization', `Bearer ${token}`], url))).toMatchObject({ code: 'invalid_request' });
    }
  });

  test('two Authorization headers, whatever their case, and two tokens in one', async () => {
    const token = await issuer.token();
    const twice = requestWith(['Authorization', `Bearer ${token}`, 'authorization', `Bearer ${token}`]);
    expect(await refusalOf(server, twice)).toMatchObject({ code: 'invalid_request', status: 400 });
    const joined = new Request(resource, {
      headers: [
        ['authorization', `Bearer ${token}`],
        ['authorization', 'Bearer x'],
      ],
    });
    await expect(server.verify(joined)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(server.verify(new Request(resource, { headers: { authorization: `Bearer ${token}` } }))).resolves.toBeDefined();
  });

  test('R26 more than 8 KB, however good', async () => {
    const refusal = await refusalOf(server, bearer(await issuer.token({ pad: 'x'.repeat(8192) })));
    expect(refusal.message).toMatch(/too large/);
  });
});

describe('RFC 8414 discovery', () => {
  test('§3.3 metadata that names another issuer, other schemes and silence close the door with 503', async () => {
    for (const change of [{ issuer: 'https://evil.test' }, { jwks_uri: 'http://evil.test/jwks' }, { jwks_uri: undefined }]) {
      const bent = await startLocalIssuer();
      Object.assign(bent.metadata, change);
      const refusal = await refusalOf(createResourceServer({ issuer: bent.issuer, resource }), bearer(await bent.token()));
      expect(refusal).toMatchObject({ code: 'temporarily_unavailable', status: 503 });
      await bent.close();
    }
    const gone = createResourceServer({ issuer: 'http://127.0.0.1:1', resource });
    expect((await refusalOf(gone, bearer(await issuer.token({ iss: 'http://127.0.0.1:1' })))).status).toBe(503);
  });

  test('an https issuer cannot send us to http for its keys', async () => {
    const metadata = { issuer: 'https://auth.test', jwks_uri: `${issuer.issuer}/jwks` };
    const asked: string[] = [];
    const fetchMetadata = async (url: string, init: RequestInit) => {
      asked.push(url);
      return url.startsWith('https:') ? Response.json(metadata) : fetch(url, init);
    };
    const misled = createResourceServer({ issuer: 'https://auth.test', resource, fetch: fetchMetadata });
    expect((await refusalOf(misled, bearer(await issuer.token({ iss: 'https://auth.test' })))).status).toBe(503);
    expect(asked).toEqual(['https://auth.test/.well-known/oauth-authorization-server']);
  });

  test('a failed discovery is tried again, after a pause', async () => {
    const late = await startLocalIssuer();
    const clock = { at: new Date(), now: () => clock.at };
    const patient = createResourceServer({ issuer: late.issuer, resource, clock });
    const { issuer: name } = late.metadata;
    late.metadata['issuer'] = 'https://evil.test';
    expect((await refusalOf(patient, bearer(await late.token()))).status).toBe(503);
    late.metadata['issuer'] = name;
    expect((await refusalOf(patient, bearer(await late.token()))).status).toBe(503);
    expect(late.requests).toHaveLength(1);
    clock.at = new Date(clock.at.getTime() + 2_001);
    await expect(patient.verify(bearer(await late.token()))).resolves.toBeDefined();
    await late.close();
  });

  test.each([
    'http://auth.test',
    'ftp://auth.test',
    'https://u:p@auth.test',
    'https://auth.test/#x',
    'https://auth.test/?x',
    'auth.test',
    'http://127.0.0.1.evil.test',
  ])('the issuer %s is not accepted', (value) => expect(() => createResourceServer({ issuer: value, resource })).toThrow(TypeError));

  test.each([
    { clockToleranceSeconds: 61 },
    { clockToleranceSeconds: Number.NaN },
    { maxActors: 0 },
    { proofWindowSeconds: 301 },
    { resource: 'http://api.test' },
  ])('the option %p is not accepted', (option) =>
    expect(() => createResourceServer({ issuer: 'https://auth.test', resource, ...option })).toThrow(TypeError),
  );
});

describe('RFC 7515 §5.2: a token is taken as it was signed, or not at all', () => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'.split('');

  test('any byte changed, taken out, put in or moved to the end: refused', async () => {
    const act = { iss: issuer.issuer, sub: 'agt_1', sub_profile: 'ai_agent' };
    const token = await issuer.token({ act, authorization_details: [{ type: 'payment', amount: '10' }] });
    await server.verify(bearer(token));
    const change = fc.record({
      at: fc.nat({ max: token.length - 1 }),
      how: fc.constantFrom('set', 'cut', 'add'),
      letter: fc.constantFrom(...letters),
    });
    // the last letter of a signature has bits that decoding leaves out
    const last = letters.map((letter) => [{ at: token.length - 1, how: 'set', letter }] as [{ at: number; how: 'set'; letter: string }]);
    await fc.assert(
      fc.asyncProperty(change, async ({ at, how, letter }) => {
        const kept = how === 'add' ? token.slice(at) : token.slice(at + 1);
        const changed = `${token.slice(0, at)}${how === 'cut' ? '' : letter}${kept}`;
        if (changed === token) return;
        expect((await refusalOf(server, bearer(changed))).code).toBe('invalid_token');
      }),
      { numRuns: 400, examples: last },
    );
  });
});
