import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { createMemorySingleUseStore, createResourceServer, type ResourceServer } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, newKey, now, resource, type SigningKey, startLocalIssuer } from './local-issuer.ts';
import { bearer, type ProofParts, proofFor, refusalOf, requestWith } from './requests.ts';

let issuer: LocalIssuer;
let server: ResourceServer;
let holder: SigningKey;
let token: string;

beforeAll(async () => {
  issuer = await startLocalIssuer();
  server = createResourceServer({ issuer: issuer.issuer, resource });
  holder = await newKey('holder');
  token = await issuer.token({ cnf: { jkt: await calculateJwkThumbprint(holder.publicJwk) } });
});
afterAll(() => issuer.close());

function presented(proof: string, url = '/billing') {
  return requestWith(['Authorization', `DPoP ${token}`, 'DPoP', proof], url);
}

describe('RFC 9449 DPoP', () => {
  test('§7.1 a bound token with a fresh proof is taken, with a query, and on an address of another form', async () => {
    const thumbprint = await calculateJwkThumbprint(holder.publicJwk);
    const authorization = await server.verify(presented(await proofFor(token, holder), '/billing?page=2'));
    expect(authorization.token.boundTo).toEqual({ jwkThumbprint: thumbprint });
    const proof = await proofFor(token, holder, { claims: { htu: 'HTTP://127.0.0.1:4999/billing?x=1#y' } });
    await expect(server.verify(presented(proof, 'http://evil.test/billing'))).resolves.toBeDefined();
  });

  test('§7.2 a bound token as bearer, even with a proof, is refused with a DPoP challenge', async () => {
    const refusal = await refusalOf(server, requestWith(['Authorization', `Bearer ${token}`, 'DPoP', await proofFor(token, holder)]));
    expect(refusal).toMatchObject({ code: 'invalid_token', scheme: 'DPoP' });
    expect(server.challenge(refusal).headers['www-authenticate']).toMatch(/^DPoP .*algs="ES256 /);
  });

  test('an unbound token under the DPoP scheme is refused; dpop: required refuses it as bearer too', async () => {
    const unbound = await issuer.token();
    const request = requestWith(['Authorization', `DPoP ${unbound}`, 'DPoP', await proofFor(unbound, holder)]);
    expect((await refusalOf(server, request)).code).toBe('invalid_token');
    const strict = createResourceServer({ issuer: issuer.issuer, resource, dpop: 'required' });
    expect(await refusalOf(strict, bearer(unbound))).toMatchObject({ code: 'invalid_token', scheme: 'DPoP' });
    expect(strict.protectedResourceMetadata()).toMatchObject({ dpop_bound_access_tokens_required: true });
    expect(strict.challenge(await refusalOf(strict, requestWith([]))).headers['www-authenticate']).toMatch(/^DPoP /);
  });

  test('no proof, and two proofs', async () => {
    expect((await refusalOf(server, requestWith(['Authorization', `DPoP ${token}`]))).code).toBe('invalid_dpop_proof');
    const two = ['Authorization', `DPoP ${token}`, 'DPoP', await proofFor(token, holder), 'DPoP', await proofFor(token, holder)];
    expect((await refusalOf(server, requestWith(two))).code).toBe('invalid_request');
  });

  const cases: [string, ProofParts][] = [
    ['typ', { header: { typ: 'JWT' } }],
    ['no key', { header: { jwk: undefined } }],
    ['another method', { claims: { htm: 'GET' } }],
    ['a method in lower case', { claims: { htm: 'post' } }],
    ['another path', { claims: { htu: 'http://127.0.0.1:4999/other' } }],
    ['another host', { claims: { htu: 'http://evil.test/billing' } }],
    ['another scheme', { claims: { htu: 'https://127.0.0.1:4999/billing' } }],
    ['an address with user information', { claims: { htu: 'http://a@127.0.0.1:4999/billing' } }],
    ['no htu', { claims: { htu: undefined } }],
    ['too old', { claims: { iat: now() - 400 } }],
    ['from the future', { claims: { iat: now() + 400 } }],
    ['no iat', { claims: { iat: undefined } }],
    ['another token', { claims: { ath: createHash('sha256').update('x').digest('base64url') } }],
    ['no ath', { claims: { ath: undefined } }],
    ['no jti', { claims: { jti: undefined } }],
    ['a huge jti', { claims: { jti: 'x'.repeat(300) } }],
  ];
  test.each(cases)('§4.3 refuses a proof with %s', async (_, parts) => {
    const refusal = await refusalOf(server, presented(await proofFor(token, holder, parts)));
    expect({ code: refusal.code, status: refusal.status }).toEqual({ code: 'invalid_dpop_proof', status: 401 });
  });

  test('§4.3 refuses a proof that shows the private key, or is signed by another than it names', async () => {
    const shown = await proofFor(token, holder, { header: { jwk: await exportJWK(holder.privateKey) } });
    expect((await refusalOf(server, presented(shown))).message).toMatch(/public key/);
    const forged = await proofFor(token, holder, { signWith: (await newKey('evil')).privateKey });
    expect((await refusalOf(server, presented(forged))).code).toBe('invalid_dpop_proof');
  });

  test('§7.1 a good proof by another key is invalid_token', async () => {
    expect((await refusalOf(server, presented(await proofFor(token, await newKey('thief'))))).code).toBe('invalid_token');
  });

  test('§11.1 a proof is good once, also when it comes ten times at once', async () => {
    const proof = await proofFor(token, holder);
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => server.verify(presented(proof))));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    expect(await refusalOf(server, presented(proof))).toMatchObject({
      code: 'invalid_dpop_proof',
      message: expect.stringMatching(/before/),
    });
  });

  test('a replay memory that fails or is full refuses', async () => {
    const broken = { take: () => Promise.reject(new Error('away')) };
    const failing = createResourceServer({ issuer: issuer.issuer, resource, replayStore: broken });
    expect((await refusalOf(failing, presented(await proofFor(token, holder)))).status).toBe(503);
    const small = createResourceServer({ issuer: issuer.issuer, resource, replayStore: createMemorySingleUseStore({ capacity: 1 }) });
    await small.verify(presented(await proofFor(token, holder)));
    expect((await refusalOf(small, presented(await proofFor(token, holder)))).status).toBe(503);
  });

  test('Express: the address is the one before mounting', async () => {
    const mounted = { ...presented(await proofFor(token, holder), '/'), originalUrl: '/billing' };
    await expect(server.verify(mounted)).resolves.toBeDefined();
  });

  test('behind a proxy that rewrites paths the caller says which address was called', async () => {
    const proxied = createResourceServer({ issuer: issuer.issuer, resource, requestUrl: () => resource });
    await expect(proxied.verify(presented(await proofFor(token, holder), '/inner'))).resolves.toBeDefined();
    expect((await refusalOf(server, presented(await proofFor(token, holder), '/inner'))).code).toBe('invalid_dpop_proof');
  });
});

describe('RFC 8705 certificate-bound tokens', () => {
  const raw = Buffer.from('certificate');
  const thumbprint = createHash('sha256').update(raw).digest('base64url');
  const connection = (certificate: Buffer | undefined) => ({ getPeerX509Certificate: () => certificate && { raw: certificate } });

  test('§3 need the same certificate on the connection', async () => {
    const bound = bearer(await issuer.token({ cnf: { 'x5t#S256': thumbprint } }));
    await expect(server.verify({ ...bound, socket: connection(raw) })).resolves.toMatchObject({
      token: { boundTo: { certificateThumbprint: thumbprint } },
    });
    expect((await refusalOf(server, { ...bound, socket: connection(Buffer.from('other')) })).code).toBe('invalid_token');
    expect((await refusalOf(server, { ...bound, socket: connection(undefined) })).code).toBe('invalid_token');
    expect((await refusalOf(server, bound)).code).toBe('invalid_token');
  });

  test('R20 a header says nothing about the certificate; a proxy is read by the caller alone', async () => {
    const value = await issuer.token({ cnf: { 'x5t#S256': thumbprint } });
    const request = requestWith(['Authorization', `Bearer ${value}`, 'Client-Cert', `:${raw.toString('base64')}:`]);
    expect((await refusalOf(server, request)).code).toBe('invalid_token');
    const proxied = createResourceServer({ issuer: issuer.issuer, resource, clientCertificateThumbprint: () => thumbprint });
    await expect(proxied.verify(request)).resolves.toBeDefined();
  });
});
