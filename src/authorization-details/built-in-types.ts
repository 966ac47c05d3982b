import type { DetailTypeDefinition, MemberSchema } from './detail-type.ts';

/** RFC 9396 §2.2 `locations`: where the detail may be used. */
const locations: MemberSchema = {
  type: 'array',
  items: { type: 'string', format: 'resource-uri' },
  minItems: 1,
  maxItems: 10,
  uniqueItems: true,
  'x-narrowing': 'subset',
  'x-label': 'At',
};

const scalar: MemberSchema = { type: ['string', 'number', 'boolean'] };
const bound: MemberSchema = { type: ['string', 'number'], format: 'decimal', minimum: -1e15, maximum: 1e15 };

/** The limits on one argument of a tool; every one that is present must hold. */
const argumentConstraint: MemberSchema = {
  type: 'object',
  properties: {
    equals: { ...scalar, 'x-narrowing': 'equal', 'x-phrase': 'exactly {value}' },
    oneOf: {
      type: 'array',
      items: scalar,
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
      'x-narrowing': 'subset',
      'x-phrase': 'one of {value}',
    },
    prefix: { type: 'string', minLength: 1, 'x-narrowing': 'prefix', 'x-phrase': 'starting with {value}' },
    min: { ...bound, 'x-narrowing': 'lowerBound', 'x-phrase': 'at least {value}' },
    max: { ...bound, 'x-narrowing': 'upperBound', 'x-phrase': 'at most {value}' },
  },
  additionalProperties: false,
  minProperties: 1,
  'x-narrowing': 'optionalConstraint',
  'x-value-constraint': true,
};

/** Calling tools of an MCP server, with limits on their arguments and on how often. */
export const mcpToolCall: DetailTypeDefinition = {
  type: 'mcp_tool_call',
  title: 'Call tools of an MCP server',
  headline: { counted: 'tools', one: 'Call {items} of {resource}', many: 'Call {count} tools of {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'mcp_tool_call' },
      tools: {
        type: 'array',
        items: { type: 'string', minLength: 1, maxLength: 128 },
        minItems: 1,
        maxItems: 64,
        uniqueItems: true,
        'x-narrowing': 'subset',
        'x-absent': 'nothing',
        'x-label': 'Tools',
      },
      arguments: {
        type: 'object',
        additionalProperties: argumentConstraint,
        propertyNames: { format: 'argument-name' },
        minProperties: 1,
        maxProperties: 32,
        'x-narrowing': 'optionalConstraint',
        'x-label': 'Arguments',
      },
      max_calls: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000_000,
        'x-narrowing': 'upperBound',
        'x-counted': true,
        'x-label': 'Calls',
        'x-phrase': 'at most {value}',
      },
      locations,
    },
    required: ['type', 'tools'],
    additionalProperties: false,
  },
};

/** Calling an HTTP API: methods, paths and, where money moves, the most that may move in one call. */
export const apiCall: DetailTypeDefinition = {
  type: 'api_call',
  title: 'Call an HTTP API',
  headline: { counted: 'actions', one: 'Send {items} requests to {resource}', many: 'Send {items} requests to {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'api_call' },
      max_amount: {
        type: 'object',
        properties: {
          amount: { type: 'string', format: 'amount', 'x-narrowing': 'upperBound' },
          currency: { type: 'string', format: 'currency', 'x-narrowing': 'equal' },
        },
        required: ['amount', 'currency'],
        additionalProperties: false,
        'x-narrowing': 'optionalConstraint',
        'x-money': true,
        'x-label': 'Amount',
        'x-phrase': 'up to {value}',
      },
      actions: {
        type: 'array',
        items: { type: 'string', enum: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] },
        minItems: 1,
        maxItems: 7,
        uniqueItems: true,
        'x-narrowing': 'subset',
        'x-absent': 'nothing',
        'x-label': 'Methods',
      },
      paths: {
        type: 'array',
        items: { type: 'string', format: 'path-pattern' },
        minItems: 1,
        maxItems: 32,
        uniqueItems: true,
        'x-narrowing': 'prefix',
        'x-label': 'Paths',
      },
      locations,
    },
    required: ['type', 'actions'],
    additionalProperties: false,
  },
};

/** The types that every Behalf knows (RFC 9396 §2: the server decides what its types are). */
export const builtInDetailTypes: readonly DetailTypeDefinition[] = [mcpToolCall, apiCall];
