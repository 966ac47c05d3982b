import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { TokenAnswer } from '../support/agent-client.ts';
import { clock, minutes } from '../support/clock.ts';
import { euros, freshKey, payments, REDIRECT_URI, RESOURCE, type SpendingServer, startSpendingServer } from './spending-server.ts';

let world: SpendingServer;
let badToken: TokenAnswer | undefined;
const SYSTEM = { kind: 'system', id: 'command-line' } as const;
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

  test('a new yes to less holds at once, for tokens that were issued before it, too', async () => {
    const agent = await world.register('Lowered');
    const first = await world.consent(agent, [payments({ budget: euros('100') })]);
    expect((await world.bank.pay(first, '10')).status).toBe(201);
    const second = await world.consent(agent, [payments({ budget: euros('40') })]);
    expect(await world.bank.pay(first, '1')).toMatchObject({ status: 409, body: { code: 'budget_ended' } });
    const refreshed = await agent.client.refresh(refreshTokenOf(first));
    expect(refreshed.claims['authorization_details']).toEqual([payments({ budget: euros('40') })]);
    expect((await world.bank.pay(refreshed, '30.01')).status).toBe(409);
    expect((await world.bank.pay(second, '30')).status).toBe(201);
  });

  test('an approval is a permission of its own', async () => {
    const agent = await world.register('Asks each time');
    const approved = async () => {
      const asked = { resource: RESOURCE, scope: 'openid pay', authorization_details: [payments({ budget: euros('50', 'total') })] };
      const { body } = await agent.client.askPerson(world.server.miraEmail, asked);
      await world.server.mira.decide('approve');
      return agent.client.poll(String(body['auth_req_id']));
    };
    const first = await approved();
    expect((await world.bank.pay(first, '50')).body['remaining']).toMatchObject({ amount: '0.00', per: 'total' });
    expect((await world.bank.pay(first, '0.01')).status).toBe(409);
    clock.advance(minutes(1));
    expect((await world.bank.pay(await approved(), '50')).status).toBe(201);
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
    for (const wider of [
      euros('100.01'),
      euros('10', 'day'),
      euros('10', 'month'),
      { ...euros('10'), currency: 'USD' },
      { count: 1, per: 'week' },
    ])
      expect((await helper.client.exchange(parent.token, what(payments({ budget: wider })))).body['error']).toBe(
        'invalid_authorization_details',
      );
  });

  test('an amount can be set aside first: settled for less, given back, or given back by time alone', async () => {
    const payer = await world.register('Holds');
    const token = await world.consent(payer, [payments({ budget: euros('100') })]);
    const hold = await world.bank.pay(token, '80', { hold_seconds: 600 });
    expect(hold.body).toMatchObject({ state: 'held', remaining: { amount: '20.00', held: '80.00', used: '0.00' } });
    expect((await world.bank.pay(token, '20.01')).status).toBe(409);
    const receipt = (id: unknown, end: string, json?: object) =>
      world.bank.ask('POST', `/receipts/${String(id)}/${end}`, json === undefined ? {} : { json });
    const { id } = hold.body;
    expect(await receipt(id, 'settle', { amount: '80.01', currency: 'EUR' })).toMatchObject({
      status: 409,
      body: { code: 'beyond_detail' },
    });
    const settled = await receipt(id, 'settle', { amount: '30', currency: 'EUR' });
    expect(settled).toMatchObject({ status: 200, body: { state: 'settled', amount: '80.00', settled: '30.00' } });
    expect((await receipt(id, 'settle', { amount: '30', currency: 'EUR' })).body).toEqual(settled.body);
    expect(await receipt(id, 'cancel')).toMatchObject({ status: 409, body: { code: 'hold_ended' } });
    const second = await world.bank.pay(token, '70', { hold_seconds: 60 });
    expect(second.status).toBe(201);
    clock.advance(minutes(2));
    expect((await world.bank.ask('GET', `/budgets?jti=${token.claims.jti}`)).body['items']).toMatchObject([
      { remaining: { amount: '70.00' } },
    ]);
    expect((await world.bank.pay(token, '70')).status).toBe(201);
    expect(await receipt(second.body['id'], 'settle')).toMatchObject({ status: 409, body: { code: 'hold_ended' } });
    expect(await receipt(second.body['id'], 'cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect((await world.bank.pay(token, '0.01')).status).toBe(409);
  });

  test('a key answers as before, also after the token died, and never for another report', async () => {
    const payer = await world.register('Repeats');
    const token = await world.consent(payer, [payments({ budget: euros('100') })]);
    const json = { jti: token.claims.jti, type: 'api_call', amount: '60', currency: 'EUR' };
    const key = freshKey();
    const first = await world.bank.ask('POST', '/receipts', { json, key });
    const again = await world.bank.ask('POST', '/receipts', { json, key: `"${key}"` });
    expect([again.status, again.body]).toEqual([201, first.body]);
    const other = await world.bank.ask('POST', '/receipts', { json: { ...json, amount: '61' }, key });
    expect(other).toMatchObject({ status: 409, body: { code: 'key_reused' } });
    await payer.client.revoke(token.token);
    expect((await world.bank.ask('POST', '/receipts', { json, key })).body).toEqual(first.body);
    expect(await world.bank.pay(token, '1')).toMatchObject({ status: 409, body: { code: 'token_ended' } });
  });

  test('a token that is revoked while its report waits takes nothing', async () => {
    const payer = await world.register('Waits');
    const token = await world.consent(payer, [payments({ budget: euros('100') })]);
    const { db } = world.server;
    const text = `SELECT id FROM budgets WHERE agent_id = $1 FOR UPDATE`;
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    const answer = await db.transaction(async () => {
      await db.rows({ name: '', text, values: [payer.agentId] });
      const underWay = world.bank.pay(token, '1');
      while ((await db.detached(() => db.rows({ name: '', text: waiting, values: [] }))).length === 0);
      await payer.client.revoke(token.token);
      return { underWay };
    });
    expect(await answer.underWay).toMatchObject({ status: 409, body: { code: 'token_ended' } });
  });

  test('a dead agent spends nothing, and a hold of it can still be settled: the money moved', async () => {
    const payer = await world.register('Stopped');
    const token = await world.consent(payer, [payments({ budget: euros('100') })]);
    const hold = await world.bank.pay(token, '10', { hold_seconds: 600 });
    await world.server.app.parts.agents.setStatus(payer.agentId, 'suspended', { by: { ...SYSTEM, party: 'system' }, reason: 'a test' });
    expect(await world.bank.pay(token, '1')).toMatchObject({ status: 409, body: { code: 'token_ended' } });
    expect((await world.bank.ask('POST', `/receipts/${String(hold.body['id'])}/settle`)).body).toMatchObject({ settled: '10.00' });
  });

  test('R6, R24: a resource server reports and reads for its own tokens alone, and only with the scope', async () => {
    const payer = await world.register('Foreign');
    const token = await world.consent(payer, [payments({ budget: euros('100') })]);
    const other = await world.anotherBank('https://other.acme.test');
    const receipt = await world.bank.pay(token, '1');
    expect((await other.pay(token, '1')).status).toBe(404);
    expect((await other.pay('no-such-token', '1')).body['detail']).toBe((await other.pay(token, '1')).body['detail']);
    expect((await other.ask('GET', `/budgets?jti=${token.claims.jti}`)).status).toBe(404);
    for (const end of ['', '/settle', '/cancel'])
      expect((await other.ask(end === '' ? 'GET' : 'POST', `/receipts/${String(receipt.body['id'])}${end}`)).status).toBe(404);
    const own = await payer.client.clientCredentials({ resource: `${world.server.issuer}/access/v1`, scope: 'receipts:write' });
    expect(own.body['error']).toBe('invalid_target');
  });

  test.each<[string, object, number]>([
    ['a negative amount', { amount: '-1' }, 400],
    ['nothing', { amount: '0.00' }, 400],
    ['NaN', { amount: 'NaN' }, 400],
    ['an exponent', { amount: '1e3' }, 400],
    ['a number', { amount: 1 }, 400],
    ['30 decimals', { amount: `0.${'0'.repeat(29)}1` }, 400],
    ['a tenth of a cent', { amount: '0.001' }, 400],
    ['more than anybody has', { amount: '9'.repeat(19) }, 400],
    ['as much as a text may say', { amount: '9'.repeat(18) }, 409],
    ['another currency', { amount: '1', currency: 'USD' }, 409],
    ['a currency nobody knows', { amount: '1', currency: 'eur' }, 400],
    ['a count where money is counted', { amount: undefined, currency: undefined, count: 1 }, 409],
    ['a count and an amount', { amount: '1', count: 1 }, 400],
    ['another type', { amount: '1', type: 'mcp_tool_call' }, 409],
    ['another detail', { amount: '1', detail: 1 }, 409],
    ['a member nobody knows', { amount: '1', note: 'x' }, 400],
    ['a hold for ever', { amount: '1', hold_seconds: 604_801 }, 400],
    ['1 MB', { amount: '1', jti: 'x'.repeat(1_048_576) }, 413],
  ])('bad input: %s', async (_, more, status) => {
    badToken ??= await world.consent(await world.register('Bad input'), [payments({ budget: euros('100') })]);
    const answer = await world.bank.pay(badToken, '1', more);
    expect([answer.status, answer.body['status']]).toEqual([status, status]);
    expect((await world.bank.ask('GET', `/budgets?jti=${badToken.claims.jti}`)).body['items']).toMatchObject([
      { remaining: { amount: '100.00' } },
    ]);
  });

  test('bad input: a key that is missing, too long or no text', async () => {
    for (const key of ['', 'x'.repeat(129), 'two words', `"half`.repeat(2)]) {
      const answer = await world.bank.ask('POST', '/receipts', { json: {}, ...(key === '' ? {} : { key }) });
      expect(answer).toMatchObject({ status: 400, body: { member: 'Idempotency-Key' } });
    }
  });

  // last, because it moves the clock by days: limits on requests do not move back with it
  test('a new yes to the same thing keeps what was used and says so; it may raise the limit, and the window turns on Monday', async () => {
    const agent = await world.register('Raised');
    const first = await world.consent(agent, [payments({ budget: euros('100') })]);
    expect((await world.bank.pay(first, '100')).status).toBe(201);
    const asked = { resource: RESOURCE, scope: 'pay', authorization_details: [payments({ budget: euros('150', 'month') })] };
    const { words } = await world.server.mira.reachConsent(`${agent.client.authorizationRequest(asked, REDIRECT_URI).url}&prompt=consent`);
    expect(words).toMatch(/Budget: up to 150\.00 EUR each calendar month \(UTC\).* · 100\.00 EUR of it used this month, until/);
    const second = await world.consent(agent, [payments({ budget: euros('150') })]);
    expect((await world.bank.pay(second, '50.01')).status).toBe(409);
    const left = (await world.bank.pay(second, '50')).body['remaining'] as { amount: string; until: string };
    const turns = new Date(left.until);
    expect([left.amount, turns.getUTCDay(), left.until.slice(11)]).toEqual(['0.00', 1, '00:00:00.000Z']);
    const { body } = await agent.client.introspect(second.token);
    expect(body['budgets']).toEqual([{ detail: 0, type: 'api_call', remaining: left }]);
    clock.advance(turns.getTime() - Date.now() - 2_000);
    const late = await agent.client.refresh(refreshTokenOf(second));
    expect((await world.bank.pay(late, '0.01')).status).toBe(409);
    clock.advance(2_000);
    expect((await world.bank.pay(late, '150')).body['remaining']).toMatchObject({ amount: '0.00' });
  });
});
