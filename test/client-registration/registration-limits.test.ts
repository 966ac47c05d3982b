import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createRegistrationLimits, REGISTRATION_QUOTAS } from '../../src/client-registration/registration-limits/limits.ts';
import { identityOf } from '../../src/client-registration/software/software.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { startTwoServers, type TwoServers } from '../support/two-servers.ts';

const SOFTWARE = { client_name: 'Notes', redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };
const SYSTEM = { kind: 'system', id: 'command-line' } as const;
const { refused } = REGISTRATION_QUOTAS;

describe('R23 registration, on two servers', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await startTwoServers();
  }, 60_000);
  afterAll(() => servers?.close());

  test('refused ones are counted together; then each answers 429 with the time to wait, in the form of RFC 6749 §5.2', async () => {
    const wrong = { ...SOFTWARE, redirect_uris: ['http://elsewhere.example/cb'] };
    const attempt = (turn: number) => servers.ask('/register', { method: 'POST', json: wrong }, turn);
    const answers = await Promise.all(Array.from({ length: refused.points }, (_each, turn) => attempt(turn)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(refused.points).fill(400));
    for (const turn of [0, 1]) {
      const answer = await attempt(turn);
      expect([answer.status, answer.json()]).toEqual([429, { error: 'temporarily_unavailable', error_description: expect.any(String) }]);
      const wait = Number(answer.headers['retry-after']);
      expect(wait).toBeGreaterThan(refused.durationSeconds - 60);
      expect(wait).toBeLessThanOrEqual(refused.durationSeconds);
      expect(answer.headers).toMatchObject({
        'ratelimit-policy': `"registration-refused";q=${refused.points};w=${refused.durationSeconds}`,
        ratelimit: `"registration-refused";r=0;t=${wait}`,
        'access-control-allow-origin': '*',
      });
    }
    expect((await servers.ask('/token', { method: 'POST', form: { grant_type: 'client_credentials' } })).status).not.toBe(429);
  });
});

describe('R23 registration, by address, owner and software', () => {
  let server: InhabitedServer;
  beforeAll(async () => {
    server = await createInhabitedServer({ trustedProxies: ['127.0.0.1', '::1'] });
  });
  afterEach(() => clock.reset());
  afterAll(() => server.close());

  const register = (token: string, { from, metadata = SOFTWARE }: { from: string; metadata?: object }) =>
    fetch(`${server.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'x-forwarded-for': from },
      body: JSON.stringify(metadata),
    });
  const statusesOf = async (times: number, ask: () => Promise<Response>) => {
    const statuses: number[] = [];
    for (let each = 0; each < times; each += 1) statuses.push((await ask()).status);
    return statuses;
  };
  const enrolment = async (uses = 1_000) => {
    const input = { name: 'Many', owner: { kind: 'user', id: server.miraId }, agent_state: 'active', uses, ttl_seconds: 86_400 } as const;
    const made = await server.app.parts.clients.initialAccessTokens.create(
      { ...input, grant_types: ['authorization_code', 'refresh_token'] },
      SYSTEM,
    );
    return made.token;
  };

  test('an address that many share goes on, whatever some of them get wrong; one where nothing succeeds does not', async () => {
    const [shared, alone] = ['203.0.113.10', '203.0.113.20'];
    for (let turn = 0; turn < 25; turn += 1) {
      expect((await register(await enrolment(1), { from: shared })).status).toBe(201);
      expect(await statusesOf(4, () => register('wrong', { from: shared }))).toEqual([401, 401, 401, 401]);
    }
    expect(await statusesOf(refused.points + 1, () => register('wrong', { from: alone }))).toEqual([
      ...Array<number>(refused.points).fill(401),
      429,
    ]);
    expect((await register(await enrolment(1), { from: shared })).status).toBe(201);
    clock.advance(minutes(1));
    const waiting = await register('wrong', { from: alone });
    expect(waiting.status).toBe(429);
    clock.advance(seconds(Number(waiting.headers.get('retry-after'))));
    expect((await register('wrong', { from: alone })).status).toBe(401);
  }, 60_000);

  test('an enrolment token that worked at an address is not held up by its neighbours there', async () => {
    const from = '203.0.113.30';
    const token = await enrolment();
    expect((await register(token, { from })).status).toBe(201);
    const counted = server.app.parts.quotas.create('registration-address', REGISTRATION_QUOTAS.address);
    expect((await counted.take(JSON.stringify([from, identityOf(SOFTWARE, '').key]))).isFirst).toBe(false);
    await statusesOf(refused.points + 10, () => register('wrong', { from }));
    expect((await register('wrong', { from })).status).toBe(429);
    expect((await register(token, { from })).status).toBe(201);
  }, 30_000);

  test('what comes without an enrolment token does not hold up what comes with one', async () => {
    const from = '203.0.113.50';
    const without = () => fetch(`${server.issuer}/register`, { method: 'POST', headers: { 'x-forwarded-for': from }, body: '{}' });
    const statuses = await statusesOf(refused.points + 1, without);
    expect(statuses.at(-1)).toBe(429);
    expect((await register(await enrolment(1), { from })).status).toBe(201);
  }, 30_000);

  test('the owner behind an enrolment token is bounded from wherever it is used; nothing is registered, and no use is lost', async () => {
    const { points } = REGISTRATION_QUOTAS.owner;
    const quota = server.app.parts.quotas.create('registration-owner', REGISTRATION_QUOTAS.owner);
    while ((await quota.take(server.miraId)).allowed);
    const token = await enrolment(1);
    const before = await server.app.parts.clients.count();
    const answer = await register(token, { from: '203.0.113.40' });
    expect([answer.status, await answer.json()]).toEqual([
      429,
      { error: 'temporarily_unavailable', error_description: expect.any(String) },
    ]);
    expect(answer.headers.get('ratelimit-policy')).toBe(`"registration-owner";q=${points};w=3600`);
    expect(await server.app.parts.clients.count()).toBe(before);
    clock.advance(hours(1));
    expect((await register(token, { from: '203.0.113.40' })).status).toBe(201);
  }, 30_000);

  /** The limits over the same counts, three at a time. */
  const smallLimits = (name: string) => {
    const { quotas } = server.app.parts;
    const create = (quota: string, size: { points: number; durationSeconds: number }) =>
      quotas.create(`${name}-${quota}`, { ...size, points: 3 });
    return createRegistrationLimits({ db: server.db, clock: systemClock, quotas: { create } });
  };

  test('one software is bounded from everywhere, and what was refused for it is not counted elsewhere', async () => {
    const limits = smallLimits('software');
    for (let turn = 0; turn < 3; turn += 1)
      await limits.admit({ address: `198.51.100.${turn}`, ownerId: `usr_${turn}`, softwareKey: 'editor' });
    const ninth = { address: '198.51.100.9', ownerId: 'usr_9' };
    await expect(limits.admit({ ...ninth, softwareKey: 'editor' })).rejects.toMatchObject({
      statusCode: 429,
      error: 'temporarily_unavailable',
    });
    for (const softwareKey of ['a', 'b', 'c']) await limits.admit({ ...ninth, softwareKey });
    await expect(limits.admit({ ...ninth, softwareKey: 'd' })).rejects.toMatchObject({ statusCode: 429 });
  });

  test('from one address the same software comes often; many different ones that nobody answers for do not', async () => {
    const limits = smallLimits('variety');
    const address = '198.51.100.20';
    for (const softwareKey of ['a', 'b', 'a', 'c', 'b']) await limits.admit({ address, softwareKey });
    await expect(limits.admit({ address, softwareKey: 'd' })).rejects.toMatchObject({ statusCode: 429 });
    await limits.admit({ address, softwareKey: 'a' });
    await limits.admit({ address, softwareKey: 'e', ownerId: 'usr_answers' });
    await expect(limits.admit({ address, softwareKey: 'a' })).rejects.toMatchObject({ statusCode: 429 });
    await limits.admit({ address: '198.51.100.21', softwareKey: 'f' });
  });
});
