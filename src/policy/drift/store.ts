import type { Db } from '../../platform/db/db.ts';
import { createSettingRows, type SettingRow } from '../setting-rows.ts';
import { choiceOf, type DriftSetting, strictest } from './setting.ts';

/** The setting in SQL. */
export interface DriftSettingStore {
  find(): Promise<DriftSetting>;
  /** The same, held against whoever changes it until the transaction ends. */
  hold(): Promise<DriftSetting>;
  /** False when the version is no longer the one before. */
  put(setting: DriftSetting & { readonly changedBy: string; readonly changedAt: Date }): Promise<boolean>;
}

/** What a row says; a value this version does not know is the strictest. */
function toSetting(row: SettingRow | undefined): DriftSetting {
  if (row === undefined) return strictest;
  const { value, ...rest } = row;
  return { choice: choiceOf(value) ?? strictest.choice, ...rest };
}

/** The store over PostgreSQL. */
export function createDriftSettingStore({ db }: { readonly db: Db }): DriftSettingStore {
  const rows = createSettingRows(db, 'drift');
  return {
    find: async () => toSetting(await rows.find()),
    hold: async () => toSetting(await rows.hold()),
    put: ({ choice, ...rest }) => rows.put({ value: choice, ...rest }),
  };
}
