import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createOwnJwts } from '../../src/tokens/own-jwt.ts';

const issuer = 'https://as.example';
const start = new Date('2026-06-01T12:00:00Z').getTime();
let at = start;
const clock = { now: () => new Date(at), epochSeconds: () => Math.floor(at / 1000) };

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}
let first: Key;
let second: Key;

async function key(kid: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' } };
}

beforeAll(async () => {
  [first, second] = await Promise.all([key('first'), key('second')]);
});

function tokenOf({ privateKey, jwk }: Key, { typ = 'at+jwt', ...claims }: Record<string, unknown> = {}): Promise<string> {
  const exp = Math.floor(start / 1000) + 300;
  return new SignJWT({ iss: issuer, jti: 'tok_1', exp, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: String(jwk.kid), typ: String(typ) })
    .sign(privateKey);
}

function ownJwts(initial: readonly Key[]) {
  const published = (keys: readonly Key[]) => keys.map(({ jwk }) => ({ ...jwk }));
  let current = published(initial);
  const { verify, identify } = createOwnJwts({ issuer, clock, publicKeys: () => current });
  const publish = (keys: readonly Key[]) => {
    current = published(keys);
  };
  return { verify, identify, publish };
}

describe('a JWT of ours', () => {
  test('its signature is checked once, not at every call', async () => {
    const { verify } = ownJwts([first]);
    const jwt = await tokenOf(first);
    const checks = jest.spyOn(crypto.subtle, 'verify');
    expect(await verify(jwt)).toMatchObject({ jti: 'tok_1' });
    expect(await verify(jwt)).toMatchObject({ jti: 'tok_1' });
    expect(checks).toHaveBeenCalledTimes(1);
    checks.mockRestore();
  });

  test('is recognised by its id after it expired, and by nothing but a signature of ours', async () => {
    const { identify, verify } = ownJwts([first]);
    const expired = await tokenOf(first, { exp: Math.floor(start / 1000) - 60 });
    expect([await identify(expired), await verify(expired)]).toEqual(['tok_1', undefined]);
    expect(await identify(await tokenOf(second))).toBeUndefined();
    expect(await identify(await tokenOf(first, { iss: 'https://other.example' }))).toBeUndefined();
    expect(await identify(await tokenOf(first, { typ: 'JWT' }))).toBeUndefined();
  });

  test('expires although it is remembered', async () => {
    const { verify } = ownJwts([first]);
    const jwt = await tokenOf(first);
    expect(await verify(jwt)).toBeDefined();
    at = start + 300_000;
    expect(await verify(jwt)).toBeUndefined();
    at = start;
    expect(await verify(await tokenOf(first, { exp: undefined }))).toBeUndefined();
  });

  test('is forgotten with the keys: what a removed key signed is no longer ours', async () => {
    const { verify, publish } = ownJwts([first, second]);
    const jwt = await tokenOf(first);
    expect(await verify(jwt)).toBeDefined();
    publish([second]);
    expect(await verify(jwt)).toBeUndefined();
    expect(await verify(await tokenOf(second))).toBeDefined();
  });

  test('one changed character makes it another token', async () => {
    const { verify } = ownJwts([first]);
    const jwt = await tokenOf(first);
    expect(await verify(jwt)).toBeDefined();
    const [header = '', payload = '', signature = ''] = jwt.split('.');
    const other = Buffer.from(JSON.stringify({ iss: issuer, jti: 'tok_2', exp: Math.floor(start / 1000) + 300 })).toString('base64url');
    expect(await verify(`${header}.${other}.${signature}`)).toBeUndefined();
    const changed = signature.startsWith('A') ? 'B' : 'A';
    expect(await verify(`${header}.${payload}.${changed}${signature.slice(1)}`)).toBeUndefined();
  });

  test.each([
    ['another type', { typ: 'JWT' }],
    ['another issuer', { iss: 'https://other.example' }],
    ['not yet valid', { nbf: Math.floor(start / 1000) + 60 }],
  ])('%s is none, the second time too', async (_name, claims) => {
    const { verify } = ownJwts([first]);
    const jwt = await tokenOf(first, claims);
    expect([await verify(jwt), await verify(jwt)]).toEqual([undefined, undefined]);
  });
});
