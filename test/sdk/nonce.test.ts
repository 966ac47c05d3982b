import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { createResourceServer, protect, type ResourceServer, type ResourceServerOptions } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, newKey, now, resource, type SigningKey, startLocalIssuer } from './local-issuer.ts';
import { bearer, proofFor, refusalOf, requestWith } from './requests.ts';

let issuer: LocalIssuer;
let holder: SigningKey;
let token: string;
let listening: Server | undefined;
const secret = new Uint8Array(32).fill(7);
const clock = { at: new Date(), now: () => clock.at };

beforeAll(async () => {
  issuer = await startLocalIssuer();
  holder = await newKey('holder');
  token = await issuer.token({ exp: now() + 7200, cnf: { jkt: await calculateJwkThumbprint(holder.publicJwk) } });
});
beforeEach(() => {
  clock.at = new Date();
});
afterEach(() => {
  listening?.closeAllConnections();
  listening?.close();
});
afterAll(() => issuer.close());

function serverWith(options: Partial<ResourceServerOptions> = {}): ResourceServer {
  return createResourceServer({ issuer: issuer.issuer, resource, clock, dpopNonce: { secret }, ...options });
}

async function presented(nonce?: unknown) {
  const claims = { iat: Math.floor(clock.at.getTime() / 1000), nonce };
  return requestWith(['Authorization', `DPoP ${token}`, 'DPoP', await proofFor(token, holder, { claims })]);
}

/** The nonce a server asks for, from its refusal of a proof without one. */
async function askedFor(server: ResourceServer): Promise<string> {
  const refusal = await refusalOf(server, await presented());
  expect(refusal).toMatchObject({ code: 'use_dpop_nonce', status: 401 });
  const { headers } = server.challenge(refusal);
  expect(headers['www-authenticate']).toMatch(/^DPoP .*error="use_dpop_nonce"/);
  return headers['dpop-nonce'] ?? '';
}

describe('RFC 9449 §9 a nonce of the resource server', () => {
  test('is asked for with use_dpop_nonce, and taken once the client sends it', async () => {
    const server = serverWith();
    await expect(server.verify(await presented(await askedFor(server)))).resolves.toMatchObject({ subject: 'usr_1' });
  });

  test.each([['made up'], [''], [7], [undefined]])('that is %p is refused, with the one to use', async (nonce) => {
    const server = serverWith();
    const refusal = await refusalOf(server, await presented(nonce));
    expect(refusal.code).toBe('use_dpop_nonce');
    expect(server.challenge(refusal).headers['dpop-nonce']).toMatch(/^[\w-]{43}$/);
  });

  test('is good for its lifetime and no longer; another comes at half of it', async () => {
    const server = serverWith({ dpopNonce: { secret, lifetimeSeconds: 60 } });
    clock.at = new Date(Math.ceil(clock.at.getTime() / 60_000) * 60_000);
    const nonce = await askedFor(server);
    clock.at = new Date(clock.at.getTime() + 59_000);
    await expect(server.verify(await presented(nonce))).resolves.toBeDefined();
    expect(await askedFor(server)).not.toBe(nonce);
    clock.at = new Date(clock.at.getTime() + 1_000);
    expect((await refusalOf(server, await presented(nonce))).code).toBe('use_dpop_nonce');
  });

  test('of a process whose clock is ahead is taken by the others', async () => {
    const options = { dpopNonce: { secret, lifetimeSeconds: 60 } };
    const ahead = serverWith({ ...options, clock: { now: () => new Date(clock.at.getTime() + 30_000) } });
    const nonce = ahead.challenge(await refusalOf(ahead, await presented())).headers['dpop-nonce'];
    await expect(serverWith(options).verify(await presented(nonce))).resolves.toBeDefined();
  });

  test('is known to every process that has the secret, and to no other resource or secret', async () => {
    const nonce = await askedFor(serverWith());
    await expect(serverWith().verify(await presented(nonce))).resolves.toBeDefined();
    const other = serverWith({ dpopNonce: { secret: new Uint8Array(32).fill(8) } });
    expect((await refusalOf(other, await presented(nonce))).code).toBe('use_dpop_nonce');
    expect((await refusalOf(serverWith({ dpopNonce: {} }), await presented(nonce))).code).toBe('use_dpop_nonce');
    const aud = `${resource}/2`;
    const elsewhere = createResourceServer({ issuer: issuer.issuer, resource: aud, clock, dpopNonce: { secret } });
    const foreign = await issuer.token({ aud, cnf: { jkt: await calculateJwkThumbprint(holder.publicJwk) } });
    const proof = await proofFor(foreign, holder, { claims: { nonce } });
    expect((await refusalOf(elsewhere, requestWith(['Authorization', `DPoP ${foreign}`, 'DPoP', proof]))).code).toBe('use_dpop_nonce');
    const own = serverWith({ dpopNonce: {} });
    await expect(own.verify(await presented(await askedFor(own)))).resolves.toBeDefined();
  });

  test('does not make a proof good twice, and a proof that was sent back for a nonce is not used up', async () => {
    const server = serverWith();
    const request = await presented(await askedFor(server));
    await server.verify(request);
    expect((await refusalOf(server, request)).code).toBe('invalid_dpop_proof');
    const taken: string[] = [];
    const counting = serverWith({ replayStore: { take: (key) => taken.push(key) > 0 } });
    await askedFor(counting);
    expect(taken).toEqual([]);
  });

  test('§8.2 comes with every challenge to a bound token and with every answer, never with those to bearers', async () => {
    const server = serverWith();
    const missing = await refusalOf(server, requestWith(['Authorization', `DPoP ${token}`]));
    expect(missing.code).toBe('invalid_dpop_proof');
    expect(server.challenge(missing).headers['dpop-nonce']).toBe(await askedFor(server));
    expect(server.responseHeaders(await server.verify(await presented(await askedFor(server))))).toEqual({
      'dpop-nonce': await askedFor(server),
    });
    expect(server.responseHeaders(await server.verify(bearer(await issuer.token())))).toEqual({});
    expect(server.challenge(await refusalOf(server, requestWith([]))).headers['dpop-nonce']).toBeUndefined();
    const without = createResourceServer({ issuer: issuer.issuer, resource });
    expect(without.responseHeaders({ token: { boundTo: { jwkThumbprint: 'x' } } as never })).toEqual({});
  });

  test('reaches the client over HTTP, with a refusal and with an answer', async () => {
    const server = serverWith();
    const http = createServer(protect(server, (_, response) => void response.end('in')));
    listening = http;
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}/billing`;
    const ask = async (nonce?: string) => {
      const headers = { authorization: `DPoP ${token}`, dpop: await proofFor(token, holder, { claims: { nonce } }) };
      return fetch(address, { method: 'POST', headers });
    };
    const refused = await ask();
    const nonce = refused.headers.get('dpop-nonce') ?? '';
    const answered = await ask(nonce);
    expect([refused.status, answered.status, answered.headers.get('dpop-nonce')]).toEqual([401, 200, nonce]);
  });

  test.each([{ secret: new Uint8Array(31) }, { lifetimeSeconds: 9 }, { lifetimeSeconds: Number.NaN }])('%p is not accepted', (dpopNonce) =>
    expect(() => serverWith({ dpopNonce })).toThrow(TypeError),
  );
});
