import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ask,
  type ExchangeServer,
  makeAgent,
  makeClient,
  makeCode,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from '../token-exchange/exchange-server.ts';

const API = 'https://api.test';
const GET = { type: 'api_call', actions: ['GET'] };
const READ_WRITE = { type: 'api_call', actions: ['GET', 'POST'] };
let server: ExchangeServer;
let agent: TestClient;

beforeAll(async () => {
  server = await startExchangeServer();
  await makeResource(server, API);
  agent = await makeAgent(server, 'Detailed');
});
afterAll(() => server?.close());

const own = (details: unknown, client: TestClient = agent) =>
  ask(server, client, {
    grant_type: 'client_credentials',
    resource: API,
    scope: 'read',
    authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
  });

describe('RFC 9396 §5: what is refused', () => {
  test.each([
    ['not JSON', '{', /JSON/],
    ['not an array', {}, /array/],
    ['an unknown type', [{ type: 'payment' }], /type/],
    ['an unknown type behind a known one', [GET, { type: 'payment' }], /\/1\/type|index 1/],
    ['a member that the type does not know', [{ ...GET, evil: true }], /\/0\/evil/],
    ['a missing member', [{ type: 'api_call' }], /\/0\/actions/],
    ['too many entries', Array.from({ length: 11 }, () => GET), /10 entries/],
    ['a place outside the audience', [{ ...GET, locations: ['https://else.test'] }], /\/0\/locations\/0/],
  ])('§5 %s', async (_, details, words) => {
    const { status, body } = await own(details);
    expect([status, body['error']]).toEqual([400, 'invalid_authorization_details']);
    expect(body['error_description']).toMatch(words);
  });

  test('R26 more than 4 KB', async () => {
    const paths = Array.from({ length: 30 }, (_, index) => `/${'x'.repeat(150)}${index}`);
    expect((await own([{ ...GET, paths }])).body['error']).toBe('invalid_authorization_details');
  });

  test('§10 a type that the client is not registered for', async () => {
    const tools = await makeClient(server, { purpose: 'service' });
    await server.db.rows({
      name: 'types',
      text: `UPDATE clients SET metadata = metadata || '{"authorization_details_types": ["mcp_tool_call"]}', version = version + 1 WHERE client_id = $1`,
      values: [tools.clientId],
    });
    expect((await own([GET], tools)).body['error']).toBe('invalid_authorization_details');
    expect((await own([{ type: 'mcp_tool_call', tools: ['read'] }], tools)).status).toBe(200);
  });
});

describe('§7 what is granted', () => {
  test('§7.1 a client for itself gets what it asks for, in token and answer', async () => {
    const { claims, body } = await own([GET]);
    expect(claims['authorization_details']).toEqual([GET]);
    expect(body['authorization_details']).toEqual([GET]);
    expect(body['expires_in']).toBe(300);
  });

  test('a code gives what the person granted, limits handed down to what is named', async () => {
    const consent = { resources: { [API]: 'read' }, details: [{ ...READ_WRITE, max_amount: { amount: '5', currency: 'EUR' } }] };
    expect((await personToken(server, agent, consent)).claims['authorization_details']).toEqual(consent.details);
    const redeem = async (details: unknown) =>
      ask(server, agent, {
        grant_type: 'authorization_code',
        code: await makeCode(server, agent, consent),
        redirect_uri: 'https://client.example/cb',
        code_verifier: 'v'.repeat(43),
        authorization_details: JSON.stringify(details),
        resource: API,
      });
    expect((await redeem([GET])).claims['authorization_details']).toEqual([{ ...GET, max_amount: { amount: '5', currency: 'EUR' } }]);
    const wide = await redeem([{ type: 'api_call', actions: ['DELETE'] }]);
    expect(wide.body).toMatchObject({ error: 'invalid_authorization_details', error_description: expect.stringContaining('/0/actions') });
  });

  test('a type that a request does not name comes along: without it the scope beside it would allow more', async () => {
    const pay = { type: 'mcp_tool_call', tools: ['pay'], arguments: { amount: { max: '100' } } };
    const answer = await ask(server, agent, {
      grant_type: 'authorization_code',
      code: await makeCode(server, agent, { resources: { [API]: 'read' }, details: [READ_WRITE, pay] }),
      redirect_uri: 'https://client.example/cb',
      code_verifier: 'v'.repeat(43),
      authorization_details: JSON.stringify([GET]),
      resource: API,
    });
    expect(answer.claims['authorization_details']).toEqual([GET, pay]);
  });

  test('a code never gives more than the grant holds by then', async () => {
    const code = await makeCode(server, agent, { resources: { [API]: 'read' }, details: [READ_WRITE] });
    const stored = await server.oidc.current().AuthorizationCode.find(code);
    const grant = await server.oidc.current().Grant.find(String(stored?.grantId));
    Object.assign(grant as object, { rar: [GET] });
    await grant?.save();
    const answer = await ask(server, agent, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: 'https://client.example/cb',
      code_verifier: 'v'.repeat(43),
    });
    expect(answer.status).toBe(200);
    expect(answer.claims['authorization_details']).toEqual([GET]);
  });

  test('a detail for another place stays out of this token', async () => {
    const there = { ...GET, locations: ['https://else.test'] };
    const here = { ...READ_WRITE, locations: [`${API}/invoices`] };
    const { claims } = await personToken(server, agent, { resources: { [API]: 'read' }, details: [there, here] });
    expect(claims['authorization_details']).toEqual([here]);
  });
});

test('GET /api/v1/authorization-detail-types lists the types to management', async () => {
  const manager = await makeClient(server, { purpose: 'management', is_management: true });
  const { body } = await ask(server, manager, {
    grant_type: 'client_credentials',
    resource: `${server.issuer}/api/v1`,
    scope: 'admin:read',
  });
  const address = `${server.issuer}/api/v1/authorization-detail-types`;
  const list = (await (await fetch(address, { headers: { authorization: `Bearer ${String(body['access_token'])}` } })).json()) as {
    items: { type: string }[];
  };
  expect(list.items.map(({ type }) => type)).toEqual(['mcp_tool_call', 'api_call', 'payment_initiation', 'data_access']);
  expect((await fetch(address)).status).toBe(401);
});
