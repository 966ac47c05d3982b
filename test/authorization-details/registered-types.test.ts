import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type AgentClient, createAgentClient, discover, type ServerMetadata, type TokenAnswer } from '../support/agent-client.ts';
import { createSend } from '../support/http-exchange.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { createPerson, type Person } from '../support/person.ts';

const PIPELINE = { clientId: 'pipeline', secret: 'a-secret-of-at-least-32-characters' };
const ADA = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const MCP = 'https://rooms.acme.test/mcp';
const REDIRECT = 'http://127.0.0.1:49152/callback';
const PATH = '/api/v1/authorization-detail-types';
const CONSOLE = '/console/authorization-detail-types';
const GRANTS = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:token-exchange',
];
const ROOMS = {
  type: 'room_booking',
  title: 'Book rooms',
  headline: { counted: 'rooms', one: 'Book {items} at {resource}', many: 'Book {count} rooms at {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'room_booking' },
      rooms: {
        ...{ type: 'array', items: { type: 'string', maxLength: 40 }, minItems: 1, uniqueItems: true },
        ...{ 'x-narrowing': 'subset', 'x-absent': 'nothing', 'x-label': 'Rooms' },
      },
      hours: {
        ...{ type: 'integer', minimum: 1, maximum: 12, 'x-narrowing': 'upperBound' },
        ...{ 'x-label': 'Length', 'x-phrase': 'at most {value}', 'x-unit': { one: 'hour', many: 'hours' } },
      },
    },
    required: ['type', 'rooms'],
    additionalProperties: false,
  },
};
const BLUE = { type: 'room_booking', rooms: ['blue'], hours: 2, locations: undefined };
const GRANTED = { type: 'room_booking', rooms: ['blue', 'red'], hours: 8 };

let server: InhabitedServer;
let metadata: ServerMetadata;
let planner: RegisteredSoftware & { client: AgentClient };
let porter: RegisteredSoftware & { client: AgentClient };
let mira: Person;
let ada: Person;
let headers: Record<string, string>;
let granted: TokenAnswer;
const send = createSend();

beforeAll(async () => {
  server = await createInhabitedServer({ firstAdministrator: ADA, bootstrapClient: PIPELINE });
  await server.resource(MCP, ['book']);
  metadata = await discover(server.issuer, send);
  const register = async (client_name: string) => {
    const software = await server.register({ client_name, redirect_uris: [REDIRECT], grant_types: GRANTS });
    return { ...software, client: createAgentClient(metadata, software, send) };
  };
  [planner, porter] = [await register('Planner'), await register('Porter')];
  mira = createPerson(server.issuer, server.miraCredentials, send);
  ada = createPerson(server.issuer, ADA, send);
  const pipeline = createAgentClient(metadata, { clientId: PIPELINE.clientId, clientSecret: PIPELINE.secret }, send);
  const tokenFor = (scope: string) => pipeline.clientCredentials({ resource: `${server.issuer}/api/v1`, scope });
  headers = { authorization: `Bearer ${(await tokenFor('admin:read admin:write')).token}` };
}, 60_000);
afterAll(() => server?.close());

const api = (method: string, path: string, json?: unknown) =>
  send({ method, url: `${server.issuer}${path}`, headers, ...(json === undefined ? {} : { json }) });
const supported = async () =>
  ((await discover(server.issuer, send)) as unknown as Record<string, unknown>)['authorization_details_types_supported'];
const own = (details: readonly object[]) => planner.client.clientCredentials({ resource: MCP, authorization_details: details });
const refusal = ({ body }: { body: Readonly<Record<string, unknown>> }) => [body['error'], body['error_description']];
const withMember = (name: string, schema: object) => ({ ...ROOMS.schema, properties: { ...ROOMS.schema.properties, [name]: schema } });

describe('a type is data: it is registered while the server runs', () => {
  test('a definition that is no good is refused, naming the place', async () => {
    const faulty: readonly (readonly [object, string, number])[] = [
      [{ ...ROOMS, schema: withMember('code', { type: 'string', pattern: '(a+)+$' }) }, '/schema/properties/code/pattern', 400],
      [{ ...ROOMS, schema: withMember('hours', { type: 'string', 'x-narrowing': 'upperBound' }) }, '/schema/properties/hours', 400],
      [{ ...ROOMS, headline: { ...ROOMS.headline, one: 'Book {hours}' } }, '/headline/one', 400],
      [{ ...ROOMS, schema: withMember('note', { type: 'string', 'x-phrase': 'a bit' }) }, '/schema/properties/note/x-phrase', 400],
      [{ ...ROOMS, title: 'Book r\u202eooms' }, '/title', 400],
      [{ ...ROOMS, example: { type: 'room_booking', rooms: [] } }, '/example/rooms', 400],
      [{ ...ROOMS, type: 'api_call', schema: withMember('type', { const: 'api_call' }) }, '/type', 409],
      [{ ...ROOMS, type: 'Api_Call', schema: withMember('type', { const: 'Api_Call' }) }, '/type', 409],
      [{ ...ROOMS, type: '__proto__' }, '/type', 400],
    ];
    for (const [definition, member, status] of faulty) {
      const answer = await api('POST', PATH, definition);
      expect([answer.status, answer.body['member'], answer.headers.get('content-type')]).toEqual([
        status,
        member,
        expect.stringContaining('application/problem+json'),
      ]);
    }
    expect((await own([BLUE])).status).toBe(400);
  });

  test('a request can name it from the moment it is registered, and discovery lists it (RFC 9396 §10)', async () => {
    expect((await api('POST', PATH, ROOMS)).status).toBe(201);
    expect(await supported()).toEqual(['mcp_tool_call', 'api_call', 'payment_initiation', 'data_access', 'room_booking']);
    expect((await api('POST', PATH, ROOMS)).status).toBe(409);
    const { body } = await api('GET', `${PATH}/room_booking`);
    expect(body).toMatchObject({ ...ROOMS, status: 'active', built_in: false, used: false });
    expect(Object.keys((body['schema'] as typeof ROOMS.schema).properties)).toEqual(['type', 'rooms', 'hours']);
    const events = (await api('GET', '/api/v1/audit/events?type=detail_type.created')).body['items'] as readonly Record<string, unknown>[];
    expect(events).toEqual([expect.objectContaining({ resource: 'room_booking' })]);
  });

  test('until a request names it, it may change in any way, or go', async () => {
    const shorter = withMember('hours', { ...ROOMS.schema.properties.hours, maximum: 6 });
    expect((await api('PATCH', `${PATH}/room_booking`, { schema: shorter })).status).toBe(200);
    expect((await api('PATCH', `${PATH}/room_booking`, { schema: ROOMS.schema })).status).toBe(200);
    expect((await api('DELETE', `${PATH}/room_booking`)).status).toBe(204);
    expect((await api('GET', `${PATH}/room_booking`)).status).toBe(404);
    expect((await api('POST', PATH, ROOMS)).status).toBe(201);
  });
});

test('a delegation that names it fixes its meaning, too', async () => {
  const handed = { ...ROOMS, type: 'handed_on', schema: withMember('type', { const: 'handed_on' }) };
  expect((await api('POST', PATH, handed)).status).toBe(201);
  const about = { from: porter.agentId, to: planner.agentId, resources: [MCP], scopes: ['book'] };
  const until = new Date(Date.now() + 3_600_000).toISOString();
  expect((await api('POST', '/api/v1/delegations', { ...about, until, authorization_details_types: ['handed_on'] })).status).toBe(201);
  expect((await api('DELETE', `${PATH}/handed_on`)).status).toBe(409);
  expect((await api('PATCH', `${PATH}/handed_on`, { status: 'disabled' })).status).toBe(200);
});

describe('it works wherever details do', () => {
  const wide = [{ ...GRANTED, hours: 9 }];

  test('pushed authorization request, consent in its words, token, introspection', async () => {
    const pending = planner.client.authorizationRequest(
      { resource: MCP, scope: 'book offline_access', authorization_details: [GRANTED] },
      REDIRECT,
    );
    const form = new URL(pending.url).searchParams;
    form.set('prompt', 'consent');
    const basic = { authorization: `Basic ${btoa(`${planner.clientId}:${planner.clientSecret}`)}` };
    const pushed = await send({ url: metadata.pushed_authorization_request_endpoint, form, headers: basic });
    expect(pushed.status).toBe(201);
    const query = new URLSearchParams({ client_id: planner.clientId, request_uri: String(pushed.body['request_uri']) });
    const page = await mira.reachConsent(`${metadata.authorization_endpoint}?${query}`);
    for (const words of ['Book 2 rooms at Invoices', 'Rooms: blue and red', 'Length: at most 8 hours']) expect(page.words).toContain(words);
    const answer = await mira.send(page, 'decision', { press: ['decision', 'allow'] });
    granted = await planner.client.redeem(pending, answer.leftTo as URL);
    expect([granted.body['authorization_details'], granted.claims['authorization_details']]).toEqual([[GRANTED], [GRANTED]]);
    expect((await planner.client.introspect(granted.token)).body['authorization_details']).toEqual([GRANTED]);
  });

  test('refresh: less, never more', async () => {
    const refresh = (details: readonly object[]) =>
      planner.client.refresh(String(granted.body['refresh_token']), { resource: MCP, authorization_details: details });
    expect(refusal(await refresh(wide))).toEqual([
      'invalid_authorization_details',
      'authorization_details/0/hours goes beyond what was granted',
    ]);
    const smaller = await refresh([{ type: 'room_booking', rooms: ['blue'] }]);
    expect(smaller.claims['authorization_details']).toEqual([{ type: 'room_booking', rooms: ['blue'], hours: 8 }]);
    granted = { ...granted, body: { ...granted.body, refresh_token: smaller.body['refresh_token'] ?? granted.body['refresh_token'] } };
  });

  test('exchange: handed on by a delegation that names the type, limits inherited', async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const about = { from: planner.agentId, to: porter.agentId, resources: [MCP], scopes: ['book'], until };
    expect((await api('POST', '/api/v1/delegations', { ...about, authorization_details_types: ['room_booking'] })).status).toBe(201);
    const hand = (details: readonly object[]) => porter.client.exchange(granted.token, { resource: MCP, authorization_details: details });
    expect((await hand([BLUE])).claims['authorization_details']).toEqual([{ type: 'room_booking', rooms: ['blue'], hours: 2 }]);
    expect(refusal(await hand([{ ...BLUE, rooms: ['green'] }]))).toEqual([
      'invalid_authorization_details',
      expect.stringMatching(/authorization_details\/0\/rooms\/0 was not granted/i),
    ]);
  });

  test('CIBA: the person reads its words, the token carries what was approved', async () => {
    const asked = await planner.client.askPerson(server.miraEmail, { resource: MCP, scope: 'openid book', authorization_details: [BLUE] });
    expect(asked.status).toBe(200);
    const inbox = await mira.visit('/me/approvals');
    const [, path = ''] = /href="([^"]*\/me\/approvals\/apr_[0-9a-f]+)"/.exec(inbox.html) ?? [];
    expect((await mira.visit(path)).words).toContain('Book blue at Invoices');
    await mira.decide('approve');
    const answer = await planner.client.poll(String(asked.body['auth_req_id']));
    expect(answer.claims['authorization_details']).toEqual([{ type: 'room_booking', rooms: ['blue'], hours: 2 }]);
  });
});

const hundredDeep = JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) as object;

describe('what no request should name (RFC 9396 §5)', () => {
  test.each<[string, string, RegExp]>([
    ['an unknown type behind a known one', JSON.stringify([BLUE, { type: 'root_shell' }]), /\/1\/type/],
    ['a name of the prototype as type', '[{"type":"__proto__"}]', /\/0\/type/],
    ['a member of the prototype', '[{"type":"room_booking","rooms":["blue"],"__proto__":{"hours":1}}]', /\/0\/__proto__/],
    ['a constructor', JSON.stringify([{ ...BLUE, constructor: {} }]), /\/0\/constructor/],
    ['a hundred levels', JSON.stringify([{ ...BLUE, deep: hundredDeep }]), /\/0\/deep\/a\/a.* levels deep/],
    ['eight thousand levels', `[{"type":"room_booking","rooms":${'['.repeat(8_000)}${']'.repeat(8_000)}}]`, /must not exceed 4096 bytes/],
    ['a member twice', '[{"type":"room_booking","rooms":["blue"],"hours":1,"hours":12}]', /names a member twice/],
    ['a member twice, once escaped', '[{"type":"room_booking","rooms":["blue"],"hours":1,"h\\u006furs":12}]', /names a member twice/],
    ['more than any double', '[{"type":"room_booking","rooms":["blue"],"hours":1e999}]', /\/0\/hours/],
    ['an exponent beyond the bound', '[{"type":"room_booking","rooms":["blue"],"hours":1e3}]', /\/0\/hours/],
    ['half an hour', '[{"type":"room_booking","rooms":["blue"],"hours":1.5}]', /\/0\/hours/],
    ['an exponent as money', payment({ instructed_amount: { amount: '1e3', currency: 'EUR' } }), /\/0\/instructed_amount\/amount/],
    [
      'nineteen digits of money',
      payment({ instructed_amount: { amount: '9'.repeat(19), currency: 'EUR' } }),
      /\/0\/instructed_amount\/amount/,
    ],
    ['an account with a digit swapped', payment({ creditor_accounts: ['DE89370400440532013001'] }), /\/0\/creditor_accounts\/0/],
    [
      'a window that ends before it begins',
      payment({ execution: { from: '2026-05-02T00:00:00Z', until: '2026-05-01T00:00:00Z' } }),
      /\/0\/execution/,
    ],
    ['a room that runs backwards', JSON.stringify([{ ...BLUE, rooms: ['bl\u202eue'] }]), /\/0\/rooms\/0 holds/],
    ['a room in another normal form', JSON.stringify([{ ...BLUE, rooms: ['cafe\u0301'] }]), /\/0\/rooms\/0 is not in Unicode/],
    ['a list where the engine wants texts', JSON.stringify([{ type: 'api_call', actions: [7] }]), /\/0\/actions\/0/],
    ['no JSON', '[{', /is not JSON/],
  ])('%s', async (_, text, words) => {
    const basic = { authorization: `Basic ${btoa(`${planner.clientId}:${planner.clientSecret}`)}` };
    const asked = { resource: MCP, authorization_details: text };
    const code = {
      client_id: planner.clientId,
      response_type: 'code',
      redirect_uri: REDIRECT,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    };
    const answers = await Promise.all([
      send({ url: metadata.token_endpoint, form: { grant_type: 'client_credentials', ...asked }, headers: basic }),
      send({ url: metadata.pushed_authorization_request_endpoint, form: { ...code, scope: 'book', ...asked }, headers: basic }),
      send({
        url: metadata.backchannel_authentication_endpoint,
        form: { scope: 'openid book', login_hint: server.miraEmail, ...asked },
        headers: basic,
      }),
    ]);
    for (const { status, body } of answers) {
      expect([status, body['error']]).toEqual([400, 'invalid_authorization_details']);
      expect(body['error_description']).toMatch(words);
    }
  });

  test('a type that the client is not registered for, naming its place', async () => {
    const limited = await server.register({
      client_name: 'Limited',
      grant_types: GRANTS,
      redirect_uris: [REDIRECT],
      authorization_details_types: ['api_call'],
    });
    const client = createAgentClient(metadata, limited, send);
    const answer = await client.clientCredentials({ resource: MCP, authorization_details: [{ type: 'api_call', actions: ['GET'] }, BLUE] });
    expect(refusal(answer)).toEqual([
      'invalid_authorization_details',
      'authorization_details/1/type is not among the types registered for this client',
    ]);
  });

  test('in the browser the refusal goes back to the client', async () => {
    const asked = { resource: MCP, scope: 'book', authorization_details: [BLUE, { type: 'root_shell' }] };
    const { leftTo } = await mira.reachConsent(planner.client.authorizationRequest(asked, REDIRECT).url);
    expect([leftTo?.searchParams.get('error'), leftTo?.searchParams.get('error_description')]).toEqual([
      'invalid_authorization_details',
      'authorization_details/1/type is not a known type',
    ]);
  });

  test('a megabyte is not read at all', async () => {
    expect([400, 413]).toContain((await own([{ ...BLUE, rooms: ['x'.repeat(1_000_000)] }])).status);
  });
});

function payment(members: object): string {
  const whole = {
    type: 'payment_initiation',
    instructed_amount: { amount: '200.00', currency: 'EUR' },
    creditors: ['Acme GmbH'],
    ...members,
  };
  return JSON.stringify([whole]);
}

describe('its meaning is fixed once a request has named it', () => {
  test('what would change it is refused, naming the place; words, bounds and new members are not', async () => {
    expect((await api('GET', `${PATH}/room_booking`)).body['used']).toBe(true);
    const shorter = withMember('hours', { ...ROOMS.schema.properties.hours, maximum: 6 });
    const refused = await api('PATCH', `${PATH}/room_booking`, { schema: shorter });
    expect([refused.status, refused.body['member']]).toEqual([409, '/schema/properties/hours/maximum']);
    const longer = withMember('hours', { ...ROOMS.schema.properties.hours, maximum: 24 });
    expect((await api('PATCH', `${PATH}/room_booking`, { schema: longer, title: 'Reserve rooms' })).status).toBe(200);
    expect((await own([{ ...BLUE, hours: 24 }])).status).toBe(200);
    expect((await api('DELETE', `${PATH}/room_booking`)).status).toBe(409);
  });

  test('switched off, no request names it; what was granted keeps its limits', async () => {
    expect((await api('PATCH', `${PATH}/room_booking`, { status: 'disabled' })).body['status']).toBe('disabled');
    expect(await supported()).not.toContain('room_booking');
    expect(refusal(await own([BLUE]))).toEqual([
      'invalid_authorization_details',
      'authorization_details/0/type is a type that is switched off here',
    ]);
    const kept = await planner.client.refresh(String(granted.body['refresh_token']), { resource: MCP });
    expect(kept.claims['authorization_details']).toEqual([GRANTED]);
    expect((await porter.client.exchange(kept.token, { resource: MCP })).claims['authorization_details']).toEqual([GRANTED]);
    expect((await api('PATCH', `${PATH}/room_booking`, { status: 'active' })).status).toBe(200);
    expect((await own([BLUE])).status).toBe(200);
    const events = (await api('GET', '/api/v1/audit/events?type=detail_type.updated')).body['items'] as readonly Record<string, unknown>[];
    expect(events.map(({ action }) => action)).toEqual(expect.arrayContaining(['title schema', 'disabled', 'active']));
  });

  test('a built-in type can be switched off, not changed, not removed', async () => {
    expect((await api('PATCH', `${PATH}/api_call`, { title: 'Anything' })).status).toBe(409);
    expect((await api('DELETE', `${PATH}/api_call`)).status).toBe(409);
    expect((await api('PATCH', `${PATH}/api_call`, { status: 'disabled' })).body).toMatchObject({ status: 'disabled', built_in: true });
    expect((await own([{ type: 'api_call', actions: ['GET'] }])).status).toBe(400);
    expect((await api('PATCH', `${PATH}/api_call`, { status: 'active' })).status).toBe(200);
    expect((await api('PATCH', `${PATH}/nowhere`, { status: 'active' })).status).toBe(404);
  });

  test('a token whose limits this server cannot read is not issued without them', async () => {
    await server.db.rows({
      name: 'break',
      text: `UPDATE detail_types SET definition = '{"from":"another version"}', revision = 'dtt_x'`,
      values: [],
    });
    await server.app.jobs.runNow('detail-types');
    const answer = await planner.client.refresh(String(granted.body['refresh_token']), { resource: MCP });
    expect(refusal(answer)).toEqual(['invalid_grant', 'it carries authorization details of a type that this server does not know']);
    const text = 'UPDATE detail_types SET definition = $1::json, revision = $2 WHERE type = $3';
    await server.db.rows({ name: 'mend', text, values: [JSON.stringify(ROOMS), 'dtt_y', 'room_booking'] });
    await server.db.rows({ name: 'mend-built-in', text: `UPDATE detail_types SET definition = NULL WHERE type = 'api_call'`, values: [] });
    await server.app.jobs.runNow('detail-types');
    expect((await planner.client.refresh(String(granted.body['refresh_token']), { resource: MCP })).status).toBe(200);
  });
});

describe('in the console', () => {
  const form = (more: object = {}) =>
    JSON.stringify({ ...ROOMS, type: 'desk_booking', title: 'Book desks', schema: withMember('type', { const: 'desk_booking' }), ...more });
  const one = '{"type":"desk_booking","rooms":["blue","red"],"hours":4}';

  test('a definition is tried before it is saved: words, and how two details lie to each other', async () => {
    const page = await ada.visit(`${CONSOLE}/new`);
    const fields = { definition: form(), example: one, narrower: '{"type":"desk_booking","rooms":["blue"],"hours":5}' };
    const tried = await ada.send(page, 'action', { fields, press: ['action', 'try'] });
    expect(tried.words).toContain('Book 2 rooms at the resource server');
    expect(tried.words).toContain('The second reaches beyond the first: /hours goes beyond what was granted.');
    const faulty = await ada.send(page, 'action', {
      fields: { ...fields, definition: form({ headline: { ...ROOMS.headline, many: '{x}' } }) },
      press: ['action', 'save'],
    });
    expect([faulty.status, faulty.words.includes('/headline/many: may only use')]).toEqual([400, true]);
    const deep = `{"type":${'['.repeat(9_000)}${']'.repeat(9_000)}}`;
    expect((await ada.send(page, 'action', { fields: { ...fields, definition: deep }, press: ['action', 'try'] })).status).toBe(400);
    const saved = await ada.send(page, 'action', { fields, press: ['action', 'save'] });
    expect([saved.status, saved.words.includes('Requests can name desk_booking now.')]).toEqual([200, true]);
    expect(await supported()).toContain('desk_booking');
  });

  test('its page shows a live example, and it is edited, switched off and removed there', async () => {
    const path = `${CONSOLE}/desk_booking`;
    const tried = await ada.send(await ada.visit(path), 'csrf', {
      fields: { example: one, narrower: '{"type":"desk_booking","rooms":["red"]}' },
    });
    expect(tried.words).toContain('whoever holds the first may hand on the second');
    const wrong = await ada.send(await ada.visit(path), 'csrf', { fields: { example: '{"type":"desk_booking"}', narrower: '<script>' } });
    expect([wrong.status, wrong.words.includes('/rooms is missing.'), wrong.html.includes('<script>')]).toEqual([200, true, false]);
    const edited = await ada.send(await ada.visit(`${path}/edit`), 'action', {
      fields: { definition: form({ title: 'Reserve desks' }) },
      press: ['action', 'save'],
    });
    expect(edited.words).toContain('Reserve desks');
    const off = await ada.send(await ada.visit(path), 'status', { press: ['status', 'disabled'] });
    expect(off.words).toContain('Switched off');
    expect(await supported()).not.toContain('desk_booking');
    await ada.send(await ada.visit(`${path}/remove`), 'csrf');
    expect((await api('GET', `${PATH}/desk_booking`)).status).toBe(404);
    expect((await ada.visit(CONSOLE)).words).toContain('room_booking');
    expect((await mira.visit(CONSOLE)).status).toBe(403);
  });
});
