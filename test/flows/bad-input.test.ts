import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import { ACCESS_TOKEN_TYPE, basic, EXCHANGE_GRANT } from '../support/agent-client.ts';
import { consentTo, type DelegationStory, playDelegation } from '../support/delegation-story.ts';

let story: DelegationStory;
let api: string;
beforeAll(async () => {
  story = await playDelegation();
  api = story.managementToken;
}, 60_000);
afterAll(() => story.server.close());

interface Raw {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Sends exactly this. */
async function sendRaw(path: string, init: RequestInit): Promise<Raw> {
  const response = await fetch(`${story.server.issuer}${path}`, { method: 'POST', redirect: 'manual', ...init });
  return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
}

/** Rows of everything that a request could leave behind, but for what is said about it: decisions, audit, rate limits. */
async function stored(): Promise<Record<string, number>> {
  const tables = await story.server.db.rows<{ name: string }>({
    name: 'test_tables',
    text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
           AND table_name !~ 'audit|decision|throttle|quota|replay|session|interaction' ORDER BY 1`,
    values: [],
  });
  const counts = tables.map(async ({ name }) => {
    const text = `SELECT count(*)::int AS count FROM "${name}"`;
    return [name, (await story.server.db.row<{ count: number }>({ name: `test_count_${name}`, text, values: [] }))?.count ?? 0] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

const FORM = 'application/x-www-form-urlencoded';
const LARGE = 'x'.repeat(2_000_000);
const BODIES: readonly (readonly [string, string, string])[] = [
  ['nothing', FORM, ''],
  ['no content type', '', 'grant_type=client_credentials'],
  ['JSON where a form belongs', 'application/json', '{"grant_type":"client_credentials"}'],
  ['a form where JSON belongs', FORM, 'name=x'],
  ['broken JSON', 'application/json', '{"name":'],
  ['JSON that is no object', 'application/json', '[[[]]]'],
  ['a prototype', 'application/json', '{"__proto__":{"isAdmin":true},"constructor":1}'],
  ['deep nesting', 'application/json', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['duplicates', FORM, 'grant_type=client_credentials&grant_type=client_credentials&token=a&token=b&scope=a&scope=b&resource=a'],
  ['brackets', FORM, 'grant_type[]=x&token[a]=b&scope[__proto__]=c'],
  ['null bytes', FORM, 'grant_type=%00&token=%00&scope=%00&login_hint=%00&client_id=%00'],
  ['no UTF-8', FORM, 'grant_type=%ff%fe&token=%ff&scope=%c0%80'],
  ['far too much', FORM, `token=${LARGE}&scope=${LARGE}`],
  ['a bad resource', FORM, 'grant_type=client_credentials&resource=%23fragment&scope=read&token=x'],
  ['a bad assertion', FORM, 'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.e30.e30&token=x'],
  ['bad details', FORM, 'grant_type=client_credentials&resource=https%3A%2F%2Finvoices.acme.test%2Fmcp&authorization_details=%7B'],
];
const OAUTH = ['/token', '/introspect', '/revoke', '/par', '/bc-authorize', '/device_authorization', '/register'];
const OWN = [
  ...[
    '/api/v1/resource-servers',
    '/api/v1/clients',
    '/api/v1/initial-access-tokens',
    '/api/v1/delegations',
    '/scim/v2/Agents',
    '/api/v1/trust-providers',
  ],
  ...[
    '/api/v1/authorization-detail-types',
    '/api/v1/resource-servers/x/clients',
    '/api/v1/approvals/x/decision',
    '/scim/v2/Bulk',
    '/nowhere',
  ],
];

const headersFor = (type: string, authorization: string) => ({ authorization, ...(type === '' ? {} : { 'content-type': type }) });
/** Nothing of how the server is built, and an answer a program can read. */
function expectRefusal(path: string, { status, text }: Raw, what: string): void {
  expect([path, what, status >= 400 && status < 500, status]).toEqual([path, what, true, status]);
  expect(text).not.toMatch(/node_modules|\.ts:\d|\.js:\d|at \w+ \(|SELECT |prisma/i);
}

describe('what no client should send', () => {
  test.each(OAUTH)(
    '%s answers every malformed body with an OAuth error and stores nothing (RFC 6749 §5.2)',
    async (path) => {
      const before = await stored();
      const { authorization = '' } = basic(story.assistant.clientId, story.assistant.clientSecret);
      for (const [what, type, body] of BODIES) {
        const answer = await sendRaw(path, { headers: headersFor(type, authorization), body: Buffer.from(body) });
        // RFC 7009 §2.2: a token that is not known is no error; RFC 7662 §2.2: nor is it active
        const isFine = answer.status === 200 && (answer.text === '' || answer.text === '{"active":false}');
        if (!isFine) expectRefusal(path, answer, what);
        if (!isFine) expect(JSON.parse(answer.text)).toEqual(expect.objectContaining({ error: expect.any(String) }));
      }
      expect(await stored()).toEqual(before);
    },
    60_000,
  );

  test.each(OWN)(
    '%s answers every malformed body in its own format and stores nothing',
    async (path) => {
      const before = await stored();
      for (const [what, type, body] of BODIES) {
        const token = path.startsWith('/scim') ? story.scimToken : api;
        const answer = await sendRaw(path, { headers: headersFor(type, `Bearer ${token}`), body: Buffer.from(body) });
        expectRefusal(path, answer, what);
        expect([what, answer.status]).not.toEqual([what, 401]);
        const format = path.startsWith('/scim') ? 'application/scim+json' : 'application/problem+json';
        if (path !== '/nowhere') expect([what, answer.type]).toEqual([what, expect.stringContaining(format)]);
      }
      expect(await stored()).toEqual(before);
    },
    60_000,
  );

  test('a null byte in a SCIM value is the fault of whoever sent it (RFC 7644 §3.12)', async () => {
    const before = await stored();
    const answer = await sendRaw('/scim/v2/Agents', {
      headers: headersFor('application/scim+json', `Bearer ${story.scimToken}`),
      body: JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:Agent'], name: 'a\u0000b', displayName: 'A\u0000' }),
    });
    expectRefusal('/scim/v2/Agents', answer, 'a null byte');
    expect(JSON.parse(answer.text)).toEqual(expect.objectContaining({ status: '400', scimType: 'invalidValue' }));
    expect(await stored()).toEqual(before);
  });

  test('foreign, unsigned, changed and misdirected tokens open nothing', async () => {
    const { parent, server, assistant } = story;
    const [header = '', payload = '', signature = ''] = api.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const wider = Buffer.from(JSON.stringify({ ...claims, scope: 'admin:read admin:write approvals:decide' })).toString('base64url');
    const tokens = [
      ['unsigned (RFC 8725 §3.1)', new UnsecuredJWT(claims).encode()],
      ['changed', `${header}.${wider}.${signature}`],
      ['for another resource (RFC 9068 §4)', parent.token],
      ['a refresh token', String(parent.body['refresh_token'])],
      ['a client secret', assistant.clientSecret],
      ['empty', ''],
      ['long', 'a'.repeat(7_000)],
    ] as const;
    for (const [what, token] of tokens) {
      for (const path of ['/api/v1/clients', '/scim/v2/Agents']) {
        const answer = await sendRaw(path, { method: 'GET', headers: { authorization: `Bearer ${token}` } });
        expect([what, path, answer.status]).toEqual([what, path, 401]);
      }
      const asked = await assistant.client.introspect(token);
      const isOwn = token === String(parent.body['refresh_token']) || token === parent.token;
      if (!isOwn && token !== '') expect([what, asked.text]).toEqual([what, '{"active":false}']);
      const form = { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN_TYPE, resource: story.resource };
      const exchanged = await assistant.client.token(form);
      if (token !== parent.token) expect([what, exchanged.status]).toEqual([what, 400]);
    }
    expect(server.issuer).toBe(claims['iss']);
  });

  test('an authorization request that is malformed never leads away from the server (RFC 9700 §2.1)', async () => {
    const { clientId } = story.assistant;
    const good = {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1:49152/callback',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    };
    const changes: Record<string, string>[] = [
      { redirect_uri: 'https://evil.test/callback' },
      { redirect_uri: 'http://127.0.0.1:49152/callback/../other' },
      { redirect_uri: 'http://127.0.0.1:49152/callback?x=1' },
      { redirect_uri: 'http://127.0.0.1.evil.test/callback' },
      { client_id: 'cli_nobody' },
      { client_id: `${clientId}\u0000` },
    ];
    for (const change of changes) {
      const query = new URLSearchParams({ ...good, ...change }).toString();
      const answer = await sendRaw(`/authorize?${query}`, { method: 'GET', headers: { accept: 'text/html' } });
      expect([change, answer.status]).toEqual([change, 400]);
    }
    // RFC 7636 §4.4.1: refused towards the client, not to be continued
    const plain = new URLSearchParams({ ...good, code_challenge_method: 'plain' }).toString();
    const page = await story.mira.open(`${story.server.issuer}/authorize?${plain}`);
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_request');
  });

  test('U+0000, which no database column holds, is the caller’s fault wherever it stands', async () => {
    const { authorization = '' } = basic('cli_\u0000', 'secret');
    const engine = await sendRaw('/token', { headers: headersFor(FORM, authorization), body: 'grant_type=client_credentials' });
    expect([engine.status < 500, JSON.parse(engine.text)]).toEqual([true, expect.objectContaining({ error: expect.any(String) })]);
    const { authorization: own = '' } = basic(story.assistant.clientId, story.assistant.clientSecret);
    const hint = await sendRaw('/bc-authorize', { headers: headersFor(FORM, own), body: 'login_hint=a%00b&scope=openid' });
    expect([hint.status, hint.text]).toEqual([400, expect.stringContaining('"error"')]);
    const headers = { authorization: `Bearer ${api}` };
    for (const path of ['/api/v1/clients/%00', '/scim/v2/Agents/%00', '/scim/v2/Agents?filter=displayName%20eq%20%22%5Cu0000%22']) {
      const answer = await sendRaw(path, { method: 'GET', headers });
      expect([path, answer.status < 500]).toEqual([path, true]);
    }
    const page = await story.ada.visit('/console/people?q=%00');
    expect(page.status).toBeLessThan(500);
  });

  test('two consent pages side by side are answered one by one', async () => {
    const { assistant, mira, resource } = story;
    const tabs = ['read', 'pay'].map((scope) =>
      assistant.client.authorizationRequest({ resource, scope }, 'http://127.0.0.1:49152/callback'),
    );
    const [first, second] = tabs;
    if (first === undefined || second === undefined) throw new Error('two tabs');
    const firstPage = await mira.reachConsent(first.url);
    const secondPage = await mira.reachConsent(second.url);
    const afterFirst = await mira.send(firstPage, 'decision', { press: ['decision', 'allow'] });
    const afterSecond = await mira.send(secondPage, 'decision', { press: ['decision', 'allow'] });
    const one = await assistant.client.redeem(first, afterFirst.leftTo ?? afterFirst.url);
    const two = await assistant.client.redeem(second, afterSecond.leftTo ?? afterSecond.url);
    expect([one.claims['scope'], two.claims['scope']]).toEqual(['read', 'pay']);
    await consentTo(assistant, mira, { resource, scope: 'read pay' });
  });
});
