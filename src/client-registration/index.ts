/**
 * The software that may ask for tokens: registered by itself with an initial access token (RFC 7591, RFC 7592), added by an
 * administrator, or named in the environment. Owns clients, their secrets and the rules of registration. Which agent a client
 * works for is the registry's; what it may get is policy's. Called by the engine at every request that names a client.
 */
import { type Client, Provider } from 'oidc-provider';
import type { Capability } from '../capability.ts';
import { issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Quotas } from '../platform/quota/quota.ts';
import type { Vault } from '../platform/vault.ts';
import type { PolicyService } from '../policy/index.ts';
import type { ChangedBy, OnStopped, RegistrationAudit } from './audit-trail.ts';
import { type ClientRecord, type StoredMetadata, textsOf } from './client.ts';
import { type ClientFacts, createFactsBook } from './client-facts.ts';
import { createClientSecrets } from './client-secrets.ts';
import { type ClientAgents, clientConsole } from './console/routes.ts';
import { createEngineStorage } from './engine-storage.ts';
import { GRANT } from './grant-types.ts';
import { createInitialAccessTokens, type InitialAccessTokens, type Owners } from './initial-access-tokens/service.ts';
import {
  createMetadataDocuments,
  type DocumentsDeps,
  documentApi,
  documentConsole,
  documentJobs,
  isAdmitted,
  type MetadataDocuments,
} from './metadata-documents/index.ts';
import { initialAccessTokenConsole } from './initial-access-tokens/routes.ts';
import { clientOidc } from './oidc.ts';
import { createOpenRegistration, type Openness } from './open-registration.ts';
import { provisioningConsole } from './provisioning-tokens/routes.ts';
import { createProvisioningTokens, type ProvisioningTokens } from './provisioning-tokens/service.ts';
import type { OnMet, OnRegistered, OnSelfChanged, OnUpdate } from './registering.ts';
import { createRegistrationLimits, type RegistrationLimits } from './registration-limits/limits.ts';
import { clientApi } from './routes.ts';
import { type ClientService, createClientService, judgeMetadata } from './service.ts';
import { createSoftwareService, type SoftwareService } from './software/service.ts';
import { type SoftwareAgents, softwareConsole } from './software/routes.ts';
import type { VerifyStatement } from './software-statement.ts';
import { createSoftwareStore } from './software/store.ts';
import { type ClientStore, createClientStore } from './store.ts';
import { createWorkloadClients, type WorkloadClients } from './workload-clients.ts';

export type { ChangedBy, RegistrationAudit } from './audit-trail.ts';
export type { Bounds, ClientPurpose, ClientRecord, InitialAccessToken, StoredMetadata } from './client.ts';
export type { ClientFacts } from './client-facts.ts';
export type { ClientAgents } from './console/routes.ts';
export type { OnMet, OnRegistered, OnSelfChanged, OnUpdate } from './registering.ts';
export type { DocumentsDeps } from './metadata-documents/index.ts';
export type { InitialAccessTokens, NewChildToken, Owners } from './initial-access-tokens/service.ts';
export type { ClientChangeInput, NewClientInput } from './client-input.ts';
export { redirectFaultOf } from './redirect-uri.ts';
export type { ClientService } from './service.ts';
export { inheritedAgent, type Instance, type SoftwareService } from './software/service.ts';
export type { SoftwareAgents } from './software/routes.ts';
export type { Software } from './software/software.ts';

/** What clients need; what is uphill or beside comes as a hook from app.ts. */
export interface ClientsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly log: Pick<Logger, 'warn'>;
  readonly issuer: URL;
  readonly quotas: Pick<Quotas, 'create'>;
  readonly audit: RegistrationAudit;
  readonly owners: Owners;
  readonly agents: ClientAgents;
  /** The types of authorization details the engine is being built with; asked once for each that is built. */
  readonly detailTypes: () => readonly string[];
  readonly onRegistered: OnRegistered;
  /** Software registered without a token. */
  readonly onMet?: OnMet;
  /** What came by itself changed what people said yes to. */
  readonly onSelfChanged?: OnSelfChanged;
  /** What the pages about software ask the registry, and do there; left out: no such pages. */
  readonly softwareAgents?: SoftwareAgents;
  /** Which software may; left out: none. */
  readonly openness?: () => Promise<Openness>;
  /** `trust.verifySoftwareStatement`; left out: no statement is believed. */
  readonly verifyStatement?: VerifyStatement;
  readonly onUpdate?: OnUpdate;
  /** Keeps why a client gets no token, and tells it in the answer. */
  readonly policy?: Pick<PolicyService, 'refuse'>;
  /** `policy.turnsAway`: a client of a suspended or retired agent is as unknown as one that was never registered. */
  readonly turnsAway?: (clientId: string) => Promise<boolean>;
  readonly onWidened: (clientId: string) => Promise<void>;
  /** Left out: no client_id that is the address of a metadata document is taken. */
  readonly documents?: DocumentsDeps;
  /** A client was disabled or deleted: ends what it holds, in the same transaction. */
  readonly onStopped: OnStopped;
}

/** A resource server's own credentials, as `createResourceServers` takes them. */
interface ServerCredentials {
  issue(
    server: { readonly name: string; readonly identifier: string },
    by: ChangedBy,
  ): Promise<{ readonly clientId: string; readonly clientSecret: string }>;
  describe(
    clientIds: readonly string[],
  ): Promise<readonly { readonly clientId: string; readonly name: string; readonly lastUsedAt: Date | undefined }[]>;
  remove(clientId: string, by: ChangedBy): Promise<void>;
}

/** The services and their contribution. */
export interface Clients extends ClientService {
  readonly initialAccessTokens: InitialAccessTokens;
  readonly provisioningTokens: ProvisioningTokens;
  /** Undefined: not taken. */
  readonly documents: MetadataDocuments | undefined;
  /** Software that comes by itself. */
  readonly software: SoftwareService;
  /** How much may be registered; the edge counts attempts with it. */
  readonly limits: RegistrationLimits;
  /** What our record says of the engine's client; undefined for one that is not from our table. */
  factsOf(client: Client): ClientFacts | undefined;
  /** For `createChildEnrolment({ clientOf })`: what a child of the client's agent is bound by. */
  enrollingClient(clientId: string): Promise<(Pick<ClientRecord, 'scopes' | 'bounds'> & { grantTypes: readonly string[] }) | undefined>;
  /** For `createResourceServers({ clientResources })`. */
  resourcesOf(client: Client): {
    readonly isManagement: boolean;
    readonly defaultResource: string | undefined;
    readonly defaultScope: string | undefined;
    readonly allowedResources: readonly string[] | undefined;
    readonly comesByItself: boolean;
    readonly registeredScopes: readonly string[] | undefined;
  };
  /** For `createResourceServers({ serverClients })`. */
  readonly serverClients: ServerCredentials;
  /** For `createTrust({ workloads })`. */
  readonly workloadClients: WorkloadClients;
  readonly capability: Capability;
}

function serverClientsOf(service: ClientService): ServerCredentials {
  return {
    async issue(server, by) {
      const name = `${server.name} (its own)`.slice(0, 80);
      const { record, secret } = await service.create(
        {
          client_name: name,
          purpose: 'resource_server',
          token_endpoint_auth_method: 'client_secret_basic',
          grant_types: [GRANT.clientCredentials, GRANT.exchange],
        },
        by,
      );
      if (secret === undefined) throw new Error('a confidential client has a secret');
      return { clientId: record.id, clientSecret: secret };
    },
    async describe(clientIds) {
      const found = await Promise.all(clientIds.map((clientId) => service.find(clientId)));
      return found.filter((record) => record !== undefined).map(({ id, name, lastUsedAt }) => ({ clientId: id, name, lastUsedAt }));
    },
    async remove(clientId, by) {
      if ((await service.find(clientId)) !== undefined) await service.remove(clientId, by);
    },
  };
}

/**
 * The engine and policy ask for the same client at the same moment of a request: they share that one read. Only while it is under
 * way, and never across requests, so nobody is told what held before they asked.
 */
function withSharedReads(store: ClientStore): ClientStore {
  const underWay = new WeakMap<object, Map<string, ReturnType<ClientStore['find']>>>();
  return {
    ...store,
    find(clientId) {
      const { ctx } = Provider;
      if (ctx === undefined) return store.find(clientId);
      const reads = underWay.get(ctx) ?? new Map<string, ReturnType<ClientStore['find']>>();
      underWay.set(ctx, reads);
      const read = reads.get(clientId) ?? store.find(clientId).finally(() => reads.delete(clientId));
      reads.set(clientId, read);
      return read;
    },
  };
}

const FLUSH_SECONDS = 15;

/** Builds the capability. */
export function createClients(deps: ClientsDeps): Clients {
  const store = withSharedReads(createClientStore(deps));
  const secrets = createClientSecrets(deps);
  const book = createFactsBook();
  const initialAccessTokens = createInitialAccessTokens(deps);
  const limits = createRegistrationLimits(deps);
  let current: Provider | undefined;
  // each engine knows the types it was built with, and refuses every client that names another
  const typesOf = new WeakMap<Provider, readonly string[]>();
  const detailTypes = () => typesOf.get((Provider.ctx?.oidc.provider ?? current) as Provider) ?? [];
  const provider = () => {
    if (current === undefined) throw new Error('clients are judged by the engine, which is not built yet');
    return current;
  };
  const onStopped: OnStopped = async (clientId, reason) => {
    await provisioningTokens.endAll(clientId, reason);
    await deps.onStopped(clientId, reason);
  };
  const open = createOpenRegistration({ ...deps, openness: deps.openness ?? (async () => 'token') });
  const software = createSoftwareService({ ...deps, store: createSoftwareStore(deps), clients: store, onStopped });
  const judge = (record: ClientRecord, metadata: StoredMetadata) => judgeMetadata({ book, detailTypes, provider }, record, metadata);
  const documents = deps.documents && createMetadataDocuments({ ...deps, ...deps.documents, clients: store, software, judge, onStopped });
  const shared = { ...deps, detailTypes, store, secrets, book, open, documents, software };
  const storage = createEngineStorage({
    ...shared,
    initialAccessTokens,
    isAdmitted: (clientId) => isAdmitted(documents, clientId),
    limits,
    onStopped,
  });
  const service = createClientService({ ...deps, detailTypes, store, secrets, book, provider, onStopped });
  const provisioningTokens = createProvisioningTokens({
    ...deps,
    clients: { findForUpdate: store.findForUpdate, create: service.create },
    scimBaseUrl: `${issuerOf(deps.issuer)}/scim/v2`,
  });
  const onProvider = (built: Provider) => {
    current = built;
    typesOf.set(built, deps.detailTypes());
  };
  return {
    ...service,
    initialAccessTokens,
    provisioningTokens,
    documents,
    software,
    limits,
    factsOf: (client) => book.factsOf(client),
    async enrollingClient(clientId) {
      const record = await service.find(clientId);
      return record && { scopes: record.scopes, bounds: record.bounds, grantTypes: textsOf(record.metadata['grant_types']) };
    },
    resourcesOf(client) {
      const facts = book.factsOf(client);
      return {
        isManagement: facts?.isManagement ?? false,
        defaultResource: facts?.defaultResource,
        defaultScope: facts?.defaultScope,
        allowedResources: facts?.bounds.resources,
        comesByItself: facts?.kind === 'open' || facts?.kind === 'document',
        registeredScopes: facts?.scopes,
      };
    },
    serverClients: serverClientsOf(service),
    workloadClients: createWorkloadClients({ ...deps, store, onStopped }),
    capability: {
      name: 'client-registration',
      oidc: clientOidc({ ...shared, storage, onProvider }),
      routes(router, web) {
        clientApi({ clients: service, initialAccessTokens }, router, web);
        if (documents !== undefined) {
          documentApi({ ...deps, documents }, router, web);
          documentConsole({ ...deps, documents }, router, web);
        }
        clientConsole({ ...deps, clients: service, documents }, router, web);
        initialAccessTokenConsole({ ...deps, initialAccessTokens }, router, web);
        const { softwareAgents } = deps;
        if (softwareAgents !== undefined) softwareConsole({ ...deps, software, softwareAgents }, router, web);
        provisioningConsole({ ...deps, provisioningTokens }, router, web);
      },
      jobs: [
        ...documentJobs(documents),
        { name: 'provisioning-tokens-last-use', everySeconds: FLUSH_SECONDS, run: provisioningTokens.flush },
        { name: 'unused-registrations', everySeconds: 3_600, run: async () => void (await software.reap()) },
        {
          name: 'old-child-tokens',
          everySeconds: 3_600,
          run: async () => {
            while ((await initialAccessTokens.purge()) > 0);
          },
        },
      ],
    },
  };
}
