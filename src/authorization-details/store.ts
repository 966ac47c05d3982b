import type { Db } from '../platform/db/db.ts';
import type { StoredType } from './registered-type.ts';

/** A definition of a type by name and revision, used at some time. */
export interface TypeUse {
  readonly type: string;
  readonly revision: string;
  readonly at: Date;
}

/** Types of authorization details in SQL. */
export interface DetailTypeStore {
  /** All of them, by name. */
  list(): Promise<readonly StoredType[]>;
  /** Locked until the end of the transaction: whoever uses it first, or changes it, waits. */
  lock(type: string): Promise<StoredType | undefined>;
  /** False when there is one of this name. */
  insert(type: StoredType): Promise<boolean>;
  update(type: StoredType): Promise<void>;
  /** False when it is gone, or was used. */
  removeUnused(type: string): Promise<boolean>;
  /** Notes the first use of exactly this definition. False when the name means something else by now, or nothing. */
  use(use: TypeUse): Promise<boolean>;
}

interface Row {
  readonly type: string;
  readonly definition: unknown;
  readonly revision: string;
  readonly is_enabled: boolean;
  readonly used_at: Date | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly changed_by: string;
  readonly changed_at: Date;
}

const COLUMNS = 'type, definition, revision, is_enabled, used_at, created_by, created_at, changed_by, changed_at';

function fromRow(row: Row): StoredType {
  return {
    type: row.type,
    definition: row.definition ?? undefined,
    revision: row.revision,
    isEnabled: row.is_enabled,
    usedAt: row.used_at ?? undefined,
    createdBy: row.created_by,
    createdAt: row.created_at,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
  };
}

function valuesOf(type: StoredType): unknown[] {
  const definition = type.definition === undefined ? null : JSON.stringify(type.definition);
  const { revision, isEnabled, usedAt, createdBy, createdAt, changedBy, changedAt } = type;
  return [type.type, definition, revision, isEnabled, usedAt ?? null, createdBy, createdAt, changedBy, changedAt];
}

/** The store over PostgreSQL. */
export function createDetailTypeStore({ db }: { readonly db: Db }): DetailTypeStore {
  return {
    async list() {
      const text = `SELECT ${COLUMNS} FROM detail_types ORDER BY created_at, type`;
      return (await db.rows<Row>({ name: 'detail-types', text, values: [] })).map(fromRow);
    },
    async lock(type) {
      const text = `SELECT ${COLUMNS} FROM detail_types WHERE type = $1 FOR UPDATE`;
      const row = await db.row<Row>({ name: 'detail-type-lock', text, values: [type] });
      return row === undefined ? undefined : fromRow(row);
    },
    async insert(type) {
      const text = `INSERT INTO detail_types (${COLUMNS}) VALUES ($1, $2::json, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT DO NOTHING RETURNING type`;
      return (await db.rows({ name: 'detail-type-insert', text, values: valuesOf(type) })).length === 1;
    },
    async update(type) {
      const text = `UPDATE detail_types SET definition = $2::json, revision = $3, is_enabled = $4, changed_by = $5, changed_at = $6 WHERE type = $1`;
      const [name, definition, revision, isEnabled, , , , changedBy, changedAt] = valuesOf(type);
      await db.rows({ name: 'detail-type-update', text, values: [name, definition, revision, isEnabled, changedBy, changedAt] });
    },
    async removeUnused(type) {
      const text = 'DELETE FROM detail_types WHERE type = $1 AND definition IS NOT NULL AND used_at IS NULL RETURNING type';
      return (await db.rows({ name: 'detail-type-remove', text, values: [type] })).length === 1;
    },
    async use({ type, revision, at }) {
      // whoever comes second waits for the first and then finds the time written: COALESCE keeps the first
      const text = 'UPDATE detail_types SET used_at = COALESCE(used_at, $3) WHERE type = $1 AND revision = $2 RETURNING type';
      return (await db.rows({ name: 'detail-type-use', text, values: [type, revision, at] })).length === 1;
    },
  };
}
