import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ApiCaller } from '../../src/platform/http/web.ts';
import { agentUrn, baseUrl, extensionUrn, openScimRegistry, type ScimRegistry } from './scim-server.ts';
import { administrator } from './registry.ts';

let registry: ScimRegistry;
let jana: string;

beforeAll(async () => {
  registry = await openScimRegistry();
  jana = await registry.addPerson('Jana Weber');
});
afterAll(() => registry.close());
beforeEach(async () => {
  await registry.sql('DELETE FROM agent_clients');
  await registry.sql('DELETE FROM agents');
});

interface Result {
  readonly status: string;
  readonly bulkId: string;
  readonly location?: string;
  readonly version?: string;
  readonly response?: { readonly scimType?: string; readonly detail: string };
}

type As = 'provisioner' | 'helper';
const bodyOf = (members: object): object => ({ schemas: [agentUrn, extensionUrn], ...members });
const bulk = async (bodies: readonly object[], as: As = 'provisioner'): Promise<readonly Result[]> => {
  const operations = bodies.map((members, at) => ({ method: 'POST', path: '/Agents', bulkId: `b${at}`, data: bodyOf(members) }));
  const request = { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: operations };
  const { status, body } = await registry.send('POST /Bulk', request, { as });
  expect(status).toBe(200);
  return body['Operations'] as readonly Result[];
};
const refusedOf = (results: readonly Result[]): unknown[] =>
  results.filter(({ status }) => status !== '201').map(({ bulkId, status, response }) => [bulkId, status, response?.scimType]);
const idIn = (result: Result | undefined): string => result?.location?.split('/').at(-1) ?? '';
const count = async (): Promise<number> => (await registry.sql<{ n: number }>('SELECT count(*)::int AS n FROM agents'))[0]?.n ?? -1;
const bots = (many: number): { name: string; [member: string]: unknown }[] =>
  Array.from({ length: many }, (_, at) => ({ name: `bot ${at}` }));

describe('many agents at once', () => {
  test('one of 500 has a name that is taken: 499 are created, one is 409', async () => {
    await registry.send('POST /Agents', bodyOf({ name: 'bot 77' }));
    const results = await bulk(bots(500).map((bot, at) => (at === 77 ? { name: 'BOT 77' } : bot)));
    expect(refusedOf(results)).toEqual([['b77', '409', 'uniqueness']]);
    expect(await count()).toBe(500);
    expect(results[499]).toMatchObject({ location: expect.stringMatching(`^${baseUrl}/Agents/agt_`), version: 'W/"1"' });
    expect((await registry.send(`GET /Agents/${idIn(results[499])}`)).body).toMatchObject({ name: 'bot 499', meta: { version: 'W/"1"' } });
  });

  test('of two in one batch that are the same the first is created; each refusal names its rule', async () => {
    const results = await bulk([
      { name: 'a', externalId: '1' },
      { name: 'A' },
      { name: 'b', externalId: '1' },
      { name: 'c', externalId: '2' },
    ]);
    expect(results.map(({ status, response }) => [status, response?.detail])).toEqual([
      ['201', undefined],
      ['409', 'Another agent has this name.'],
      ['409', 'Another agent from this source has this externalId.'],
      ['201', undefined],
    ]);
  });

  test('what is created, and its events, are those of a single creation', async () => {
    const members = {
      name: 'full',
      displayName: 'Full',
      description: 'All there is',
      externalId: 'x-1',
      owners: [{ value: jana }],
      roles: [{ value: 'r', primary: true }],
      [extensionUrn]: {
        status: 'active',
        dataClasses: ['pii', 'a,b'],
        model: { provider: 'acme', name: 'm' },
        maxDelegationDepth: 2,
        validUntil: '2030-01-31T00:00:00Z',
      },
    };
    const single = (await registry.send('POST /Agents', bodyOf(members))).body;
    const single2 = await registry.send(`GET /Agents/${single.id}`);
    await registry.send(`DELETE /Agents/${single.id}`);
    const [first] = await bulk([members, { name: 'other' }]);
    const { body } = await registry.send(`GET /Agents/${idIn(first)}`);
    const comparable = ({ id: _id, meta: _meta, ...rest }: typeof body) => rest;
    expect(comparable(body)).toEqual(comparable(single2.body));
    expect(await registry.eventsOf(idIn(first))).toEqual(['agent.activated', 'agent.proposed']);
    const { events } = await registry.audit.list({ agentId: idIn(first), limit: 10 });
    expect(events.map(({ event }) => event.actor)).toEqual(Array(2).fill({ kind: 'client', id: 'provisioner' }));
  });

  test('R7: a governed attribute without the right is that one’s 403', async () => {
    const results = await bulk([{ name: 'a' }, { name: 'b', owners: [{ value: jana }] }, { name: 'c', active: true }], 'helper');
    expect(refusedOf(results)).toEqual([
      ['b1', '403', undefined],
      ['b2', '403', undefined],
    ]);
  });

  test('an owner nobody knows, or who was shut out, is that one’s 400; each owner is looked up once', async () => {
    const gone = await registry.addPerson('Gone Person');
    await registry.disable(gone);
    const known = bots(100).map((bot) => ({ ...bot, owners: [{ value: jana }], active: true }));
    const before = registry.ownersAsked.length;
    const results = await bulk([...known, { name: 'x', owners: [{ value: 'usr_nobody' }] }, { name: 'y', owners: [{ value: gone }] }]);
    expect(refusedOf(results)).toEqual([
      ['b100', '400', 'invalidValue'],
      ['b101', '400', 'invalidValue'],
    ]);
    expect(registry.ownersAsked.slice(before).sort()).toEqual([jana, 'usr_nobody', gone].sort());
  });

  test('agents with a parent are made one by one, under the rules for parents', async () => {
    const [parent] = await bulk([{ name: 'parent' }, { name: 'other' }]);
    await registry.agents.update(idIn(parent), { changes: { maxChildren: 1, maxChildDepth: 1 } }, administrator);
    const results = await bulk([
      { name: 'child', parent: { value: idIn(parent) } },
      { name: 'lost', parent: { value: 'agt_nobody' } },
      { name: 'one too many', parent: { value: idIn(parent) } },
      { name: 'free' },
    ]);
    expect(refusedOf(results)).toEqual([
      ['b1', '400', 'invalidValue'],
      ['b2', '409', undefined],
    ]);
    expect((await registry.send(`GET /Agents/${idIn(results[0])}`)).body).toMatchObject({ parent: { value: idIn(parent) } });
  });
});

describe('a batch is whole', () => {
  const caller: ApiCaller = {
    clientId: 'provisioner',
    subject: 'svc_provisioner',
    subjectProfile: 'service',
    accountId: undefined,
    scopes: new Set(['scim:write']),
    hasGovernance: true,
    jti: 'jti',
  };
  const events = async (): Promise<number> =>
    (await registry.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit_events'))[0]?.n ?? -1;

  beforeAll(async () => {
    await registry.sql(`CREATE FUNCTION break_one() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.name = 'bot 250' THEN RAISE EXCEPTION 'broken on purpose'; END IF; RETURN NEW; END $$`);
    await registry.sql('CREATE TRIGGER break_one BEFORE INSERT ON agents FOR EACH ROW EXECUTE FUNCTION break_one()');
  });
  afterAll(() => registry.sql('DROP TRIGGER break_one ON agents'));

  test('a throw in the middle leaves neither agents nor events of it', async () => {
    const [type] = registry.agents.capability.scim ?? [];
    const before = await events();
    await expect(type?.createMany?.(bots(300), caller)).rejects.toThrow('broken on purpose');
    expect([await count(), await events()]).toEqual([0, before]);
  });

  test('over /Bulk the one that broke it is then the only one that fails', async () => {
    const results = await bulk(bots(300));
    expect(refusedOf(results)).toEqual([['b250', '500', undefined]]);
    expect(await count()).toBe(299);
    expect(registry.failures).toHaveLength(2);
  });
});
