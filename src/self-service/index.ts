/**
 * A person's own page: what they allowed and how it ends, the agents they answer for, where they are signed in. Owns no data; it
 * asks the capabilities that keep it and ends a grant through the cascade. Passwords, passkeys and codes are the accounts' pages,
 * ending a session is sign-in's.
 */
import type { Capability } from '../capability.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import { grantLines, grantsOf, type SelfServiceRouteDeps, selfServiceRoutes } from './routes.ts';

export type { Grantee, SelfServiceSources } from './sources.ts';

/** What the page stands on. */
export interface SelfServiceDeps extends SelfServiceRouteDeps {
  readonly issuer: URL;
}

/** The page, and what others show of the same. */
export interface SelfService {
  /** Who may act for a person and what they may, as views/console/person.eta lists it. */
  grantLinesOf(accountId: string): ReturnType<typeof grantLines>;
  readonly capability: Capability;
}

/** The page as a capability: `/me` and `/me/grants/{id}/end`. */
export function createSelfService(deps: SelfServiceDeps): SelfService {
  return {
    grantLinesOf: async (accountId) => grantLines(deps, await grantsOf(deps, accountId)),
    capability: { name: 'self-service', routes: selfServiceRoutes({ ...deps, base: basePathOf(deps.issuer) }) },
  };
}
