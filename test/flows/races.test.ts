import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSignInStore } from '../../src/sign-in/store.ts';
import { createConsentGrants } from '../../src/sign-in/consent-grants.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { assertionOf, basic, dpopProof, proofKey, type SeededClient, signedInCookie } from '../support/seeding.ts';
import type { Answer, Ask } from '../support/server-process.ts';
import { isActive, startTwoServers, type TwoServers } from '../support/two-servers.ts';

const ROUNDS = 20;
const PARALLEL = 20;
const RESOURCE = 'https://api.example/races';
const REDIRECT = 'https://client.example/cb';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';
const SCOPE = 'openid offline_access read';

let servers: TwoServers;
let own: SeededClient;
let publicClient: SeededClient;
let confidential: SeededClient;
let withKey: SeededClient;
let cookie: string;

beforeAll(async () => {
  servers = await startTwoServers();
  own = await servers.resource(RESOURCE);
  const people = { grant_types: ['authorization_code', 'refresh_token', DEVICE], redirect_uris: [REDIRECT] } as never;
  publicClient = await servers.agent('public', { token_endpoint_auth_method: 'none', ...(people as object) });
  const grants = ['authorization_code', 'refresh_token', 'client_credentials', CIBA];
  confidential = await servers.agent('confidential', { grant_types: grants, redirect_uris: [REDIRECT] } as never);
  withKey = await servers.agent('with a key', { token_endpoint_auth_method: 'private_key_jwt' });
  cookie = await signedInCookie(servers);
}, 60_000);
afterAll(() => servers?.close());

/** What every artifact of a person's consent stands on. */
async function consent({ clientId }: SeededClient) {
  const { Grant, Client } = servers.app.oidc.current();
  const grant = new Grant({ accountId: servers.accountId, clientId });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(RESOURCE, 'read');
  const client = await Client.find(clientId);
  const about = {
    client,
    accountId: servers.accountId,
    grantId: await grant.save(),
    scope: SCOPE,
    resource: RESOURCE,
    gty: 'authorization_code',
  };
  return about as never as Record<string, unknown>;
}

/** What one party presents `PARALLEL` times, spread over both servers. */
interface Race {
  readonly path: string;
  /** One request; `turn` numbers the parallel ones. */
  readonly request: (turn: number) => Ask;
  readonly hasWon: (answer: Answer) => boolean;
  /** What the losers are told. */
  readonly refusal: RegExp;
}

/** Presents one artifact many times at once; returns the one answer that succeeded. */
async function run({ path, request, hasWon, refusal }: Race): Promise<Answer> {
  const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, turn) => servers.ask(path, request(turn), turn)));
  const won = answers.filter(hasWon);
  const unexpected = answers.filter((answer) => !hasWon(answer) && !refusal.test(answer.text));
  expect(unexpected.map(({ status, text }) => `${status} ${text}`)).toEqual([]);
  expect(won).toHaveLength(1);
  return won[0] as Answer;
}

const tokenRace = (request: Race['request'], refusal = /"invalid_grant"/): Race => ({
  path: '/token',
  request,
  hasWon: ({ status }) => status === 200,
  refusal,
});

async function expectAlive(won: Answer, about: { readonly refreshes?: SeededClient } = {}): Promise<void> {
  const { access_token: token, refresh_token: refresh } = won.json() as { access_token: string; refresh_token?: string };
  expect(await isActive(servers, token, own)).toBe(true);
  if (about.refreshes === undefined) return;
  const form = { grant_type: 'refresh_token', refresh_token: String(refresh), client_id: about.refreshes.clientId };
  const refreshed = await servers.ask('/token', { form }, 1);
  expect([refreshed.status, refreshed.text]).toEqual([200, expect.any(String)]);
}

/** Runs `prepare` and the race it returns in every round; what is prepared for one round is used in that round alone. */
async function rounds(prepare: (round: number) => Promise<Race>, check: (won: Answer) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await check(await run(await prepare(round)));
}

async function authorizationCode(): Promise<Record<string, string>> {
  const { AuthorizationCode } = servers.app.oidc.current();
  const verifier = randomBytes(32).toString('base64url');
  const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
  const about = { ...(await consent(publicClient)), redirectUri: REDIRECT, codeChallenge, codeChallengeMethod: 'S256' };
  const code = await new AuthorizationCode(about as never).save();
  return { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT, client_id: publicClient.clientId };
}

describe('of 20 parallel uses over two servers exactly one succeeds, and what it got lives', () => {
  test('authorization code (RFC 6749 §4.1.2)', async () => {
    await rounds(
      async () => {
        const form = await authorizationCode();
        return tokenRace(() => ({ form }));
      },
      (won) => expectAlive(won, { refreshes: publicClient }),
    );
  }, 60_000);

  test('authorization code, each use with a DPoP proof of its own (RFC 9449 §5)', async () => {
    const key = proofKey();
    await rounds(
      async () => {
        const form = await authorizationCode();
        return tokenRace(() => ({ form, headers: { dpop: dpopProof(`${servers.issuer}/token`, key) } }));
      },
      (won) => expectAlive(won),
    );
  }, 60_000);

  test('device code (RFC 8628 §3.4)', async () => {
    const { DeviceCode } = servers.app.oidc.current();
    await rounds(
      async (round) => {
        const about = { ...(await consent(publicClient)), params: {}, userCode: `RACE${round}`, deviceInfo: {} };
        const value = await new DeviceCode(about as never).save();
        const form = { grant_type: DEVICE, device_code: value, client_id: publicClient.clientId };
        return tokenRace(() => ({ form }));
      },
      (won) => expectAlive(won, { refreshes: publicClient }),
    );
  }, 60_000);

  test('approved CIBA request (CIBA Core §10.1)', async () => {
    const { approvals } = servers.app.parts;
    const { accountId } = servers;
    await rounds(
      async () => {
        const form = { scope: 'openid read', resource: RESOURCE, login_hint: accountId };
        const asked = await servers.ask('/bc-authorize', { form, headers: basic(confidential) });
        expect([asked.status, asked.text]).toEqual([200, expect.any(String)]);
        const { items } = await approvals.list({ accountId, statuses: ['pending'], limit: 1 });
        const { approval, hash } = await approvals.getOwn(items[0]?.id ?? '', accountId);
        const session = { accountId, sessionUid: 'test', authTime: new Date() };
        await approvals.decide({ approvalId: approval.id, decision: 'approve', shown: hash, session });
        const redeemed = { grant_type: CIBA, auth_req_id: String(asked.json()['auth_req_id']) };
        return tokenRace(() => ({ form: redeemed, headers: basic(confidential) }));
      },
      (won) => expectAlive(won),
    );
  }, 60_000);

  test('pushed authorization request (RFC 9126 §7.3)', async () => {
    const { db, app, accountId } = servers;
    const { clientId } = confidential;
    const grants = createConsentGrants({
      provider: () => app.oidc.current(),
      store: createSignInStore(db),
      clock: systemClock,
      ids: randomIds,
    });
    await grants.write({ accountId, clientId }, (content) => {
      const grant = content as unknown as { addOIDCScope(scope: string): void; addResourceScope(resource: string, scope: string): void };
      grant.addOIDCScope('openid');
      grant.addResourceScope(RESOURCE, 'read');
    });
    const verifier = randomBytes(32).toString('base64url');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const pushed = { response_type: 'code', redirect_uri: REDIRECT, scope: 'openid read', resource: RESOURCE };
    await rounds(
      async () => {
        const form = { client_id: clientId, ...pushed, code_challenge: challenge, code_challenge_method: 'S256' };
        const answer = await servers.ask('/par', { form, headers: basic(confidential) });
        expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
        const query = new URLSearchParams({ client_id: clientId, request_uri: String(answer.json()['request_uri']) });
        return {
          path: `/authorize?${query}`,
          request: () => ({ headers: { cookie } }),
          hasWon: ({ headers }) => headers.location?.startsWith(`${REDIRECT}?code=`) === true,
          refusal: /error=invalid_request_uri/,
        };
      },
      async (won) => {
        const code = new URL(String(won.headers.location)).searchParams.get('code') ?? '';
        const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT };
        const answer = await servers.ask('/token', { form, headers: basic(confidential) }, 1);
        expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
        await expectAlive(answer);
      },
    );
  }, 60_000);

  test('client assertion (RFC 7523 §3)', async () => {
    await rounds(
      async () => {
        const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE, ...assertionOf(withKey, servers.issuer) };
        return tokenRace(() => ({ form }), /"invalid_client"/);
      },
      (won) => expectAlive(won),
    );
  }, 60_000);

  test('DPoP proof (RFC 9449 §11.1)', async () => {
    const key = proofKey();
    await rounds(
      async () => {
        const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE };
        const headers = { ...basic(confidential), dpop: dpopProof(`${servers.issuer}/token`, key) };
        return tokenRace(() => ({ form, headers }));
      },
      (won) => expectAlive(won),
    );
  }, 60_000);
});

describe('types of authorization details', () => {
  const by = { kind: 'account', id: 'usr_administrator' } as const;
  const slots = (type: string, maximum: number) => ({
    type,
    title: 'Slots',
    headline: { counted: 'hours', one: 'Take {items} hours', many: 'Take {items} hours' },
    schema: {
      type: 'object',
      properties: { type: { const: type }, hours: { type: 'integer', maximum, 'x-narrowing': 'upperBound' } },
      required: ['type', 'hours'],
      additionalProperties: false,
    },
  });
  const supportedBy = async (number: number) => {
    const answer = await servers.ask('/.well-known/oauth-authorization-server', {}, number);
    return (answer.json() as { authorization_details_types_supported: string[] }).authorization_details_types_supported;
  };
  const namedOn = (number: number, type: string, hours: number) =>
    servers.ask(
      '/token',
      {
        form: { grant_type: 'client_credentials', resource: RESOURCE, authorization_details: JSON.stringify([{ type, hours }]) },
        headers: basic(confidential),
      },
      number,
    );
  /** Waits until both servers know what a third one was told; answers how long that took. */
  const untilBoth = async (isSo: (types: readonly string[]) => boolean): Promise<number> => {
    const begun = performance.now();
    while (!(await Promise.all([supportedBy(0), supportedBy(1)])).every(isSo)) {
      if (performance.now() - begun > 5_000) throw new Error('a server does not hear of it');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return performance.now() - begun;
  };

  test('a change on one server is in force on every other by its word, before they look by themselves', async () => {
    const { details } = servers.app.parts;
    await details.create(slots('shared_slots', 12), by);
    expect(await untilBoth((types) => types.includes('shared_slots'))).toBeLessThan(4_000);
    expect((await namedOn(1, 'shared_slots', 12)).status).toBe(200);
    await details.update('shared_slots', { status: 'disabled' }, by);
    expect(await untilBoth((types) => !types.includes('shared_slots'))).toBeLessThan(4_000);
    expect((await namedOn(0, 'shared_slots', 12)).status).toBe(400);
  });

  test('whoever names a type first fixes its meaning, or finds it changed or gone: never both', async () => {
    const { details } = servers.app.parts;
    for (let round = 0; round < 6; round += 1) {
      const type = `slots_${round}`;
      await details.create(slots(type, 12), by);
      await untilBoth((types) => types.includes(type));
      const change = round % 2 === 0 ? details.remove(type, by) : details.update(type, { schema: slots(type, 6).schema }, by);
      const [changed, ...answers] = await Promise.all([
        change.then(
          () => true,
          () => false,
        ),
        ...Array.from({ length: PARALLEL }, (_, turn) => namedOn(turn, type, 12)),
      ]);
      const issued = answers.filter(({ status }) => status === 200).length;
      expect([type, changed, issued > 0]).toEqual([type, changed, !changed]);
      for (const { status, text } of answers) if (status !== 200) expect(text).toContain('invalid_authorization_details');
    }
  }, 30_000);
});

test('R8: one question between two agents, answered at both servers at once: one answer counts, and makes one delegation', async () => {
  const { app } = servers;
  const by = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
  const person = { email: `${randomIds.next('usr')}@example.com`, name: 'Sam', role: 'user' } as const;
  const { id: sam } = await app.parts.accounts.create(person, { kind: 'system', id: 'setup' });
  const about = { displayName: 'Receiver', owner: { kind: 'user', id: sam }, status: 'active', source: 'console' } as const;
  const { id: to } = await app.parts.agents.create(about, by);
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const wish = { from: confidential.agentId, to, resources: [RESOURCE], scopes: ['read'], until, reason: 'a race' };
  const { id } = await app.parts.tokenExchange.requests.askAsOwner(wish, sam);
  const path = `/me/delegations/${id}`;
  const page = await servers.ask(path, { headers: { cookie } });
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.text) ?? [];
  const cookies = [cookie, ...[page.headers['set-cookie'] ?? []].flat().map((each) => each.split(';')[0])].join('; ');
  const answers = await Promise.all(
    Array.from({ length: PARALLEL }, (_, turn) =>
      servers.ask(path, { headers: { cookie: cookies }, form: { csrf, decision: turn % 3 === 0 ? 'decline' : 'approve' } }, turn),
    ),
  );
  expect(answers.map(({ status }) => status).toSorted()).toEqual([303, ...Array.from({ length: PARALLEL - 1 }, () => 409)]);
  const { outcome, delegationId } = await app.parts.tokenExchange.requests.get(id);
  const { delegations } = await app.parts.tokenExchange.delegations.list({ agentId: to, limit: 50 });
  expect(delegations.map((one) => one.id)).toEqual(outcome === 'approved' ? [delegationId] : []);
}, 30_000);
