import { type AgentClient, createAgentClient, type ServerMetadata } from '../test/support/agent-client.ts';
import type { HttpExchange, Send } from '../test/support/http-exchange.ts';
import type { Person } from '../test/support/person.ts';
import type { Narrator } from './narrator.ts';

/** An agent that is enrolled: its record in the registry and its software. */
export interface EnrolledAgent {
  readonly id: string;
  readonly name: string;
  readonly client: AgentClient;
}

/** Interfaces of the server as the pipeline that sets things up uses them. */
export interface Management {
  api(method: string, path: string, json?: unknown): Promise<HttpExchange>;
  scim(method: string, path: string, json?: unknown): Promise<HttpExchange>;
}

/** What the story is played with; each chapter adds to it. */
export interface Stage {
  readonly issuer: string;
  readonly server: ServerMetadata;
  readonly narrator: Narrator;
  /** Asks and tells. */
  readonly send: Send;
  readonly management: Management;
}

/** Asks with the token of one of the server's own resources. */
export function createManagement(issuer: string, tokens: { readonly api: string; readonly scim: string }, send: Send): Management {
  const ask = (token: string) => (method: string, path: string, json?: unknown) =>
    send({ method, url: `${issuer}${path}`, headers: { authorization: `Bearer ${token}` }, ...(json === undefined ? {} : { json }) });
  return { api: ask(tokens.api), scim: ask(tokens.scim) };
}

/** A text member of an answer. @throws when it is not there, with the answer. */
export function textIn({ body, status }: Pick<HttpExchange, 'body' | 'status'>, member: string): string {
  const value = body[member];
  if (typeof value !== 'string') throw new Error(`the answer (${status}) has no ${member}: ${JSON.stringify(body)}`);
  return value;
}

/** Registers software that holds an initial access token (RFC 7591); it becomes an agent in the registry. */
export async function enrol(
  stage: Stage,
  initialAccessToken: string,
  metadata: { readonly client_name: string } & Readonly<Record<string, unknown>>,
): Promise<EnrolledAgent> {
  const { send, server, narrator, management } = stage;
  const headers = { authorization: `Bearer ${initialAccessToken}` };
  const registered = await send({ url: server.registration_endpoint, headers, json: metadata });
  narrator.check(`${metadata.client_name} is registered`, registered.status === 201, registered.body);
  const credentials = { clientId: textIn(registered, 'client_id'), clientSecret: textIn(registered, 'client_secret') };
  const filter = encodeURIComponent(`displayName eq "${metadata.client_name}"`);
  const found = await management.scim('GET', `/scim/v2/Agents?filter=${filter}&attributes=displayName,active,owners`);
  const [agent] = (found.body['Resources'] ?? []) as { id?: string; active?: boolean }[];
  narrator.check('it is in the registry, active, with an owner', agent?.active === true, found.body);
  return { id: agent?.id ?? '', name: metadata.client_name, client: createAgentClient(server, credentials, send) };
}

/** The people of the story. */
export interface People {
  readonly mira: Person;
  readonly miraId: string;
  readonly miraEmail: string;
}
