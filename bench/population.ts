import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../src/platform/clock.ts';
import { startEmbeddedPostgres } from '../src/platform/db/embedded-postgres.ts';
import { migrate } from '../src/platform/db/migrate.ts';
import { randomIds } from '../src/platform/ids.ts';
import { openSeeding, type SeededClient, type Seeding } from '../test/support/seeding.ts';

/** A database with the parties of the bench in it. */
export interface Population {
  /** Environment of a server that serves it while the bench's own PostgreSQL runs. */
  readonly onRunningDatabase: Readonly<Record<string, string>>;
  /** Environment of a server that starts PostgreSQL itself, after `stopDatabase`. */
  readonly onStoppedDatabase: Readonly<Record<string, string>>;
  readonly resource: string;
  /** The resource server's own client. */
  readonly own: SeededClient;
  /** Three agents; tokens may be handed on from each to the next. */
  readonly agents: readonly [SeededClient, SeededClient, SeededClient];
  stopDatabase(): Promise<void>;
}

const RESOURCE = 'https://api.example/bench';
const QUIET = { info: () => undefined, error: () => undefined };

async function populate(seeding: Seeding): Promise<Pick<Population, 'own' | 'agents'>> {
  const withKey = { token_endpoint_auth_method: 'private_key_jwt' } as const;
  const exchange = { ...withKey, grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] } as never;
  const own = await seeding.resource(RESOURCE);
  const agents = [
    await seeding.agent('first', withKey),
    await seeding.agent('second', exchange),
    await seeding.agent('third', exchange),
  ] as const;
  const until = new Date(Date.now() + 86_400_000).toISOString();
  for (const [from, to] of [agents.slice(0, 2), agents.slice(1, 3)] as [SeededClient, SeededClient][]) {
    const delegation = { from: from.agentId, to: to.agentId, resources: [RESOURCE], scopes: ['read'], until };
    await seeding.app.parts.tokenExchange.delegations.create(delegation as never, { kind: 'account', id: 'usr_administrator' });
  }
  return { own, agents };
}

/** Starts a real PostgreSQL with its default settings in `folder`, migrates it and registers the parties with `issuer`. */
export async function createPopulation(folder: string, issuer: string): Promise<Population> {
  const masterKey = randomBytes(32);
  await writeFile(join(folder, 'master-key'), `${masterKey.toString('base64')}\n`, { mode: 0o600 });
  const database = await startEmbeddedPostgres({ dataDir: folder, log: QUIET, ids: randomIds });
  try {
    const { user, password, database: name, host } = database.connection;
    await migrate(database.connection, { dir: 'migrations', log: QUIET, clock: systemClock });
    const seeding = await openSeeding(database.connection, { issuer, masterKey });
    const parties = await populate(seeding).finally(() => seeding.close());
    const common = { BEHALF_ISSUER: issuer, BEHALF_LOG_LEVEL: 'warn', PORT: new URL(issuer).port };
    const url = `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}`;
    return {
      ...parties,
      resource: RESOURCE,
      onRunningDatabase: { ...common, DATABASE_URL: url, BEHALF_MASTER_KEY: masterKey.toString('base64') },
      onStoppedDatabase: { ...common, BEHALF_DATA_DIR: folder },
      stopDatabase: () => database.stop(),
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}
