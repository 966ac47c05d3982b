import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createAudit, type Audit, auditEventTypes, eventWords } from '../../src/audit/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createTestIssuer, people, type TestIssuer } from '../approvals/issuer.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

describe('behalf audit verify', () => {
  let database: TestDatabase;
  let db: Db;
  let audit: Audit;
  const actor = { kind: 'account', id: 'usr_1' } as const;

  beforeAll(async () => {
    database = await freshDatabase();
    db = createDb({ connection: database.connection, log: { warn: () => undefined } });
    audit = createAudit({ db, clock: systemClock, ids: randomIds, issuer: new URL('http://localhost:3000') });
    for (const agentId of ['agt_1', 'agt_2', 'agt_3']) await audit.record({ type: 'agent.suspended', actor, agentId, cause: 'lost' });
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  async function verify(json: boolean): Promise<{ code: number | undefined; lines: string[] }> {
    const lines: string[] = [];
    const command = audit.capability.commands?.find(({ name }) => name === 'audit verify');
    const code = await command?.run({ args: [], json, dryRun: false, out: (line) => void lines.push(line) });
    return { code, lines };
  }

  const triggers = (what: string) => ['audit_events', 'audit_chain'].map((table) => `ALTER TABLE ${table} ${what} TRIGGER USER`);
  const SECOND = '(SELECT event_id FROM audit_chain WHERE position = 2)';

  /** What somebody with all rights over the database can do. */
  const tamper = (sql: string) =>
    db.transaction(async () => {
      for (const text of [...triggers('DISABLE'), sql, ...triggers('ENABLE')]) await db.rows({ name: '', text, values: [] });
    });

  test('counts what is not sealed yet, and holds once the sealer ran', async () => {
    expect(await verify(true)).toMatchObject({ code: 0 });
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: true, count: 0, unsealed: 3 });
    await audit.capability.jobs?.find(({ name }) => name === 'audit-sealer')?.run();
    const { code, lines } = await verify(false);
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^The audit trail holds: 3 events, 0 not sealed yet, head sha-256:/);
  });

  test('a row cannot be changed, removed or the table emptied by the server itself', async () => {
    for (const text of [
      `UPDATE audit_events SET data = data || '{"cause":"x"}'`,
      'DELETE FROM audit_events',
      'TRUNCATE audit_events',
      `UPDATE audit_chain SET hash = 'x'`,
      'DELETE FROM audit_chain',
      'TRUNCATE audit_chain',
    ]) {
      await expect(db.rows({ name: text.slice(0, 20), text, values: [] })).rejects.toThrow('only be added to');
    }
  });

  test.each([
    [
      'the event',
      `UPDATE audit_events SET data = data || '{"cause":"nothing"}' WHERE id = ${SECOND}`,
      `UPDATE audit_events SET data = data || '{"cause":"lost"}' WHERE id = ${SECOND}`,
    ],
    // events of one millisecond are sealed in any order: the row itself still says in its data whose it is
    [
      'only a column, to hide it from a filter',
      `UPDATE audit_events SET agent_id = 'agt_9' WHERE id = ${SECOND}`,
      `UPDATE audit_events SET agent_id = data ->> 'agentId' WHERE id = ${SECOND}`,
    ],
  ])('a superuser with the triggers off who changes %s is found', async (_what, forge, restore) => {
    await tamper(forge);
    const { code, lines } = await verify(true);
    expect(code).toBe(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ intact: false, brokenAt: 2, fault: 'digest' });
    expect((await verify(false)).lines[0]).toContain('at position 2 an event was changed');
    await tamper(restore);
    expect((await verify(true)).code).toBe(0);
  });

  test('a place in the chain that is another one is found, and so is an event that was taken from the sealer', async () => {
    await tamper("UPDATE audit_chain SET hash = 'sha-256:other' WHERE position = 3");
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: false, brokenAt: 3, fault: 'hash' });
    await tamper('DELETE FROM audit_chain WHERE position = 3');
    await audit.seal();
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: true, count: 2, unsealed: 1 });
    await tamper('INSERT INTO audit_unsealed SELECT id FROM audit_events WHERE id NOT IN (SELECT event_id FROM audit_chain)');
    await audit.seal();
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: true, count: 3, unsealed: 0 });
  });

  test('the newest event cannot be taken away unseen: its place in the chain stays', async () => {
    await audit.record({ type: 'agent.activated', actor, agentId: 'agt_4' });
    await audit.seal();
    await tamper('DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_chain WHERE position = 4)');
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: false, brokenAt: 4, fault: 'position' });
    await tamper('DELETE FROM audit_chain WHERE position = 4');
  });

  test('a removed row is found', async () => {
    await tamper(`DELETE FROM audit_events WHERE id = ${SECOND}`);
    expect(JSON.parse((await verify(true)).lines[0] ?? '')).toMatchObject({ intact: false, brokenAt: 2, fault: 'position' });
  });
});

describe('the audit over HTTP', () => {
  let issuer: TestIssuer;
  const actor = { kind: 'account', id: people.mira.id } as const;

  beforeAll(async () => {
    issuer = await createTestIssuer();
    issuer.signIn('adam', { accountId: people.adam.id });
    issuer.signIn('mira', { accountId: people.mira.id });
    await issuer.audit.correlation.run('req_one', async () => {
      await issuer.audit.record({ type: 'agent.activated', actor, agentId: 'agt_1' });
      await issuer.audit.record({ type: 'token.refused', actor, clientId: 'bot', cause: 'agent_suspended' });
    });
    for (let index = 0; index < 60; index += 1)
      await issuer.audit.record({ type: 'agent.updated', actor, agentId: 'agt_2', action: `${index}` });
    await issuer.audit.seal();
  });
  afterAll(() => issuer.close());

  const page = async (path: string, who = 'adam') => {
    const response = await fetch(`${issuer.issuer}${path}`, { headers: { cookie: `who=${who}`, accept: 'text/html' }, redirect: 'manual' });
    return { status: response.status, text: await response.text() };
  };
  const lines = (text: string) => [...text.matchAll(/href="\/console\/audit\/(evt_[0-9a-f]+)"/g)].map(([, id]) => id);

  test('is for administrators and auditors', async () => {
    expect((await page('/console/audit', 'mira')).status).toBe(403);
    expect((await page('/console/audit', 'nobody')).status).toBe(303);
  });

  test('pages by cursor and keeps the filters in the address', async () => {
    const first = await page('/console/audit?kind=agents&agent=agt_2');
    expect(lines(first.text)).toHaveLength(50);
    const next = /href="([^"]+)">Older/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(next).toMatch(/kind=agents.*agent=agt_2.*cursor=evt_/);
    const second = await page(next);
    expect(lines(second.text)).toHaveLength(10);
    expect(new Set([...lines(first.text), ...lines(second.text)]).size).toBe(60);
  });

  test('shows what was refused, finds an identifier, and one event with what belongs to it', async () => {
    const refused = await page('/console/audit?kind=refused');
    const [id] = lines(refused.text);
    expect(lines(refused.text)).toHaveLength(1);
    expect(lines((await page('/console/audit?q=bot')).text)).toEqual([id]);
    const event = await page(`/console/audit/${id}`);
    for (const words of ['was refused a token', 'agent_suspended', 'activated an agent', 'It is number'])
      expect(event.text).toContain(words);
    expect((await page('/console/audit/evt_unknown')).status).toBe(404);
  });

  test('odd filters are ignored on the page and refused by the interface', async () => {
    expect((await page('/console/audit?kind=nonsense&from=2026-99-99&cursor=x')).status).toBe(200);
    const call = (query: string, token = `${people.adam.id} admin:read`) =>
      fetch(`${issuer.issuer}/api/v1/audit/events${query}`, { headers: { authorization: `Bearer ${token}` } });
    expect((await call('?type=made.up')).status).toBe(400);
    expect((await call('', people.adam.id)).status).toBe(403);
    const body = (await (await call('?type=agent.updated&limit=2')).json()) as { items: { type: string }[]; next_cursor: string };
    expect(body.items).toMatchObject([{ type: 'agent.updated', agent_id: 'agt_2' }, { type: 'agent.updated' }]);
    const after = (await (await call(`?type=agent.updated&limit=200&cursor=${body.next_cursor}`)).json()) as { items: unknown[] };
    expect(after.items).toHaveLength(58);
  });

  test('every type of event has words', () => {
    for (const type of auditEventTypes) expect(eventWords({ type }).did).toMatch(/^[a-z]/);
    expect(eventWords({ type: 'approval.decided', outcome: 'denied' }).word).toBe('Denied');
  });
});
