/**
 * How a token is asked about and how it ends: introspection and revocation at the engine's endpoints for JWTs and opaque tokens
 * alike, and the cascade that app.ts calls when an agent, a person, a client or a grant is stopped. It keeps nothing itself: the
 * ledger (tokens) knows what is alive, the engine's storage (oidc) what could still become a token.
 */
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { TokenService } from '../tokens/index.ts';
import { type Cascade, type CascadeDeps, createCascade } from './cascade.ts';
import { type RevocationContributionDeps, revocationContribution } from './oidc.ts';
import { createPresentedTokens } from './presented-token.ts';
import { revocationRoutes } from './routes.ts';

export type { Cascade } from './cascade.ts';

/** The cascade and what it contributes. */
export interface Revocation {
  readonly cascade: Cascade;
  readonly capability: Capability;
}

/** What revocation is made of. */
export interface RevocationDeps
  extends Pick<CascadeDeps, 'db' | 'clientsOf'>,
    Pick<RevocationContributionDeps, 'artifacts' | 'isClientOfResource' | 'budgetsOf'> {
  readonly tokens: Pick<TokenService, 'verify' | 'end' | 'endOfAgents' | 'arePartiesLive'>;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'secret'>;
}

/** Creates introspection, revocation and the cascade. */
export function createRevocation(deps: RevocationDeps): Revocation {
  const presented = createPresentedTokens(deps);
  return {
    cascade: createCascade(deps),
    capability: { name: 'revocation', oidc: revocationContribution({ ...deps, presented }), routes: revocationRoutes(presented) },
  };
}
