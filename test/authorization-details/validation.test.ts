import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createDetailTypes,
  type DetailTypeDefinition,
  detailsHash,
  locationsWithin,
  mcpToolCall,
  parseDetails,
  validateDetails,
} from '../../src/authorization-details/index.ts';
import { detailTypes, validDetail } from './detail-arbitraries.ts';

const call = (members: object = {}) => ({ type: 'mcp_tool_call', tools: ['pay'], ...members });
const api = (members: object = {}) => ({ type: 'api_call', actions: ['GET'], ...members });
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

describe('validateDetails (RFC 9396 §2, §5; R26)', () => {
  test('accepts the built-in types with all their members', () => {
    const details = [
      call({
        arguments: { amount: { min: 1, max: '99.5' }, to: { oneOf: ['a', 'b'] } },
        max_calls: 3,
        locations: ['https://mcp.example/billing'],
      }),
      api({ paths: ['/invoices/*', '/'], max_amount: { amount: '250.00', currency: 'EUR' } }),
    ];
    expect(validateDetails(detailTypes, details)).toEqual({ ok: true, details });
    expect(detailTypes.names).toEqual(['mcp_tool_call', 'api_call', 'payment_initiation', 'data_access']);
  });

  test.each<[string, unknown, string]>([
    ['not an array', call(), '/'],
    ['an empty array', [], '/'],
    ['eleven entries', Array.from({ length: 11 }, () => call()), '/'],
    [
      'more than 4 KB',
      Array.from({ length: 9 }, () => call({ tools: Array.from({ length: 60 }, (_, index) => `tool-number-${index}`) })),
      '/',
    ],
    ['seven levels', [call({ arguments: nested(7) })], '/0/arguments/a/a/a/a/a'],
    ['not an object', ['mcp_tool_call'], '/0'],
    ['null', [null], '/0'],
    ['no type', [{ tools: ['x'] }], '/0/type'],
    ['a type that is no text', [{ type: 7 }], '/0/type'],
    ['an unknown type', [call(), { type: 'root_shell' }], '/1/type'],
    ['a type named like an inherited member', [{ type: 'constructor' }], '/0/type'],
    ['no tools', [{ type: 'mcp_tool_call' }], '/0/tools'],
    ['an empty list of tools', [call({ tools: [] })], '/0/tools'],
    ['a tool twice', [call({ tools: ['a', 'a'] })], '/0/tools'],
    ['an unknown member', [call({ sudo: true })], '/0/sudo'],
    ['an unknown limit', [call({ arguments: { a: { about: 5 } } })], '/0/arguments/a/about'],
    ['a constraint that says nothing', [call({ arguments: { a: {} } })], '/0/arguments/a'],
    ['a contradiction', [call({ arguments: { a: { min: 2, max: '1.5' } } })], '/0/arguments/a'],
    ['a prefix on a number', [call({ arguments: { a: { equals: 5, prefix: 'x' } } })], '/0/arguments/a'],
    ['zero calls', [call({ max_calls: 0 })], '/0/max_calls'],
    ['half a call', [call({ max_calls: 1.5 })], '/0/max_calls'],
    ['an unknown method', [api({ actions: ['get'] })], '/0/actions/0'],
    ['a path that climbs', [api({ paths: ['/invoices/../admin'] })], '/0/paths/0'],
    ['an escaped path', [api({ paths: ['/invoices/%2e%2e/admin'] })], '/0/paths/0'],
    ['a star inside', [api({ paths: ['/*/admin'] })], '/0/paths/0'],
    ['a star after a word', [api({ paths: ['/inv*'] })], '/0/paths/0'],
    ['an amount as a number', [api({ max_amount: { amount: 5, currency: 'EUR' } })], '/0/max_amount/amount'],
    ['a negative amount', [api({ max_amount: { amount: '-5', currency: 'EUR' } })], '/0/max_amount/amount'],
    ['an exponent', [api({ max_amount: { amount: '1e9', currency: 'EUR' } })], '/0/max_amount/amount'],
    ['a lower-case currency', [api({ max_amount: { amount: '5', currency: 'eur' } })], '/0/max_amount/currency'],
    ['an amount without currency', [api({ max_amount: { amount: '5' } })], '/0/max_amount/currency'],
    ['a relative location', [api({ locations: ['/mcp'] })], '/0/locations/0'],
    ['text that runs backwards', [call({ tools: ['pay\u202e5'] })], '/0/tools/0'],
    ['an invisible letter', [call({ tools: ['pa\u200by'] })], '/0/tools/0'],
    ['a line feed', [call({ tools: ['pay\nall'] })], '/0/tools/0'],
    ['half a surrogate pair', [call({ tools: ['\ud800'] })], '/0/tools/0'],
    [
      'a prototype as argument',
      JSON.parse('[{"type":"mcp_tool_call","tools":["x"],"arguments":{"__proto__":{"equals":1}}}]'),
      '/0/arguments',
    ],
  ])('refuses %s', (_, input, path) => {
    expect(validateDetails(detailTypes, input)).toEqual({
      ok: false,
      path,
      message: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/),
    });
  });

  test('a path never echoes what error_description must not hold (RFC 6749 §5.2)', () => {
    const result = validateDetails(detailTypes, [call({ '"><script>é': 1 })]);
    expect(result).toMatchObject({ ok: false, path: '/0/???script??' });
  });

  test('R11: the name of a member is text too', () => {
    expect(validateDetails(detailTypes, [call({ arguments: { 'to\u202e': { equals: 1 } } })])).toEqual({
      ok: false,
      path: '/0/arguments',
      message: 'has a member whose name holds control or invisible characters',
    });
  });

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.object())), (input) =>
        expect(validateDetails(detailTypes, input)).toHaveProperty('ok'),
      ),
    );
  });

  test('parseDetails reads the parameter as sent and refuses what is not JSON or far too long', () => {
    expect(parseDetails(detailTypes, JSON.stringify([call()]))).toEqual({ ok: true, details: [call()] });
    expect(parseDetails(detailTypes, '[{')).toMatchObject({ ok: false, path: '/' });
    expect(parseDetails(detailTypes, `[${' '.repeat(9000)}]`)).toMatchObject({ ok: false, path: '/' });
  });
});

describe('type definitions are data of a closed form', () => {
  const { properties } = mcpToolCall.schema;
  const { example: _, ...plain } = mcpToolCall;
  const defined = (schema: object): DetailTypeDefinition =>
    ({
      ...plain,
      type: 'x',
      schema: {
        ...mcpToolCall.schema,
        ...schema,
        properties: { ...('properties' in schema ? (schema.properties as object) : properties), type: { const: 'x' } },
      },
    }) as DetailTypeDefinition;
  const withMember = (member: object) => defined({ properties: { ...properties, extra: member } });
  const amount = { type: 'string', format: 'amount', 'x-narrowing': 'upperBound' };
  const counted = { type: 'integer', 'x-narrowing': 'upperBound', 'x-counted': true };

  test('accepts what each refused definition below was made from', () => {
    expect(createDetailTypes([withMember({ type: 'string', 'x-label': 'Extra', 'x-phrase': 'only {value}' })]).names).toEqual(['x']);
  });

  test.each<[string, DetailTypeDefinition]>([
    ['a regular expression', withMember({ type: 'string', pattern: '(a+)+$' })],
    ['a reference', withMember({ $ref: 'https://evil.example/schema' })],
    ['a combinator', withMember({ anyOf: [{ type: 'string' }] })],
    ['an unknown annotation', withMember({ type: 'string', 'x-narrowing': 'wider' })],
    ['a bound on a text', withMember({ type: 'string', 'x-narrowing': 'upperBound' })],
    ['a subset of a number', withMember({ type: 'number', 'x-narrowing': 'subset' })],
    [
      'a window of other members',
      withMember({ type: 'object', properties: { start: { type: 'string' } }, additionalProperties: false, 'x-narrowing': 'window' }),
    ],
    ['an object open to unknown members', withMember({ type: 'object', properties: {} })],
    ['a top level open to unknown members', defined({ additionalProperties: { type: 'string' } })],
    ['a top level that is a list', defined({ type: 'array' })],
    [
      'a schema nested too deep',
      withMember(
        Array.from({ length: 7 }).reduce<object>((inner) => ({ type: 'array', items: inner, 'x-narrowing': 'equal' }), { type: 'string' }),
      ),
    ],
    ['a name with spaces', { ...mcpToolCall, type: 'my type' }],
    ['a name that details of it do not bear', { ...mcpToolCall, type: 'other' }],
    ['a detail that need not say its type', defined({ required: ['tools'] })],
    ['a headline about what need not be there', { ...defined({}), headline: { ...mcpToolCall.headline, counted: 'arguments' } }],
    ['a placeholder nobody fills in', { ...defined({}), headline: { ...mcpToolCall.headline, one: 'Call {all}' } }],
    ['a phrase that hides its value', withMember({ type: 'string', 'x-phrase': 'a little' })],
    ['a phrase with something else in it', withMember({ type: 'string', 'x-phrase': '{value} {resource}' })],
    ['a label that runs backwards', withMember({ type: 'string', 'x-label': 'tnuomA\u202e' })],
    ['a counter below the top', withMember({ type: 'object', properties: { n: counted }, additionalProperties: false })],
    ['a counter that is no bound', withMember({ type: 'integer', 'x-counted': true })],
    [
      'money without currency',
      withMember({ type: 'object', properties: { amount }, required: ['amount'], additionalProperties: false, 'x-money': true }),
    ],
    [
      'a value constraint of other members',
      withMember({ type: 'object', properties: { about: amount }, additionalProperties: false, 'x-value-constraint': true }),
    ],
    ['a bound of instants or numbers', withMember({ type: ['number', 'string'], format: 'date-time', 'x-narrowing': 'upperBound' })],
    [
      'a window open to other members',
      withMember({
        type: 'object',
        properties: { from: { type: 'string', format: 'date-time' } },
        additionalProperties: { type: 'string' },
        'x-narrowing': 'window',
      }),
    ],
    [
      'locations that are no addresses',
      defined({ properties: { ...properties, locations: { type: 'array', items: { type: 'string' } } } }),
    ],
    ['actions that are no list (RFC 9396 §2.2)', defined({ properties: { ...properties, actions: { type: 'string' } } })],
    ['an example that is no detail of it', { ...defined({}), example: { type: 'x' } }],
    ['a required member nobody describes', defined({ required: ['type', 'ghost'] })],
    ['more than 16 KB', withMember({ type: 'string', enum: Array.from({ length: 100 }, (_, index) => `${index}${'x'.repeat(200)}`) })],
  ])('refuses %s', (_, definition) => {
    expect(() => createDetailTypes([definition])).toThrow(expect.objectContaining({ name: 'AppError' }));
  });

  test('refuses a name that is taken', () => {
    expect(() => createDetailTypes([mcpToolCall, mcpToolCall])).toThrow(/defined twice/);
  });
});

describe('locationsWithin (RFC 9396 §2.2; R2)', () => {
  const audience = 'https://mcp.example/billing';
  test.each<[string, readonly string[], boolean]>([
    ['the audience', ['https://MCP.example:443/billing'], true],
    ['a path below', ['https://mcp.example/billing/eu'], true],
    ['a sibling that begins alike', ['https://mcp.example/billing-admin'], false],
    ['the parent', ['https://mcp.example'], false],
    ['another host', ['https://evil.example/billing'], false],
    ['one inside, one outside', ['https://mcp.example/billing', 'https://mcp.example/people'], false],
    ['climbing out', ['https://mcp.example/billing/../people'], false],
  ])('%s', (_, locations, within) => {
    expect(locationsWithin([api(), api({ locations })], audience)).toMatchObject({ within });
  });

  test('names the place', () => {
    expect(locationsWithin([api(), api({ locations: ['https://evil.example'] })], audience)).toMatchObject({ path: '/1/locations/0' });
  });

  test('a URN holds itself alone', () => {
    expect(locationsWithin([api({ locations: ['urn:example:a/b'] })], 'urn:example:a')).toMatchObject({ within: false });
    expect(locationsWithin([api({ locations: ['urn:example:a'] })], 'URN:example:a')).toEqual({ within: true });
  });
});

describe('detailsHash (contract: `approval.details_hash`)', () => {
  test('is the SHA-256 of the JCS form (RFC 8785), base64url', () => {
    expect(detailsHash([{ type: 'api_call', actions: ['GET'] }])).toBe('sha-256:d2s2Hef5rth2GCpf4xYqCQxk94r6tGFaGmbIM1mPcjE');
  });

  test('does not depend on the order of members, but on every value', () => {
    fc.assert(
      fc.property(validDetail, (detail) => {
        const shuffled = Object.fromEntries(Object.entries(detail).reverse());
        expect(detailsHash([{ ...shuffled, type: detail.type }])).toBe(detailsHash([detail]));
        expect(detailsHash([detail, detail])).not.toBe(detailsHash([detail]));
      }),
    );
  });
});
