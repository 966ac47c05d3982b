import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { ChangedBy, RegistrationAudit } from './audit-trail.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ClientStore } from './store.ts';

/** What became of the environment's client. */
export type Bootstrapped = 'created' | 'rotated' | 'unchanged' | 'stays_deleted';

/** What making it stands on. */
export interface BootstrapDeps {
  readonly ids: Ids;
  readonly log: Pick<Logger, 'warn'>;
  readonly store: ClientStore;
  readonly secrets: ClientSecrets;
  readonly audit: RegistrationAudit;
}

/** Everything of management but the decision of approvals. */
const BOOTSTRAP_SCOPES = ['scim:read', 'scim:write', 'admin:read', 'admin:write', 'access:evaluate', 'access:search'];
/** No `sub` may equal any client_id (security rule R5). */
const TYPED_ID = /^(?:usr|agt|svc)_/;
const ENVIRONMENT: ChangedBy = { kind: 'system', id: 'environment' };

/**
 * Makes the client the environment names: once; its secret follows the environment, and deleted it stays deleted.
 *
 * @throws {AppError} `invalid_input` when its id could be taken for a person's, an agent's or a service's.
 */
export async function ensureBootstrapClient(
  deps: BootstrapDeps,
  { clientId, secret }: { clientId: string; secret: string },
): Promise<Bootstrapped> {
  const { store, secrets, audit, ids } = deps;
  if (TYPED_ID.test(clientId))
    throw new AppError('invalid_input', 'BEHALF_BOOTSTRAP_CLIENT_ID looks like the id of a person, agent or service.');
  const existing = await store.findForUpdate(clientId);
  if (existing === undefined) {
    const isNew = await store.insert({
      id: clientId,
      name: 'Bootstrap client',
      kind: 'bootstrap',
      purpose: 'management',
      serviceId: ids.next('svc'),
      metadata: {
        client_name: 'Bootstrap client',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
      scopes: BOOTSTRAP_SCOPES,
      bounds: { grantTypes: ['client_credentials'] },
      isManagement: true,
      hasGovernance: true,
      defaultResource: undefined,
      defaultScope: undefined,
      initialAccessTokenId: undefined,
      secretHash: secrets.hash(clientId, secret),
    });
    if (!isNew) return (await store.wasRemoved(clientId)) ? 'stays_deleted' : 'unchanged';
    await audit.record({ type: 'client.registered', actor: ENVIRONMENT, clientId, action: 'bootstrap' });
    return 'created';
  }
  if (existing.record.kind !== 'bootstrap') {
    deps.log.warn({ clientId }, 'BEHALF_BOOTSTRAP_CLIENT_ID names a client that was made otherwise; it is left alone');
    return 'unchanged';
  }
  if (secrets.matches(clientId, secret, { ...existing.secrets, previous: undefined })) return 'unchanged';
  await store.setSecret(clientId, { hash: secrets.hash(clientId, secret), previousUntil: undefined });
  await audit.record({ type: 'client.secret_rotated', actor: ENVIRONMENT, clientId });
  return 'rotated';
}
