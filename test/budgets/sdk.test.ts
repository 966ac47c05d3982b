import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BudgetRefused, createBudgets, createResourceServer, type ResourceServer, requireDetail } from '../../src/sdk/resource-server.ts';
import { bearer } from '../sdk/requests.ts';
import { euros, payments, RESOURCE, type SpendingServer, startSpendingServer } from './spending-server.ts';

let world: SpendingServer;
let credentials: { method: 'client_secret_basic'; clientId: string; clientSecret: string };
let bank: ResourceServer;
beforeAll(async () => {
  world = await startSpendingServer();
  const { resourceServers, clients } = world.server.app.parts;
  const by = { kind: 'system', id: 'command-line' } as const;
  const registered = await resourceServers.findByIdentifier(RESOURCE);
  if (registered === undefined) throw new Error('the resource is not registered');
  const issued = await clients.serverClients.issue(registered, by);
  await resourceServers.addClient(registered.id, issued.clientId, by);
  credentials = { method: 'client_secret_basic', ...issued };
  bank = createResourceServer({ issuer: world.server.issuer, resource: RESOURCE });
});
afterAll(() => world.close());

/** What the bank knows of a payer's token with 100 euros a week. */
async function authorizationOf(name: string) {
  const { token } = await world.consent(await world.register(name), [payments({ budget: euros('100') })]);
  const authorization = await bank.verify(bearer(token));
  return { authorization, detail: requireDetail(authorization, 'api_call', () => true) };
}

test('a payment API sets an amount aside, settles less, spends, and hears what is left when there is too little', async () => {
  const budgets = createBudgets({ issuer: world.server.issuer, credentials });
  const { authorization, detail } = await authorizationOf('Payer');
  const hold = await budgets.reserve(authorization, { detail, amount: '90', currency: 'EUR', key: 'payment-1', holdSeconds: 600 });
  expect(hold).toMatchObject({ state: 'held', remaining: { amount: '10.00' } });
  expect(await budgets.reserve(authorization, { detail, amount: '90', currency: 'EUR', key: 'payment-1', holdSeconds: 600 })).toEqual(hold);
  expect((await budgets.settle(hold.id, { amount: '40', currency: 'EUR' })).state).toBe('settled');
  const over = await budgets.spend(authorization, { detail, amount: '60.01', currency: 'EUR', key: 'payment-2' }).catch((error) => error);
  expect(over).toBeInstanceOf(BudgetRefused);
  expect(over).toMatchObject({ status: 403, reason: 'budget_exceeded', remaining: { amount: '60.00' } });
  expect((await budgets.spend(authorization, { detail, amount: '60', currency: 'EUR', key: 'payment-3' })).state).toBe('spent');
  const given = await budgets.spend(authorization, { detail, count: 1, key: 'payment-4' }).catch((error) => error);
  expect(given).toMatchObject({ reason: 'beyond_detail' });
});

test('an answer that got lost is asked for again under the same key; no answer refuses the act', async () => {
  let lost = 1;
  const losing = async (url: string, init: RequestInit) => {
    const answer = await fetch(url, init);
    if (!url.endsWith('/receipts') || lost === 0) return answer;
    lost -= 1;
    throw new TypeError('the connection broke');
  };
  const budgets = createBudgets({ issuer: world.server.issuer, credentials, fetch: losing });
  const { authorization, detail } = await authorizationOf('Unlucky');
  const paid = await budgets.spend(authorization, { detail, amount: '30', currency: 'EUR', key: 'lost-1' });
  expect(paid.remaining).toMatchObject({ amount: '70.00' });
  lost = 2;
  const act = { detail, amount: '30', currency: 'EUR', key: 'lost-2' };
  await expect(budgets.spend(authorization, act)).rejects.toMatchObject({ status: 503 });
  expect((await budgets.spend(authorization, act)).remaining).toMatchObject({ amount: '40.00' });
  const wrong = createBudgets({ issuer: world.server.issuer, credentials: { ...credentials, clientSecret: 'another secret altogether' } });
  await expect(wrong.spend(authorization, { ...act, key: 'lost-3' })).rejects.toMatchObject({ status: 503 });
});
