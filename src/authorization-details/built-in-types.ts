import { budgetMember } from './budget.ts';
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

/** An amount of money at most, and the sentence around it. */
const money = (phrase: string): MemberSchema => ({
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
  'x-phrase': phrase,
});

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
  example: { type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: '200.00' } }, max_calls: 5 },
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
      max_amount: money('up to {value}'),
      budget: budgetMember({ taken: 'receipt', each: 'max_amount' }),
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
  example: { type: 'api_call', actions: ['GET'], paths: ['/invoices/*'] },
};

/** A list of names, of which a derived detail may keep some. */
const names = (most: number): MemberSchema => ({
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 140 },
  minItems: 1,
  maxItems: most,
  uniqueItems: true,
  'x-narrowing': 'subset',
});

/** A stretch of time: from, until, or both. */
const window: MemberSchema = {
  type: 'object',
  properties: { from: { type: 'string', format: 'date-time' }, until: { type: 'string', format: 'date-time' } },
  additionalProperties: false,
  minProperties: 1,
  'x-narrowing': 'window',
};

/** Paying somebody: to whom, how much at most in one payment, from which accounts, for what, and when (after RFC 9396 §2). */
export const paymentInitiation: DetailTypeDefinition = {
  type: 'payment_initiation',
  title: 'Pay somebody',
  headline: { counted: 'creditors', one: 'Pay {items} through {resource}', many: 'Pay {items} through {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'payment_initiation' },
      instructed_amount: money('up to {value} in one payment'),
      budget: budgetMember({ taken: 'receipt', each: 'instructed_amount' }),
      creditors: { ...names(16), 'x-absent': 'nothing', 'x-label': 'To' },
      creditor_accounts: {
        ...names(16),
        items: { type: 'string', format: 'account-number' },
        'x-label': 'Into accounts',
      },
      reference: {
        type: 'string',
        minLength: 1,
        maxLength: 140,
        'x-narrowing': 'prefix',
        'x-label': 'Reference',
        'x-phrase': 'begins with {value}',
      },
      execution: { ...window, 'x-label': 'Carried out' },
      locations,
    },
    required: ['type', 'instructed_amount', 'creditors'],
    additionalProperties: false,
  },
  example: {
    type: 'payment_initiation',
    instructed_amount: { amount: '200.00', currency: 'EUR' },
    creditors: ['Acme GmbH'],
    reference: 'INV-2026-',
  },
};

/** Using data: which, how, how much of it, for what, and from which time. */
export const dataAccess: DetailTypeDefinition = {
  type: 'data_access',
  title: 'Use data',
  headline: { counted: 'datasets', one: '{actions} {items} of {resource}', many: '{actions} {items} of {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'data_access' },
      datasets: { ...names(32), 'x-absent': 'nothing', 'x-label': 'Data' },
      actions: {
        type: 'array',
        items: { type: 'string', enum: ['read', 'create', 'update', 'delete', 'export'] },
        minItems: 1,
        maxItems: 5,
        uniqueItems: true,
        'x-narrowing': 'subset',
        'x-absent': 'nothing',
        'x-label': 'To',
      },
      fields: { ...names(64), 'x-label': 'Fields', 'x-phrase': 'only {value}' },
      max_rows: {
        type: 'integer',
        minimum: 1,
        maximum: 1_000_000_000,
        'x-narrowing': 'upperBound',
        'x-label': 'Size',
        'x-phrase': 'at most {value} in one answer',
        'x-unit': { one: 'row', many: 'rows' },
      },
      purpose: { type: 'string', minLength: 1, maxLength: 200, 'x-narrowing': 'equal', 'x-label': 'Purpose' },
      period: { ...window, 'x-label': 'Records' },
      locations,
    },
    required: ['type', 'datasets', 'actions'],
    additionalProperties: false,
  },
  example: { type: 'data_access', datasets: ['customers'], actions: ['read'], fields: ['name', 'country'], max_rows: 1_000 },
};

/** The types that every Behalf knows (RFC 9396 §2: the server decides what its types are). */
export const builtInDetailTypes: readonly DetailTypeDefinition[] = [mcpToolCall, apiCall, paymentInitiation, dataAccess];
