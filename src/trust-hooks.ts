/**
 * What a change of whom the server trusts brings about elsewhere: the client of a workload comes and goes with its record, and
 * people an identity provider named are forgotten with it. Joins capabilities that do not know each other; app.ts passes it.
 */
import type { Clients } from './client-registration/index.ts';
import type { IdentityAssertion } from './identity-assertion/index.ts';
import type { TrustDeps } from './trust/index.ts';

/** Given as functions, because app.ts builds them after the records. */
interface Parts {
  readonly clients: () => Pick<Clients, 'workloadClients'>;
  readonly identityAssertion: () => Pick<IdentityAssertion, 'forgetIssuer'>;
}

/** The hooks over the capabilities; each runs in the transaction that changes a record. */
export function trustHooks({ clients, identityAssertion }: Parts): Pick<TrustDeps, 'workloads' | 'onIdentityProviderRemoved'> {
  return {
    workloads: {
      make: (workload, by) => clients().workloadClients.make(workload, by),
      change: (clientId, workload, by) => clients().workloadClients.change(clientId, workload, by),
      remove: (clientId, by) => clients().workloadClients.remove(clientId, by),
    },
    onIdentityProviderRemoved: (issuer) => identityAssertion().forgetIssuer(issuer),
  };
}
