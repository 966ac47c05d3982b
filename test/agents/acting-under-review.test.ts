import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Agent, NewAgent } from '../../src/agents/index.ts';
import { administrator } from './registry.ts';
import { type CampaignRegistry, openCampaigns } from './certification/campaigns.ts';

let registry: CampaignRegistry;
beforeAll(async () => {
  registry = await openCampaigns();
});
afterAll(() => registry.close());

const by = { kind: 'system', id: 'drift', party: 'system' } as const;
const get = (id: string) => registry.agents.get(id);

/** Under review for drift, and let go on meanwhile: whatever holds for an active agent holds for it. */
async function acting(input: Partial<NewAgent> = {}): Promise<Agent> {
  const id = await registry.agent(input);
  return registry.agents.setStatus(id, 'underReview', { by, reason: 'Something else runs than was agreed.', meanwhile: 'acts' });
}

test('it keeps an owner', async () => {
  const { id } = await acting();
  const refusal = expect.objectContaining({ code: 'conflict', details: { member: 'owner' } });
  await expect(registry.agents.update(id, { changes: { owner: undefined } }, administrator)).rejects.toEqual(refusal);
});

test('it moves below no agent that rests', async () => {
  const { id } = await acting();
  const parentId = await registry.agent({ maxChildren: 3, maxChildDepth: 1 });
  await registry.agents.setStatus(parentId, 'suspended', { by: administrator, reason: 'odd' });
  await expect(registry.agents.update(id, { changes: { parentId } }, administrator)).rejects.toEqual(
    expect.objectContaining({ code: 'conflict', details: { member: 'parent' } }),
  );
  expect((await get(id)).parentId).toBeUndefined();
});

test('it enrols nobody, and hears so when it asks', async () => {
  const { id, displayName } = await acting({ maxChildren: 3, maxChildDepth: 1 });
  const words = `The agent ${displayName} does not act now.`;
  expect(await registry.agents.whyNoChild(id)).toBe(words);
  const child = { displayName: 'Child', validUntil: undefined, askedAt: registry.clock.now() };
  await expect(registry.agents.enrolChild(id, child)).rejects.toEqual(expect.objectContaining({ code: 'conflict', message: words }));
});

test('its owner is asked to confirm it', async () => {
  const { id } = await acting();
  const campaign = await registry.start();
  expect(await registry.statesOf(campaign.id)).toMatchObject({ [id]: 'open' });
  await registry.agents.certification.cancel(campaign.id, 'tried', administrator.id);
});
