import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { type App, createApp } from '../../src/app.ts';
import type { NewClientInput } from '../../src/client-registration/index.ts';
import { engineCookie } from '../../src/oidc/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { type Connection, createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';

/** A key that proves a client or binds a token. */
export interface ProofKey {
  readonly privateKey: KeyObject;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

/** A client that is registered, with what it needs to speak for itself. */
export interface SeededClient {
  readonly clientId: string;
  /** Undefined: it stands for nobody but itself. */
  readonly agentId: string | undefined;
  readonly secret: string | undefined;
  readonly key: ProofKey;
}

/** A server that does not listen: it puts records and artifacts into a database that other servers serve. */
export interface Seeding {
  readonly app: App;
  readonly db: Db;
  readonly issuer: string;
  readonly accountId: string;
  /** A client of an active agent that the account owns. */
  agent(name: string, input?: Partial<NewClientInput>): Promise<SeededClient>;
  /** A client with its key; of an application unless `input` says otherwise. */
  client(name: string, input?: Partial<NewClientInput>): Promise<SeededClient>;
  /** An API, or an MCP server, with scopes `read` and `write`, and its own client. */
  resource(identifier: string, kind?: 'api' | 'mcp'): Promise<SeededClient>;
  close(): Promise<void>;
}

export const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A fresh P-256 key. */
export function proofKey(): ProofKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // a copy: in the sandbox of a test the exported object is not one of this realm, and the engine asks for a plain one
  return { privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }) } };
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A compact JWS with ES256 (RFC 7515 §3.1). */
export function signed(header: object, payload: object, { privateKey }: ProofKey): string {
  const input = `${encoded({ alg: 'ES256', ...header })}.${encoded(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const now = (): number => Math.floor(Date.now() / 1000);

/** Parameters by which a client authenticates with its key (RFC 7523 §2.2); each call is a new assertion. */
export function assertionOf({ clientId, key }: Pick<SeededClient, 'clientId' | 'key'>, issuer: string): Record<string, string> {
  const claims = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat: now(), exp: now() + 60 };
  return { client_assertion_type: ASSERTION, client_assertion: signed({}, claims, key) };
}

/** A DPoP proof for a POST to `url` (RFC 9449 §4.2); each call is a new one. */
export function dpopProof(url: string, key: ProofKey): string {
  return signed({ typ: 'dpop+jwt', jwk: key.publicJwk }, { htm: 'POST', htu: url, jti: randomUUID(), iat: now() }, key);
}

/** `Authorization` of a client with a secret (RFC 6749 §2.3.1). */
export function basic({ clientId, secret }: Pick<SeededClient, 'clientId' | 'secret'>): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` };
}

/** The cookies of a browser that is signed in as the account: an engine session, made without its pages. */
export async function signedInCookie({ app, accountId, issuer }: Pick<Seeding, 'app' | 'accountId' | 'issuer'>): Promise<string> {
  const { Session } = app.oidc.current();
  const session = new (Session as never as new (payload: object) => InstanceType<typeof Session>)({
    jti: randomIds.secret(32),
    accountId,
    loginTs: now(),
    amr: ['pwd'],
  });
  await session.save(3_600);
  const cookie = `behalf_session=${session.jti}`;
  // the signature of the `cookies` package (keygrip)
  const mac = createHmac('sha1', app.oidc.cookieKeys[0] ?? '')
    .update(cookie)
    .digest('base64url');
  if (engineCookie(new URL(issuer)).secure) throw new Error('only for an issuer on loopback');
  return `${cookie}; behalf_session.sig=${mac}`;
}

/** Opens a server over a migrated database without listening. `masterKey` is that of the servers which do. */
export async function openSeeding(
  connection: Connection,
  where: { readonly issuer: string; readonly masterKey: Buffer },
): Promise<Seeding> {
  const log = createLogger('silent');
  const db = createDb({ connection, log, poolSize: 4 });
  const vault = createVault({ masterKey: where.masterKey, previousMasterKey: undefined, ids: randomIds });
  const config = { issuer: new URL(where.issuer), trustedProxies: [], firstAdministrator: undefined, bootstrapClient: undefined };
  const settings = { ...config, metrics: { token: undefined, port: undefined } };
  const app = await createApp({ config: settings, root: process.cwd(), db, vault, clock: systemClock, ids: randomIds, log });
  const { accounts, agents, clients, resourceServers } = app.parts;
  const person = { email: `${randomUUID()}@example.com`, name: 'Pat Person', role: 'user' } as const;
  const { id: accountId } = await accounts.create(person, { kind: 'system', id: 'setup' });

  const client: Seeding['client'] = async (name, input = {}) => {
    const key = proofKey();
    const proof = input.token_endpoint_auth_method === 'private_key_jwt' ? { jwks: { keys: [key.publicJwk] } } : {};
    const filled = {
      client_name: name,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      purpose: 'application',
      ...proof,
      ...input,
    } as NewClientInput;
    const { record, secret } = await clients.create(filled, ADMINISTRATOR);
    return { clientId: record.id, agentId: undefined, secret, key };
  };
  return {
    app,
    db,
    issuer: where.issuer,
    accountId,
    client,
    async agent(name, input = {}) {
      const made = await client(name, { purpose: 'agent', ...input });
      const owner = { kind: 'user', id: accountId } as const;
      const { id: agentId } = await agents.create({ displayName: name, owner, status: 'active', source: 'console' }, ADMINISTRATOR);
      await agents.linkClient(agentId, made.clientId, ADMINISTRATOR);
      return { ...made, agentId };
    },
    async resource(identifier, kind = 'api') {
      const about = {
        identifier,
        name: identifier,
        kind,
        sensitivity: 'medium',
        token_ttl_seconds: null,
        algorithm: 'ES256',
      } as const;
      const scopes = ['read', 'write'].map((name) => ({ name, description: name }));
      const server = await resourceServers.create({ ...about, scopes }, ADMINISTRATOR);
      const own = await client('its own', { purpose: 'resource_server', grant_types: ['client_credentials', EXCHANGE] as never });
      await resourceServers.addClient(server.id, own.clientId, ADMINISTRATOR);
      return own;
    },
    async close() {
      await app.stop();
      await db.close();
    },
  };
}
