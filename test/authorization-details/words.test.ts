import { describe, expect, test } from '@jest/globals';
import { type AuthorizationDetail, describeDetail } from '../../src/authorization-details/index.ts';
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
});
