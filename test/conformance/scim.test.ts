/**
 * RFC 7644 as identity systems speak it: the requests that Okta and Entra send, in their order and their spelling, to a whole
 * server. What single clauses demand of the room alone is in test/scim; what the schemas demand is in scim-cycle.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectRefusal, openScimServer, patchSchema, type ScimAnswer, type ScimConformanceServer, type ScimSend } from './scim-client.ts';

const agentUrn = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const extensionUrn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';
const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
let server: ScimConformanceServer;
let send: ScimSend;
let people: readonly [string, string];

beforeAll(async () => {
  server = await openScimServer();
  ({ send } = server);
  ({ people } = server.real);
}, 60_000);

afterAll(() => server.close());

const patch = (at: string, ...Operations: readonly object[]) => send(`PATCH ${at}`, { schemas: [patchSchema], Operations });
const find = (query: string) => send(`GET /Agents?${query}`);
const at = ({ body }: ScimAnswer) => `/Agents/${body.id}`;

describe('as Okta provisions', () => {
  const okta = {
    accept: 'application/scim+json',
    'content-type': 'application/scim+json; charset=utf-8',
    'user-agent': 'Okta SCIM Client 1.0.0',
  };
  let made: ScimAnswer;

  test('§3.4.2 tests the connection, and looks for an agent that is not there', async () => {
    expect((await send('GET /ServiceProviderConfig', undefined, okta)).body).toMatchObject({
      patch: { supported: true },
      agentExtension: { supported: true, agentsSupported: true, agenticApplicationsSupported: true },
    });
    const page = await find('startIndex=1&count=2');
    expect([page.status, page.body]).toEqual([200, expect.objectContaining({ schemas: [listSchema], startIndex: 1, itemsPerPage: 2 })]);
    expect(page.headers.get('content-type')).toMatch(/^application\/scim\+json/);
    const nobody = await find('filter=name%20eq%20%22invoice-bot%22&startIndex=1&count=100');
    expect(nobody.body).toEqual({ schemas: [listSchema], totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] });
  });

  test('§3.3 creates it, and §3.4.1 reads it', async () => {
    const agent = {
      schemas: [agentUrn],
      name: 'invoice-bot',
      displayName: 'Invoice bot',
      externalId: '00ujl29u0le5T6Aj10h7',
      active: true,
      owners: [{ value: people[0] }],
      roles: [],
      protocols: [{ type: 'MCP-Server', specificationUrl: 'https://mcp.acme.test/billing' }],
    };
    made = await send('POST /Agents', agent, okta);
    expect([made.status, made.body]).toEqual([
      201,
      expect.objectContaining({ name: 'invoice-bot', active: true, externalId: agent.externalId }),
    ]);
    expect(made.headers.get('location')).toBe(made.body.meta.location);
    expect((await send(`GET ${at(made)}`, undefined, okta)).body).toEqual(made.body);
    expect((await find('filter=name+eq+%22INVOICE-BOT%22&startIndex=1&count=100')).body.Resources).toEqual([made.body]);
    expectRefusal(await send('POST /Agents', { ...agent, externalId: 'other' }, okta), 409, 'uniqueness');
  });

  test('§3.5.1 sends back what it read with one change, readOnly members and all', async () => {
    const current = (await send(`GET ${at(made)}`)).body;
    const replaced = await send(`PUT ${at(made)}`, { ...current, displayName: 'Invoices' }, okta);
    expect(replaced.body).toEqual({ ...current, displayName: 'Invoices', meta: expect.objectContaining({ version: 'W/"2"' }) });
  });

  test('§3.5.2.3 deactivates and reactivates without a path', async () => {
    const stopped = await patch(at(made), { op: 'replace', value: { active: false } });
    expect(stopped.body).toMatchObject({ active: false, [extensionUrn]: { status: 'suspended' } });
    expect((await find('filter=active eq false and name eq "invoice-bot"')).body.totalResults).toBe(1);
    expect((await patch(at(made), { op: 'replace', value: { active: true } })).body).toMatchObject({ active: true });
  });

  test('§3.5.2 names the agent in an application, and takes it out again', async () => {
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:AgenticApplication'];
    const application = (await send('POST /AgenticApplications', { schemas, name: 'Billing' }, okta)).body;
    const place = `/AgenticApplications/${application.id}`;
    const added = await patch(place, { op: 'add', path: 'agents', value: [{ value: made.body.id, display: 'Invoices' }] });
    expect(added.body['agents']).toEqual([expect.objectContaining({ value: made.body.id, type: 'owned' })]);
    expect((await send(`GET ${at(made)}`)).body['applications']).toEqual([
      expect.objectContaining({ value: application.id, display: 'Billing' }),
    ]);
    const removed = await patch(place, { op: 'remove', path: `agents[value eq "${made.body.id}"]` });
    expect(removed.body).not.toHaveProperty('agents');
    expect((await send(`DELETE ${place}`)).status).toBe(204);
  });

  test('§3.6 deletes it; then its name is free', async () => {
    expect((await send(`DELETE ${at(made)}`, undefined, okta)).status).toBe(204);
    expectRefusal(await send(`GET ${at(made)}`), 404);
    expect((await find('filter=name eq "invoice-bot"')).body.totalResults).toBe(0);
  });
});

describe('as Entra provisions', () => {
  const json = { 'content-type': 'application/json' };
  let made: ScimAnswer;

  test('§3.4.2.2 matches by externalId, and §3.3 creates what it did not find', async () => {
    const query = `filter=${encodeURIComponent('externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"')}`;
    expect((await find(query)).body).toMatchObject({ totalResults: 0, Resources: [] });
    const agent = {
      schemas: [agentUrn, extensionUrn],
      externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
      displayName: 'Travel planner',
      active: 'True',
      owners: [{ value: people[0] }],
      meta: { resourceType: 'Agent' },
      [extensionUrn]: { purpose: 'Books trips' },
    };
    made = await send('POST /Agents', JSON.stringify(agent), json);
    expect([made.status, made.body]).toEqual([201, expect.objectContaining({ displayName: 'Travel planner', active: true })]);
    expect((await find(query)).body.Resources).toEqual([made.body]);
  });

  test('§3.5.2 operations are capitalised, and booleans are quoted', async () => {
    const changed = await patch(
      at(made),
      { op: 'Replace', path: 'displayName', value: 'Trips' },
      { op: 'Add', path: 'agentType', value: 'assistant' },
      { op: 'Replace', path: `${extensionUrn}:purpose`, value: 'Books trains' },
      { op: 'Replace', path: 'active', value: 'False' },
    );
    expect(changed.body).toMatchObject({
      displayName: 'Trips',
      agentType: 'assistant',
      active: false,
      [extensionUrn]: { purpose: 'Books trains', status: 'suspended' },
    });
    const query = encodeURIComponent('active eq "False" and displayName Eq "trips"');
    expect((await find(`filter=${query}`)).body.totalResults).toBe(1);
    expect((await patch(at(made), { op: 'Replace', path: 'active', value: 'true' })).body).toMatchObject({ active: true });
  });

  test('§3.5.2 without a path, names are whole paths', async () => {
    const value = { displayName: 'Journeys', [`${extensionUrn}:environment`]: 'production', 'parent.value': server.real.agents[0] };
    const changed = await patch(at(made), { op: 'Add', value });
    expect(changed.body).toMatchObject({
      displayName: 'Journeys',
      parent: { value: server.real.agents[0] },
      [extensionUrn]: { environment: 'production', purpose: 'Books trains' },
    });
  });

  test('§3.5.2.1 a path with a filter makes the value that it describes', async () => {
    const added = await patch(at(made), { op: 'Add', path: 'roles[type eq "WindowsAzureActiveDirectoryRole"].value', value: 'Reader' });
    expect(added.body['roles']).toEqual([{ type: 'WindowsAzureActiveDirectoryRole', value: 'Reader' }]);
    const primary = await patch(at(made), { op: 'Add', path: 'roles[primary eq "True"].display', value: 'First' });
    expect(primary.body['roles']).toHaveLength(2);
    const replaced = await patch(at(made), { op: 'Replace', path: 'roles[primary eq "True"].display', value: 'Second' });
    expect(replaced.body['roles']).toContainEqual({ primary: true, display: 'Second' });
    expectRefusal(await patch(at(made), { op: 'Replace', path: 'roles[type eq "none"].value', value: 'x' }), 400, 'noTarget');
  });

  test('§3.5.2.2 removes what stands in value, not everything', async () => {
    const entitlements = [{ value: 'a' }, { value: 'b' }, { value: 'c' }];
    await patch(at(made), { op: 'Add', path: 'entitlements', value: entitlements });
    const rest = await patch(at(made), { op: 'Remove', path: 'entitlements', value: [{ value: 'a' }, { $ref: null, value: 'c' }] });
    expect(rest.body['entitlements']).toEqual([{ value: 'b' }]);
    expect((await patch(at(made), { op: 'Remove', path: 'entitlements[value eq "b"]' })).body).not.toHaveProperty('entitlements');
    expect((await patch(at(made), { op: 'Remove', path: 'agentType' })).body).not.toHaveProperty('agentType');
  });

  test('§3.5.2 a change of owner is one operation or two, and all or nothing', async () => {
    const owner = async () => ((await send(`GET ${at(made)}`)).body['owners'] as { value: string }[])[0]?.value;
    const swap = [
      { op: 'Remove', path: 'owners', value: [{ value: people[0] }] },
      { op: 'Add', path: 'owners', value: [{ value: people[1] }] },
    ];
    expect((await patch(at(made), ...swap)).status).toBe(200);
    expect(await owner()).toBe(people[1]);
    expectRefusal(
      await patch(at(made), { op: 'Replace', path: 'owners', value: [{ value: people[0] }] }, { op: 'Remove' }),
      400,
      'noTarget',
    );
    expect(await owner()).toBe(people[1]);
  });

  test('§3.9 reads only what it compares', async () => {
    const only = await send(`GET ${at(made)}?attributes=id,displayName,owners.value`);
    expect(only.body).toEqual({
      schemas: expect.arrayContaining([agentUrn]),
      id: made.body.id,
      displayName: 'Journeys',
      owners: [{ value: people[1] }],
    });
    const without = await find(`filter=${encodeURIComponent(`id eq "${made.body.id}"`)}&excludedAttributes=owners,roles,${extensionUrn}`);
    const [found] = without.body.Resources;
    for (const name of ['owners', 'roles', extensionUrn]) expect(found).not.toHaveProperty([name]);
    expect(found).toMatchObject({ displayName: 'Journeys' });
  });

  test('§3.6 stops it first, then deletes it', async () => {
    expect((await patch(at(made), { op: 'Replace', path: 'active', value: 'False' })).status).toBe(200);
    expect((await send(`DELETE ${at(made)}`)).status).toBe(204);
    expectRefusal(await patch(at(made), { op: 'Replace', path: 'active', value: 'False' }), 404);
  });
});

describe('what both rely on', () => {
  test('§3.12 every refusal is a SCIM error, before and behind the token', async () => {
    const bare = await fetch(`${server.issuer}/scim/v2/Agents`);
    expect([bare.status, bare.headers.get('content-type')]).toEqual([401, expect.stringContaining('application/scim+json')]);
    expect(bare.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await bare.json()).toMatchObject({ status: '401' });
    expectRefusal(await send('POST /Agents', '{"schemas":', {}), 400);
    expectRefusal(await send('POST /Agents', '<agent/>', { 'content-type': 'text/xml' }), 415);
    expectRefusal(await find('filter=displayName%20eq'), 400, 'invalidFilter');
    expectRefusal(await find('filter=displayName%20regex%20%22x%22'), 400, 'invalidFilter');
  });

  test('§3.4.2.2 quotes, backslashes, wildcards and other scripts in a filter mean themselves', async () => {
    const displayName = String.raw`O'Brien "50%_" \ 東京 Ünal`;
    const made = await send('POST /Agents', { schemas: [agentUrn], displayName });
    for (const filter of [
      `displayName eq ${JSON.stringify(displayName)}`,
      'displayName co "50%_"',
      'displayName ew "ünal"',
      'displayName sw "o\'b"',
    ]) {
      const { body } = await find(`filter=${encodeURIComponent(filter)}`);
      expect([filter, body.Resources.map(({ id }) => id)]).toEqual([filter, [made.body.id]]);
    }
    expect((await send(`DELETE ${at(made)}`)).status).toBe(204);
  });

  test('§3.4.2.2 an integer is compared with any number, and a cursor that was tampered with is refused or answered', async () => {
    const path = `${extensionUrn}:maxDelegationDepth`;
    const made = await send('POST /Agents', { schemas: [agentUrn], displayName: 'Depth', [extensionUrn]: { maxDelegationDepth: 2 } });
    for (const [filter, total] of [
      ['eq 1.5', 0],
      ['gt 1.5', 1],
      ['lt 99999999999', 1],
      ['le 1e300', 1],
    ] as const)
      expect([filter, (await find(`filter=${encodeURIComponent(`${path} ${filter}`)}`)).body.totalResults]).toEqual([filter, total]);
    const query = `sortBy=${encodeURIComponent(path)}&count=1`;
    const { nextCursor } = (await find(`${query}&cursor=`)).body;
    const [fingerprint] = JSON.parse(Buffer.from(String(nextCursor), 'base64url').toString()) as [string];
    const forged = (position: unknown) => Buffer.from(JSON.stringify([fingerprint, JSON.stringify(position)])).toString('base64url');
    expect((await find(`${query}&cursor=${forged(['agt_', 1.5])}`)).body.Resources).toEqual([made.body]);
    for (const position of [['\u0000', 1], ['agt_', 'x'], ['agt_', {}], ['agt_'], 'agt_'])
      expectRefusal(await find(`${query}&cursor=${forged(position)}`), 400, 'invalidCursor');
    expect((await send(`DELETE ${at(made)}`)).status).toBe(204);
  });

  test('§3.4.2.4 pages by startIndex and count see every agent once', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `Paged ${index}`);
    for (const displayName of names) await send('POST /Agents', { schemas: [agentUrn], displayName });
    const seen: unknown[] = [];
    for (let start = 1; start <= 7; start += 3) {
      const page = await find(`filter=displayName sw "Paged"&startIndex=${start}&count=3&sortBy=displayName`);
      expect(page.body).toMatchObject({ totalResults: 7, startIndex: start, itemsPerPage: start === 7 ? 1 : 3 });
      seen.push(...page.body.Resources.map(({ displayName }) => displayName));
    }
    expect(seen).toEqual(names);
    expect((await find('filter=displayName sw "Paged"&startIndex=100&count=3')).body).toMatchObject({ totalResults: 7, itemsPerPage: 0 });
  });
});
