import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { ChangedBy, OnStopped, RegistrationAudit } from './audit-trail.ts';
import type { ClientRecord } from './client.ts';
import type { ClientAgents } from './console/routes.ts';
import { GRANT } from './grant-types.ts';
import type { ClientStore } from './store.ts';

/** What a workload's client may be used for. */
interface Workload {
  readonly name: string;
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
}

/** Clients that come and go with the records of workloads; each call runs in the transaction that changes the record. */
export interface WorkloadClients {
  /** One that is linked to the agent. @throws {AppError} `invalid_input` without such an agent, `conflict` when it takes no client. */
  make(workload: Workload & { readonly agentId: string }, by: ChangedBy): Promise<string>;
  change(clientId: string, workload: Workload & { readonly status: ClientRecord['status'] }, by: ChangedBy): Promise<void>;
  /** It may be gone already. */
  remove(clientId: string, by: ChangedBy): Promise<void>;
}

/** What these clients stand on. */
interface WorkloadClientDeps {
  readonly ids: Ids;
  readonly store: ClientStore;
  readonly audit: RegistrationAudit;
  readonly agents: Pick<ClientAgents, 'linkClient'>;
  readonly onStopped: OnStopped;
}

const boundsOf = (resources: readonly string[]) => ({ grantTypes: [GRANT.jwtBearer], resources });

/** No secret, no key, no redirect: it is used by a request that the token of a platform was verified for, and no other. */
function metadataOf(name: string): ClientRecord['metadata'] {
  return {
    client_name: name,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [GRANT.jwtBearer],
    response_types: [],
    redirect_uris: [],
  };
}

/** The clients over their store. */
export function createWorkloadClients({ ids, store, audit, agents, onStopped }: WorkloadClientDeps): WorkloadClients {
  return {
    async make({ name, agentId, resources, scopes }, by) {
      const id = ids.next('cli');
      await store.insert({
        ...{ id, name, scopes, kind: 'workload', purpose: 'agent', serviceId: undefined },
        metadata: metadataOf(name),
        bounds: boundsOf(resources),
        isManagement: false,
        hasGovernance: false,
        defaultResource: undefined,
        defaultScope: undefined,
        initialAccessTokenId: undefined,
        secretHash: undefined,
      });
      await audit.record({ type: 'client.registered', actor: by, clientId: id, agentId, action: 'workload' });
      try {
        await agents.linkClient(agentId, id);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
        throw new AppError('invalid_input', 'There is no such agent.', { member: '/agent_id' });
      }
      return id;
    },
    async change(clientId, { name, resources, scopes, status }, by) {
      const before = await store.findForUpdate(clientId);
      if (before === undefined) return;
      await store.update(clientId, { name, metadata: metadataOf(name), scopes, bounds: boundsOf(resources), status });
      await audit.record({ type: 'client.updated', actor: by, clientId, action: 'workload' });
      if (status === 'disabled' && before.record.status === 'active') await onStopped(clientId, { cause: 'client.disabled', by });
    },
    async remove(clientId, by) {
      if (!(await store.remove(clientId))) return;
      await audit.record({ type: 'client.deleted', actor: by, clientId });
      await onStopped(clientId, { cause: 'client.deleted', by });
    },
  };
}
