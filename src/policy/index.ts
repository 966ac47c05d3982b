/**
 * May this client, for this subject, through this actor, have this token now? Owns the rules that no configuration switches
 * off, the hook that every access token of every grant passes, and the decisions with their reasons. It stores no client, agent
 * or person: what it knows of them comes in as facts. Token exchange, approvals and client registration call it.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { Capability } from '../capability.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import type { Changer } from '../platform/http/changed-by.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { ownResourcesOf } from '../tokens/index.ts';
import type { DriftService } from '../agents/index.ts';
import { createDriftWatch } from './drift/oidc.ts';
import { driftSettingRoutes } from './drift/routes.ts';
import { createDriftSettingService, type DriftSettingService } from './drift/service.ts';
import { createDriftSettingStore } from './drift/store.ts';
import { enrolmentRoutes } from './enrolment/routes.ts';
import { createEnrolmentSettingService, type EnrolmentSettingService } from './enrolment/service.ts';
import { type Asking, createAsking, type People } from './asking.ts';
import { createExplanationService } from './explanation/service.ts';
import { type FactsSource, perRequest } from './facts.ts';
import { type PolicyResources, policyOidc } from './oidc.ts';
import { type DecisionReaders, policyRoutes } from './routes.ts';
import { createPoliciesInForce } from './policy-set/loading.ts';
import { policyConsole } from './policy-set/console/routes.ts';
import { policySetApi } from './policy-set/routes.ts';
import { createPolicySetService, type PolicySetService } from './policy-set/service.ts';
import { createPolicySetStore } from './policy-set/store.ts';
import { createPolicyService, type PolicyService } from './service.ts';
import { createDecisionStore } from './store.ts';
import { whatIfPages } from './what-if/console/routes.ts';
import { whatIfApi } from './what-if/routes.ts';
import { createWhatIfService } from './what-if/service.ts';
import { createTrialStore } from './what-if/store.ts';

export type { Actor, Decision, Effect, PolicyInput, StoredDecision } from './decision.ts';
export type { EnrolmentSettingService } from './enrolment/service.ts';
export type { EnrolmentChoice } from './enrolment/setting.ts';
export { composeFacts, type FactsDeps, type FactsSource } from './facts.ts';
export { MAX_ACTORS, MOST_ACTORS } from './oidc.ts';
export type { AgentFacts, ClientFacts, Principal, PrincipalFacts } from './principal.ts';
export { mayAct, principalFrom } from './principal.ts';
export type { PolicySetService } from './policy-set/service.ts';
export type {
  Answer,
  Approvers,
  Ask,
  Obligation,
  Question,
  QuestionContext,
  QuestionResource,
  QuestionSubject,
} from './question.ts';
export type { DecisionReaders } from './routes.ts';
export type { Denial, PolicyService } from './service.ts';

/** The service and its contribution. */
export interface Policy extends PolicyService {
  /** The facts policy judges by, loaded once a request. */
  readonly facts: FactsSource;
  /** Asks the administrators' policies, for whoever has a question of its own. */
  readonly ask: Asking['ask'];
  /** The administrators' policies as data. */
  readonly policies: PolicySetService;
  /** What this server has loaded of them, looked at anew; undefined: it cannot. */
  readonly loaded: () => Promise<{ readonly version: number; readonly count: number } | undefined>;
  /** Whether tokens flow while an agent is under review for drift. */
  readonly driftSetting: DriftSettingService;
  /** How software gets in that no administrator registered. */
  readonly enrolment: EnrolmentSettingService;
  readonly capability: Capability;
}

/** What policy needs from the records, wired in app.ts. */
export interface PolicyDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  /** Loads client, agent and owner; `composeFacts` makes one of the records. */
  readonly facts: FactsSource;
  /** Keeps what software presents where the record of its agent says something else. */
  readonly drift: Pick<DriftService, 'note' | 'stopBeyond'>;
  readonly resources: PolicyResources;
  readonly readers: DecisionReaders;
  /** Groups of people, for policies that name one; their roles come from `readers`. */
  readonly people: Pick<People, 'groupsOf'>;
  readonly notifications: Notifications;
  readonly log: Logger;
}

/** Builds the capability. */
export function createPolicy(deps: PolicyDeps): Policy {
  const facts = perRequest(deps.facts);
  const service = createPolicyService({ ...deps, facts });
  const settings = createDriftSettingStore(deps);
  const driftSetting = createDriftSettingService({ ...deps, settings });
  const enrolment = createEnrolmentSettingService(deps);
  const watch = createDriftWatch({ ...deps, settings });
  const { nameOf, roleOf } = deps.readers;
  const ownResources = ownResourcesOf(deps.issuer);
  const store = createPolicySetStore(deps);
  const inForce = createPoliciesInForce({ ...deps, store });
  const asking = createAsking({ inForce, people: { ...deps.people, roleOf }, ownResources });
  const explanations = createExplanationService({ store, inForce });
  const policies = createPolicySetService({ ...deps, store, inForce, ownResources });
  const whatIf = createWhatIfService({ ...deps, store: createTrialStore(deps), decisions: createDecisionStore(deps), policies, inForce });
  const tryOut = async ({ text, days }: { text: string; days: number }, by: Changer) => {
    const since = secondsAfter(deps.clock.now(), -days * 86_400).toISOString();
    return (await whatIf.start({ policies: [text], remove: [], since }, by)).id;
  };
  return {
    ...service,
    facts,
    ask: asking.ask,
    policies,
    loaded: () =>
      inForce.reload().then(
        ({ version, engine }) => ({ version, count: engine?.policies.size ?? 0 }),
        () => undefined,
      ),
    driftSetting,
    enrolment,
    capability: {
      name: 'policy',
      oidc: policyOidc({ ...deps, facts, service, watch, enrolment, asking }),
      routes: (router, web) => {
        policyRoutes({ ...deps, service, explanations })(router, web);
        whatIfApi({ service: whatIf }, router, web);
        policySetApi({ service: policies }, router, web);
        policyConsole({ ...deps, service: policies, nameOf, tryOut }, router, web);
        whatIfPages({ ...deps, service: whatIf, policies, nameOf }, router, web);
        enrolmentRoutes({ ...deps, setting: enrolment, nameOf })(router, web);
        driftSettingRoutes({ ...deps, setting: driftSetting, nameOf })(router, web);
      },
      jobs: [
        {
          name: 'old-decisions',
          everySeconds: 3_600,
          run: async () => {
            while ((await service.purge()) > 0);
          },
        },
        { name: 'policy-trials', everySeconds: 30, run: whatIf.tidy },
      ],
    },
  };
}
