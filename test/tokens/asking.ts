import type { Issuance } from '../../src/tokens/index.ts';
import { PAYMENTS, SECRET, TEST_GRANT, type TestClient, type TokenServer } from './token-server.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

/** Adds a confidential client that is alive; `members` are metadata. */
export async function addClient(server: TokenServer, id: string, members: Partial<TestClient> = {}): Promise<void> {
  server.roster.clients.set(id, {
    client_id: id,
    client_secret: SECRET,
    grant_types: ['client_credentials', 'refresh_token', TEST_GRANT],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
    authorization_details_types: ['api_call'],
    ...members,
  });
  await server.parties.add('client', id);
}

/** Adds an agent that is alive with a client of its own, `cli-<name>`. */
export async function addAgent(server: TokenServer, name: string): Promise<{ agentId: string; clientId: string }> {
  const [agentId, clientId] = [`agt_${name}`, `cli-${name}`];
  await addClient(server, clientId);
  server.roster.principals.set(clientId, { kind: 'agent', id: agentId });
  server.roster.agentClients.set(agentId, [clientId]);
  await server.parties.add('agent', agentId);
  return { agentId, clientId };
}

/** The Authorization header of a client. */
export function basic(clientId: string, secret = SECRET): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` };
}

/** Posts a form (an object, or its exact text). */
export async function post(
  server: TokenServer,
  path: string,
  options: { form: Record<string, string> | string; headers?: Record<string, string> },
): Promise<Reply> {
  const form = typeof options.form === 'string' ? options.form : new URLSearchParams(options.form).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...options.headers };
  const response = await fetch(`${server.issuer}${path}`, { method: 'POST', headers, body: form });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

export interface Wish {
  readonly account?: string;
  readonly grantId?: string;
  readonly ttl?: number;
  readonly notes?: Issuance;
  readonly scope?: string;
  readonly resource?: string;
  readonly details?: readonly object[];
  readonly headers?: Record<string, string>;
}

/** Asks for a token by the grant of the tests; the answer as it came. */
export function ask(server: TokenServer, clientId: string, wish: Wish = {}): Promise<Reply> {
  const { scope = 'pay', resource = PAYMENTS, details, headers, ...order } = wish;
  const form = { grant_type: TEST_GRANT, order: JSON.stringify(order), scope, resource };
  const all = details === undefined ? form : { ...form, authorization_details: JSON.stringify(details) };
  return post(server, '/token', { form: all, headers: { ...basic(clientId), ...headers } });
}

/** Asks for a token that must be given. */
export async function obtain(
  server: TokenServer,
  clientId: string,
  wish: Wish = {},
): Promise<{ jwt: string; jti: string; claims: Record<string, unknown>; reply: Record<string, unknown> }> {
  const { status, body, text } = await ask(server, clientId, wish);
  if (status !== 200) throw new Error(`no token: ${status} ${text}`);
  const jwt = String(body['access_token']);
  const claims = jwt.includes('.')
    ? (JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>)
    : {};
  return { jwt, jti: String(claims['jti']), claims, reply: body };
}

/** Asks about a token as a client; the answer's body. */
export async function introspect(server: TokenServer, clientId: string, token: string): Promise<Record<string, unknown>> {
  const { status, body, text } = await post(server, '/introspect', { form: { token }, headers: basic(clientId) });
  if (status !== 200) throw new Error(`no answer: ${status} ${text}`);
  return body;
}
