import type { Db } from '../platform/db/db.ts';

/** A setting as it is kept: a text that its owner reads, and who set it last. */
export interface SettingRow {
  readonly value: string;
  /** Counts changes; 1: set once. */
  readonly version: number;
  /** The id of whoever set it. */
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** One setting in SQL. */
export interface SettingRows {
  /** Undefined: nobody ever set it. */
  find(): Promise<SettingRow | undefined>;
  /** The same, held against whoever changes it until the transaction ends. */
  hold(): Promise<SettingRow | undefined>;
  /** False when the version is no longer the one before. */
  put(row: SettingRow): Promise<boolean>;
}

const SELECT = 'SELECT value, version, changed_by, changed_at FROM policy_settings WHERE name = $1';

interface Row {
  readonly value: string;
  readonly version: number;
  readonly changed_by: string;
  readonly changed_at: Date;
}

function toSetting(row: Row | undefined): SettingRow | undefined {
  if (row === undefined) return undefined;
  return { value: row.value, version: row.version, changedBy: row.changed_by, changedAt: row.changed_at };
}

/** The rows of the setting `name` over PostgreSQL. */
export function createSettingRows(db: Pick<Db, 'row'>, name: string): SettingRows {
  return {
    find: async () => toSetting(await db.row<Row>({ name: 'policy-setting', text: SELECT, values: [name] })),
    hold: async () => toSetting(await db.row<Row>({ name: 'policy-setting-hold', text: `${SELECT} FOR SHARE`, values: [name] })),
    async put({ value, version, changedBy, changedAt }) {
      const text = `INSERT INTO policy_settings AS known (name, value, version, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version, changed_by = excluded.changed_by, changed_at = excluded.changed_at
          WHERE known.version = excluded.version - 1 RETURNING version`;
      return (await db.row({ name: 'policy-setting-put', text, values: [name, value, version, changedBy, changedAt] })) !== undefined;
    },
  };
}
