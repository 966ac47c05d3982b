import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createQuotas } from '../../src/platform/quota/quota.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createDeviceLimit } from '../../src/sign-in/device-limit.ts';
import { clock, seconds } from '../support/clock.ts';
import { freshDatabase } from '../support/database.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let db: Db;
const log = createLogger('silent');
const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log });
});
afterEach(() => clock.reset());
afterAll(async () => {
  await db.close();
  await database.drop();
});

test('RFC 8628 §5.1: guesses of a user code are counted on all servers together, by address and by browser', async () => {
  const [one, two] = [0, 1].map(() => createDeviceLimit(createQuotas({ db, clock: systemClock, vault, log })));
  if (one === undefined || two === undefined) throw new Error('there are two');
  const browser = { address: '203.0.113.5', sessionCookie: 'a browser' };
  const waits: (number | undefined)[] = [];
  for (let turn = 0; turn < 22; turn += 1) waits.push(await (turn % 2 === 0 ? one : two).take(browser));
  expect(waits.map((wait) => wait === undefined)).toEqual([...Array<boolean>(20).fill(true), false, false]);
  expect(await two.take({ ...browser, address: '203.0.113.6' })).toBeGreaterThan(590);
  expect(await one.take({ ...browser, sessionCookie: undefined })).toBeGreaterThan(590);
  expect(await one.take({ address: '203.0.113.7', sessionCookie: 'another' })).toBeUndefined();
  clock.advance(seconds(600));
  expect([await one.take(browser), await two.take(browser)]).toEqual([undefined, undefined]);
});
