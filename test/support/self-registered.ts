import { type AgentClient, createAgentClient, discover, type TokenAnswer } from './agent-client.ts';
import { createSend } from './http-exchange.ts';
import type { InhabitedServer } from './inhabited-server.ts';
import type { Filling, Page, Person } from './person.ts';

/** An answer of the registration endpoint (RFC 7591 §3.2). */
export interface Registration {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Software that registered without a token, as it speaks to the server. */
export interface SelfRegistered {
  readonly clientId: string;
  readonly information: Readonly<Record<string, unknown>>;
  readonly client: AgentClient;
  /** The page a person comes to. */
  reach(person: Person, what: { readonly resource: string; readonly scope?: string }): Promise<Page>;
  /** A person lets it act for them; the token that follows. */
  connect(person: Person, what: { readonly resource: string; readonly scope?: string }, filling?: Filling): Promise<TokenAnswer>;
}

/** As an MCP client on somebody's own machine registers. */
export const LOOPBACK_CLIENT = {
  client_name: 'Code Helper',
  redirect_uris: ['http://localhost:51234/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** Registers without a token. */
export async function registerOpenly(issuer: string, metadata: object, headers: Record<string, string> = {}): Promise<Registration> {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(metadata),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Software that is registered and ready to send people to the server. @throws when it is refused. */
export async function selfRegistered(server: Pick<InhabitedServer, 'issuer'>, metadata: object = LOOPBACK_CLIENT): Promise<SelfRegistered> {
  const { status, body } = await registerOpenly(server.issuer, metadata);
  if (status !== 201) throw new Error(`not registered: ${JSON.stringify(body)}`);
  const clientId = String(body['client_id']);
  const found = await discover(server.issuer);
  const client = createAgentClient(found, { clientId, clientSecret: String(body['client_secret'] ?? '') }, createSend());
  const [redirectUri = ''] = body['redirect_uris'] as string[];
  const begin = (what: { resource: string; scope?: string }) => client.authorizationRequest(what, redirectUri);
  return {
    clientId,
    information: body,
    client,
    reach: (person, what) => person.reachConsent(begin(what).url),
    async connect(person, what, filling) {
      const pending = begin(what);
      return client.redeem(pending, await person.authorize(pending.url, filling));
    },
  };
}
