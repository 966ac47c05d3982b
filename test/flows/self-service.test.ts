import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { createPerson, type Person } from '../support/person.ts';
import { LOOPBACK_CLIENT, registerOpenly, selfRegistered } from '../support/self-registered.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const READ = { resource: RESOURCE, scope: 'notes:read' };
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
const SYSTEM = { kind: 'system', id: 'command-line' } as const;

let server: InhabitedServer;
let ada: Person;
beforeAll(async () => {
  server = await createInhabitedServer({ firstAdministrator: ADMINISTRATOR });
  ada = createPerson(server.issuer, ADMINISTRATOR);
  const scopes = [
    { name: 'notes:read', description: 'Read your notes', risk: 'low' },
    { name: 'notes:write', description: 'Change your notes' },
    { name: 'notes:share', description: 'Show your notes to anybody', risk: 'high' },
  ] as const;
  const kind = { name: 'Notes', kind: 'mcp', sensitivity: 'medium', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  await server.app.parts.resourceServers.create({ identifier: RESOURCE, ...kind, scopes: [...scopes] }, SYSTEM);
}, 60_000);
afterAll(() => server.close());

const parts = () => server.app.parts;
const named = (client_name: string, more: object = {}) => ({ ...LOOPBACK_CLIENT, client_name, ...more });
const agentOf = async (clientId: string) => parts().agents.findByClient(clientId);
const softwareOf = async (clientId: string) => (await parts().clients.software.instanceOf(clientId))?.software;
const eventTypes = async (resource: string) =>
  (await parts().audit.list({ limit: 50 })).events.filter(({ event }) => event.resource === resource).map(({ event }) => event.type);
const scopesOf = ({ scope }: Readonly<Record<string, unknown>>) => new Set(String(scope).split(' '));

/** Until a statement of this database waits for another one. */
async function somebodyWaits(): Promise<void> {
  const text = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  const isWaiting = () => server.db.detached(() => server.db.rows({ name: '', text, values: [] }));
  while ((await isWaiting()).length === 0);
}

async function choose(change: object): Promise<void> {
  const { enrolment } = parts().policy;
  const { choice, version } = await enrolment.get();
  await enrolment.set({ choice: { ...choice, ...change }, version, accountId: administrator.id });
}

beforeEach(() => choose({ openRegistration: 'open', newSoftware: 'person', selfServiceRisk: 'medium' }));

describe('the first try works', () => {
  test('software registers without a token, a person signs in once and says yes, and it has a token', async () => {
    const software = await selfRegistered(server);
    expect(software.information).toMatchObject({ token_endpoint_auth_method: 'none', application_type: 'native' });
    expect(software.information).toEqual(
      expect.objectContaining({ registration_client_uri: expect.any(String), registration_access_token: expect.any(String) }),
    );
    expect(await agentOf(software.clientId)).toBeUndefined();
    const answer = await software.connect(server.anotherBrowser(), READ);
    const agent = await agentOf(software.clientId);
    expect(agent).toMatchObject({
      status: 'active',
      owner: { kind: 'group', id: 'grp_self_service' },
      riskLevel: 'low',
      displayName: 'Code Helper',
    });
    expect(answer.claims).toMatchObject({
      sub: server.miraId,
      aud: RESOURCE,
      scope: 'notes:read',
      act: { sub: agent?.id, sub_profile: 'ai_agent' },
    });
    expect(answer.body['refresh_token']).toEqual(expect.any(String));
    const record = await softwareOf(software.clientId);
    expect(await eventTypes(record?.id ?? '')).toEqual(['software.admitted', 'client.registered', 'software.noticed']);
  });

  test('a person without a yes leaves nothing: no agent, and no token for the client itself', async () => {
    const software = await selfRegistered(server, named('Shy Helper', { token_endpoint_auth_method: 'client_secret_post' }));
    const leaving = await software.reach(server.anotherBrowser(), READ);
    expect(leaving.words).toContain('Not verified');
    expect(await agentOf(software.clientId)).toBeUndefined();
    const own = await software.client.clientCredentials(READ);
    expect([own.status, own.token]).toEqual([400, '']);
  });

  test('grants that nobody vouched for are left out of the answer; without any left the refusal says why', async () => {
    const asked = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'];
    const { status, body } = await registerOpenly(
      server.issuer,
      named('Greedy Helper', { grant_types: asked, token_endpoint_auth_method: 'client_secret_post' }),
    );
    expect([status, body['grant_types']]).toEqual([201, ['authorization_code', 'refresh_token']]);
    const none = await registerOpenly(server.issuer, named('Lone Helper', { grant_types: ['client_credentials'] }));
    expect([none.status, none.body['error'], none.body['error_description']]).toEqual([
      400,
      'invalid_client_metadata',
      expect.stringContaining('authorization_code'),
    ]);
  });

  test('what people let in is not verified for the next person, and acts for each of them alone', async () => {
    const software = await selfRegistered(server, named('Shared Helper'));
    await software.connect(server.anotherBrowser(), READ);
    const page = await software.reach(ada, READ);
    expect(page.words).toContain('Not verified');
    expect(page.words).toContain('Nobody here answers for it');
  });
});

describe('one product is one agent', () => {
  test('forty registrations of one product, on any port, are one agent with forty instances', async () => {
    const all = [];
    for (let port = 40_000; port < 40_040; port += 1)
      all.push(await selfRegistered(server, named('Forty (my server)', { redirect_uris: [`http://127.0.0.1:${port}/cb`] })));
    const [first, second] = all;
    await first?.connect(server.anotherBrowser(), READ);
    await second?.connect(server.anotherBrowser(), READ);
    const [one, two] = await Promise.all([first, second].map((each) => agentOf(each?.clientId ?? '')));
    expect(two?.id).toBe(one?.id);
    const records = new Set(await Promise.all(all.map(async ({ clientId }) => (await softwareOf(clientId))?.id)));
    expect(records.size).toBe(1);
    const [id = ''] = [...records];
    const counts = await parts().clients.software.instancesOf([id ?? '']);
    expect(counts.get(id ?? '')).toEqual({ admitted: 2, waiting: 38 });
  });

  test('two people who say yes at the same moment make one agent', async () => {
    const [one, two] = await Promise.all([selfRegistered(server, named('Twin Helper')), selfRegistered(server, named('Twin Helper'))]);
    await Promise.all([one.connect(server.anotherBrowser(), READ), two.connect(createPerson(server.issuer, ADMINISTRATOR), READ)]);
    const [first, second] = await Promise.all([agentOf(one.clientId), agentOf(two.clientId)]);
    expect(first?.id).toEqual(expect.any(String));
    expect(second?.id).toBe(first?.id);
  });

  test('R14: what an administrator gave to an agent is not for whoever says the same name', async () => {
    const mine = await selfRegistered(server, named('Adopted Helper'));
    await mine.connect(server.anotherBrowser(), READ);
    const adopted = await agentOf(mine.clientId);
    await parts().agents.update(adopted?.id ?? '', { changes: { owner: { kind: 'user', id: server.miraId } } }, administrator);
    const stranger = await selfRegistered(server, named('Adopted Helper'));
    await stranger.connect(server.anotherBrowser(), READ);
    const other = await agentOf(stranger.clientId);
    expect(other).toMatchObject({ status: 'active', owner: { id: 'grp_self_service' } });
    expect(other?.id).not.toBe(adopted?.id);
  });

  test('R14: an https host that an administrator bound is proof; before, it is not', async () => {
    const at = (client_name: string) =>
      named(client_name, { redirect_uris: ['https://assistant.example/callback'], token_endpoint_auth_method: 'client_secret_post' });
    const first = await selfRegistered(server, at('Assistant'));
    await first.connect(server.anotherBrowser(), READ);
    const [agent, software] = await Promise.all([agentOf(first.clientId), softwareOf(first.clientId)]);
    await parts().agents.update(agent?.id ?? '', { changes: { owner: { kind: 'user', id: server.miraId } } }, administrator);
    await parts().clients.software.change(software?.id ?? '', { isBound: true }, administrator);
    const again = await selfRegistered(server, at('Assistant under another name'));
    await again.connect(server.anotherBrowser(), READ);
    expect((await agentOf(again.clientId))?.id).toBe(agent?.id);
  });
});

describe('software that was stopped stays stopped', () => {
  test('R14: suspended: its registration is refused with 403 and a decision, and a client that waits gets no yes', async () => {
    const [software, waiting] = await Promise.all([
      selfRegistered(server, named('Bad Helper')),
      selfRegistered(server, named('Bad Helper')),
    ]);
    await software.connect(server.anotherBrowser(), READ);
    const agent = await agentOf(software.clientId);
    await parts().agents.setStatus(agent?.id ?? '', 'suspended', { by: administrator, reason: 'It leaked.' });
    const { status, body } = await registerOpenly(server.issuer, named('Bad Helper'));
    expect([status, body['error'], body['decision_id']]).toEqual([403, 'access_denied', expect.stringMatching(/^dec_/)]);
    const decision = await parts().policy.get(String(body['decision_id']));
    expect(decision).toMatchObject({ rule: 'software-stopped', agentId: agent?.id, action: 'register' });
    const page = await waiting.reach(server.anotherBrowser(), READ);
    expect(page.words).toContain('may not act for you');
    expect(page.forms.flatMap(({ buttons }) => buttons.map(({ value }) => value))).not.toContain('allow');
  });

  test('R14: so is software that was enrolled with a token, whichever door it tries, until its agent is resumed or retired', async () => {
    const metadata = named('Enrolled Helper', { grant_types: ['authorization_code'] });
    const withToken = async () => registerOpenly(server.issuer, metadata, { authorization: `Bearer ${await server.enrolmentToken()}` });
    const first = await withToken();
    expect([first.status, (await withToken()).status]).toEqual([201, 201]);
    const agent = await agentOf(String(first.body['client_id']));
    await parts().agents.setStatus(agent?.id ?? '', 'suspended', { by: administrator, reason: 'It leaked.' });
    for (const again of [await withToken(), await registerOpenly(server.issuer, metadata)])
      expect([again.status, again.body['error'], again.body['decision_id']]).toEqual([403, 'access_denied', expect.any(String)]);
    const others = await parts().clients.initialAccessTokens.create(
      {
        name: 'Ada’s',
        owner: { kind: 'group', id: 'grp_self_service' },
        agent_state: 'proposed',
        uses: 1,
        ttl_seconds: 60,
        grant_types: ['authorization_code'],
      },
      SYSTEM,
    );
    expect((await registerOpenly(server.issuer, metadata, { authorization: `Bearer ${others.token}` })).status).toBe(201);
    await parts().agents.setStatus(agent?.id ?? '', 'retired', { by: administrator });
    expect([(await withToken()).status, (await registerOpenly(server.issuer, metadata)).status]).toEqual([201, 201]);
  });

  test('a first yes that meets a refusal under way makes no agent', async () => {
    const software = await selfRegistered(server, named('Raced Helper'));
    const id = (await softwareOf(software.clientId))?.id ?? '';
    const { refused, yes } = await server.db.transaction(async () => {
      const record = await parts().clients.software.refuse(id, administrator);
      const answer = software.connect(server.anotherBrowser(), READ).then(
        () => 'a token',
        () => 'nothing',
      );
      await somebodyWaits();
      return { refused: record, yes: { answer } };
    });
    expect([refused.refusedAt, await yes.answer]).toEqual([expect.any(Date), 'nothing']);
    expect([await agentOf(software.clientId), (await softwareOf(software.clientId))?.agentIds]).toEqual([undefined, []]);
  });

  test('a refused registration leaves no client, and software that an administrator refuses does not register', async () => {
    const software = await selfRegistered(server, named('Refused Helper'));
    const record = await softwareOf(software.clientId);
    await parts().clients.software.refuse(record?.id ?? '', administrator);
    const before = await parts().clients.count();
    expect((await registerOpenly(server.issuer, named('Refused Helper'))).status).toBe(403);
    expect(await parts().clients.count()).toBe(before);
    await parts().clients.software.allow(record?.id ?? '', administrator);
    expect((await registerOpenly(server.issuer, named('Refused Helper'))).status).toBe(201);
  });
});

describe('what a person’s yes is enough for', () => {
  const ALL = { resource: RESOURCE, scope: 'notes:read notes:write notes:share' };

  test('a scope of high risk is shown and cannot be given, not even by a form that was changed', async () => {
    const software = await selfRegistered(server, named('Risky Helper'));
    const mira = server.anotherBrowser();
    const page = await software.reach(mira, ALL);
    expect(page.words).toContain('an administrator has to adopt this software');
    const changed = software.connect(mira, ALL, { fields: { scope: 'notes:share' } });
    await expect(changed).rejects.toThrow('access_denied');
  });

  test('the rest is given; after an administrator took it on, the same person may give all', async () => {
    const software = await selfRegistered(server, named('Growing Helper'));
    const mira = server.anotherBrowser();
    expect((await software.connect(mira, ALL)).claims['scope']).toBe('notes:read notes:write');
    const agent = await agentOf(software.clientId);
    await parts().agents.update(agent?.id ?? '', { changes: { owner: { kind: 'user', id: server.miraId } } }, administrator);
    expect(scopesOf((await software.connect(mira, ALL)).claims)).toEqual(new Set(['notes:read', 'notes:write', 'notes:share']));
  });

  test('a setting that became stricter holds for what was allowed before', async () => {
    const software = await selfRegistered(server, named('Bounded Helper'));
    const first = await software.connect(server.anotherBrowser(), { resource: RESOURCE, scope: 'notes:read notes:write' });
    await choose({ selfServiceRisk: 'low' });
    const refreshed = await software.client.refresh(String(first.body['refresh_token']));
    expect(refreshed.claims['scope']).toBe('notes:read');
  });
});

describe('where an administrator decides', () => {
  test('the person is told, may ask, and connects when the agent was activated', async () => {
    await choose({ newSoftware: 'administrator' });
    const software = await selfRegistered(server, named('Patient Helper'));
    const mira = server.anotherBrowser();
    const page = await software.reach(mira, READ);
    expect(page.words).toContain('An administrator has to let it in');
    const asked = await mira.send(page, 'decision', { press: ['decision', 'ask'] });
    expect(asked.words).toContain('An administrator was asked');
    const agent = await agentOf(software.clientId);
    expect(agent).toMatchObject({ status: 'proposed', owner: { id: 'grp_self_service' } });
    const again = await software.reach(mira, READ);
    expect(again.words).toContain('Waits for an administrator');
    await parts().agents.setStatus(agent?.id ?? '', 'active', { by: administrator });
    expect((await software.connect(mira, READ)).claims).toMatchObject({ act: { sub: agent?.id } });
  });

  test('a yes that was sent anyway is not taken', async () => {
    await choose({ newSoftware: 'administrator' });
    const software = await selfRegistered(server, named('Pushy Helper'));
    const mira = server.anotherBrowser();
    const page = await software.reach(mira, READ);
    const answer = await mira.send(page, 'decision', { press: ['decision', 'allow'], fields: { scope: 'notes:read' } });
    expect(answer.words).toContain('cannot act for you yet');
    expect(await agentOf(software.clientId)).toBeUndefined();
  });

  test('without a token nobody registers where the setting says so', async () => {
    await choose({ openRegistration: 'token' });
    const { status, body } = await registerOpenly(server.issuer, named('Late Helper'));
    expect([status, body['error']]).toEqual([401, 'invalid_token']);
  });
});
