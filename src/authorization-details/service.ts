import type { AuditActor, AuditRecorder } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { builtInDetailTypes } from './built-in-types.ts';
import { faultOfChange } from './definition-change.ts';
import type { DetailTypeDefinition } from './detail-type.ts';
import type { LoadedTypes } from './loaded-types.ts';
import {
  changedDefinition,
  MOST_TYPES,
  type RegisteredType,
  type StoredType,
  touchesDefinition,
  type TypeChange,
} from './registered-type.ts';
import type { CompileDefinition } from './registry.ts';
import type { DetailTypeStore } from './store.ts';

/** The channel on which servers tell each other that the types changed. */
export const TYPES_CHANNEL = 'behalf_detail_types';

/** The use cases around types of authorization details; `by` is who acts, as the audit trail names them. */
export interface DetailTypeService {
  /** Built-in ones first, then the registered ones, oldest first. At most some 200. */
  list(): Promise<readonly RegisteredType[]>;
  /** @throws {AppError} `not_found` */
  get(type: string): Promise<RegisteredType>;
  /** @throws {AppError} `invalid_input` with the JSON Pointer of the fault, `too_large`, `conflict` when the name is taken. */
  create(definition: unknown, by: AuditActor): Promise<RegisteredType>;
  /**
   * Changes a definition, switches a type on or off. Once a request has named the type, every detail granted before must keep its
   * meaning. @throws {AppError} `not_found`, `invalid_input`, `conflict` with the JSON Pointer of what may not change.
   */
  update(type: string, change: TypeChange, by: AuditActor): Promise<RegisteredType>;
  /** @throws {AppError} `not_found`, `conflict` when it is built in or was used. */
  remove(type: string, by: AuditActor): Promise<void>;
  /**
   * Notes, in the transaction under way, that rights of these types exist. Costs a statement the first time a registered type is used,
   * and nothing afterwards. Answers the first name whose definition is not the one this server judged by, if any.
   */
  use(types: readonly string[]): Promise<string | undefined>;
  /** Whether `use` would write: one of these types is registered here and nobody has named it yet, as far as this server knows. */
  isUnused(types: readonly string[]): boolean;
}

/** What the service stands on. */
export interface DetailTypeServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly notifications: Pick<Notifications, 'notify'>;
}

type Parts = DetailTypeServiceDeps & { readonly store: DetailTypeStore; readonly loaded: LoadedTypes; readonly compile: CompileDefinition };

const builtIn: ReadonlyMap<string, DetailTypeDefinition> = new Map(builtInDetailTypes.map((definition) => [definition.type, definition]));

function missing(): AppError {
  return new AppError('not_found', 'There is no such type of authorization details.');
}

/** Undefined: what another version of the server wrote is not even of this name. */
function presentStored(stored: StoredType): RegisteredType | undefined {
  const definition = (stored.definition as DetailTypeDefinition | undefined) ?? builtIn.get(stored.type);
  if (definition?.type !== stored.type) return undefined;
  const { isEnabled, usedAt, changedAt, changedBy } = stored;
  return { definition, isBuiltIn: stored.definition === undefined, isEnabled, usedAt, changed: { at: changedAt, by: changedBy } };
}

function untouched(definition: DetailTypeDefinition): RegisteredType {
  return { definition, isBuiltIn: true, isEnabled: true, usedAt: undefined, changed: undefined };
}

/** The service over its store. */
export function createDetailTypeService(parts: Parts): DetailTypeService {
  const { db, store, loaded } = parts;
  const list = async () => {
    const rows = await store.list();
    const touched = new Map(rows.map((row) => [row.type, presentStored(row)]));
    const own = builtInDetailTypes.map((definition) => touched.get(definition.type) ?? untouched(definition));
    return [...own, ...rows.flatMap(({ type }) => (builtIn.has(type) ? [] : (touched.get(type) ?? [])))];
  };
  /** One transaction; afterwards this server goes by it, and every other one is told. */
  const changing = <T>(work: () => Promise<T>): Promise<T> =>
    db.transaction(async () => {
      db.afterCommit(() => loaded.follow());
      const result = await work();
      await parts.notifications.notify(TYPES_CHANNEL, '');
      return result;
    });
  return {
    list,
    async get(type) {
      const found = (await list()).find(({ definition }) => definition.type === type);
      if (found === undefined) throw missing();
      return found;
    },
    create: (definition, by) => changing(() => create(parts, definition, by)),
    update: (type, change, by) => changing(() => update(parts, { type, change }, by)),
    remove: (type, by) =>
      changing(async () => {
        if ((await store.lock(type)) === undefined && !builtIn.has(type)) throw missing();
        if (!(await store.removeUnused(type))) throw new AppError('conflict', whyItStays(builtIn.has(type)));
        await parts.audit.record({ type: 'detail_type.deleted', actor: by, resource: type });
      }),
    ...createUse(parts),
  };
}

function whyItStays(isBuiltIn: boolean): string {
  return `${isBuiltIn ? 'A built-in type stays' : 'Rights of this type were asked for, so its name must keep its meaning'}. Switch it off: then no request may name it.`;
}

async function create({ store, compile, ids, clock, audit }: Parts, input: unknown, by: AuditActor): Promise<RegisteredType> {
  const { definition } = compile(input);
  const { type } = definition;
  const taken = () => new AppError('conflict', `There is a type ${type} already; capital letters make no other name.`, { member: '/type' });
  const rows = await store.list();
  const names = [...builtIn.keys(), ...rows.map((row) => row.type)].map((name) => name.toLowerCase());
  if (names.includes(type.toLowerCase())) throw taken();
  if (rows.length >= MOST_TYPES) throw new AppError('conflict', `There are ${MOST_TYPES} types; more cannot be registered.`);
  const now = clock.now();
  const fresh = { type, definition, revision: ids.next('dtt'), isEnabled: true, usedAt: undefined };
  const stored: StoredType = { ...fresh, createdBy: by.id, createdAt: now, changedBy: by.id, changedAt: now };
  if (!(await store.insert(stored))) throw taken();
  await audit.record({ type: 'detail_type.created', actor: by, resource: type });
  return presentStored(stored) ?? untouched(definition);
}

/** The row of a type, locked; a built-in type gets one when somebody first says something about it. */
async function lockedRow(parts: Parts, type: string, by: AuditActor): Promise<StoredType> {
  const { store, ids, clock } = parts;
  const row = await store.lock(type);
  if (row !== undefined) return row;
  if (!builtIn.has(type)) throw missing();
  const now = clock.now();
  const about = { type, definition: undefined, revision: ids.next('dtt'), isEnabled: true, usedAt: undefined };
  await store.insert({ ...about, createdBy: by.id, createdAt: now, changedBy: by.id, changedAt: now });
  return lockedRow(parts, type, by);
}

async function update(parts: Parts, { type, change }: { type: string; change: TypeChange }, by: AuditActor): Promise<RegisteredType> {
  const before = await lockedRow(parts, type, by);
  const definition = touchesDefinition(change) ? nextDefinition(parts, before, change) : before.definition;
  const isEnabled = change.status === undefined ? before.isEnabled : change.status === 'active';
  const revision = definition === before.definition ? before.revision : parts.ids.next('dtt');
  const after: StoredType = { ...before, definition, isEnabled, revision, changedBy: by.id, changedAt: parts.clock.now() };
  await parts.store.update(after);
  const members = Object.entries(change).flatMap(([name, value]) =>
    value === undefined ? [] : [name === 'status' ? String(value) : name],
  );
  await parts.audit.record({ type: 'detail_type.updated', actor: by, resource: type, action: members.join(' ') || 'nothing' });
  const presented = presentStored(after);
  if (presented === undefined) throw missing();
  return presented;
}

function nextDefinition({ compile }: Parts, before: StoredType, change: TypeChange): DetailTypeDefinition {
  if (before.definition === undefined) throw new AppError('conflict', 'A built-in type cannot be changed, only switched on or off.');
  const old = before.definition as DetailTypeDefinition;
  const { definition } = compile(changedDefinition(old, change));
  const fault = before.usedAt === undefined ? undefined : faultOfChange(old, definition);
  if (fault === undefined) return definition;
  const sentence = `${fault.path} ${fault.message}. Rights of this type were asked for already; register a type of another name instead.`;
  throw new AppError('conflict', sentence, { member: fault.path });
}

function createUse({ db, store, clock, loaded }: Parts): Pick<DetailTypeService, 'use' | 'isUnused'> {
  const noted = new Set<string>();
  const unusedOf = (types: readonly string[]) =>
    // in one order, so that two requests never wait for each other
    [...new Set(types)]
      .toSorted()
      .flatMap((type) => loaded.registered(type)?.stored ?? [])
      .filter(({ usedAt, revision }) => usedAt === undefined && !noted.has(revision));
  return {
    isUnused: (types) => unusedOf(types).length > 0,
    async use(types) {
      for (const { type, revision } of unusedOf(types)) {
        if (!(await store.use({ type, revision, at: clock.now() }))) return type;
        db.afterCommit(() => void noted.add(revision));
      }
      return undefined;
    },
  };
}
