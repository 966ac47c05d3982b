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
  /** Another one, about which administrators wrote 50 policies. */
  readonly ruled: string;
  /** The resource server's own client. */
  readonly own: SeededClient;
  /** Four agents; tokens may be handed on from each to the next. */
  readonly agents: readonly [SeededClient, SeededClient, SeededClient, SeededClient];
  stopDatabase(): Promise<void>;
}

/** The type of the detail that is narrowed on the way. */
export const DETAIL_TYPE = 'api_call';
const RESOURCE = 'https://api.example/bench';
const RULED = 'https://api.example/ruled';
const POLICIES = 50;
const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator' } as const;
const QUIET = { info: () => undefined, error: () => undefined };

/** One of the policies about the ruled resource; none of them stands in the way of the bench. */
function ruleOf(index: number): string {
  const head = `principal is Agent, action == Action::"issue_token", resource == ResourceServer::"${RULED}"`;
  const limit = `context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("${1_000 + index}.0"))`;
  return `@id("p${index}") forbid(${head}) when { context has agent && context.agent.risk > ${1 + (index % 3)} && ${limit} };`;
}

async function populate(seeding: Seeding): Promise<Pick<Population, 'own' | 'agents'>> {
  const withKey = { token_endpoint_auth_method: 'private_key_jwt', authorization_details_types: [DETAIL_TYPE] } as const;
  const exchange = { ...withKey, grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'] } as never;
  const own = await seeding.resource(RESOURCE);
  await seeding.resource(RULED);
  const agents = [
    await seeding.agent('first', withKey),
    await seeding.agent('second', exchange),
    await seeding.agent('third', exchange),
    await seeding.agent('fourth', exchange),
  ] as const;
  const until = new Date(Date.now() + 86_400_000).toISOString();
  for (const [index, to] of agents.slice(1).entries()) {
    const what = { resources: [RESOURCE, RULED], scopes: ['read'], authorization_details_types: [DETAIL_TYPE] };
    const delegation = { from: agents[index]?.agentId, to: to.agentId, ...what, until };
    await seeding.app.parts.tokenExchange.delegations.create(delegation as never, ADMINISTRATOR);
  }
  for (let index = 0; index < POLICIES; index += 1) {
    const text = ruleOf(index);
    await seeding.app.parts.policy.policies.create({ text, state: 'in_force', reason: 'bench' }, ADMINISTRATOR);
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
      ruled: RULED,
      onRunningDatabase: { ...common, DATABASE_URL: url, BEHALF_MASTER_KEY: masterKey.toString('base64') },
      onStoppedDatabase: { ...common, BEHALF_DATA_DIR: folder },
      stopDatabase: () => database.stop(),
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}
