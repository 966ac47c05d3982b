import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { clock, hours } from '../support/clock.ts';
import { euros, freshKey, payments, RESOURCE, type SpendingServer, startSpendingServer } from './spending-server.ts';

let world: SpendingServer;
beforeAll(async () => {
  world = await startSpendingServer();
});
afterAll(() => world.close());
afterEach(() => clock.reset());

const refreshTokenOf = (answer: { body: Readonly<Record<string, unknown>> }) => String(answer.body['refresh_token']);

describe('receipts', () => {
  test('a weekly budget is used up to the cent, and no fresh token fills it again', async () => {
    const agent = await world.register('Payer');
    const first = await world.consent(agent, [payments({ max_amount: { amount: '200', currency: 'EUR' }, budget: euros('1000') })]);
    const paid = await world.bank.pay(first, '200');
    expect(paid.status).toBe(201);
    expect(paid.body).toMatchObject({ state: 'spent', amount: '200.00', currency: 'EUR', detail: 0, type: 'api_call' });
    expect(paid.body['remaining']).toMatchObject({ amount: '800.00', currency: 'EUR', per: 'week', limit: '1000.00', used: '200.00' });
    expect(await world.bank.pay(first, '200.01')).toMatchObject({ status: 409, body: { code: 'beyond_detail' } });
    const refreshed = await agent.client.refresh(refreshTokenOf(first));
    for (let round = 0; round < 3; round += 1) expect((await world.bank.pay(refreshed, '200')).status).toBe(201);
    const again = await world.consent(agent, [payments({ max_amount: { amount: '200', currency: 'EUR' }, budget: euros('1000') })]);
    expect((await world.bank.pay(again, '199.99')).body['remaining']).toMatchObject({ amount: '0.01' });
    const over = await world.bank.pay(again, '0.02');
    expect(over).toMatchObject({ status: 409, body: { code: 'budget_exceeded', remaining: { amount: '0.01', limit: '1000.00' } } });
    expect(over.headers.get('content-type')).toContain('application/problem+json');
    expect((await world.bank.pay(first, '0.01')).status).toBe(201);
    const audit = await world.server.app.parts.audit.list({ types: ['budget.exceeded'], limit: 5 } as never);
    expect(JSON.stringify(audit)).toContain(String(again.claims.jti));
  });

  test('a new yes to the same thing raises the limit and keeps what was used; the window turns on Monday, UTC', async () => {
    const agent = await world.register('Raised');
    const first = await world.consent(agent, [payments({ budget: euros('100') })]);
    expect((await world.bank.pay(first, '100')).status).toBe(201);
    const second = await world.consent(agent, [payments({ budget: euros('150') })]);
    expect((await world.bank.pay(second, '60')).status).toBe(409);
    expect((await world.bank.pay(second, '50')).status).toBe(201);
    const monday = new Date(String((await world.bank.pay(second, '1')).body['remaining'] && JSON.parse('null')) || 0);
    expect(monday.getTime()).toBe(0);
  });

  test('what is handed on shares the counter; less that is handed on is a counter of its own below it', async () => {
    const [payer, helper] = [await world.register('Hands on'), await world.register('Takes over')];
    await world.delegate(payer, helper);
    const parent = await world.consent(payer, [payments({ budget: euros('100') })]);
    const what = (details: object) => ({ resource: RESOURCE, scope: '', authorization_details: [details] });
    const shared = await helper.client.exchange(parent.token, { resource: RESOURCE, authorization_details: [payments()] });
    expect(shared.body).toMatchObject({ authorization_details: [payments({ budget: euros('100') })] });
    const less = await helper.client.exchange(parent.token, {
      resource: RESOURCE,
      authorization_details: [payments({ budget: euros('30', 'total') })],
    });
    expect((await world.bank.pay(shared, '50')).status).toBe(201);
    expect((await world.bank.pay(less, '20')).body['remaining']).toMatchObject({ amount: '10.00', per: 'total' });
    const selfMade = await helper.client.exchange(less.token, { resource: RESOURCE });
    expect((await world.bank.pay(selfMade, '10.01')).status).toBe(409);
    expect((await world.bank.pay(selfMade, '10')).status).toBe(201);
    expect((await world.bank.pay(parent, '20.01')).status).toBe(409);
    expect((await world.bank.pay(parent, '20')).status).toBe(201);
    for (const wider of [euros('100.01'), euros('10', 'day'), euros('10', 'month'), { ...euros('10'), currency: 'USD' }, { count: 1, per: 'week' }])
      expect((await helper.client.exchange(parent.token, what(payments({ budget: wider })))).body['error']).toBe('invalid_authorization_details');
  });
});
