import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createLogger } from '../../src/platform/log.ts';
import type { TrustProvider } from '../../src/trust/index.ts';
import { createTrustStore, type TrustStore } from '../../src/trust/store.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
let store: TrustStore;
beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: createLogger('silent') });
  store = createTrustStore({ db, clock: systemClock });
});
beforeEach(() => db.rows({ name: 'empty', text: 'TRUNCATE trust_providers, trust_used_assertions', values: [] }));
afterAll(async () => {
  await db.close();
  await database.drop();
});

const at = new Date('2020-12-01T10:00:00Z');
const later = new Date('2999-01-01T00:00:00Z');
const provider = (change: Partial<TrustProvider> = {}): TrustProvider => ({
  ...{
    id: 'trp_1',
    name: 'Acme',
    kind: 'identity_provider',
    issuer: 'https://idp.test',
    jwksUri: 'https://idp.test/jwks',
    keys: undefined,
  },
  ...{ audiences: [], algorithms: ['ES256'], domains: ['acme.test'], isEmailAuthoritative: false, claimRules: [], resources: [] },
  ...{
    scopes: ['read'],
    maxTtlSeconds: 60,
    status: 'active',
    agentId: undefined,
    clientId: undefined,
    tokenRules: undefined,
    createdAt: at,
    updatedAt: at,
  },
  ...change,
});
const workload = (id: string, agentId: string) => provider({ id, kind: 'workload', agentId, clientId: `cli_${id}` });

test('a record comes back as it went in', async () => {
  const full = provider({
    claimRules: [{ pointer: '/tenant', values: ['a'] }],
    keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }],
    jwksUri: undefined,
  });
  await store.insert(full);
  expect(await store.find('trp_1')).toEqual(full);
  await store.update({ ...full, name: 'Other', scopes: undefined, status: 'disabled' });
  expect(await store.find('trp_1')).toEqual({ ...full, name: 'Other', scopes: undefined, status: 'disabled' });
});

test('an issuer is trusted for one thing once; a workload’s once for each agent', async () => {
  expect(await store.insert(provider())).toBe(true);
  expect(await store.insert(provider({ id: 'trp_2' }))).toBe(false);
  expect(await store.insert(provider({ id: 'trp_2', kind: 'software' }))).toBe(true);
  expect(await store.insert(workload('trp_3', 'agt_1'))).toBe(true);
  expect(await store.insert(workload('trp_4', 'agt_1'))).toBe(false);
  expect(await store.insert(workload('trp_4', 'agt_2'))).toBe(true);
  expect((await store.ofIssuer('https://idp.test', 'workload')).map(({ id }) => id)).toEqual(['trp_3', 'trp_4']);
});

test.each([
  ['another kind', { kind: 'anybody' as never }],
  ['another state', { status: 'maybe' as never }],
  ['keys and an address', { keys: [] }],
  ['neither keys nor an address', { jwksUri: undefined }],
  ['a workload without agent', { kind: 'workload' as const }],
  ['a workload without client', { kind: 'workload' as const, agentId: 'agt_1' }],
  ['an identity provider with agent and client', { agentId: 'agt_1', clientId: 'cli_1' }],
])('the table itself refuses %s', async (_what, change) => {
  await expect(store.insert(provider(change))).rejects.toMatchObject({ code: '23514' });
});

test('an assertion is used once, not by a transaction that is undone, and only while its provider is trusted', async () => {
  await store.insert(provider());
  const use = (name: string) => store.useUp({ idHash: Buffer.from(name), expiresAt: later, providerId: 'trp_1' });
  const undone = db.transaction(async () => {
    expect(await use('a')).toBe(true);
    db.rollback();
  });
  await undone;
  expect([await use('a'), await use('a'), await use('b')]).toEqual([true, false, true]);
  await store.update(provider({ status: 'disabled' }));
  expect(await use('c')).toBe(false);
});

test('used assertions are forgotten after their end', async () => {
  await store.insert(provider());
  await store.useUp({ idHash: Buffer.from('old'), expiresAt: at, providerId: 'trp_1' });
  await store.useUp({ idHash: Buffer.from('new'), expiresAt: later, providerId: 'trp_1' });
  expect([await store.purge(10), await store.purge(10)]).toEqual([1, 0]);
});
