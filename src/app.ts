/**
 * The page to read first. It builds every part of the server, top to bottom, one paragraph a capability, and wires the few
 * calls that go uphill: a hook that names a part built further down. Nothing here decides anything; nothing else wires anything.
 */
import { createAccessEvaluation } from './access-evaluation/index.ts';
import { createAccounts } from './accounts/index.ts';
import { createAgents } from './agents/index.ts';
import { createApprovals } from './approvals/index.ts';
import { createAudit } from './audit/index.ts';
import { type AuthorizationDetail, createAuthorizationDetails, createDetailWriter, detailsHash } from './authorization-details/index.ts';
import { createAdmission } from './admission.ts';
import { budgetHooks } from './budget-hooks.ts';
import { createBudgets } from './budgets/index.ts';
import type { Capability } from './capability.ts';
import { createChildEnrolment } from './child-enrolment/index.ts';
import { createClients, redirectFaultOf } from './client-registration/index.ts';
import { createEdge } from './edge.ts';
import { createEndings } from './endings.ts';
import { createEnrolment } from './enrolment.ts';
import { createHandingOn } from './handing-on.ts';
import { aroundPeople, overviewCounts, selfServiceSources } from './home-pages.ts';
import { createArtifactStore, createOidc, issuerOf, type Oidc } from './oidc/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import type { Db } from './platform/db/db.ts';
import { createNotifications, type Notifications } from './platform/db/notifications.ts';
import { createEventStreams, type EventStreams } from './platform/http/event-stream.ts';
import { createMetrics, type Metrics } from './platform/http/metrics.ts';
import type { HttpApp } from './platform/http/server.ts';
import type { Ids } from './platform/ids.ts';
import { createJobRunner, type JobRunner } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { createOutgoing, type Outgoing } from './platform/outgoing/dispatcher.ts';
import { createQuotas } from './platform/quota/quota.ts';
import type { Vault } from './platform/vault.ts';
import { createOperations } from './operations/index.ts';
import { createOverview } from './overview/index.ts';
import { composeFacts, createPolicy } from './policy/index.ts';
import { createProofs } from './proofs/index.ts';
import { createRefreshTokens } from './refresh-tokens/index.ts';
import { createResourceServers } from './resource-servers/index.ts';
import { createRevocation } from './revocation/index.ts';
import { createSelfService } from './self-service/index.ts';
import { createSignIn } from './sign-in/index.ts';
import { agentSurroundings, createDirectory, type Sources } from './surroundings.ts';
import { createTokens, issuanceOf } from './tokens/index.ts';
import { createTrust } from './trust/index.ts';
import { trustHooks } from './trust-hooks.ts';

/** What a server stands on; two of them may live side by side in one process. */
export interface AppDeps {
  readonly config: Pick<Config, 'issuer' | 'trustedProxies' | 'firstAdministrator' | 'bootstrapClient' | 'metrics'> &
    Partial<Pick<Config, 'databaseUrl' | 'drafts'>>;
  /** The folder with views/ and the packages' browser files. */
  readonly root: string;
  readonly db: Db;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

/** A server that is put together but does not listen yet. */
export interface App {
  readonly http: HttpApp;
  readonly oidc: Oidc;
  /** The capabilities by name, for commands and tests. */
  readonly parts: ReturnType<typeof createParts>;
  readonly jobs: JobRunner;
  readonly capabilities: readonly Capability[];
  /** Undefined: nobody asked for figures. */
  readonly metrics: Metrics | undefined;
  /** Makes what a first start makes, begins periodic work, listens to other servers. Returns what the first administrator needs to know. */
  start(): Promise<readonly string[]>;
  /** Ends periodic work; what is under way finishes. The HTTP server drains before, the database closes after. */
  stop(): Promise<void>;
}

type PartsDeps = AppDeps & { notifications: Notifications; eventStreams: EventStreams; outgoing: Outgoing; metrics: Metrics | undefined };

/** Builds every capability over a migrated database; nothing runs yet. */
function createParts(deps: PartsDeps, oidc: () => Oidc) {
  const { db, vault, clock, ids, log } = deps;
  const { issuer, drafts = [] } = deps.config;
  const quotas = createQuotas(deps);
  const base = { db, vault, clock, ids, log, issuer, quotas };
  const artifacts = createArtifactStore({ db, vault, clock });
  const provider = () => oidc().current();

  // ── what pages show across capabilities ──
  const sources: Sources = {
    accounts: () => accounts,
    budgets: () => budgets,
    agents: () => agents,
    clients: () => clients,
    resourceServers: () => resourceServers,
    tokens: () => tokens,
    trust: () => trust,
  };
  const directory = createDirectory(sources);

  // ── records: what we keep ──
  const audit = createAudit({ ...base, nameOf: directory.nameOf });
  const recorded = { ...base, audit };
  const accounts = createAccounts({
    ...recorded,
    onDisabled: (accountId) => revocation.cascade.onAccountDisabled(accountId),
    onRemoved: async (accountId) => void (await Promise.all([signIn.forget(accountId), identityAssertion.forgetAccount(accountId)])),
    onOwnerGone: (departure) => agents.ownerGone(departure),
    endOtherSessions: (accountId, exceptSessionUid) => signIn.endOtherSessions(accountId, exceptSessionUid),
    ...aroundPeople({ agents: () => agents, selfService: () => selfService, signIn: () => signIn }),
  });
  const agents = createAgents({
    ...recorded,
    owners: accounts,
    outgoing: deps.outgoing,
    isSoleAdministrator: accounts.isSoleAdministrator,
    redirectFaultOf,
    ...createEndings({ agents: () => agents, approvals: () => approvals, clients: () => clients, revocation: () => revocation }),
    surroundings: agentSurroundings(sources, { directory, pendingOf: (agentIds) => approvals.countOpen(agentIds), issuer, clock }),
  });
  const resourceServers = createResourceServers({
    ...recorded,
    onRemoved: (identifier, reason) => revocation.cascade.onResourceRemoved(identifier, reason),
    clientResources: (client) => clients.resourcesOf(client),
    get serverClients() {
      return clients.serverClients;
    },
  });
  const proofs = createProofs(recorded);
  const tokens = createTokens({
    ...recorded,
    principalOf: (clientId) => policy.principalOf(clientId),
    onIssued: (agentIds) => agentIds.forEach(agents.touch),
    onIssuing: (token) => budgets.onIssuing(token),
    detailsHash: (granted) => detailsHash(granted as readonly AuthorizationDetail[]),
    namesOf: directory.namesOf,
    details: createDetailWriter(() => details.types),
    publicKeys: () => oidc().publicKeys(),
  });

  const trust = createTrust({
    ...{ ...base, audit, outgoing: deps.outgoing, resources: resourceServers },
    ...trustHooks({ clients: () => clients, identityAssertion: () => identityAssertion }),
    ...{ choices: directory.delegationChoices, nameOf: directory.nameOf },
  });

  // ── rules: what we decide ──
  const details = createAuthorizationDetails({ ...recorded, notifications: deps.notifications, onChanged: () => oidc().reload() });
  const policy = createPolicy({
    ...recorded,
    facts: composeFacts({ clients: { find: (clientId) => clients.find(clientId) }, agents, owners: accounts }),
    drift: agents.drift,
    resources: resourceServers,
    readers: { roleOf: accounts.activeRoleOf, ownsAgent: directory.ownsAgent, nameOf: directory.nameOf },
    people: accounts,
    notifications: deps.notifications,
  });

  // ── flows: what happens ──
  const joined = { agents: () => agents, clients: () => clients, policy: () => policy, revocation: () => revocation };
  const enrolment = createEnrolment(joined);
  const admission = createAdmission({ ...joined, accounts: () => accounts, audit });
  const clients = createClients({
    ...recorded,
    owners: { ownerLabel: accounts.ownerLabel, choices: directory.ownerChoices },
    agents: { findByClient: agents.findByClient, choices: directory.agentChoices, linkClient: enrolment.linkClient },
    detailTypes: () => details.types.names,
    onRegistered: enrolment.onRegistered,
    ...admission.registration,
    verifyStatement: trust.verifySoftwareStatement,
    onUpdate: enrolment.onUpdate,
    onWidened: enrolment.onWidened,
    onStopped: (clientId, reason) => revocation.cascade.onClientDisabled(clientId, reason),
    documents: { outgoing: deps.outgoing, ...admission.documents },
    policy,
    turnsAway: (clientId) => policy.turnsAway(clientId),
  });
  const budgets = createBudgets({ ...recorded, tokens, artifacts, policy, details, resourceServers, clients, nameOf: directory.nameOf });
  const spending = budgetHooks({ ...joined, ...admission.consent, budgets, details, clock });
  const signIn = createSignIn({
    ...recorded,
    accounts,
    provider,
    artifacts,
    detailTypes: () => details.types,
    resourceServers,
    softwareOf: directory.softwareOf,
    ...{ ...admission.consent, ...spending.consent },
  });
  const childEnrolment = createChildEnrolment({ ...base, policy, agents, clients });
  const judging = { ...recorded, types: details.types, policy, facts: policy.facts, resources: resourceServers };
  const exchanging = { ...judging, tokens, artifacts, agents, accounts, trust, directory, drafts, useTypes: details.use };
  const { tokenExchange, identityAssertion } = createHandingOn(exchanging);
  const policies = { ask: policy.ask };
  const accesses = { ...judging, tokens, agents, owners: accounts };
  const accessEvaluation = createAccessEvaluation({ ...accesses, ask: (question) => policies.ask(question) });
  const approvals = createApprovals({
    ...recorded,
    artifacts,
    provider,
    notifications: deps.notifications,
    eventStreams: deps.eventStreams,
    directory: { accounts, agents, resourceServers, detailTypes: () => details.types },
    assurance: accounts.authentication,
    issuanceOf,
    ...{ proofs, policyVersion: policy.version, resourcesOfClient: resourceServers.resourcesOfClient },
  });
  const refreshTokens = createRefreshTokens({ ...base, audit, artifacts, tokens, agents });
  const revocation = createRevocation({
    ...base,
    tokens,
    artifacts,
    clientsOf: (agentIds) => agents.clientsOfAll(agentIds),
    budgetsOf: budgets.introspected,
    isClientOfResource: async (clientId, resource) => (await resourceServers.resourcesOfClient(clientId)).includes(resource),
  });
  const home = { accounts, agents, approvals, artifacts, clients, details, resourceServers, revocation, signIn, tokenExchange, tokens };
  const overview = createOverview({ ...base, audit, nameOf: directory.nameOf, counts: overviewCounts(home) });
  const selfService = createSelfService({ ...base, audit, artifacts, sources: selfServiceSources(home) });
  const operations = createOperations({ ...deps, ...home, issuer, audit, policy, redirectFaultOf, engine: oidc });
  return {
    ...home,
    ...{ audit, policy, policies, proofs, trust, quotas, directory },
    ...{ accessEvaluation, budgets, childEnrolment, identityAssertion, operations, overview, refreshTokens, selfService },
  };
}

/** The order in which contributions run: what the client may is narrowed, an approval is checked, the policy judges, the ledger writes. */
function capabilitiesOf(parts: ReturnType<typeof createParts>): readonly Capability[] {
  const { audit, accounts, agents, resourceServers, details, policy, approvals, tokens, clients } = parts;
  const { proofs, trust, signIn, childEnrolment, tokenExchange, identityAssertion, refreshTokens, revocation } = parts;
  const { accessEvaluation, budgets, overview, selfService, operations } = parts;
  const before = [audit, accounts, agents, resourceServers, proofs, trust, details, clients, approvals];
  const judged = [...before, ...tokenExchange.beforePolicy, policy, tokens];
  const flows = [signIn, childEnrolment, tokenExchange, accessEvaluation, budgets, identityAssertion, refreshTokens, revocation];
  return [...judged, ...flows, overview, selfService, operations].map(({ capability }) => capability);
}

/** Puts a server together over a migrated database. */
export async function createApp(deps: AppDeps): Promise<App> {
  const { config, db, vault, clock, log } = deps;
  const { issuer } = config;
  const notifications = createNotifications({ db, log });
  const eventStreams = createEventStreams({ heartbeatSeconds: 25, maxPerSession: 4, maxTotal: 2_000 });
  const outgoing = createOutgoing({ allowLoopback: issuer.hostname === 'localhost', log });
  const jobs = createJobRunner({ db, log });

  // ── capabilities, and the engine of all their contributions ──
  const { token, port } = config.metrics;
  const metrics = token === undefined && port === undefined ? undefined : createMetrics({ token, connections: () => db.connections() });
  const parts = createParts({ ...deps, notifications, eventStreams, outgoing, metrics }, () => oidc);
  await parts.details.load();
  const capabilities = capabilitiesOf(parts);
  const oidc: Oidc = await createOidc({
    issuer,
    db,
    store: parts.artifacts,
    clock,
    vault,
    log,
    notifications,
    onKeysChanged: parts.operations.onKeysChanged,
    fetch: (input, init) => outgoing.engineFetch(input instanceof Request ? input.url : input, init),
    contributions: () => capabilities.flatMap(({ name, oidc: part }) => (part === undefined ? [] : [{ name, oidc: part }])),
  });

  const { trustedProxies } = config;
  const http = await createEdge({ ...deps, issuer, trustedProxies, eventStreams, metrics, oidc, capabilities, parts });
  return {
    http,
    oidc,
    parts,
    jobs,
    capabilities,
    metrics,
    async start() {
      const { setup } = parts.accounts;
      await setup.ensureFirstAdministrator(config.firstAdministrator);
      if (config.bootstrapClient !== undefined) await parts.clients.ensureBootstrapClient(config.bootstrapClient);
      await notifications.start();
      jobs.start([parts.quotas.job, ...oidc.jobs, ...capabilities.flatMap((capability) => capability.jobs ?? [])]);
      const code = await setup.makeCode();
      if (code === undefined) return [];
      return [`Make the first administrator: ${issuerOf(issuer)}/setup with the code ${code} (good for 30 minutes)`];
    },
    async stop() {
      await jobs.stop();
      await parts.agents.flushLastSeen();
      await parts.clients.provisioningTokens.flush();
      await parts.audit.seal();
      await notifications.stop();
      await outgoing.close();
      metrics?.close();
    },
  };
}
