import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const BY = { kind: 'account', id: 'usr_administrator' } as const;
const now = () => Math.floor(Date.now() / 1000);
const forever: object = { exp: undefined, iat: undefined, jti: undefined };

let server: TestServer;
let publisher: ForeignIssuer;
let id: string;
beforeAll(async () => {
  [server, publisher] = await Promise.all([createTestServer(), startForeignIssuer()]);
  const record = { name: 'Acme apps', kind: 'software', issuer: publisher.issuer, jwks_uri: publisher.jwksUri };
  ({ id } = await server.app.parts.trust.create(newTrustProvider.parse(record), BY));
}, 60_000);
afterAll(async () => {
  await server.close();
  await publisher.close();
});

const verify = async (claims: object, header: object = {}) =>
  server.app.parts.trust.verifySoftwareStatement(
    await publisher.sign({ ...forever, ...claims } as JWTPayload, header as Record<string, unknown>),
  );
const faultOf = async (claims: object, header: object = {}) => {
  const answer = await verify(claims, header);
  return answer.ok ? 'none' : answer.fault;
};

test('RFC 7591 §2.3: a statement of a trusted publisher is what it says, with or without typ, times and audience', async () => {
  const claims = { software_id: 'desk', client_name: 'Desk', redirect_uris: ['https://desk.acme.test/cb'] };
  for (const header of [{}, { typ: 'JWT' }, { typ: 'software-statement+jwt' }])
    expect(await verify(claims, header)).toMatchObject({ ok: true, claims, provider: { id, kind: 'software' } });
  expect(await faultOf({ ...claims, iat: now() - 60, exp: now() + 365 * 86_400 })).toBe('none');
  for (const aud of [server.issuer, `${server.issuer}/register`]) expect(await faultOf({ aud })).toBe('none');
});

test('nothing else is one', async () => {
  expect(await faultOf({ exp: now() - 60 })).toBe('expired');
  expect(await faultOf({ iat: now() + 3_600 })).toBe('not_yet_valid');
  expect(await faultOf({ aud: 'https://other.test' })).toBe('audience');
  expect(await faultOf({ iss: 'https://other.test' })).toBe('unknown_issuer');
  expect(await faultOf({ iss: undefined })).toBe('malformed');
  for (const typ of ['at+jwt', 'oauth-id-jag+jwt', 'dpop+jwt']) expect(await faultOf({}, { typ })).toBe('wrong_type');
  expect(await faultOf({}, { kid: 'k9' })).toBe('unknown_key');
  const [head = '', body = '', signature = ''] = (await publisher.sign({})).split('.');
  const other = Buffer.from(JSON.stringify({ iss: publisher.issuer, software_id: 'other' })).toString('base64url');
  const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
  for (const [jwt, fault] of [
    [`${head}.${other}.${signature}`, 'signature'],
    [`${none}.${body}.`, 'algorithm'],
    ['x', 'malformed'],
    ['a'.repeat(20_000), 'malformed'],
  ] as const)
    expect(await server.app.parts.trust.verifySoftwareStatement(jwt)).toMatchObject({ ok: false, fault });
});

test('a publisher is no identity provider: trust for one thing is not trust for another', async () => {
  const jwt = await publisher.sign({ sub: 'x', aud: server.issuer }, { typ: 'oauth-id-jag+jwt' });
  const demand = { kind: 'identity_provider', typ: ['oauth-id-jag+jwt'], now: new Date() } as const;
  expect(await server.app.parts.trust.verify(jwt, demand)).toMatchObject({ ok: false, fault: 'unknown_issuer' });
});

test.each([
  ['ES256', 'none'],
  ['EdDSA', 'none'],
  ['Ed25519', 'none'],
  ['RS256', 'none'],
  ['PS256', 'none'],
  ['ES384', 'algorithm'],
])('RFC 8725 §3.1: of the algorithms only those of the record are taken: %s', async (alg, expected) => {
  const signer = await startForeignIssuer(alg);
  const record = { name: alg, kind: 'software', issuer: signer.issuer, jwks: { keys: [signer.publicJwk] } };
  await server.app.parts.trust.create(newTrustProvider.parse(record), BY);
  const answer = await server.app.parts.trust.verifySoftwareStatement(await signer.sign({ software_id: 'desk' }));
  expect(answer.ok ? 'none' : answer.fault).toBe(expected);
  await signer.close();
});
