import type { AuditRecorder } from '../../audit/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { createSettingRows } from '../setting-rows.ts';
import { choiceFrom, choiceText, type EnrolmentChoice, type EnrolmentSetting, readChoice, welcoming } from './setting.ts';

/** What an administrator sets, and the version they saw. */
export interface EnrolmentChange {
  readonly choice: unknown;
  readonly version: number;
  readonly accountId: string;
}

/** How software gets in that no administrator registered. */
export interface EnrolmentSettingService {
  get(): Promise<EnrolmentSetting>;
  /** The choice alone, as those ask who let software in: one statement, never remembered. */
  choice(): Promise<EnrolmentChoice>;
  /** Counts for what comes from now on. @throws {AppError} `invalid_input`; `conflict` when somebody else set it meanwhile. */
  set(change: EnrolmentChange): Promise<void>;
}

/** What it stands on. */
export interface EnrolmentSettingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
}

/** What changed, in the words of the setting. */
function changesBetween(before: EnrolmentChoice, after: EnrolmentChoice): string {
  const names = Object.keys(after) as (keyof EnrolmentChoice)[];
  const changed = names.filter((name) => String(before[name]) !== String(after[name]));
  return changed
    .map((name) => `${name} ${String(before[name]) || 'none'} to ${String(after[name]) || 'none'}`)
    .join(', ')
    .slice(0, 2_000);
}

/** The setting over the rows of policy. */
export function createEnrolmentSettingService({ db, clock, audit }: EnrolmentSettingDeps): EnrolmentSettingService {
  const rows = createSettingRows(db, 'enrolment');
  const get = async (): Promise<EnrolmentSetting> => {
    const row = await rows.find();
    if (row === undefined) return welcoming;
    const { value, ...rest } = row;
    return { choice: choiceFrom(value), ...rest };
  };
  return {
    get,
    choice: async () => (await get()).choice,
    set: ({ choice: given, version, accountId }) =>
      db.transaction(async () => {
        const choice = readChoice(given);
        const before = await get();
        const value = choiceText(choice);
        if (before.version === version && choiceText(before.choice) === value) return;
        const row = { value, version: version + 1, changedBy: accountId, changedAt: clock.now() };
        if (before.version !== version || !(await rows.put(row)))
          throw new AppError('conflict', 'Somebody else set this meanwhile: look again before you decide.');
        const actor = { kind: 'account', id: accountId } as const;
        await audit.record({ type: 'policy.updated', actor, resource: 'enrolment', action: changesBetween(before.choice, choice) });
      }),
  };
}
