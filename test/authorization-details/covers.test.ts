import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AuthorizationDetail, covers, coversAll, createDetailTypes, inherit } from '../../src/authorization-details/index.ts';
import { detailTypes, typeOf, validDetail } from './detail-arbitraries.ts';

const lies = (inner: AuthorizationDetail, outer: AuthorizationDetail) =>
  inner.type === outer.type && covers(outer, inner, typeOf(outer)).covered;
const call = (members: object): AuthorizationDetail => ({ type: 'mcp_tool_call', tools: ['pay'], ...members });
const pay = (members: object): AuthorizationDetail => ({
  type: 'payment_initiation',
  instructed_amount: { amount: '200.00', currency: 'EUR' },
  creditors: ['Acme GmbH'],
  ...members,
});
const api = (members: object): AuthorizationDetail => ({ type: 'api_call', actions: ['GET'], ...members });

describe('covers: one order for every type (RFC 9396 §7.1)', () => {
  test.each<[string, AuthorizationDetail, AuthorizationDetail, string | undefined]>([
    ['fewer tools', call({ tools: ['pay', 'read'] }), call({}), undefined],
    ['a foreign tool', call({}), call({ tools: ['pay', 'read'] }), '/tools/1'],
    ['a new limit', call({}), call({ max_calls: 1 }), undefined],
    ['a dropped limit', call({ max_calls: 1 }), call({}), '/max_calls'],
    ['a raised limit', call({ max_calls: 1 }), call({ max_calls: 2 }), '/max_calls'],
    ['a lower maximum', call({ arguments: { amount: { max: 10 } } }), call({ arguments: { amount: { max: '9.99' } } }), undefined],
    [
      'a higher maximum',
      call({ arguments: { amount: { max: 10 } } }),
      call({ arguments: { amount: { max: '10.01' } } }),
      '/arguments/amount/max',
    ],
    ['a lower minimum', call({ arguments: { amount: { min: 10 } } }), call({ arguments: { amount: { min: 9 } } }), '/arguments/amount/min'],
    [
      'a dropped argument',
      call({ arguments: { a: { equals: 1 }, b: { equals: 2 } } }),
      call({ arguments: { a: { equals: 1 } } }),
      '/arguments/b',
    ],
    ['a number for a text', call({ arguments: { a: { equals: 1 } } }), call({ arguments: { a: { equals: '1' } } }), '/arguments/a/equals'],
    ['a longer prefix', call({ arguments: { to: { prefix: 'inv-' } } }), call({ arguments: { to: { prefix: 'inv-7' } } }), undefined],
    [
      'a shorter prefix',
      call({ arguments: { to: { prefix: 'inv-' } } }),
      call({ arguments: { to: { prefix: 'in' } } }),
      '/arguments/to/prefix',
    ],
    ['one of fewer', call({ arguments: { to: { oneOf: ['a', 'b'] } } }), call({ arguments: { to: { oneOf: ['b'] } } }), undefined],
    [
      'one of others',
      call({ arguments: { to: { oneOf: ['a', 'b'] } } }),
      call({ arguments: { to: { oneOf: ['c'] } } }),
      '/arguments/to/oneOf/0',
    ],
    ['a path below', api({ paths: ['/invoices/*'] }), api({ paths: ['/invoices/2026/*', '/invoices/7'] }), undefined],
    ['a path beside that begins alike', api({ paths: ['/invoices/*'] }), api({ paths: ['/invoices-archive'] }), '/paths/0'],
    ['the folder itself is not below it', api({ paths: ['/invoices/*'] }), api({ paths: ['/invoices'] }), '/paths/0'],
    ['all below one path', api({ paths: ['/invoices/7'] }), api({ paths: ['/invoices/7/*'] }), '/paths/0'],
    [
      'an equal amount spelt otherwise',
      api({ max_amount: { amount: '0.3', currency: 'EUR' } }),
      api({ max_amount: { amount: '0.30', currency: 'EUR' } }),
      undefined,
    ],
    [
      'more by a hundredth of a cent',
      api({ max_amount: { amount: '100000000000000000.3', currency: 'EUR' } }),
      api({ max_amount: { amount: '100000000000000000.3001', currency: 'EUR' } }),
      '/max_amount/amount',
    ],
    [
      'another currency',
      api({ max_amount: { amount: '3', currency: 'EUR' } }),
      api({ max_amount: { amount: '3', currency: 'JPY' } }),
      '/max_amount/currency',
    ],
    ['one cent wider', pay({}), pay({ instructed_amount: { amount: '200.01', currency: 'EUR' } }), '/instructed_amount/amount'],
    ['the same payment, spelt with more noughts', pay({}), pay({ instructed_amount: { amount: '200.0000', currency: 'EUR' } }), undefined],
    ['somebody else to be paid', pay({}), pay({ creditors: ['Acme GmbH', 'Bolt AG'] }), '/creditors/1'],
    ['a longer reference', pay({ reference: 'INV-' }), pay({ reference: 'INV-7' }), undefined],
    [
      'a window that opens a second early, in another time zone',
      pay({ execution: { from: '2026-05-01T00:00:00Z' } }),
      pay({ execution: { from: '2026-05-01T01:59:59+02:00' } }),
      '/execution/from',
    ],
    ['another method', api({}), api({ actions: ['DELETE'] }), '/actions/0'],
    ['a member nobody knows', api({}), api({ sudo: true }), '/sudo'],
    ['an inherited name as member', api({}), api({ constructor: 'x' }), '/constructor'],
    ['another type', api({}), call({}), '/type'],
  ])('%s', (_, granted, requested, path) => {
    const result = covers(granted, requested, typeOf(granted));
    expect(result).toEqual(path === undefined ? { covered: true } : { covered: false, path, reason: expect.any(String) });
  });
});

describe('inherit: a limit cannot be dropped by not naming it', () => {
  test('fills in what the child leaves out, at every level, and keeps what it says', () => {
    const granted = call({ max_calls: 3, arguments: { amount: { max: 10 }, to: { prefix: 'inv-' } } });
    const child = inherit(granted, call({ arguments: { amount: { min: 1 } } }), typeOf(granted));
    expect(child).toEqual(call({ max_calls: 3, arguments: { amount: { max: 10, min: 1 }, to: { prefix: 'inv-' } } }));
  });

  test('never hands down what the grant held by name: tools the child leaves out stay out', () => {
    const granted = call({ tools: ['pay', 'read'] });
    expect(inherit(granted, call({}), typeOf(granted))['tools']).toEqual(['pay']);
  });
});

describe('coversAll', () => {
  test('answers the effective details, with inherited limits', () => {
    const granted = [call({ max_calls: 3 }), api({ max_amount: { amount: '5', currency: 'EUR' } })];
    expect(coversAll(detailTypes, granted, [api({})])).toEqual({
      covered: true,
      details: [api({ max_amount: { amount: '5', currency: 'EUR' } })],
    });
  });

  test('names the entry and member that reach beyond', () => {
    expect(coversAll(detailTypes, [call({}), api({})], [api({}), call({ tools: ['drop'] })])).toMatchObject({
      covered: false,
      path: '/1/tools/0',
    });
    expect(coversAll(detailTypes, [call({})], [api({})])).toMatchObject({ covered: false, path: '/0/type' });
  });

  test('refuses a request whose inherited limits leave no value', () => {
    const granted = [call({ arguments: { amount: { max: 10 } } })];
    expect(coversAll(detailTypes, granted, [call({ arguments: { amount: { equals: 11 } } })])).toMatchObject({
      covered: false,
      path: '/0/arguments/amount',
    });
  });

  test('R26: inherited limits count towards the size of a token', () => {
    const limits = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`argument_${index}`, { prefix: 'x'.repeat(40) }]));
    const granted = [call({ arguments: limits })];
    expect(coversAll(detailTypes, granted, [call({})])).toMatchObject({ covered: true });
    expect(coversAll(detailTypes, granted, [call({}), call({}), call({})])).toMatchObject({
      covered: false,
      path: '/',
      reason: 'must not exceed 4096 bytes',
    });
  });

  test('one counted grant feeds one entry: a budget is not spent twice', () => {
    const granted = [call({ tools: ['pay', 'read'], max_calls: 5 })];
    expect(coversAll(detailTypes, granted, [call({}), call({ tools: ['read'] })])).toMatchObject({ covered: false, path: '/1' });
    expect(coversAll(detailTypes, [call({ tools: ['pay', 'read'] })], [call({}), call({ tools: ['read'] })])).toMatchObject({
      covered: true,
    });
  });

  test('the order of entries does not decide which counted grant serves which', () => {
    const granted = [call({ tools: ['pay', 'read'], max_calls: 5 }), call({ max_calls: 2 })];
    const result = coversAll(detailTypes, granted, [call({}), call({ tools: ['read'] })]);
    expect(result).toEqual({ covered: true, details: [call({ max_calls: 2 }), call({ tools: ['read'], max_calls: 5 })] });
  });

  test('no chain of narrowings ever grants what the root did not', () => {
    const lists = fc.array(validDetail, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lists, fc.array(lists, { maxLength: 5 }), (root, hops) => {
        let held: readonly AuthorizationDetail[] = root;
        for (const wanted of hops) {
          const result = coversAll(
            detailTypes,
            held,
            wanted.filter((detail) => held.some(({ type }) => type === detail.type)),
          );
          if (result.covered) held = result.details;
        }
        for (const detail of held) expect(root.some((granted) => lies(detail, granted))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('what one counted grant allows in calls, its children never exceed together', () => {
    const total = (details: readonly AuthorizationDetail[]) => details.reduce((sum, detail) => sum + Number(detail['max_calls']), 0);
    const counted = fc.integer({ min: 1, max: 9 }).map((max_calls) => call({ max_calls }));
    fc.assert(
      fc.property(
        fc.array(counted, { minLength: 1, maxLength: 4 }),
        fc.array(counted, { minLength: 1, maxLength: 5 }),
        (granted, requested) => {
          const result = coversAll(detailTypes, granted, requested);
          if (result.covered) expect(total(result.details)).toBeLessThanOrEqual(total(granted));
        },
      ),
    );
  });
});

describe('a type that was registered as data', () => {
  const types = createDetailTypes([
    {
      type: 'room_booking',
      title: 'Book a room',
      headline: { counted: 'type', one: 'Book a room at {resource}', many: 'Book rooms at {resource}' },
      schema: {
        type: 'object',
        properties: {
          type: { const: 'room_booking' },
          rooms: { type: 'array', items: { type: 'string' }, 'x-narrowing': 'subset' },
          when: {
            type: 'object',
            properties: { from: { type: 'string', format: 'date-time' }, until: { type: 'string', format: 'date-time' } },
            additionalProperties: false,
            'x-narrowing': 'window',
          },
          extras: { type: 'array', items: { type: 'string' }, 'x-narrowing': 'subset', 'x-absent': 'nothing' },
          floor: { type: 'string', 'x-narrowing': 'prefix' },
        },
        required: ['type'],
        additionalProperties: false,
      },
    },
  ]);
  const booking = (members: object): AuthorizationDetail => ({ type: 'room_booking', ...members });
  const may = { from: '2026-05-01T00:00:00Z', until: '2026-05-31T00:00:00Z' };

  test.each<[string, object, object, boolean]>([
    ['a shorter window', { when: may }, { when: { from: '2026-05-02T00:00:00+02:00', until: '2026-05-03T00:00:00Z' } }, true],
    ['the same window in another zone', { when: may }, { when: { from: '2026-05-01T02:00:00+02:00', until: may.until } }, true],
    ['an earlier start', { when: may }, { when: { ...may, from: '2026-04-30T23:59:59Z' } }, false],
    ['a later end', { when: may }, { when: { ...may, until: '2026-06-01T00:00:00Z' } }, false],
    ['an open end', { when: may }, { when: { from: may.from } }, false],
    ['an extra that was granted', { extras: ['coffee'] }, { extras: ['coffee'] }, true],
    ['an extra where absence means none', {}, { extras: ['coffee'] }, false],
    ['no extra where some were granted', { extras: ['coffee'] }, {}, true],
    ['a text prefix', { floor: '3' }, { floor: '3-west' }, true],
    ['another prefix', { floor: '3' }, { floor: '4' }, false],
  ])('%s', (_, granted, requested, expected) => {
    const type = types.find('room_booking');
    expect(type && covers(booking(granted), booking(requested), type).covered).toBe(expected);
  });
});
