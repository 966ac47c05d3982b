import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMINISTRATOR, basic, type SeededClient } from '../support/seeding.ts';
import { startTwoServers, type TwoServers } from '../support/two-servers.ts';

const RESOURCE = 'https://api.example/drift';
const PARALLEL = 20;
const digestOf = (text: string) => `sha-256:${createHash('sha256').update(text).digest('base64url')}`;

let servers: TwoServers;
beforeAll(async () => {
  servers = await startTwoServers();
  await servers.resource(RESOURCE);
}, 60_000);
afterAll(() => servers?.close());

async function agentWith(risk: 'low' | 'high'): Promise<SeededClient & { readonly agentId: string }> {
  const made = await servers.agent(`of ${risk} risk`);
  const agentId = made.agentId ?? '';
  await servers.app.parts.agents.update(agentId, { changes: { riskLevel: risk, manifestDigest: digestOf('agreed') } }, ADMINISTRATOR);
  return { ...made, agentId };
}

/** Many requests at once, over both servers, by software that is not what was agreed. */
async function presentAtOnce(client: SeededClient) {
  const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE, agent_manifest_digest: digestOf('other') };
  const request = { form, headers: basic(client) };
  const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, turn) => servers.ask('/token', request, turn)));
  return answers.map(({ status }) => status);
}

async function traceOf(agentId: string) {
  const { agents, audit } = servers.app.parts;
  const { open } = await agents.drift.standingOf(await agents.get(agentId));
  const { events } = await audit.list({ agentId, limit: 200 });
  const count = (type: string) => events.filter(({ event }) => event.type === type).length;
  return { drifts: open.map(({ times }) => times), drifted: count('agent.drifted'), reviewed: count('agent.reviewed') };
}

test('of 20 parallel requests over two servers comes one record, one move and one event', async () => {
  const client = await agentWith('high');
  expect(new Set(await presentAtOnce(client))).toEqual(new Set([400]));
  expect(await traceOf(client.agentId)).toEqual({ drifts: [PARALLEL], drifted: 1, reviewed: 1 });
  expect(await servers.app.parts.agents.get(client.agentId)).toMatchObject({ status: 'underReview', actsUnderReview: false });
}, 60_000);

test('the same where tokens flow meanwhile: every request gets one', async () => {
  const { driftSetting } = servers.app.parts.policy;
  await driftSetting.set({ choice: 'low', version: 0, accountId: ADMINISTRATOR.id });
  const client = await agentWith('low');
  expect(new Set(await presentAtOnce(client))).toEqual(new Set([200]));
  expect(await traceOf(client.agentId)).toEqual({ drifts: [PARALLEL], drifted: 1, reviewed: 1 });
  expect(await servers.app.parts.agents.get(client.agentId)).toMatchObject({ status: 'underReview', actsUnderReview: true });
}, 60_000);

test('a stricter setting leaves no agent acting, whatever is presented while it is set', async () => {
  const { driftSetting } = servers.app.parts.policy;
  const clients = await Promise.all(Array.from({ length: 6 }, () => agentWith('low')));
  const { version } = await driftSetting.get();
  const set = driftSetting.set({ choice: 'never', version, accountId: ADMINISTRATOR.id });
  await Promise.all([...clients.map((client) => presentAtOnce(client)), set]);
  const agents = await Promise.all(clients.map(({ agentId }) => servers.app.parts.agents.get(agentId)));
  expect(agents.filter(({ status, actsUnderReview }) => status !== 'underReview' || actsUnderReview)).toEqual([]);
}, 60_000);
