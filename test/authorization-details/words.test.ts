import { describe, expect, test } from '@jest/globals';
import { type AuthorizationDetail, createDetailTypes, describeDetail } from '../../src/authorization-details/index.ts';
import { typeOf } from './detail-arbitraries.ts';

const words = (detail: AuthorizationDetail) => describeDetail(typeOf(detail), detail, 'Invoices');

describe('a detail in words', () => {
  test('tools, arguments and calls, one row a limit', () => {
    const detail = {
      type: 'mcp_tool_call',
      tools: ['read', 'pay'],
      arguments: { amount: { max: 100 }, to: { oneOf: ['a', 'b'] }, memo: { equals: 'x' } },
      max_calls: 3,
    };
    expect(words(detail)).toEqual({
      headline: 'Call 2 tools of Invoices',
      rows: [
        { label: 'Tools', value: 'read and pay' },
        { label: 'Arguments: amount', value: 'at most 100' },
        { label: 'Arguments: to', value: 'one of a or b' },
        { label: 'Arguments: memo', value: 'exactly x' },
        { label: 'Calls', value: 'at most 3' },
      ],
    });
  });

  test('one tool is named in the headline', () => {
    expect(words({ type: 'mcp_tool_call', tools: ['pay'] }).headline).toBe('Call pay of Invoices');
  });

  test('money stands apart', () => {
    const detail = {
      type: 'api_call',
      actions: ['POST'],
      paths: ['/payments/*'],
      max_amount: { amount: '250.00', currency: 'EUR' },
      locations: ['https://api.example'],
    };
    expect(words(detail)).toEqual({
      headline: 'Send POST requests to Invoices',
      rows: [
        { label: 'Amount', value: 'up to 250.00 EUR' },
        { label: 'Methods', value: 'POST' },
        { label: 'Paths', value: '/payments/*' },
        { label: 'At', value: 'https://api.example' },
      ],
      amount: { amount: '250.00', currency: 'EUR' },
    });
  });

  test('a value that looks like a template stays text', () => {
    const detail = { type: 'mcp_tool_call', tools: ['{resource}$&'], arguments: { a: { equals: '{value}$1' } } };
    expect(words(detail).headline).toBe('Call {resource}$& of Invoices');
    expect(words(detail).rows.at(-1)).toEqual({ label: 'Arguments: a', value: 'exactly {value}$1' });
  });

  test('a payment: to whom, how much, into which account, for what, when', () => {
    const detail = {
      type: 'payment_initiation',
      execution: { until: '2026-05-31T22:00:00Z', from: '2026-05-01T02:00:00+02:00' },
      creditors: ['Acme GmbH', 'Bolt AG'],
      instructed_amount: { currency: 'EUR', amount: '12000.50' },
      creditor_accounts: ['DE89370400440532013000'],
      reference: 'INV-2026-',
    };
    expect(words(detail)).toEqual({
      headline: 'Pay Acme GmbH and Bolt AG through Invoices',
      rows: [
        { label: 'Amount', value: 'up to 12,000.50 EUR in one payment' },
        { label: 'To', value: 'Acme GmbH and Bolt AG' },
        { label: 'Into accounts', value: 'DE89370400440532013000' },
        { label: 'Reference', value: 'begins with INV-2026-' },
        { label: 'Carried out', value: 'from 1 May 2026, 00:00 UTC until 31 May 2026, 22:00 UTC' },
      ],
      amount: { amount: '12,000.50', currency: 'EUR' },
    });
  });

  test('data: numbers with their unit, times in one spelling', () => {
    const detail = {
      type: 'data_access',
      datasets: ['customers'],
      actions: ['read', 'export'],
      fields: ['name'],
      max_rows: 1_000,
      purpose: 'yearly report',
      period: { from: '2026-01-01T00:00:00.250Z' },
    };
    expect(words(detail).headline).toBe('Read and export customers of Invoices');
    expect(words(detail).rows.map(({ value }) => value)).toEqual([
      'customers',
      'read and export',
      'only name',
      'at most 1,000 rows in one answer',
      'yearly report',
      'from 1 Jan 2026, 00:00:00.250 UTC',
    ]);
    expect(words({ ...detail, max_rows: 1 }).rows[3]?.value).toBe('at most 1 row in one answer');
  });

  test('a member without a label is shown under its own name: nothing is granted unseen', () => {
    const type = createDetailTypes([
      {
        type: 'x',
        title: 'X',
        headline: { counted: 'type', one: 'X', many: 'X' },
        schema: {
          type: 'object',
          properties: {
            type: { const: 'x' },
            hidden: { type: 'string' },
            box: { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, additionalProperties: false },
          },
          required: ['type'],
          additionalProperties: false,
        },
      },
    ]).find('x');
    const detail = { type: 'x', box: { b: '2', a: '1' }, hidden: 'all' };
    expect(type && describeDetail(type, detail, 'Invoices').rows).toEqual([
      { label: 'hidden', value: 'all' },
      { label: 'box', value: 'a 1 and b 2' },
    ]);
  });
});
