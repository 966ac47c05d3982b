import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { allowsCall } from '../../src/sdk/resource-server.ts';

const resource = 'https://mcp.test/invoices';

/** Whether a detail with these limits allows `pay_invoice` with these arguments. */
function allows(limits: unknown, given: Record<string, unknown>): boolean {
  const detail = { type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: limits };
  return allowsCall(detail, { tool: 'pay_invoice', arguments: given }, resource);
}

describe('limits on an argument', () => {
  const cases: [string, unknown, unknown, boolean][] = [
    ['equals a text', { equals: 'EUR' }, 'EUR', true],
    ['equals another text', { equals: 'EUR' }, 'eur', false],
    ['equals a number, written as text', { equals: 5 }, '5', false],
    ['equals false', { equals: false }, false, true],
    ['equals an object', { equals: {} }, {}, false],
    ['equals null', { equals: null }, null, false],
    ['one of', { oneOf: ['a', 7] }, 7, true],
    ['none of', { oneOf: ['a', 7] }, '7', false],
    ['oneOf that is no list', { oneOf: 'abc' }, 'a', false],
    ['begins with', { prefix: '/invoices/' }, '/invoices/7', true],
    ['begins otherwise', { prefix: '/invoices/' }, '/payments/7', false],
    ['begins well and steps up', { prefix: '/invoices/' }, '/invoices/../payments/7', false],
    ['begins well and steps up at the end', { prefix: '/invoices/' }, '/invoices/..', false],
    ['begins well and steps up, escaped', { prefix: '/invoices/' }, '/invoices/%2E./payments', false],
    ['begins well and steps up, the other way', { prefix: 'C:\\a\\' }, 'C:\\a\\..\\b', false],
    ['begins well and steps up behind an escaped slash', { prefix: '/invoices' }, '/invoices%2f..%2fpayments', false],
    ['begins well and steps up before a query', { prefix: '/invoices/' }, '/invoices/..?x=1', false],
    ['begins well and has dots in a name', { prefix: 'v' }, 'v1..2', true],
    ['an empty prefix', { prefix: '' }, 'a', false],
    ['a number that begins', { prefix: '1' }, 12, false],
    ['at most, equal', { max: 1240 }, 1240, true],
    ['at most, in text', { max: '1240.00' }, '1240', true],
    ['at most, text and number', { max: '0.3' }, 0.3, true],
    ['more', { max: 1240 }, 1240.01, false],
    ['more, beyond what floating point tells apart', { max: '9007199254740992' }, '9007199254740993', false],
    ['more, with an exponent', { max: 1e15 }, 1e21, false],
    ['much less, with an exponent', { max: 1 }, 1e-7, true],
    ['a negative amount where a least is set', { min: 0 }, -1, false],
    ['a least that is kept', { min: -5, max: 5 }, -5, true],
    ['text that is no decimal', { max: 10 }, '1e1', false],
    ['text with a blank', { max: 10 }, ' 1', false],
    ['infinity as text', { min: 1 }, 'Infinity', false],
    ['a list where a number is due', { max: 10 }, [5], false],
    ['true where a number is due', { max: 10 }, true, false],
    ['two limits of which one fails', { min: 1, max: 5, oneOf: [7, 3] }, 7, false],
    ['two limits that hold', { min: 1, max: 5, oneOf: [7, 3] }, 3, true],
    ['no limit', {}, 1, false],
    ['a limit that is not known', { max: 10, pattern: '.*' }, 5, false],
    ['a limit named like a member of objects', { constructor: 1 }, 5, false],
    ['a limit that is no object', 10, 10, false],
  ];
  test.each(cases)('%s: %j for %j is %p', (_, limit, value, isAllowed) =>
    expect(allows({ amount: limit }, { amount: value })).toBe(isAllowed),
  );

  test('an argument that is limited must be given, as its own; others are free', () => {
    expect(allows({ amount: { max: 5 } }, {})).toBe(false);
    expect(allows({ amount: { max: 5 } }, Object.create({ amount: 5 }))).toBe(false);
    expect(allows({ amount: { max: 5 } }, { amount: 5, note: 'x' })).toBe(true);
    expect(allows({ amount: { max: 5 }, to: { equals: 'a' } }, { amount: 5, to: 'b' })).toBe(false);
    expect(allows([], {})).toBe(false);
    expect(allows('none', {})).toBe(false);
  });

  test('whole numbers compare as numbers do, in every way to write them', () => {
    const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const written = (value: number, style: number) => [value, String(value), `${value}.00`][style];
    const style = fc.nat({ max: 2 });
    fc.assert(
      fc.property(whole, whole, style, style, (value, most, one, other) => {
        expect(allows({ amount: { max: written(most, one) } }, { amount: written(value, other) })).toBe(value <= most);
        expect(allows({ amount: { min: written(most, one) } }, { amount: written(value, other) })).toBe(value >= most);
      }),
    );
  });
});

describe('a detail', () => {
  const call = { tool: 'pay_invoice', arguments: {} };
  const cases: [string, Record<string, unknown>, boolean][] = [
    ['that names the tool', {}, true],
    ['that names others', { tools: ['read_invoices'] }, false],
    ['whose tools are no list', { tools: 'pay_invoice' }, false],
    ['without tools', { tools: undefined }, false],
    ['of another type', { type: 'api_call' }, false],
    ['for this resource', { locations: ['https://other.test', 'https://mcp.test/invoices'] }, true],
    ['for this resource, written otherwise', { locations: ['HTTPS://MCP.test:443/invoices'] }, true],
    ['for a part of this resource', { locations: ['https://mcp.test/invoices/2'] }, false],
    ['for another resource', { locations: ['https://other.test'] }, false],
    ['for nowhere', { locations: [] }, false],
    ['for what is no address', { locations: ['here', 7] }, false],
    ['with a member that is not known here', { weekdays: ['mon'] }, false],
    ['with a number of calls', { max_calls: 3 }, true],
  ];
  test.each(cases)('%s', (_, change, isAllowed) => {
    const detail = { type: 'mcp_tool_call', tools: ['pay_invoice'], ...change };
    expect(allowsCall(detail, call, resource)).toBe(isAllowed);
  });

  test('allows nothing to a call that names no tool', () => {
    expect(allowsCall({ type: 'mcp_tool_call', tools: [''] }, { tool: '', arguments: {} }, resource)).toBe(false);
  });
});
