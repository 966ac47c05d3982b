import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { createKeyRotation } from '../../src/oidc/keys/rotation.ts';
import { inSigningOrder, KEY_TIMES, publicJwkOf, type SigningKey } from '../../src/oidc/keys/signing-key.ts';
import { createSigningKeyStore, type SigningKeyStore } from '../../src/oidc/keys/store.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { checkMasterKey } from '../../src/platform/db/key-check.ts';
import { createNotifications } from '../../src/platform/db/notifications.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createVault } from '../../src/platform/vault.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const DAY = 86_400_000;
const masterKey = randomIds.bytes(32);
let database: TestDatabase;
let db: Db;
let store: SigningKeyStore;
let at = new Date('2026-06-01T12:00:00Z');
const clock = { now: () => at, epochSeconds: () => Math.floor(at.getTime() / 1000) };
const pass = (days: number) => {
  at = new Date(at.getTime() + days * DAY);
};
const vaultOf = (key: Buffer, previous?: Buffer) => createVault({ masterKey: key, previousMasterKey: previous, ids: randomIds });
const rotation = () => createKeyRotation({ db, store, clock, notifications: createNotifications({ db, log: { warn: () => undefined } }) });
const es256 = async (): Promise<SigningKey[]> => (await store.list()).filter(({ algorithm }) => algorithm === 'ES256');
const statuses = async () => (await es256()).map(({ status }) => status);

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: { warn: () => undefined } });
  store = createSigningKeyStore({ db, vault: vaultOf(masterKey) });
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('signing keys', () => {
  test('several servers that start at once agree on one key an algorithm', async () => {
    await Promise.all([rotation().ensure(), rotation().ensure(), rotation().ensure()]);
    const keys = await store.list();
    expect(keys.map(({ algorithm, status }) => `${algorithm} ${status}`).sort()).toEqual([
      'ES256 current',
      'EdDSA current',
      'RS256 current',
    ]);
  });

  test('RFC 7638: the name of a key is its thumbprint, and its public form has no private part', async () => {
    for (const { kid, privateJwk } of await store.list()) {
      expect(kid).toBe(await calculateJwkThumbprint(privateJwk));
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi']) expect(publicJwkOf(privateJwk)).not.toHaveProperty(member);
    }
  });

  test('the private part lies sealed in the database', async () => {
    const [key] = await es256();
    const rows = await db.rows<{ text: string }>({
      name: 'dump',
      text: `SELECT k::text || encode(private_jwk, 'escape') AS text FROM signing_keys k`,
      values: [],
    });
    expect(rows.map(({ text }) => text).join()).not.toContain(String(key?.privateJwk['d']));
  });

  test('a new key is announced before it signs, and the old one stays published after', async () => {
    const [first] = await es256();
    pass(KEY_TIMES.signsDays - 1);
    await rotation().advance();
    expect(await statuses()).toEqual(['current', 'next']);
    expect(inSigningOrder(await es256())[0]?.kid).toBe(first?.kid);
    pass(1);
    await Promise.all([rotation().advance(), rotation().advance()]);
    expect(await statuses()).toEqual(['retired', 'current']);
    expect(inSigningOrder(await es256())[0]?.kid).not.toBe(first?.kid);
    pass(KEY_TIMES.publishedAfterDays);
    await rotation().advance();
    expect(await statuses()).toEqual(['current']);
  });

  test('rotating at once signs with new keys and keeps the old ones for verification', async () => {
    await rotation().rotateNow({ kind: 'account', id: 'usr_1' });
    expect(await statuses()).toEqual(['retired', 'current']);
  });
});

describe('the master key', () => {
  test('another key than the one a database was made with is refused', async () => {
    await checkMasterKey({ db, vault: vaultOf(masterKey) }, async () => undefined);
    await checkMasterKey({ db, vault: vaultOf(masterKey) }, async () => undefined);
    const wrong = checkMasterKey({ db, vault: vaultOf(randomIds.bytes(32)) }, async () => undefined);
    await expect(wrong).rejects.toThrow('BEHALF_MASTER_KEY_PREVIOUS');
  });

  test('a change of keys seals the signing keys anew and remembers the new one', async () => {
    const next = randomIds.bytes(32);
    const before = (await store.list()).map(({ kid }) => kid);
    const rotated = createSigningKeyStore({ db, vault: vaultOf(next, masterKey) });
    await checkMasterKey({ db, vault: vaultOf(next, masterKey) }, rotated.reseal);
    const after = createSigningKeyStore({ db, vault: vaultOf(next) });
    expect((await after.list()).map(({ kid }) => kid)).toEqual(before);
    await expect(checkMasterKey({ db, vault: vaultOf(masterKey) }, async () => undefined)).rejects.toThrow('does not belong');
  });
});
