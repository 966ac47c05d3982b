import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { LOOPBACK_CLIENT, registerOpenly, selfRegistered, type SelfRegistered } from '../support/self-registered.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const READ = { resource: RESOURCE, scope: 'read' };

let server: InhabitedServer;
beforeAll(async () => {
  server = await createInhabitedServer();
  await server.resource(RESOURCE, ['read']);
}, 60_000);
afterAll(() => server.close());

const parts = () => server.app.parts;
const named = (client_name: string, more: object = {}) => ({ ...LOOPBACK_CLIENT, client_name, ...more });
const agentOf = (clientId: string) => parts().agents.findByClient(clientId);
const softwareOf = async (clientId: string) => (await parts().clients.software.instanceOf(clientId))?.software;

async function manage({ information }: SelfRegistered, change: object) {
  const { registration_client_uri: uri, registration_access_token: token, client_id } = information;
  const kept = ['client_name', 'redirect_uris', 'grant_types', 'response_types', 'token_endpoint_auth_method'];
  const before = Object.fromEntries(kept.map((name) => [name, information[name]]));
  const response = await fetch(String(uri), {
    method: 'PUT',
    headers: { authorization: `Bearer ${String(token)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_id, ...before, ...change }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** As if the registration had been made, let in and used so long ago. */
async function age(clientIds: readonly string[], days: number): Promise<void> {
  const text = `UPDATE clients SET created_at = created_at - $2 * interval '1 day', admitted_at = admitted_at - $2 * interval '1 day',
                last_used_at = last_used_at - $2 * interval '1 day' WHERE client_id = ANY($1)`;
  await server.db.rows({ name: 'age', text, values: [[...clientIds], days] });
}

async function refresh(software: SelfRegistered, token: unknown) {
  const { status, body } = await software.client.refresh(String(token));
  return [status, body['error']];
}

describe('a registration that changes itself (RFC 7592)', () => {
  test('wider, and alone: its agent goes under review, its refresh tokens end, and people wait', async () => {
    const software = await selfRegistered(server, named('Changing Helper'));
    const answer = await software.connect(server.anotherBrowser(), READ);
    const changed = await manage(software, { redirect_uris: ['http://localhost:51234/callback', 'http://localhost:51234/other'] });
    expect(changed.status).toBe(200);
    expect(await agentOf(software.clientId)).toMatchObject({ status: 'underReview' });
    expect(await refresh(software, answer.body['refresh_token'])).toEqual([400, 'invalid_grant']);
    expect((await software.reach(server.anotherBrowser(), READ)).words).toContain('Under review');
  });

  test('wider, among others: it alone loses what it has, and the rest of the product goes on', async () => {
    const [one, two] = await Promise.all([selfRegistered(server, named('Common Helper')), selfRegistered(server, named('Common Helper'))]);
    const first = await one.connect(server.anotherBrowser(), READ);
    const second = await two.connect(server.anotherBrowser(), READ);
    const agent = await agentOf(one.clientId);
    await manage(one, { redirect_uris: ['http://localhost:51234/callback', 'http://localhost:51234/other'] });
    expect(await agentOf(one.clientId)).toBeUndefined();
    expect(await refresh(one, first.body['refresh_token'])).toEqual([400, 'invalid_grant']);
    expect((await two.client.refresh(String(second.body['refresh_token']))).status).toBe(200);
    expect((await agentOf(two.clientId))?.status).toBe('active');
    await one.connect(server.anotherBrowser(), READ);
    expect((await agentOf(one.clientId))?.id).toBe(agent?.id);
  });

  test('R14: under another name it is other software, and one that was stopped is not let in by it', async () => {
    const software = await selfRegistered(server, named('Turncoat Helper'));
    await software.connect(server.anotherBrowser(), READ);
    const before = await agentOf(software.clientId);
    expect((await manage(software, { client_name: 'Somebody Else' })).status).toBe(200);
    expect(await agentOf(software.clientId)).toBeUndefined();
    expect((await softwareOf(software.clientId))?.name).toBe('Somebody Else');
    await software.connect(server.anotherBrowser(), READ);
    expect((await agentOf(software.clientId))?.id).not.toBe(before?.id);
    const bad = await selfRegistered(server, named('Stopped Helper'));
    const record = await softwareOf(bad.clientId);
    await parts().clients.software.refuse(record?.id ?? '', { kind: 'account', id: 'usr_1' });
    const fresh = await selfRegistered(server, named('Innocent Helper'));
    const { status, body } = await manage(fresh, { client_name: 'Stopped Helper' });
    expect([status, body['error'], body['decision_id']]).toEqual([403, 'access_denied', expect.any(String)]);
    expect((await softwareOf(fresh.clientId))?.name).toBe('Innocent Helper');
  });
});

describe('what nobody uses is cleared away', () => {
  test('a registration that nobody let in is gone after a day, and its client hears 401 so that it registers again', async () => {
    const [old, young] = await Promise.all([
      selfRegistered(server, named('Forgotten Helper')),
      selfRegistered(server, named('Young Helper')),
    ]);
    await age([old.clientId], 1.1);
    await parts().clients.software.reap();
    expect(await parts().clients.find(old.clientId)).toBeUndefined();
    expect(await parts().clients.find(young.clientId)).toBeDefined();
    const answer = await old.client.refresh('nothing');
    expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    const page = await old.reach(server.anotherBrowser(), READ);
    expect(page.words).toContain('remove the connection and add it again');
    expect((await registerOpenly(server.issuer, named('Forgotten Helper'))).status).toBe(201);
  });

  test('a public client that nobody used for 90 days is gone with what it holds; one that is used stays', async () => {
    const [rests, works] = await Promise.all([
      selfRegistered(server, named('Resting Helper')),
      selfRegistered(server, named('Working Helper')),
    ]);
    await rests.connect(server.anotherBrowser(), READ);
    await works.connect(server.anotherBrowser(), READ);
    await age([rests.clientId], 91);
    await age([works.clientId], 80);
    await parts().clients.software.reap();
    expect(await parts().clients.find(rests.clientId)).toBeUndefined();
    expect(await parts().clients.find(works.clientId)).toBeDefined();
  });

  test('one that proves itself is put away, comes back with its key, and nothing of what it held comes with it', async () => {
    const secret = { token_endpoint_auth_method: 'client_secret_basic', redirect_uris: ['https://returning.example/cb'] };
    const software = await selfRegistered(server, named('Returning Helper', secret));
    const before = await software.connect(server.anotherBrowser(), READ);
    await age([software.clientId], 91);
    await parts().clients.software.reap();
    expect((await parts().clients.get(software.clientId)).reapedAt).toBeInstanceOf(Date);
    expect(await parts().clients.list({ search: 'Returning', limit: 10 })).toEqual([]);
    expect(await refresh(software, before.body['refresh_token'])).toEqual([400, 'invalid_grant']);
    const mira = server.anotherBrowser();
    expect((await software.reach(mira, READ)).words).toContain('Let Returning Helper act for you?');
    expect((await software.connect(mira, READ)).status).toBe(200);
    expect((await parts().clients.get(software.clientId)).reapedAt).toBeUndefined();
  });

  test('ten thousand registrations of one product leave one record, one agent and room for those under way', async () => {
    const first = await selfRegistered(server, named('Sprawling Helper'));
    await first.connect(server.anotherBrowser(), READ);
    const id = (await softwareOf(first.clientId))?.id ?? '';
    const copy = `INSERT INTO clients SELECT (jsonb_populate_record(client, jsonb_build_object('client_id', 'cli_sprawl_' || n, 'admitted_at', NULL,
      'created_at', client.created_at - interval '2 hours' + n * interval '1 millisecond'))).* FROM clients client, generate_series(1, 10000) n WHERE client_id = $1`;
    await server.db.rows({ name: 'sprawl', text: copy, values: [first.clientId] });
    while (((await parts().clients.software.instancesOf([id])).get(id)?.waiting ?? 0) > 101) {
      expect((await registerOpenly(server.issuer, named('Sprawling Helper'))).status).toBe(201);
    }
    const counts = await parts().clients.software.instancesOf([id]);
    expect(counts.get(id)?.admitted).toBe(1);
    expect(counts.get(id)?.waiting).toBeLessThanOrEqual(101);
    expect((await parts().clients.software.list({ search: 'Sprawling', limit: 10 })).length).toBe(1);
    const { agents } = await parts().agents.list({ search: 'Sprawling', limit: 10 });
    expect(agents.length).toBe(1);
    await age(
      (await parts().clients.list({ search: 'Sprawling', limit: 200 })).map((client) => client.id),
      2,
    );
    expect(await parts().clients.software.reap()).toBeGreaterThan(0);
    expect((await parts().clients.software.instancesOf([id])).get(id)).toEqual({ admitted: 1, waiting: 0 });
  }, 60_000);
});
