import { describe, expect, test } from '@jest/globals';
import {
  type AuthorizationDetail,
  budgetMember,
  budgetSubject,
  coversAll,
  createDetailTypes,
  describeDetail,
  type DetailTypeDefinition,
  validateDetails,
} from '../../src/authorization-details/index.ts';
import { detailTypes, typeOf } from './detail-arbitraries.ts';

const api = (members: object): AuthorizationDetail => ({ type: 'api_call', actions: ['POST'], ...members });
const euros = (amount: string, per: string) => ({ budget: { amount, currency: 'EUR', per } });

describe('a budget may only shrink', () => {
  test.each<[string, object, object, string | undefined]>([
    ['less', euros('100', 'week'), euros('99.99', 'week'), undefined],
    ['a cent more', euros('100', 'week'), euros('100.01', 'week'), '/0/budget/amount'],
    ['in total', euros('100', 'week'), euros('100', 'total'), undefined],
    ['a month where a day was granted', euros('100', 'day'), euros('100', 'month'), undefined],
    ['a day where a week was granted', euros('100', 'week'), euros('1', 'day'), '/0/budget/per'],
    ['a week where a month was granted', euros('100', 'month'), euros('1', 'week'), '/0/budget/per'],
    ['a month where a week was granted', euros('100', 'week'), euros('1', 'month'), '/0/budget/per'],
    ['another currency', euros('100', 'week'), { budget: { amount: '1', currency: 'USD', per: 'week' } }, '/0/budget/currency'],
    ['acts instead of money', euros('100', 'week'), { budget: { count: 1, per: 'week' } }, '/0/budget/count'],
    ['fewer acts', { budget: { count: 5, per: 'day' } }, { budget: { count: 4, per: 'day' } }, undefined],
    ['more acts', { budget: { count: 5, per: 'day' } }, { budget: { count: 6, per: 'day' } }, '/0/budget/count'],
  ])('%s', (_, granted, requested, path) => {
    const derived = coversAll(detailTypes, [api(granted)], [api(requested)]);
    expect(derived).toMatchObject(path === undefined ? { covered: true } : { covered: false, path });
  });

  test('one that is left out is handed down whole, and feeds several entries: they share its counter', () => {
    const granted = api({ ...euros('100', 'week'), actions: ['GET', 'POST'] });
    const derived = coversAll(detailTypes, [granted], [api({}), api({ actions: ['GET'] })]);
    expect(derived).toEqual({ covered: true, details: [api(euros('100', 'week')), api({ ...euros('100', 'week'), actions: ['GET'] })] });
  });
});

describe('a budget that says nothing, or two things, is no budget', () => {
  test.each<[string, object]>([
    ['nothing', { per: 'week' }],
    ['an amount without a currency', { amount: '1', per: 'week' }],
    ['an amount and a count', { amount: '1', currency: 'EUR', count: 1, per: 'week' }],
    ['zero', { amount: '0.00', currency: 'EUR', per: 'week' }],
    ['a tenth of a cent', { amount: '0.001', currency: 'EUR', per: 'week' }],
    ['half a yen', { amount: '0.5', currency: 'JPY', per: 'week' }],
    ['a negative amount', { amount: '-1', currency: 'EUR', per: 'week' }],
    ['an exponent', { amount: '1e3', currency: 'EUR', per: 'week' }],
    ['a number', { amount: 1, currency: 'EUR', per: 'week' }],
    ['half an act', { count: 0.5, per: 'week' }],
    ['no window', { amount: '1', currency: 'EUR' }],
    ['a window nobody knows', { amount: '1', currency: 'EUR', per: 'year' }],
    ['a member nobody knows', { amount: '1', currency: 'EUR', per: 'week', used: '0' }],
  ])('%s', (_, budget) => {
    expect(validateDetails(detailTypes, [api({ budget })])).toMatchObject({ ok: false, path: expect.stringMatching(/^\/0\/budget/) });
  });

  test('nor one in another currency than one act', () => {
    const detail = api({ max_amount: { amount: '1', currency: 'USD' }, ...euros('5', 'week') });
    expect(validateDetails(detailTypes, [detail])).toMatchObject({ ok: false, message: 'is in another currency than max_amount' });
  });
});

test('in words, with the money that may go in one window where one act has no bound', () => {
  const type = typeOf(api({}));
  const words = describeDetail(type, api(euros('1000', 'week')), 'the bank');
  expect(words.amount).toEqual({ amount: '1000.00', currency: 'EUR' });
  expect(words.rows).toContainEqual({ label: 'Budget', value: 'up to 1,000.00 EUR each week, Monday to Sunday (UTC)' });
  const often = describeDetail(type, api({ budget: { count: 12, per: 'total' } }), 'the bank');
  expect(often.rows).toContainEqual({ label: 'Budget', value: 'up to 12 times in total' });
  expect(often.amount).toBeUndefined();
});

test('what a budget is for has no limits in it, and no order', () => {
  const type = typeOf(api({}));
  const one = api({ actions: ['GET', 'POST'], max_amount: { amount: '5', currency: 'EUR' }, ...euros('1', 'day') });
  expect(budgetSubject(type, one)).toBe(budgetSubject(type, api({ actions: ['POST', 'GET'], ...euros('900', 'month') })));
  expect(budgetSubject(type, one)).not.toBe(budgetSubject(type, api({ actions: ['POST', 'GET'], paths: ['/x/*'] })));
});

describe('an annotation that could count nothing is refused', () => {
  const typeWith = (properties: DetailTypeDefinition['schema']['properties']): DetailTypeDefinition => ({
    type: 'thing',
    title: 'Thing',
    headline: { counted: 'type', one: 'Thing', many: 'Things' },
    schema: { type: 'object', properties: { type: { const: 'thing' }, ...properties }, required: ['type'], additionalProperties: false },
  });
  const budget = budgetMember({ taken: 'receipt' });
  const { 'x-budget': _annotation, ...unmarked } = budget;
  test.each<[string, DetailTypeDefinition['schema']['properties']]>([
    ['two of them', { one: budget, other: budget }],
    ['inside another member', { limits: { type: 'object', properties: { budget }, additionalProperties: false } }],
    ['one that names no bound beside it', { budget: budgetMember({ taken: 'receipt', each: 'most' }) }],
    ['one that names a text', { budget: budgetMember({ taken: 'receipt', each: 'most' }), most: { type: 'string' } }],
    ['the rule without the annotation', { budget: unmarked }],
    ['other members', { budget: { ...budget, properties: { ...budget.properties, per: { type: 'string' } } } }],
  ])('%s', (_, properties) => {
    expect(() => createDetailTypes([typeWith(properties)])).toThrow();
  });
  test('and the form of budgetMember is taken', () => {
    expect(createDetailTypes([typeWith({ budget })]).names).toEqual(['thing']);
  });
});
