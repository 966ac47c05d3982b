import { errors, type Provider } from 'oidc-provider';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { ChangedBy, OnStopped, RegistrationAudit } from './audit-trail.ts';
import { type Bootstrapped, ensureBootstrapClient } from './bootstrap-client.ts';
import { type ClientPurpose, type ClientRecord, draftRecord, type StoredMetadata, usesSecret } from './client.ts';
import type { FactsBook } from './client-facts.ts';
import { type ClientChangeInput, metadataOf, type NewClientInput, ownChanges } from './client-input.ts';
import type { ClientSecrets } from './client-secrets.ts';
import { enginePayload, storedMetadata } from './engine-storage.ts';
import { ALL_GRANTS } from './grant-types.ts';
import { checkMetadata, MetadataFault } from './metadata-rules.ts';
import type { ClientQuery, ClientStore } from './store.ts';
import { isWidened } from './widening.ts';

/** The use cases around clients; `by` is who acts, as the audit trail names them. */
export interface ClientService {
  /** Active and disabled ones; a deleted one is not found. */
  find(clientId: string): Promise<ClientRecord | undefined>;
  /** @throws {AppError} `not_found` */
  get(clientId: string): Promise<ClientRecord>;
  /** The name of the software behind a `svc_…`, for pages. */
  findNameOfService(serviceId: string): Promise<string | undefined>;
  list(query: ClientQuery): Promise<readonly ClientRecord[]>;
  count(): Promise<number>;
  /** The secret, if it has one, is in this one answer. @throws {AppError} `invalid_input` */
  create(input: NewClientInput, by: ChangedBy): Promise<{ readonly record: ClientRecord; readonly secret: string | undefined }>;
  /** Judged by the same rules as a registration. @throws {AppError} `not_found`, `invalid_input` */
  update(clientId: string, input: ClientChangeInput, by: ChangedBy): Promise<ClientRecord>;
  /** A new secret; the old one works for `overlapSeconds` more (default a day). @throws {AppError} `not_found`, `conflict` */
  rotateSecret(clientId: string, options: { readonly overlapSeconds?: number | undefined; readonly by: ChangedBy }): Promise<string>;
  /** Its next request answers 401, its tokens are dead (live_clients). @throws {AppError} `not_found` */
  disable(clientId: string, by: ChangedBy): Promise<void>;
  /** @throws {AppError} `not_found` */
  enable(clientId: string, by: ChangedBy): Promise<void>;
  /** For good; the id is not given out again. @throws {AppError} `not_found` */
  remove(clientId: string, by: ChangedBy): Promise<void>;
  /** Makes the environment's client as it says: made once, its secret follows the environment, deleted stays deleted. */
  ensureBootstrapClient(bootstrap: { readonly clientId: string; readonly secret: string }): Promise<Bootstrapped>;
}

/** What the service stands on. */
export interface ClientServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Pick<Logger, 'warn'>;
  readonly store: ClientStore;
  readonly secrets: ClientSecrets;
  readonly book: FactsBook;
  readonly audit: RegistrationAudit;
  readonly detailTypes: () => readonly string[];
  /** The engine in force: its own rules judge an administrator's client too. */
  readonly provider: () => Provider;
  readonly onWidened: (clientId: string) => Promise<void>;
  /** A client is disabled or deleted: ends what it holds, so that enabling it again brings nothing back. */
  readonly onStopped: OnStopped;
}

const OVERLAP_SECONDS = 86_400;
const SERVICE_PURPOSES: ReadonlySet<ClientPurpose> = new Set(['service', 'management', 'resource_server']);

function missing(): AppError {
  return new AppError('not_found', 'There is no such client.');
}

function translate(error: unknown): never {
  if (error instanceof MetadataFault) throw new AppError('invalid_input', `${error.message}.`, { member: `/${error.member}` });
  if (error instanceof errors.InvalidClientMetadata) throw new AppError('invalid_input', `${error.error_description ?? error.message}.`);
  throw error;
}

/** A workload's client is what its trust provider says; only the server itself ends it with its agent. */
function checkChangeable({ kind }: ClientRecord, by: ChangedBy): void {
  if (kind !== 'workload' || by.kind === 'system') return;
  throw new AppError('conflict', 'This client belongs to a trusted issuer: change that one.');
}

/** The service over its store. */
export function createClientService(deps: ClientServiceDeps): ClientService {
  const { db, store, audit } = deps;
  const get = async (clientId: string) => {
    const stored = await store.find(clientId);
    if (stored === undefined) throw missing();
    return stored.record;
  };
  const setStatus = (clientId: string, status: ClientRecord['status'], by: ChangedBy) =>
    db.transaction(async () => {
      await get(clientId);
      await store.update(clientId, { status });
      await audit.record({ type: 'client.updated', actor: by, clientId, action: status });
      if (status === 'disabled') await deps.onStopped(clientId, { cause: 'client.disabled', by });
    });
  return {
    find: async (clientId) => (await store.find(clientId))?.record,
    get,
    findNameOfService: (serviceId) => store.findNameOfService(serviceId),
    list: (query) => store.list(query),
    count: () => store.count(),
    create: (input, by) => db.transaction(() => create(deps, input, by)),
    update: (clientId, input, by) => db.transaction(() => update(deps, { clientId, input, by })),
    rotateSecret: (clientId, { overlapSeconds = OVERLAP_SECONDS, by }) =>
      db.transaction(async () => {
        const record = await get(clientId);
        checkChangeable(record, by);
        if (!usesSecret(record.metadata)) throw new AppError('conflict', 'This client does not prove itself by a secret.');
        const secret = deps.ids.secret(32);
        const previousUntil = overlapSeconds > 0 ? secondsAfter(deps.clock.now(), overlapSeconds) : undefined;
        await store.setSecret(clientId, { hash: deps.secrets.hash(clientId, secret), previousUntil });
        await audit.record({ type: 'client.secret_rotated', actor: by, clientId });
        return secret;
      }),
    disable: (clientId, by) => setStatus(clientId, 'disabled', by),
    enable: (clientId, by) => setStatus(clientId, 'active', by),
    remove: (clientId, by) =>
      db.transaction(async () => {
        checkChangeable(await get(clientId), by);
        if (!(await store.remove(clientId))) throw missing();
        await audit.record({ type: 'client.deleted', actor: by, clientId });
        await deps.onStopped(clientId, { cause: 'client.deleted', by });
      }),
    ensureBootstrapClient: (bootstrap) => db.transaction(() => ensureBootstrapClient(deps, bootstrap)),
  };
}

/** Judges metadata by the rules of registration and by the engine's own; returns it with every default filled in. @throws {AppError} `invalid_input` */
export function judgeMetadata(
  deps: Pick<ClientServiceDeps, 'book' | 'detailTypes' | 'provider'>,
  record: ClientRecord,
  metadata: StoredMetadata,
): { metadata: StoredMetadata; scopes: readonly string[] | undefined } {
  try {
    const withDefaults = { grant_types: ['authorization_code'], ...metadata };
    const { changes, resourceScopes } = checkMetadata(withDefaults, record.bounds);
    const checked = storedMetadata({ ...withDefaults, ...changes });
    const facts = deps.book.enter({ ...record, metadata: checked }, { current: undefined, previous: undefined, previousUntil: undefined });
    const payload = enginePayload({ ...record, metadata: checked }, { facts, detailTypes: deps.detailTypes() });
    const { Client } = deps.provider() as unknown as { Client: new (metadata: object) => { metadata(): StoredMetadata } };
    const { authorization_details_types: _, ...complete } = storedMetadata(new Client(payload).metadata());
    return { metadata: complete, scopes: resourceScopes };
  } catch (error) {
    return translate(error);
  }
}

function checkMarks({ isManagement, hasGovernance, metadata }: Pick<ClientRecord, 'isManagement' | 'hasGovernance' | 'metadata'>): void {
  if (hasGovernance && !isManagement)
    throw new AppError('invalid_input', 'Governance is for clients marked for management.', { member: '/has_governance' });
  if (isManagement && metadata['token_endpoint_auth_method'] === 'none') {
    throw new AppError('invalid_input', 'A management client must prove who it is.', { member: '/token_endpoint_auth_method' });
  }
}

async function create(deps: ClientServiceDeps, input: NewClientInput, by: ChangedBy) {
  const { ids, clock, store } = deps;
  const id = ids.next('cli');
  const now = clock.now();
  const bounds = { grantTypes: ALL_GRANTS };
  const draft: ClientRecord = {
    ...draftRecord({ id, name: input.client_name, kind: 'admin', purpose: input.purpose, bounds }, now),
    serviceId: SERVICE_PURPOSES.has(input.purpose) ? ids.next('svc') : undefined,
    ...(ownChanges(input, bounds) as Partial<ClientRecord>),
  };
  const record = { ...draft, ...judgeMetadata(deps, draft, metadataOf(input)) };
  checkMarks(record);
  const secret = usesSecret(record.metadata) ? ids.secret(32) : undefined;
  await store.insert({ ...record, secretHash: secret === undefined ? undefined : deps.secrets.hash(id, secret) });
  await deps.audit.record({
    type: 'client.registered',
    actor: by,
    clientId: id,
    action: record.isManagement ? 'management' : record.purpose,
  });
  return { record: (await store.find(id))?.record ?? record, secret };
}

async function update(deps: ClientServiceDeps, { clientId, input, by }: { clientId: string; input: ClientChangeInput; by: ChangedBy }) {
  const stored = await deps.store.findForUpdate(clientId);
  if (stored === undefined) throw missing();
  const before = stored.record;
  checkChangeable(before, by);
  const own = ownChanges(input, before.bounds);
  const given = metadataOf(input);
  if (before.kind === 'document' && Object.keys(given).length > 0)
    throw new AppError('conflict', 'What this client is stands in its metadata document, and changes there.');
  const merged = { ...before, ...own } as ClientRecord;
  const scope = [before.metadata['scope'], ...(before.scopes ?? [])].filter((part) => typeof part === 'string').join(' ');
  const judged =
    Object.keys(given).length === 0
      ? { metadata: before.metadata, scopes: before.scopes }
      : judgeMetadata(deps, merged, { ...before.metadata, ...(scope === '' ? {} : { scope }), ...given });
  checkMarks({ ...merged, metadata: judged.metadata });
  const { status, client_name: name } = input;
  await deps.store.update(clientId, {
    ...own,
    ...judged,
    ...(name === undefined ? {} : { name }),
    ...(status === undefined ? {} : { status }),
  });
  await deps.audit.record({ type: 'client.updated', actor: by, clientId, action: Object.keys(input).join(' ') || 'nothing' });
  if (isWidened(before, judged)) await deps.onWidened(clientId);
  if (status === 'disabled' && before.status !== 'disabled') await deps.onStopped(clientId, { cause: 'client.disabled', by });
  return (await deps.store.find(clientId))?.record ?? merged;
}
