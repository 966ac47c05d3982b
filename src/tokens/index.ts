/**
 * The ledger of issued tokens. It owns one row for every JWT access token: what it allows, through whom, and what it was made
 * from. It writes that row in the statement that judges whether everything the token stands on is alive, answers whether a
 * token is alive now, and ends tokens with all their descendants. It does not decide who may get a token (policy), how one is
 * exchanged (token-exchange) or who may ask about it (revocation). Called by those three, by every interface of ours through
 * its guard, and by app.ts when a party is stopped.
 */
import type { AuditService } from '../audit/index.ts';
import type { Capability } from '../capability.ts';
import { issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Routes } from '../platform/http/web.ts';
import type { Job } from '../platform/jobs.ts';
import { ownResourcesOf } from './guard.ts';
import { type TokenClaimsDeps, tokenClaims } from './oidc.ts';
import { apiRoutes, consoleRoutes, type TokenRoutesDeps } from './routes.ts';
import { grantHistory, type LineageNode, namedInLineage } from './lineage/present.ts';
import { lineageRoutes } from './lineage/routes.ts';
import { createLineageStore } from './lineage/store.ts';
import { createTokenService, type TokenService } from './service.ts';
import { createStoppedAgentsStore } from './stopped-agents/store.ts';
import { createTokenStore, type TokenStore } from './store.ts';

export { type ApiGuardDeps, createApiGuard, type GuardedClient, ownResourcesOf } from './guard.ts';
export type { DetailWriter, LineageNode } from './lineage/present.ts';
export { type Companion, type Issuance, issuanceOf } from './issuance.ts';
export type { ClientPrincipal } from './oidc.ts';
export { chainOf, type Names, namedIn } from './present.ts';
export type { EndReason, LiveTokensPage, LiveTokensQuery, TokenService, VerifiedToken } from './service.ts';
export type { GrantedScope, ListedToken, LiveSummary } from './store.ts';
export {
  type ActClaim,
  actorsOf,
  type ApprovalClaim,
  type Confirmation,
  type Falling,
  type GrantedDetail,
  type KnownToken,
  type NewToken,
  type SubjectProfile,
  type TokenRecord,
  type TokenSelector,
} from './token-record.ts';

/** The ledger and what it contributes. */
export interface Tokens extends TokenService {
  /** What became of a grant in the last day, for the person who gave it. */
  historyOf(grantHash: Buffer): Promise<readonly LineageNode[]>;
  readonly capability: Capability;
}

/** What the ledger is made of. */
export interface TokensDeps
  extends Pick<TokenClaimsDeps, 'principalOf' | 'detailsHash' | 'onIssued' | 'onIssuing'>,
    Pick<TokenRoutesDeps, 'namesOf' | 'details'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly audit: TokenClaimsDeps['audit'] & Pick<AuditService, 'record' | 'recordMany'>;
  /** The keys in force (`oidc.publicKeys`); asked at each verification, so the engine may be built later. */
  readonly publicKeys: () => readonly Record<string, unknown>[];
}

const PURGE_BATCH = 500;

function purgeJob(store: Pick<TokenStore, 'purge'>): Job {
  return {
    name: 'expired-tokens',
    everySeconds: 60,
    run: async () => {
      while ((await store.purge(PURGE_BATCH)) >= PURGE_BATCH);
    },
  };
}

/** Creates the ledger. */
export function createTokens(deps: TokensDeps): Tokens {
  const issuer = issuerOf(deps.issuer);
  const inLedger = { ...deps, ownResources: ownResourcesOf(deps.issuer) };
  const store = createTokenStore(inLedger);
  const lineages = createLineageStore(inLedger);
  const service = createTokenService({ ...deps, store, lineages, stoppedAgents: createStoppedAgentsStore(deps), issuer });
  const routeDeps = { ...deps, service, basePath: basePathOf(deps.issuer) };
  const routes: Routes = (router, web) => {
    apiRoutes(routeDeps)(router, web);
    consoleRoutes(routeDeps)(router, web);
    lineageRoutes(routeDeps)(router, web);
  };
  const oidc = { tokenClaims: tokenClaims({ ...deps, store, issuer }) };
  const historyOf = async (grantHash: Buffer) => {
    const lineages = await service.lineagesUnder(grantHash);
    const names = await deps.namesOf(lineages.flatMap(namedInLineage));
    return grantHistory(lineages, { names, now: deps.clock.now(), details: deps.details });
  };
  return { ...service, historyOf, capability: { name: 'tokens', oidc, routes, jobs: [purgeJob(store)] } };
}
