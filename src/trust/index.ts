/**
 * Whom this server believes: identity providers that say which person asks, platforms that say which workload runs, publishers
 * that say what a piece of software is, issuers whose access tokens may be exchanged. Owns the records, their keys and the verification of what they signed, and remembers which
 * assertions were used. It issues nothing: identity-assertion asks it for both grants, token-exchange for tokens of others,
 * client-registration for software statements.
 */
import type { AuditService } from '../audit/index.ts';
import type { Capability } from '../capability.ts';
import { issuerOf, ROUTES } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Ids } from '../platform/ids.ts';
import type { Outgoing } from '../platform/outgoing/dispatcher.ts';
import { type TrustConsoleDeps, trustConsole } from './console/routes.ts';
import { createKeySource } from './keys/key-source.ts';
import { trustApi } from './routes.ts';
import { createTrustService, type TrustService, type TrustServiceDeps } from './service.ts';
import { createStatementVerifier, type SoftwareStatement } from './software-statement.ts';
import { createTrustStore } from './store.ts';
import { createVerification, type Demand, type Distrusted, type Trusted } from './verification.ts';

export type { TrustKind, TrustProvider } from './provider.ts';
export { nameOfJwt, takeApart } from './signed-claims.ts';
export type { KeyCheck, TrustService, WorkloadClient, WorkloadClients } from './service.ts';
export type { SoftwareStatement } from './software-statement.ts';
export { type ForeignPerson, mappedScopes, personIn, scopesIn, type TokenRules } from './token-rules.ts';
export { type Demand, type Distrusted, faultWords, type Trusted, type TrustFault } from './verification.ts';

/** The records and what they let in. */
export interface Trust extends TrustService {
  /** What a JWT says when one of the trusted signed it for us and it is in force; else a fault. Uses nothing up. */
  verify(jwt: string, demand: Demand): Promise<Trusted | Distrusted>;
  /** A software statement of a registration (RFC 7591 §2.3). */
  verifySoftwareStatement(jwt: string): Promise<SoftwareStatement>;
  readonly capability: Capability;
}

/** What trust stands on; the hooks run in the transaction that changes a record. */
export interface TrustDeps
  extends Pick<TrustServiceDeps, 'resources' | 'workloads' | 'onIdentityProviderRemoved'>,
    Pick<TrustConsoleDeps, 'choices' | 'nameOf'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AuditService;
  readonly outgoing: Pick<Outgoing, 'fetch'>;
}

const PURGE_BATCH = 500;

/** Builds the capability. */
export function createTrust(deps: TrustDeps): Trust {
  const { clock } = deps;
  const issuer = issuerOf(deps.issuer);
  const store = createTrustStore(deps);
  const keySource = createKeySource(deps);
  const service = createTrustService({ ...deps, store, keySource, issuer, isLoopbackAllowed: deps.issuer.hostname === 'localhost' });
  const { verify } = createVerification({
    issuer,
    tokenEndpoint: `${issuer}${ROUTES.token}`,
    registrationEndpoint: `${issuer}${ROUTES.registration}`,
    store,
    keySource,
  });
  return {
    ...service,
    verify,
    verifySoftwareStatement: createStatementVerifier({ verify, clock }),
    capability: {
      name: 'trust',
      routes(router, web) {
        trustApi({ service }, router, web);
        trustConsole({ ...deps, service }, router, web);
      },
      jobs: [
        {
          name: 'used-assertions',
          everySeconds: 60,
          run: async () => {
            while ((await store.purge(PURGE_BATCH)) >= PURGE_BATCH);
          },
        },
      ],
    },
  };
}
