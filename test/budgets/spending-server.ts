import { type AgentClient, createAgentClient, discover, type ServerMetadata, type TokenAnswer } from '../support/agent-client.ts';
import { createSend, type HttpExchange } from '../support/http-exchange.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';

export const RESOURCE = 'https://bank.acme.test/payments';
export const REDIRECT_URI = 'http://127.0.0.1:49152/callback';
export const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const PIPELINE = { clientId: 'pipeline', clientSecret: 'a-secret-of-more-than-thirty-two-characters' };
const SYSTEM = { kind: 'system', id: 'command-line' } as const;
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CIBA = 'urn:openid:params:grant-type:ciba';

/** A detail that may pay; `budget` and other members as given. */
export const payments = (members: object = {}) => ({ type: 'api_call', actions: ['POST'], ...members });
/** So many euros, by default a week. */
export const euros = (amount: string, per = 'week') => ({ amount, currency: 'EUR', per });

/** Software of an agent that speaks to the server. */
export type SpeakingAgent = RegisteredSoftware & { readonly client: AgentClient };

/** A bank that takes tokens of the server and reports what they pay. */
export interface Bank {
  /** Asks `/access/v1` as the bank's own client. */
  ask(method: string, path: string, more?: { json?: unknown; key?: string }): Promise<HttpExchange>;
  /** Reports a payment of a token. */
  pay(token: TokenAnswer | string, amount: string, more?: object): Promise<HttpExchange>;
}

/** A server on which somebody lets agents spend. */
export interface SpendingServer {
  readonly server: InhabitedServer;
  readonly bank: Bank;
  readonly metadata: ServerMetadata;
  register(name: string): Promise<SpeakingAgent>;
  /** Mira says yes to these details; the first token and its refresh token. */
  consent(agent: SpeakingAgent, details: readonly object[]): Promise<TokenAnswer>;
  /** Lets one agent take over from another at the bank. */
  delegate(from: SpeakingAgent, to: SpeakingAgent): Promise<void>;
  /** Asks `/api/v1` as a management client with these scopes. */
  manage(path: string, scope?: string): Promise<HttpExchange>;
  /** The own client of another resource server. */
  anotherBank(identifier: string): Promise<Bank>;
  close(): Promise<void>;
}

let keys = 0;
/** A key nobody used. */
export function freshKey(): string {
  keys += 1;
  return `key-${keys}`;
}

async function bankOf(server: InhabitedServer, identifier: string, metadata: ServerMetadata): Promise<Bank> {
  const { resourceServers, clients } = server.app.parts;
  const registered = await resourceServers.findByIdentifier(identifier);
  if (registered === undefined) throw new Error('the resource is not registered');
  const issued = await clients.serverClients.issue(registered, SYSTEM);
  await resourceServers.addClient(registered.id, issued.clientId, SYSTEM);
  const send = createSend();
  const own = createAgentClient(metadata, issued, send);
  let held = { token: '', until: 0 };
  const bearer = async () => {
    if (Date.now() < held.until) return held.token;
    const { token, body } = await own.clientCredentials({ resource: `${server.issuer}/access/v1`, scope: 'receipts:write' });
    if (token === '') throw new Error(JSON.stringify(body));
    held = { token, until: Date.now() + 200_000 };
    return token;
  };
  const ask: Bank['ask'] = async (method, path, { json, key } = {}) =>
    send({
      method,
      url: `${server.issuer}/access/v1${path}`,
      headers: { authorization: `Bearer ${await bearer()}`, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      ...(json === undefined ? {} : { json }),
    });
  return {
    ask,
    pay(token, amount, more = {}) {
      const jti = typeof token === 'string' ? token : String(token.claims.jti);
      return ask('POST', '/receipts', { json: { jti, type: 'api_call', amount, currency: 'EUR', ...more }, key: freshKey() });
    },
  };
}

/** Starts one. */
export async function startSpendingServer(): Promise<SpendingServer> {
  const bootstrapClient = { clientId: PIPELINE.clientId, secret: PIPELINE.clientSecret };
  const server = await createInhabitedServer({ firstAdministrator: ADMINISTRATOR, bootstrapClient });
  await server.resource(RESOURCE, ['read', 'pay']);
  const metadata = await discover(server.issuer);
  return {
    server,
    metadata,
    bank: await bankOf(server, RESOURCE, metadata),
    async register(name) {
      const grants = ['authorization_code', 'refresh_token', 'client_credentials', CIBA, EXCHANGE];
      const software = await server.register({ client_name: name, redirect_uris: [REDIRECT_URI], grant_types: grants });
      return { ...software, client: createAgentClient(metadata, software) };
    },
    async consent(agent, details) {
      const asked = { resource: RESOURCE, scope: 'pay offline_access', authorization_details: details };
      const pending = agent.client.authorizationRequest(asked, REDIRECT_URI);
      const answer = await agent.client.redeem(pending, await server.mira.authorize(`${pending.url}&prompt=consent`));
      if (answer.token === '') throw new Error(`no token: ${JSON.stringify(answer.body)}`);
      return answer;
    },
    async delegate(from, to) {
      const until = new Date(Date.now() + 86_400_000).toISOString();
      const input = { from: from.agentId, to: to.agentId, resources: [RESOURCE], authorization_details_types: ['api_call'], until };
      await server.app.parts.tokenExchange.delegations.create(input, SYSTEM);
    },
    async manage(path, scope = 'admin:read') {
      const pipeline = createAgentClient(metadata, PIPELINE);
      const { token } = await pipeline.clientCredentials({ resource: `${server.issuer}/api/v1`, scope });
      return createSend()({ url: `${server.issuer}/api/v1${path}`, headers: { authorization: `Bearer ${token}` } });
    },
    async anotherBank(identifier) {
      await server.resource(identifier, ['pay']);
      return bankOf(server, identifier, metadata);
    },
    close: () => server.close(),
  };
}
