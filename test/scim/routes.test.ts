import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/platform/errors.ts';
import { createScim } from '../../src/scim/index.ts';
import { createLamps, lampExtension, lampSchema } from './lamps.ts';
import { type Answer, type ScimServer, baseUrl, startScim } from './server.ts';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';
let scim: ScimServer;

beforeEach(async () => {
  scim = await startScim();
});
afterEach(() => scim.close());

const lampOf = (rest: object): object => ({ schemas: [lampSchema], ...rest });
const create = (rest: object): Promise<Answer> => scim.send('POST /Lamps', lampOf(rest));
const patch = (operation: object, headers: Record<string, string> = {}): Promise<Answer> =>
  scim.send('PATCH /Lamps/lamp-1', { schemas: [patchSchema], Operations: [operation] }, headers);
const failure = ({ status, body }: Answer): unknown => ({
  status,
  inBody: body.status,
  scimType: body['scimType'],
  schemas: body['schemas'],
});
const refusal = (status: number, scimType?: string): unknown => ({ status, inBody: String(status), scimType, schemas: [errorSchema] });

describe('RFC 7644 §3.3 create', () => {
  test('answers 201 with Location, ETag and the representation', async () => {
    const { status, headers, body } = await create({
      NAME: 'Hall',
      active: 'True',
      id: 'mine',
      lastLitAt: '2020-01-01T00:00:00Z',
      tags: [],
      secret: 'hush',
      owners: [{ value: 'u1', type: 'user' }],
      [lampExtension]: { status: 'Active' },
    });
    expect(status).toBe(201);
    expect(headers.get('content-type')).toBe('application/scim+json');
    expect(headers.get('location')).toBe(`${baseUrl}/Lamps/lamp-1`);
    expect(headers.get('etag')).toBe('W/"1"');
    expect(body).toEqual({
      schemas: [lampSchema, lampExtension],
      id: 'lamp-1',
      name: 'Hall',
      active: true,
      owners: [{ value: 'u1', type: 'User', display: 'Owner u1' }],
      [lampExtension]: { status: 'active' },
      meta: {
        resourceType: 'Lamp',
        created: '2026-01-01T00:00:00Z',
        lastModified: '2026-01-01T00:00:00Z',
        location: `${baseUrl}/Lamps/lamp-1`,
        version: 'W/"1"',
      },
    });
    expect(scim.lamps.callers).toEqual(['ada']);
  });

  test('takes application/json too and nothing else', async () => {
    const body = lampOf({ name: 'Hall' });
    expect((await scim.send('POST /Lamps', body, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(201);
    expect(failure(await scim.send('POST /Lamps', body, { 'content-type': 'text/plain' }))).toEqual(refusal(415));
  });

  test('§3.12 uniqueness: a taken name is 409', async () => {
    await create({ name: 'Hall' });
    expect(failure(await create({ name: 'HALL' }))).toEqual(refusal(409, 'uniqueness'));
  });

  const malformed: [string, unknown, string][] = [
    ['a required attribute is missing', lampOf({}), 'invalidValue'],
    ['a required attribute is null', lampOf({ name: null }), 'invalidValue'],
    ['an unknown attribute', lampOf({ name: 'a', colour: 'red' }), 'invalidSyntax'],
    ['an inherited name', `{"schemas":["${lampSchema}"],"name":"a","__proto__":{"x":1}}`, 'invalidSyntax'],
    ['a name twice in two cases', lampOf({ name: 'a', Name: 'b' }), 'invalidSyntax'],
    ['a wrong type', lampOf({ name: 5 }), 'invalidValue'],
    ['text beyond its bound', lampOf({ name: 'x'.repeat(101) }), 'invalidValue'],
    ['NUL in text', lampOf({ name: 'a\u0000' }), 'invalidValue'],
    ['a fraction for an integer', lampOf({ name: 'a', watts: 1.5 }), 'invalidValue'],
    ['a value outside the canonical ones', lampOf({ name: 'a', [lampExtension]: { status: 'lit' } }), 'invalidValue'],
    ['a bad dateTime', lampOf({ name: 'a', [lampExtension]: { checkedAt: 'soon' } }), 'invalidValue'],
    ['an object for an array', lampOf({ name: 'a', tags: 'x' }), 'invalidValue'],
    ['too many values', lampOf({ name: 'a', tags: ['1', '2', '3', '4', '5', '6'] }), 'invalidValue'],
    [
      'two primary values',
      lampOf({
        name: 'a',
        owners: [
          { value: '1', primary: true },
          { value: '2', primary: true },
        ],
      }),
      'invalidValue',
    ],
    ['a required sub-attribute is missing', lampOf({ name: 'a', owners: [{ type: 'User' }] }), 'invalidValue'],
    ['no schemas', { name: 'a' }, 'invalidSyntax'],
    ['other schemas', { schemas: ['urn:x'], name: 'a' }, 'invalidValue'],
    ['an unknown extension', { schemas: [lampSchema, 'urn:x'], name: 'a' }, 'invalidValue'],
    ['an array', [], 'invalidSyntax'],
    ['no JSON', '{', 'invalidSyntax'],
  ];
  test.each(malformed)('§3.12 400: %s', async (_title, body, scimType) => {
    expect(failure(await scim.send('POST /Lamps', body))).toEqual(refusal(400, scimType));
    expect(scim.lamps.callers).toEqual([]);
  });

  test('the detail names the path that is wrong', async () => {
    expect((await create({ name: 'a', owners: [{ value: 'u' }, { value: 5 }] })).body['detail']).toBe('owners[1].value is a string.');
  });
});

describe('RFC 7644 §3.4.1, §3.14 read', () => {
  test('by id, with its version; an unknown id is 404', async () => {
    await create({ name: 'Hall' });
    const { status, headers, body } = await scim.send('GET /Lamps/lamp-1');
    expect([status, headers.get('etag'), body['name']]).toEqual([200, 'W/"1"', 'Hall']);
    expect(failure(await scim.send('GET /Lamps/lamp-9'))).toEqual(refusal(404));
    expect(failure(await scim.send(`GET /Lamps/${'x'.repeat(201)}`))).toEqual(refusal(404));
  });

  test.each(['W/"1"', '"1"', '*', '"0", W/"1"'])('§3.14 If-None-Match %s is 304', async (tag) => {
    await create({ name: 'Hall' });
    const { status, headers, text } = await scim.send('GET /Lamps/lamp-1', undefined, { 'if-none-match': tag });
    expect([status, headers.get('etag'), text]).toEqual([304, 'W/"1"', '']);
    expect((await scim.send('GET /Lamps/lamp-1', undefined, { 'if-none-match': 'W/"2"' })).status).toBe(200);
  });
});

describe('RFC 7644 §3.9, RFC 7643 §7 what is returned', () => {
  const full = {
    name: 'Hall',
    manual: 'long',
    secret: 'hush',
    place: { room: 'hall', floor: 1 },
    owners: [{ value: 'u1', type: 'User' }],
    [lampExtension]: { status: 'active', checkedAt: '2026-01-01T00:00:00Z' },
  };
  const cases: [string, string, object][] = [
    ['only what is named, and what is always returned', 'attributes=Name', { name: 'Hall' }],
    ['a sub-attribute', 'attributes=place.FLOOR,owners.type', { place: { floor: 1 }, owners: [{ type: 'User' }] }],
    ['returned on request', 'attributes=manual', { manual: 'long' }],
    ['never what is never returned', 'attributes=secret,hidden', {}],
    ['an attribute of an extension', `attributes=${lampExtension}:status`, { [lampExtension]: { status: 'active' } }],
    ['a whole extension', `attributes=${lampExtension}`, { [lampExtension]: { status: 'active', checkedAt: '2026-01-01T00:00:00Z' } }],
    [
      'all but what is excluded',
      `excludedAttributes=meta,place.room,owners,id,${lampExtension}:status`,
      { name: 'Hall', place: { floor: 1 }, [lampExtension]: { checkedAt: '2026-01-01T00:00:00Z' } },
    ],
  ];
  test.each(cases)('%s', async (_title, query, expected) => {
    await create(full);
    const { body } = await scim.send(`GET /Lamps/lamp-1?${query}`);
    expect(body).toEqual({ schemas: [lampSchema, lampExtension], id: 'lamp-1', ...expected });
  });

  test('without a selection: neither never nor request, nor what the store adds of its own', async () => {
    await create(full);
    expect(Object.keys((await scim.send('GET /Lamps/lamp-1')).body).sort()).toEqual(
      ['id', 'meta', 'name', 'owners', 'place', 'schemas', lampExtension].sort(),
    );
  });

  test('attributes and excludedAttributes together are 400, before anything is written', async () => {
    expect(failure(await scim.send('POST /Lamps?attributes=name&excludedAttributes=id', lampOf({ name: 'a' })))).toEqual(
      refusal(400, 'invalidValue'),
    );
    expect(scim.lamps.callers).toEqual([]);
  });
});

describe('RFC 7644 §3.5.1 replace', () => {
  test('drops what is not sent and answers the new version', async () => {
    await create({ name: 'Hall', active: true });
    const { status, headers, body } = await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'Porch' }), { 'if-match': 'W/"1"' });
    expect([status, headers.get('etag'), body['name'], body['active']]).toEqual([200, 'W/"2"', 'Porch', undefined]);
  });

  test('§3.12 mutability: an immutable attribute keeps its value', async () => {
    await create({ name: 'Hall', serial: 'S1' });
    expect(failure(await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'Hall', serial: 'S2' })))).toEqual(refusal(400, 'mutability'));
    expect(failure(await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'Hall' })))).toEqual(refusal(400, 'mutability'));
    expect((await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'Hall', serial: 'S1' }))).status).toBe(200);
  });

  test('§3.14 a stale If-Match is 412 for PUT, PATCH and DELETE', async () => {
    await create({ name: 'Hall' });
    const stale = { 'if-match': 'W/"0"' };
    expect(failure(await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'x' }), stale))).toEqual(refusal(412));
    expect(failure(await patch({ op: 'replace', path: 'name', value: 'x' }, stale))).toEqual(refusal(412));
    expect(failure(await scim.send('DELETE /Lamps/lamp-1', undefined, stale))).toEqual(refusal(412));
    expect((await scim.send('GET /Lamps/lamp-1')).body['name']).toBe('Hall');
  });

  test('§3.14 a writer in between is noticed although the version was right when it was read', async () => {
    await create({ name: 'Hall' });
    scim.lamps.beforeNextReplace(() => scim.lamps.touch('lamp-1'));
    expect(failure(await scim.send('PUT /Lamps/lamp-1', lampOf({ name: 'x' }), { 'if-match': 'W/"1"' }))).toEqual(refusal(412));
  });
});

describe('RFC 7644 §3.5.2 modify', () => {
  test('answers the patched resource; a patch that changes nothing writes nothing', async () => {
    await create({ name: 'Hall', owners: [{ value: 'u1' }] });
    const changed = await patch({ op: 'Add', path: 'owners', value: [{ value: 'u2' }] });
    expect([changed.status, changed.headers.get('etag'), changed.body['owners']]).toEqual([
      200,
      'W/"2"',
      [
        { value: 'u1', display: 'Owner u1' },
        { value: 'u2', display: 'Owner u2' },
      ],
    ]);
    const same = await patch({ op: 'add', path: 'owners', value: [{ value: 'u1' }] }, { 'if-match': 'W/"2"' });
    expect([same.status, same.headers.get('etag')]).toEqual([200, 'W/"2"']);
  });

  test('a writeOnly attribute reaches the store and never comes back', async () => {
    await create({ name: 'Hall' });
    const { headers, body } = await patch({ op: 'replace', path: 'secret', value: 'hush' });
    expect([headers.get('etag'), body['secret']]).toEqual(['W/"2"', undefined]);
  });

  test('a lost race is tried again without If-Match, and is 412 with it', async () => {
    await create({ name: 'Hall' });
    scim.lamps.beforeNextReplace(() => scim.lamps.touch('lamp-1'));
    expect((await patch({ op: 'replace', path: 'name', value: 'Porch' })).headers.get('etag')).toBe('W/"3"');
    scim.lamps.beforeNextReplace(() => scim.lamps.touch('lamp-1'));
    expect(failure(await patch({ op: 'replace', path: 'name', value: 'x' }, { 'if-match': 'W/"3"' }))).toEqual(refusal(412));
  });

  test('a race that is lost three times is 409', async () => {
    await create({ name: 'Hall' });
    const interfere = (): void => {
      scim.lamps.touch('lamp-1');
      scim.lamps.beforeNextReplace(interfere);
    };
    scim.lamps.beforeNextReplace(interfere);
    expect(failure(await patch({ op: 'replace', path: 'name', value: 'x' }))).toEqual(refusal(409));
  });

  test('§3.12 the whole is checked after the operations', async () => {
    await create({ name: 'Hall' });
    expect(failure(await patch({ op: 'add', path: 'owners[type eq "User"].display', value: 'x' }))).toEqual(refusal(400, 'mutability'));
    expect(failure(await patch({ op: 'add', path: 'owners[type eq "User"].primary', value: true }))).toEqual(refusal(400, 'invalidValue'));
  });
});

describe('RFC 7644 §3.6 delete', () => {
  test('answers 204, then 404', async () => {
    await create({ name: 'Hall' });
    const { status, text } = await scim.send('DELETE /Lamps/lamp-1', undefined, { 'if-match': 'W/"1"' });
    expect([status, text]).toEqual([204, '']);
    expect(failure(await scim.send('DELETE /Lamps/lamp-1'))).toEqual(refusal(404));
  });
});

describe('RFC 7644 §3.11 /Me', () => {
  const asLamp = { authorization: 'lamp-1 scim:read scim:write' };

  test('is the resource the token speaks for, under every method, and names its permanent place', async () => {
    await create({ name: 'Hall' });
    const read = await scim.send('GET /Me?attributes=name', undefined, asLamp);
    expect(read).toMatchObject({ status: 200, body: { id: 'lamp-1', name: 'Hall' } });
    const replaced = await scim.send('PUT /Me', lampOf({ name: 'Porch' }), { ...asLamp, 'if-match': 'W/"1"' });
    expect(replaced).toMatchObject({ status: 200, body: { name: 'Porch', meta: { location: `${baseUrl}/Lamps/lamp-1` } } });
    const operation = { schemas: [patchSchema], Operations: [{ op: 'replace', path: 'watts', value: 5 }] };
    const patched = await scim.send('PATCH /Me', operation, asLamp);
    expect(patched).toMatchObject({ status: 200, body: { watts: 5 } });
    expect(failure(await scim.send('DELETE /Me', undefined, { ...asLamp, 'if-match': 'W/"1"' }))).toEqual(refusal(412));
    const removed = await scim.send('DELETE /Me', undefined, asLamp);
    expect(removed.status).toBe(204);
    for (const { headers } of [read, replaced, patched, removed]) expect(headers.get('location')).toBe(`${baseUrl}/Lamps/lamp-1`);
    expect(failure(await scim.send('GET /Me', undefined, asLamp))).toEqual(refusal(404));
  });

  test('asks for the same scopes, and is 404 with the reason for who is no resource', async () => {
    expect(failure(await scim.send('GET /Me', undefined, { authorization: '' }))).toEqual(refusal(401));
    expect(failure(await scim.send('DELETE /Me', undefined, { authorization: 'lamp-1 scim:read' }))).toEqual(refusal(403));
    const nobody = await scim.send('GET /Me');
    expect([failure(nobody), nobody.body['detail']]).toEqual([refusal(404), expect.stringContaining('speaks for nobody')]);
    expect(failure(await scim.send('POST /Me', {}, asLamp))).toEqual(refusal(405));
  });
});

describe('RFC 7644 §3.12, §3.2 refusals', () => {
  test('nobody is let in without the guard, on any endpoint', async () => {
    const anonymous = { authorization: '' };
    for (const target of [
      'GET /Lamps',
      'GET /Lamps/1',
      'GET /Schemas',
      'GET /Schemas/x',
      'GET /ResourceTypes',
      'GET /ServiceProviderConfig',
      'DELETE /Lamps/1',
    ]) {
      const answer = await scim.send(target, undefined, anonymous);
      expect([target, failure(answer), answer.headers.get('www-authenticate')]).toEqual([target, refusal(401), 'Bearer']);
    }
    for (const target of ['POST /Lamps', 'PUT /Lamps/1', 'PATCH /Lamps/1', 'POST /Lamps/.search', 'POST /.search']) {
      expect([target, failure(await scim.send(target, {}, anonymous))]).toEqual([target, refusal(401)]);
    }
  });

  test('reading does not let one write, and a refusal by policy carries its decision', async () => {
    const reader = { authorization: 'bob scim:read' };
    for (const target of ['POST /Lamps', 'PUT /Lamps/1', 'PATCH /Lamps/1', 'DELETE /Lamps/1']) {
      const answer = await scim.send(target, target.startsWith('DELETE') ? undefined : {}, reader);
      expect([target, failure(answer), answer.body['decision_id']]).toEqual([target, refusal(403), 'dec_1']);
    }
  });

  test('unknown endpoints are 404, other methods 405', async () => {
    expect(failure(await scim.send('GET /Lumps'))).toEqual(refusal(404));
    expect(failure(await scim.send('GET '))).toEqual(refusal(404));
    const answer = await scim.send('DELETE /Lamps');
    expect([failure(answer), answer.headers.get('allow')]).toEqual([refusal(405), 'HEAD, GET, POST']);
    expect(failure(await scim.send('GET /Bulk'))).toEqual(refusal(405));
    expect(failure(await scim.send('GET /Lamps/%ff'))).toEqual(refusal(400, 'invalidSyntax'));
  });

  test('paths beside the room are left to others', async () => {
    expect((await scim.send('GET !/scim/v22')).text).toBe('elsewhere');
  });

  test('an unknown error is 500 without its words, and reaches the log', async () => {
    await scim.close();
    const lamps = { ...createLamps(), get: () => Promise.reject(new Error('password=hunter2')) };
    scim = await startScim(lamps);
    const answer = await scim.send('GET /Lamps/1');
    expect([failure(answer), JSON.stringify(answer.body).includes('hunter2')]).toEqual([refusal(500), false]);
    expect(scim.failures).toHaveLength(1);
  });

  test('a database out of reach is 503 and tells when to come back', async () => {
    await scim.close();
    const away = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });
    scim = await startScim({ ...createLamps(), get: () => Promise.reject(away) });
    const answer = await scim.send('GET /Lamps/1');
    expect([failure(answer), answer.headers.get('retry-after'), answer.text.includes('10.0.0.7')]).toEqual([refusal(503), '5', false]);
  });

  test('a refusal that tells when to come back says so', async () => {
    await scim.close();
    scim = await startScim({
      ...createLamps(),
      get: () => Promise.reject(new AppError('too_many_requests', 'Slower.', { retryAfterSeconds: 7 })),
    });
    const answer = await scim.send('GET /Lamps/1');
    expect([failure(answer), answer.headers.get('retry-after')]).toEqual([refusal(429), '7']);
  });
});

describe('createScim', () => {
  const start = (...types: object[]): unknown =>
    createScim({
      resourceTypes: types as never,
      baseUrl,
      guard: async () => '',
      readJson: async () => ({}),
      identify: () => '',
      me: () => undefined,
      failureOf: () => {
        throw new Error('unreachable');
      },
      clock: { now: () => new Date() },
    });

  test('refuses to start on contradicting resource types', () => {
    const lamp = createLamps();
    expect(() => start(lamp, { ...lamp, endpoint: '/Others', schema: { ...lamp.schema, urn: 'urn:x' } })).toThrow(
      'resource type lamp is contributed twice',
    );
    expect(() => start(lamp, { ...lamp, name: 'Other', schema: { ...lamp.schema, urn: 'urn:x' } })).toThrow(
      'endpoint /lamps is contributed twice',
    );
    expect(() => start(lamp, { ...lamp, name: 'Other', endpoint: '/Others' })).toThrow('is contributed twice');
    expect(() => start({ ...lamp, endpoint: '/Schemas' })).toThrow('endpoint /schemas is contributed twice');
    expect(() => start({ ...lamp, endpoint: '/a/b' })).toThrow('is not one path segment');
  });
});
