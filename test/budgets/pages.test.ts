import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { budgetBody, budgetWithReceipts } from '../../src/budgets/present.ts';
import { createPerson } from '../support/person.ts';
import { ADMINISTRATOR, euros, payments, type SpendingServer, startSpendingServer } from './spending-server.ts';

let world: SpendingServer;
beforeAll(async () => {
  world = await startSpendingServer();
});
afterAll(() => world.close());

const budgetOfAgent = async (agentId: string) => {
  const [known] = await world.server.app.parts.budgets.list({ agentId, limit: 1 });
  if (known === undefined) throw new Error('the agent has no budget');
  return known.budget;
};

test('a person sees what was used up, lowers it, ends it, and raises it by a new yes', async () => {
  const { mira } = world.server;
  const agent = await world.register('Shopper');
  const token = await world.consent(agent, [payments({ budget: euros('100') })]);
  expect((await mira.visit('/me/budgets')).words).toContain('Shopper 0.00 of 100.00 EUR used');
  expect((await world.bank.pay(token, '40')).status).toBe(201);
  const page = await mira.visit('/me/budgets');
  expect(page.words).toMatch(/Shopper 40\.00 of 100\.00 EUR used 40 % Send POST requests to Invoices · this week, until Sunday/);
  const { id } = await budgetOfAgent(agent.agentId);
  await mira.send(page, 'limit', { fields: { limit: '50' } });
  expect((await mira.visit('/me/budgets')).words).toContain('40.00 of 50.00 EUR used');
  expect((await world.bank.pay(token, '10.01')).status).toBe(409);
  expect((await world.bank.pay(token, '10')).status).toBe(201);
  expect((await mira.send(await mira.visit('/me/budgets'), 'limit', { fields: { limit: '100.01' } })).status).toBe(400);
  const end = (await mira.visit('/me/budgets')).html.includes(`/me/budgets/${id}/end`);
  expect(end).toBe(true);
  await world.server.app.parts.budgets.end(id, { kind: 'account', id: world.server.miraId });
  expect(await world.bank.pay(token, '1')).toMatchObject({ status: 409, body: { code: 'budget_ended' } });
  expect((await mira.visit('/me/budgets')).words).toContain('Ended');
  const again = await world.consent(agent, [payments({ budget: euros('100') })]);
  expect((await world.bank.pay(again, '50')).body['remaining']).toMatchObject({ amount: '0.00' });
  const changes = await world.server.app.parts.audit.list({ agentId: agent.agentId, limit: 50 });
  const words = changes.events.filter(({ event }) => event.type === 'budget.changed').map(({ event }) => event.action);
  expect(words).toEqual(['ended', 'lowered to 50.00 EUR']);
});

test('administrators read budgets with their receipts, on the page of the agent and at /api/v1/budgets', async () => {
  const agent = await world.register('Watched');
  const token = await world.consent(agent, [payments({ budget: euros('1000') })]);
  await world.bank.pay(token, '40');
  await world.bank.pay(token, '60', { hold_seconds: 600 });
  const list = await world.manage(`/budgets?agent=${agent.agentId}&limit=1`);
  const [item] = list.body['items'] as Record<string, unknown>[];
  expect(item).toMatchObject({
    ...{ agent_id: agent.agentId, account_id: world.server.miraId, type: 'api_call' },
    limit: { amount: '1000.00', currency: 'EUR', per: 'week' },
    used: { day: '40.00', week: '40.00', month: '40.00', total: '40.00' },
    remaining: { amount: '900.00', held: '60.00' },
  });
  expect(budgetBody.parse(item)).toEqual(item);
  const one = await world.manage(`/budgets/${String(item?.['id'])}`);
  expect(budgetWithReceipts.parse(one.body)).toEqual(one.body);
  expect(one.body['receipts']).toMatchObject([
    { state: 'held', amount: '60.00' },
    { state: 'spent', amount: '40.00', jti: token.claims.jti },
  ]);
  expect((await world.manage('/budgets?agent=agt_nobody')).body).toEqual({ items: [] });
  expect((await world.manage('/budgets?cursor=x')).status).toBe(400);
  expect((await world.manage('/budgets/bdg_nothing')).status).toBe(404);
  expect((await world.manage('/budgets', 'admin:write')).status).toBe(403);
  const ada = createPerson(world.server.issuer, ADMINISTRATOR);
  expect((await ada.visit(`/console/agents/${agent.agentId}`)).words).toMatch(
    /What it used up 40\.00 of 1,000\.00 EUR used .* 60\.00 EUR set aside/,
  );
});

test('nobody sees or changes the budget of somebody else', async () => {
  const agent = await world.register('Private');
  await world.consent(agent, [payments({ budget: euros('100') })]);
  const { id } = await budgetOfAgent(agent.agentId);
  const { accounts } = world.server.app.parts;
  const system = { kind: 'system', id: 'command-line' } as const;
  const { link } = await accounts.invite({ email: 'otto@acme.test', name: 'Otto', role: 'user' }, system);
  await accounts.redeemLink(link.url.slice(link.url.lastIndexOf('/') + 1), { password: 'a bridge across the river', name: undefined });
  const otto = createPerson(world.server.issuer, { email: 'otto@acme.test', password: 'a bridge across the river' });
  const page = await otto.visit('/me/budgets');
  expect(page.words).toContain('No agent has a budget of yours');
  const form = (await world.server.mira.visit('/me/budgets')).forms.find(({ action }) => String(action).includes(id));
  const { forms } = await otto.visit('/me/password');
  const fields = forms.flatMap((each) => each.fields).filter(([name]) => name === 'csrf');
  expect(fields).toHaveLength(1);
  const stolen = { ...page, forms: [{ ...form, fields }] };
  expect((await otto.send(stolen as never, 'limit', { fields: { limit: '1' } })).status).toBe(404);
  expect((await budgetOfAgent(agent.agentId)).lowered).toBeUndefined();
});
