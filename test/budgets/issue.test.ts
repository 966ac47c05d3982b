import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { budgetMember, type DetailTypeDefinition } from '../../src/authorization-details/index.ts';
import {
  ADMINISTRATOR,
  exchangeFor,
  type ExchangeServer,
  makeAgent,
  makeResource,
  personToken,
  startExchangeServer,
} from '../token-exchange/exchange-server.ts';

/** A transfer is one token: what it may take is taken off the budget when the token is issued. */
const transfer: DetailTypeDefinition = {
  type: 'transfer',
  title: 'Transfer money',
  headline: { counted: 'type', one: 'Transfer money at {resource}', many: 'Transfer money at {resource}' },
  schema: {
    type: 'object',
    properties: {
      type: { const: 'transfer' },
      amount: {
        type: 'object',
        properties: {
          amount: { type: 'string', format: 'amount', 'x-narrowing': 'upperBound' },
          currency: { type: 'string', format: 'currency', 'x-narrowing': 'equal' },
        },
        required: ['amount', 'currency'],
        additionalProperties: false,
        'x-money': true,
      },
      budget: budgetMember({ taken: 'issue', each: 'amount' }),
    },
    required: ['type'],
    additionalProperties: false,
  },
};

let server: ExchangeServer;
let resource: string;
beforeAll(async () => {
  server = await startExchangeServer([], [transfer]);
  resource = await makeResource(server, 'https://bank.example/');
});
afterAll(() => server.close());

const euros = (amount: string) => ({ amount, currency: 'EUR' });
const asked = (amount: string) => ({ resource, authorization_details: JSON.stringify([{ type: 'transfer', amount: euros(amount) }]) });

/** An agent with a token for transfers of 10 at most, 100 a week, and another that may take over. */
async function story(name: string) {
  const [from, to] = [await makeAgent(server, `${name} hands on`), await makeAgent(server, `${name} takes over`)];
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const types = ['transfer'];
  await server.exchange.delegations.create(
    { from: from.agentId, to: to.agentId, resources: [resource], authorization_details_types: types, until },
    ADMINISTRATOR,
  );
  const detail = { type: 'transfer', amount: euros('10'), budget: { ...euros('100'), per: 'week' } };
  const parent = await personToken(server, from, { resources: { [resource]: 'read' }, details: [detail] });
  const pay = (amount: string) => exchangeFor(server, to, { subject: parent.body['access_token'], ...asked(amount) });
  const used = async () => {
    const [known] = await server.budgets.list({ agentId: from.agentId, limit: 1 });
    return known?.states.find(({ per }) => per === 'week')?.used;
  };
  return { parent, pay, used };
}

test('each token takes what one act may take at most; refused, it takes nothing and the refusal is a decision', async () => {
  const { parent, pay, used } = await story('One by one');
  expect(parent.status).toBe(200);
  expect(await used()).toBe(1000n);
  expect((await pay('2.50')).status).toBe(200);
  expect(await used()).toBe(1250n);
  for (let round = 0; round < 8; round += 1) expect((await pay('10')).status).toBe(200);
  const over = await pay('7.51');
  expect(over).toMatchObject({
    status: 400,
    body: { error: 'invalid_authorization_details', decision_id: expect.stringMatching(/^dec_/) },
  });
  expect(over.body['error_description']).toContain('7.50 EUR of 100.00 EUR left this week');
  expect(await used()).toBe(9250n);
  expect((await pay('7.50')).status).toBe(200);
  expect((await pay('0.01')).status).toBe(400);
});

test('in parallel never more than there is, and a token that is not written takes nothing', async () => {
  const { parent, pay, used } = await story('At once');
  const answers = await Promise.all(Array.from({ length: 24 }, () => pay('7')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(12);
  expect(await used()).toBe(9400n);
  await server.tokens.end({ by: 'jti', jti: String(parent.claims.jti) }, { cause: 'a test', by: ADMINISTRATOR });
  expect((await pay('1')).status).toBe(400);
  expect(await used()).toBe(9400n);
});
