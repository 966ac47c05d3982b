/**
 * The console's first page: which agents exist, who owns them, what can they do, why may they, what have they done, how are they
 * stopped. Owns no data: every number is asked of the capability that keeps it, at the time the page is shown.
 */
import type { Capability } from '../capability.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import { type OverviewSources, overviewRoutes } from './routes.ts';

export type { AgentCounts, Counts, GrantedScope, LiveCounts, WaitingQuestion } from './counts.ts';
export type { OverviewSources } from './routes.ts';

/** What the overview stands on. */
export interface OverviewDeps extends OverviewSources {
  readonly issuer: URL;
}

/** The overview as a capability: `GET /console`. */
export function createOverview(deps: OverviewDeps): { readonly capability: Capability } {
  return { capability: { name: 'overview', routes: overviewRoutes({ ...deps, base: basePathOf(deps.issuer) }) } };
}
