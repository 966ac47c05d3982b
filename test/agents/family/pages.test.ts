import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../../src/agents/index.ts';
import { presentFalls } from '../../../src/agents/present.ts';
import { type Door, startPages, type Visitor } from '../../accounts/visitor.ts';
import { closeEdges } from '../../platform/http/edge-client.ts';
import { administrator, openRegistry, type Registry } from '../registry.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
let registry: Registry;
let visitor: Visitor;
let jana: string;

beforeAll(async () => {
  registry = await openRegistry(home);
  jana = await registry.addPerson('Jana Weber');
  visitor = (await startPages(registry.agents, door, home)).visitor();
  const account = { id: administrator.id, email: 'ada@example.com', name: 'Ada Admin', role: 'admin', status: 'active' } as const;
  door.account = {
    ...account,
    createdAt: registry.clock.now(),
    passwordChangedAt: undefined,
    lastSeenAt: undefined,
    successorId: undefined,
  };
});
afterAll(async () => {
  await closeEdges();
  await registry.close();
});

const make = (input?: Partial<NewAgent>): Promise<Agent> => registry.addAgent(jana, input);
const page = (id: string) => visitor.open(`/console/agents/${id}`);
const suspend = (id: string) => registry.agents.setStatus(id, 'suspended', { by: administrator, reason: 'odd' });

test('the page of an agent shows who stands above and below it, in order, and what room is left', async () => {
  const top = await make({ displayName: 'Top', maxChildren: 4, maxChildDepth: 3 });
  const middle = await make({ displayName: 'Middle', parentId: top.id, maxChildren: 3, maxChildDepth: 2 });
  const low = await make({ displayName: 'Low', parentId: middle.id, status: 'proposed' });
  const above = await page(top.id);
  expect(above.text).toMatch(/level-1[\s\S]*>Middle<\/a>[\s\S]*level-2[\s\S]*>Low<\/a>/);
  expect(above.html).toContain('It may enrol 3 more agents below itself, 3 generations deep.');
  expect((await page(middle.id)).text).toMatch(/may do no more than those above it[\s\S]*>Top<\/a>[\s\S]*stand below it[\s\S]*>Low<\/a>/);
  expect((await page(low.id)).html).toContain('It may enrol no agents below itself.');
});

test('a large tree is cut short and says how much is left out', async () => {
  const { id } = await make({ maxChildren: 100, maxChildDepth: 1 });
  await Promise.all(Array.from({ length: 53 }, () => make({ parentId: id })));
  const { text, html } = await page(id);
  expect([text.match(/class="split level-1"/g)?.length, html.includes('and 3 more')]).toEqual([50, true]);
});

test('the form takes both limits, and shows what is wrong with them', async () => {
  const { id } = await make();
  await visitor.open(`/console/agents/${id}/edit`);
  const fields = { name: 'Bot', owner: jana, purpose: '', riskLevel: 'low', autonomy: 'background', environment: '', validUntil: '' };
  const send = (limits: object, version = '1') =>
    visitor.send(`/console/agents/${id}/edit`, { ...fields, maxDelegationDepth: '', version, ...limits });
  for (const bad of [{ maxChildren: '1001' }, { maxChildren: 'x' }, { maxChildDepth: '5' }, { maxChildDepth: '-1' }]) {
    expect((await send(bad)).status).toBe(422);
  }
  expect((await send({ maxChildren: '1000', maxChildDepth: '4' })).status).toBe(303);
  expect(await registry.agents.get(id)).toMatchObject({ maxChildren: 1000, maxChildDepth: 4 });
  expect((await visitor.open(`/console/agents/${id}/edit`)).text).toMatch(/name="maxChildren"[^>]*value="1000"/);
});

test('resuming asks for those that were stopped with it, and lets them act only when it is ticked', async () => {
  const root = await make({ displayName: 'Root', maxChildren: 2, maxChildDepth: 1 });
  const children = [await make({ parentId: root.id }), await make({ parentId: root.id })];
  const here = `/console/agents/${root.id}`;
  const states = async () => Promise.all(children.map(async ({ id }) => (await registry.agents.get(id)).status));
  expect((await page(root.id)).text).not.toContain('name="family"');
  await suspend(root.id);
  expect((await page(root.id)).html).toContain('Let the 2 agents below it, stopped with it, act again');
  await visitor.send(`${here}/resume`, {});
  expect(await states()).toEqual(['suspended', 'suspended']);
  await suspend(root.id);
  await visitor.open(here);
  expect((await visitor.send(`${here}/resume`, { family: 'below' })).status).toBe(303);
  expect(await states()).toEqual(['active', 'active']);
  expect((await page(root.id)).html).toContain('Root may act, and 2 agents below it.');
});

test('what falls counts those below', () => {
  const none = { tokens: 0, handedOn: 0, approvals: 0, people: 0 };
  expect(presentFalls({ ...none, below: 1 }).words).toEqual(['1 agent below it stops with it.']);
  expect(presentFalls({ ...none, tokens: 2, below: 1_200 })).toEqual({
    headline: '2 live tokens',
    words: ['1,200 agents below it stop with it.'],
  });
});
