/**
 * Token exchange (RFC 8693): a token for one agent becomes a narrower one for the next, with the whole chain of actors inside.
 * Owns the grant, the question who may present, act and receive (security rules R1–R3), the delegations by which one agent may take
 * over from another, what is asked and answered about them, and the rules by which a scope gives another elsewhere. Tokens
 * themselves, their ledger and their liveness are elsewhere; whom of other issuers to believe is trust's.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Capability } from '../capability.ts';
import { type ArtifactStore, issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Draft } from '../platform/config.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { FactsSource, PolicyService } from '../policy/index.ts';
import { ownResourcesOf } from '../tokens/index.ts';
import type { Trust } from '../trust/index.ts';
import { ownRequestPages } from './asking/me/routes.ts';
import { requestCard, type RequestNames } from './asking/present.ts';
import { requestApi, requestConsole } from './asking/routes.ts';
import { createDelegationRequestService, type DelegationRequestDeps, type DelegationRequestService } from './asking/service.ts';
import { type DelegationConsoleDeps, delegationConsole } from './console/routes.ts';
import { createEarlyRefusals } from './early-refusals.ts';
import type { ExchangeDeps } from './exchange.ts';
import type { ForeignPeople } from './foreign-subject.ts';
import { createExchangeHandler, type ExchangeHandler, tokenExchangeGrant } from './grant.ts';
import { holdingsFrom } from './holdings.ts';
import { mappingApi, mappingConsole } from './mappings/routes.ts';
import { createMappingService, type MappingService } from './mappings/service.ts';
import { onBehalfOfHandler } from './on-behalf-of.ts';
import { createRefusals } from './refusing.ts';
import { actingTypes, TOKEN_EXCHANGE, tokenTypes } from './request.ts';
import { requestedActorOidc } from './requested-actor/oidc.ts';
import { createRequestedActorStore } from './requested-actor/store.ts';
import { delegationApi } from './routes.ts';
import { createDelegationService, type DelegationService } from './service.ts';

export type { Delegation } from './delegation.ts';
export type { DelegationRequestService } from './asking/service.ts';
export type { ForeignPeople } from './foreign-subject.ts';
export type { DelegationPage, DelegationService } from './service.ts';

/** The delegations and the contribution. */
export interface TokenExchange {
  readonly delegations: DelegationService;
  readonly requests: DelegationRequestService;
  readonly mappings: MappingService;
  /** `requested_actor` and `actor_token` of an authorization code, when their draft is switched on; it is asked before policy. */
  readonly beforePolicy: readonly { readonly capability: Capability }[];
  /** Answers an on-behalf-of request of the jwt-bearer grant: the same rules, other words. */
  readonly onBehalfOf: ExchangeHandler;
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
    find(id: string): Promise<{ readonly displayName: string; readonly status: string } | undefined>;
    handOnBound(id: string): Promise<number | undefined>;
  };
  /** Who answers for agents, and so for what they hand on (security rule R8). */
  readonly ownership: DelegationRequestDeps['ownership'] & {
    ownedBy(accountId: string): Promise<readonly { readonly id: string; readonly displayName: string }[]>;
  };
  /** What somebody with this id is called. */
  readonly nameOf: (id: string) => Promise<string | undefined>;
  /** Whose access tokens are believed, and who somebody of theirs is here. */
  readonly trust: Pick<Trust, 'verify' | 'useUp'>;
  readonly people: ForeignPeople;
  /** `oauth-ai-agents-obo-02`: applications name the agent that acts through them. */
  readonly drafts: readonly Draft[];
  /** Where grants are found by their hash (security rule R2). */
  readonly artifacts: Pick<ArtifactStore, 'findByHash'>;
}

/** Actor Profile, authorization server metadata. */
const PROFILE = 'urn:ietf:params:oauth:grant-profile:actor-profile';
const DISCOVERY = {
  actor_profile_token_exchange: {
    subject_token_types_supported: Object.values(tokenTypes),
    actor_token_types_supported: actingTypes,
    requested_token_types_supported: actingTypes,
  },
  // Entity Profiles, with the member that the Actor Profile adds: what stands in sub_profile
  entity_profiles_supported: { subject: ['user', 'ai_agent', 'service'], actor: ['ai_agent', 'service'] },
};

/** What waits is few: the page shows all of it, as far as a person reads. */
const WAITING_SHOWN = 50;

const PURGE_BATCH = 500;

function requestedActor(deps: TokenExchangeDeps, issuer: string): Capability {
  const store = createRequestedActorStore(deps);
  const purge = async () => {
    while ((await store.purge(PURGE_BATCH)) >= PURGE_BATCH);
  };
  return {
    name: 'requested-actor',
    oidc: requestedActorOidc({ ...deps, issuer, store }),
    jobs: [{ name: 'requested-actors', everySeconds: 300, run: purge }],
  };
}

/** Builds the capability. */
export function createTokenExchange(deps: TokenExchangeDeps): TokenExchange {
  const { agents, resources, artifacts, types, clock, ownership } = deps;
  const issuer = issuerOf(deps.issuer);
  const basePath = basePathOf(deps.issuer);
  const delegations = createDelegationService(deps);
  const requests = createDelegationRequestService({ ...deps, delegations });
  const mappings = createMappingService(deps);
  const holdingsOf: ExchangeDeps['holdingsOf'] = async (grantHash) => {
    const grant = await artifacts.findByHash('Grant', grantHash);
    return grant === undefined ? [] : holdingsFrom(grant.payload, types);
  };
  const names: RequestNames = {
    agent: async (id) => (await agents.find(id))?.displayName,
    resource: async (identifier) => (await resources.findByIdentifier(identifier))?.name,
    anybody: deps.nameOf,
  };
  const ownResources = ownResourcesOf(deps.issuer);
  const early = createEarlyRefusals(deps);
  const handler = createExchangeHandler({ ...deps, issuer, ownResources, delegations, requests, mappings, holdingsOf, early });
  const waiting = async () => {
    const open = await requests.list({ isOpen: true, limit: WAITING_SHOWN });
    return Promise.all(open.map((one) => requestCard(one, { names, now: clock.now() })));
  };
  const pages = {
    delegations: delegationConsole({ ...deps, service: delegations, names, basePath, waiting }),
    delegationApi: delegationApi({ service: delegations, issuer }),
  };
  const asking = { service: requests, clock, names, basePath, ...ownership };
  const mapping = { service: mappings, nameOf: names.resource, choices: deps.choices, basePath };
  return {
    delegations,
    requests,
    mappings,
    beforePolicy: deps.drafts.includes('oauth-ai-agents-obo-02') ? [{ capability: requestedActor(deps, issuer) }] : [],
    onBehalfOf: onBehalfOfHandler(handler, createRefusals(deps)),
    capability: {
      name: 'token-exchange',
      oidc: {
        grantTypes: { [TOKEN_EXCHANGE]: tokenExchangeGrant(handler) },
        discovery: DISCOVERY,
        grantProfiles: [PROFILE],
        patch: early.patch,
      },
      routes(router, web) {
        pages.delegationApi(router, web);
        pages.delegations(router, web);
        for (const add of [requestApi, requestConsole]) add(asking, router, web);
        ownRequestPages(asking, router, web);
        for (const add of [mappingApi, mappingConsole]) add(mapping, router, web);
      },
      jobs: [
        { name: 'delegation-requests', everySeconds: 60, run: async () => void (await requests.lapse()) },
        { name: 'old-delegation-requests', everySeconds: 3_600, run: async () => void (await requests.purge()) },
      ],
    },
  };
}
