import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Evaluation } from '../../src/access-evaluation/access-request.ts';
import { faultOfBounds } from '../../src/access-evaluation/token-bounds.ts';
import { type AuthorizationDetail, builtInDetailTypes, createDetailTypes, type JsonObject } from '../../src/authorization-details/index.ts';

const types = createDetailTypes(builtInDetailTypes);
const subject = { type: 'user', id: 'usr_1' };
const call = (tool: string, given: JsonObject = {}): Evaluation => ({
  ...{ subject, action: { name: 'tools/call' }, resource: { type: 'tool', id: tool } },
  context: { arguments: given },
});
const request = (method: string, path: string, properties?: JsonObject): Evaluation => ({
  ...{ subject, action: { name: method, properties }, resource: { type: 'route', id: path } },
});
const ruleOf = (evaluation: Evaluation, details: readonly AuthorizationDetail[], scopes: readonly string[] = []) =>
  faultOfBounds({ scopes, details }, { evaluation, scopes: [], knownScopes: ['read', 'write'] }, types)?.rule;

describe('mcp_tool_call', () => {
  const pay: AuthorizationDetail = {
    type: 'mcp_tool_call',
    tools: ['pay', 'quote'],
    arguments: {
      amount: { min: 1, max: '200.50' },
      currency: { oneOf: ['EUR', 'USD'] },
      path: { prefix: '/a/' },
      mode: { equals: 'safe' },
    },
  };
  const good = { amount: 200.5, currency: 'EUR', path: '/a/b', mode: 'safe' };

  test.each<[string, JsonObject]>([
    ['one cent more', { ...good, amount: '200.51' }],
    ['less than the least', { ...good, amount: 0 }],
    ['an amount that is no number', { ...good, amount: 'many' }],
    ['another currency', { ...good, currency: 'GBP' }],
    ['another folder', { ...good, path: '/b/' }],
    ['a way out of the folder', { ...good, path: '/a/../b' }],
    ['an escaped way out', { ...good, path: '/a/%2e%2e/b' }],
    ['another mode', { ...good, mode: 'SAFE' }],
    ['an argument that is missing', { amount: 1, currency: 'EUR', path: '/a/b' }],
    ['a list of amounts', { ...good, amount: [1] }],
  ])('%s lies beyond', (_name, given) => {
    expect(ruleOf(call('pay', given), [pay])).toBe('token-details');
  });

  test('the limit itself, and arguments without one, lie inside', () => {
    expect(ruleOf(call('pay', { ...good, note: 'x' }), [pay])).toBeUndefined();
    expect(ruleOf(call('refund', good), [pay])).toBe('token-details');
    expect(ruleOf(call('refund', {}), [pay, { type: 'mcp_tool_call', tools: ['refund'] }])).toBeUndefined();
  });

  test('a token without details for tools does not limit them; a limit of a kind not known here is kept by nothing', () => {
    expect(ruleOf(call('refund'), [])).toBeUndefined();
    expect(ruleOf(call('refund'), [{ type: 'api_call', actions: ['GET'] }])).toBeUndefined();
    const strange = { type: 'mcp_tool_call', tools: ['pay'], arguments: { amount: { max: 5, step: 1 } } };
    expect(ruleOf(call('pay', { amount: 1 }), [strange])).toBe('token-details');
  });

  test('whatever is within a narrower detail is within the wider one', () => {
    const amount = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(amount, amount, amount, (one, other, asked) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const upTo = (max: number): AuthorizationDetail => ({ type: 'mcp_tool_call', tools: ['pay'], arguments: { amount: { max } } });
        const [narrow, wide] = [low, high].map((max) => ruleOf(call('pay', { amount: asked }), [upTo(max)]));
        expect(narrow === undefined).toBe(asked <= low);
        if (narrow === undefined) expect(wide).toBeUndefined();
      }),
    );
  });
});

describe('api_call', () => {
  const detail: AuthorizationDetail = {
    ...{ type: 'api_call', actions: ['GET', 'POST'], paths: ['/invoices/*', '/health'] },
    max_amount: { amount: '100.00', currency: 'EUR' },
  };
  const money = { amount: '100', currency: 'EUR' };

  test.each<[Evaluation, string | undefined]>([
    [request('GET', '/invoices/7', money), undefined],
    [request('POST', '/health', money), undefined],
    [request('DELETE', '/invoices/7', money), 'token-details'],
    [request('GET', '/invoices', money), 'token-details'],
    [request('GET', '/invoices/../users', money), 'token-details'],
    [request('GET', '/health/x', money), 'token-details'],
    [request('GET', '/health', { ...money, amount: '100.01' }), 'token-details'],
    [request('GET', '/health', { ...money, amount: '-1' }), 'token-details'],
    [request('GET', '/health', { ...money, currency: 'USD' }), 'token-details'],
    [request('GET', '/health'), 'token-details'],
  ])('%j: %s', (evaluation, rule) => {
    expect(ruleOf(evaluation, [detail])).toBe(rule);
  });
});

describe('scopes, and what the resource server says is needed', () => {
  const reading: Evaluation = { subject, action: { name: 'read' }, resource: { type: 'invoice', id: '1' } };

  test('an action that is called like a scope needs it; any other needs what is named', () => {
    expect(ruleOf(reading, [], ['read'])).toBeUndefined();
    expect(ruleOf(reading, [], ['write'])).toBe('token-scope');
    expect(ruleOf({ ...reading, action: { name: 'show' } }, [], [])).toBeUndefined();
    const need = { evaluation: reading, scopes: ['pay'], knownScopes: [] };
    expect(faultOfBounds({ scopes: ['read'], details: [] }, need, types)).toMatchObject({
      rule: 'token-scope',
      remedy: expect.stringContaining('pay'),
    });
  });

  test('details that the access needs lie inside those of the token', () => {
    const granted = [{ type: 'mcp_tool_call', tools: ['a', 'b'] }];
    const needing = (authorization_details: never) => ruleOf({ ...reading, context: { authorization_details } }, granted, ['read']);
    expect(needing([{ type: 'mcp_tool_call', tools: ['a'] }] as never)).toBeUndefined();
    for (const wrong of [[{ type: 'mcp_tool_call', tools: ['c'] }], [{ type: 'unknown' }], [], 'a', null, [[]]])
      expect(needing(wrong as never)).toBe('token-details');
  });
});
