import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import type { ChangedBy, RegistrationAudit } from '../audit-trail.ts';
import { GRANT } from '../grant-types.ts';
import type { ClientService } from '../service.ts';
import type { ClientStore } from '../store.ts';
import { createAdmission, hashesOf, type ProvisioningAdmission } from './admission.ts';
import { endOf, MOST_LIVING, type NewProvisioningToken, type ProvisioningToken, valueFrom } from './provisioning-token.ts';
import { createProvisioningTokenStore, type ProvisioningClient, type ProvisioningTokenStore } from './store.ts';

/** A token that was just made. */
export interface MadeToken {
  readonly token: ProvisioningToken;
  /** What the identity provider shows; in this one answer, and kept as a keyed hash. */
  readonly value: string;
}

/** The use cases around provisioning tokens. */
export interface ProvisioningTokens extends ProvisioningAdmission {
  /** A new client for an identity provider, with its first token. @throws {AppError} `invalid_input` */
  connect(
    provider: { readonly name: string; readonly hasGovernance: boolean; readonly token: NewProvisioningToken },
    by: ChangedBy,
  ): Promise<MadeToken & { readonly clientId: string }>;
  /** @throws {AppError} `not_found`, `conflict` when two are alive, or the client is stopped or not marked for management (R6). */
  create(clientId: string, input: NewProvisioningToken, by: ChangedBy): Promise<MadeToken>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<ProvisioningToken>;
  /** Its next use is refused. @throws {AppError} `not_found`, `conflict` when it was revoked before. */
  revoke(id: string, by: ChangedBy): Promise<void>;
  /** All of a client that is stopped, in the transaction that stops it: starting it again brings none back. */
  endAll(clientId: string, reason: { readonly cause: string; readonly by: ChangedBy }): Promise<void>;
  /** Identity providers with the tokens they have, and those that ended in the last 30 days; newest first. */
  list(page: { readonly after: string | undefined; readonly limit: number }): ReturnType<ProvisioningTokenStore['listClients']>;
  /** Clients that can be given a token. */
  choices(): Promise<readonly ProvisioningClient[]>;
}

/** What the service stands on. */
export interface ProvisioningTokenDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly audit: RegistrationAudit;
  readonly clients: Pick<ClientStore, 'findForUpdate'> & Pick<ClientService, 'create'>;
  /** `<issuer>/scim/v2`. */
  readonly scimBaseUrl: string;
}

const SECRET_BYTES = 32;
const SHOWN_SECONDS = 30 * 86_400;

/** The service over its store. */
export function createProvisioningTokens(deps: ProvisioningTokenDeps): ProvisioningTokens {
  const { db, clock, audit } = deps;
  const store = createProvisioningTokenStore(deps);
  const get = async (id: string) => {
    const token = await store.find(id);
    if (token === undefined) throw new AppError('not_found', 'There is no such provisioning token.');
    return token;
  };
  const create = (clientId: string, input: NewProvisioningToken, by: ChangedBy) =>
    db.transaction(() => make({ ...deps, store }, { clientId, input, by }));
  return {
    ...createAdmission({ ...deps, store }),
    get,
    create,
    list: (page) => store.listClients({ ...page, endedSince: secondsAfter(clock.now(), -SHOWN_SECONDS) }),
    choices: () => store.choices(),
    connect: ({ name, hasGovernance, token: input }, by) =>
      db.transaction(async () => {
        const { record } = await deps.clients.create(clientFor(name, hasGovernance, deps.scimBaseUrl), by);
        return { clientId: record.id, ...(await create(record.id, input, by)) };
      }),
    revoke: (id, by) =>
      db.transaction(async () => {
        const { clientId } = await get(id);
        if (!(await store.revoke(id, clock.now()))) throw new AppError('conflict', 'This provisioning token was ended before.');
        await audit.record({ type: 'provisioning_token.revoked', actor: by, clientId, resource: id });
      }),
    endAll: (clientId, { cause, by }) =>
      db.transaction(async () => {
        for (const id of await store.revokeAll(clientId, clock.now()))
          await audit.record({ type: 'provisioning_token.revoked', actor: by, clientId, resource: id, cause });
      }),
  };
}

/** The client's own secret is made and shown to nobody: an administrator who wants it to ask for tokens properly makes another. */
function clientFor(name: string, hasGovernance: boolean, scimBaseUrl: string): Parameters<ClientService['create']>[0] {
  return {
    client_name: name,
    purpose: 'management',
    is_management: true,
    has_governance: hasGovernance,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [GRANT.clientCredentials],
    scope: 'scim:read scim:write',
    resources: [scimBaseUrl],
  };
}

/** The lock on the client makes two who make its third token at once wait for each other, and whoever stops it. */
async function make(
  { clients, store, clock, ids, vault, audit }: ProvisioningTokenDeps & { readonly store: ProvisioningTokenStore },
  { clientId, input, by }: { readonly clientId: string; readonly input: NewProvisioningToken; readonly by: ChangedBy },
): Promise<MadeToken> {
  const client = (await clients.findForUpdate(clientId))?.record;
  if (client === undefined) throw new AppError('not_found', 'There is no such client.');
  if (client.status !== 'active' || !client.isManagement || client.serviceId === undefined)
    throw new AppError('conflict', 'Only an active client that is marked for management can have one.', { member: '/client' });
  const now = clock.now();
  if ((await store.countLiving(clientId, now)) >= MOST_LIVING)
    throw new AppError('conflict', 'Two of its tokens are alive, so that one can replace the other: end one first.', { member: '/client' });
  const value = valueFrom(ids.bytes(SECRET_BYTES));
  const token: ProvisioningToken = {
    id: ids.next('prov'),
    clientId,
    endsIn: endOf(value),
    mayWrite: input.access === 'write',
    addresses: input.addresses,
    createdAt: now,
    expiresAt: secondsAfter(now, input.ttl_seconds),
    revokedAt: undefined,
    lastUse: undefined,
    lastRefusal: undefined,
  };
  await store.insert(token, hashesOf(vault, value)[0]);
  await audit.record({ type: 'provisioning_token.created', actor: by, clientId, resource: token.id });
  return { token, value };
}
