import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { compactVerify } from 'jose';
import type { ExternalSigningKey } from 'oidc-provider';
import { generateSigningKey, publicJwkOf } from '../../src/oidc/keys/signing-key.ts';
import { signerOf } from '../../src/oidc/keys/signer.ts';

const input = Buffer.from('eyJhbGciOiJFUzI1NiJ9.e30');

describe('the signer of a key', () => {
  test('RFC 7518 §3.4: signs with ES256 as R and S of 32 bytes each, and jose takes it', async () => {
    const { privateJwk } = await generateSigningKey('ES256', new Date());
    const signer = signerOf(privateJwk) as ExternalSigningKey;
    const signature = Buffer.from(await signer.sign(input));
    expect(signature).toHaveLength(64);
    const publicKey = createPublicKey({ key: { ...publicJwkOf(privateJwk) }, format: 'jwk' });
    expect(verify('sha256', input, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
    const jws = `${input.toString()}.${signature.toString('base64url')}`;
    expect((await compactVerify(jws, publicKey)).protectedHeader).toEqual({ alg: 'ES256' });
  });

  test('is published with the same members as the key, and none that is private', async () => {
    const { privateJwk } = await generateSigningKey('ES256', new Date());
    const signer = signerOf(privateJwk) as ExternalSigningKey & Record<string, unknown>;
    const { kty, crv, x, y, kid, alg, use } = signer;
    expect({ kty, crv, x, y, kid, alg, use }).toEqual(publicJwkOf(privateJwk));
    expect(signer['d']).toBeUndefined();
    expect(JSON.stringify(signer)).not.toContain(String(privateJwk.d));
  });

  test.each(['RS256', 'EdDSA'] as const)('leaves %s to the engine', async (algorithm) => {
    const { privateJwk } = await generateSigningKey(algorithm, new Date());
    expect(signerOf(privateJwk)).toBe(privateJwk);
  });
});
