import type { Db } from '../../platform/db/db.ts';
import { type Columns, rowSet, rowsOf } from '../../platform/db/row-set.ts';
import type { Thing } from './thing.ts';

/** Which things: of a resource server, by its identifier, and of a type. */
export interface ThingsOf {
  readonly resource: string;
  readonly type: string;
}

/** The known things in SQL. */
export interface ThingStore {
  /** In the order of their ids, those after `after`. */
  list(of: ThingsOf, page: { readonly after: string; readonly limit: number }): Promise<Thing[]>;
  /** Makes these all there are, in the transaction under way. A thing named twice is there once. */
  replace(of: ThingsOf, things: readonly Thing[]): Promise<void>;
  /** Removes up to `limit` things of resource servers that are gone; returns how many went. */
  purge(limit: number): Promise<number>;
}

interface Row {
  readonly id: string;
  readonly properties: Thing['properties'] | null;
}

const COLUMNS: Columns = [
  ['id', 'text'],
  ['properties', 'jsonb'],
];

/** The store over PostgreSQL. */
export function createThingStore({ db }: { db: Pick<Db, 'rows'> }): ThingStore {
  return {
    async list({ resource, type }, { after, limit }) {
      const text = 'SELECT id, properties FROM access_things WHERE resource = $1 AND type = $2 AND id > $3 ORDER BY id LIMIT $4';
      const rows = await db.rows<Row>({ name: 'access-things', text, values: [resource, type, after, limit] });
      return rows.map(({ id, properties }) => ({ id, properties: properties ?? undefined }));
    },
    async replace({ resource, type }, things) {
      const clear = 'DELETE FROM access_things WHERE resource = $1 AND type = $2';
      await db.rows({ name: 'access-things-clear', text: clear, values: [resource, type] });
      const text = `INSERT INTO access_things (resource, type, id, properties)
        SELECT DISTINCT ON (given.id) $1, $2, given.id, given.properties FROM ${rowsOf('$3', COLUMNS, 'given')} ORDER BY given.id
        ON CONFLICT (resource, type, id) DO UPDATE SET properties = excluded.properties`;
      await db.rows({ name: 'access-things-put', text, values: [resource, type, rowSet(things)] });
    },
    async purge(limit) {
      const text = `DELETE FROM access_things WHERE ctid = ANY(ARRAY(SELECT thing.ctid FROM access_things thing
        WHERE NOT EXISTS (SELECT 1 FROM live_resource_servers live WHERE live.identifier = thing.resource) LIMIT $1)) RETURNING 1 AS one`;
      return (await db.rows({ name: 'access-things-purge', text, values: [limit] })).length;
    },
  };
}
