import type { Logger } from '../platform/log.ts';
import { builtInDetailTypes } from './built-in-types.ts';
import type { DetailType } from './detail-type.ts';
import type { LoadedType, StoredType } from './registered-type.ts';
import { type CompileDefinition, createDetailTypes, createLiveDetailTypes, type LiveDetailTypes, registryOf } from './registry.ts';
import type { DetailTypeStore } from './store.ts';

/** The types of the database in this server's memory. */
export interface LoadedTypes {
  readonly types: LiveDetailTypes;
  /** A registered type as this server knows it; undefined for built-in and unknown ones. */
  registered(type: string): LoadedType | undefined;
  /** Reads them before anything is built from them. */
  load(): Promise<void>;
  /** Reads them again; what was written before the call is in force when it returns. */
  refresh(): Promise<void>;
  /** `refresh` for whoever cannot do anything about a failure: it is logged, and the next one tries again. */
  follow(): Promise<void>;
}

interface LoadingDeps {
  readonly store: Pick<DetailTypeStore, 'list'>;
  readonly compile: CompileDefinition;
  readonly log: Pick<Logger, 'error'>;
  /** There are other types than before: whatever was built with their names is built again. */
  readonly onChanged: () => Promise<void>;
}

/** The types as this server knows them: built-in ones first, then those of the database; reading starts with `refresh`. */
export function createLoadedTypes(deps: LoadingDeps): LoadedTypes {
  const types = createLiveDetailTypes(createDetailTypes(builtInDetailTypes));
  const builtIn = builtInDetailTypes.flatMap(({ type }) => types.find(type) ?? []);
  let registered: ReadonlyMap<string, LoadedType> = new Map();
  let state = '';
  let isStale = false;
  const read = async () => {
    const rows = await deps.store.list();
    const next = rows.map(({ type, revision, isEnabled, usedAt }) => `${type} ${revision} ${isEnabled} ${usedAt !== undefined}`).join('\n');
    if (next === state) return;
    registered = new Map(rows.flatMap((row) => compiled(deps, row)));
    // a name that administrators took before it was built in keeps the meaning they gave it
    const own = builtIn.filter(({ definition }) => !registered.has(definition.type));
    const off = new Set(rows.filter(({ isEnabled }) => !isEnabled).map(({ type }) => type));
    const before = types.names.join(' ');
    types.replace(registryOf([...own, ...[...registered.values()].map((each) => each.compiled)], off));
    state = next;
    isStale ||= types.names.join(' ') !== before;
  };
  const readAndBuild = async () => {
    await read();
    if (!isStale) return;
    await deps.onChanged();
    isStale = false;
  };
  const refresh = oneAfterAnother(readAndBuild);
  const follow = () =>
    refresh().catch((error: unknown) => deps.log.error({ err: error }, 'the types of authorization details could not be read again'));
  const load = async () => {
    await read();
    isStale = false;
  };
  return { types, registered: (type) => registered.get(type), load, refresh, follow };
}

/** A definition that this server cannot read (a newer one wrote it) is a type it does not know: its details are refused. */
function compiled({ compile, log }: LoadingDeps, stored: StoredType): [string, LoadedType][] {
  if (stored.definition === undefined) return [];
  try {
    const type: DetailType = compile(stored.definition);
    return type.definition.type === stored.type ? [[stored.type, { stored, compiled: type }]] : [];
  } catch (error) {
    log.error({ err: error, type: stored.type }, 'a type of authorization details cannot be read; its details are refused');
    return [];
  }
}

/** Runs one at a time; who asks while one runs gets the next, which begins after they asked. */
function oneAfterAnother(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;
  return () => {
    waiting ??= running
      .catch(() => undefined)
      .then(() => {
        waiting = undefined;
        running = work();
        return running;
      });
    return waiting;
  };
}
