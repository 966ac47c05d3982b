import type { Db } from '../../platform/db/db.ts';
import { choiceOf, type DriftSetting, strictest } from './setting.ts';

/** The setting in SQL. */
export interface DriftSettingStore {
  find(): Promise<DriftSetting>;
  /** The same, held against whoever changes it until the transaction ends. */
  hold(): Promise<DriftSetting>;
  /** False when the version is no longer the one before. */
  put(setting: DriftSetting & { readonly changedBy: string; readonly changedAt: Date }): Promise<boolean>;
}

interface Row {
  readonly value: string;
  readonly version: number;
  readonly changed_by: string;
  readonly changed_at: Date;
}

const NAME = 'drift';
const SELECT = 'SELECT value, version, changed_by, changed_at FROM policy_settings WHERE name = $1';

/** What a row says; a value this version does not know is the strictest. */
function toSetting(row: Row | undefined): DriftSetting {
  if (row === undefined) return strictest;
  const { value, version, changed_by: changedBy, changed_at: changedAt } = row;
  return { choice: choiceOf(value) ?? strictest.choice, version, changedBy, changedAt };
}

/** The store over PostgreSQL. */
export function createDriftSettingStore({ db }: { readonly db: Db }): DriftSettingStore {
  return {
    find: async () => toSetting(await db.row<Row>({ name: 'drift-setting', text: SELECT, values: [NAME] })),
    hold: async () => toSetting(await db.row<Row>({ name: 'drift-setting-hold', text: `${SELECT} FOR SHARE`, values: [NAME] })),
    async put({ choice, version, changedBy, changedAt }) {
      const text = `INSERT INTO policy_settings AS known (name, value, version, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version, changed_by = excluded.changed_by, changed_at = excluded.changed_at
          WHERE known.version = excluded.version - 1 RETURNING version`;
      const row = await db.row({ name: 'drift-setting-put', text, values: [NAME, choice, version, changedBy, changedAt] });
      return row !== undefined;
    },
  };
}
