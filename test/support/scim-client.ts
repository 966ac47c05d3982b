import type { TestServer } from './test-server.ts';

/** A SCIM answer, as far as tests read it. */
export interface ScimAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly meta: { readonly version: string };
    readonly Resources: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  };
}

/** An identity system that speaks SCIM with a token of its own. */
export interface ScimClient {
  readonly clientId: string;
  send(target: string, body?: unknown, options?: { readonly ifMatch?: string }): Promise<ScimAnswer>;
}

const BY = { kind: 'system', id: 'command-line' } as never;

/** Registers a client for management, with or without the governance right (security rule R7), and gets it a token. */
export async function scimClient({ app, issuer }: TestServer, right: 'governance' | 'plain'): Promise<ScimClient> {
  const input = {
    client_name: `Identity system with ${right}`,
    purpose: 'management',
    is_management: true,
    has_governance: right === 'governance',
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
  } as const;
  const { record, secret } = await app.parts.clients.create(input as never, BY);
  const form = { grant_type: 'client_credentials', client_id: record.id, client_secret: secret ?? '' };
  const wish = { resource: `${issuer}/scim/v2`, scope: 'scim:read scim:write' };
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ ...form, ...wish }) });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return {
    clientId: record.id,
    async send(target, body, { ifMatch } = {}) {
      const [method = 'GET', path = ''] = target.split(/ (.*)/);
      const response = await fetch(`${issuer}/scim/v2${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, etag: response.headers.get('etag'), body: text === '' ? {} : JSON.parse(text) } as ScimAnswer;
    },
  };
}
