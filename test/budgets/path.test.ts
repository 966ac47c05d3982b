import { describe, expect, test } from '@jest/globals';
import {
  type AuthorizationDetail,
  type BudgetWindow,
  createDetailTypes,
  fromMinor,
  toMinor,
} from '../../src/authorization-details/index.ts';
import { budgetPath, type Holder } from '../../src/budgets/path.ts';
import { windowOf, windowWords } from '../../src/budgets/window.ts';

describe('windows are those of the calendar, in UTC', () => {
  test.each<[BudgetWindow, string, string, string]>([
    ['day', '2026-12-06T23:59:59.999Z', '2026-12-06', '2026-12-07'],
    ['day', '2026-12-07T00:00:00.000Z', '2026-12-07', '2026-12-08'],
    ['week', '2026-12-06T23:59:59.999Z', '2026-11-30', '2026-12-07'],
    ['week', '2026-12-07T00:00:00.000Z', '2026-12-07', '2026-12-14'],
    ['week', '2026-12-31T12:00:00.000Z', '2026-12-28', '2027-01-04'],
    ['month', '2026-12-31T23:59:59.999Z', '2026-12-01', '2027-01-01'],
    ['month', '2028-02-29T00:00:00.000Z', '2028-02-01', '2028-03-01'],
  ])('a %s at %s', (per, at, start, end) => {
    expect(windowOf(per, new Date(at))).toEqual({ start: new Date(`${start}T00:00:00Z`), end: new Date(`${end}T00:00:00Z`) });
  });

  test('in words a person can check', () => {
    const at = new Date('2026-12-01T14:00:00Z');
    expect(windowWords('week', at)).toBe('this week, until Sunday 6 December 24:00 UTC');
    expect(windowWords('month', at)).toBe('this month, until Thursday 31 December 24:00 UTC');
    expect(windowWords('day', at)).toBe('today, until 24:00 UTC');
    expect(windowWords('total', at)).toBe('in total');
  });
});

test.each<[string, string, bigint | undefined, string | undefined]>([
  ['12.5', 'EUR', 1250n, '12.50'],
  ['0.010', 'EUR', 1n, '0.01'],
  ['0.001', 'EUR', undefined, undefined],
  ['1200', 'JPY', 1200n, '1200'],
  ['1200.5', 'JPY', undefined, undefined],
  ['0.001', 'BHD', 1n, '0.001'],
  ['999999999999999999.99', 'EUR', 99999999999999999999n, '999999999999999999.99'],
  ['-1', 'EUR', undefined, undefined],
  ['1e3', 'EUR', undefined, undefined],
])('%s %s in minor units, exact', (amount, currency, minor, text) => {
  expect(toMinor(amount, currency)).toBe(minor);
  if (minor !== undefined) expect(fromMinor(minor, currency)).toBe(text);
});

describe('what a detail draws on', () => {
  const types = createDetailTypes();
  const detail = (amount: string | undefined, more: object = {}): AuthorizationDetail => ({
    type: 'api_call',
    actions: ['POST'],
    ...(amount === undefined ? {} : { budget: { amount, currency: 'EUR', per: 'week' } }),
    ...more,
  });
  const holder = (jti: string, details: readonly AuthorizationDetail[], resource = 'https://a.example/'): Holder => ({
    ...{ jti, resource, details },
    expiresAt: new Date('2026-12-02'),
  });
  const pathOf = (holders: readonly [Holder, ...Holder[]], granted: readonly AuthorizationDetail[] | undefined, index = 0) => {
    const path = budgetPath(types, { holders, index, granted });
    return (
      path && { root: path.root.detail, limit: path.root.budget?.limit, nodes: path.nodes.map(({ name, budget }) => [name, budget.limit]) }
    );
  };

  test('the grant, and each token at which less was handed on', () => {
    const chain = [holder('c', [detail('10')]), holder('b', [detail('50')]), holder('a', [detail('50')])] as const;
    expect(pathOf([...chain], [detail('100')])).toEqual({
      root: detail('100'),
      limit: 10_000n,
      nodes: [
        ['c/0', 1_000n],
        ['a/0', 5_000n],
      ],
    });
  });

  test('a token that holds all of it has no counter of its own', () => {
    expect(pathOf([holder('b', [detail('100')]), holder('a', [detail('100')])], [detail('100')])?.nodes).toEqual([]);
  });

  test('a limit that was only taken on underway counts from there', () => {
    const path = pathOf([holder('b', [detail('10')]), holder('a', [detail(undefined)])], [detail(undefined)]);
    expect(path).toEqual({ root: detail(undefined), limit: undefined, nodes: [['b/0', 1_000n]] });
  });

  test('at another resource it comes from the grant itself, not through the token that was exchanged', () => {
    const there = detail('80', { locations: ['https://b.example/'] });
    const chain = [holder('b', [there], 'https://b.example/'), holder('a', [detail('5')])] as const;
    expect(pathOf([...chain], [detail('5'), there])).toEqual({ root: there, limit: 8_000n, nodes: [] });
  });

  test('a detail that the grant does not hold any more draws on nothing', () => {
    expect(pathOf([holder('a', [detail('100')])], [detail('50')])).toBeUndefined();
    expect(pathOf([holder('a', [detail('100')])], [])).toBeUndefined();
  });

  test('without a grant the oldest token is the root; a detail without budget draws on none', () => {
    expect(pathOf([holder('a', [detail('100')])], undefined)).toEqual({ root: detail('100'), limit: 10_000n, nodes: [] });
    expect(pathOf([holder('a', [detail(undefined)])], undefined)).toBeUndefined();
    expect(pathOf([holder('a', [detail('100')])], undefined, 1)).toBeUndefined();
  });
});
