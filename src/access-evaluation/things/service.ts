import type { AuditRecorder } from '../../audit/index.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Changer } from '../../platform/http/changed-by.ts';
import type { ThingStore } from './store.ts';
import type { Thing } from './thing.ts';

/** The things that resource servers have, as administrators name them. */
export interface ThingService {
  /** @throws {AppError} `not_found` for a resource server that is not there. */
  list(serverId: string, type: string, page: { readonly after: string; readonly limit: number }): Promise<readonly Thing[]>;
  /** Makes these all there are of a type; none takes them away. @throws {AppError} `not_found` */
  replace(serverId: string, type: string, change: { readonly things: readonly Thing[]; readonly by: Changer }): Promise<void>;
  /** Removes at most 1,000 things of resource servers that are gone; returns how many went. */
  purge(): Promise<number>;
}

const PURGE_BATCH = 1_000;

/** The service over its store. */
export function createThingService(deps: {
  readonly db: Pick<Db, 'transaction'>;
  readonly store: ThingStore;
  readonly audit: AuditRecorder;
  readonly servers: { get(id: string): Promise<{ readonly identifier: string }> };
}): ThingService {
  const { db, store, audit, servers } = deps;
  return {
    async list(serverId, type, page) {
      const { identifier: resource } = await servers.get(serverId);
      return store.list({ resource, type }, page);
    },
    replace: (serverId, type, { things, by }) =>
      db.transaction(async () => {
        const { identifier: resource } = await servers.get(serverId);
        if (new Set(things.map(({ id }) => id)).size < things.length)
          throw new AppError('invalid_input', 'A thing is there twice.', { member: '/things' });
        await store.replace({ resource, type }, things);
        await audit.record({ type: 'resource_server.updated', actor: by, resource, action: `things ${type}` });
      }),
    purge: () => store.purge(PURGE_BATCH),
  };
}
