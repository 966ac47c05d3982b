import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { AgentEditor } from '../../src/agents/index.ts';
import { type HttpServer, startHttpServer } from '../../src/platform/http/server.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ADMINISTRATOR, basic, openSeeding, type SeededClient, type Seeding } from '../support/seeding.ts';
import { ask } from '../support/server-process.ts';
import { freePort } from '../support/test-server.ts';

const RESOURCE = 'https://api.example/trips';
const provisioner: AgentEditor = { kind: 'client', id: 'cli_provisioner', party: 'provisioner' };

let database: TestDatabase;
let seeding: Seeding;
let second: Seeding;
let server: HttpServer;
let port: number;
let own: SeededClient;

beforeAll(async () => {
  [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const where = { issuer: `http://localhost:${port}`, masterKey: randomBytes(32) };
  seeding = await openSeeding(database.connection, where);
  second = await openSeeding(database.connection, where);
  server = await startHttpServer(seeding.app.http, { host: 'localhost', port });
  own = await seeding.resource(RESOURCE);
}, 60_000);
afterEach(() => {
  clock.reset();
});
afterAll(async () => {
  await server?.drain({ graceMs: 500 });
  await Promise.all([seeding?.close(), second?.close()]);
  await database?.drop();
});

const parts = () => seeding.app.parts;
const endDue = () => parts().agents.endDue();
const owner = () => ({ kind: 'user', id: seeding.accountId }) as const;
const here = () => ({ port, issuer: seeding.issuer });
type Input = Partial<Parameters<ReturnType<typeof parts>['agents']['create']>[0]>;
const agentOf = (input: Input = {}) =>
  parts().agents.create({ displayName: 'Bot', owner: owner(), status: 'active', source: 'console', ...input }, ADMINISTRATOR);
const soon = (ms: number) => new Date(Date.now() + ms);
const eventsOf = async (agentId: string) => (await parts().audit.list({ agentId, limit: 50 })).events.map(({ event }) => event);

async function softwareOf(agentId: string) {
  const client = await seeding.client('software', { purpose: 'agent' });
  await parts().agents.linkClient(agentId, client.clientId, ADMINISTRATOR);
  const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE };
  const request = () => ask(here(), '/token', { form, headers: basic(client) });
  return { ...client, request, token: String((await request()).json()['access_token']) };
}
async function isAlive(token: string): Promise<boolean> {
  return (await ask(here(), '/introspect', { form: { token }, headers: basic(own) })).json()['active'] === true;
}

describe('an agent whose time is over', () => {
  test('is refused at once; then it is retired, and client, secret and tokens go while the audit stays', async () => {
    const { id } = await agentOf({ validUntil: soon(minutes(20)) });
    const { clientId, token, request } = await softwareOf(id);
    await endDue();
    expect([(await parts().agents.get(id)).status, await isAlive(token)]).toEqual(['active', true]);
    clock.advance(minutes(20) + 1);
    expect([await isAlive(token), (await request()).json()['error']]).toEqual([false, 'unauthorized_client']);
    await endDue();
    expect(await parts().agents.get(id)).toMatchObject({ status: 'retired', statusReason: 'validity over', removedAt: undefined });
    expect(await parts().clients.find(clientId)).toBeUndefined();
    const [row] = await seeding.db.rows<{ secret_hash: Buffer | null; status: string }>({
      name: '',
      text: 'SELECT secret_hash, status FROM clients WHERE client_id = $1',
      values: [clientId],
    });
    expect(row).toEqual({ secret_hash: null, status: 'deleted' });
    expect((await request()).status).toBe(401);
    const told = await eventsOf(id);
    expect(told.find(({ type }) => type === 'agent.retired')).toMatchObject({
      actor: { kind: 'system', id: 'agents' },
      cause: 'validity over',
    });
    expect(told.map(({ type }) => type)).not.toContain('agent.deleted');
    const ofClient = (await parts().audit.list({ clientId, limit: 50 })).events.map(({ event }) => event);
    expect(ofClient.find(({ type }) => type === 'client.deleted')).toMatchObject({ actor: { kind: 'system', id: 'agents' } });
    await endDue();
    expect((await eventsOf(id)).filter(({ type }) => type === 'agent.retired')).toHaveLength(1);
  });

  test('ends in whatever state it is, and is not let run again before its end is moved', async () => {
    const validUntil = soon(minutes(5));
    const [proposed, suspended, moved] = [
      await agentOf({ status: 'proposed', validUntil }),
      await agentOf({ validUntil }),
      await agentOf({ validUntil }),
    ];
    await parts().agents.setStatus(suspended.id, 'suspended', { by: ADMINISTRATOR, reason: 'odd' });
    clock.advance(minutes(6));
    for (const { id } of [proposed, suspended]) {
      await expect(parts().agents.setStatus(id, 'active', { by: ADMINISTRATOR })).rejects.toMatchObject({
        details: { member: 'validUntil' },
      });
    }
    await parts().agents.update(moved.id, { changes: { validUntil: soon(hours(1)) } }, ADMINISTRATOR);
    await endDue();
    const states = await Promise.all([proposed, suspended, moved].map(async ({ id }) => (await parts().agents.get(id)).status));
    expect(states).toEqual(['retired', 'retired', 'active']);
  });

  test('250 at once on two servers: each ends once, and one that somebody changes meanwhile ends the next time', async () => {
    const busy = await agentOf({ validUntil: soon(minutes(1)) });
    const ids = await Promise.all(Array.from({ length: 250 }, async () => (await agentOf({ ttlMinutes: 1 })).id));
    clock.advance(minutes(2));
    await seeding.db.transaction(async () => {
      await seeding.db.rows({ name: '', text: 'SELECT 1 FROM agents WHERE id = $1 FOR UPDATE', values: [busy.id] });
      await Promise.all([seeding.db.detached(endDue), second.app.parts.agents.endDue()]);
    });
    expect((await parts().agents.get(busy.id)).status).toBe('active');
    await endDue();
    expect((await parts().agents.get(busy.id)).status).toBe('retired');
    const text = `SELECT count(*)::int AS events, count(DISTINCT agent_id)::int AS agents FROM audit_events WHERE type = 'agent.retired' AND agent_id = ANY($1)`;
    expect(await seeding.db.rows({ name: '', text, values: [ids] })).toEqual([{ events: 250, agents: 250 }]);
  }, 30_000);

  test('an end that fails half-way leaves everything as it was', async () => {
    const { id } = await agentOf({ validUntil: soon(minutes(1)) });
    const { clientId } = await softwareOf(id);
    await seeding.db.rows({ name: '', text: `ALTER TABLE clients ADD CONSTRAINT stays CHECK (status <> 'deleted') NOT VALID`, values: [] });
    clock.advance(minutes(2));
    await expect(endDue()).rejects.toThrow('stays');
    expect([(await parts().agents.get(id)).status, (await parts().clients.find(clientId))?.id]).toEqual(['active', clientId]);
    await seeding.db.rows({ name: '', text: 'ALTER TABLE clients DROP CONSTRAINT stays', values: [] });
    await endDue();
    expect([(await parts().agents.get(id)).status, await parts().clients.find(clientId)]).toEqual(['retired', undefined]);
  });
});

test('the job runs twice a minute or more, and finds what ends by an index of its own', async () => {
  expect(parts().agents.capability.jobs).toContainEqual(expect.objectContaining({ name: 'agents-ending', everySeconds: 15 }));
  const text = `SELECT indexdef FROM pg_indexes WHERE indexname = 'agents_ending'`;
  const [index] = await seeding.db.rows<{ indexdef: string }>({ name: '', text, values: [] });
  expect(index?.indexdef).toContain(`(valid_until) WHERE ((valid_until IS NOT NULL) AND (status <> 'retired'::text))`);
});

describe('an ephemeral agent', () => {
  test('ends after its minutes, and is gone from the lists, with its name free again', async () => {
    const { id, validUntil, createdAt, ttlMinutes } = await agentOf({ name: 'once', ttlMinutes: 20 });
    expect([ttlMinutes, validUntil]).toEqual([20, new Date(createdAt.getTime() + minutes(20))]);
    const { clientId } = await softwareOf(id);
    clock.advance(minutes(20) + seconds(1));
    await endDue();
    expect(await parts().agents.get(id)).toMatchObject({ status: 'retired', removedAt: expect.any(Date), ttlMinutes: 20 });
    expect(await parts().clients.find(clientId)).toBeUndefined();
    expect((await parts().agents.list({ search: 'once', limit: 9 })).agents).toEqual([]);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['agent.proposed', 'agent.retired', 'agent.deleted']),
    );
    expect((await agentOf({ name: 'once' })).name).toBe('once');
  });

  test.each([0, -1, 1.5, 43_201, Number.NaN])('does not live for %p minutes', async (ttlMinutes) => {
    await expect(agentOf({ ttlMinutes })).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'ttlMinutes' } });
  });

  test('lives a minute to thirty days, or to the date that was given if that is earlier', async () => {
    for (const ttlMinutes of [1, 43_200]) expect(await agentOf({ ttlMinutes })).toMatchObject({ ttlMinutes });
    const earlier = soon(minutes(5));
    expect(await agentOf({ ttlMinutes: 60, validUntil: earlier })).toMatchObject({ validUntil: earlier });
    const later = await agentOf({ ttlMinutes: 60, validUntil: soon(hours(9)) });
    expect(later.validUntil).toEqual(new Date(later.createdAt.getTime() + minutes(60)));
  });

  test('keeps an end, and only an administrator moves it beyond its time to live', async () => {
    const { id, createdAt } = await agentOf({ ttlMinutes: 60 });
    const move = (validUntil: Date | undefined, by: AgentEditor) => parts().agents.update(id, { changes: { validUntil } }, by);
    const inMinutes = (count: number) => new Date(createdAt.getTime() + minutes(count));
    await expect(move(undefined, ADMINISTRATOR)).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'validUntil' } });
    await expect(move(inMinutes(61), provisioner)).rejects.toMatchObject({ code: 'forbidden', details: { member: 'validUntil' } });
    expect(await move(inMinutes(30), provisioner)).toMatchObject({ validUntil: inMinutes(30) });
    expect(await move(inMinutes(60), provisioner)).toMatchObject({ validUntil: inMinutes(60) });
    expect(await move(inMinutes(90), ADMINISTRATOR)).toMatchObject({ validUntil: inMinutes(90) });
    expect(await parts().agents.update(id, { changes: { purpose: 'x' } }, provisioner)).toMatchObject({ validUntil: inMinutes(90) });
    expect(await move(inMinutes(80), provisioner)).toMatchObject({ validUntil: inMinutes(80) });
    await expect(move(inMinutes(81), provisioner)).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('comes with software that registers with an enrolment token for such agents', async () => {
    const input = {
      name: 'CI',
      owner: owner(),
      agent_state: 'active',
      agent_ttl_minutes: 20,
      uses: 1,
      ttl_seconds: 600,
      grant_types: ['client_credentials'],
    };
    const { token, record } = await parts().clients.initialAccessTokens.create(input as never, ADMINISTRATOR);
    expect(await parts().clients.initialAccessTokens.get(record.id)).toMatchObject({ agentTtlMinutes: 20 });
    const json = { client_name: 'Build 4711', grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' };
    const response = await fetch(`${seeding.issuer}/register`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    const registered = (await response.json()) as Record<string, string>;
    const agent = await parts().agents.findByClient(registered['client_id'] ?? '');
    expect(agent).toMatchObject({ displayName: 'Build 4711', ttlMinutes: 20, status: 'active' });
    clock.advance(minutes(21));
    await endDue();
    expect(await parts().clients.find(registered['client_id'] ?? '')).toBeUndefined();
    const management = await fetch(registered['registration_client_uri'] ?? '', {
      headers: { authorization: `Bearer ${registered['registration_access_token']}` },
    });
    expect(management.status).toBe(401);
  });
});
