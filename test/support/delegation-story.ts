import type { Logger } from '../../src/platform/log.ts';
import { type AgentClient, basic, createAgentClient, discover, type TokenAnswer } from './agent-client.ts';
import { createSend, type HttpExchange, type Send } from './http-exchange.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from './inhabited-server.ts';
import { createPerson, type Person } from './person.ts';

/** Software of an agent that speaks to the server. */
export type SpeakingAgent = RegisteredSoftware & { readonly client: AgentClient };

/** A server on which one delegation has happened: consent, exchange, an approval that waits. */
export interface DelegationStory {
  readonly server: InhabitedServer;
  readonly resource: string;
  readonly ada: Person;
  readonly mira: Person;
  readonly assistant: SpeakingAgent;
  readonly bookkeeper: SpeakingAgent;
  /** The assistant's token for Mira, with a refresh token. */
  readonly parent: TokenAnswer;
  /** The bookkeeper's, made from it. */
  readonly child: TokenAnswer;
  /** Asks as the client of the resource server whether a token is alive. */
  isAlive(token: string): Promise<boolean>;
  /** For `/api/v1`, with everything but the right to decide. */
  readonly managementToken: string;
  /** For `/scim/v2`. */
  readonly scimToken: string;
  /** Asks an own interface of the server as the pipeline. */
  manage(method: string, path: string, json?: unknown): Promise<HttpExchange>;
}

export const REDIRECT_URI = 'http://127.0.0.1:49152/callback';
const RESOURCE = 'https://invoices.acme.test/mcp';
const PIPELINE = { clientId: 'pipeline', secret: 'a-secret-of-more-than-thirty-two-characters' };
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CIBA = 'urn:openid:params:grant-type:ciba';

async function createManage(
  server: InhabitedServer,
  send: Send,
): Promise<Pick<DelegationStory, 'manage' | 'managementToken' | 'scimToken'>> {
  const metadata = await discover(server.issuer, send);
  const pipeline = createAgentClient(metadata, { clientId: PIPELINE.clientId, clientSecret: PIPELINE.secret }, send);
  const tokenFor = async (resource: string, scope: string) =>
    (await pipeline.clientCredentials({ resource: `${server.issuer}${resource}`, scope })).token;
  const api = await tokenFor('/api/v1', 'admin:read admin:write');
  const scim = await tokenFor('/scim/v2', 'scim:read scim:write');
  const manage: DelegationStory['manage'] = (method, path, json) =>
    send({
      method,
      url: `${server.issuer}${path}`,
      headers: { authorization: `Bearer ${path.startsWith('/scim') ? scim : api}` },
      ...(json === undefined ? {} : { json }),
    });
  return { manage, managementToken: api, scimToken: scim };
}

/** Plays it on a server of its own; `log` hears what the server says. @throws when a step is refused: then nothing of a test would make sense. */
export async function playDelegation(log?: Logger): Promise<DelegationStory> {
  const server = await createInhabitedServer({ firstAdministrator: ADMINISTRATOR, bootstrapClient: PIPELINE }, log);
  const send = createSend();
  const resource = await server.resource(RESOURCE, ['read', 'pay']);
  const metadata = await discover(server.issuer, send);
  const register = async (about: Readonly<Record<string, unknown>>): Promise<SpeakingAgent> => {
    const software = await server.register(about);
    return { ...software, client: createAgentClient(metadata, software, send) };
  };
  const assistant = await register({
    client_name: 'Assistant',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials', CIBA, EXCHANGE],
  });
  const bookkeeper = await register({ client_name: 'Bookkeeper', grant_types: [EXCHANGE] });
  const mira = createPerson(server.issuer, server.miraCredentials, send);
  const ada = createPerson(server.issuer, ADMINISTRATOR, send);
  const { manage, managementToken, scimToken } = await createManage(server, send);
  const parent = await consentTo(assistant, mira, { resource, scope: 'read pay' });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await manage('POST', '/api/v1/delegations', {
    from: assistant.agentId,
    to: bookkeeper.agentId,
    resources: [resource],
    scopes: ['read'],
    until,
  });
  const child = await bookkeeper.client.exchange(parent.token, { resource, scope: 'read' });
  if (child.token === '') throw new Error(`no exchange: ${JSON.stringify(child.body)}`);
  const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], locations: [resource] }];
  await assistant.client.askPerson(server.miraEmail, { resource, scope: 'openid pay', authorization_details: details });
  const isAlive = await createLivenessQuestion(server, { resource, introspect: metadata.introspection_endpoint, send });
  return { server, resource, ada, mira, assistant, bookkeeper, parent, child, isAlive, managementToken, scimToken, manage };
}

/** Mira's consent and the token it leads to. */
export async function consentTo(agent: SpeakingAgent, person: Person, what: { resource: string; scope: string }): Promise<TokenAnswer> {
  const pending = agent.client.authorizationRequest(what, REDIRECT_URI);
  const answer = await agent.client.redeem(pending, await person.authorize(pending.url));
  if (answer.token === '') throw new Error(`no token: ${JSON.stringify(answer.body)}`);
  return answer;
}

async function createLivenessQuestion(
  server: InhabitedServer,
  { resource, introspect, send }: { resource: string; introspect: string; send: Send },
): Promise<DelegationStory['isAlive']> {
  const { resourceServers, clients } = server.app.parts;
  const by = { kind: 'system', id: 'command-line' } as const;
  const registered = await resourceServers.findByIdentifier(resource);
  if (registered === undefined) throw new Error('the resource is not registered');
  const { clientId, clientSecret } = await clients.serverClients.issue(registered, by);
  await resourceServers.addClient(registered.id, clientId, by);
  return async (token) => {
    const { body, text } = await send({ url: introspect, form: { token }, headers: basic(clientId, clientSecret) });
    if (body['active'] !== true && text !== '{"active":false}') throw new Error(`introspection answered ${text}`);
    return body['active'] === true;
  };
}
