import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type App, type AppDeps, createApp } from '../../src/app.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { startHttpServer } from '../../src/platform/http/server.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger, type Logger } from '../../src/platform/log.ts';
import { createVault, type Vault } from '../../src/platform/vault.ts';
import { freshDatabase } from './database.ts';

/** A whole server in this process, on a database of its own, that speaks HTTP like any other. */
export interface TestServer {
  readonly issuer: string;
  readonly app: App;
  readonly db: Db;
  readonly vault: Vault;
  /** What it said when it started. */
  readonly greeting: readonly string[];
  close(): Promise<void>;
}

const quiet = () => createLogger(process.env['BEHALF_LOG_LEVEL'] === 'debug' ? 'debug' : 'silent');
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a server; `config` overrides what the tests do not care about, `log` hears what it says. */
export async function createTestServer(config: Partial<AppDeps['config']> = {}, log: Logger = quiet()): Promise<TestServer> {
  const [database, port] = await Promise.all([freshDatabase(), config.issuer === undefined ? freePort() : Number(config.issuer.port)]);
  const issuer = config.issuer ?? new URL(`http://localhost:${port}`);
  const db = createDb({ connection: database.connection, log });
  const vault = createVault({ masterKey: randomIds.bytes(32), previousMasterKey: undefined, ids: randomIds });
  const settings = {
    trustedProxies: [],
    firstAdministrator: undefined,
    bootstrapClient: undefined,
    metrics: { token: undefined, port: undefined },
    ...config,
    issuer,
  };
  const app = await createApp({ config: settings, root: ROOT, db, vault, clock: systemClock, ids: randomIds, log });
  const greeting = await app.start();
  const server = await startHttpServer(app.http, { host: 'localhost', port });
  return {
    issuer: issuer.href.replace(/\/$/, ''),
    app,
    db,
    vault,
    greeting,
    async close() {
      await server.drain({ graceMs: 2_000 });
      await app.stop();
      await db.close();
      await database.drop();
    },
  };
}
