/**
 * May this subject, through this agent, do this with that, now? AuthZEN's Authorization API 1.0 for resource servers: one question,
 * many at once, searches, and the metadata that leads to them. Owns the translation between the standard's words and the
 * questions that policies answer, and what of it the records alone decide: who is alive, whose resource it is, what the token
 * that was named allows. It keeps decisions, through policy, and the
 * names of things that a search looks through; resource servers call it, `behalf/resource-server` among them.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Capability } from '../capability.ts';
import { issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Ids } from '../platform/ids.ts';
import type { Vault } from '../platform/vault.ts';
import { type Ask, composeFacts, type FactsDeps, type FactsSource, type PolicyService } from '../policy/index.ts';
import type { TokenService } from '../tokens/index.ts';
import { createJudge } from './judge.ts';
import { type AskedServers, createReaching } from './reach.ts';
import { accessRoutes } from './routes.ts';
import { createPageTokens } from './search/page-token.ts';
import { createSearchService, type SearchService } from './search/service.ts';
import { type AccessService, createAccessService } from './service.ts';
import { createAccessStore } from './store.ts';
import { thingRoutes } from './things/routes.ts';
import { createThingService } from './things/service.ts';
import { createThingStore } from './things/store.ts';

export { withoutPolicies } from './without-policies.ts';

/** The use cases and what they contribute. */
export interface AccessEvaluation extends AccessService, SearchService {
  readonly capability: Capability;
}

/** What access evaluation needs from below, wired in app.ts. */
export interface AccessEvaluationDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  /** The policies in force. */
  readonly ask: Ask;
  readonly policy: Pick<PolicyService, 'decide' | 'rowOf'>;
  readonly facts: FactsSource;
  readonly tokens: Pick<TokenService, 'find'>;
  readonly resources: AskedServers & Parameters<typeof createThingService>[0]['servers'];
  readonly types: DetailTypes;
  readonly agents: Pick<FactsDeps['agents'], 'lineFrom'> & {
    find(id: string): Promise<Omit<NonNullable<Awaited<ReturnType<FactsDeps['agents']['standingOf']>>>, 'isLive'> | undefined>;
  };
  readonly owners: FactsDeps['owners'];
  readonly audit: AuditRecorder;
}

/** Builds the capability. */
export function createAccessEvaluation(deps: AccessEvaluationDeps): AccessEvaluation {
  const { agents, owners } = deps;
  const issuer = issuerOf(deps.issuer);
  const store = createAccessStore(deps);
  const { reachOf, serverOf } = createReaching(deps);
  /** The facts of an agent that acts without a client being named. */
  const standingOf = async (id: string) => {
    const [agent, kinds] = await Promise.all([agents.find(id), store.liveAs(id)]);
    return agent && { ...agent, isLive: kinds.includes('agent') };
  };
  const agentFacts = composeFacts({ clients: { find: async () => undefined }, agents: { standingOf, lineFrom: agents.lineFrom }, owners });
  const judge = createJudge({ ...deps, issuer, store, serverOf, agentFacts });
  const service = createAccessService({ ...deps, judge, reachOf, store });
  const things = createThingStore(deps);
  const thingService = createThingService({ ...deps, store: things, servers: deps.resources });
  const searches = createSearchService({ ...deps, judge, reachOf, serverOf, store, things, pages: createPageTokens(deps.vault) });
  return {
    ...service,
    ...searches,
    capability: {
      name: 'access-evaluation',
      routes(router, web) {
        accessRoutes({ service, searches, issuer })(router, web);
        thingRoutes(thingService)(router, web);
      },
      jobs: [
        {
          name: 'things-of-removed-resource-servers',
          everySeconds: 3_600,
          run: async () => {
            while ((await thingService.purge()) > 0);
          },
        },
      ],
    },
  };
}
