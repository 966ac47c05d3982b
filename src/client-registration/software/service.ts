import { canonicalResourceUri } from '../../resource-servers/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { ChangedBy, OnStopped, RegistrationAudit } from '../audit-trail.ts';
import type { ClientRecord } from '../client.ts';
import type { ClientStore } from '../store.ts';
import { isProven, type Software, type SoftwareIdentity } from './software.ts';
import type { Instances, SoftwareQuery, SoftwareStore } from './store.ts';

/** What an administrator decides about software. Members that are left out stay. */
export interface SoftwareChange {
  /** Binds the host of its answers: whatever sends them there is this software. */
  readonly isBound?: boolean;
  /** Resource indicators; undefined in the member: any. */
  readonly resources?: readonly string[] | undefined;
}

/** A client that came by itself, and the software it is an instance of. */
export interface Instance {
  readonly client: ClientRecord;
  readonly software: Software;
}

/** The use cases around software that comes by itself. Those that change something join the transaction under way. */
export interface SoftwareService extends Pick<SoftwareStore, 'findByKey' | 'suspendedTwin'> {
  /** One registration more; told to the audit trail when nobody saw this software before. */
  meet(identity: SoftwareIdentity): Promise<Software>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<Software>;
  find(id: string): Promise<Software | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(id: string): Promise<Software | undefined>;
  findByAgent(agentId: string): Promise<Software | undefined>;
  /** Undefined for a client that did not come by itself. */
  instanceOf(clientId: string): Promise<Instance | undefined>;
  list(query: SoftwareQuery): Promise<readonly Software[]>;
  count(): Promise<number>;
  /** How much of it came for the first time since then. */
  countSince(since: Date): Promise<number>;
  instancesOf(ids: readonly string[]): Promise<ReadonlyMap<string, Instances>>;
  /** The agent that instances act as from now on. */
  actsAs(id: string, agentId: string): Promise<void>;
  /** A person let this instance act for them. */
  admit(clientId: string): Promise<void>;
  /** What people gave this instance is taken back: somebody has to say yes again. */
  unadmit(clientId: string): Promise<void>;
  /** @throws {AppError} `not_found`, `invalid_input` */
  change(id: string, change: SoftwareChange, by: ChangedBy): Promise<Software>;
  /** It registers no more and nobody lets it in; what its instances hold ends. @throws {AppError} `not_found` */
  refuse(id: string, by: ChangedBy): Promise<Software>;
  /** It may come again, as a new agent: those that were stopped stay so. @throws {AppError} `not_found` */
  allow(id: string, by: ChangedBy): Promise<Software>;
  /** Makes room in the registrations of one software that nobody let in. */
  makeRoom(id: string): Promise<void>;
  /** Clears away what nobody uses; the job calls it. Returns how many registrations went. */
  reap(): Promise<number>;
  /** A client that was put away proved to be the same software: its registration counts again, and nothing else. */
  revive(clientId: string): Promise<void>;
}

/** What the service stands on. */
export interface SoftwareServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: SoftwareStore;
  readonly clients: Pick<ClientStore, 'find' | 'admit' | 'unadmit' | 'putAway' | 'revive' | 'remove'>;
  readonly audit: RegistrationAudit;
  readonly onStopped: OnStopped;
}

/** How many registrations of one software may wait for a first yes; beyond it those older than an hour give way. */
const MOST_WAITING = 100;
/** As long as a sign-in that is under way may take (`ttl.Interaction`). */
const UNDER_WAY_SECONDS = 3_600;
const DAY = 86_400;
/** Nobody let it in within a day: nobody waits for it. */
const WAITING_SECONDS = DAY;
/** As long as anything that was given to it can live (the absolute end of a refresh token). */
const RESTING_SECONDS = 90 * DAY;
/** Nothing is left of it but that it came once. */
const FORGOTTEN_SECONDS = 7 * DAY;
const BATCH = 1_000;

const REAPER = { kind: 'system', id: 'client-registration' } as const;

function canonicalResources(resources: readonly string[]): readonly string[] {
  return resources.map((resource) => {
    const canonical = canonicalResourceUri(resource);
    if (!canonical.ok) throw new AppError('invalid_input', `The resource ${canonical.reason}.`, { member: 'resources' });
    return canonical.uri;
  });
}

/** Clears away, in batches, so that no transaction is long. */
function createReaping({ db, clock, store, clients, audit, onStopped }: SoftwareServiceDeps) {
  const drain = async (batch: () => Promise<number>): Promise<number> => {
    let all = 0;
    for (let gone = await batch(); gone > 0; gone = await batch()) all += gone;
    return all;
  };
  const rest = () =>
    db.transaction(async () => {
      const resting = await store.resting(secondsAfter(clock.now(), -RESTING_SECONDS), BATCH);
      for (const { clientId, mayReturn } of resting) {
        await onStopped(clientId, { cause: 'client.reaped', by: REAPER });
        if (mayReturn) await clients.putAway(clientId);
        else await clients.remove(clientId);
      }
      return resting.length;
    });
  return async (): Promise<number> => {
    const waiting = await drain(() => store.clearWaiting(secondsAfter(clock.now(), -WAITING_SECONDS), BATCH));
    const rested = await drain(rest);
    await drain(() => store.clearForgotten(secondsAfter(clock.now(), -FORGOTTEN_SECONDS), BATCH));
    if (waiting + rested === 0) return 0;
    await audit.record({ type: 'client.reaped', actor: REAPER, action: `${waiting} never let in, ${rested} unused for 90 days` });
    return waiting + rested;
  };
}

/** The service over its store. */
export function createSoftwareService(deps: SoftwareServiceDeps): SoftwareService {
  const { db, clock, ids, store, clients, audit } = deps;
  const get = async (id: string) => {
    const software = await store.find(id);
    if (software === undefined) throw new AppError('not_found', 'There is no such software.');
    return software;
  };
  const decide = (id: string, { next, by, action }: { next: (before: Software) => Software; by: ChangedBy; action: string }) =>
    db.transaction(async () => {
      await store.lock(id);
      const after = next(await get(id));
      await store.change(id, after);
      await audit.record({ type: 'software.updated', actor: by, resource: id, action });
      return after;
    });
  return {
    get,
    find: store.find,
    lock: store.lock,
    findByAgent: store.findByAgent,
    findByKey: store.findByKey,
    suspendedTwin: store.suspendedTwin,
    list: store.list,
    count: store.count,
    countSince: store.countSince,
    instancesOf: store.instancesOf,
    async meet(identity) {
      const { isNew, ...software } = await store.meet({ ...identity, id: ids.next('sft'), at: clock.now() });
      const actor = { kind: 'anonymous', id: 'registration' } as const;
      if (isNew) await audit.record({ type: 'software.noticed', actor, resource: software.id, action: identity.proof });
      return software;
    },
    async instanceOf(clientId) {
      const client = (await clients.find(clientId))?.record;
      const software = client?.softwareId === undefined ? undefined : await store.find(client.softwareId);
      return client === undefined || software === undefined ? undefined : { client, software };
    },
    actsAs: (id, agentId) => store.addAgent(id, agentId),
    admit: (clientId) => clients.admit(clientId),
    unadmit: (clientId) => clients.unadmit(clientId),
    change: (id, { isBound, ...rest }, by) =>
      db.transaction(async () => {
        const resources = rest.resources === undefined ? undefined : canonicalResources(rest.resources);
        const isLimited = Object.hasOwn(rest, 'resources');
        const next = (before: Software): Software => {
          if (isBound === true && before.proof !== 'redirect_host')
            throw new AppError('invalid_input', 'Only software whose answers all go to one https host can be bound to it.', {
              member: 'isBound',
            });
          return { ...before, isBound: isBound ?? before.isBound, ...(isLimited ? { resources } : {}) };
        };
        const after = await decide(id, { next, by, action: isLimited ? 'limited' : 'bound' });
        if (isLimited) await store.boundInstances(id, resources);
        return after;
      }),
    refuse: (id, by) => decide(id, { next: (before) => ({ ...before, refusedAt: clock.now(), refusedBy: by.id }), by, action: 'refused' }),
    allow: (id, by) =>
      decide(id, { next: (before) => ({ ...before, agentIds: [], refusedAt: undefined, refusedBy: undefined }), by, action: 'allowed' }),
    async makeRoom(id) {
      await store.evict(id, { before: secondsAfter(clock.now(), -UNDER_WAY_SECONDS), keep: MOST_WAITING });
    },
    reap: createReaping(deps),
    revive: (clientId) =>
      db.transaction(async () => {
        if (!(await clients.revive(clientId))) return;
        await audit.record({ type: 'client.revived', actor: { kind: 'client', id: clientId }, clientId });
      }),
  };
}

/** Which of its agents an instance acts as: the newest, where the key proves it or nobody took that agent on; else a new one. */
export function inheritedAgent(software: Software, isAdopted: (agentId: string) => boolean): string | undefined {
  const newest = software.agentIds.at(-1);
  if (newest === undefined) return undefined;
  return isProven(software) || !isAdopted(newest) ? newest : undefined;
}
