import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/platform/log.ts';
import { CIBA_GRANT, createAgentClient, discover } from '../support/agent-client.ts';
import { createSend, type HttpExchange } from '../support/http-exchange.ts';
import { CHILD_GRANT, createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { createPerson } from '../support/person.ts';
import { basic as seededBasic } from '../support/seeding.ts';
import { startForeignIssuer } from '../support/foreign-issuer.ts';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { JWT_BEARER, makeClient } from '../identity-assertion/company.ts';

const RESOURCE = 'https://invoices.acme.test/mcp';
const REDIRECT = 'http://127.0.0.1:7777/callback';
const SECRET_MEMBERS = [
  ...['access_token', 'refresh_token', 'id_token', 'client_secret', 'registration_access_token', 'auth_req_id', 'device_code', 'user_code'],
  ...['request_uri', 'token', 'code', 'assertion'],
];
const PASSWORD = 'paper boats on the canal';

let server: InhabitedServer;
const lines: string[] = [];
const secrets = new Map<string, string>();

function keep(what: string, value: unknown): void {
  if (typeof value === 'string' && value.length > 7) secrets.set(value, what);
}

/** Notes every value that opens something, in whichever direction it travels. */
function observe({ request, headers, body, text }: HttpExchange): void {
  for (const name of SECRET_MEMBERS) {
    keep(name, body[name]);
    keep(name, new URLSearchParams(request.form).get(name));
  }
  for (const cookie of headers.getSetCookie()) keep('cookie', /^[^=]+=([^;]+)/.exec(cookie)?.[1]);
  const location = headers.get('location');
  if (location !== null) keep('code', new URL(location, request.url).searchParams.get('code'));
  for (const [, field] of text.matchAll(/name="csrf" value="([^"]+)"/g)) keep('csrf', field);
  keep('authorization', request.headers?.['authorization']?.split(' ')[1]);
}

beforeAll(async () => {
  const log = createLogger('trace', { write: (line: string) => void lines.push(line) });
  server = await createInhabitedServer({}, log);
  const send = createSend(observe);
  await server.resource(RESOURCE, ['invoices:read']);
  keep('password', PASSWORD);
  keep('setup code', /code (\S+)/.exec(server.greeting.join())?.[1]);
  keep('initial access token', await server.enrolmentToken());

  const software = await server.register({
    client_name: 'Invoice bot',
    redirect_uris: [REDIRECT],
    grant_types: [
      'authorization_code',
      'refresh_token',
      'client_credentials',
      CIBA_GRANT,
      CHILD_GRANT,
      'urn:ietf:params:oauth:grant-type:device_code',
    ],
    scope: 'openid offline_access invoices:read',
  });
  keep('client_secret', software.information['client_secret']);
  keep('registration_access_token', software.information['registration_access_token']);
  const metadata = await discover(server.issuer, send);
  const bot = createAgentClient(metadata, software, send);
  const mira = createPerson(server.issuer, { email: server.miraEmail, password: PASSWORD }, send);

  const what = { resource: RESOURCE, scope: 'openid offline_access invoices:read' };
  const pending = bot.authorizationRequest(what, REDIRECT);
  const callback = await mira.authorize(pending.url);
  const first = await bot.redeem(pending, callback);
  await bot.refresh(String(first.body['refresh_token']));
  await bot.clientCredentials({ resource: RESOURCE, scope: 'invoices:read' });
  const asked = await bot.askPerson(server.miraEmail, { resource: RESOURCE, scope: 'openid invoices:read' });
  await mira.decide('approve');
  await bot.poll(String(asked.body['auth_req_id']));
  const auth = { authorization: `Basic ${Buffer.from(`${software.clientId}:${software.clientSecret}`).toString('base64')}` };
  await send({ url: metadata.device_authorization_endpoint, form: what, headers: auth });
  const par = {
    ...what,
    client_id: software.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
  };
  const pushed = await send({ url: metadata.pushed_authorization_request_endpoint, form: par, headers: auth });
  expect(pushed.body).toHaveProperty('request_uri');
  const { value } = await server.app.parts.clients.provisioningTokens.connect(
    { name: 'Okta', hasGovernance: false, token: { access: 'write', addresses: [], ttl_seconds: 86_400 } },
    { kind: 'system', id: 'test' },
  );
  for (const token of [value, `${value}x`])
    await send({ url: `${server.issuer}/scim/v2/Agents`, headers: { authorization: `Bearer ${token}` } });
  await bot.introspect(value);
  keep('provisioning token', value);
  const room = { changes: { maxChildren: 2, maxChildDepth: 1 } };
  await server.app.parts.agents.update(software.agentId, room, { kind: 'account', id: 'usr_administrator', party: 'administrator' });
  const child = await bot.token({ grant_type: CHILD_GRANT });
  for (let use = 0; use < 2; use += 1)
    await send({
      url: metadata.registration_endpoint,
      headers: { authorization: `Bearer ${child.token}` },
      json: { client_name: 'Worker', grant_types: ['client_credentials'] },
    });
  keep('child enrolment token', child.token);
  const idp = await startForeignIssuer();
  const record = { name: 'Acme', kind: 'identity_provider', issuer: idp.issuer, jwks_uri: idp.jwksUri, domains: ['acme.test'] };
  await server.app.parts.trust.create(newTrustProvider.parse(record), { kind: 'system', id: 'test' });
  const ticketBot = await makeClient(server, { name: 'Ticket bot', owner: server.miraId });
  const claims = { sub: 'u-1', aud: server.issuer, client_id: ticketBot.clientId, resource: RESOURCE, scope: 'invoices:read' };
  const assertion = await idp.sign({ ...claims, email: server.miraEmail, email_verified: true }, { typ: 'oauth-id-jag+jwt' });
  for (let use = 0; use < 2; use += 1)
    await send({ url: metadata.token_endpoint, form: { grant_type: JWT_BEARER, assertion }, headers: seededBasic(ticketBot) });
  await idp.close();
  await bot.introspect(first.token);
  await bot.revoke(first.token);
  await send({
    url: metadata.token_endpoint,
    form: { grant_type: 'authorization_code', code: 'no-such-code-at-all', redirect_uri: REDIRECT },
    headers: auth,
  });
}, 60_000);

afterAll(() => server.close());

/** Every cell of every table as text; binary columns as PostgreSQL prints them, in hex. */
async function dump(): Promise<string> {
  const tables = await server.db.rows<{ name: string }>({
    name: 'tables',
    text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    values: [],
  });
  expect(tables.length).toBeGreaterThan(15);
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await server.db.rows<{ text: string }>({
        name: `dump-${name}`,
        text: `SELECT t::text AS text FROM "${name}" t`,
        values: [],
      });
      return rows.map(({ text }) => text).join('\n');
    }),
  );
  return texts.join('\n');
}

describe('what opens something', () => {
  test('was seen of every kind', () => {
    const kinds = new Set(secrets.values());
    const expected = [...SECRET_MEMBERS.filter((name) => name !== 'token'), 'cookie', 'csrf', 'authorization', 'password', 'setup code'];
    expected.push('provisioning token', 'child enrolment token');
    expect(expected.filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  test('R16: stands nowhere in a copy of the database, as text or as bytes', async () => {
    const text = await dump();
    const found = [...secrets].filter(([value]) => text.includes(value) || text.includes(Buffer.from(value).toString('hex')));
    expect(found.map(([, what]) => what)).toEqual([]);
  });

  test('R19: stands in no line of the log, at the most talkative level', () => {
    const text = lines.join('');
    expect(lines.length).toBeGreaterThan(10);
    expect([...secrets].filter(([value]) => text.includes(value)).map(([, what]) => what)).toEqual([]);
    for (const parameter of ['code_challenge', 'login_hint', server.miraEmail]) expect(text).not.toContain(parameter);
  });
});
