import type { Db } from '../../platform/db/db.ts';
import type { StoredMapping } from './mapping.ts';

/** Two resources, in canonical form. */
export interface ResourcePair {
  readonly from: string;
  readonly to: string;
}

/** SQL of the scope mappings. */
export interface MappingStore {
  /** What leads from one resource to another; at most 200: what an exchange asks. */
  between(pair: ResourcePair): Promise<readonly StoredMapping[]>;
  find(id: string): Promise<StoredMapping | undefined>;
  /** Oldest first; `after` is the id of the last one seen. */
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly StoredMapping[]>;
  /** False when the very same rule is there. */
  insert(mapping: StoredMapping): Promise<boolean>;
  remove(id: string): Promise<boolean>;
}

interface Row {
  readonly id: string;
  readonly from_resource: string;
  readonly from_scope: string;
  readonly to_resource: string;
  readonly to_scope: string;
  readonly created_by: string;
  readonly created_at: Date;
}

function toMapping(row: Row): StoredMapping {
  return {
    id: row.id,
    from: { resource: row.from_resource, scope: row.from_scope },
    to: { resource: row.to_resource, scope: row.to_scope },
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}

/** The store over PostgreSQL. */
export function createMappingStore({ db }: { db: Db }): MappingStore {
  return {
    async between({ from, to }) {
      const text = 'SELECT * FROM scope_mappings WHERE from_resource = $1 AND to_resource = $2 ORDER BY id LIMIT 200';
      return (await db.rows<Row>({ name: 'scope-mappings-between', text, values: [from, to] })).map(toMapping);
    },
    async find(id) {
      const row = await db.row<Row>({ name: 'scope-mapping-find', text: 'SELECT * FROM scope_mappings WHERE id = $1', values: [id] });
      return row && toMapping(row);
    },
    async list({ after, limit }) {
      const text = 'SELECT * FROM scope_mappings WHERE id > $1 ORDER BY id LIMIT $2';
      return (await db.rows<Row>({ name: 'scope-mapping-list', text, values: [after ?? '', limit] })).map(toMapping);
    },
    async insert({ id, from, to, createdBy, createdAt }) {
      const ends = { fromResource: from.resource, fromScope: from.scope, toResource: to.resource, toScope: to.scope };
      const data = [{ id, ...ends, createdBy, createdAt }];
      return (await db.prisma.scopeMapping.createMany({ data, skipDuplicates: true })).count === 1;
    },
    remove: async (id) => (await db.prisma.scopeMapping.deleteMany({ where: { id } })).count === 1,
  };
}
