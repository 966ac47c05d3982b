import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openPostgresFolder } from '../../src/platform/db/postgres-folder.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { basic, openSeeding, type SeededClient } from '../support/seeding.ts';
import { type Answer, ask, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';

const RESOURCE = 'https://api.example/loss';
const CONNECTIONS = 6;
/** No load lasts longer than this, recovered or not. */
const LONGEST_LOAD_MS = 20_000;
const ENOUGH_BEFORE = 30;
const ENOUGH_AFTER = 30;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let port: number;
let server: ServerProcess;
let client: SeededClient;
let own: SeededClient;

const start = async () => startServerProcess(port, { BEHALF_DATA_DIR: folder.path });
const here = () => ({ port, issuer: `http://localhost:${port}` });

/** The process id of the database in the folder; undefined when there is none. */
async function postmaster(): Promise<number | undefined> {
  const text = await readFile(join(folder.path, 'db', 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text.split('\n')[0]);
}

function kill(pid: number | undefined): void {
  if (pid === undefined || !(pid > 1)) throw new Error('there is no such process to kill');
  process.kill(pid, 'SIGKILL');
}

beforeAll(async () => {
  [folder, port] = await Promise.all([temporaryFolder(), freePort()]);
  server = await start();
  const { socketDir, user, password } = await openPostgresFolder(folder.path, randomIds);
  const masterKey = Buffer.from((await readFile(join(folder.path, 'master-key'), 'utf8')).trim(), 'base64');
  const seeding = await openSeeding({ host: socketDir, user, password, database: 'behalf' }, { issuer: here().issuer, masterKey });
  own = await seeding.resource(RESOURCE);
  client = await seeding.agent('loaded');
  await seeding.close();
}, 90_000);

afterAll(async () => {
  // asked to stop, it takes its database along; killed or stuck, it leaves one that must not outlive the test
  if (server !== undefined) await Promise.race([server.end('SIGTERM'), pause(15_000, undefined, { ref: false })]);
  await server?.end('SIGKILL');
  const left = await postmaster();
  if (left !== undefined && left > 1) {
    try {
      process.kill(left, 'SIGKILL');
    } catch {
      // it has ended already
    }
  }
  await folder?.remove();
}, 60_000);

/** One request of the load: what came back, or that the connection broke. */
interface Shot {
  readonly answer: Answer | undefined;
  readonly at: number;
  readonly tookMs: number;
}

async function shoot(): Promise<Shot> {
  const at = Date.now();
  const form = { grant_type: 'client_credentials', scope: 'read', resource: RESOURCE };
  const answer = await ask(here(), '/token', { form, headers: basic(client) }).catch(() => undefined);
  return { answer, at, tookMs: Date.now() - at };
}

/** Loads the server until `isEnough`, and calls `strike` once it is well under way. */
async function load(strike: () => void | Promise<void>, isEnough: (shots: readonly Shot[]) => boolean): Promise<readonly Shot[]> {
  const shots: Shot[] = [];
  const end = Date.now() + LONGEST_LOAD_MS;
  let struck: Promise<void> | undefined;
  const one = async () => {
    while (Date.now() < end && !isEnough(shots)) {
      const shot = await shoot();
      shots.push(shot);
      if (shots.length >= ENOUGH_BEFORE) struck ??= Promise.resolve(strike());
      // what is refused is not asked again at once: neither does a client
      if (shot.answer?.status !== 200) await pause(50);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  await struck;
  return shots;
}

const succeeded = (shots: readonly Shot[]) => shots.filter(({ answer }) => answer?.status === 200);

/** Every token that was answered with success is in the ledger and alive. */
async function expectAllAlive(shots: readonly Shot[]): Promise<void> {
  const tokens = succeeded(shots).map(({ answer }) => String(answer?.json()['access_token']));
  const dead: string[] = [];
  const next = tokens.values();
  const check = async () => {
    for (const token of next) {
      const answer = await ask(here(), '/introspect', { form: { token }, headers: basic(own) });
      if (answer.status !== 200 || answer.json()['active'] !== true) dead.push(`${answer.status} ${answer.text}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, check));
  expect(dead).toEqual([]);
  expect(tokens.length).toBeGreaterThanOrEqual(ENOUGH_BEFORE / 2);
}

describe('under load nothing that was answered with success is lost', () => {
  test('when the database is killed: 503 with Retry-After, and recovery without a restart', async () => {
    const isRefused = ({ answer }: Shot) => answer !== undefined && answer.status !== 200;
    const isBack = (shots: readonly Shot[]) => {
      const last = shots.findLastIndex(isRefused);
      return last !== -1 && shots.length - last > ENOUGH_AFTER;
    };
    const shots = await load(async () => kill(await postmaster()), isBack);

    const refused = shots.filter(isRefused);
    const wrong = refused.filter(({ answer }) => answer?.status !== 503 || !(Number(answer.headers['retry-after']) > 0));
    expect(wrong.map(({ answer }) => `${answer?.status} ${answer?.text}`)).toEqual([]);
    const silent = shots.filter(({ answer }) => answer === undefined);
    if (silent.length > 0) throw new Error(`The server stopped answering:\n${server.output()}`);
    expect(refused.length).toBeGreaterThan(0);
    expect(Math.max(...shots.map(({ tookMs }) => tookMs))).toBeLessThan(10_000);
    expect(isBack(shots)).toBe(true);
    await expectAllAlive(shots);
  }, 60_000);

  test('when the server is killed and started again', async () => {
    const isDown = (shots: readonly Shot[]) => shots.some(({ answer }) => answer === undefined);
    const shots = await load(() => kill(server.pid), isDown);
    expect(isDown(shots)).toBe(true);
    expect(shots.filter(({ answer }) => answer !== undefined && answer.status !== 200)).toEqual([]);
    await server.end('SIGKILL');
    server = await start();
    await expectAllAlive(shots);
  }, 90_000);
});
