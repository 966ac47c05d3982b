import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { eventWords } from '../../src/audit/index.ts';
import { createRefreshTokenStore, hashOf } from '../../src/oidc/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { ACCESS_TOKEN, basic, EXCHANGE, proofKey } from '../support/seeding.ts';
import { type Connecting, connecting, REDIRECT_URI } from './connection.ts';

const days = (count: number) => hours(24 * count);
const WANTED = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI] };

let server: InhabitedServer;
let resource: string;
let asked: { resource: string; scope: string };

beforeAll(async () => {
  server = await createInhabitedServer();
  resource = await server.resource('https://invoices.acme.test/mcp');
  asked = { resource, scope: 'read' };
}, 60_000);
afterAll(async () => {
  // the clock only goes on, as clocks do: limits and sessions would not understand one that goes back
  clock.reset();
  await server.close();
});

const register = async (name: string, more: object = {}) => {
  const { clientId, clientSecret } = await server.register({ ...WANTED, client_name: name, token_endpoint_auth_method: 'none', ...more });
  return { clientId, clientSecret };
};
const editor = async (name: string): Promise<Connecting> => connecting(server, await register(name));
const withSecret = async (name: string): Promise<Connecting> =>
  connecting(server, await register(name, { token_endpoint_auth_method: 'client_secret_basic' }));

async function isAlive(jwt: string): Promise<boolean> {
  return (await server.app.parts.tokens.verify(jwt)) !== undefined;
}

async function eventsOf(clientId: string, type: string) {
  const { events } = await server.app.parts.audit.list({ limit: 200 });
  return events.map(({ event }) => event).filter((event) => event.type === type && event.clientId === clientId);
}

describe('a replay after the window', () => {
  test('ends the connection, is told once in words, and leaves consent and other connections alone', async () => {
    const client = await editor('Replayed');
    const [one, other] = [await client.connect(server.mira, asked), await client.connect(server.mira, asked)];
    const winner = await client.refresh(one.refresh);
    clock.advance(seconds(61));
    expect(await client.refresh(one.refresh)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await Promise.all([one, winner].map(({ access }) => isAlive(access)))).toEqual([false, false]);
    expect((await client.refresh(winner.refresh)).status).toBe(400);
    expect((await client.refresh(one.refresh)).status).toBe(400);
    const events = await eventsOf(client.clientId, 'refresh_token.replayed');
    const agent = await server.app.parts.agents.findByClient(client.clientId);
    expect(events).toEqual([
      expect.objectContaining({
        subjectId: server.miraId,
        agentId: agent?.id,
        remedy: 'ended the connection and 2 access tokens of it; the person signs in again',
      }),
    ]);
    expect(eventWords({ type: 'refresh_token.replayed' })).toMatchObject({ word: 'Replayed', tone: 'stop' });
    expect(await isAlive(other.access)).toBe(true);
    expect((await client.refresh(other.refresh)).status).toBe(200);
    // the person is not asked again: what they allowed still stands
    expect((await server.mira.reachConsent(client.request(asked))).leftTo?.searchParams.get('code')).toEqual(expect.any(String));
  });

  test('ends what was exchanged from it, too (RFC 8693)', async () => {
    const client = await editor('Handing on');
    const helper = await server.register({ client_name: 'Helper', grant_types: [EXCHANGE] });
    const { agents, tokenExchange } = server.app.parts;
    const from = (await agents.findByClient(client.clientId))?.id ?? '';
    const until = new Date(Date.now() + days(1)).toISOString();
    const delegation = { from, to: helper.agentId, resources: [resource], scopes: ['read'], until };
    await tokenExchange.delegations.create(delegation as never, { kind: 'account', id: 'usr_administrator' });
    const first = await client.connect(server.mira, asked);
    const { access } = await client.refresh(first.refresh);
    const form = { grant_type: EXCHANGE, subject_token: access, subject_token_type: ACCESS_TOKEN, resource, scope: 'read' };
    const headers = basic({ clientId: helper.clientId, secret: helper.clientSecret });
    const answer = await fetch(`${server.issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
    const { access_token: child } = (await answer.json()) as { access_token: string };
    expect(await isAlive(child)).toBe(true);
    clock.advance(seconds(61));
    await client.refresh(first.refresh);
    expect(await Promise.all([access, child].map(isAlive))).toEqual([false, false]);
  });

  test('the successor is forgotten with the window, and never lies there in clear', async () => {
    const client = await editor('Forgotten');
    const first = await client.connect(server.mira, asked);
    await client.refresh(first.refresh);
    const kept = async () => {
      const text = 'SELECT successor FROM oidc_artifacts WHERE id_hash = $1';
      return (await server.db.row<{ successor: Buffer | null }>({ name: 'kept', text, values: [hashOf(first.refresh)] }))?.successor;
    };
    expect(await kept()).toEqual(expect.any(Uint8Array));
    const job = server.app.capabilities.flatMap(({ jobs }) => jobs ?? []).find(({ name }) => name === 'refresh-successors');
    await job?.run();
    expect(await kept()).not.toBeNull();
    clock.advance(seconds(61));
    await job?.run();
    expect(await kept()).toBeNull();
  });

  test.each([
    ['a client with a secret', async () => withSecret('Once public')],
    ['a token bound to a key', async () => connecting(server, { ...(await register('Bound once')), key: proofKey() })],
  ])('there is no window for %s: a race is refused, a replay ends everything', async (_name, make) => {
    const client = await make();
    const first = await client.connect(server.mira, asked);
    // how such a token comes to be used: its client was another kind of client then
    const store = createRefreshTokenStore({ db: server.db, vault: server.vault, clock: systemClock });
    await store.claim(first.refresh);
    expect((await client.refresh(first.refresh)).body).toMatchObject({ error: 'invalid_grant' });
    expect(await isAlive(first.access)).toBe(true);
    clock.advance(seconds(10));
    expect((await client.refresh(first.refresh)).body).toMatchObject({ error: 'invalid_grant' });
    expect(await isAlive(first.access)).toBe(false);
    expect(await eventsOf(client.clientId, 'refresh_token.replayed')).toHaveLength(1);
  });

  test('another client that found a replaced token ends nothing with it', async () => {
    const [client, thief] = [await editor('Mine'), await editor('Thief')];
    const first = await client.connect(server.mira, asked);
    const second = await client.refresh(first.refresh);
    clock.advance(minutes(2));
    expect((await thief.refresh(first.refresh)).status).toBe(400);
    expect((await client.refresh(second.refresh)).status).toBe(200);
  });
});

describe('RFC 6749 §4.1.2: a code that is used again', () => {
  test('a moment later is a race; after that it ends what came of it, and nothing else of the grant', async () => {
    for (const client of [await editor('Reloaded'), await withSecret('Reloaded by a server')]) {
      const other = await client.connect(server.mira, asked);
      const callback = await server.mira.authorize(client.request(asked));
      const first = await client.redeem(callback);
      expect((await client.redeem(callback)).body).toMatchObject({ error: 'invalid_grant' });
      expect(await isAlive(first.access)).toBe(true);
      clock.advance(seconds(11));
      for (const time of [1, 2]) expect([time, (await client.redeem(callback)).body]).toMatchObject([time, { error: 'invalid_grant' }]);
      expect(await isAlive(first.access)).toBe(false);
      expect((await client.refresh(first.refresh)).status).toBe(400);
      expect(await isAlive(other.access)).toBe(true);
      expect((await client.refresh(other.refresh)).status).toBe(200);
      expect(await eventsOf(client.clientId, 'token.replayed')).toEqual([
        expect.objectContaining({ cause: 'the code it began with was used again', subjectId: server.miraId }),
      ]);
      expect((await server.mira.reachConsent(client.request(asked))).leftTo?.searchParams.get('code')).toEqual(expect.any(String));
    }
  });
});

describe('RFC 7009 §2.1: revoking a refresh token', () => {
  test('ends its connection with what it was replaced by and what was made from it; the others and the consent stay', async () => {
    const client = await editor('Leaving');
    const [one, other] = [await client.connect(server.mira, asked), await client.connect(server.mira, asked)];
    const next = await client.refresh(one.refresh);
    expect(await client.revoke(next.refresh)).toBe(200);
    expect(await Promise.all([one.access, next.access, other.access].map(isAlive))).toEqual([false, false, true]);
    for (const token of [one.refresh, next.refresh]) expect((await client.refresh(token)).status).toBe(400);
    expect((await client.refresh(other.refresh)).status).toBe(200);
    expect(await eventsOf(client.clientId, 'refresh_token.replayed')).toEqual([]);
    expect((await server.mira.reachConsent(client.request(asked))).leftTo?.searchParams.get('code')).toEqual(expect.any(String));
  });
});

describe('offline_access decides nothing', () => {
  test('with it, without it, without prompt=consent: a refresh token, and it is never a scope of the access token', async () => {
    const client = await editor('Offline');
    for (const scope of ['read', 'read offline_access', 'openid read offline_access']) {
      const { refresh, access } = await client.connect(server.mira, { resource, scope });
      expect([scope, refresh]).toEqual([scope, expect.stringMatching(/.{40}/)]);
      expect(decodeJwt(access)['scope']).toBe('read');
      const renewed = await client.refresh(refresh);
      expect([renewed.status, decodeJwt(renewed.access)['scope']]).toEqual([200, 'read']);
    }
  });

  test('who is not registered for it gets none', async () => {
    const client = connecting(server, await register('Short', { grant_types: ['authorization_code'] }));
    expect((await client.connect(server.mira, { resource, scope: 'read offline_access' })).refresh).toBe('');
  });
});

describe('what the drift test does not see', () => {
  test.each([
    ['oidc_artifacts_family_hash_idx', '(family_hash) WHERE (family_hash IS NOT NULL)'],
    ['oidc_artifacts_successor_idx', '(consumed_at) WHERE (successor IS NOT NULL)'],
    ['token_ledger_family_hash_idx', '(family_hash) WHERE (family_hash IS NOT NULL)'],
  ])('%s', async (name, definition) => {
    const text = 'SELECT indexdef FROM pg_indexes WHERE indexname = $1';
    const index = await server.db.row<{ indexdef: string }>({ name: 'index', text, values: [name] });
    expect(index?.indexdef).toContain(definition);
  });

  test('ended_refresh_families holds what was ended, and what is purged is what nothing could be alive of', async () => {
    const familyHash = hashOf('a family');
    const store = createRefreshTokenStore({ db: server.db, vault: server.vault, clock: systemClock });
    const until = new Date(Date.now() + days(1));
    expect([await store.endFamily(familyHash, until), await store.endFamily(familyHash, until)]).toEqual([true, false]);
    const isEnded = async () => {
      const text = 'SELECT family_hash FROM ended_refresh_families WHERE family_hash = $1';
      return (await server.db.row({ name: 'ended', text, values: [familyHash] })) !== undefined;
    };
    expect(await isEnded()).toBe(true);
    await server.app.parts.artifacts.purge(500);
    expect(await isEnded()).toBe(true);
    clock.advance(days(1) + minutes(1));
    await server.app.parts.artifacts.purge(500);
    expect(await isEnded()).toBe(false);
  });
});

describe('how long a connection lasts', () => {
  test('a rotated token: 14 days unused, 90 days in all', async () => {
    const client = await editor('Long');
    const idle = await client.connect(server.mira, asked);
    let { refresh } = await client.connect(server.mira, asked);
    const next = async () => {
      const answer = await client.refresh(refresh);
      if (answer.status === 200) refresh = answer.refresh;
      return answer.status;
    };
    clock.advance(days(13));
    expect(await next()).toBe(200);
    clock.advance(days(1));
    expect((await client.refresh(idle.refresh)).status).toBe(400);
    for (const pause of [12, 13, 13, 13, 13]) {
      clock.advance(days(pause));
      expect(await next()).toBe(200);
    }
    clock.advance(days(12) - minutes(1));
    expect(await next()).toBe(200);
    clock.advance(minutes(2));
    expect(await next()).toBe(400);
  }, 30_000);

  test.each([
    ['a client with a secret', () => withSecret('Server side')],
    ['a public client with a key', async () => connecting(server, { ...(await register('Bound')), key: proofKey() })],
  ])(
    'a kept token of %s: moved on by use, 14 days unused, 90 days in all',
    async (_name, make) => {
      const client = await make();
      const { refresh } = await client.connect(server.mira, asked);
      const idle = (await client.connect(server.mira, asked)).refresh;
      for (let time = 0; time < 6; time += 1) {
        clock.advance(days(13));
        const answer = await client.refresh(refresh);
        expect([answer.status, answer.refresh]).toEqual([200, refresh]);
        if (time === 1) expect((await client.refresh(idle)).status).toBe(400);
      }
      clock.advance(days(12) - minutes(1));
      expect((await client.refresh(refresh)).status).toBe(200);
      clock.advance(minutes(2));
      expect((await client.refresh(refresh)).status).toBe(400);
    },
    30_000,
  );

  test('the answer of a person outlives every connection that began with it: when it would not, they are asked anew', async () => {
    const client = await editor('Yearly');
    await client.connect(server.anotherBrowser(), asked);
    clock.advance(days(270));
    const silent = await server.anotherBrowser().reachConsent(client.request(asked));
    expect(silent.leftTo?.searchParams.get('code')).toEqual(expect.any(String));
    clock.advance(days(10));
    const person = server.anotherBrowser();
    const page = await person.reachConsent(client.request(asked));
    expect(page.words).toContain('Signed in as');
    let { refresh } = await client.redeem(await person.authorize(client.request(asked)));
    for (let time = 0; time < 6; time += 1) {
      clock.advance(days(13));
      const answer = await client.refresh(refresh);
      expect(answer.status).toBe(200);
      refresh = answer.refresh;
    }
    // 358 days after the first answer, which the second one renewed
    clock.advance(days(11));
    expect((await client.refresh(refresh)).status).toBe(200);
  }, 30_000);
});
