import { createPerson, type Credentials, type Person } from './person.ts';
import { createTestServer, type TestServer } from './test-server.ts';

/** Software that registered, with what it may show for itself; a public client has no secret. */
export interface RegisteredSoftware {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly agentId: string;
  /** The whole answer (RFC 7591 §3.2.1). */
  readonly information: Readonly<Record<string, unknown>>;
}

/** A whole server with somebody in it. */
export interface InhabitedServer extends TestServer {
  /** Mira, at her browser; not signed in yet. */
  readonly mira: Person;
  readonly miraId: string;
  readonly miraEmail: string;
  readonly miraCredentials: Credentials;
  /** Another browser of hers. */
  anotherBrowser(): Person;
  /** Makes a resource server known; returns its identifier. */
  resource(identifier: string, scopes?: readonly string[]): Promise<string>;
  /** Registers software by Dynamic Client Registration, as an active agent of Mira's. */
  register(metadata: Readonly<Record<string, unknown>>): Promise<RegisteredSoftware>;
  /** An initial access token, for software that registers by itself. */
  enrolmentToken(grantTypes?: readonly string[]): Promise<string>;
}

const SYSTEM = { kind: 'system', id: 'command-line' } as const;
const EMAIL = 'mira@acme.test';
const PASSWORD = 'paper boats on the canal';
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
export const CHILD_GRANT = 'urn:behalf:params:oauth:grant-type:child-enrolment';
const GRANTS = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  DEVICE_GRANT,
  CHILD_GRANT,
];

/** Starts one; the parameters are those of `createTestServer`. */
export async function createInhabitedServer(...given: Parameters<typeof createTestServer>): Promise<InhabitedServer> {
  const server = await createTestServer(...given);
  const { accounts, resourceServers, clients, agents } = server.app.parts;
  const { account, link } = await accounts.invite({ email: EMAIL, name: 'Mira Köhler', role: 'user' }, SYSTEM);
  await accounts.redeemLink(link.url.slice(link.url.lastIndexOf('/') + 1), { password: PASSWORD, name: undefined });
  const anotherBrowser = () => createPerson(server.issuer, { email: EMAIL, password: PASSWORD });
  const enrolmentToken = async (grantTypes: readonly string[] = GRANTS) => {
    const input = {
      name: 'Mira’s software',
      owner: { kind: 'user', id: account.id },
      agent_state: 'active',
      uses: 1,
    } as const;
    const made = await clients.initialAccessTokens.create({ ...input, ttl_seconds: 600, grant_types: [...grantTypes] }, SYSTEM);
    return made.token;
  };
  return {
    ...server,
    mira: anotherBrowser(),
    miraId: account.id,
    miraEmail: EMAIL,
    miraCredentials: { email: EMAIL, password: PASSWORD },
    anotherBrowser,
    enrolmentToken,
    async resource(identifier, scopes = ['read', 'write']) {
      const described = scopes.map((name) => ({ name, description: `Do ${name}` }));
      const kind = { name: 'Invoices', kind: 'mcp', sensitivity: 'medium', token_ttl_seconds: null, algorithm: 'ES256' } as const;
      return (await resourceServers.create({ identifier, ...kind, scopes: described }, SYSTEM)).identifier;
    },
    async register(metadata) {
      const response = await fetch(`${server.issuer}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await enrolmentToken()}` },
        body: JSON.stringify(metadata),
      });
      const information = (await response.json()) as Record<string, unknown>;
      if (response.status !== 201) throw new Error(`not registered: ${JSON.stringify(information)}`);
      const clientId = String(information['client_id']);
      const agent = await agents.findByClient(clientId);
      return { clientId, clientSecret: String(information['client_secret'] ?? ''), agentId: agent?.id ?? '', information };
    },
  };
}
