import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import { canonicalResourceUri } from '../resource-servers/index.ts';
import { type ClientRecord, PURPOSES } from './client.ts';
import { ALL_GRANTS } from './grant-types.ts';
import type { ClientChange } from './store.ts';

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;
const uri = z.string().min(1).max(2_000);

const metadataMembers = {
  client_name: z.string().trim().min(1, 'is empty').max(80),
  token_endpoint_auth_method: z.enum(METHODS),
  grant_types: z.array(z.enum(ALL_GRANTS)).max(10),
  redirect_uris: z.array(uri).max(20),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(10) }),
  jwks_uri: uri,
  /** Identity scopes and scopes of resource servers, as in RFC 7591; left out: every scope of what it may reach. */
  scope: z.string().max(4_000),
  dpop_bound_access_tokens: z.boolean(),
};
const ownMembers = {
  is_management: z.boolean(),
  has_governance: z.boolean(),
  default_resource: uri.nullable(),
  default_scope: z.string().min(1).max(1_000).nullable(),
  /** The only resources it may ask for; null: any that is registered. */
  resources: z.array(uri).max(50).nullable(),
};

/** What an administrator says of a new client: metadata by its RFC 7591 names, and members of ours. */
export const newClient = z.strictObject({
  ...z.object(metadataMembers).partial().shape,
  client_name: metadataMembers.client_name,
  token_endpoint_auth_method: metadataMembers.token_endpoint_auth_method.default('client_secret_basic'),
  grant_types: metadataMembers.grant_types.default(['client_credentials']),
  purpose: z.enum(PURPOSES).default('application'),
  ...z.object(ownMembers).partial().shape,
});
export type NewClientInput = z.output<typeof newClient>;

/** What an administrator may change of a client. */
export const clientChange = z.strictObject({ ...metadataMembers, ...ownMembers, status: z.enum(['active', 'disabled']) }).partial();
export type ClientChangeInput = z.output<typeof clientChange>;
const OWN_MEMBERS = new Set([...Object.keys(ownMembers), 'purpose', 'status']);

/** The metadata half of an input; members that were not given are left out. */
export function metadataOf(input: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([name, value]) => value !== undefined && !OWN_MEMBERS.has(name)));
}

function canonicalOrThrow(value: string, member: string): string {
  const canonical = canonicalResourceUri(value);
  if (!canonical.ok) throw new AppError('invalid_input', `The resource ${canonical.reason}.`, { member });
  return canonical.uri;
}

/** The members of ours in an input, as the record has them; only those that were given. @throws {AppError} `invalid_input` */
export function ownChanges(input: ClientChangeInput, before: ClientRecord['bounds']): ClientChange {
  const { default_resource: resource, default_scope: scope, resources, is_management: isManagement, has_governance: hasGovernance } = input;
  return {
    ...(isManagement === undefined ? {} : { isManagement }),
    ...(hasGovernance === undefined ? {} : { hasGovernance }),
    ...(resource === undefined ? {} : { defaultResource: resource === null ? undefined : canonicalOrThrow(resource, '/default_resource') }),
    ...(scope === undefined ? {} : { defaultScope: scope ?? undefined }),
    ...(resources === undefined
      ? {}
      : { bounds: { ...before, resources: resources?.map((each, index) => canonicalOrThrow(each, `/resources/${index}`)) ?? undefined } }),
  };
}
