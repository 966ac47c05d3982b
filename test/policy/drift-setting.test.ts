import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDriftSettingService } from '../../src/policy/drift/service.ts';
import { risksUpTo } from '../../src/policy/drift/setting.ts';
import { createDriftSettingStore } from '../../src/policy/drift/store.ts';
import { openRegistry, type Registry } from '../agents/registry.ts';

let registry: Registry;
beforeAll(async () => {
  registry = await openRegistry();
});
afterAll(() => registry.close());

const settings = () => createDriftSettingStore(registry);
const service = () => createDriftSettingService({ ...registry, settings: settings(), drift: { stopBeyond: async () => 0 } });
const isAnybodyBlocked = async () => {
  const text = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return (await registry.sql(text)).length > 0;
};

test('each choice covers the risks below it', () => {
  expect(risksUpTo('never')).toEqual([]);
  expect(risksUpTo('low')).toEqual(['low']);
  expect(risksUpTo('medium')).toEqual(['low', 'medium']);
});

test('is the strictest until somebody sets it, and when this version does not know its value', async () => {
  expect(await service().get()).toMatchObject({ choice: 'never', version: 0 });
  await service().set({ choice: 'low', version: 0, accountId: 'usr_1' });
  expect(await service().get()).toMatchObject({ choice: 'low', version: 1, changedBy: 'usr_1' });
  await registry.sql(`UPDATE policy_settings SET value = 'high'`);
  expect((await service().get()).choice).toBe('never');
  await registry.sql(`UPDATE policy_settings SET value = 'low'`);
});

test('who notes a difference under a setting holds it until they are done', async () => {
  const order: string[] = [];
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const noting = registry.db.transaction(async () => {
    await settings().hold();
    hold();
    await gate;
    order.push('noted');
  });
  await held;
  const setting = service()
    .set({ choice: 'never', version: 1, accountId: 'usr_1' })
    .then(() => order.push('set'));
  while (order.length === 0 && !(await isAnybodyBlocked()));
  release();
  await Promise.all([noting, setting]);
  expect(order).toEqual(['noted', 'set']);
});
