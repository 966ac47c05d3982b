import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { createAudit } from '../../src/audit/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createProofs } from '../../src/proofs/index.ts';
import { clock, hours, minutes } from '../support/clock.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const masterKey = randomIds.bytes(32);
let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: createLogger('silent'), poolSize: 10 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
afterEach(() => clock.reset());

/** One server's proofs; several live on one database. */
function server(keys: { masterKey?: Buffer; previousMasterKey?: Buffer } = {}) {
  const vault = createVault({ masterKey, previousMasterKey: undefined, ids: randomIds, ...keys });
  const base = { db, vault, clock: systemClock, ids: randomIds, issuer: new URL('https://as.test'), log: createLogger('silent') };
  const audit = createAudit(base);
  return { audit, ...createProofs({ ...base, audit }) };
}
const proof = { typ: 'test+jwt', claims: { iss: 'https://as.test', said: 'so' } };
const kidOf = (jws: string) => decodeProtectedHeader(jws).kid;
const verifies = async (jws: string, by: { keySet: (purpose: 'receipts') => Promise<{ keys: readonly object[] }> }) =>
  (await jwtVerify(jws, createLocalJWKSet((await by.keySet('receipts')) as JSONWebKeySet), { typ: 'test+jwt' })).payload['said'];

test('two servers that sign for the first time sign with one key, made once', async () => {
  const [left, right] = [server(), server()];
  const signed = await Promise.all([left, right, left, right].map((each) => each.sign('receipts', proof)));
  expect(new Set(signed.map(kidOf)).size).toBe(1);
  expect(await verifies(signed[0] ?? '', right)).toBe('so');
  expect((await left.audit.list({ type: 'key.created', limit: 10 })).events).toHaveLength(1);
});

test('a key signs for a year; what it signed verifies for good, and its private part is gone', async () => {
  const here = server();
  const before = await here.sign('receipts', proof);
  await here.rotate();
  expect(kidOf(await here.sign('receipts', proof))).toBe(kidOf(before));
  clock.advance(hours(24 * 366));
  await here.rotate();
  const after = await here.sign('receipts', proof);
  expect(kidOf(after)).not.toBe(kidOf(before));
  expect([await verifies(before, here), await verifies(after, here)]).toEqual(['so', 'so']);
  const rows = await db.rows<{ kid: string }>({
    name: 'kept',
    text: 'SELECT kid FROM proof_keys WHERE private_jwk IS NOT NULL',
    values: [],
  });
  expect(rows.map(({ kid }) => kid)).toEqual([kidOf(after)]);
  // a server that has not looked since signs with the old one for a minute at most
  clock.advance(minutes(2));
  expect(kidOf(await server().sign('receipts', proof))).toBe(kidOf(after));
});

test('R17 the private part is sealed, and sealed anew when the master key changes', async () => {
  await server().sign('receipts', proof);
  const next = randomIds.bytes(32);
  const both = server({ masterKey: next, previousMasterKey: masterKey });
  for (const { run } of both.capability.jobs ?? []) await run();
  expect(await verifies(await server({ masterKey: next }).sign('receipts', proof), both)).toBe('so');
  await expect(server({ masterKey: randomIds.bytes(32) }).sign('receipts', proof)).rejects.toThrow();
  const [row] = await db.rows<{ dump: string }>({
    name: 'dump',
    text: "SELECT string_agg(encode(private_jwk, 'escape'), '') AS dump FROM proof_keys",
    values: [],
  });
  expect(row?.dump).not.toContain('kty');
});
