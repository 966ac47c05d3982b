import { describe, expect, test } from '@jest/globals';
import type { AgentFacts, ClientFacts, PolicyInput } from '../../src/policy/index.ts';
import { principalFrom } from '../../src/policy/index.ts';
import { invariants, judge } from '../../src/policy/invariants.ts';

const now = new Date('2026-11-21T12:00:00Z');
const client: ClientFacts = {
  id: 'cli_1',
  isActive: true,
  kind: 'admin',
  purpose: 'application',
  serviceId: undefined,
  isManagement: false,
  resources: undefined,
};
const agent: AgentFacts = {
  id: 'agt_1',
  displayName: 'Invoice bot',
  status: 'active',
  actsUnderReview: false,
  riskLevel: 'medium',
  manifestDigest: undefined,
  model: undefined,
  owner: { kind: 'user', id: 'usr_1' },
  isOwnerAlive: true,
  isSelfService: false,
  validUntil: undefined,
  maxDelegationDepth: undefined,
};
const input: PolicyInput = {
  grantType: 'authorization_code',
  clientId: 'cli_1',
  isAuthenticated: true,
  facts: { client, agent },
  subject: { kind: 'account', id: 'usr_1' },
  resource: { kind: 'registered', identifier: 'https://api.test' },
  isResourceServersOwn: false,
  scopes: ['read'],
  details: [],
  actors: [{ iss: 'https://as.test', sub: 'agt_1' }],
  maxActors: 4,
  now,
};
const own = { kind: 'own', identifier: 'https://as.test/api/v1', own: 'api' } as const;
const noAgent = { client, agent: undefined };
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const selfService = { ...agent, isSelfService: true };
const filler = (bytes: number) => [{ type: 'api_call', actions: ['GET'], paths: [`/${'x'.repeat(bytes)}`] }];

const above: NonNullable<AgentFacts['line']>[number] = {
  id: 'agt_0',
  displayName: 'Orchestrator',
  isLive: true,
  validUntil: undefined,
  maxDelegationDepth: undefined,
  reach: [{ resources: ['https://api.test'], scopes: ['read'], grantTypes: [], detailTypes: ['api_call'] }],
};
const below = (elder: Partial<typeof above>, more: Partial<AgentFacts> = {}) => ({
  facts: {
    client,
    agent: {
      ...agent,
      ...more,
      line: [
        { ...above, id: 'agt_near' },
        { ...above, ...elder },
      ],
    },
  },
});

/** One request per rule that only this rule refuses, and the error it ends with. */
const broken: readonly (readonly [rule: string, change: Partial<PolicyInput>, error: string])[] = [
  ['client-known', { facts: { client: undefined, agent: undefined } }, 'invalid_client'],
  ['client-active', { facts: { client: { ...client, isActive: false }, agent } }, 'invalid_client'],
  ['client-authenticated', { grantType: exchange, isAuthenticated: false }, 'unauthorized_client'],
  ['agent-suspended', { facts: { client, agent: { ...agent, status: 'suspended' } } }, 'invalid_client'],
  ['agent-retired', { facts: { client, agent: { ...agent, status: 'retired' } } }, 'invalid_client'],
  ['agent-proposed', { facts: { client, agent: { ...agent, status: 'proposed' } } }, 'unauthorized_client'],
  ['agent-drift', { drift: { differs: true, goesOn: false } }, 'unauthorized_client'],
  ['agent-under-review', { facts: { client, agent: { ...agent, status: 'underReview' } } }, 'unauthorized_client'],
  ['principal', { facts: { client: { ...client, kind: 'dynamic' }, agent: undefined } }, 'unauthorized_client'],
  ['owner-alive', { facts: { client, agent: { ...agent, isOwnerAlive: false } } }, 'unauthorized_client'],
  ['agent-valid', { facts: { client, agent: { ...agent, validUntil: now } } }, 'unauthorized_client'],
  ['parent-live', below({ isLive: false }), 'unauthorized_client'],
  ['parent-delegation-depth', below({ maxDelegationDepth: 1 }, { maxDelegationDepth: 2 }), 'unauthorized_client'],
  ['self-service-grant', { grantType: 'client_credentials', facts: { client, agent: selfService } }, 'unauthorized_client'],
  ['self-service-grant', { grantType: jwtBearer, facts: { client, agent: selfService } }, 'unauthorized_client'],
  ['self-service-exchange', { grantType: exchange, facts: { client, agent: selfService } }, 'invalid_target'],
  ['subject-named', { facts: noAgent, actors: [], subject: undefined }, 'unauthorized_client'],
  ['resource-named', { resource: { kind: 'none' }, subject: { kind: 'agent', id: 'agt_1' } }, 'invalid_target'],
  ['resource-known', { resource: { kind: 'unknown', identifier: 'https://nobody.test' } }, 'invalid_target'],
  [
    'own-resource-not-exchanged',
    { grantType: exchange, facts: { client: { ...client, isManagement: true }, agent: undefined }, actors: [], resource: own },
    'invalid_target',
  ],
  [
    'own-resource-not-exchanged',
    { grantType: jwtBearer, facts: { client: { ...client, isManagement: true }, agent: undefined }, actors: [], resource: own },
    'invalid_target',
  ],
  ['own-resource-management', { facts: noAgent, actors: [], resource: own }, 'invalid_target'],
  ['own-resource-without-actor', { facts: { client: { ...client, isManagement: true }, agent }, resource: own }, 'invalid_target'],
  ['person-decides', { subject: { kind: 'service', id: 'svc_1' }, actors: [], scopes: ['approvals:decide'] }, 'invalid_scope'],
  [
    'parent-resource',
    { ...below({ reach: [{ resources: ['https://else.test'], scopes: undefined, grantTypes: [], detailTypes: undefined }] }), scopes: [] },
    'invalid_target',
  ],
  ['parent-scope', { ...below({}), scopes: ['read', 'pay'] }, 'invalid_scope'],
  ['parent-details', { ...below({}), details: [{ type: 'mcp_tool_call' }] }, 'invalid_authorization_details'],
  [
    'delegation-depth',
    { actors: Array.from({ length: 5 }, (_, index) => ({ iss: 'https://as.test', sub: `agt_${index}` })) },
    'invalid_request',
  ],
  [
    'details-inside-audience',
    { details: [{ type: 'api_call', actions: ['GET'], locations: ['https://else.test'] }] },
    'invalid_authorization_details',
  ],
  ['details-size', { details: filler(4_200) }, 'invalid_authorization_details'],
  ['token-size', { scopes: ['x'.repeat(6_000)] }, 'invalid_request'],
];

test('a request that every rule allows is permitted', () => {
  expect(judge(input)).toMatchObject({ effect: 'permit', rule: 'invariants' });
  expect(judge({ ...input, ...below({}) })).toMatchObject({ effect: 'permit', rule: 'invariants' });
});

describe('an agent below others', () => {
  test('is refused from the moment on which one above it ends', () => {
    expect(judge({ ...input, ...below({ validUntil: now }) })).toMatchObject({ rule: 'parent-live' });
    expect(judge({ ...input, ...below({ validUntil: new Date(now.getTime() + 1) }) }).effect).toBe('permit');
  });

  test('R2: scopes count with their resource, and several clients of one above together', () => {
    const [a, b] = ['https://api.test', 'https://b.test'];
    const client = { grantTypes: [], detailTypes: undefined };
    const reach = [
      { ...client, resources: [a], scopes: ['read'] },
      { ...client, resources: [b], scopes: ['pay'] },
    ];
    const near = { ...above, reach };
    const both = { facts: { client: input.facts.client, agent: { ...agent, line: [near] } } };
    const pair = (identifier: string, scope: string) =>
      judge({ ...input, ...both, scopes: [scope], resource: { kind: 'registered', identifier } }).effect;
    expect([pair(a, 'read'), pair(b, 'pay'), pair(a, 'pay'), pair(b, 'read')]).toEqual(['permit', 'permit', 'deny', 'deny']);
  });
});

describe('every rule refuses what it is for', () => {
  test.each(broken)('%s', (rule, change, error) => {
    const verdict = judge({ ...input, ...change });
    expect(verdict).toMatchObject({ effect: 'deny', rule, refusal: { error } });
    expect(verdict.reason).toMatch(/\.$/);
    expect(verdict.remedy).toMatch(/\.$/);
  });

  test.each(broken)('%s alone: without it the request would pass', (rule, change) => {
    const others = invariants.filter(({ name }) => name !== rule);
    // the status of an agent is also part of who a client stands for
    const rest =
      rule.startsWith('agent-') || rule.startsWith('client-') ? others.filter(({ name }) => !/^(principal|client-)/.test(name)) : others;
    expect(judge({ ...input, ...change }, rest).effect).toBe('permit');
  });

  test('no rule is without a case', () => {
    expect([...new Set(broken.map(([rule]) => rule))]).toEqual(invariants.map(({ name }) => name));
  });
});

describe('R5: who a client stands for', () => {
  test.each([
    ['an active agent', { client, agent }, { kind: 'agent', id: 'agt_1' }],
    ['a service', { client: { ...client, purpose: 'service', serviceId: 'svc_1' }, agent: undefined }, { kind: 'service', id: 'svc_1' }],
    ['an application', noAgent, { kind: 'application' }],
    ['nobody: registered by itself, without an agent', { client: { ...client, kind: 'dynamic' }, agent: undefined }, { kind: 'none' }],
    ['nobody: meant for an agent, without one', { client: { ...client, purpose: 'agent' }, agent: undefined }, { kind: 'none' }],
    ['nobody: disabled', { client: { ...client, isActive: false }, agent }, { kind: 'none' }],
    [
      'nobody: the agent is suspended',
      { client, agent: { ...agent, status: 'suspended' } },
      { kind: 'none', reason: 'The agent of this client is suspended.' },
    ],
  ] as const)('%s', (_, facts, principal) => {
    expect(principalFrom(facts)).toMatchObject(principal);
  });
});

test('R6 the access interface takes a resource server’s own client too', () => {
  const resource = { kind: 'own', identifier: 'https://as.test/access/v1', own: 'access' } as const;
  const change = {
    facts: { client: { ...client, serviceId: 'svc_1' }, agent: undefined },
    actors: [],
    resource,
    subject: { kind: 'service', id: 'svc_1' },
  } as const;
  expect(judge({ ...input, ...change, isResourceServersOwn: true }).effect).toBe('permit');
  expect(judge({ ...input, ...change, isResourceServersOwn: false }).effect).toBe('deny');
});
