import { issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { type OwnResourceServer, ownResourcesOf } from './own-resources.ts';
import { remember } from './remembered.ts';
import { canonicalResourceUri } from './resource-uri.ts';
import { identifierOf, type NewResourceServer, type ResourceServer, type ResourceServerChange, scopesOf } from './resource-server.ts';
import { checkToolScopes, toolsOf } from './tools/tool.ts';
import { createResourceServerStore, type PageRequest } from './store.ts';

/** Who made a change, as the audit trail names them. */
export interface ChangedBy {
  readonly kind: 'account' | 'agent' | 'service' | 'client' | 'system';
  readonly id: string;
}

/** Where changes to resource servers are told. */
export interface ResourceServerAudit {
  record(event: {
    readonly type: 'resource_server.created' | 'resource_server.updated' | 'resource_server.deleted';
    readonly actor: ChangedBy;
    readonly resource: string;
    readonly action?: string;
    readonly clientId?: string;
  }): Promise<unknown>;
}

/** What the service stands on. */
export interface ResourceServerServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: ResourceServerAudit;
  /** A resource server was removed: ends the tokens for it, in the same transaction. */
  readonly onRemoved: (identifier: string, reason: { readonly by: ChangedBy }) => Promise<void>;
}

/** The use cases around resource servers. `by` is who acts, as the audit trail names them. */
export interface ResourceServerService {
  /** The server's own resources; they are no rows and cannot change. */
  readonly own: readonly OwnResourceServer[];
  /** By resource indicator in any spelling (RFC 8707 §2), own resources included; the answer may be a second old. */
  findByIdentifier(uri: string): Promise<ResourceServer | undefined>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<ResourceServer>;
  /** Registered ones, oldest first, without the own resources. */
  list(page: PageRequest): Promise<readonly ResourceServer[]>;
  count(): Promise<number>;
  /** @throws {AppError} `invalid_input`, `conflict` when the identifier is taken. */
  create(input: NewResourceServer, by: ChangedBy): Promise<ResourceServer>;
  /** @throws {AppError} `not_found`, `invalid_input` */
  update(id: string, change: ResourceServerChange, by: ChangedBy): Promise<ResourceServer>;
  /** Its tokens are dead at once: liveness is derived from the row. @throws {AppError} `not_found` */
  remove(id: string, by: ChangedBy): Promise<void>;
  /** Makes a client the resource server's own. @throws {AppError} `not_found` */
  addClient(id: string, clientId: string, by: ChangedBy): Promise<void>;
  /** @throws {AppError} `not_found` */
  removeClient(id: string, clientId: string, by: ChangedBy): Promise<void>;
  /** The client ids that belong to a resource server, by its id or its identifier. */
  clientsOf(idOrIdentifier: string): Promise<readonly string[]>;
  /** Identifiers of the resource servers a client belongs to; the answer may be a second old. */
  resourcesOfClient(clientId: string): Promise<readonly string[]>;
}

/** The server with what the change says; what it does not name stays. @throws {AppError} `invalid_input` */
function changed(before: ResourceServer, change: ResourceServerChange): ResourceServer {
  const { token_ttl_seconds: ttl, scopes, tools, tools_open: hasOpenTools, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const merged: ResourceServer = { ...before, ...given };
  return {
    ...merged,
    ...(ttl === undefined ? {} : { tokenTtlSeconds: ttl ?? undefined }),
    ...(scopes === undefined ? {} : { scopes: scopesOf(scopes, merged.sensitivity) }),
    ...(tools === undefined ? {} : { tools: toolsOf(tools, merged.sensitivity) }),
    ...(hasOpenTools === undefined ? {} : { hasOpenTools }),
  };
}

function missing(): AppError {
  return new AppError('not_found', 'There is no such resource server.');
}

/** The service over its store. */
export function createResourceServerService(deps: ResourceServerServiceDeps): ResourceServerService {
  const { db, clock, ids, audit } = deps;
  const issuer = issuerOf(deps.issuer);
  const store = createResourceServerStore(deps);
  const own = ownResourcesOf(issuer);
  const byIdentifier = remember(clock, (identifier) => store.findByIdentifier(identifier));
  const ofClient = remember(clock, (clientId) => store.resourcesOfClient(clientId));
  const forget = () => {
    byIdentifier.clear();
    ofClient.clear();
  };
  const get = async (id: string) => {
    const server = await store.find(id);
    if (server === undefined) throw missing();
    return server;
  };
  const findByIdentifier = async (uri: string) => {
    const canonical = canonicalResourceUri(uri);
    if (!canonical.ok) return undefined;
    return own.find(({ identifier }) => identifier === canonical.uri) ?? (await byIdentifier.get(canonical.uri));
  };
  /** One transaction; what was remembered is dropped before and after, so that neither side answers from before it. */
  const change = <T>(work: () => Promise<T>): Promise<T> =>
    db.transaction(async () => {
      db.afterCommit(forget);
      const result = await work();
      forget();
      return result;
    });
  return {
    own,
    findByIdentifier,
    get,
    list: (page) => store.list(page),
    count: () => store.count(),
    create: (input, by) =>
      change(async () => {
        const { token_ttl_seconds: ttl, scopes, tools = [], tools_open: hasOpenTools = false, ...rest } = input;
        const server: ResourceServer = {
          ...rest,
          id: ids.next('rsv'),
          identifier: identifierOf(input.identifier, issuer),
          tokenTtlSeconds: ttl ?? undefined,
          scopes: scopesOf(scopes, input.sensitivity),
          tools: toolsOf(tools, input.sensitivity),
          hasOpenTools,
          createdAt: clock.now(),
        };
        checkToolScopes(server.tools, server.scopes);
        if (!(await store.insert(server)))
          throw new AppError('conflict', 'There is a resource server with this identifier.', { member: '/identifier' });
        await audit.record({ type: 'resource_server.created', actor: by, resource: server.identifier });
        return server;
      }),
    update: (id, input, by) =>
      change(async () => {
        const before = await get(id);
        const after = changed(before, input);
        checkToolScopes(after.tools, after.scopes);
        await store.update(after);
        await audit.record({
          type: 'resource_server.updated',
          actor: by,
          resource: before.identifier,
          action: Object.keys(input).join(' ') || 'nothing',
        });
        return after;
      }),
    remove: (id, by) =>
      change(async () => {
        const server = await get(id);
        await store.remove(id);
        await audit.record({ type: 'resource_server.deleted', actor: by, resource: server.identifier });
        await deps.onRemoved(server.identifier, { by });
      }),
    addClient: (id, clientId, by) =>
      change(async () => {
        const server = await get(id);
        await store.addClient(id, clientId);
        await audit.record({ type: 'resource_server.updated', actor: by, resource: server.identifier, action: 'client_added', clientId });
      }),
    removeClient: (id, clientId, by) =>
      change(async () => {
        const server = await get(id);
        if (!(await store.removeClient(id, clientId))) throw new AppError('not_found', 'The resource server has no such client.');
        await audit.record({ type: 'resource_server.updated', actor: by, resource: server.identifier, action: 'client_removed', clientId });
      }),
    async clientsOf(idOrIdentifier) {
      if (idOrIdentifier.startsWith('rsv_')) return store.clientsOf(idOrIdentifier);
      const server = await findByIdentifier(idOrIdentifier);
      return server === undefined ? [] : store.clientsOf(server.id);
    },
    resourcesOfClient: (clientId) => ofClient.get(clientId),
  };
}
