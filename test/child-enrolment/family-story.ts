import type { Agent } from '../../src/agents/index.ts';
import { type AgentClient, createAgentClient, discover } from '../support/agent-client.ts';
import { createSend, type HttpExchange } from '../support/http-exchange.ts';
import { CHILD_GRANT, createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';

/** Software that speaks for an agent. */
export type SpeakingAgent = RegisteredSoftware & { readonly client: AgentClient };

/** A server with a parent that may enrol agents, and a resource for them. */
export interface FamilyStory {
  readonly server: InhabitedServer;
  readonly resource: string;
  readonly parent: SpeakingAgent;
  /** Another agent of Mira's, without room below it. */
  register(about?: Readonly<Record<string, unknown>>): Promise<SpeakingAgent>;
  /** The answer of the token endpoint to a parent that asks for a child. */
  ask(parent: SpeakingAgent, what?: Readonly<Record<string, string>>): ReturnType<AgentClient['token']>;
  /** Registers with an initial access token, as the child's software does. */
  enrol(token: string, metadata?: Readonly<Record<string, unknown>>): Promise<HttpExchange>;
  /** Both, for a child that is to come into being. */
  child(parent: SpeakingAgent, what?: Readonly<Record<string, string>>, metadata?: object): Promise<SpeakingAgent>;
  /** Sets the limits of an agent as an administrator does. */
  allow(agentId: string, changes: Partial<Agent>): Promise<Agent>;
  stop(agentId: string, to?: 'suspended' | 'underReview' | 'retired'): Promise<Agent>;
  /** Asks as the client of the resource server whether a token is alive. */
  isAlive(token: string): Promise<boolean>;
}

export const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
export const GRANTS = ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange', CHILD_GRANT];
const RESOURCE = 'https://invoices.acme.test/mcp';

/** Opens it. */
export async function openFamily(): Promise<FamilyStory> {
  const server = await createInhabitedServer();
  const send = createSend();
  const metadata = await discover(server.issuer, send);
  const resource = await server.resource(RESOURCE, ['read', 'pay']);
  const { agents, resourceServers, clients } = server.app.parts;
  const speaking = (software: RegisteredSoftware): SpeakingAgent => ({ ...software, client: createAgentClient(metadata, software, send) });
  const register: FamilyStory['register'] = async (about = {}) =>
    speaking(await server.register({ client_name: 'Orchestrator', grant_types: GRANTS, ...about }));
  const allow: FamilyStory['allow'] = (agentId, changes) => agents.update(agentId, { changes }, administrator);
  const parent = await register();
  await allow(parent.agentId, { maxChildren: 5, maxChildDepth: 2 });
  const ask: FamilyStory['ask'] = (asking, what = {}) => asking.client.token({ grant_type: CHILD_GRANT, ...what });
  const enrol: FamilyStory['enrol'] = (token, about = {}) =>
    send({
      url: metadata.registration_endpoint,
      headers: { authorization: `Bearer ${token}` },
      json: { client_name: 'Worker', grant_types: ['client_credentials'], ...about },
    });
  const record = await resourceServers.findByIdentifier(resource);
  const own = await clients.serverClients.issue({ name: 'Invoices', identifier: resource }, administrator);
  await resourceServers.addClient(String((record as { id?: string } | undefined)?.id), own.clientId, administrator);
  const introspecting = createAgentClient(metadata, own, send);
  return {
    server,
    resource,
    parent,
    register,
    ask,
    enrol,
    allow,
    async child(asking, what = {}, about = {}) {
      const asked = await ask(asking, what);
      const { status, body } = await enrol(asked.token, { ...about });
      if (status !== 201) throw new Error(`not enrolled: ${JSON.stringify([asked.body, body])}`);
      const clientId = String(body['client_id']);
      const agent = await agents.findByClient(clientId);
      return speaking({ clientId, clientSecret: String(body['client_secret']), agentId: agent?.id ?? '', information: body });
    },
    stop: (agentId, to = 'suspended') => agents.setStatus(agentId, to, { by: administrator, reason: 'odd payments' }),
    isAlive: async (token) => (await introspecting.introspect(token)).body['active'] === true,
  };
}
