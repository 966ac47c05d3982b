import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { AgentEditor } from '../agent-event.ts';
import { type Application, type ApplicationDetails, type RedirectFaultOf, readApplication } from './application.ts';
import type { ApplicationStore } from './store.ts';

/** What this part writes to the audit trail; `resource` is the id of the application. */
export interface ApplicationEvent {
  readonly type: 'application.created' | 'application.updated' | 'application.deleted';
  readonly actor: Pick<AgentEditor, 'kind' | 'id'>;
  readonly resource: string;
  /** The names of the members that changed. */
  readonly action?: string;
}

/** What the use cases stand on. */
export interface ApplicationServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: ApplicationStore;
  readonly audit: { record(event: ApplicationEvent): Promise<void> };
  readonly redirectFaultOf: RedirectFaultOf;
}

/** Applications and the agents that belong to them. Every change is one transaction with its audit event. */
export interface ApplicationService {
  /** @throws {AppError} `not_found`. */
  get(id: string): Promise<Application>;
  /** @throws {AppError} `invalid_input`, also for an agent that is not there; `conflict` when the name or external id is taken. */
  create(input: ApplicationDetails & { readonly source: string }, by: AgentEditor): Promise<Application>;
  /**
   * Reads the application under a lock, lets `change` say what it shall be, and writes that. @throws {AppError} `not_found`, what
   * `change` throws, and as `create`.
   */
  update(id: string, change: (current: Application) => ApplicationDetails, by: AgentEditor): Promise<Application>;
  /** Deletes it unless `assertMay` throws; its agents stay. @throws {AppError} `not_found`. */
  remove(id: string, assertMay: (current: Application) => void, by: AgentEditor): Promise<void>;
}

const noSuchApplication = () => new AppError('not_found', 'There is no such application.');

/** The editable part of an application, comparable with what is stored. */
function detailsIn(application: ApplicationDetails): Record<string, unknown> {
  const { name, displayName, description, isActive, urls, oAuthConfiguration, externalIdentifiers, externalId } = application;
  const agents = application.agents.map(({ id, type }) => ({ id, type }));
  return { name, displayName, description, isActive, urls, oAuthConfiguration, externalIdentifiers, externalId, agents };
}

function changedMembers(before: ApplicationDetails, after: ApplicationDetails): string[] {
  const now = detailsIn(after);
  return Object.entries(detailsIn(before)).flatMap(([name, value]) => (isDeepStrictEqual(value, now[name]) ? [] : [name]));
}

/** The use cases over the store. */
export function createApplicationService(deps: ApplicationServiceDeps): ApplicationService {
  const { db, clock, ids, store, redirectFaultOf } = deps;
  const get = async (id: string) => {
    const application = await store.find(id);
    if (application === undefined) throw noSuchApplication();
    return application;
  };
  const held = async (id: string) => {
    const application = await store.lock(id);
    if (application === undefined) throw noSuchApplication();
    return application;
  };
  const read = async (input: ApplicationDetails) => {
    const details = readApplication(input, redirectFaultOf);
    const [missing] = details.agents.length === 0 ? [] : await store.missingAgents(details.agents.map(({ id }) => id));
    if (missing !== undefined) throw new AppError('invalid_input', `There is no agent ${missing}.`, { member: 'agents.value' });
    return details;
  };
  const record = (type: ApplicationEvent['type'], by: AgentEditor, event: Omit<ApplicationEvent, 'type' | 'actor'>) =>
    deps.audit.record({ type, actor: { kind: by.kind, id: by.id }, ...event });
  return {
    get,
    create: ({ source, ...input }, by) =>
      db.transaction(async () => {
        const id = ids.next('aap');
        await store.insert({ ...(await read(input)), id, source, createdAt: clock.now() });
        await record('application.created', by, { resource: id });
        return get(id);
      }),
    update: (id, change, by) =>
      db.transaction(async () => {
        const before = await held(id);
        const details = await read(change(before));
        const members = changedMembers(before, details);
        if (members.length === 0) return before;
        // The row is locked: another version in the write means that the lock was lost.
        if (!(await store.update({ ...details, id, updatedAt: clock.now() }, before.version))) throw noSuchApplication();
        await record('application.updated', by, { resource: id, action: members.join(' ') });
        return get(id);
      }),
    remove: (id, assertMay, by) =>
      db.transaction(async () => {
        const current = await held(id);
        assertMay(current);
        await store.remove(id, current.version);
        await record('application.deleted', by, { resource: id });
      }),
  };
}
