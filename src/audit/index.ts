/**
 * What happened: every act is an event, written in the act's own transaction, chained by one sealer and never edited. Owns the
 * event types and their words, the trail, its pages and its verification. Every other capability records here; nobody reads but
 * administrators and auditors.
 */
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import { auditCommands } from './commands.ts';
import { type Correlation, createCorrelation } from './correlation.ts';
import type { NameOf } from './present.ts';
import { auditRoutes } from './routes.ts';
import { type AuditService, createAuditService } from './service.ts';
import { createAuditStore } from './store.ts';

export type { ChainVerdict } from './chain.ts';
export type { Correlation } from './correlation.ts';
export { type AuditActor, type AuditEvent, type AuditEventType, auditEventTypes } from './event.ts';
export type { NameOf } from './present.ts';
export type { AuditEventInput, AuditPage, AuditRecorder, AuditService, AuditVerification } from './service.ts';
export { AUDIT_COLUMNS, type AuditFilter, type StoredAuditEvent } from './store.ts';
export { eventKinds, eventWords, type EventWords } from './words.ts';

/** The trail as the rest of the house sees it. */
export interface Audit extends AuditService {
  /** Give every request and job its id with `run`; what is recorded inside carries it. */
  readonly correlation: Correlation;
  readonly capability: Capability;
}

/** What the trail stands on. */
export interface AuditDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  /** Names for typed ids on the pages; an id nobody knows stays as it is. */
  readonly nameOf?: NameOf;
}

/** Puts the trail together. */
export function createAudit(deps: AuditDeps): Audit {
  const { db, clock, ids } = deps;
  const correlation = createCorrelation();
  const store = createAuditStore({ db });
  const service = createAuditService({ db, store, clock, ids, correlation });
  const nameOf: NameOf = deps.nameOf ?? (async () => undefined);
  return {
    ...service,
    correlation,
    capability: {
      name: 'audit',
      routes: auditRoutes({ service, store, clock, nameOf, base: basePathOf(deps.issuer) }),
      jobs: [{ name: 'audit-sealer', everySeconds: 1, run: async () => void (await service.seal()) }],
      commands: auditCommands(service),
    },
  };
}
