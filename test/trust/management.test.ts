import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSend } from '../support/http-exchange.ts';
import { clock, minutes } from '../support/clock.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { createPerson, type Person } from '../support/person.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { makeClient, present } from '../identity-assertion/company.ts';

const PIPELINE = { clientId: 'pipeline', secret: 'a-secret-of-at-least-32-characters' };
const ADA = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const SETUP = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
const RESOURCE = 'https://mcp.tool.test/tickets';
const PATH = '/api/v1/trust-providers';
const send = createSend();

let server: TestServer;
let idp: ForeignIssuer;
let ada: Person;
let agentId: string;
let headers: Record<string, string>;

beforeAll(async () => {
  [server, idp] = await Promise.all([createTestServer({ firstAdministrator: ADA, bootstrapClient: PIPELINE }), startForeignIssuer()]);
  const { agents, resourceServers, accounts } = server.app.parts;
  const about = {
    identifier: RESOURCE,
    name: 'Tickets',
    kind: 'mcp',
    sensitivity: 'low',
    token_ttl_seconds: null,
    algorithm: 'ES256',
  } as const;
  await resourceServers.create({ ...about, scopes: [{ name: 'read', description: 'Read tickets' }] }, SETUP);
  const owner = { kind: 'user', id: (await accounts.findByEmail(ADA.email))?.id ?? '' } as const;
  agentId = (await agents.create({ displayName: 'Deploy bot', owner, status: 'active', source: 'console' }, SETUP)).id;
  headers = { authorization: `Bearer ${await tokenFor('admin:read admin:write')}` };
  ada = createPerson(server.issuer, ADA);
}, 60_000);
afterAll(async () => {
  clock.reset();
  await server.close();
  await idp.close();
});

async function tokenFor(scope: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${PIPELINE.clientId}:${PIPELINE.secret}`).toString('base64')}`;
  const form = { grant_type: 'client_credentials', scope, resource: `${server.issuer}/api/v1` };
  return String((await send({ url: `${server.issuer}/token`, form, headers: { authorization } })).body['access_token']);
}

const api = (path: string, json?: unknown, method?: string) =>
  send({ url: `${server.issuer}${path}`, headers, ...(json === undefined ? {} : { json }), ...(method === undefined ? {} : { method }) });
const acme = () => ({ name: 'Acme', kind: 'identity_provider', issuer: idp.issuer, jwks_uri: idp.jwksUri, domains: ['Acme.test'] });
const deploys = () => ({
  ...{ name: 'Deploys', kind: 'workload', issuer: 'https://token.actions.githubusercontent.com', agent_id: agentId },
  jwks_uri: 'https://token.actions.githubusercontent.com/.well-known/jwks',
  ...{ claims: [{ pointer: '/repository', values: ['acme/tickets'] }], resources: [RESOURCE], scopes: ['read'] },
});

describe('/api/v1/trust-providers', () => {
  test('a record is made, read, changed, looked at and deleted, and the audit has each step', async () => {
    const made = await api(PATH, acme());
    expect([made.status, made.body['domains'], made.body['status']]).toEqual([201, ['acme.test'], 'active']);
    const path = made.headers.get('location') ?? '';
    expect((await api(path)).body).toEqual(made.body);
    const changed = await api(path, { status: 'disabled', max_ttl_seconds: 120 }, 'PATCH');
    expect(changed.body).toMatchObject({ status: 'disabled', max_ttl_seconds: 120, domains: ['acme.test'] });
    const looked = await api(`${path}/check`, {});
    expect(looked.body).toMatchObject({ is_readable: true, keys: ['ES256 key k1'] });
    expect((await api(PATH)).body['items']).toHaveLength(1);
    expect((await api(path, undefined, 'DELETE')).status).toBe(204);
    expect((await api(path)).status).toBe(404);
    const { events } = await server.app.parts.audit.list({ mentions: String(made.body['id']), limit: 10 });
    expect(events.map(({ event }) => event.type).sort()).toEqual([
      'trust_provider.created',
      'trust_provider.deleted',
      'trust_provider.updated',
    ]);
  });

  test('one issuer is trusted for one thing once; the workloads of a platform are told apart by their agents', async () => {
    const first = await api(PATH, acme());
    const again = await api(PATH, acme());
    expect([again.status, again.headers.get('content-type')]).toEqual([409, 'application/problem+json']);
    expect((await api(PATH, { ...acme(), kind: 'software', domains: [] })).status).toBe(201);
    const workload = await api(PATH, deploys());
    expect([workload.status, (workload.body['warnings'] as string[]).length]).toEqual([201, 2]);
    expect((await api(PATH, deploys())).status).toBe(409);
    // the client that was made with the refused record is not left behind
    const clients = await server.app.parts.clients.list({ limit: 50 });
    expect(clients.filter(({ kind }) => kind === 'workload')).toHaveLength(1);
    for (const { id } of await server.app.parts.trust.list({ limit: 50 })) await api(`${PATH}/${id}`, undefined, 'DELETE');
    expect(first.status).toBe(201);
  });

  test('the list goes on where the page ended', async () => {
    for (const number of [1, 2, 3]) await api(PATH, { ...acme(), issuer: `https://idp${number}.test` });
    const page = await api(`${PATH}?limit=2`);
    expect(page.body['items']).toHaveLength(2);
    const rest = await api(`${PATH}?limit=2&cursor=${String(page.body['next_cursor'])}`);
    expect([(rest.body['items'] as unknown[]).length, rest.body['next_cursor']]).toEqual([1, undefined]);
    for (const { id } of await server.app.parts.trust.list({ limit: 50 })) await api(`${PATH}/${id}`, undefined, 'DELETE');
  });

  const bad: [what: string, change: object, member: string][] = [
    ['an issuer that is no address', { issuer: 'acme' }, '/issuer'],
    ['plain http elsewhere', { issuer: 'http://idp.acme.test' }, '/issuer'],
    ['this server itself', { issuer: 'SELF' }, '/issuer'],
    ['a fragment', { jwks_uri: 'https://idp.acme.test/jwks#x' }, '/jwks_uri'],
    ['user information', { jwks_uri: 'https://a:b@idp.acme.test/jwks' }, '/jwks_uri'],
    ['no keys at all', { jwks_uri: null }, '/jwks_uri'],
    ['keys and an address', { jwks: { keys: [] } }, '/jwks_uri'],
    ['a symmetric algorithm', { algorithms: ['HS256'] }, '/algorithms/0'],
    ['no algorithm', { algorithms: [] }, '/algorithms'],
    ['a domain with a star', { domains: ['*.acme.test'] }, '/domains/0'],
    ['an address as a domain', { domains: ['mira@acme.test'] }, '/domains/0'],
    ['a resource nobody registered', { resources: ['https://elsewhere.test'] }, '/resources/0'],
    ['this server as a resource', { resources: ['SELF/api/v1'] }, '/resources/0'],
    ['an agent for an identity provider', { agent_id: 'agt_1' }, '/agent_id'],
    ['a rule without a pointer', { claims: [{ pointer: 'sub', values: ['a'] }] }, '/claims/0/pointer'],
    ['21 rules', { claims: Array.from({ length: 21 }, () => ({ pointer: '/a', values: ['b'] })) }, '/claims'],
    ['a lifetime of a week', { max_ttl_seconds: 604_800 }, '/max_ttl_seconds'],
    ['a member nobody knows', { trusted: true }, '/trusted'],
  ];
  test.each(bad)('refuses %s', async (_what, change, member) => {
    const body = JSON.parse(JSON.stringify({ ...acme(), ...change }).replaceAll('SELF', server.issuer)) as object;
    const answer = await api(PATH, body);
    expect([answer.status, answer.body['member']]).toEqual([400, member]);
  });

  const badWorkloads: [what: string, change: object, member: string][] = [
    ['no agent', { agent_id: null }, '/agent_id'],
    ['an agent that is not there', { agent_id: 'agt_nobody' }, '/agent_id'],
    ['no rules', { claims: [] }, '/claims'],
    ['no resources', { resources: [] }, '/resources'],
    ['no scopes', { scopes: null }, '/scopes'],
    ['the audience of every pod', { audiences: ['https://kubernetes.default.svc.cluster.local'] }, '/audiences'],
    ['the audience of every run', { audiences: ['https://github.com/acme'] }, '/audiences'],
    ['domains', { domains: ['acme.test'] }, '/domains'],
  ];
  test.each(badWorkloads)('refuses a workload with %s', async (_what, change, member) => {
    const answer = await api(PATH, { ...deploys(), ...change });
    expect([answer.status, answer.body['member']]).toEqual([400, member]);
  });

  test('reading wants admin:read, changing admin:write', async () => {
    const reader = { authorization: `Bearer ${await tokenFor('admin:read')}` };
    expect((await send({ url: `${server.issuer}${PATH}`, headers: reader })).status).toBe(200);
    expect((await send({ url: `${server.issuer}${PATH}`, headers: reader, json: acme() })).status).toBe(403);
    expect((await send({ url: `${server.issuer}${PATH}` })).status).toBe(401);
  });
});

describe('the console', () => {
  test('trusts an issuer, says what is weak, reads its keys, changes and ends it', async () => {
    const list = await ada.visit('/console/trust-providers');
    expect(list.words).toContain('Nobody else lets anybody in');
    const form = await ada.visit('/console/trust-providers/new?kind=workload');
    const typed = {
      ...{
        name: 'Deploys',
        issuer: idp.issuer,
        agent: agentId,
        jwksUri: `${idp.issuer}/jwks`,
        claims: '/repository = acme/tickets | acme/wiki',
      },
      ...{ resources: RESOURCE, scopes: 'read' },
    };
    const faulty = await ada.send(form, 'issuer', { fields: { ...typed, claims: 'repository' } });
    expect([faulty.status, faulty.html.includes(`value="${idp.issuer}"`)]).toEqual([400, true]);
    const page = await ada.send(faulty, 'issuer', { fields: typed });
    for (const words of [
      'Deploys is trusted',
      'Deploy bot',
      '/repository is acme/tickets or acme/wiki',
      'taken by somebody else',
      'Nobody yet',
    ])
      expect(page.words).toContain(words);
    const [{ id = '' } = {}] = await server.app.parts.trust.list({ limit: 1 });
    const path = `/console/trust-providers/${id}`;
    expect((await ada.visit('/console/trust-providers')).words).toContain('Weak rules');
    const looked = await ada.send(await ada.visit(path), 'csrf');
    expect(looked.words).toContain('Its address answers with one key');
    const edited = await ada.send(await ada.visit(`${path}/edit`), 'issuer', {
      fields: { claims: '/repository_id = 42\n/ref = refs/heads/main', resources: RESOURCE, scopes: 'read' },
    });
    expect(edited.words).not.toContain('taken by somebody else');
    expect((await ada.visit(`/console/agents/${agentId}`)).words).toContain('the token of its platform');
    const clientId = (await server.app.parts.trust.get(id)).clientId ?? '';
    const client = await ada.visit(`/console/clients/${clientId}`);
    expect([client.words.includes('token of its platform proves it'), client.forms.length, client.words.includes('Remove')]).toEqual([
      true,
      0,
      false,
    ]);
    const gone = await ada.send(await ada.visit(`${path}/remove`), 'csrf');
    expect(gone.words).toContain('is not trusted any more');
    expect((await ada.visit(path)).status).toBe(404);
  });

  test('shows whom an issuer let in last, and what was refused and why', async () => {
    const { accounts, trust } = server.app.parts;
    const owner = (await accounts.findByEmail(ADA.email))?.id ?? '';
    const client = await makeClient(server, { name: 'Ticket bot', owner });
    const record = await trust.create(newTrustProvider.parse(acme()), SETUP);
    const claims = {
      sub: 'u-1',
      aud: server.issuer,
      client_id: client.clientId,
      resource: RESOURCE,
      email: ADA.email,
      email_verified: true,
    };
    const typ = { typ: 'oauth-id-jag+jwt' };
    const good = await idp.sign({ ...claims, scope: 'read' }, typ);
    expect((await present(server, good, { client })).status).toBe(200);
    await present(server, good, { client });
    await present(server, await idp.sign({ ...claims, aud: 'https://other.test' }, typ), { client });
    const page = await ada.visit(`/console/trust-providers/${record.id}`);
    for (const words of ['ada got a token', 'it was not made for this server alone', 'assertion was used before'])
      expect(page.words).toContain(words);
    await trust.remove(record.id, SETUP);
  });

  test('R22 wants a recent sign-in for every change', async () => {
    await ada.visit('/console/trust-providers');
    clock.advance(minutes(16));
    const [list, form] = [await ada.visit('/console/trust-providers'), await ada.open(`${server.issuer}/console/trust-providers/new`)];
    expect([list.status, form.words.includes('Whom do you trust?')]).toEqual([200, false]);
  });
});
