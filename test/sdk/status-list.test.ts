import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type CryptoKey, SignJWT } from 'jose';
import { createResourceServer, type ResourceServerOptions } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, newKey, now, resource, startLocalIssuer } from './local-issuer.ts';
import { bearer, refusalOf } from './requests.ts';

let issuer: LocalIssuer;
beforeEach(async () => {
  issuer = await startLocalIssuer();
});
afterEach(() => issuer.close());

const path = '/status/1';
const uri = () => `${issuer.issuer}${path}`;
const fetches = () => issuer.requests.filter((request) => request.path === path).length;

/** Statuses packed from the least significant bit (draft-ietf-oauth-status-list §4.1), written as the draft's algorithm says. */
function packed(bits: number, statuses: readonly number[]): string {
  const bytes = Buffer.alloc(Math.ceil((statuses.length * bits) / 8));
  for (const [index, status] of statuses.entries()) {
    const at = Math.floor((index * bits) / 8);
    bytes[at] = (bytes[at] ?? 0) | (status << ((index * bits) % 8));
  }
  return deflateSync(bytes).toString('base64url');
}

interface ListParts {
  readonly statuses?: readonly number[];
  readonly bits?: number;
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly signWith?: CryptoKey;
}

function listToken({ statuses = [0, 1, 0], bits = 1, claims = {}, header = {}, signWith }: ListParts = {}): Promise<string> {
  const status_list = { bits, lst: packed(bits, statuses) };
  const all = { iss: issuer.issuer, sub: uri(), iat: now(), exp: now() + 3600, ttl: 60, status_list, ...claims };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(kept)
    .setProtectedHeader({ alg: 'ES256', typ: 'statuslist+jwt', kid: issuer.key.kid, ...header })
    .sign(signWith ?? issuer.key.privateKey);
}

function publish(body: string, status = 200): void {
  issuer.documents.set(path, () => ({ status, type: 'application/statuslist+jwt', body }));
}

const tokenAt = (idx: unknown, at: unknown = uri()) => issuer.token({ status: { status_list: { idx, uri: at } } });

function serverWith(options: Partial<ResourceServerOptions> = {}) {
  const clock = {
    at: new Date(),
    now: () => clock.at,
    advance(seconds: number) {
      clock.at = new Date(clock.at.getTime() + seconds * 1000);
    },
  };
  return { clock, server: createResourceServer({ issuer: issuer.issuer, resource, clock, ...options }) };
}

describe('a token that names a status list', () => {
  test.each([
    [1, [0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1]],
    [2, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]],
    [4, [0, 1, 2, 3, 15, 0, 9]],
    [8, [0, 255, 1, 0, 128]],
  ])('of %i bits passes where its entry is VALID, and there alone', async (bits, statuses) => {
    publish(await listToken({ bits, statuses }));
    const { server } = serverWith();
    for (const [index, status] of statuses.entries()) {
      const outcome = await server.verify(bearer(await tokenAt(index))).then(
        () => 'in',
        (error: { code: string }) => error.code,
      );
      expect([index, outcome]).toEqual([index, status === 0 ? 'in' : 'invalid_token']);
    }
    expect(fetches()).toBe(1);
  });

  test('hears whether it is revoked or suspended', async () => {
    publish(await listToken({ bits: 2, statuses: [1, 2, 3] }));
    const { server } = serverWith();
    expect((await refusalOf(server, bearer(await tokenAt(0)))).message).toMatch(/revoked/);
    expect((await refusalOf(server, bearer(await tokenAt(1)))).message).toMatch(/suspended/);
    expect((await refusalOf(server, bearer(await tokenAt(2)))).message).toMatch(/not valid/);
  });

  test('§8.3 outside the list is refused', async () => {
    publish(await listToken({ statuses: [0, 0, 0, 0, 0, 0, 0, 0] }));
    expect(await refusalOf(serverWith().server, bearer(await tokenAt(8)))).toMatchObject({ code: 'invalid_token', status: 401 });
  });

  test.each([[-1], [1.5], ['0'], [undefined], [2 ** 60]])('with the index %p is refused before anything is fetched', async (index) => {
    publish(await listToken());
    expect((await refusalOf(serverWith().server, bearer(await tokenAt(index)))).code).toBe('invalid_token');
    expect(fetches()).toBe(0);
  });

  test.each(['http://evil.test/list', 'ftp://auth.test/list', 'list', 7])('at %p is refused', async (at) => {
    expect((await refusalOf(serverWith().server, bearer(await tokenAt(0, at)))).code).toBe('invalid_token');
  });

  test('an https issuer cannot send us to http for a list', async () => {
    const iss = 'https://auth.test';
    const fetchMetadata = async (url: string, init: RequestInit) => {
      if (url === `${iss}/jwks`) return Response.json({ keys: issuer.published });
      return url.startsWith(iss) ? Response.json({ issuer: iss, jwks_uri: `${iss}/jwks` }) : fetch(url, init);
    };
    publish(await listToken({ claims: { iss } }));
    const server = createResourceServer({ issuer: iss, resource, fetch: fetchMetadata });
    const token = await issuer.token({ iss, act: undefined, status: { status_list: { idx: 0, uri: uri() } } });
    expect((await refusalOf(server, bearer(token))).message).toMatch(/unsafe/);
    expect(fetches()).toBe(0);
  });

  test('whose status is kept in another way is refused, and so is a status that is no object', async () => {
    for (const status of [{ other: {} }, 'valid', null, { status_list: [] }]) {
      expect((await refusalOf(serverWith().server, bearer(await issuer.token({ status })))).code).toBe('invalid_token');
    }
  });
});

describe('a list that does not hold closes the door with 503', () => {
  const cases: [string, ListParts][] = [
    ['another typ', { header: { typ: 'JWT' } }],
    ['another address as its subject', { claims: { sub: 'https://auth.test/other' } }],
    ['no subject', { claims: { sub: undefined } }],
    ['another issuer', { claims: { iss: 'https://evil.test' } }],
    ['an end in the past', { claims: { exp: now() - 60 } }],
    ['a beginning in the future', { claims: { iat: now() + 120 } }],
    ['no iat', { claims: { iat: undefined } }],
    ['an unknown key', { header: { kid: 'key-2' } }],
    ['a ttl of 0', { claims: { ttl: 0 } }],
    ['a ttl as text', { claims: { ttl: '60' } }],
    ['statuses of 3 bits', { claims: { status_list: { bits: 3, lst: packed(1, [0]) } } }],
    ['no statuses', { claims: { status_list: undefined } }],
    ['statuses that are not deflated', { claims: { status_list: { bits: 1, lst: 'AAAA' } } }],
    [
      'statuses that inflate to 5 MiB',
      { claims: { status_list: { bits: 8, lst: deflateSync(Buffer.alloc(5 * 1024 * 1024)).toString('base64url') } } },
    ],
  ];
  test.each(cases)('%s', async (_, parts) => {
    publish(await listToken(parts));
    expect(await refusalOf(serverWith().server, bearer(await tokenAt(0)))).toMatchObject({ code: 'temporarily_unavailable', status: 503 });
  });

  test('signed by another key under the kid of the issuer', async () => {
    publish(await listToken({ signWith: (await newKey('key-1')).privateKey }));
    expect((await refusalOf(serverWith().server, bearer(await tokenAt(0)))).status).toBe(503);
  });

  test('an access token in its place, a redirect, an error, text, more than 2 MiB', async () => {
    const good = await listToken();
    for (const [body, status] of [
      [await tokenAt(0), 200],
      [good, 307],
      [good, 500],
      ['no token', 200],
      [`${good}${' '.repeat(3_000_000)}`, 200],
    ] as const) {
      publish(body, status);
      expect((await refusalOf(serverWith().server, bearer(await tokenAt(0)))).status).toBe(503);
    }
  });
});

describe('how long a list is kept', () => {
  test('for its ttl; ten requests at once fetch it once', async () => {
    publish(await listToken({ statuses: [0] }));
    const { clock, server } = serverWith();
    const token = await tokenAt(0);
    await Promise.all(Array.from({ length: 10 }, () => server.verify(bearer(token))));
    publish(await listToken({ statuses: [1] }));
    clock.advance(59);
    await server.verify(bearer(token));
    expect(fetches()).toBe(1);
    clock.advance(2);
    expect((await refusalOf(server, bearer(token))).code).toBe('invalid_token');
    expect(fetches()).toBe(2);
  });

  test('never beyond its exp, and 5 minutes without a ttl', async () => {
    const token = await issuer.token({ exp: now() + 1000, status: { status_list: { idx: 0, uri: uri() } } });
    for (const [claims, keptSeconds] of [
      [{ exp: now() + 30 }, 30],
      [{ ttl: undefined }, 300],
    ] as const) {
      publish(await listToken({ claims }));
      const { clock, server } = serverWith();
      const before = fetches();
      for (const step of [0, keptSeconds - 5, 10]) {
        clock.advance(step);
        await server.verify(bearer(token)).catch(() => undefined);
      }
      expect(fetches() - before).toBe(2);
    }
  });

  test('12 hours at most, whatever its ttl; and no more than 16 lists at a time', async () => {
    const far = { exp: now() + 100_000 };
    const token = await issuer.token({ ...far, status: { status_list: { idx: 0, uri: uri() } } });
    publish(await listToken({ claims: { ...far, ttl: 86_400 } }));
    const { clock, server } = serverWith();
    for (const step of [0, 43_000, 300]) {
      clock.advance(step);
      await server.verify(bearer(token));
    }
    expect(fetches()).toBe(2);
    for (let list = 2; list <= 17; list += 1) {
      const at = `${issuer.issuer}/status/${list}`;
      const body = await listToken({ claims: { ...far, sub: at } });
      issuer.documents.set(`/status/${list}`, () => ({ status: 200, type: 'application/statuslist+jwt', body }));
      await server.verify(bearer(await issuer.token({ ...far, status: { status_list: { idx: 0, uri: at } } })));
    }
    await server.verify(bearer(token));
    expect(fetches()).toBe(3);
  });

  test('a failure refuses until the list is asked for again, 2 s later', async () => {
    publish('', 500);
    const { clock, server } = serverWith();
    const token = await tokenAt(0);
    for (let round = 0; round < 3; round += 1) expect((await refusalOf(server, bearer(token))).status).toBe(503);
    expect(fetches()).toBe(1);
    publish(await listToken());
    clock.advance(2.001);
    await expect(server.verify(bearer(token))).resolves.toBeDefined();
  });
});

describe('statusList', () => {
  test('required refuses a token that names none; checked takes it', async () => {
    const plain = await issuer.token();
    expect((await refusalOf(serverWith({ statusList: 'required' }).server, bearer(plain))).message).toMatch(/names no status list/);
    await expect(serverWith({ statusList: 'checked' }).server.verify(bearer(plain))).resolves.toBeDefined();
  });

  test('ignored fetches nothing, whatever the token says', async () => {
    const { server } = serverWith({ statusList: 'ignored' });
    await expect(server.verify(bearer(await tokenAt(1)))).resolves.toBeDefined();
    await expect(server.verify(bearer(await issuer.token({ status: { other: {} } })))).resolves.toBeDefined();
    expect(fetches()).toBe(0);
  });

  test('a forged token makes nobody fetch a list', async () => {
    publish(await listToken());
    const status = { status_list: { idx: 0, uri: uri() } };
    await refusalOf(serverWith().server, bearer(await issuer.token({ status }, {}, (await newKey('key-1')).privateKey)));
    expect(fetches()).toBe(0);
  });
});
