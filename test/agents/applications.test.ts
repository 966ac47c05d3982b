import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applicationDefinition, applicationUrn } from '../../src/agents/applications/definition.ts';
import { unboundAttributes } from '../../src/scim/index.ts';
import { administrator } from './registry.ts';
import { agentUrn, baseUrl, openScimRegistry, type ScimRegistry } from './scim-server.ts';

let registry: ScimRegistry;
let jana: string;

beforeAll(async () => {
  registry = await openScimRegistry();
  jana = await registry.addPerson('Jana Weber');
});

afterAll(() => registry.close());

let sequence = 0;
type Options = Parameters<ScimRegistry['send']>[2];
const body = (members: object = {}) => ({ schemas: [applicationUrn], name: `Application ${++sequence}`, ...members });
const post = (members: object = {}, options: Options = {}) => registry.send('POST /AgenticApplications', body(members), options);
const patch = (id: string, operation: object, options: Options = {}) =>
  registry.send(
    `PATCH /AgenticApplications/${id}`,
    { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [operation] },
    options,
  );
const find = async (endpoint: string, filter: string) =>
  (await registry.send(`GET ${endpoint}?filter=${encodeURIComponent(filter)}`)).body.Resources.map(({ id }) => id);
const addAgent = async (displayName = 'Agent') =>
  (await registry.send('POST /Agents', { schemas: [agentUrn], displayName, owners: [{ value: jana }] })).body.id;
const eventsAbout = (id: string) =>
  registry.sql<{ type: string; action: string | null; actor_id: string }>(
    `SELECT type, data->>'action' AS action, actor_id FROM audit_events WHERE resource = $1 ORDER BY type`,
    [id],
  );

test('one definition says everything: no attribute is taken that nothing keeps, none is returned that nothing shows', () => {
  expect(unboundAttributes(applicationDefinition)).toEqual([]);
});

describe('the AgenticApplication resource type', () => {
  test('what is posted comes back, and again on reading; each change is an event', async () => {
    const agent = await addAgent('Ledger');
    const described = {
      name: 'Invoices',
      displayName: 'Invoice desk',
      description: 'Pays suppliers',
      active: false,
      externalId: 'app-1',
      applicationUrls: [{ value: 'https://invoices.example/', type: 'homepage', primary: true, description: 'For people' }],
      oAuthConfiguration: [
        {
          clientId: 'invoices',
          audienceUri: 'https://api.example/invoices',
          issuerUri: 'http://localhost:4000',
          redirectUri: ['https://invoices.example/callback'],
        },
      ],
      externalIdentifiers: [{ value: '0oa1', type: 'app', system: 'okta' }],
    };
    const created = await post({ ...described, agents: [{ value: agent }] });
    expect([created.status, created.body]).toEqual([
      201,
      expect.objectContaining({
        ...described,
        agents: [{ value: agent, $ref: `${baseUrl}/Agents/${agent}`, display: 'Ledger', type: 'owned' }],
      }),
    ]);
    expect(created.body.id).toMatch(/^aap_[0-9a-f]{32}$/);
    expect(created.body.meta.location).toBe(`${baseUrl}/AgenticApplications/${created.body.id}`);
    const { id } = created.body;
    expect((await registry.send(`GET /AgenticApplications/${id}`)).body).toEqual(created.body);
    const replaced = await registry.send(`PUT /AgenticApplications/${id}`, body({ name: 'Invoices', active: true }));
    expect(replaced.body).not.toHaveProperty('agents');
    expect(replaced.body).toMatchObject({ active: true, meta: { version: 'W/"2"' } });
    expect((await registry.send(`DELETE /AgenticApplications/${id}`)).status).toBe(204);
    expect((await registry.send(`GET /AgenticApplications/${id}`)).status).toBe(404);
    expect(await eventsAbout(id)).toEqual([
      { type: 'application.created', action: null, actor_id: 'provisioner' },
      { type: 'application.deleted', action: null, actor_id: 'provisioner' },
      {
        type: 'application.updated',
        action: 'displayName description isActive urls oAuthConfiguration externalIdentifiers externalId agents',
        actor_id: 'provisioner',
      },
    ]);
  });

  test('a name is unique whatever its case, an externalId within its source', async () => {
    const first = await post({ name: 'Unique', externalId: 'x' });
    expect((await post({ name: 'uNIQUE' })).body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    expect((await post({ externalId: 'x' })).body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    expect((await post({ externalId: 'x' }, { as: 'elsewhere' })).status).toBe(201);
    const second = await post();
    expect((await patch(second.body.id, { op: 'replace', path: 'name', value: 'unique' })).status).toBe(409);
    expect((await registry.send(`DELETE /AgenticApplications/${first.body.id}`)).status).toBe(204);
    expect((await post({ name: 'unique' })).status).toBe(201);
  });

  test('of many that write the same version one wins', async () => {
    const { id, meta } = (await post()).body;
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        patch(id, { op: 'replace', path: 'description', value: `${index}` }, { ifMatch: meta.version }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    expect(await eventsAbout(id)).toHaveLength(2);
    expect((await registry.send(`DELETE /AgenticApplications/${id}`, undefined, { ifMatch: meta.version })).status).toBe(412);
  });

  test.each([
    ['name', { name: '\u202eevil' }],
    ['agents of nobody', { agents: [{ value: 'agt_nobody' }] }],
    ['an audience that is no https URI', { oAuthConfiguration: [{ audienceUri: 'http://api.example' }] }],
    ['an audience with userinfo', { oAuthConfiguration: [{ audienceUri: 'https://a:b@api.example' }] }],
    ['an issuer with empty userinfo', { oAuthConfiguration: [{ issuerUri: 'https://@api.example' }] }],
    ['an issuer with a fragment', { oAuthConfiguration: [{ issuerUri: 'https://api.example/#x' }] }],
    ['a URN as audience', { oAuthConfiguration: [{ audienceUri: 'urn:example:api' }] }],
    ['a redirect to a script', { oAuthConfiguration: [{ redirectUri: ['javascript:alert(1)'] }] }],
    ['a redirect in clear', { oAuthConfiguration: [{ redirectUri: ['https://ok.example/cb', 'http://ok.example/cb'] }] }],
    ['a redirect with a fragment', { oAuthConfiguration: [{ redirectUri: ['https://ok.example/cb#x'] }] }],
    ['two primary addresses', { applicationUrls: [1, 2].map((n) => ({ value: `https://${n}.example`, primary: true })) }],
  ])('400 for %s, and nothing is kept', async (_, members) => {
    const before = await registry.sql('SELECT id FROM agentic_applications');
    expect((await post(members)).body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    expect(await registry.sql('SELECT id FROM agentic_applications')).toEqual(before);
  });
});

describe('security rule R7', () => {
  test('OAuth configuration takes the governance right, in every direction; the rest does not', async () => {
    const oAuthConfiguration = [{ clientId: 'c', redirectUri: ['https://ok.example/cb'] }];
    const helper = { as: 'helper' } as const;
    expect((await post({ oAuthConfiguration }, helper)).status).toBe(403);
    const { id } = (await post({ oAuthConfiguration })).body;
    expect((await patch(id, { op: 'replace', path: 'description', value: 'Theirs' }, helper)).status).toBe(200);
    expect((await patch(id, { op: 'remove', path: 'oAuthConfiguration' }, helper)).status).toBe(403);
    const added = { op: 'add', path: 'oAuthConfiguration.redirectUri', value: ['https://evil.example/cb'] };
    expect((await patch(id, added, helper)).status).toBe(403);
    expect((await registry.send(`PUT /AgenticApplications/${id}`, body(), helper)).status).toBe(403);
    expect((await registry.send(`DELETE /AgenticApplications/${id}`, undefined, helper)).status).toBe(403);
    expect((await patch(id, added)).body['oAuthConfiguration']).toEqual([
      { clientId: 'c', redirectUri: ['https://ok.example/cb', 'https://evil.example/cb'] },
    ]);
    const plain = await post({}, helper);
    expect((await registry.send(`DELETE /AgenticApplications/${plain.body.id}`, undefined, helper)).status).toBe(204);
  });
});

describe('agents of an application', () => {
  test('are named on both sides, and a deleted agent on neither', async () => {
    const [own, guest] = [await addAgent('Own'), await addAgent('Guest')];
    const older = await post({ displayName: 'Older', agents: [{ value: own }, { value: guest, type: 'guest' }, { value: own }] });
    const newer = await post({ agents: [{ value: own, type: 'authorized' }] });
    expect(older.body['agents']).toEqual([
      expect.objectContaining({ value: own }),
      expect.objectContaining({ value: guest, type: 'guest' }),
    ]);
    const shown = (await registry.send(`GET /Agents/${own}`)).body;
    expect(shown['agenticApplicationId']).toBe(older.body.id);
    expect(shown['applications']).toEqual([
      { value: older.body.id, $ref: older.body.meta.location, display: 'Older', type: 'owned' },
      { value: newer.body.id, $ref: newer.body.meta.location, display: newer.body['name'], type: 'authorized' },
    ]);
    const listed = await registry.send(`GET /Agents?filter=${encodeURIComponent(`applications.value eq "${older.body.id}"`)}`);
    expect(listed.body.Resources.find(({ id }) => id === own)).toMatchObject({ applications: shown['applications'] });
    expect(listed.body.Resources.map(({ id }) => id).sort()).toEqual([own, guest].sort());
    expect(await find('/Agents', `applications[display eq "older" and type eq "guest"]`)).toEqual([guest]);
    expect(await find('/AgenticApplications', `agents[value eq "${own}" and type eq "authorized"]`)).toEqual([newer.body.id]);

    await registry.agents.remove(own, administrator);
    expect((await registry.send(`GET /AgenticApplications/${older.body.id}`)).body['agents']).toEqual([
      expect.objectContaining({ value: guest }),
    ]);
    expect(await find('/AgenticApplications', `agents.value eq "${own}"`)).toEqual([]);
    const renamed = await patch(older.body.id, { op: 'replace', path: 'displayName', value: 'Renamed' });
    expect([renamed.status, renamed.body['agents']]).toEqual([200, [expect.objectContaining({ value: guest })]]);
  });

  test('lastAccessed is the last time one of its own was seen, and can be filtered and sorted by', async () => {
    const [own, other] = [await addAgent(), await addAgent()];
    const { id } = (await post({ agents: [{ value: own }, { value: other, type: 'authorized' }], lastAccessed: '2020-01-01T00:00:00Z' }))
      .body;
    expect((await registry.send(`GET /AgenticApplications/${id}`)).body).not.toHaveProperty('lastAccessed');
    registry.agents.touch(own);
    const seenAt = registry.clock.now();
    await registry.agents.flushLastSeen();
    registry.advance(3600);
    registry.agents.touch(other);
    await registry.agents.flushLastSeen();
    const { lastAccessed } = (await registry.send(`GET /AgenticApplications/${id}`)).body as unknown as { lastAccessed: string };
    expect(Math.abs(Date.parse(lastAccessed) - seenAt.getTime())).toBeLessThan(60_000);
    expect(await find('/AgenticApplications', `lastAccessed eq "${lastAccessed}"`)).toEqual([id]);
    const sorted = await registry.send('GET /AgenticApplications?sortBy=lastAccessed&count=1');
    expect(sorted.body.Resources[0]?.id).toBe(id);
  });

  test('an agent that two writers name at once belongs to both, and a page asks once for all', async () => {
    const agent = await addAgent();
    const made = await Promise.all(Array.from({ length: 4 }, () => post({ agents: [{ value: agent }] })));
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    const ids = ((await registry.send(`GET /Agents/${agent}`)).body['applications'] as { value: string }[]).map(({ value }) => value);
    expect(ids).toEqual(made.map(({ body: one }) => one.id).sort());
  });
});
