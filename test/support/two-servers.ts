import { randomBytes } from 'node:crypto';
import { freshDatabase } from './database.ts';
import { openSeeding, type SeededClient, type Seeding } from './seeding.ts';
import { type Answer, type Ask, ask, databaseEnvironment, type ServerProcess, startServerProcess } from './server-process.ts';
import { freePort } from './test-server.ts';

/** Two server processes of one issuer on one database, as behind a load balancer, and a way to put things into it. */
export interface TwoServers extends Seeding {
  readonly resource: Seeding['resource'];
  /** Asks the first server, or the one whose number is given: even ones are the first. */
  ask(path: string, what: Ask, number?: number): Promise<Answer>;
  /** Ends one of them as a crash would, in the middle of what it does. */
  crash(number: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts both; ends them and everything else when one of the steps fails. `settings`: variables of both beside the database. */
export async function startTwoServers(settings: Readonly<Record<string, string>> = {}): Promise<TwoServers> {
  const database = await freshDatabase();
  const masterKey = randomBytes(32);
  const ports = [await freePort(), await freePort()] as const;
  const issuer = `http://localhost:${ports[0]}`;
  const running: ServerProcess[] = [];
  let seeding: Seeding | undefined;
  const close = async () => {
    await Promise.all(running.map((server) => server.end('SIGKILL')));
    await seeding?.close();
    await database.drop();
  };
  try {
    const at = (number: number) => ({ port: ports[number % 2 === 0 ? 0 : 1], issuer });
    const env = { ...databaseEnvironment(database.connection, masterKey), BEHALF_ISSUER: issuer, ...settings };
    const started = await Promise.allSettled(
      ports.map(async (port) => void running.push(await startServerProcess(port, { ...env, BEHALF_HOST: 'localhost' }))),
    );
    const crash = async (number: number) => void (await running.find(({ port }) => port === at(number).port)?.end('SIGKILL'));
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    seeding = await openSeeding(database.connection, { issuer, masterKey });
    return { ...seeding, ask: (path, what, number = 0) => ask(at(number), path, what), crash, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whether a token is alive for the resource server it is for (RFC 7662 §2.2). */
export async function isActive(servers: TwoServers, token: string, owner: Pick<SeededClient, 'clientId' | 'secret'>): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`${owner.clientId}:${owner.secret}`).toString('base64')}`;
  const answer = await servers.ask('/introspect', { form: { token }, headers: { authorization } });
  if (answer.status !== 200) throw new Error(`introspection answered ${answer.status}: ${answer.text}`);
  return answer.json()['active'] === true;
}
