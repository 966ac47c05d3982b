/**
 * Token exchange (RFC 8693): a token for one agent becomes a narrower one for the next, with the whole chain of actors inside.
 * Owns the grant, the question who may present, act and receive (security rules R1–R3), and the delegations by which an
 * administrator lets one agent take over from another. Tokens themselves, their ledger and their liveness are elsewhere.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Capability } from '../capability.ts';
import { type ArtifactStore, issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { FactsSource, PolicyService } from '../policy/index.ts';
import { ownResourcesOf } from '../tokens/index.ts';
import { type DelegationConsoleDeps, delegationConsole } from './console/routes.ts';
import type { ExchangeDeps } from './exchange.ts';
import { TOKEN_EXCHANGE, tokenExchangeGrant } from './grant.ts';
import { holdingsFrom } from './holdings.ts';
import { tokenTypes } from './request.ts';
import { delegationApi } from './routes.ts';
import { createDelegationService, type DelegationService } from './service.ts';

export type { Delegation } from './delegation.ts';
export type { DelegationPage, DelegationService } from './service.ts';

/** The delegations and the contribution. */
export interface TokenExchange {
  readonly delegations: DelegationService;
  readonly capability: Capability;
}

/** What token exchange needs from below, wired in app.ts. */
export interface TokenExchangeDeps extends Pick<DelegationConsoleDeps, 'choices'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  readonly types: DetailTypes;
  /** Notes that rights of these types may be handed on; answers one whose definition just changed. */
  readonly useTypes: (types: readonly string[]) => Promise<string | undefined>;
  readonly policy: Pick<PolicyService, 'refuse'>;
  /** The facts that policy judges by (`policy.facts`). */
  readonly facts: FactsSource;
  readonly tokens: ExchangeDeps['tokens'];
  readonly resources: {
    findByIdentifier(uri: string): Promise<{ readonly name: string } | undefined>;
    resourcesOfClient(clientId: string): Promise<readonly string[]>;
  };
  readonly agents: {
    find(id: string): Promise<{ readonly displayName: string; readonly maxDelegationDepth: number | undefined } | undefined>;
  };
  /** Where grants are found by their hash (security rule R2). */
  readonly artifacts: Pick<ArtifactStore, 'findByHash'>;
}

/** Actor Profile, authorization server metadata. */
const PROFILE = 'urn:ietf:params:oauth:grant-profile:actor-profile';
const DISCOVERY = {
  actor_profile_token_exchange: {
    subject_token_types_supported: Object.values(tokenTypes),
    actor_token_types_supported: Object.values(tokenTypes),
    requested_token_types_supported: Object.values(tokenTypes),
  },
};

/** Builds the capability. */
export function createTokenExchange(deps: TokenExchangeDeps): TokenExchange {
  const { agents, resources, artifacts, types } = deps;
  const delegations = createDelegationService(deps);
  const holdingsOf: ExchangeDeps['holdingsOf'] = async (grantHash) => {
    const grant = await artifacts.findByHash('Grant', grantHash);
    return grant === undefined ? [] : holdingsFrom(grant.payload, types);
  };
  const names = {
    agent: async (id: string) => (await agents.find(id))?.displayName,
    resource: async (identifier: string) => (await resources.findByIdentifier(identifier))?.name,
  };
  const grant = tokenExchangeGrant({
    ...deps,
    issuer: issuerOf(deps.issuer),
    ownResources: ownResourcesOf(deps.issuer),
    delegations,
    holdingsOf,
  });
  const api = delegationApi({ service: delegations, issuer: issuerOf(deps.issuer) });
  const console = delegationConsole({ ...deps, service: delegations, names, basePath: basePathOf(deps.issuer) });
  return {
    delegations,
    capability: {
      name: 'token-exchange',
      oidc: { grantTypes: { [TOKEN_EXCHANGE]: grant }, discovery: DISCOVERY, grantProfiles: [PROFILE] },
      routes(router, web) {
        api(router, web);
        console(router, web);
      },
    },
  };
}
