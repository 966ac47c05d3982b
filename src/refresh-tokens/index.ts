/**
 * How long a connection of a client goes on after a person's answer. It owns refresh tokens and their families: who gets one, how
 * long it lasts, when it is replaced, what using a replaced one again means, and how all of a connection ends. It does not know
 * what was consented to (sign-in) nor what is alive (tokens). Called by the engine at /token, /introspect and /revoke.
 */
import type { Capability } from '../capability.ts';
import { type ArtifactStore, createRefreshTokenStore } from '../oidc/index.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Vault } from '../platform/vault.ts';
import { refreshTokensOidc } from './oidc.ts';
import { GRACE_SECONDS } from './refresh-token.ts';
import { createFamilyService, type FamilyServiceDeps } from './service.ts';

/** What it contributes. */
export interface RefreshTokens {
  readonly capability: Capability;
}

/** What refresh tokens stand on. */
export interface RefreshTokensDeps extends Omit<FamilyServiceDeps, 'store'> {
  readonly vault: Vault;
  readonly artifacts: ArtifactStore;
}

const FORGET_BATCH = 500;
const FORGET_EVERY_SECONDS = 30;

/** Creates the capability. */
export function createRefreshTokens(deps: RefreshTokensDeps): RefreshTokens {
  const store = createRefreshTokenStore(deps);
  const families = createFamilyService({ ...deps, store });
  const forget = () => store.forgetSuccessors(secondsAfter(deps.clock.now(), -GRACE_SECONDS), FORGET_BATCH);
  const run = async () => {
    while ((await forget()) >= FORGET_BATCH);
  };
  return {
    capability: {
      name: 'refresh-tokens',
      oidc: refreshTokensOidc({ ...deps, store, families }),
      jobs: [{ name: 'refresh-successors', everySeconds: FORGET_EVERY_SECONDS, run }],
    },
  };
}
