import type { DriftService } from '../../agents/index.ts';
import type { AuditRecorder } from '../../audit/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { type DriftChoice, type DriftSetting, risksUpTo } from './setting.ts';
import type { DriftSettingStore } from './store.ts';

/** What an administrator sets, and the version they saw. */
export interface DriftSettingChange {
  readonly choice: DriftChoice;
  readonly version: number;
  readonly accountId: string;
}

/** Whether tokens flow while an agent is under review for drift. */
export interface DriftSettingService {
  get(): Promise<DriftSetting>;
  /**
   * Sets it. A stricter setting stops the agents that act under the one before, in the same transaction; a wider one counts for what
   * is seen from now on. Returns how many were stopped. @throws {AppError} `conflict` when somebody else set it meanwhile.
   */
  set(change: DriftSettingChange): Promise<number>;
}

/** What it stands on. */
export interface DriftSettingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly settings: DriftSettingStore;
  readonly drift: Pick<DriftService, 'stopBeyond'>;
}

/** The setting over its store. */
export function createDriftSettingService({ db, clock, audit, settings, drift }: DriftSettingDeps): DriftSettingService {
  return {
    get: settings.find,
    set: ({ choice, version, accountId }) =>
      db.transaction(async () => {
        const before = await settings.find();
        if (before.version === version && before.choice === choice) return 0;
        const isSet =
          before.version === version &&
          (await settings.put({ choice, version: version + 1, changedBy: accountId, changedAt: clock.now() }));
        if (!isSet) throw new AppError('conflict', 'Somebody else set this meanwhile: look again before you decide.');
        const actor = { kind: 'account', id: accountId } as const;
        await audit.record({ type: 'policy.updated', actor, resource: 'drift', action: `tokens ${before.choice} to ${choice}` });
        return drift.stopBeyond(risksUpTo(choice));
      }),
  };
}
