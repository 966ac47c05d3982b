import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { administrator } from './registry.ts';
import { type Answer, agentUrn, baseUrl, extensionUrn, openScimRegistry, type ScimRegistry } from './scim-server.ts';

let registry: ScimRegistry;
let jana: string;
let owners: readonly { value: string }[];

beforeAll(async () => {
  registry = await openScimRegistry();
  jana = await registry.addPerson('Jana Weber');
  owners = [{ value: jana }];
});

afterAll(() => registry.close());

let sequence = 0;
const body = (members: object = {}) => ({ schemas: [agentUrn, extensionUrn], displayName: `Agent ${++sequence}`, ...members });
const post = (members: object = {}, as: 'provisioner' | 'helper' | 'elsewhere' = 'provisioner') =>
  registry.send('POST /Agents', body(members), { as });
const patchBody = (...Operations: object[]) => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });
const patch = (id: string, operation: object, options = {}) => registry.send(`PATCH /Agents/${id}`, patchBody(operation), options);
const names = ({ body: { Resources } }: Answer) => Resources.map(({ displayName }) => displayName);
const wso2Urn = 'urn:scim:wso2:agent:schema';
const find = (filter: string, rest = '') => registry.send(`GET /Agents?filter=${encodeURIComponent(filter)}${rest}`);

describe('the Agent resource type', () => {
  test('RFC 7643 §6, §7: is discovered with its extension, governed attributes said as such', async () => {
    const types = await registry.send('GET /ResourceTypes/Agent');
    expect(types.body).toMatchObject({
      endpoint: '/Agents',
      schema: agentUrn,
      schemaExtensions: [
        { schema: extensionUrn, required: false },
        { schema: wso2Urn, required: false },
      ],
    });
    const { body: extension } = await registry.send(`GET /Schemas/${extensionUrn}`);
    const attributes = extension['attributes'] as { name: string; mutability: string; canonicalValues?: string[] }[];
    expect(attributes.map(({ name }) => name)).toEqual([
      'status',
      'statusReason',
      'purpose',
      'riskLevel',
      'autonomy',
      'dataClasses',
      'environment',
      'model',
      'manifestDigest',
      'validUntil',
      'ttlMinutes',
      'maxDelegationDepth',
      'maxChildren',
      'maxChildDepth',
      'source',
      'clients',
      'actsUnderReview',
      'lastConfirmedAt',
      'lastConfirmedBy',
      'lastSeenAt',
    ]);
    expect(attributes.filter(({ mutability }) => mutability === 'readOnly').map(({ name }) => name)).toEqual([
      'statusReason',
      'source',
      'clients',
      'actsUnderReview',
      'lastConfirmedAt',
      'lastConfirmedBy',
      'lastSeenAt',
    ]);
    expect(attributes[0]?.canonicalValues).toEqual(['proposed', 'active', 'underReview', 'suspended', 'retired']);
    const core = JSON.stringify((await registry.send(`GET /Schemas/${agentUrn}`)).body);
    for (const name of ['owners', 'active', 'parent', 'subject', 'x509Certificates']) {
      expect(core).toMatch(new RegExp(`"name":"${name}"[^{]*governance right`));
    }
    expect((await registry.send('GET /ServiceProviderConfig')).body).toMatchObject({
      agentExtension: { supported: true, agentsSupported: true, agenticApplicationsSupported: true },
    });
  });

  test('RFC 7644 §3.3: what is posted comes back, and again on reading', async () => {
    const extension = {
      purpose: 'Pays',
      riskLevel: 'high',
      autonomy: 'background',
      dataClasses: ['pii'],
      environment: 'production',
      model: { provider: 'acme', name: 'm', version: '4' },
      manifestDigest: 'sha-256:x',
      validUntil: '2027-01-31T00:00:00.000Z',
      maxDelegationDepth: 1,
    };
    const core = {
      name: 'invoice-bot',
      displayName: 'Invoice bot',
      description: 'I pay',
      externalId: 'ext-1',
      agentType: 'assistant',
      subject: 'them:1',
      entitlements: [{ value: 'e', primary: true }],
      roles: [{ value: 'r', display: 'R' }],
      x509Certificates: [{ value: 'AAAA' }],
      protocols: [{ type: 'A2A', specificationUrl: 'https://a.example/card' }],
    };
    const parent = await post({ owners, active: true });
    await registry.agents.update(parent.body.id, { changes: { maxChildren: 1, maxChildDepth: 1 } }, administrator);
    const created = await post({ ...core, owners, parent: { value: parent.body.id }, [extensionUrn]: { ...extension, status: 'active' } });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      ...core,
      agentUserName: 'invoice-bot',
      active: true,
      owners: [{ value: jana, type: 'User', display: 'Jana Weber' }],
      parent: {
        value: parent.body.id,
        $ref: `${baseUrl}/Agents/${parent.body.id}`,
        display: (parent.body as unknown as { displayName: string }).displayName,
      },
      [extensionUrn]: { ...extension, status: 'active' },
      meta: { resourceType: 'Agent', version: 'W/"1"', location: `${baseUrl}/Agents/${created.body.id}` },
    });
    expect((await registry.send(`GET /Agents/${created.body.id}`)).body).toEqual(created.body);
    const replaced = await registry.send(`PUT /Agents/${created.body.id}`, {
      ...created.body,
      [extensionUrn]: { ...extension, status: 'active', purpose: 'Pays more' },
    });
    expect(replaced.body).toMatchObject({ active: true, [extensionUrn]: { purpose: 'Pays more' }, meta: { version: 'W/"2"' } });
  });

  test('a name stands in for a display name and the other way round; agentUserName is the name', async () => {
    expect((await post({ displayName: undefined, name: 'only-a-name' })).body).toMatchObject({
      displayName: 'only-a-name',
      name: 'only-a-name',
    });
    expect((await post({ displayName: undefined, agentUserName: 'a-user-name' })).body).toMatchObject({ name: 'a-user-name' });
    const { body: plain } = await post();
    expect(plain['name']).toBe(plain.id);
    expect((await patch(plain.id, { op: 'replace', path: 'agentUserName', value: 'renamed' })).body).toMatchObject({
      name: 'renamed',
      agentUserName: 'renamed',
    });
    expect(await post({ displayName: undefined })).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } });
    expect(await post({ name: 'one', agentUserName: 'other' })).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } });
  });

  test('clients and last use are shown and cannot be written', async () => {
    const { body: agent } = await post();
    await registry.agents.linkClient(agent.id, 'a-client', { kind: 'system', id: 'registration', party: 'system' });
    registry.agents.touch(agent.id);
    await registry.agents.flushLastSeen();
    const shown = { clients: [{ clientId: 'a-client' }], lastSeenAt: registry.clock.now().toISOString() };
    expect((await registry.send(`GET /Agents/${agent.id}`)).body[extensionUrn]).toMatchObject(shown);
    const put = await registry.send(
      `PUT /Agents/${agent.id}`,
      body({ [extensionUrn]: { clients: [{ clientId: 'stolen' }], lastSeenAt: '2020-01-01T00:00:00Z' } }),
    );
    expect(put.body[extensionUrn]).toMatchObject(shown);
    expect(await patch(agent.id, { op: 'replace', path: `${extensionUrn}:clients`, value: [] })).toMatchObject({
      status: 400,
      body: { scimType: 'mutability' },
    });
  });

  test('RFC 7644 §3.3: a name is unique, an externalId within its source: 409 uniqueness', async () => {
    await post({ name: 'unique', externalId: 'same' });
    expect(await post({ name: 'Unique' })).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
    expect(await post({ externalId: 'same' })).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } });
    expect((await post({ externalId: 'same' }, 'elsewhere')).status).toBe(201);
  });

  test('RFC 7644 §3.6: a deleted agent is retired, and nowhere in SCIM', async () => {
    const { body: agent } = await post({ owners, active: true });
    expect((await registry.send(`DELETE /Agents/${agent.id}`)).status).toBe(204);
    expect((await registry.send(`GET /Agents/${agent.id}`)).status).toBe(404);
    expect((await registry.send(`DELETE /Agents/${agent.id}`)).status).toBe(404);
    expect((await patch(agent.id, { op: 'replace', path: 'active', value: true })).status).toBe(404);
    expect((await find(`id eq "${agent.id}"`)).body).toMatchObject({ totalResults: 0 });
    expect(await registry.agents.get(agent.id)).toMatchObject({ status: 'retired' });
    expect(registry.stopped).toContain(agent.id);
  });
});

describe('status and active', () => {
  test('PATCH active false suspends and stops what it holds; true lets it run again', async () => {
    const { body: agent } = await post({ owners, active: true });
    const off = await patch(agent.id, { op: 'replace', path: 'active', value: false });
    expect(off).toMatchObject({ status: 200, body: { active: false, [extensionUrn]: { status: 'suspended' } } });
    expect(registry.stopped).toContain(agent.id);
    const on = await patch(agent.id, { op: 'Replace', value: { active: 'True' } });
    expect(on).toMatchObject({ status: 200, body: { active: true, [extensionUrn]: { status: 'active' } } });
    expect(await registry.eventsOf(agent.id)).toEqual(['agent.activated', 'agent.activated', 'agent.proposed', 'agent.suspended']);
  });

  test('an owner is needed to be active, and comes in the same request', async () => {
    const refused = { status: 400, body: { scimType: 'invalidValue' } };
    expect(await post({ active: true })).toMatchObject(refused);
    const { body: agent } = await post();
    expect(await patch(agent.id, { op: 'replace', path: 'active', value: true })).toMatchObject(refused);
    expect(await patch(agent.id, { op: 'replace', value: { active: true, owners } })).toMatchObject({
      status: 200,
      body: { active: true },
    });
    expect(await patch(agent.id, { op: 'remove', path: 'owners' })).toMatchObject(refused);
    const both = patchBody({ op: 'remove', path: 'owners' }, { op: 'replace', path: `${extensionUrn}:status`, value: 'underReview' });
    expect(await registry.send(`PATCH /Agents/${agent.id}`, both)).toMatchObject({ status: 200, body: { active: false } });
    expect((await registry.agents.get(agent.id)).owner).toBeUndefined();
    for (const value of ['usr_nobody', 'nobody']) expect(await post({ owners: [{ value }] })).toMatchObject(refused);
    expect(await post({ owners: [...owners, { value: 'usr_2' }] })).toMatchObject(refused);
  });

  test('active and status that contradict each other are refused, and so is a move that the lifecycle lacks', async () => {
    expect(await post({ owners, active: true, [extensionUrn]: { status: 'suspended' } })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    });
    expect(await post({ owners, [extensionUrn]: { status: 'retired' } })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    });
    const { body: agent } = await post({ owners, active: true });
    expect(await patch(agent.id, { op: 'replace', path: `${extensionUrn}:status`, value: 'proposed' })).toMatchObject({ status: 409 });
    expect(await patch(agent.id, { op: 'replace', path: `${extensionUrn}:status`, value: 'asleep' })).toMatchObject({ status: 400 });
    await patch(agent.id, { op: 'replace', path: `${extensionUrn}:status`, value: 'retired' });
    expect(await patch(agent.id, { op: 'replace', path: 'active', value: true })).toMatchObject({ status: 409 });
  });

  test('a refused change leaves everything as it was', async () => {
    const { body: agent } = await post({ owners, active: true });
    registry.failNextStop();
    const spy = { op: 'replace', value: { active: false, description: 'changed' } };
    const silent = console.error;
    console.error = () => undefined;
    expect((await patch(agent.id, spy)).status).toBe(500);
    console.error = silent;
    expect((await registry.send(`GET /Agents/${agent.id}`)).body).toEqual(agent);
  });
});

describe('R7: who may set what', () => {
  const certificate = [{ value: 'AAAA' }];
  test.each<[string, (parent: string) => object]>([
    ['owners', () => ({ owners })],
    ['active', () => ({ active: true })],
    ['status', () => ({ [extensionUrn]: { status: 'underReview' } })],
    ['parent', (value) => ({ parent: { value } })],
    ['subject', () => ({ subject: 'them:1' })],
    ['x509Certificates', () => ({ x509Certificates: certificate })],
    ['protocols', () => ({ protocols: [{ type: 'A2A' }] })],
  ])('%s takes the governance right, at POST, PUT and PATCH', async (_, members) => {
    const [parent, target] = [await post(), await post({}, 'helper')];
    const wanted = members(parent.body.id);
    expect((await post(wanted, 'helper')).status).toBe(403);
    expect((await registry.send(`PUT /Agents/${target.body.id}`, body(wanted), { as: 'helper' })).status).toBe(403);
    expect((await patch(target.body.id, { op: 'add', value: wanted }, { as: 'helper' })).status).toBe(403);
    expect((await registry.send(`GET /Agents/${target.body.id}`)).body).toEqual(target.body);
  });

  test('taking away takes it too, and so does deleting; the rest does not', async () => {
    const { body: agent } = await post({ owners, subject: 's', x509Certificates: certificate });
    for (const path of ['owners', 'subject', 'x509Certificates'])
      expect((await patch(agent.id, { op: 'remove', path }, { as: 'helper' })).status).toBe(403);
    expect((await registry.send(`DELETE /Agents/${agent.id}`, undefined, { as: 'helper' })).status).toBe(403);
    const risk = (riskLevel: string) => ({ op: 'replace', value: { [extensionUrn]: { riskLevel } } });
    expect((await patch(agent.id, risk('low'), { as: 'helper' })).status).toBe(403);
    const risky = (await post({ [extensionUrn]: { riskLevel: 'high' } }, 'helper')).body;
    expect((await patch(risky.id, risk('medium'), { as: 'helper' })).status).toBe(403);
    expect((await patch(risky.id, { op: 'remove', path: `${extensionUrn}:riskLevel` }, { as: 'helper' })).status).toBe(403);
    const edit = { op: 'replace', value: { displayName: 'Renamed', [extensionUrn]: { riskLevel: 'high' } } };
    expect(await patch(agent.id, edit, { as: 'helper' })).toMatchObject({
      status: 200,
      body: { displayName: 'Renamed', owners: [{ value: jana }], subject: 's' },
    });
  });

  test('R8: a person behind the token does not let their own agent run', async () => {
    const type = registry.agents.capability.scim?.[0];
    const caller = {
      clientId: 'tool',
      subject: jana,
      subjectProfile: 'user',
      accountId: jana,
      scopes: new Set(['scim:write']),
      hasGovernance: true,
      jti: 'x',
    } as const;
    await expect(type?.create({ displayName: 'Mine', owners, active: true }, caller)).rejects.toEqual(
      expect.objectContaining({ code: 'forbidden' }),
    );
  });
});

describe('versions', () => {
  test('RFC 7644 §3.14: a stale If-Match is 412 for PUT, PATCH and DELETE, a right one counts up', async () => {
    const { body: agent, etag } = await post();
    expect(etag).toBe('W/"1"');
    const options = { ifMatch: 'W/"1"' };
    expect(await patch(agent.id, { op: 'replace', path: 'displayName', value: 'New' }, options)).toMatchObject({
      status: 200,
      etag: 'W/"2"',
    });
    expect((await patch(agent.id, { op: 'replace', path: 'displayName', value: 'Newer' }, options)).status).toBe(412);
    expect((await registry.send(`PUT /Agents/${agent.id}`, body(), options)).status).toBe(412);
    expect((await registry.send(`DELETE /Agents/${agent.id}`, undefined, options)).status).toBe(412);
  });

  test('of many that write the same version one wins', async () => {
    const { body: agent } = await post();
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((value) => patch(agent.id, { op: 'replace', path: 'description', value }, { ifMatch: 'W/"1"' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
  });
});

describe('lists', () => {
  test('RFC 7644 §3.4.2.2: filters on every kind of attribute', async () => {
    const mine = {
      owners,
      externalId: 'f-1',
      name: 'filter-bot',
      roles: [{ value: 'clerk', primary: true }],
      protocols: [{ type: 'MCP-Server' }],
      [extensionUrn]: {
        status: 'active',
        environment: 'lab',
        dataClasses: ['pii'],
        model: { provider: 'acme' },
        validUntil: '2027-01-31T00:00:00Z',
        maxDelegationDepth: 3,
      },
    };
    const { body: agent } = await post({ ...mine, displayName: 'Zebra 100%' });
    await post({ displayName: 'Zebra 1000', [extensionUrn]: { environment: 'field' } });
    await registry.agents.linkClient(agent.id, 'zebra-client', { kind: 'system', id: 'registration', party: 'system' });
    const onlyFirst = [
      `displayName co "a 100%"`,
      `name eq "FILTER-BOT"`,
      `agentUserName eq "filter-bot"`,
      `externalId eq "f-1"`,
      `id eq "${agent.id}"`,
      `owners.value eq "${jana}"`,
      `owners[value eq "${jana}" and type eq "user"]`,
      'owners pr',
      'active eq true',
      `${extensionUrn}:status eq "active"`,
      `roles.value eq "clerk"`,
      'roles[primary eq true]',
      `protocols.type sw "mcp"`,
      `${extensionUrn}:environment eq "Lab"`,
      `${extensionUrn}:dataClasses eq "pii"`,
      `${extensionUrn}:model.provider eq "acme"`,
      `${extensionUrn}:clients.clientId eq "zebra-client"`,
      `${extensionUrn}:validUntil gt "2027-01-01T00:00:00Z"`,
      `${extensionUrn}:maxDelegationDepth ge 3`,
      'externalId pr',
      `not (${extensionUrn}:environment eq "field")`,
      'roles pr',
      `${extensionUrn}:model pr`,
    ];
    for (const filter of onlyFirst)
      expect([filter, names(await find(`displayName sw "zebra" and ${filter}`))]).toEqual([filter, ['Zebra 100%']]);
    expect(
      names(
        await find(
          `displayName sw "zebra" and meta.created le "${registry.clock.now().toISOString()}"`,
          '&sortBy=displayName&sortOrder=descending',
        ),
      ),
    ).toEqual(['Zebra 1000', 'Zebra 100%']);
    expect(await find('x509Certificates.value eq "AAAA"')).toMatchObject({ status: 200, body: { totalResults: 2 } });
    expect(await find('groups.display eq "x"')).toMatchObject({ status: 400, body: { scimType: 'invalidFilter' } });
    expect(await find(`displayName eq "' OR 1=1 --"`)).toMatchObject({ status: 200, body: { totalResults: 0 } });
  });

  test('RFC 9865 §2: cursors walk every agent once, sorted or not; a forged position is refused', async () => {
    for (let index = 0; index < 7; index += 1) await post({ displayName: `Walk ${index}`, description: `${index % 3}` });
    for (const sort of ['', '&sortBy=description']) {
      const seen: string[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page: Answer = await find('displayName sw "walk"', `&count=3&cursor=${cursor}${sort}`);
        seen.push(...names(page));
        cursor = page.body.nextCursor;
      }
      expect([...seen].sort()).toEqual(Array.from({ length: 7 }, (_, index) => `Walk ${index}`));
    }
    const first = await find('displayName sw "walk"', '&count=3&cursor=&sortBy=description');
    const [fingerprint] = JSON.parse(Buffer.from(first.body.nextCursor ?? '', 'base64url').toString()) as [string];
    const forged = Buffer.from(JSON.stringify([fingerprint, '1; DROP TABLE agents'])).toString('base64url');
    expect(await find('displayName sw "walk"', `&count=3&cursor=${forged}&sortBy=description`)).toMatchObject({
      status: 400,
      body: { scimType: 'invalidCursor' },
    });
    expect((await find('displayName sw "walk"', '&startIndex=7&count=3')).body).toMatchObject({
      totalResults: 7,
      startIndex: 7,
      itemsPerPage: 1,
    });
  });
});
