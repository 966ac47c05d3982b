import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AppError } from '../../src/platform/errors.ts';
import { ADMINISTRATOR, type RegistrationServer, startRegistrationServer } from '../client-registration/harness.ts';

let server: RegistrationServer;
beforeAll(async () => {
  server = await startRegistrationServer();
});
afterAll(() => server.close());

type Input = Parameters<RegistrationServer['resourceServers']['create']>[0];
const INPUT: Omit<Input, 'identifier'> = {
  name: 'Tasks',
  kind: 'mcp',
  sensitivity: 'high',
  token_ttl_seconds: null,
  algorithm: 'ES256',
  scopes: [],
};
const create = (identifier: string, more: Partial<Input> = {}) =>
  server.resourceServers.create({ ...INPUT, ...more, identifier }, ADMINISTRATOR);

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof AppError ? error.code : String(error);
}

test('an identifier is kept in canonical form and found in any spelling (RFC 8707 §2)', async () => {
  const made = await create('HTTPS://Canon.example:443/');
  expect(made.identifier).toBe('https://canon.example');
  expect(made.id).toMatch(/^rsv_/);
  for (const spelling of ['https://canon.example', 'https://CANON.example/', 'https://canon.example:443']) {
    expect((await server.resourceServers.findByIdentifier(spelling))?.id).toBe(made.id);
  }
  expect(server.audited).toContainEqual(expect.objectContaining({ type: 'resource_server.created', resource: made.identifier }));
});

test('an identifier exists once, whatever its spelling, also when ten are added at once', async () => {
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, n) => refusalOf(create(n % 2 === 0 ? 'https://once.example' : 'https://ONCE.example/'))),
  );
  expect(results.filter((code) => code === 'conflict')).toHaveLength(9);
});

test('identifiers that are no resource indicator, or this server itself, are refused', async () => {
  for (const identifier of [
    'http://plain.example',
    'https://a.example/#x',
    'not a uri',
    server.issuer,
    `${server.issuer}/api/v1`,
    `${server.issuer}/scim/v2/Users`,
  ]) {
    expect(await refusalOf(create(identifier))).toBe('invalid_input');
  }
});

test('scopes keep their order and take the sensitivity of their server; identity scopes and doubles are refused', async () => {
  const scopes: Input['scopes'] = [
    { name: 'z:last', description: 'Z' },
    { name: 'a:first', description: 'A', risk: 'low' },
  ];
  const { id } = await create('https://scopes.example', { scopes });
  expect((await server.resourceServers.get(id)).scopes).toEqual([
    { name: 'z:last', description: 'Z', risk: 'high' },
    { name: 'a:first', description: 'A', risk: 'low' },
  ]);
  expect(await refusalOf(create('https://doubles.example', { scopes: [...scopes, ...scopes] }))).toBe('invalid_input');
  expect(await refusalOf(create('https://identity.example', { scopes: [{ name: 'openid', description: 'x' }] }))).toBe('invalid_input');
});

test('a change holds at once in this process, and within a second in another', async () => {
  const { id, identifier } = await create('https://cache.example');
  expect((await server.resourceServers.findByIdentifier(identifier))?.name).toBe('Tasks');
  await server.resourceServers.update(id, { name: 'Renamed', token_ttl_seconds: 120 }, ADMINISTRATOR);
  expect(await server.resourceServers.findByIdentifier(identifier)).toMatchObject({ name: 'Renamed', tokenTtlSeconds: 120 });
  await server.db.rows({ name: 'elsewhere', text: "UPDATE resource_servers SET name = 'Elsewhere' WHERE id = $1", values: [id] });
  expect((await server.resourceServers.findByIdentifier(identifier))?.name).toBe('Renamed');
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  expect((await server.resourceServers.findByIdentifier(identifier))?.name).toBe('Elsewhere');
});

test('a removed one is gone, for the view of what is alive too', async () => {
  const { id, identifier } = await create('https://gone.example');
  const alive = () =>
    server.db.rows({ name: 'live', text: 'SELECT 1 FROM live_resource_servers WHERE identifier = $1', values: [identifier] });
  expect(await alive()).toHaveLength(1);
  await server.resourceServers.remove(id, ADMINISTRATOR);
  expect(await alive()).toHaveLength(0);
  expect(await server.resourceServers.findByIdentifier(identifier)).toBeUndefined();
  expect(await refusalOf(server.resourceServers.get(id))).toBe('not_found');
});

test('its own clients are known from both sides', async () => {
  const { id, identifier } = await create('https://owned.example');
  await server.resourceServers.addClient(id, 'cli_own', ADMINISTRATOR);
  expect(await server.resourceServers.clientsOf(identifier)).toEqual(['cli_own']);
  expect(await server.resourceServers.clientsOf(id)).toEqual(['cli_own']);
  expect(await server.resourceServers.resourcesOfClient('cli_own')).toEqual([identifier]);
  await server.resourceServers.removeClient(id, 'cli_own', ADMINISTRATOR);
  expect(await server.resourceServers.resourcesOfClient('cli_own')).toEqual([]);
});

test('the resources of the server itself are there without being rows', async () => {
  expect(server.resourceServers.own.map(({ identifier }) => identifier)).toEqual([
    `${server.issuer}/scim/v2`,
    `${server.issuer}/api/v1`,
    `${server.issuer}/access/v1`,
  ]);
  const api = await server.resourceServers.findByIdentifier(`${server.issuer}/api/v1`);
  expect(api?.scopes.map(({ name }) => name)).toEqual(['admin:read', 'admin:write', 'approvals:decide']);
  expect((await server.resourceServers.list({ limit: 100 })).map(({ identifier }) => identifier)).not.toContain(api?.identifier);
});
