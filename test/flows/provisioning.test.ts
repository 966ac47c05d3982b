import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newProvisioningToken } from '../../src/client-registration/provisioning-tokens/provisioning-token.ts';
import { type HttpServer, startHttpServer } from '../../src/platform/http/server.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ADMINISTRATOR, openSeeding, type Seeding } from '../support/seeding.ts';
import { type Ask, ask } from '../support/server-process.ts';
import { freePort } from '../support/test-server.ts';

const AGENT = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const INPUT = newProvisioningToken.parse({});
const ROUNDS = 5;
const PARALLEL = 20;

let database: TestDatabase;
/** Two servers of one issuer on one database. */
const servers: { readonly seeding: Seeding; readonly http: HttpServer; readonly port: number }[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  const masterKey = randomBytes(32);
  const issuer = `http://localhost:${await freePort()}`;
  for (const _ of ['first', 'second']) {
    const port = await freePort();
    const seeding = await openSeeding(database.connection, { issuer, masterKey });
    servers.push({ seeding, port, http: await startHttpServer(seeding.app.http, { host: 'localhost', port }) });
  }
}, 60_000);
afterAll(async () => {
  for (const { http, seeding } of servers) {
    await http.drain({ graceMs: 500 });
    await seeding.close();
  }
  await database.drop();
});

const at = (turn: number) => servers[turn % 2] as (typeof servers)[number];
const tokens = (turn: number) => at(turn).seeding.app.parts.clients.provisioningTokens;
const connect = () => tokens(0).connect({ name: 'Okta', hasGovernance: true, token: INPUT }, ADMINISTRATOR);

function call(path: string, value: string, { turn = 0, ...what }: Ask & { readonly turn?: number } = {}) {
  const { port, seeding } = at(turn);
  return ask({ port, issuer: seeding.issuer }, `/scim/v2${path}`, {
    ...what,
    headers: { authorization: `Bearer ${value}`, ...what.headers },
  });
}

describe('two servers', () => {
  test('never make a third token, however many ask at once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { clientId } = await connect();
      const asked = Array.from({ length: PARALLEL }, (_, turn) => tokens(turn).create(clientId, INPUT, ADMINISTRATOR));
      const answers = await Promise.allSettled(asked);
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
      expect(new Set(refused)).toEqual(new Set(['conflict']));
    }
  }, 60_000);

  test('give no token to a client that is being stopped', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { clientId, value } = await connect();
      const [second] = await Promise.allSettled([
        tokens(0).create(clientId, INPUT, ADMINISTRATOR),
        at(1).seeding.app.parts.clients.disable(clientId, ADMINISTRATOR),
      ]);
      await at(1).seeding.app.parts.clients.enable(clientId, ADMINISTRATOR);
      const values = [value, ...(second?.status === 'fulfilled' ? [second.value.value] : [])];
      for (const each of values) expect((await call('/Agents', each)).status).toBe(401);
    }
  }, 60_000);

  test('take a token that the other made, and refuse it as soon as the other ended it', async () => {
    const { value, token } = await connect();
    for (const turn of [0, 1]) expect((await call('/Agents', value, { turn })).status).toBe(200);
    await tokens(0).revoke(token.id, ADMINISTRATOR);
    for (const turn of [1, 0]) expect((await call('/Agents', value, { turn })).status).toBe(401);
  });

  test('tell a flood of refusals once', async () => {
    const { value, token, clientId } = await connect();
    await tokens(0).revoke(token.id, ADMINISTRATOR);
    await Promise.all(Array.from({ length: PARALLEL }, (_, turn) => call('/Agents', value, { turn })));
    const { events } = await at(0).seeding.app.parts.audit.list({ limit: 200 });
    expect(events.filter(({ event }) => event.type === 'provisioning_token.refused' && event.clientId === clientId)).toHaveLength(1);
  });
});

describe('how Okta and Entra ID call', () => {
  let value: string;
  beforeAll(async () => {
    value = (await connect()).value;
  });
  const created = async (type: string, name: string) => {
    const body = { schemas: [AGENT], displayName: name };
    return (await call('/Agents', value, { json: body, headers: { 'content-type': type } })).status;
  };

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/scim+json',
    'application/scim+json; charset=utf-8',
    'Application/SCIM+JSON',
  ])('a body of type %s is read', async (type) => expect(await created(type, 'Käthe’s bot')).toBe(201));

  test.each([
    '',
    '*/*',
    'application/json',
    'application/scim+json',
    'application/scim+json, application/json;q=0.5',
    'text/html',
    'image/png',
  ])('an answer is SCIM whatever is accepted: %j', async (accept) => {
    for (const path of ['/Agents', '/ServiceProviderConfig', '/Agents/none']) {
      const { headers, json } = await call(path, value, { headers: { accept } });
      expect([headers['content-type'], Array.isArray(json()['schemas'])]).toEqual(['application/scim+json', true]);
    }
  });

  test('probes find an empty list, not an error', async () => {
    const filter = encodeURIComponent('externalId eq "6f1c3c1c-9d2e-4a57-8f0e-2c1b7a9b3d11"');
    for (const query of [`filter=${filter}`, `aadOptscim062020&filter=${filter}`, `filter=${filter}&startIndex=1&count=2`])
      expect((await call(`/Agents?${query}`, value)).json()).toMatchObject({ totalResults: 0 });
    expect((await call('/Agents?startIndex=1&count=2', value)).json()).toMatchObject({ startIndex: 1, itemsPerPage: 2 });
    for (const path of ['/ServiceProviderConfig', '/Schemas', '/ResourceTypes']) expect((await call(path, value)).status).toBe(200);
  });

  test('HEAD is GET without its body, OPTIONS says what may be asked', async () => {
    const head = await call('/Agents', value, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await call('/Agents', 'behalf_scim_no', { method: 'HEAD' })).status).toBe(401);
    const options = await call('/Agents', value, { method: 'OPTIONS' });
    expect([options.status, options.text, options.headers['allow']]).toEqual([204, '', expect.stringContaining('POST')]);
    expect((await call('/Nothing', value, { method: 'OPTIONS' })).status).toBe(404);
  });
});
