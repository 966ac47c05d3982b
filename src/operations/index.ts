/**
 * What whoever runs the server looks at: the doctor, the page of settings with the keys that sign, the figures of its work. It
 * owns no records, only views across those of others (its migration); what it asks of capabilities comes in by argument.
 */
import type { Capability } from '../capability.ts';
import { issuerOf, type KeyActor, type KeyChange, type KeyRotation } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import { isLoopbackUrl } from '../platform/config.ts';
import type { Db } from '../platform/db/db.ts';
import type { Metrics } from '../platform/http/metrics.ts';
import { createDoctor, type DoctorDeps, report } from './doctor.ts';
import type { Finding } from './finding.ts';
import { settingsRoutes } from './routes.ts';
import { createOperationsStore } from './store.ts';
import { tokenCounters } from './token-counters.ts';

export { report } from './doctor.ts';
export { failed, type Finding, fine } from './finding.ts';

/** What this capability writes to the audit trail. */
interface KeyEvents {
  record(event: {
    readonly type: 'key.created' | 'key.activated' | 'key.retired';
    readonly actor: KeyActor;
    readonly resource: string;
    readonly action: string;
  }): Promise<void>;
}

/** What it stands on. */
export interface OperationsDeps extends Pick<DoctorDeps, 'administrators' | 'bootstrapSecretSince'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly audit: KeyEvents;
  readonly version: string;
  readonly isDatabaseEmbedded: boolean;
  /** The engine's keys; asked when they are needed, because the engine is built last. */
  readonly keys: () => Pick<KeyRotation, 'list' | 'rotateNow'>;
  /** Makes this server sign with what the database says now. */
  readonly reloadKeys: () => Promise<void>;
  /** Undefined: nobody asked for figures. */
  readonly metrics: Metrics | undefined;
}

/** The doctor and the hook of the keys. */
export interface Operations {
  examine(): Promise<readonly Finding[]>;
  /** For `createOidc({ onKeysChanged })`: every step of a signing key is an event, in the transaction that makes it. */
  onKeysChanged(changes: readonly KeyChange[], by: KeyActor): Promise<void>;
  readonly capability: Capability;
}

/** An end of publication is the last part of a key's retirement. */
const EVENTS = {
  created: 'key.created',
  activated: 'key.activated',
  retired: 'key.retired',
  removed: 'key.retired',
} as const satisfies Record<KeyChange['step'], string>;

/** Puts it together. */
export function createOperations(deps: OperationsDeps): Operations {
  const { db, clock, issuer, audit, version, isDatabaseEmbedded, metrics } = deps;
  const store = createOperationsStore({ db });
  const keys = () => deps.keys().list();
  const doctor = createDoctor({ ...deps, store, keys, isLoopback: isLoopbackUrl(issuer) });
  const settings = async () => {
    const [findings, published, { versionNumber }] = await Promise.all([doctor.examine(), keys(), store.database()]);
    return { issuer: issuerOf(issuer), version, database: { versionNumber, isEmbedded: isDatabaseEmbedded }, keys: published, findings };
  };
  return {
    examine: doctor.examine,
    async onKeysChanged(changes, actor) {
      for (const { kid, algorithm, step } of changes) {
        await audit.record({
          type: EVENTS[step],
          actor,
          resource: kid,
          action: step === 'removed' ? `${algorithm} unpublished` : algorithm,
        });
      }
    },
    capability: {
      name: 'operations',
      ...(metrics === undefined ? {} : { oidc: tokenCounters(metrics) }),
      routes: settingsRoutes({
        clock,
        settings,
        async rotateKeys(by) {
          await deps.keys().rotateNow(by);
          await deps.reloadKeys();
        },
      }),
      commands: [
        {
          name: 'doctor',
          about: 'Look for what is wrong with this installation.',
          run: async ({ json, out }) => report(await doctor.examine(), { json, out }),
        },
      ],
    },
  };
}
