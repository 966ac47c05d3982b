import { decodeJwt, type JWTPayload } from 'jose';
import { newTrustProvider } from '../../src/trust/provider.ts';
import type { TrustProvider } from '../../src/trust/index.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { ADMINISTRATOR, basic, type SeededClient } from '../support/seeding.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const RESOURCE = 'https://mcp.tool.test/tickets';
export const MIRA = 'mira@acme.test';
export { ADMINISTRATOR };

/** A server, the identity provider of a company that it trusts, an agent of the company and one of its people. */
export interface Company {
  readonly server: TestServer;
  readonly idp: ForeignIssuer;
  readonly provider: TrustProvider;
  readonly agent: SeededClient & { readonly agentId: string };
  readonly accountId: string;
  /** An ID-JAG for Mira, as the identity provider would give it to the agent; `claims` over it, undefined takes one out. */
  idJag(claims?: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

type Named = Pick<SeededClient, 'clientId' | 'secret'>;

/** A client of an agent that is active, or of nobody when `owner` is left out. */
export async function makeClient(
  server: TestServer,
  { name, owner, ...input }: { name: string; owner?: string } & Record<string, unknown>,
): Promise<SeededClient & { readonly agentId: string }> {
  const { clients, agents } = server.app.parts;
  const filled = {
    client_name: name,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [JWT_BEARER],
    purpose: owner === undefined ? 'application' : 'agent',
    ...input,
  };
  const { record, secret } = await clients.create(filled as never, ADMINISTRATOR);
  if (owner === undefined) return { clientId: record.id, secret, agentId: '', key: undefined as never };
  const about = { displayName: name, owner: { kind: 'user', id: owner }, status: 'active', source: 'console' } as const;
  const { id: agentId } = await agents.create(about, ADMINISTRATOR);
  await agents.linkClient(agentId, record.id, ADMINISTRATOR);
  return { clientId: record.id, secret, agentId, key: undefined as never };
}

/** A registered resource server with scopes `read` and `write`. */
export async function makeResource(server: TestServer, identifier: string): Promise<void> {
  const about = { identifier, name: identifier, kind: 'mcp', sensitivity: 'medium', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  const scopes = ['read', 'write'].map((name) => ({ name, description: name }));
  await server.app.parts.resourceServers.create({ ...about, scopes }, ADMINISTRATOR);
}

/** A trust provider as the interface would make it. */
export function trust(server: TestServer, input: Readonly<Record<string, unknown>>): Promise<TrustProvider> {
  return server.app.parts.trust.create(newTrustProvider.parse(input), ADMINISTRATOR);
}

/** Opens the company. `drafts`: switched on at the server; `issuer`: its own address when that matters. */
export async function openCompany(drafts: readonly 'mcp-sep-1933'[] = [], issuer?: URL): Promise<Company> {
  const config = { drafts, ...(issuer === undefined ? {} : { issuer }) };
  const [server, idp] = await Promise.all([createTestServer(config), startForeignIssuer()]);
  await makeResource(server, RESOURCE);
  const person = { email: MIRA, name: 'Mira', role: 'user' } as const;
  const { id: accountId } = await server.app.parts.accounts.create(person, { kind: 'system', id: 'setup' });
  const agent = await makeClient(server, { name: 'Ticket bot', owner: accountId });
  const record = { name: 'Acme', kind: 'identity_provider', issuer: idp.issuer, jwks_uri: idp.jwksUri, domains: ['acme.test'] } as const;
  const provider = await trust(server, record);
  return {
    ...{ server, idp, provider, agent, accountId },
    idJag: (claims = {}, header = {}) => {
      const all = {
        sub: 'u-77',
        aud: server.issuer,
        client_id: agent.clientId,
        resource: RESOURCE,
        scope: 'read write',
        email: MIRA,
        email_verified: true,
        ...claims,
      };
      const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      return idp.sign(kept, { typ: 'oauth-id-jag+jwt', ...header });
    },
    async close() {
      await server.close();
      await idp.close();
    },
  };
}

/** An answer of the token endpoint. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly claims: JWTPayload;
}

/** Presents an assertion; `client` undefined: without a client. */
export async function present(
  server: Pick<TestServer, 'issuer'>,
  assertion: string,
  about: { client?: Named; headers?: Record<string, string>; form?: Record<string, string> } = {},
): Promise<Answer> {
  const { client, headers = {}, form = {} } = about;
  const response = await fetch(`${server.issuer}/token`, {
    method: 'POST',
    headers: { ...(client === undefined ? {} : basic(client)), ...headers },
    body: new URLSearchParams({ grant_type: JWT_BEARER, assertion, ...form }),
  });
  const body = (await response.json()) as Record<string, unknown>;
  const token = body['access_token'];
  return { status: response.status, body, claims: typeof token === 'string' ? decodeJwt(token) : {} };
}

/** The decision behind a refusal, as an administrator reads it. */
export async function decisionOf({ server }: Pick<Company, 'server'>, { body }: Answer) {
  return server.app.parts.policy.get(String(body['decision_id']));
}
