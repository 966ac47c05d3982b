import { randomBytes } from 'node:crypto';
import { type HttpServer, startHttpServer } from '../../src/platform/http/server.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { assertionOf, basic, openSeeding, type SeededClient, type Seeding } from '../support/seeding.ts';
import { freePort } from '../support/test-server.ts';

/** A whole server that listens, for resource servers that ask it about accesses. */
export interface AccessServer extends Seeding {
  readonly database: TestDatabase;
  /** A token for `<issuer>/access/v1`, of a client with a secret. */
  accessToken(client: SeededClient, scope?: string): Promise<string>;
  /** A token of an agent for itself, with its own key. */
  agentToken(agent: SeededClient, wish: Readonly<Record<string, string>>): Promise<{ readonly jwt: string; readonly jti: string }>;
  /** A token for `<issuer>/api/v1`, of a client for management. */
  apiToken(client: SeededClient): Promise<string>;
  /** Sends a body to a path below the issuer. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>, method?: 'POST' | 'PUT'): Promise<Response>;
}

export const EVALUATION = '/access/v1/evaluation';
export const EVALUATIONS = '/access/v1/evaluations';

/** A decision of the interface. */
export interface Answer {
  readonly decision: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
}

function idOf(jwt: string): string {
  return (JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }).jti;
}

/** Starts one over a database of its own. */
export async function createAccessServer(path = ''): Promise<AccessServer> {
  const [database, port] = await Promise.all([freshDatabase(), freePort()]);
  const issuer = `http://localhost:${port}${path}`;
  const seeding = await openSeeding(database.connection, { issuer, masterKey: randomBytes(32) });
  const server: HttpServer = await startHttpServer(seeding.app.http, { host: 'localhost', port });
  const token = async (form: Record<string, string>, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(`${issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
    const body = (await response.json()) as { access_token?: string };
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`);
    return body.access_token;
  };
  const credentials = { grant_type: 'client_credentials' };
  return {
    ...seeding,
    database,
    accessToken: (client, scope = 'access:evaluate') => token({ ...credentials, scope, resource: `${issuer}/access/v1` }, basic(client)),
    async agentToken(agent, wish) {
      const jwt = await token({ ...credentials, ...wish, ...assertionOf(agent, issuer) });
      return { jwt, jti: idOf(jwt) };
    },
    apiToken: (client) => token({ ...credentials, scope: 'admin:read admin:write', resource: `${issuer}/api/v1` }, basic(client)),
    post: (where, body, headers = {}, method = 'POST') =>
      fetch(`${issuer}${where}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async close() {
      await server.drain({ graceMs: 500 });
      await seeding.close();
      await database.drop();
    },
  };
}
