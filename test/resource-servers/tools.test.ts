import { describe, expect, test } from '@jest/globals';
import { AppError } from '../../src/platform/errors.ts';
import { checkToolScopes, toolsOf, unknownTool, withToolTitles } from '../../src/resource-servers/tools/tool.ts';
import { toolsTold } from '../../src/resource-servers/tools/told.ts';

const identifier = 'https://invoices.acme.test/mcp';
const tools = toolsOf([{ name: 'pay_invoice', title: 'Pay an invoice', scope: 'pay' }, { name: 'read_invoice' }], 'high');
const server = { identifier, tools, hasOpenTools: false };
const call = (names: readonly string[], more: object = {}) => ({ type: 'mcp_tool_call', tools: names, ...more });

function refusalOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error instanceof AppError ? [error.code, error.details.member] : error;
  }
}

describe('the tools of a resource server', () => {
  test('take title and risk from what is there, exist once, and need a scope of the server', () => {
    expect(tools).toEqual([
      { name: 'pay_invoice', title: 'Pay an invoice', description: '', risk: 'high', scope: 'pay' },
      { name: 'read_invoice', title: 'read_invoice', description: '', risk: 'high', scope: undefined },
    ]);
    expect(refusalOf(() => toolsOf([{ name: 'a' }, { name: 'a' }], 'low'))).toEqual(['invalid_input', '/tools/1/name']);
    expect(refusalOf(() => checkToolScopes(tools, [{ name: 'read' }]))).toEqual(['invalid_input', '/tools/0/scope']);
    expect(refusalOf(() => checkToolScopes(tools, [{ name: 'pay' }]))).toBeUndefined();
  });

  test.each([
    ['known ones', [call(['pay_invoice', 'read_invoice'])], undefined],
    ['one that is not there', [call(['pay_invoice', 'drop_all'])], '/0/tools/1'],
    [
      'one in the second detail, at the server',
      [call(['read_invoice']), call(['drop_all'], { locations: [`${identifier}/v2`] })],
      '/1/tools/0',
    ],
    ['another spelling is another tool', [call(['Pay_invoice'])], '/0/tools/0'],
    ['one of another place', [call(['drop_all'], { locations: ['https://other.acme.test'] })], undefined],
    ['another place whose name begins the same', [call(['drop_all'], { locations: [`${identifier}-two`] })], undefined],
    ['details of another type', [{ type: 'api_call', tools: ['drop_all'] }], undefined],
    ['what is malformed is for others to refuse', [null, 7, { type: 'mcp_tool_call', tools: 'drop_all' }], undefined],
  ])('asked for %s', (_words, details, path) => {
    expect(unknownTool(details, server)).toBe(path);
  });

  test('say nothing while there are none, and let others pass when they are open', () => {
    expect(unknownTool([call(['drop_all'])], { ...server, tools: [] })).toBeUndefined();
    expect(unknownTool([call(['drop_all'])], { ...server, hasOpenTools: true })).toBeUndefined();
  });

  test('are read by their titles, and stay two when their titles are one', () => {
    const twins = { tools: [...tools, { ...tools[0], name: 'pay_later', title: 'Pay an invoice' }] as typeof tools };
    expect(withToolTitles(call(['pay_invoice', 'pay_later', 'read_invoice']), twins).tools).toEqual([
      'Pay an invoice (pay_invoice)',
      'Pay an invoice (pay_later)',
      'read_invoice',
    ]);
    const other = { type: 'api_call', tools: ['pay_invoice'] };
    expect(withToolTitles(other, twins)).toBe(other);
  });
});

describe('what a server tells of its tools', () => {
  const told = {
    jsonrpc: '2.0',
    id: 1,
    result: {
      tools: [
        { name: 'pay', title: 'Pay\u202e it', description: ' Sends\n\nmoney. ', annotations: { destructiveHint: true }, inputSchema: {} },
        { name: 'look', annotations: { title: 'Look', readOnlyHint: true } },
        { title: 'without a name' },
      ],
    },
  };

  test('becomes plain lines; its hints are only a beginning', () => {
    const expected = [
      { name: 'pay', title: 'Pay it', description: 'Sends money.', risk: 'high' },
      { name: 'look', title: 'Look', description: undefined, risk: 'low' },
    ];
    expect(toolsTold(JSON.stringify(told))).toEqual(expected);
    expect(toolsTold(JSON.stringify(told.result))).toEqual(expected);
  });

  test.each([
    ['no JSON', '{'],
    ['no list', '{"result":{}}'],
    ['nothing with a name', '[]'],
    ['too many', JSON.stringify({ tools: Array.from({ length: 201 }, (_, index) => ({ name: `t${index}` })) })],
  ])('%s is refused', (_words, text) => {
    expect(refusalOf(() => toolsTold(text))).toEqual(['invalid_input', '/told']);
  });
});
