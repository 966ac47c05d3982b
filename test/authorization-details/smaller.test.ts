import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  adjustableIn,
  type AuthorizationDetail,
  coversAll,
  createDetailTypes,
  makeSmaller,
} from '../../src/authorization-details/index.ts';

const types = createDetailTypes();
const payment: AuthorizationDetail = {
  type: 'payment_initiation',
  instructed_amount: { amount: '1240.00', currency: 'EUR' },
  creditors: ['Acme GmbH', 'Print & Paper'],
  execution: { from: '2026-12-01T08:00:00Z', until: '2026-12-31T08:00:00+01:00' },
  locations: ['https://pay.test/', 'https://pay2.test/'],
};
const tools: AuthorizationDetail = {
  type: 'mcp_tool_call',
  tools: ['pay', 'list', 'void'],
  arguments: { amount: { max: '120.00', oneOf: [1, 2] }, to: { prefix: 'DE' } },
  max_calls: 5,
};
const data: AuthorizationDetail = { type: 'data_access', datasets: ['crm'], actions: ['read', 'export'], max_rows: 1000 };
const placesOf = (detail: AuthorizationDetail) => {
  const type = types.find(detail.type);
  return type === undefined ? [] : adjustableIn(type, detail);
};

describe('what can be made smaller', () => {
  test('amounts with their currency, edges of windows in UTC, lists of more than one; not where it holds', () => {
    expect(placesOf(payment)).toEqual([
      { path: '/instructed_amount/amount', label: 'Amount', kind: 'number', values: ['1240.00'], unit: 'EUR' },
      { path: '/creditors', label: 'To', kind: 'items', values: ['Acme GmbH', 'Print & Paper'], unit: undefined },
      { path: '/execution/from', label: 'Carried out: from (UTC)', kind: 'time', values: ['2026-12-01T08:00'], unit: undefined },
      { path: '/execution/until', label: 'Carried out: until (UTC)', kind: 'time', values: ['2026-12-31T07:00'], unit: undefined },
    ]);
    expect(placesOf(tools).map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      '/tools items',
      '/arguments/amount/oneOf items',
      '/arguments/amount/max number',
      '/max_calls number',
    ]);
    expect(placesOf(data)).toMatchObject([{ path: '/actions' }, { path: '/max_rows', values: ['1000'], unit: 'rows' }]);
  });
});

describe('making it smaller', () => {
  const smaller = (detail: AuthorizationDetail, choices: Record<string, string[]>) =>
    makeSmaller(types, detail, new Map(Object.entries(choices)));

  test('takes what was chosen, keeps the rest, and the kinds of values', () => {
    expect(
      smaller(payment, { '/instructed_amount/amount': ['200.00'], '/creditors': ['Acme GmbH'], '/execution/until': ['2026-12-05T00:00'] }),
    ).toEqual({
      ok: true,
      detail: {
        ...payment,
        instructed_amount: { amount: '200.00', currency: 'EUR' },
        creditors: ['Acme GmbH'],
        execution: { from: '2026-12-01T08:00:00Z', until: '2026-12-05T00:00:00Z' },
      },
    });
    expect(smaller(tools, { '/max_calls': ['1'], '/arguments/amount/oneOf': ['2'] })).toMatchObject({
      ok: true,
      detail: { max_calls: 1, arguments: { amount: { max: '120.00', oneOf: [2] }, to: { prefix: 'DE' } } },
    });
    expect(smaller(payment, { '/instructed_amount/amount': ['1240.00'] })).toEqual({ ok: true, detail: payment });
  });

  test.each<[string, AuthorizationDetail, Record<string, string[]>, string]>([
    ['one cent more', payment, { '/instructed_amount/amount': ['1240.01'] }, '/instructed_amount/amount'],
    ['no number', payment, { '/instructed_amount/amount': ['lots'] }, '/instructed_amount/amount'],
    ['an exponent', payment, { '/instructed_amount/amount': ['1e9'] }, '/instructed_amount/amount'],
    ['nothing typed', payment, { '/instructed_amount/amount': [''] }, '/instructed_amount/amount'],
    ['nobody left', payment, { '/creditors': [] }, '/creditors'],
    ['a later end', payment, { '/execution/until': ['2027-01-01T00:00'] }, '/execution/until'],
    ['another member', payment, { '/instructed_amount/currency': ['JPY'] }, '/instructed_amount/currency'],
    ['the type', payment, { '/type': ['api_call'] }, '/type'],
    ['more calls', tools, { '/max_calls': ['6'] }, '/max_calls'],
    ['half a call', tools, { '/max_calls': ['0.5'] }, '/max_calls'],
    ['another prototype', tools, { '/__proto__/x': ['1'] }, '/__proto__/x'],
  ])('refuses %s, and says where', (_name, detail, choices, path) => {
    expect(smaller(detail, choices)).toMatchObject({ ok: false, path: expect.stringContaining(path) });
  });

  test('whatever is chosen, it lies inside what there was', () => {
    const chosen = fc.oneof(fc.string({ maxLength: 12 }), fc.integer({ min: -5, max: 2000 }).map(String), fc.constant('pay'));
    const paths = [payment, tools, data].flatMap((detail) => placesOf(detail).map(({ path }) => ({ detail, path })));
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.array(chosen, { maxLength: 3 }), ({ detail, path }, values) => {
        const result = makeSmaller(types, detail, new Map([[path, values]]));
        return !result.ok || coversAll(types, [detail], [result.detail]).covered;
      }),
      { numRuns: 300 },
    );
  });
});
