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
/** What PostgreSQL keeps in one entry of an index is a little more. */
const MOST_KEY_BYTES = 2_500;

function assertKeepable(resource: string, type: string, things: readonly Thing[]): void {
  if (new Set(things.map(({ id }) => id)).size < things.length)
    throw new AppError('invalid_input', 'A thing is there twice.', { member: '/things' });
  const long = things.findIndex(({ id }) => Buffer.byteLength(`${resource}${type}${id}`) > MOST_KEY_BYTES);
  if (long === -1) return;
  throw new AppError('invalid_input', 'The id is too long for this type and resource server.', { member: `/things/${long}/id` });
}

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
        assertKeepable(resource, type, things);
        await store.replace({ resource, type }, things);
        await audit.record({ type: 'resource_server.updated', actor: by, resource, action: `things ${type}` });
      }),
    purge: () => store.purge(PURGE_BATCH),
  };
}
