import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KnownToken } from '../../src/tokens/index.ts';
import {
  ADMINISTRATOR,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

/**
 * Random sequences of grants, exchanges, narrowings and revocations against the real server. The model is no second implementation:
 * it keeps what people granted and what was ended, and after each step holds every token that the server calls alive against it.
 */
const API = 'https://api.test';
const DOWN = 'https://down.test';
const BEYOND = 'https://beyond.test';
const RESOURCES = [API, DOWN, BEYOND] as const;
const SCOPES = ['read', 'write', 'pay'] as const;
/** Whoever holds write at the first may pay at the last. */
const MAPPING = { from: { resource: API, scope: 'write' }, to: { resource: BEYOND, scope: 'pay' } };

type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
const agents: Agent[] = [];

beforeAll(async () => {
  server = await startExchangeServer();
  for (const resource of RESOURCES) await makeResource(server, resource);
  for (const name of ['A', 'B', 'C', 'D', 'E']) agents.push(await makeAgent(server, name));
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const what = { resources: [...RESOURCES], scopes: [...SCOPES], authorization_details_types: ['api_call'], until };
  for (const from of agents)
    for (const to of agents)
      if (from !== to) await server.exchange.delegations.create({ from: from.agentId, to: to.agentId, ...what }, ADMINISTRATOR);
  await server.exchange.mappings.create(MAPPING, ADMINISTRATOR);
});
afterAll(() => server?.close());

const scopesArbitrary = fc.subarray([...SCOPES], { minLength: 1 });
const amountArbitrary = fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined });
const place = fc.nat({ max: 50 });
const steps = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('grant' as const),
        agent: place,
        api: scopesArbitrary,
        down: fc.subarray([...SCOPES]),
        amount: amountArbitrary,
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('exchange' as const),
        token: place,
        agent: place,
        resource: fc.constantFrom(...RESOURCES),
        scopes: fc.option(scopesArbitrary, { nil: undefined }),
        amount: amountArbitrary,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), token: place, what: fc.constantFrom('token', 'grant') }) },
  ),
  { minLength: 4, maxLength: 12 },
);
type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

/** What a person granted at a root, and everything made from it. */
interface Root {
  readonly granted: ReadonlyMap<string, readonly string[]>;
  /** In cents; undefined: no details at all. */
  readonly amount: number | undefined;
  readonly expiresAt: number;
  readonly agentId: string;
}

interface World {
  readonly roots: Map<string, Root>;
  readonly tokens: { jti: string; jwt: string; parent: string | undefined }[];
  readonly ended: Set<string>;
}

const euros = (cents: number) => ({
  type: 'api_call',
  actions: ['GET'],
  max_amount: { amount: (cents / 100).toFixed(2), currency: 'EUR' },
});
const centsIn = (detail: Readonly<Record<string, unknown>>) =>
  Math.round(Number((detail['max_amount'] as { amount?: string } | undefined)?.amount ?? Number.POSITIVE_INFINITY) * 100);

async function grant(world: World, step: Extract<Step, { do: 'grant' }>) {
  const agent = agents[step.agent % agents.length] as Agent;
  const resources = { [API]: step.api.join(' '), ...(step.down.length === 0 ? {} : { [DOWN]: step.down.join(' ') }) };
  const details = step.amount === undefined ? {} : { details: [euros(step.amount)] };
  const { body, claims } = await personToken(server, agent, { resources, ...details });
  const granted = new Map<string, readonly string[]>([[API, step.api], ...(step.down.length === 0 ? [] : [[DOWN, step.down] as const])]);
  const jti = String(claims.jti);
  world.roots.set(jti, { granted, amount: step.amount, expiresAt: Number(claims.exp), agentId: agent.agentId });
  world.tokens.push({ jti, jwt: String(body['access_token']), parent: undefined });
}

async function exchange(world: World, step: Extract<Step, { do: 'exchange' }>) {
  const from = world.tokens[step.token % Math.max(world.tokens.length, 1)];
  if (from === undefined) return;
  const scope = step.scopes === undefined ? {} : { scope: step.scopes.join(' ') };
  const details = step.amount === undefined ? {} : { authorization_details: JSON.stringify([euros(step.amount)]) };
  const parameters = { subject: from.jwt, resource: step.resource, ...scope, ...details };
  const { status, body, claims } = await exchangeFor(server, agents[step.agent % agents.length] as Agent, parameters);
  if (status !== 200) {
    expect([400, 401]).toContain(status);
    return;
  }
  world.tokens.push({ jti: String(claims.jti), jwt: String(body['access_token']), parent: from.jti });
}

async function end(world: World, step: Extract<Step, { do: 'end' }>) {
  const token = world.tokens[step.token % Math.max(world.tokens.length, 1)];
  if (token === undefined) return;
  const { grantHash } = (await server.tokens.find(token.jti)) ?? {};
  const byGrant = step.what === 'grant' && grantHash !== undefined;
  const selector = byGrant ? ({ by: 'grant', grantHash } as const) : ({ by: 'jti', jti: token.jti } as const);
  await server.tokens.end(selector, { cause: 'test', by: ADMINISTRATOR });
  world.ended.add(token.jti);
}

/** Nothing that is alive says more than its root, or comes from something that ended. */
function check(world: World, live: ReadonlyMap<string, KnownToken>) {
  for (const { jti, parent } of world.tokens) {
    const token = live.get(jti);
    if (token === undefined) continue;
    expect(world.ended.has(jti)).toBe(false);
    expect(parent === undefined || live.has(parent)).toBe(true);
    const root = world.roots.get(token.rootJti) as Root;
    const mapped =
      token.resource === MAPPING.to.resource && root.granted.get(API)?.includes(MAPPING.from.scope) === true ? [MAPPING.to.scope] : [];
    const held = [...(root.granted.get(token.resource) ?? []), ...mapped];
    for (const scope of token.scope.split(' ').filter((one) => one !== '')) expect(held).toContain(scope);
    for (const detail of token.details ?? []) expect(centsIn(detail)).toBeLessThanOrEqual(root.amount ?? -1);
    expect(token.expiresAt.getTime() / 1000).toBeLessThanOrEqual(root.expiresAt);
    let first = token.act;
    while (first?.act !== undefined) first = first.act;
    expect(first?.sub).toBe(root.agentId);
  }
}

test('no live token ever exceeds its root', async () => {
  let issued = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const world: World = { roots: new Map(), tokens: [], ended: new Set() };
      for (const step of sequence) {
        if (step.do === 'grant') await grant(world, step);
        else if (step.do === 'exchange') await exchange(world, step);
        else await end(world, step);
        const found = await Promise.all(world.tokens.map(({ jti }) => server.tokens.find(jti)));
        check(world, new Map(found.flatMap((token) => (token?.isLive === true ? [[token.jti, token] as const] : []))));
      }
      issued += world.tokens.length;
    }),
    { numRuns: 20, interruptAfterTimeLimit: 12_000, markInterruptAsFailure: false, endOnFailure: true },
  );
  // a model that never gets anywhere proves nothing
  expect(issued).toBeGreaterThan(20);
}, 40_000);
