import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type HttpServer, startHttpServer } from '../../src/platform/http/server.ts';
import { failureOf } from '../../src/platform/http/failure.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ADMINISTRATOR, basic, openSeeding, type SeededClient, type Seeding } from '../support/seeding.ts';
import { ask } from '../support/server-process.ts';
import { freePort } from '../support/test-server.ts';

const RESOURCE = 'https://api.example/trips';
const how = { by: { kind: 'account', id: 'usr_administrator' }, reason: 'left' } as const;

let database: TestDatabase;
let seeding: Seeding;
let server: HttpServer;
let port: number;
let own: SeededClient;

beforeAll(async () => {
  [database, port] = await Promise.all([freshDatabase(), freePort()]);
  seeding = await openSeeding(database.connection, { issuer: `http://localhost:${port}`, masterKey: randomBytes(32) });
  server = await startHttpServer(seeding.app.http, { host: 'localhost', port });
  own = await seeding.resource(RESOURCE);
}, 60_000);
afterAll(async () => {
  await server?.drain({ graceMs: 500 });
  await seeding?.close();
  await database?.drop();
});

const parts = () => seeding.app.parts;
const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => seeding.db.rows<Row>({ name: '', text, values });
const person = async () =>
  (await parts().accounts.create({ email: `${randomUUID()}@acme.test`, name: 'Jana Weber', role: 'user' }, how.by)).id;
const groupOf = async (...members: readonly string[]) => {
  const { id } = await parts().accounts.createGroup({ name: randomUUID() }, how.by);
  for (const member of members) await parts().accounts.addMember(id, member, how.by);
  return { kind: 'group', id } as const;
};
const user = (id: string) => ({ kind: 'user', id }) as const;
type Input = Partial<Parameters<ReturnType<typeof parts>['agents']['create']>[0]>;
const agentOf = async (owner: { kind: 'user' | 'group'; id: string }, input: Input = {}) =>
  (await parts().agents.create({ displayName: 'Bot', owner, status: 'active', source: 'console', ...input }, ADMINISTRATOR)).id;
const stateOf = async (id: string) => (await parts().agents.get(id)).status;
const eventsOf = async (agentId: string) => (await parts().audit.list({ agentId, limit: 50 })).events.map(({ event }) => event);
const orphans = async () =>
  (await sql(`SELECT id FROM agents WHERE status = 'active' AND id NOT IN (SELECT agent_id FROM live_agents)`)).length;

/** A client of the agent with a secret, and a token it got. */
async function softwareOf(agentId: string) {
  const client = await seeding.client('software', { purpose: 'agent' });
  await parts().agents.linkClient(agentId, client.clientId, ADMINISTRATOR);
  const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE };
  const request = () => ask({ port, issuer: seeding.issuer }, '/token', { form, headers: basic(client) });
  return { clientId: client.clientId, request, token: String((await request()).json()['access_token']) };
}
async function isAlive(token: string): Promise<boolean> {
  const answer = await ask({ port, issuer: seeding.issuer }, '/introspect', { form: { token }, headers: basic(own) });
  return answer.json()['active'] === true;
}

describe('when a person leaves', () => {
  test('a successor gets their agents as they are, and what those hold stays', async () => {
    const [jana, heir] = [await person(), await person()];
    const [active, proposed, suspended, retired] = [
      await agentOf(user(jana)),
      await agentOf(user(jana), { status: 'proposed' }),
      await agentOf(user(jana)),
      await agentOf(user(jana)),
    ];
    await parts().agents.setStatus(suspended, 'suspended', { by: ADMINISTRATOR, reason: 'odd' });
    await parts().agents.setStatus(retired, 'retired', { by: ADMINISTRATOR });
    const { token } = await softwareOf(active);
    await parts().accounts.nameSuccessor(jana, heir, how.by);
    await parts().accounts.disable(jana, how);
    expect(await Promise.all([active, proposed, suspended, retired].map(stateOf))).toEqual(['active', 'proposed', 'suspended', 'retired']);
    for (const id of [active, proposed, suspended]) {
      expect(await parts().agents.get(id)).toMatchObject({ owner: user(heir) });
      const told = (await eventsOf(id)).filter(({ type }) => type === 'agent.owner_changed');
      expect(told).toMatchObject([{ actor: how.by, subjectId: heir, cause: 'Its owner was shut out; the successor takes over.' }]);
    }
    expect(await parts().agents.get(retired)).toMatchObject({ owner: user(jana) });
    expect(await isAlive(token)).toBe(true);
  });

  test.each<['disable' | 'remove', string]>([
    ['disable', 'Its owner was shut out, and nobody takes over.'],
    ['remove', 'Its owner was removed, and nobody takes over.'],
  ])('%s without a successor: their agents are looked at before they act again, and hold nothing', async (verb, reason) => {
    const jana = await person();
    const [active, proposed, suspended] = [
      await agentOf(user(jana)),
      await agentOf(user(jana), { status: 'proposed' }),
      await agentOf(user(jana)),
    ];
    await parts().agents.setStatus(suspended, 'suspended', { by: ADMINISTRATOR, reason: 'odd' });
    const { token, request } = await softwareOf(active);
    await parts().accounts[verb](jana, how);
    expect(await Promise.all([active, proposed, suspended].map(stateOf))).toEqual(['underReview', 'underReview', 'suspended']);
    expect(await parts().agents.get(active)).toMatchObject({
      statusReason: reason,
      statusChangedBy: 'usr_administrator',
      statusBefore: 'active',
    });
    for (const id of [active, proposed]) {
      expect((await eventsOf(id)).filter(({ type }) => type === 'agent.reviewed')).toMatchObject([{ actor: how.by, cause: reason }]);
    }
    expect((await eventsOf(active)).map(({ type }) => type)).toContain('token.revoked');
    expect([await isAlive(token), (await request()).status]).toEqual([false, 400]);
    await expect(parts().agents.setStatus(active, 'active', { by: ADMINISTRATOR })).rejects.toMatchObject({ code: 'conflict' });
    if (verb === 'remove') return;
    await parts().accounts.enable(jana, how.by);
    expect([await stateOf(active), await isAlive(token)]).toEqual(['underReview', false]);
    await parts().agents.setStatus(active, 'active', { by: ADMINISTRATOR });
    expect(await isAlive(token)).toBe(false);
  });

  test('what a group answers for goes the same way with the last one alive in it, whoever that is', async () => {
    const [jana, mira] = [await person(), await person()];
    const [alone, both, deleted] = [await groupOf(jana), await groupOf(jana, mira), await groupOf(mira)];
    const [ofAlone, ofBoth, ofDeleted] = [await agentOf(alone), await agentOf(both), await agentOf(deleted)];
    await parts().accounts.nameSuccessor(jana, mira, how.by);
    await parts().accounts.disable(jana, how);
    expect([await stateOf(ofAlone), await stateOf(ofBoth)]).toEqual(['underReview', 'active']);
    await parts().accounts.removeMember(both.id, mira, how.by);
    await parts().accounts.removeGroup(deleted.id, how.by);
    expect([await stateOf(ofBoth), await stateOf(ofDeleted)]).toEqual(['underReview', 'underReview']);
    expect(await parts().agents.get(ofDeleted)).toMatchObject({
      statusReason: 'The group that owns it was deleted, and nobody takes over.',
    });
    await expect(agentOf(both)).rejects.toMatchObject({ details: { member: 'owner' } });
  });

  test('an owner of 2,000 agents leaves in less than five seconds, with an event for each', async () => {
    const [jana, heir] = [await person(), await person()];
    const first = await agentOf(user(jana));
    const { token } = await softwareOf(first);
    const columns = (await sql<{ name: string }>(`SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'agents'`))
      .map(({ name }) => name)
      .filter((name) => name !== 'id' && name !== 'name');
    const copy = `INSERT INTO agents (id, name, ${columns.join(', ')})
      SELECT 'agt_copy' || n, 'copy' || n, ${columns.join(', ')} FROM agents, generate_series(2, 2000) AS n WHERE id = $1`;
    await sql(copy, [first]);
    const counted = async (type: string) =>
      (
        await sql<{ n: number }>(`SELECT count(DISTINCT agent_id)::int AS n FROM audit_events WHERE type = $1 AND actor_id = $2`, [
          type,
          how.by.id,
        ])
      )[0]?.n ?? 0;
    const before = [await counted('agent.owner_changed'), await counted('agent.reviewed')];
    for (const [id, successorId] of [
      [jana, heir],
      [heir, undefined],
    ] as const) {
      const startedAt = performance.now();
      await parts().accounts.disable(id, { ...how, successorId });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
    const after = [await counted('agent.owner_changed'), await counted('agent.reviewed')];
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([2_000, 2_000]);
    expect((await sql(`SELECT 1 FROM agents WHERE owner_id = $1 AND status = 'underReview'`, [heir])).length).toBe(2_000);
    expect(await isAlive(token)).toBe(false);
  }, 30_000);
});

/** Until a statement of this database waits for another one. */
async function somebodyWaits(): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  while ((await sql(waiting)).length === 0);
}

/** Runs the first in a transaction that goes on to `last` only when the second one waits for it, or has ended without waiting. */
async function interleave(
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
  last: () => Promise<unknown> = async () => undefined,
): Promise<PromiseSettledResult<unknown>[]> {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let begun: () => void = () => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const one = seeding.db.transaction(async () => {
    await first();
    begun();
    await gate;
    await last();
  });
  await Promise.race([isBegun, one]);
  const two = second();
  await Promise.race([somebodyWaits(), two.catch(() => undefined)]);
  open();
  return Promise.allSettled([one, two]);
}

describe('an owner who leaves while they get an agent, or one of theirs is let run', () => {
  const gets: readonly (readonly [string, (jana: string) => Promise<() => Promise<unknown>>])[] = [
    ['one is made', async (jana) => () => agentOf(user(jana))],
    [
      'one is let run',
      async (jana) => {
        const id = await agentOf(user(jana), { status: 'proposed' });
        return () => parts().agents.setStatus(id, 'active', { by: ADMINISTRATOR });
      },
    ],
    [
      'one is given to them',
      async (jana) => {
        const id = await agentOf(user(await person()));
        return () => parts().agents.update(id, { changes: { owner: user(jana) } }, ADMINISTRATOR);
      },
    ],
  ];

  test.each(gets)('%s before: it is put under review with the others', async (_, prepare) => {
    const jana = await person();
    const act = await prepare(jana);
    const outcomes = await interleave(act, () => parts().accounts.disable(jana, how));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await sql('SELECT status FROM agents WHERE owner_id = $1', [jana])).toEqual([{ status: 'underReview' }]);
  });

  test.each(gets)('%s after: it is refused, and nobody gone has an active agent', async (_, prepare) => {
    const jana = await person();
    const act = await prepare(jana);
    const outcomes = await interleave(() => parts().accounts.disable(jana, how), act);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await sql(`SELECT id FROM agents WHERE owner_id = $1 AND status = 'active'`, [jana])).toEqual([]);
  });

  test('through a group: the last one goes while an agent of the group is let run, in both orders', async () => {
    for (const isActFirst of [true, false]) {
      const jana = await person();
      const group = await groupOf(jana);
      const id = await agentOf(group, { status: 'proposed' });
      const act = () => parts().agents.setStatus(id, 'active', { by: ADMINISTRATOR });
      const go = () => parts().accounts.removeMember(group.id, jana, how.by);
      await (isActFirst ? interleave(act, go) : interleave(go, act));
      expect(await stateOf(id)).toBe('underReview');
    }
  });

  test('two that wait for each other: one goes through, the other is told to try again', async () => {
    const jana = await person();
    const id = await agentOf(user(jana), { status: 'proposed' });
    const outcomes = await interleave(
      () => sql('SELECT 1 FROM agents WHERE id = $1 FOR UPDATE', [id]),
      () => parts().accounts.disable(jana, how),
      () => parts().agents.setStatus(id, 'active', { by: ADMINISTRATOR }),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(failureOf(refused[0]?.reason, 'req')).toMatchObject({ status: 503, details: { retryAfterSeconds: 1 } });
    expect(await orphans()).toBe(0);
  });

  test('many at once: no agent is left active without somebody alive', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [jana, heir] = [await person(), await person()];
      const group = await groupOf(jana);
      const [one, other] = [await agentOf(user(jana), { status: 'proposed' }), await agentOf(group, { status: 'proposed' })];
      await parts().accounts.nameSuccessor(jana, heir, how.by);
      await Promise.allSettled([
        parts().accounts.disable(jana, how),
        parts().agents.setStatus(one, 'active', { by: ADMINISTRATOR }),
        parts().agents.setStatus(other, 'active', { by: ADMINISTRATOR }),
        agentOf(user(jana)),
        parts().accounts.disable(heir, how),
      ]);
      expect(await orphans()).toBe(0);
    }
  });
});
