import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccessClient,
  type AccessDecision,
  AccessUnavailable,
  type Authorization,
  createMcpAccess,
  declaredMappings,
} from '../../src/sdk/resource-server.ts';

const RESOURCE = 'https://mcp.example.com';
const claims = { sub: 'usr_1', client_id: 'cli_1', iss: 'https://auth.example.com', aud: RESOURCE, roles: ['treasury'], jti: 't-1' };
const authorization = (more: object = {}) =>
  ({ client: 'cli_1', token: { id: 't-1', claims: { ...claims, ...more } } }) as unknown as Authorization;

let asked: unknown[];
let answer: () => Promise<AccessDecision>;
const client: AccessClient = {
  evaluate: (question) => {
    asked.push(question);
    return answer();
  },
  evaluateAll: async (questions) => {
    asked.push(questions);
    return Promise.all(questions.evaluations.map(() => answer()));
  },
};
beforeEach(() => {
  asked = [];
  answer = async () => ({ decision: true });
});

const message = (method: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params });
const refusalOf = (body: unknown, mapping?: unknown, token = authorization()) =>
  createMcpAccess({ client, mappingOf: () => mapping }).refusalOf({ resource: RESOURCE }, token, {
    body,
    scopesForTool: { scoped: ['a', 'b'] },
  });
const facts = { client_id: 'cli_1', jti: 't-1' };
const identity = { type: 'identity', id: 'usr_1' };

describe('default mappings', () => {
  test.each([
    ['initialize', { protocolVersion: '2025-11-25' }, { type: 'mcp_server', id: RESOURCE }, { protocol_version: '2025-11-25' }],
    ['server/discover', {}, { type: 'mcp_server', id: RESOURCE }, {}],
    ['tools/list', undefined, { type: 'mcp_server', id: RESOURCE }, {}],
    ['tools/call', { name: 'pay', arguments: { amount: 5 } }, { type: 'tool', id: 'pay' }, { arguments: { amount: 5 } }],
    ['tools/call', { name: 'list' }, { type: 'tool', id: 'list' }, {}],
    ['tools/call', { name: 'scoped' }, { type: 'tool', id: 'scoped' }, { scope: 'a b' }],
    ['resources/read', { uri: 'file:///a' }, { type: 'resource', id: 'file:///a' }, {}],
    ['resources/unsubscribe', { uri: 'file:///a' }, { type: 'resource', id: 'file:///a' }, {}],
    ['prompts/get', { name: 'greet' }, { type: 'prompt', id: 'greet' }, {}],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } }, { type: 'prompt', id: 'greet' }, {}],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///a' } }, { type: 'resource', id: 'file:///a' }, {}],
    ['logging/setLevel', { level: 'info' }, { type: 'mcp_server', id: RESOURCE }, { level: 'info' }],
    ['tasks/update', { taskId: '7' }, { type: 'task', id: '7' }, {}],
  ])('%s %j', async (method, params, resource, context) => {
    expect(await refusalOf(message(method, params))).toBeUndefined();
    expect(asked).toEqual([{ subject: identity, action: { name: method }, resource, context: { agent: 'cli_1', ...context, ...facts } }]);
  });

  test('the chain of the token goes along, whatever a mapping says; a client it does not name is left out', async () => {
    const act = { iss: 'https://auth.example.com', sub: 'agt_1' };
    const forged = {
      evaluation: {
        subject: { properties: { act: { sub: 'agt_2' } } },
        action: { name: 'a' },
        resource: { type: 't', id: 'x' },
        context: { jti: 'other' },
      },
    };
    await refusalOf(message('tools/call', { name: 'x' }), forged, authorization({ act }));
    await refusalOf(message('tools/list'), undefined, authorization({ client_id: undefined }));
    expect(asked).toMatchObject([{ subject: { ...identity, properties: { act } }, context: { jti: 't-1' } }, { subject: identity }]);
  });

  test.each([['ping'], ['notifications/initialized'], ['notifications/cancelled']])('%s passes without a question', async (method) => {
    expect(await refusalOf({ jsonrpc: '2.0', method })).toBeUndefined();
    expect(await refusalOf({ jsonrpc: '2.0', id: 3, result: {} })).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test.each([['sampling/createMessage'], ['tools/destroy'], ['__proto__'], ['Ping'], [7], [undefined]])(
    'the method %p is refused',
    async (method) => {
      expect(await refusalOf({ jsonrpc: '2.0', id: 'a', method })).toMatchObject({ jsonrpc: '2.0', id: 'a', error: { code: -32001 } });
      expect(asked).toEqual([]);
    },
  );

  test('a call without an id is a call', async () => {
    answer = async () => ({ decision: false });
    expect(await refusalOf({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'pay' } })).toMatchObject({
      id: null,
      error: { code: -32001 },
    });
  });
});

describe('declared mappings', () => {
  const mapping = (evaluation: object) => ({
    evaluation: { subject: identity, action: { name: 'a' }, resource: { type: 't', id: 'x' }, ...evaluation },
  });
  const call = message('tools/call', {
    name: 'transfer',
    arguments: { amount: 20_000, currency: 'USD', 'customer-id': 'c', list: [1, 2], nothing: null },
  });
  const idOf = async (id: string) => {
    asked = [];
    const refusal = await refusalOf(call, mapping({ resource: { type: 't', id } }));
    return refusal ?? (asked as { resource: { id: string } }[])[0]?.resource.id;
  };

  test.each([
    ['$token.sub', 'usr_1'],
    ["$'urn:doc:' + params.name", 'urn:doc:transfer'],
    ["$token.roles.exists(r, r == 'treasury') ? 'treasury_user' : 'standard_user'", 'treasury_user'],
    ["$params.arguments.amount > 10000 ? 'high' : 'standard'", 'high'],
    ['$params.arguments["customer-id"]', 'c'],
    ['$$50', '$50'],
    ['a$token.sub', 'a$token.sub'],
    ["$has(token.nobody) ? token.nobody : 'none'", 'none'],
    ["$'a.?b'", 'a.?b'],
  ])('%s is %s', async (text, expected) => {
    expect(await idOf(text)).toBe(expected);
  });

  test.each([
    '$token.nobody',
    '$token.?nobody',
    '$params.arguments.nothing',
    '$params.arguments.list',
    '$token.sub.more',
    '$request.path',
    '$token.',
    '$',
    "$token.?nobody == 'a'",
    "$timestamp('2026-01-01T00:00:00Z')",
    `$'${'x'.repeat(3_000)}'`,
    '$token.constructor',
    '',
  ])('%s cannot be the id of a resource: -32602', async (text) => {
    expect(await idOf(text)).toMatchObject({ id: 1, error: { code: -32602, message: expect.stringContaining('COAZ mapping error') } });
    expect(asked).toEqual([]);
  });

  test('values keep their type, and what is optional and missing is left out', async () => {
    const context = {
      all: '$params.arguments.list',
      one: '$size(params.arguments.list)',
      none: '$token.?nobody.at.all',
      yes: '$true',
      null: '$null',
      deep: [{ at: '$token.?sub' }],
    };
    await refusalOf(call, mapping({ context }));
    expect(asked).toMatchObject([{ context: { all: [1, 2], one: 2, yes: true, null: null, deep: [{ at: 'usr_1' }], ...facts } }]);
    expect(asked[0]).not.toHaveProperty('context.none');
  });

  test.each([
    ['no envelope', {}],
    ['two envelopes', { evaluation: {}, evaluations: {} }],
    ['an unknown envelope', { search: {} }],
    ['no object', 7],
    ['another subject', mapping({ subject: { type: 'identity', id: '$params.name' } })],
    ['a strange member', mapping({ resource: { type: 't', id: 'x', owner: 'me' } })],
    ['no action', { evaluation: { resource: { type: 't', id: 'x' } } }],
    ['a context that is a list', mapping({ context: '$params.arguments.list' })],
    [
      'a subject in an entry',
      { evaluations: { resource: { type: 't', id: 'x' }, evaluations: [{ subject: identity, action: { name: 'a' } }] } },
    ],
    ['no entries', { evaluations: { action: { name: 'a' }, resource: { type: 't', id: 'x' }, evaluations: [] } }],
    ['nested too deeply', Array.from({ length: 30 }).reduce<object>((context) => mapping({ context }), mapping({}))],
  ])('%s: -32602, and nobody is asked', async (_name, wrong) => {
    expect(await refusalOf(call, wrong)).toMatchObject({ error: { code: -32602 } });
    expect(asked).toEqual([]);
  });

  test('two decisions: both must be a permit', async () => {
    const move = {
      evaluations: {
        context: { agent: '$token.?client_id' },
        evaluations: [
          { action: { name: 'read' }, resource: { type: 'folder', id: '$params.name' } },
          { action: { name: 'write' }, resource: { type: 'folder', id: 'to' }, context: { own: true } },
        ],
      },
    };
    expect(await refusalOf(call, move)).toBeUndefined();
    expect(asked).toMatchObject([
      {
        ...{ subject: identity, context: { agent: 'cli_1', ...facts } },
        evaluations: [{ resource: { id: 'transfer' } }, { resource: { id: 'to' }, context: { own: true, ...facts } }],
      },
    ]);
    let turn = 0;
    answer = async () => ({ decision: turn++ === 0 });
    expect(await refusalOf(call, move)).toMatchObject({ error: { code: -32001 } });
  });

  test('are found in what tools/list answers', () => {
    const declared = declaredMappings([
      { name: 'a', inputSchema: { 'x-authzen-mapping': 1 } },
      { name: 'b', inputSchema: {} },
      { name: 'c' },
    ]);
    expect(['a', 'b', 'c', 'constructor'].map(declared)).toEqual([1, undefined, undefined, undefined]);
  });

  test('no text in the arguments is ever taken for an expression', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), async (text) => {
        asked = [];
        await refusalOf(
          message('tools/call', { name: 'x', arguments: { id: text } }),
          mapping({ resource: { type: 't', id: '$params.arguments.id' } }),
        );
        expect(asked).toMatchObject([{ resource: { id: text } }]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('answers', () => {
  const tools = message('tools/list');

  test('a denial tells the client what it may know, and no more', async () => {
    const context = {
      reason: 'approval_required',
      reason_user: { '403': 'Ask first.' },
      reason_admin: { '403': 'secret policy' },
      next_action: 'request',
      decision_id: 'dec_1',
    };
    answer = async () => ({ decision: false, context });
    const { reason_admin: _admin, ...data } = context;
    expect(await refusalOf(tools)).toEqual({ jsonrpc: '2.0', id: 1, error: { code: -32001, message: 'Access denied: Ask first.', data } });
  });

  test('a permit with an obligation is none', async () => {
    answer = async () => ({ decision: true, context: { obligations: [{ id: '1', type: 'step-up', properties: {} }] } });
    expect(await refusalOf(tools)).toMatchObject({ error: { code: -32001 } });
    answer = async () => ({ decision: true, context: { obligations: [], note: 'fine' } });
    expect(await refusalOf(tools)).toBeUndefined();
  });

  test('no answer: -32603', async () => {
    answer = () => Promise.reject(new AccessUnavailable('away'));
    expect(await refusalOf(tools)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32603, message: 'Authorization service unavailable' },
    });
  });

  test('one refused message refuses its batch', async () => {
    const answers = await refusalOf([message('tools/list', {}, 1), message('tools/destroy', {}, 2)]);
    expect(answers).toMatchObject([
      { id: 1, error: { code: -32603 } },
      { id: 2, error: { code: -32001 } },
    ]);
    expect(await refusalOf(Array.from({ length: 101 }, () => tools))).toMatchObject({ error: { code: -32001 } });
    expect(await refusalOf(undefined)).toBeUndefined();
  });
});
