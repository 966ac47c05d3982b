import type { AuditActor, AuditRecorder } from '../../audit/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { NewMapping, StoredMapping } from './mapping.ts';
import { createMappingStore, type MappingStore } from './store.ts';

/** The use cases around scope mappings; `by` is who acts, as the audit trail names them. */
export interface MappingService extends Pick<MappingStore, 'between' | 'list'> {
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<StoredMapping>;
  /** @throws {AppError} `invalid_input` with the member at fault, `conflict` when the rule is there. */
  create(input: NewMapping, by: AuditActor): Promise<StoredMapping>;
  /** Nothing more passes by it; tokens already issued live out their few minutes. @throws {AppError} `not_found` */
  remove(id: string, by: AuditActor): Promise<void>;
}

/** A resource server, as far as a mapping looks at it. */
export interface MappedResource {
  readonly identifier: string;
  /** Set for a resource of this server itself. */
  readonly own?: string;
  readonly scopes: readonly { readonly name: string }[];
}

/** What the service stands on. */
export interface MappingServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly resources: { findByIdentifier(uri: string): Promise<object | undefined> };
}

function invalid(member: string, sentence: string): AppError {
  return new AppError('invalid_input', sentence, { member });
}

function missing(): AppError {
  return new AppError('not_found', 'There is no such mapping.');
}

/** The mappings over their store. */
export function createMappingService(deps: MappingServiceDeps): MappingService {
  const { db, clock, ids, audit, resources } = deps;
  const store = createMappingStore(deps);
  /** One end of a rule, in the spelling of the record. A rule for what nobody offers would begin to count by itself one day. */
  const endOf = async (member: 'from' | 'to', { resource, scope }: NewMapping['from']) => {
    const server = (await resources.findByIdentifier(resource)) as MappedResource | undefined;
    if (server === undefined) throw invalid(`${member}/resource`, 'The resource is not registered here.');
    if (server.own !== undefined) throw invalid(`${member}/resource`, 'Tokens for this server itself are never handed on.');
    if (!server.scopes.some(({ name }) => name === scope))
      throw invalid(`${member}/scope`, 'The resource server does not offer this scope.');
    return { resource: server.identifier, scope };
  };
  const get = async (id: string) => {
    const found = await store.find(id);
    if (found === undefined) throw missing();
    return found;
  };
  const record = (type: 'scope_mapping.created' | 'scope_mapping.deleted', { id, from, to }: StoredMapping, actor: AuditActor) =>
    audit.record({ type, actor, resource: id, action: `${from.resource} ${from.scope} ${to.resource} ${to.scope}`.slice(0, 2_000) });
  return {
    between: store.between,
    list: store.list,
    get,
    create: (input, by) =>
      db.transaction(async () => {
        const [from, to] = [await endOf('from', input.from), await endOf('to', input.to)];
        if (from.resource === to.resource) throw invalid('to/resource', 'A mapping leads to another resource.');
        const mapping: StoredMapping = { id: ids.next('map'), from, to, createdBy: by.id, createdAt: clock.now() };
        if (!(await store.insert(mapping))) throw new AppError('conflict', 'This mapping is there already.', { member: 'to/scope' });
        await record('scope_mapping.created', mapping, by);
        return mapping;
      }),
    remove: (id, by) =>
      db.transaction(async () => {
        const mapping = await get(id);
        if (!(await store.remove(id))) throw missing();
        await record('scope_mapping.deleted', mapping, by);
      }),
  };
}
