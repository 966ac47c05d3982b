import { expect } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import type { AttributeDocument, RealThings } from './scim-values.ts';

/** A SCIM answer: of a resource, a list or an error, as far as the tests read it. */
export interface ScimAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly meta: { readonly version: string; readonly location: string };
    readonly scimType?: string;
    readonly totalResults: number;
    readonly Resources: readonly Readonly<Record<string, unknown>>[];
  };
}

/** Asks `/scim/v2` with a token that has the governance right. */
export type ScimSend = (target: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<ScimAnswer>;

/** A schema as `/Schemas` prints it. */
export interface SchemaDocument {
  readonly id: string;
  readonly attributes: readonly AttributeDocument[];
}

/** A resource type as `/ResourceTypes` prints it, with its schemas. */
export interface DescribedType {
  readonly name: string;
  readonly endpoint: string;
  readonly schema: SchemaDocument;
  readonly extensions: readonly SchemaDocument[];
}

/** A whole server that an identity system speaks to. */
export interface ScimConformanceServer extends InhabitedServer {
  readonly send: ScimSend;
  /** What the server says of itself. */
  readonly types: readonly DescribedType[];
  /** What attributes may refer to. */
  readonly real: RealThings;
}

const PROVISIONER = { clientId: 'provisioner', secret: 'a-secret-of-more-than-thirty-two-characters' };
const SYSTEM = { kind: 'system', id: 'command-line' } as const;
const TOKEN_AGE_MS = 200_000;
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** A way to ask as the provisioning client; its token is renewed before it ends. */
function createScimSend(issuer: string): ScimSend {
  let token = '';
  let madeAt = Number.NEGATIVE_INFINITY;
  const renew = async () => {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${PROVISIONER.clientId}:${PROVISIONER.secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: `${issuer}/scim/v2`, scope: 'scim:read scim:write' }),
    });
    token = ((await response.json()) as { access_token: string }).access_token;
    madeAt = performance.now();
  };
  return async (target, body, headers = {}) => {
    if (performance.now() - madeAt > TOKEN_AGE_MS) await renew();
    const [method = 'GET', path = ''] = target.split(/ (.*)/);
    const response = await fetch(`${issuer}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) } as ScimAnswer;
  };
}

async function readTypes(send: ScimSend): Promise<readonly DescribedType[]> {
  const schemas = (await send('GET /Schemas')).body.Resources as unknown as readonly SchemaDocument[];
  const schemaOf = (urn: unknown) => {
    const found = schemas.find(({ id }) => id === urn);
    if (found === undefined) throw new Error(`/Schemas does not have ${String(urn)}`);
    return found;
  };
  return (await send('GET /ResourceTypes')).body.Resources.map(({ name, endpoint, schema, schemaExtensions }) => ({
    name: String(name),
    endpoint: String(endpoint),
    schema: schemaOf(schema),
    extensions: (schemaExtensions as { schema: string }[]).map((extension) => schemaOf(extension.schema)),
  }));
}

/** Two of everything that an attribute may name, so that one can be changed into the other. */
async function makeRealThings(server: InhabitedServer, send: ScimSend): Promise<RealThings> {
  const { accounts, agents } = server.app.parts;
  const other = await accounts.invite({ email: 'noor@acme.test', name: 'Noor Haddad', role: 'user' }, SYSTEM);
  await accounts.redeemLink(other.link.url.slice(other.link.url.lastIndexOf('/') + 1), {
    password: 'tall ships in the fog',
    name: undefined,
  });
  const by = { ...SYSTEM, party: 'administrator' } as const;
  const software = await server.register({ client_name: 'Seen', grant_types: ['client_credentials'] });
  agents.touch(software.agentId);
  await agents.flushLastSeen();
  const owner = { kind: 'user', id: server.miraId } as const;
  const second = await agents.create({ displayName: 'Second', owner, maxChildren: 100, maxChildDepth: 2, source: 'console' }, by);
  await agents.update(software.agentId, { changes: { maxChildren: 100, maxChildDepth: 2 } }, by);
  const stopped = await agents.create({ displayName: 'Stopped', owner, source: 'console' }, by);
  await agents.setStatus(stopped.id, 'suspended', { by, reason: 'It waits.' });
  const confirmed = `UPDATE agents SET last_confirmed_at = created_at, last_confirmed_by = owner_id, status = 'underReview', acts_under_review = true WHERE id = $1`;
  await server.db.rows({ name: '', text: confirmed, values: [stopped.id] });
  const urn = 'urn:ietf:params:scim:schemas:core:2.0:AgenticApplication';
  await send('POST /AgenticApplications', { schemas: [urn], name: 'Around it', agents: [{ value: software.agentId }] });
  return { people: [server.miraId, other.account.id], agents: [software.agentId, second.id] };
}

/** Starts one, and reads what it says of itself. */
export async function openScimServer(): Promise<ScimConformanceServer> {
  const server = await createInhabitedServer({ bootstrapClient: PROVISIONER });
  const send = createScimSend(server.issuer);
  return { ...server, send, types: await readTypes(send), real: await makeRealThings(server, send) };
}

/** The answer is a refusal in the form of RFC 7644 §3.12, with one of these scimTypes. */
export function expectRefusal(answer: ScimAnswer, status: number, ...scimTypes: readonly string[]): void {
  expect(answer.body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) });
  expect(answer.status).toBe(status);
  if (scimTypes.length > 0) expect(scimTypes).toContain(answer.body.scimType);
}
