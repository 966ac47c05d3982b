/**
 * What whoever runs the server looks at: the doctor of this server and of what connects to it, the page of settings with the keys that sign, the figures of its work. It
 * owns no records, only views across those of others (its migration); what it asks of capabilities comes in by argument.
 */
import type { Capability } from '../capability.ts';
import { issuerOf, type KeyActor, type KeyChange, type Oidc } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import { isLoopbackUrl } from '../platform/config.ts';
import type { Db } from '../platform/db/db.ts';
import type { Metrics } from '../platform/http/metrics.ts';
import type { Ids } from '../platform/ids.ts';
import type { Outgoing } from '../platform/outgoing/dispatcher.ts';
import { createConnectionDoctor, type WalkDeps } from './connection/index.ts';
import { createDoctor, type DoctorDeps } from './doctor.ts';
import type { Finding } from './finding.ts';
import { settingsRoutes } from './routes.ts';
import { createOperationsStore } from './store.ts';
import { tokenCounters } from './token-counters.ts';
import { versionOf } from './version.ts';

export { versionOf } from './version.ts';
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
export interface OperationsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly audit: KeyEvents;
  /** The folder with package.json, which names the version. */
  readonly root: string;
  /** Without a databaseUrl the server runs its own PostgreSQL. */
  readonly config: { readonly databaseUrl?: string | undefined };
  readonly ids: Ids;
  readonly outgoing: Pick<Outgoing, 'fetch'>;
  readonly accounts: Pick<DoctorDeps, 'administrators'>;
  readonly clients: { readonly find: WalkDeps['findClient'] };
  readonly resourceServers: { readonly findByIdentifier: WalkDeps['findResource'] };
  readonly tokens: { readonly countLive: WalkDeps['countLiveTokens'] };
  readonly policy: WalkDeps['policy'] & { readonly loaded: DoctorDeps['policies'] };
  readonly redirectFaultOf: WalkDeps['redirectFaultOf'];
  /** The engine with its keys; asked when it is needed, because it is built last. */
  readonly engine: () => Pick<Oidc, 'keys' | 'reload'>;
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
  const { db, clock, issuer, audit, root, config, accounts, metrics } = deps;
  const store = createOperationsStore({ db });
  const keys = () => deps.engine().keys.list();
  const { administrators } = accounts;
  const policies = deps.policy.loaded;
  const doctor = createDoctor({ clock, issuer, store, keys, administrators, policies, isLoopback: isLoopbackUrl(issuer) });
  const connection = createConnectionDoctor({
    ...deps,
    issuer: issuerOf(issuer),
    findClient: deps.clients.find,
    findResource: deps.resourceServers.findByIdentifier,
    countLiveTokens: deps.tokens.countLive,
  });
  const settings = async () => {
    const [findings, published, { versionNumber }, version] = await Promise.all([
      doctor.examine(),
      keys(),
      store.database(),
      versionOf(root),
    ]);
    return {
      issuer: issuerOf(issuer),
      version,
      database: { versionNumber, isEmbedded: config.databaseUrl === undefined },
      keys: published,
      findings,
    };
  };
  const rotateKeys = async (by: KeyActor) => {
    await deps.engine().keys.rotateNow(by);
    await deps.engine().reload();
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
      routes(router, web) {
        connection.routes(router, web);
        settingsRoutes({ clock, settings, rotateKeys })(router, web);
      },
      commands: connection.commands,
    },
  };
}
