import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Account } from '../../src/accounts/index.ts';
import { type Door, startPages, type Visitor } from '../accounts/visitor.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
let pages: Awaited<ReturnType<typeof startPages>>;
let visitor: Visitor;
const door: Door = { account: undefined, needs: [] };
const SYSTEM = { kind: 'system', id: 'command-line' } as const;

const keysOf = async () => (await server.app.oidc.keys.list()).map(({ algorithm, status }) => `${algorithm} ${status}`).sort();
const events = async () =>
  (await server.app.parts.audit.list({ limit: 100 })).events.map(({ event }) => event).filter(({ type }) => type.startsWith('key.'));
const as = async (role: Account['role']) => {
  const email = `${role}@acme.test`;
  door.account =
    (await server.app.parts.accounts.findByEmail(email)) ?? (await server.app.parts.accounts.create({ email, name: role, role }, SYSTEM));
};

beforeAll(async () => {
  server = await createTestServer();
  pages = await startPages(server.app.parts.operations, door, new URL(server.issuer));
  visitor = pages.visitor();
});
afterAll(async () => {
  await closeEdges();
  await server.close();
});

describe('/console/settings', () => {
  test('shows issuer, database, keys and what the doctor warns of, to administrators and auditors only', async () => {
    expect((await visitor.open('/console/settings')).status).toBe(401);
    await as('user');
    expect((await visitor.open('/console/settings')).status).toBe(403);
    await as('auditor');
    const page = await visitor.open('/console/settings');
    expect(page.status).toBe(200);
    for (const text of [server.issuer, 'PostgreSQL 18', 'ES256', 'Signs now', 'There is no administrator'])
      expect(page.text).toContain(text);
    expect(page.text).not.toContain('Rotate now');
    expect(page.text).not.toContain('Make one');
    expect((await visitor.send('/console/settings/keys', {})).status).toBe(403);
  });

  test('rotating asks for a fresh sign-in (R22), signs with new keys at once and tells the audit trail who did it', async () => {
    await as('admin');
    expect((await visitor.open('/console/settings')).text).toContain('Rotate now');
    expect((await visitor.send('/console/settings/keys', { csrf: 'forged' })).status).toBe(403);
    expect(await keysOf()).toEqual(['ES256 current', 'EdDSA current', 'RS256 current']);

    await visitor.open('/console/settings');
    expect((await visitor.send('/console/settings/keys', {})).status).toBe(303);
    expect(door.needs.at(-1)).toEqual({ roles: ['admin'], maxAgeSeconds: 900 });
    expect((await keysOf()).filter((key) => key.endsWith('current'))).toHaveLength(3);
    expect((await keysOf()).filter((key) => key.endsWith('retired'))).toHaveLength(3);
    const [signing] = (await server.app.oidc.keys.list()).filter(({ algorithm, status }) => algorithm === 'ES256' && status === 'current');
    expect(server.app.oidc.publicKeys()[0]).toBeDefined();
    expect(server.app.oidc.publicKeys().map(({ kid }) => kid)).toContain(signing?.kid);

    const byPerson = (await events()).filter(({ actor }) => actor.id === door.account?.id);
    expect(byPerson.map(({ type }) => type).sort()).toEqual([
      ...Array<string>(3).fill('key.activated'),
      ...Array<string>(3).fill('key.created'),
      ...Array<string>(3).fill('key.retired'),
    ]);
    expect(byPerson.find(({ type, resource }) => type === 'key.activated' && resource === signing?.kid)).toMatchObject({ action: 'ES256' });
  });

  test('the first keys of a server, made by rule, are in the audit trail too', async () => {
    const byRule = (await events()).filter(({ actor }) => actor.id === 'signing-keys');
    expect(byRule.map(({ type }) => type).sort()).toEqual([
      ...Array<string>(3).fill('key.activated'),
      ...Array<string>(3).fill('key.created'),
    ]);
  });
});

describe('the doctor on a server', () => {
  test('finds agents nobody answers for and clients that stand for none', async () => {
    const { accounts, agents, clients, operations } = server.app.parts;
    const of = async (check: string) => (await operations.examine()).find((finding) => finding.check === check);
    expect([(await of('agents without owner'))?.state, (await of('clients without agent'))?.state]).toEqual(['ok', 'ok']);
    const owner = await accounts.create({ email: 'owner@acme.test', name: 'Owner', role: 'user' }, SYSTEM);
    const agent = await agents.create(
      { displayName: 'Left alone', owner: { kind: 'user', id: owner.id }, status: 'active', source: 'console' },
      { ...SYSTEM, party: 'administrator' },
    );
    // as an upgrade may find it: whoever is shut out by this server leaves no agent behind
    await server.db.rows({ name: '', text: `UPDATE accounts SET status = 'disabled' WHERE id = $1`, values: [owner.id] });
    const { record } = await clients.create(
      {
        client_name: 'Nobody’s',
        purpose: 'agent',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
      },
      SYSTEM,
    );
    expect((await of('agents without owner'))?.words).toContain(agent.id);
    expect((await of('clients without agent'))?.words).toContain(record.id);
    expect((await of('database'))?.state).toBe('ok');
    expect((await of('bootstrap client'))?.state).toBe('ok');
  });

  test('warns of provisioning tokens that end soon, unless nobody may show them', async () => {
    const { clients, operations } = server.app.parts;
    const of = async (check: string) => (await operations.examine()).find((finding) => finding.check === check);
    expect((await of('provisioning tokens'))?.state).toBe('ok');
    const { token, clientId } = await clients.provisioningTokens.connect(
      { name: 'Entra ID', hasGovernance: false, token: { access: 'write', addresses: [], ttl_seconds: 86_400 } },
      SYSTEM,
    );
    expect((await of('provisioning tokens'))?.words).toContain(`Entra ID (…${token.endsIn}) ends in 23 h`);
    await clients.disable(clientId, SYSTEM);
    expect((await of('provisioning tokens'))?.state).toBe('ok');
  });
});
