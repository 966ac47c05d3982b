import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import { createArtifactAdapter } from '../../src/oidc/adapter.ts';
import { createRefreshTokenStore, type RefreshTokenStore } from '../../src/oidc/refresh-tokens/store.ts';
import { type ArtifactStore, createArtifactStore, hashOf } from '../../src/oidc/store.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createVault } from '../../src/platform/vault.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Db;
let store: ArtifactStore;
let families: Pick<RefreshTokenStore, 'endFamily'>;
let at = new Date('2026-06-01T12:00:00Z');
const clock = { now: () => at, epochSeconds: () => Math.floor(at.getTime() / 1000) };

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: { warn: () => undefined }, poolSize: 25 });
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  store = createArtifactStore({ db, vault, clock });
  families = createRefreshTokenStore({ db, vault, clock });
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

const adapterOf = (model: string): Adapter => createArtifactAdapter(model, { store, clock });
const payload = (fields: object = {}) => ({ kind: 'x', exp: 2_000_000_000, ...fields }) as AdapterPayload;

describe('storage of engine artifacts', () => {
  test('gives back what was stored, with the value put back', async () => {
    const adapter = adapterOf('RefreshToken');
    const value = randomIds.secret(32);
    await adapter.upsert(value, payload({ jti: value, scope: 'read', grantId: 'g1', accountId: 'usr_1' }), 60);
    expect(await adapter.find(value)).toEqual({
      kind: 'x',
      exp: 2_000_000_000,
      jti: value,
      scope: 'read',
      grantId: 'g1',
      accountId: 'usr_1',
    });
    expect(await adapterOf('AccessToken').find(value)).toBeUndefined();
  });

  test('a copy of the database holds neither the value nor anything of the payload', async () => {
    const adapter = adapterOf('Session');
    const [value, uid] = [randomIds.secret(32), randomIds.secret(16)];
    await adapter.upsert(value, payload({ jti: value, uid, accountId: 'usr_2', nonce: 'a-telling-nonce' }), 60);
    const rows = await db.rows<{ text: string }>({
      name: 'dump',
      text: `SELECT a::text || encode(payload, 'escape') AS text FROM oidc_artifacts a`,
      values: [],
    });
    const dump = rows.map((row) => row.text).join('\n');
    for (const secret of [value, uid, 'a-telling-nonce']) expect(dump).not.toContain(secret);
    expect(dump).toContain('usr_2');
  });

  test('finds a session by uid with its own value, the newest first', async () => {
    const adapter = adapterOf('Session');
    const [value, uid] = [randomIds.secret(32), randomIds.secret(16)];
    await adapter.upsert(value, payload({ jti: value, uid }), 60);
    expect(await adapter.findByUid(uid)).toMatchObject({ jti: value, uid });
    expect(await adapter.findByUid('another')).toBeUndefined();
  });

  test('finds a device code by its user code', async () => {
    const adapter = adapterOf('DeviceCode');
    const value = randomIds.secret(32);
    await adapter.upsert(value, payload({ jti: value, userCode: 'BCDF-GHJK' }), 60);
    expect(await adapter.findByUserCode('BCDF-GHJK')).toMatchObject({ jti: value });
  });

  test('an update keeps what was consumed consumed', async () => {
    const adapter = adapterOf('DeviceCode');
    const value = randomIds.secret(32);
    await adapter.upsert(value, payload({ jti: value }), 60);
    await adapter.consume(value);
    await adapter.upsert(value, payload({ jti: value, accountId: 'usr_3' }), 60);
    await expect(adapter.consume(value)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('ends every artifact of a grant, and only of that one', async () => {
    const adapter = adapterOf('RefreshToken');
    const [mine, other] = [randomIds.secret(32), randomIds.secret(32)];
    await adapter.upsert(mine, payload({ grantId: 'grant-a' }), 60);
    await adapter.upsert(other, payload({ grantId: 'grant-b' }), 60);
    await adapter.revokeByGrantId('grant-a');
    expect([await adapter.find(mine), await adapter.find(other)]).toEqual([undefined, expect.objectContaining({ grantId: 'grant-b' })]);
  });

  test('what a request adds to a family of refresh tokens after its end is not found', async () => {
    const familyHash = hashOf('a connection');
    const adapter = createArtifactAdapter('AccessToken', { store, clock, familyOfRequest: () => familyHash });
    await adapter.upsert('early', payload(), 60);
    expect(await adapter.find('early')).toBeDefined();
    await families.endFamily(familyHash, new Date(at.getTime() + 3_600_000));
    await adapter.upsert('late', payload(), 60);
    expect([await adapter.find('early'), await adapter.find('late')]).toEqual([undefined, undefined]);
  });

  test('removes what has expired, in batches, and nothing else', async () => {
    const adapter = adapterOf('Interaction');
    const [old, young] = [randomIds.secret(32), randomIds.secret(32)];
    await adapter.upsert(old, payload(), 10);
    await adapter.upsert(young, payload(), 1_000);
    at = new Date(at.getTime() + 11_000);
    expect(await store.purge(500)).toBe(1);
    expect([await adapter.find(old), await adapter.find(young)]).toEqual([undefined, expect.anything()]);
  });
});

describe('single use', () => {
  const models = ['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest', 'PushedAuthorizationRequest'];

  test.each(models)('of 20 parallel redemptions of one %s exactly one succeeds, 20 rounds', async (model) => {
    const adapter = adapterOf(model);
    for (let round = 0; round < 20; round += 1) {
      const value = randomIds.secret(32);
      await adapter.upsert(value, payload({ grantId: value }), 60);
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => db.transaction(() => adapter.consume(value))));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  test('RFC 9126 §7.3: a request_uri that was used is refused with the error of its endpoint', async () => {
    const adapter = adapterOf('PushedAuthorizationRequest');
    await adapter.upsert('par-1', payload(), 60);
    await adapter.consume('par-1');
    await expect(adapter.consume('par-1')).rejects.toMatchObject({ error: 'invalid_request_uri' });
  });

  test('a redemption that is rolled back leaves the artifact unused', async () => {
    const adapter = adapterOf('AuthorizationCode');
    await adapter.upsert('code-1', payload(), 60);
    await db.transaction(async () => {
      await adapter.consume('code-1');
      db.rollback();
    });
    await expect(adapter.consume('code-1')).resolves.toBeUndefined();
  });

  test('RFC 6749 §4.1.2: within ten seconds a second redemption is a race, later it is reuse', async () => {
    const adapter = adapterOf('AuthorizationCode');
    await adapter.upsert('code-2', payload(), 60);
    await adapter.consume('code-2');
    expect(await adapter.find('code-2')).not.toHaveProperty('consumed');
    at = new Date(at.getTime() + 10_000);
    expect(await adapter.find('code-2')).toHaveProperty('consumed');
  });

  test('RFC 7523 §3: an assertion identifier is accepted once, even when the request is rolled back', async () => {
    const later = new Date(at.getTime() + 60_000);
    const accepted = await Promise.all(Array.from({ length: 20 }, () => store.recordOnce('["client","jti-1"]', later)));
    expect(accepted.filter(Boolean)).toHaveLength(1);
    await db.transaction(async () => {
      await db.rows({ name: 'any-write', text: 'UPDATE key_check SET id = id', values: [] });
      expect(await store.recordOnce('["client","jti-2"]', later)).toBe(true);
      db.rollback();
    });
    expect(await store.recordOnce('["client","jti-2"]', later)).toBe(false);
  });
});
