import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../../src/agents/index.ts';
import { administrator, openRegistry, type Registry } from '../registry.ts';

let registry: Registry;
let jana: string;
beforeAll(async () => {
  registry = await openRegistry();
  jana = await registry.addPerson('Jana Weber');
});
afterAll(() => registry.close());

const make = (input?: Partial<NewAgent>): Promise<Agent> => registry.addAgent(jana, input);

test('the time of a parent is over: what stands below it is suspended with it', async () => {
  const end = new Date(registry.clock.now().getTime() + 60_000);
  const parent = await make({ displayName: 'Root', validUntil: end, maxChildren: 1, maxChildDepth: 1 });
  const child = await make({ parentId: parent.id });
  registry.advance(61);
  await registry.agents.endDue();
  expect(await registry.agents.get(parent.id)).toMatchObject({ status: 'retired' });
  expect(await registry.agents.get(child.id)).toMatchObject({ status: 'suspended', statusReason: 'Its parent Root was retired.' });
  expect(registry.stopped).toContain(child.id);
});

test('the owner of a parent is gone: what stands below it, whoever owns that, goes under review with it', async () => {
  const mira = await registry.addPerson('Mira');
  const parent = await make({ displayName: 'Root', owner: { kind: 'user', id: mira }, maxChildren: 1, maxChildDepth: 1 });
  const child = await make({ parentId: parent.id });
  await registry.disable(mira);
  await registry.agents.ownerGone({
    owner: { kind: 'user', id: mira },
    happened: 'person shut out',
    successorId: undefined,
    by: { kind: 'account', id: administrator.id },
  });
  expect(await registry.agents.get(child.id)).toMatchObject({
    status: 'underReview',
    statusReason: 'Its parent Root was put under review.',
    stoppedWith: parent.id,
  });
});
