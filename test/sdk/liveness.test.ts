import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { createResourceServer, type IntrospectionCredentials } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, newKey, resource, startLocalIssuer } from './local-issuer.ts';
import { bearer, refusalOf } from './requests.ts';

let issuer: LocalIssuer;
beforeEach(async () => {
  issuer = await startLocalIssuer();
});
afterEach(() => issuer.close());

const secret: IntrospectionCredentials = { method: 'client_secret_basic', clientId: 'rs:1', clientSecret: 'a secret+%' };
const questions = () => issuer.requests.filter(({ path }) => path === '/introspect');

function serverWith(maxAgeSeconds: number, credentials = secret) {
  const clock = { at: new Date(), now: () => clock.at };
  return { clock, server: createResourceServer({ issuer: issuer.issuer, resource, clock, checkLiveness: { credentials, maxAgeSeconds } }) };
}

test('RFC 7662 §2.1 asks with the token and the encoded secret (RFC 6749 §2.3.1)', async () => {
  const token = await issuer.token();
  await serverWith(0).server.verify(bearer(token));
  const [question] = questions();
  expect(new URLSearchParams(question?.body).get('token')).toBe(token);
  expect(Buffer.from(question?.authorization?.slice(6) ?? '', 'base64').toString()).toBe('rs%3A1:a+secret%2B%25');
});

test('RFC 7523 §3 or with an assertion for the issuer, a new one each time', async () => {
  const key = await newKey('rs-key');
  const { server } = serverWith(0, {
    method: 'private_key_jwt',
    clientId: 'rs_1',
    privateKey: key.privateKey,
    algorithm: 'ES256',
    keyId: 'rs-key',
  });
  const ids = new Set<unknown>();
  for (let round = 0; round < 2; round += 1) await server.verify(bearer(await issuer.token()));
  for (const { body } of questions()) {
    const assertion = new URLSearchParams(body).get('client_assertion') ?? '';
    const { payload } = await jwtVerify(assertion, await importJWK(key.publicJwk, 'ES256'), {
      issuer: 'rs_1',
      subject: 'rs_1',
      audience: issuer.issuer,
    });
    expect(decodeProtectedHeader(assertion).kid).toBe('rs-key');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    ids.add(payload.jti);
  }
  expect(ids.size).toBe(2);
});

test('a dead token is refused, as soon as the remembered answer is too old', async () => {
  const { clock, server } = serverWith(30);
  const token = await issuer.token();
  await Promise.all([server.verify(bearer(token)), server.verify(bearer(token))]);
  issuer.answerIntrospection = () => ({ status: 200, body: '{"active":false}' });
  clock.at = new Date(clock.at.getTime() + 29_000);
  await server.verify(bearer(token));
  expect(questions()).toHaveLength(1);
  clock.at = new Date(clock.at.getTime() + 1_000);
  expect(await refusalOf(server, bearer(token))).toMatchObject({ code: 'invalid_token', status: 401 });
  expect(questions()).toHaveLength(2);
});

test('the oldest answer is forgotten when there are too many', async () => {
  const server = createResourceServer({
    issuer: issuer.issuer,
    resource,
    checkLiveness: { credentials: secret, maxAgeSeconds: 60, maxAnswers: 1 },
  });
  const [first, second] = [await issuer.token({ jti: 'a' }), await issuer.token({ jti: 'b' })];
  for (const token of [first, second, second, first]) await server.verify(bearer(token));
  expect(questions()).toHaveLength(3);
});

test('maxAgeSeconds 0 asks at every request', async () => {
  const { server } = serverWith(0);
  const token = await issuer.token();
  for (let round = 0; round < 3; round += 1) await server.verify(bearer(token));
  expect(questions()).toHaveLength(3);
});

test.each([
  [401, '{"error":"invalid_client"}'],
  [500, 'oops'],
  [200, 'not json'],
  [200, '{"active":"true"}'],
  [200, '[true]'],
  [500, '{"active":true}'],
  [307, '/elsewhere'],
  [200, `{"active":true,"pad":"${'x'.repeat(300_000)}"}`],
])('fails closed on %i %.40s, and asks again next time', async (status, body) => {
  const { server } = serverWith(60);
  const token = await issuer.token();
  issuer.answerIntrospection = () => ({ status, body });
  expect((await refusalOf(server, bearer(token))).status).toBe(503);
  issuer.answerIntrospection = () => ({ status: 200, body: '{"active":true}' });
  await expect(server.verify(bearer(token))).resolves.toBeDefined();
});

test('a forged token is never asked about, and a negative age is refused', async () => {
  const { server } = serverWith(0);
  await refusalOf(server, bearer(await issuer.token({}, {}, (await newKey('key-1')).privateKey)));
  expect(questions()).toHaveLength(0);
  expect(() => serverWith(-1)).toThrow(TypeError);
});
