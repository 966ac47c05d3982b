import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { base64url, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { clock, hours } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { type Validator, validators } from './token-validators.ts';

const RESOURCE = 'https://invoices.acme.test/mcp';
const ELSEWHERE = 'https://payments.acme.test/mcp';

let server: InhabitedServer;
let agent: RegisteredSoftware;
let jwksUri: string;
beforeAll(async () => {
  server = await createInhabitedServer();
  await server.resource(RESOURCE, ['read', 'pay']);
  await server.resource(ELSEWHERE, ['read', 'pay']);
  agent = await server.register({ client_name: 'Planner', grant_types: ['client_credentials'], scope: 'read pay' });
  const metadata = await (await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).json();
  jwksUri = (metadata as { jwks_uri: string }).jwks_uri;
}, 60_000);
afterEach(() => clock.reset());
afterAll(() => server.close());

async function tokenFor(resource: string): Promise<string> {
  const response = await fetch(`${server.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${agent.clientId}:${agent.clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'read' }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (!token) throw new Error(`no token: ${response.status}`);
  return token;
}

const encoded = (value: unknown) => base64url.encode(JSON.stringify(value));

/** The claims and header of a good token, signed anew. */
function signedAnew(token: string, header: Partial<JWTHeaderParameters>, key: Parameters<SignJWT['sign']>[0]): Promise<string> {
  const kept = decodeProtectedHeader(token) as JWTHeaderParameters;
  return new SignJWT(decodeJwt(token)).setProtectedHeader({ ...kept, ...header }).sign(key);
}

async function publicKeyOf(token: string): Promise<JsonWebKey> {
  const { keys } = (await (await fetch(jwksUri)).json()) as { keys: (JsonWebKey & { kid: string })[] };
  return keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid) as JsonWebKey;
}

/** What is made of a good token; each must be refused. */
const forgeries: Readonly<Record<string, (good: string) => Promise<string> | string>> = {
  'for another resource': () => tokenFor(ELSEWHERE),
  'with alg none': (good) => `${encoded({ ...decodeProtectedHeader(good), alg: 'none' })}.${good.split('.')[1]}.`,
  'with alg none and a signature': (good) => {
    const [, payload, signature] = good.split('.');
    return `${encoded({ ...decodeProtectedHeader(good), alg: 'none' })}.${payload}.${signature}`;
  },
  'with a wider scope written in': (good) => {
    const [header, , signature] = good.split('.');
    return `${header}.${encoded({ ...decodeJwt(good), scope: 'read pay' })}.${signature}`;
  },
  'signed by another key under the same kid': async (good) => signedAnew(good, {}, (await generateKeyPair('ES256')).privateKey),
  'signed by a key it brings along': async (good) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return signedAnew(good, { jwk: await exportJWK(publicKey) }, privateKey);
  },
  'signed with the public key, PEM, as an HMAC secret': async (good) => {
    const pem = createPublicKey({ key: await publicKeyOf(good), format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    return signedAnew(good, { alg: 'HS256' }, new TextEncoder().encode(pem.toString()));
  },
  'signed with the public key, JWK, as an HMAC secret': async (good) =>
    signedAnew(good, { alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(await publicKeyOf(good)))),
  'that has expired': (good) => {
    clock.advance(hours(2));
    return good;
  },
};

describe.each(Object.keys(validators))('%s', (name) => {
  let validator: Validator;
  beforeAll(async () => {
    const create = validators[name] as (typeof validators)[string];
    validator = await create({ issuer: server.issuer, jwksUri, audience: RESOURCE });
  });
  afterAll(() => validator.close());

  test('accepts a token that Behalf has issued for the resource', async () => {
    expect(await validator.subjectOf(await tokenFor(RESOURCE))).toBe(agent.agentId);
  });

  test.each(Object.keys(forgeries))('refuses one %s', async (kind) => {
    const good = await tokenFor(RESOURCE);
    const forge = forgeries[kind] as (typeof forgeries)[string];
    expect(await validator.subjectOf(await forge(good))).toBeUndefined();
    clock.reset();
    expect(await validator.subjectOf(good)).toBe(agent.agentId);
  });
});
