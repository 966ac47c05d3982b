import { describe, expect, test } from '@jest/globals';
import type { Context } from 'koa';
import { ENGINE_RATES, engineRates } from '../../src/oidc/request-rates.ts';

interface Sent {
  readonly path?: string;
  readonly ip?: string;
  readonly basic?: string;
  /** Whom the engine let through; undefined: nobody. */
  readonly client?: string;
  readonly status?: number;
  readonly error?: string;
}

/** The bounds in front of an engine that answers as it is told. */
function setUp(rates = ENGINE_RATES, registrations?: NonNullable<Parameters<typeof engineRates>[0]['registrations']>) {
  let ms = 1_800_000_000_000;
  let asked = 0;
  const middleware = engineRates({ clock: { now: () => new Date(ms) }, rates, ...(registrations === undefined ? {} : { registrations }) });
  const send = async ({ path = '/token', ip = '203.0.113.7', basic, client, status = 200, error }: Sent) => {
    const headers: Record<string, string> = {};
    const authorization = basic === undefined ? '' : `Basic ${Buffer.from(`${encodeURIComponent(basic)}:secret`).toString('base64')}`;
    const ctx = {
      method: 'POST',
      path,
      ip,
      status: 404,
      body: undefined as unknown,
      get: () => authorization,
      set: (name: string | object, value?: string) => void Object.assign(headers, typeof name === 'string' ? { [name]: value } : name),
    };
    await middleware(ctx as unknown as Context, async () => {
      asked += 1;
      ctx.status = status;
      ctx.body = error === undefined ? {} : { error };
      if (client !== undefined) Object.assign(ctx, { oidc: { client: { clientId: client, clientAuthMethod: 'client_secret_basic' } } });
    });
    return { status: ctx.status, body: ctx.body, headers };
  };
  const repeat = async (times: number, what: Sent) => {
    for (let n = 0; n < times; n += 1) await send(what);
  };
  const advance = (seconds: number) => {
    ms += seconds * 1000;
  };
  return { send, repeat, asked: () => asked, advance };
}

const wrong = { status: 401, error: 'invalid_client' };

describe('R23 the bounds in front of the engine', () => {
  test('RFC 6585 §4: refused requests from one address end in 429 with a time to retry, without work, and only there', async () => {
    const { send, repeat, asked, advance } = setUp();
    await repeat(1_800, wrong);
    const refused = await send(wrong);
    expect(refused).toEqual({
      status: 429,
      headers: { 'retry-after': '1', 'cache-control': 'no-store' },
      body: { error: 'temporarily_unavailable', error_description: expect.any(String) },
    });
    expect(asked()).toBe(1_800);
    expect((await send({ ip: '203.0.113.8' })).status).toBe(200);
    expect((await send({ path: '/introspect' })).status).toBe(200);
    advance(1);
    expect((await send({})).status).toBe(200);
  });

  test('a client that was answered at an address is not held up by its neighbours, nor by a stranger with its name', async () => {
    const { send, repeat } = setUp();
    await send({ basic: 'good', client: 'good' });
    await repeat(1_800, wrong);
    expect((await send({ basic: 'new', client: 'new' })).status).toBe(429);
    expect((await send({ basic: 'good', client: 'good' })).status).toBe(200);
    await repeat(1_800, { ...wrong, basic: 'good', ip: '198.51.100.1' });
    expect((await send({ basic: 'good', client: 'good' })).status).toBe(200);
    await repeat(1_800, { ...wrong, basic: 'good' });
    expect((await send({ basic: 'good', client: 'good' })).status).toBe(429);
  });

  test('CIBA Core §11: waiting for an answer is no refusal', async () => {
    const { send, repeat } = setUp();
    for (const error of ['authorization_pending', 'slow_down', 'use_dpop_nonce']) await repeat(1_000, { status: 400, error });
    expect((await send(wrong)).status).toBe(401);
  });

  test('three thousand answered requests a second of one client pass; a flood does not', async () => {
    const { send, repeat, advance } = setUp();
    const busy = { basic: 'busy', client: 'busy' };
    for (let second = 0; second < 3; second += 1) {
      await repeat(3_000, busy);
      advance(1);
    }
    expect((await send(busy)).status).toBe(200);
    expect(ENGINE_RATES.find(({ path }) => path === '/token')).toMatchObject({ address: { perMinute: 180_000 } });
    const bound = (address: number, caller: number) => [
      { path: '/token', address: { perMinute: address }, refused: { perMinute: 9 }, caller: { perMinute: caller } },
    ];
    const byAddress = setUp(bound(60, 600));
    await byAddress.repeat(60, busy);
    expect([(await byAddress.send(busy)).status, (await byAddress.send({ ...busy, ip: '198.51.100.1' })).status]).toEqual([429, 200]);
    const byCaller = setUp(bound(600, 60));
    await byCaller.repeat(60, busy);
    expect([(await byCaller.send({ ...busy, ip: '198.51.100.1' })).status, (await byCaller.send({})).status]).toEqual([429, 200]);
  });

  test('registration is bounded whatever becomes of it, and what starts something is bounded too', async () => {
    const { send, repeat, advance } = setUp();
    await repeat(600, { path: '/register', status: 201 });
    const refused = await send({ path: '/register', status: 201 });
    expect([refused.status, refused.headers['access-control-allow-origin' as never]]).toEqual([429, '*']);
    advance(60);
    expect((await send({ path: '/register', status: 201 })).status).toBe(201);
    const other = { path: '/register', ip: '203.0.113.9' };
    await repeat(120, { ...other, ...wrong });
    expect((await send(other)).status).toBe(429);
    for (const path of ['/par', '/bc-authorize', '/device_authorization']) {
      await repeat(600, { path, ...wrong });
      expect((await send({ path })).status).toBe(429);
    }
  });

  test('registration alone is counted elsewhere too: asked last, told how it ended, and what it says is answered', async () => {
    const told: number[] = [];
    let retryAfterSeconds = 0;
    const { send } = setUp(ENGINE_RATES, async ({ address }) => ({
      retryAfterSeconds,
      headers: { 'ratelimit-policy': address },
      ended: async (status) => void told.push(status),
    }));
    await send({ path: '/register', status: 201 });
    await send({ path: '/register', status: 400 });
    for (const path of ['/token', '/introspect', '/revoke']) await send({ path });
    retryAfterSeconds = 7;
    const refused = await send({ path: '/register' });
    expect([refused.status, refused.headers]).toMatchObject([429, { 'retry-after': '7', 'ratelimit-policy': '203.0.113.7' }]);
    expect(told).toEqual([201, 400]);
  });

  test('every endpoint of R23 has its bounds; others have none', async () => {
    const paths = ['/token', '/introspect', '/revoke', '/par', '/device_authorization', '/bc-authorize', '/register'];
    expect(ENGINE_RATES.map(({ path }) => path).sort()).toEqual([...paths].sort());
    const { send, repeat } = setUp();
    await repeat(2_000, { path: '/jwks', ...wrong });
    expect((await send({ path: '/jwks' })).status).toBe(200);
  });

  test('a malformed Authorization header is the engine’s to refuse', async () => {
    const { send } = setUp();
    expect((await send({ basic: '%', ...wrong })).status).toBe(401);
  });
});
