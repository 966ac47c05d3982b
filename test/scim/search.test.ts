import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lampExtension, lampSchema } from './lamps.ts';
import { type Answer, type ScimServer, baseUrl, startScim } from './server.ts';

const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
let scim: ScimServer;

beforeEach(async () => {
  scim = await startScim();
  for (const name of ['Delta', 'Alpha', 'Charlie', 'Bravo', 'Echo'])
    await scim.send('POST /Lamps', { schemas: [lampSchema], name, owners: [{ value: name.slice(0, 1) }] });
});
afterEach(() => scim.close());

const namesOf = ({ body }: Pick<Answer, 'body'>): unknown[] => body.Resources.map((resource) => resource['name']);
const encoded = (filter: string): string => encodeURIComponent(filter);

describe('RFC 7644 §3.4.2 list', () => {
  test('answers a ListResponse of presented resources', async () => {
    const { status, headers, body } = await scim.send('GET /Lamps');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/scim+json']);
    expect({ ...body, Resources: body.Resources.length }).toEqual({
      schemas: [listSchema],
      totalResults: 5,
      startIndex: 1,
      itemsPerPage: 5,
      Resources: 5,
    });
    expect(body.Resources[0]?.meta).toMatchObject({ resourceType: 'Lamp', location: `${baseUrl}/Lamps/lamp-1` });
  });

  test('§3.4.2.2 filters and §3.4.2.3 sorts and §3.9 selects', async () => {
    const answer = await scim.send(
      `GET /Lamps?filter=${encoded('owners[value eq "A" or value eq "B"]')}&sortBy=name&sortOrder=descending&attributes=name`,
    );
    expect(answer.body.Resources).toEqual([
      { schemas: [lampSchema], id: 'lamp-4', name: 'Bravo' },
      { schemas: [lampSchema], id: 'lamp-2', name: 'Alpha' },
    ]);
  });

  test('§3.4.2.4 pages by index: startIndex below 1 is 1, a negative count 0, a count above 200 is 200', async () => {
    expect(namesOf(await scim.send('GET /Lamps?startIndex=4&count=10'))).toEqual(['Bravo', 'Echo']);
    expect((await scim.send('GET /Lamps?startIndex=-3&count=1')).body).toMatchObject({ startIndex: 1, itemsPerPage: 1, totalResults: 5 });
    expect((await scim.send('GET /Lamps?count=-1')).body).toMatchObject({ itemsPerPage: 0, totalResults: 5 });
    for (let each = 0; each < 200; each += 1) await scim.lamps.create({ name: `lamp ${each}` }, 'ada');
    expect((await scim.send('GET /Lamps?count=1000')).body).toMatchObject({ itemsPerPage: 200, totalResults: 205 });
    expect((await scim.send('GET /Lamps')).body).toMatchObject({ itemsPerPage: 100, totalResults: 205 });
  });

  const malformed: [string, string][] = [
    ['filter=colour%20pr', 'invalidFilter'],
    ['sortBy=colour', 'invalidPath'],
    ['sortBy=name&sortOrder=up', 'invalidValue'],
    ['count=many', 'invalidValue'],
    ['startIndex=1.5', 'invalidValue'],
    ['filter=name%20pr&filter=id%20pr', 'invalidValue'],
    ['attributes=id&excludedAttributes=name', 'invalidValue'],
  ];
  test.each(malformed)('§3.12 400: %s', async (query, scimType) => {
    const { status, body } = await scim.send(`GET /Lamps?${query}`);
    expect([status, body.status, body['scimType']]).toEqual([400, '400', scimType]);
  });
});

describe('RFC 9865 cursors', () => {
  test('§2 an empty cursor starts, nextCursor goes on, the last page has none', async () => {
    const query = `filter=${encoded('name ne "Echo"')}&sortBy=name&count=3`;
    const first = await scim.send(`GET /Lamps?${query}&cursor=`);
    expect(namesOf(first)).toEqual(['Alpha', 'Bravo', 'Charlie']);
    expect(first.body['startIndex']).toBeUndefined();
    expect(first.body.nextCursor).toMatch(/^[\w-]+$/);
    const last = await scim.send(`GET /Lamps?${query}&cursor=${first.body.nextCursor}`);
    expect([namesOf(last), last.body.nextCursor]).toEqual([['Delta'], undefined]);
  });

  test('§2.1 invalidCursor for a foreign or broken one, invalidCount, and no startIndex beside it', async () => {
    const {
      body: { nextCursor },
    } = await scim.send('GET /Lamps?count=1&cursor=');
    const scimTypeOf = async (query: string): Promise<unknown> => (await scim.send(`GET /Lamps?${query}`)).body['scimType'];
    expect(await scimTypeOf(`cursor=${nextCursor}&sortBy=name`)).toBe('invalidCursor');
    expect(await scimTypeOf('cursor=bm9uc2Vuc2U')).toBe('invalidCursor');
    expect(await scimTypeOf('cursor=&count=0')).toBe('invalidCount');
    expect(await scimTypeOf('cursor=&count=few')).toBe('invalidCount');
    expect(await scimTypeOf('cursor=&startIndex=2')).toBe('invalidValue');
    expect((await scim.send(`GET /Torches?cursor=${nextCursor}`)).body['scimType']).toBe('invalidCursor');
  });
});

describe('RFC 9865 §2.2 a cursor belongs to its caller', () => {
  test('another caller hears invalidCursor, by GET and by search', async () => {
    const { body } = await scim.send('GET /Lamps?count=1&cursor=');
    const asBob = { authorization: 'bob scim:read' };
    const stolen = await scim.send(`GET /Lamps?count=1&cursor=${body.nextCursor}`, undefined, asBob);
    expect([stolen.status, stolen.body['scimType']]).toEqual([400, 'invalidCursor']);
    const search = { schemas: [searchSchema], count: 1, cursor: body.nextCursor };
    expect((await scim.send('POST /Lamps/.search', search, asBob)).body['scimType']).toBe('invalidCursor');
    expect(namesOf(await scim.send('POST /Lamps/.search', search))).toEqual(['Alpha']);
  });
});

describe('RFC 7644 §3.4.3 search by POST', () => {
  const search = (path: string, rest: object): Promise<Answer> => scim.send(`POST ${path}/.search`, { schemas: [searchSchema], ...rest });

  test('takes the parameters of a list in the body', async () => {
    const { status, body } = await search('/Lamps', {
      filter: 'name co "a"',
      sortBy: 'name',
      sortOrder: 'ascending',
      startIndex: 2,
      count: 2,
      attributes: ['name'],
    });
    expect([status, body['totalResults'], namesOf({ body })]).toEqual([200, 4, ['Bravo', 'Charlie']]);
    const paged = await search('/Lamps', { cursor: '', count: 2 });
    expect(namesOf(await search('/Lamps', { cursor: paged.body.nextCursor, count: 2 }))).toEqual(['Charlie', 'Bravo']);
  });

  test('refuses a body that is no SearchRequest', async () => {
    expect((await scim.send('POST /Lamps/.search', {})).body['scimType']).toBe('invalidSyntax');
    expect((await search('/Lamps', { filter: 5 })).body['scimType']).toBe('invalidValue');
    expect((await search('/Lamps', { attributes: [5] })).body['scimType']).toBe('invalidValue');
  });

  test('at the root it goes over all types, and skips those that lack the attribute', async () => {
    await scim.send('POST /Torches', { schemas: ['urn:example:Torch'], externalId: 'x' });
    const all = await search('', { startIndex: 5, count: 3 });
    expect([all.body['totalResults'], all.body['startIndex'], all.body.Resources.map(({ meta }) => meta.resourceType)]).toEqual([
      6,
      5,
      ['Lamp', 'Torch'],
    ]);
    expect((await search('', { filter: 'name eq "alpha"' })).body['totalResults']).toBe(1);
    expect((await search('', { filter: 'externalId pr' })).body).toMatchObject({ totalResults: 1, Resources: [{ externalId: 'x' }] });
    expect((await search('', { filter: 'colour pr' })).body).toMatchObject({ status: '400', scimType: 'invalidFilter' });
    expect((await search('', { cursor: '' })).body['scimType']).toBe('invalidCursor');
  });
});

describe('RFC 7644 §4 discovery', () => {
  test('ServiceProviderConfig says what is there, with what resource types add', async () => {
    const { body } = await scim.send('GET /ServiceProviderConfig');
    expect(body).toMatchObject({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 2_097_152 },
      filter: { supported: true, maxResults: 200 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      pagination: { cursor: true, index: true, defaultPaginationMethod: 'index', defaultPageSize: 100, maxPageSize: 200 },
      lampExtension: { supported: true },
    });
    expect(body.authenticationSchemes[0]?.type).toBe('oauthbearertoken');
  });

  test('ResourceTypes, all and one', async () => {
    expect((await scim.send('GET /ResourceTypes')).body).toMatchObject({ schemas: [listSchema], totalResults: 2, itemsPerPage: 2 });
    expect((await scim.send('GET /ResourceTypes/Lamp')).body).toMatchObject({
      id: 'Lamp',
      endpoint: '/Lamps',
      schema: lampSchema,
      schemaExtensions: [{ schema: lampExtension, required: false }],
      meta: { location: `${baseUrl}/ResourceTypes/Lamp` },
    });
    expect((await scim.send('GET /ResourceTypes/Lump')).status).toBe(404);
  });

  test('Schemas, all and one, without our bounds', async () => {
    expect((await scim.send('GET /Schemas')).body.Resources.map((schema) => schema['id'])).toEqual([
      lampSchema,
      lampExtension,
      'urn:example:Torch',
    ]);
    const { body } = await scim.send(`GET /Schemas/${lampSchema}`);
    expect(body.attributes[0]).toEqual({
      name: 'name',
      type: 'string',
      description: '',
      multiValued: false,
      required: true,
      caseExact: false,
      mutability: 'readWrite',
      returned: 'default',
      uniqueness: 'server',
    });
    expect(body.attributes.at(-1)?.subAttributes).toHaveLength(4);
  });

  test('a filter is 403', async () => {
    expect((await scim.send('GET /Schemas?filter=id%20pr')).body.status).toBe('403');
  });
});
