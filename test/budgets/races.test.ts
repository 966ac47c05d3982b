import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { basic, type SeededClient } from '../support/seeding.ts';
import type { Answer } from '../support/server-process.ts';
import { startTwoServers, type TwoServers } from '../support/two-servers.ts';

const RESOURCE = 'https://bank.example/';
let servers: TwoServers;
let bank: SeededClient;
let bearer: string;
beforeAll(async () => {
  servers = await startTwoServers();
  bank = await servers.resource(RESOURCE);
  const form = { grant_type: 'client_credentials', resource: `${servers.issuer}/access/v1`, scope: 'receipts:write' };
  bearer = String((await servers.ask('/token', { form, headers: basic(bank) })).json()['access_token']);
}, 60_000);
afterAll(() => servers.close());

/** The jti of an agent's token for itself, with 100 euros a week. */
async function spender(name: string): Promise<string> {
  const agent = await servers.agent(name);
  const details = [{ type: 'api_call', actions: ['POST'], budget: { amount: '100', currency: 'EUR', per: 'week' } }];
  const form = { grant_type: 'client_credentials', resource: RESOURCE, authorization_details: JSON.stringify(details) };
  return String(decodeJwt(String((await servers.ask('/token', { form, headers: basic(agent) })).json()['access_token'])).jti);
}

const report = (number: number, json: object, key: string) =>
  servers.ask('/access/v1/receipts', { json, headers: { authorization: `Bearer ${bearer}`, 'idempotency-key': key } }, number);
const pay = (number: number, jti: string, more: object = {}) =>
  report(number, { jti, type: 'api_call', amount: '7', currency: 'EUR', ...more }, `${jti} ${number}`.replaceAll(' ', '-'));
const isTaken = ({ status }: Answer) => status === 201;

async function leftOf(jti: string): Promise<unknown> {
  const answer = await servers.ask(`/access/v1/budgets?jti=${jti}`, { headers: { authorization: `Bearer ${bearer}` } });
  return (answer.json()['items'] as { remaining: unknown }[])[0]?.remaining;
}

test('parallel reports to two servers never use up more than there is, and all of what there is', async () => {
  const jti = await spender('Both at once');
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, number) => pay(number, jti, number % 3 === 0 ? { hold_seconds: 600 } : {})),
  );
  expect(answers.map(({ status }) => status).filter((status) => status !== 409)).toEqual(Array.from({ length: 14 }, () => 201));
  expect(await leftOf(jti)).toMatchObject({ amount: '2.00', limit: '100.00' });
}, 60_000);

test('one key reported to both servers at once is one report', async () => {
  const jti = await spender('One key');
  const json = { jti, type: 'api_call', amount: '7', currency: 'EUR' };
  const answers = await Promise.all(Array.from({ length: 12 }, (_, number) => report(number, json, 'the-same-key')));
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  expect(answers.every(isTaken)).toBe(true);
  expect(await leftOf(jti)).toMatchObject({ amount: '93.00' });
}, 60_000);

test('a hold is settled once, or cancelled, whichever server was first', async () => {
  const jti = await spender('One hold');
  const { id } = (await pay(0, jti, { hold_seconds: 600 })).json();
  const end = (number: number) =>
    servers.ask(
      `/access/v1/receipts/${String(id)}/${number % 4 < 2 ? 'settle' : 'cancel'}`,
      { method: 'POST', headers: { authorization: `Bearer ${bearer}` } },
      number,
    );
  const answers = await Promise.all(Array.from({ length: 12 }, (_, number) => end(number)));
  const states = new Set(answers.filter(({ status }) => status === 200).map((answer) => answer.json()['state']));
  expect(states.size).toBe(1);
  expect(await leftOf(jti)).toMatchObject({ amount: states.has('settled') ? '93.00' : '100.00', held: '0.00' });
}, 60_000);

test('what was answered is kept when a server is killed in the middle of it', async () => {
  const jti = await spender('Killed');
  const under = Array.from({ length: 30 }, (_, number) => pay(number, jti).catch(() => undefined));
  await Promise.race(under);
  await servers.crash(1);
  const answers = await Promise.all(under);
  const taken = answers.filter((answer) => answer !== undefined && isTaken(answer)).length;
  const again = await Promise.all(
    Array.from({ length: 30 }, (_, number) => report(0, { jti, type: 'api_call', amount: '7', currency: 'EUR' }, `${jti}-${number}`)),
  );
  expect(again.filter(isTaken).length).toBe(14);
  expect(again.filter((answer, number) => answers[number]?.status === 201 && isTaken(answer))).toHaveLength(taken);
  expect(await leftOf(jti)).toMatchObject({ amount: '2.00' });
}, 60_000);
