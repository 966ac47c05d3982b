import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLamps, lampSchema } from './lamps.ts';
import { type Answer, type ScimServer, baseUrl, startScim } from './server.ts';

const requestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const responseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
let scim: ScimServer;

beforeEach(async () => {
  scim = await startScim();
});
afterEach(() => scim.close());

interface Result {
  readonly status: string;
  readonly location?: string;
  readonly version?: string;
  readonly bulkId?: string;
  readonly response?: { readonly status: string; readonly scimType?: string; readonly detail: string; readonly schemas: readonly string[] };
}

const lampOf = (rest: object): object => ({ schemas: [lampSchema], ...rest });
const post = (bulkId: string, rest: object, path = '/Lamps'): object => ({ method: 'POST', path, bulkId, data: lampOf(rest) });
const bulk = (operations: readonly unknown[], rest: object = {}): Promise<Answer> =>
  scim.send('POST /Bulk', { schemas: [requestSchema], Operations: operations, ...rest });
const resultsOf = ({ body }: Answer): readonly Result[] => body['Operations'] as readonly Result[];
const statusesOf = (answer: Answer): readonly string[] => resultsOf(answer).map(({ status }) => status);
const results = async (...operations: readonly unknown[]): Promise<readonly Result[]> => resultsOf(await bulk(operations));
const names = async (): Promise<unknown[]> => (await scim.send('GET /Lamps')).body.Resources.map((lamp) => lamp['name']);

describe('RFC 7644 §3.7 operations', () => {
  test('all four methods, each answered as it would be alone', async () => {
    await scim.send('POST /Lamps', lampOf({ name: 'Hall' }));
    const patch = { schemas: [patchSchema], Operations: [{ op: 'replace', path: 'watts', value: 5 }] };
    const answer = await bulk([
      post('p', { name: 'Porch' }),
      { method: 'put', path: '/Lamps/lamp-1', version: 'W/"1"', data: lampOf({ name: 'Corridor' }) },
      { method: 'PATCH', path: '/Lamps/lamp-1', bulkId: 'x', data: patch },
      { method: 'PATCH', path: '/Lamps/lamp-1', data: patch.Operations },
      { method: 'DELETE', path: '/Lamps/lamp-1', version: 'W/"3"' },
    ]);
    const location = `${baseUrl}/Lamps/lamp-1`;
    expect([answer.status, answer.headers.get('content-type'), answer.body]).toEqual([
      200,
      'application/scim+json',
      {
        schemas: [responseSchema],
        Operations: [
          { method: 'POST', bulkId: 'p', status: '201', location: `${baseUrl}/Lamps/lamp-2`, version: 'W/"1"' },
          { method: 'put', status: '200', location, version: 'W/"2"' },
          { method: 'PATCH', bulkId: 'x', status: '200', location, version: 'W/"3"' },
          { method: 'PATCH', status: '200', location, version: 'W/"3"' },
          { method: 'DELETE', status: '204', location },
        ],
      },
    ]);
    expect(await names()).toEqual(['Porch']);
  });

  test('§3.7.3 an error stands in response, and leaves the others be', async () => {
    await scim.send('POST /Lamps', lampOf({ name: 'Hall' }));
    const answers = await results(
      post('a', { name: 'HALL' }),
      { method: 'PUT', path: '/Lamps/lamp-1', version: 'W/"7"', data: lampOf({ name: 'x' }) },
      { method: 'DELETE', path: '/Lamps/lamp-9' },
      post('b', { name: 'b', colour: 'red' }),
      post('c', { name: 'c' }),
    );
    expect(answers.map(({ status, response }) => [status, response?.status, response?.scimType])).toEqual([
      ['409', '409', 'uniqueness'],
      ['412', '412', undefined],
      ['404', '404', undefined],
      ['400', '400', 'invalidSyntax'],
      ['201', undefined, undefined],
    ]);
    // §3.7: a location in every answer but that of a POST that failed
    expect(answers.map(({ location }) => location !== undefined)).toEqual([false, true, true, false, true]);
    expect(answers[0]?.response?.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
  });

  const faults: [string, unknown, string][] = [
    ['no method', { path: '/Lamps', bulkId: 'a', data: {} }, '400'],
    ['GET', { method: 'GET', path: '/Lamps/1' }, '400'],
    ['no path', { method: 'POST', bulkId: 'a', data: {} }, '400'],
    ['a POST without bulkId', { method: 'POST', path: '/Lamps', data: lampOf({ name: 'a' }) }, '400'],
    ['a POST to a resource', post('a', { name: 'a' }, '/Lamps/lamp-1'), '400'],
    ['a PUT to an endpoint', { method: 'PUT', path: '/Lamps', data: lampOf({ name: 'a' }) }, '400'],
    ['a DELETE of an endpoint', { method: 'DELETE', path: '/Lamps/' }, '400'],
    ['another spelling of the endpoint', post('a', { name: 'a' }, '/lamps'), '404'],
    ['an unknown endpoint', post('a', { name: 'a' }, '/Lumps'), '404'],
    ['a discovery endpoint', { method: 'DELETE', path: '/Schemas/x' }, '404'],
    ['a full address', post('a', { name: 'a' }, `${baseUrl}/Lamps`), '400'],
    ['a path with a query', { method: 'DELETE', path: '/Lamps/lamp-1?x=1' }, '400'],
    ['a path that goes deeper', { method: 'DELETE', path: '/Lamps/lamp-1/owners' }, '400'],
    ['a path with broken encoding', { method: 'DELETE', path: '/Lamps/%ff' }, '400'],
    ['data that is no object', { method: 'POST', path: '/Lamps', bulkId: 'a', data: 'x' }, '400'],
    ['a version that is no string', { method: 'DELETE', path: '/Lamps/lamp-1', version: 1 }, '400'],
  ];
  test.each(faults)('%s is the error of that operation', async (_title, operation, status) => {
    const answers = await results(operation, post('last', { name: 'last' }));
    expect(answers.map((each) => each.status)).toEqual([status, '201']);
    expect(answers[0]?.response?.detail).toBeTruthy();
  });

  test('§3.7.3 failOnErrors: after so many errors the rest is left undone and unanswered', async () => {
    const operations = [
      post('a', { name: 'a' }),
      post('b', { name: 'a' }),
      post('c', { name: 'c' }),
      post('d', {}),
      post('e', { name: 'e' }),
    ];
    expect(statusesOf(await bulk(operations, { failOnErrors: 2 }))).toEqual(['201', '409', '201', '400']);
    expect(await names()).toEqual(['a', 'c']);
    expect(statusesOf(await bulk(operations, { failOnErrors: 1 }))).toEqual(['409']);
  });

  test('an unknown error is 500 for its operation alone, and reaches the log', async () => {
    await scim.close();
    scim = await startScim({ ...createLamps(), remove: () => Promise.reject(new Error('password=hunter2')) });
    const answer = await bulk([{ method: 'DELETE', path: '/Lamps/1' }, post('a', { name: 'a' })]);
    expect([statusesOf(answer), answer.text.includes('hunter2'), scim.failures.length]).toEqual([['500', '201'], false, 1]);
  });
});

describe('RFC 7644 §3.7.2 bulkId references', () => {
  const read = async (id: string) => (await scim.send(`GET /Lamps/${id}`)).body;

  test('stand for ids in data at any depth and in paths, whatever the order of the operations', async () => {
    const answers = await results(
      { method: 'PATCH', path: '/Lamps/bulkId:second', data: [{ op: 'add', path: 'owners', value: [{ value: 'bulkId:first' }] }] },
      post('second', { name: 'second', place: { room: 'bulkId:first' }, tags: ['bulkId:first', 'see bulkId:first'] }),
      { method: 'DELETE', path: '/Lamps/bulkId:third' },
      post('first', { name: 'first' }),
      post('third', { name: 'third' }),
    );
    expect(answers.map(({ status }) => status)).toEqual(['200', '201', '204', '201', '201']);
    expect(answers[0]?.location).toBe(answers[1]?.location);
    const first = answers[3]?.location?.split('/').at(-1);
    expect(await read(answers[1]?.location?.split('/').at(-1) ?? '')).toMatchObject({
      place: { room: first },
      tags: [first, 'see bulkId:first'],
      owners: [{ value: first }],
    });
    expect(await names()).toEqual(['first', 'second']);
  });

  test('§3.7.1 a cycle is 409 for the operations in it, of which nothing is written', async () => {
    const answers = await results(
      post('a', { name: 'a', tags: ['bulkId:b'] }),
      post('b', { name: 'b', tags: ['bulkId:c'] }),
      post('c', { name: 'c', tags: ['bulkId:a'] }),
      post('self', { name: 'self', tags: ['bulkId:self'] }),
      post('behind', { name: 'behind', tags: ['bulkId:a'] }),
      post('free', { name: 'free' }),
      post('before', { name: 'before', tags: ['bulkId:free'] }),
    );
    expect(answers.map(({ status, response }) => [status, response?.scimType])).toEqual([
      ['409', undefined],
      ['409', undefined],
      ['409', undefined],
      ['409', undefined],
      ['400', 'invalidValue'],
      ['201', undefined],
      ['201', undefined],
    ]);
    expect(await names()).toEqual(['free', 'before']);
  });

  test('§3.12 invalidValue: what is not created, or by nobody', async () => {
    const answers = await results(
      post('a', {}),
      post('b', { name: 'b', tags: ['bulkId:a'] }),
      post('c', { name: 'c', tags: ['bulkId:nobody'] }),
      { method: 'DELETE', path: '/Lamps/bulkId:a' },
      { method: 'DELETE', path: '/Lamps/bulkId:' },
    );
    expect(answers.map(({ status, response }) => [status, response?.scimType])).toEqual(Array(5).fill(['400', 'invalidValue']));
    expect(await names()).toEqual([]);
  });

  test('a chain of a thousand, sent backwards', async () => {
    const chain = Array.from({ length: 1000 }, (_, at) => post(`l${at}`, { name: `l${at}`, tags: at < 999 ? [`bulkId:l${at + 1}`] : [] }));
    expect(new Set(statusesOf(await bulk(chain)))).toEqual(new Set(['201']));
  });
});

describe('creations in a row', () => {
  test('go to the store together, and are answered each by itself', async () => {
    const operations = Array.from({ length: 600 }, (_, at) => post(`l${at}`, { name: `l${at === 300 ? 0 : at}` }));
    const answers = await results(...operations);
    expect(scim.lamps.batches).toEqual([250, 250, 100]);
    expect(
      answers.filter(({ status }) => status !== '201').map(({ bulkId, status, response }) => [bulkId, status, response?.scimType]),
    ).toEqual([['l300', '409', 'uniqueness']]);
    expect(answers[301]).toMatchObject({ bulkId: 'l301', location: `${baseUrl}/Lamps/lamp-301` });
  });

  test('one that needs another of them waits for the next batch; other methods part them', async () => {
    const answers = await results(
      post('a', { name: 'a' }),
      post('b', { name: 'b' }),
      post('c', { name: 'c', tags: ['bulkId:b'] }),
      post('d', { name: 'd', colour: 'red' }),
      { method: 'DELETE', path: '/Lamps/bulkId:a' },
      post('e', { name: 'e' }),
    );
    expect([scim.lamps.batches, answers.map(({ status }) => status)]).toEqual([
      [2, 1],
      ['201', '201', '201', '400', '204', '201'],
    ]);
  });

  test('when the batch fails as a whole, each is tried by itself', async () => {
    scim.lamps.beforeNextBatch(() => {
      throw new Error('one row was too much');
    });
    expect((await results(post('a', { name: 'a' }), post('b', { name: 'a' }))).map(({ status }) => status)).toEqual(['201', '409']);
    expect(scim.failures).toHaveLength(1);
  });
});

describe('RFC 7644 §3.7.4 bounds', () => {
  const refusal = ({ status, body }: Answer) => [status, body['scimType']];

  test('requests that are refused as a whole', async () => {
    expect(refusal(await scim.send('POST /Bulk', { Operations: [post('a', { name: 'a' })] }))).toEqual([400, 'invalidSyntax']);
    expect(refusal(await bulk([]))).toEqual([400, 'invalidSyntax']);
    expect(refusal(await bulk(['x']))).toEqual([400, 'invalidSyntax']);
    expect(refusal(await bulk([post('a', { name: 'a' })], { failOnErrors: 0 }))).toEqual([400, 'invalidValue']);
    expect(refusal(await bulk([post('a', { name: 'a' }), post('a', { name: 'b' })]))).toEqual([400, 'invalidValue']);
    const many = await bulk(Array.from({ length: 1001 }, (_, at) => ({ method: 'DELETE', path: `/Lamps/${at}` })));
    expect([many.status, many.body['detail']]).toEqual([413, 'A bulk request has at most maxOperations (1000).']);
    expect(await names()).toEqual([]);
  });

  test('writing takes the scope of writing', async () => {
    expect((await scim.send('POST /Bulk', {}, { authorization: 'bob scim:read' })).status).toBe(403);
    expect((await scim.send('POST /Bulk', {}, { authorization: '' })).status).toBe(401);
  });

  test('what is left when the time is over is answered 503, untried', async () => {
    await scim.send('POST /Lamps', lampOf({ name: 'Hall' }));
    scim.lamps.beforeNextReplace(() => scim.advance(20_000));
    const put = (name: string) => ({ method: 'PUT', path: '/Lamps/lamp-1', data: lampOf({ name }) });
    const answers = await results(put('in time'), put('late'), post('x', { name: 'x' }));
    expect(answers.map(({ status, location }) => [status, location !== undefined])).toEqual([
      ['200', true],
      ['503', true],
      ['503', false],
    ]);
    expect(await names()).toEqual(['in time']);
  });

  test('a database that goes away ends the request', async () => {
    await scim.close();
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    let tries = 0;
    const remove = (): Promise<never> => {
      tries += 1;
      return Promise.reject(away);
    };
    scim = await startScim({ ...createLamps(), remove });
    const operations = Array.from({ length: 50 }, () => ({ method: 'DELETE', path: '/Lamps/1' }));
    expect([new Set(statusesOf(await bulk(operations))), tries]).toEqual([new Set(['503']), 1]);
  });

  test('two of one caller at once, four of all: more are 429', async () => {
    await scim.close();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let inside = 0;
    scim = await startScim({
      ...createLamps(),
      remove: async () => {
        inside += 1;
        await held;
      },
    });
    const operation = { schemas: [requestSchema], Operations: [{ method: 'DELETE', path: '/Lamps/1' }] };
    const send = (name: string) => scim.send('POST /Bulk', operation, { authorization: `${name} scim:write` });
    const under: Promise<Answer>[] = [];
    const refused = async (name: string): Promise<unknown> => {
      const { status, headers } = await send(name);
      return [status, headers.get('retry-after')];
    };
    for (const [name, next] of [
      ['ada', 'ada'],
      ['bob', 'cy'],
    ] as const) {
      under.push(send(name), send(name));
      while (inside < under.length) await new Promise((resolve) => setImmediate(resolve));
      expect(await refused(next)).toEqual([429, '2']);
    }
    release();
    expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await send('cy')).status).toBe(200);
  });
});
