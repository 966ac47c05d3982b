import type { AuditActor, AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { type Delegation, readNewDelegation } from './delegation.ts';
import { createDelegationStore, type DelegationFilter } from './store.ts';

/** A page of delegations; `nextCursor` is set when there are more. */
export interface DelegationPage {
  readonly delegations: readonly Delegation[];
  readonly nextCursor: string | undefined;
}

/** What a delegation would be: agents and types exist, resources stand in canonical form, nothing stands twice. */
export type CheckedDelegation = Pick<Delegation, 'resources' | 'scopes' | 'detailTypes' | 'until' | 'hidesActor'> & {
  readonly from: string;
  readonly to: string;
};

/** The use cases around delegations. `by` is who acts, as the audit trail names them. */
export interface DelegationService {
  /** Those in force from one agent to another. */
  inForce(agents: { readonly from: string; readonly to: string }): Promise<readonly Delegation[]>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<Delegation>;
  list(filter: DelegationFilter): Promise<DelegationPage>;
  /** `input` is a body of `POST /api/v1/delegations`. @throws {AppError} `invalid_input` with the member at fault. */
  create(input: unknown, by: AuditActor): Promise<Delegation>;
  /** The input of `create` against the records as they are. @throws {AppError} `invalid_input` with the member at fault. */
  check(input: unknown): Promise<CheckedDelegation>;
  /** Makes one of what was checked, in the transaction under way. */
  createChecked(checked: CheckedDelegation, by: AuditActor): Promise<Delegation>;
  /** No exchange under it any more; tokens already issued live out their few minutes. @throws {AppError} `not_found`, `conflict`. */
  end(id: string, by: AuditActor): Promise<Delegation>;
}

/** What the service stands on. */
export interface DelegationServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly types: DetailTypes;
  /** Notes that rights of these types may be handed on: their meaning is fixed from now on. Answers one that just changed. */
  readonly useTypes: (types: readonly string[]) => Promise<string | undefined>;
  readonly agents: { find(id: string): Promise<{ readonly displayName: string } | undefined> };
  readonly resources: { findByIdentifier(uri: string): Promise<object | undefined> };
}

function invalid(member: string, sentence: string): AppError {
  return new AppError('invalid_input', sentence, { member });
}

/** The delegations over their store. */
export function createDelegationService(deps: DelegationServiceDeps): DelegationService {
  const { db, clock, ids, audit, types, agents, resources } = deps;
  const store = createDelegationStore(deps);
  const get = async (id: string) => {
    const found = await store.find(id);
    if (found === undefined) throw new AppError('not_found', 'There is no such delegation.');
    return found;
  };
  const canonical = async (uri: string): Promise<string> => {
    const server = (await resources.findByIdentifier(uri)) as { identifier: string; own?: string } | undefined;
    if (server === undefined) throw invalid('resources', 'A resource is not registered here.');
    if (server.own !== undefined) throw invalid('resources', 'Tokens for this server itself are never handed on.');
    return server.identifier;
  };
  const checkAgents = async (input: { from: string; to: string }) => {
    for (const member of ['from', 'to'] as const) {
      if ((await agents.find(input[member])) === undefined) throw invalid(member, 'There is no such agent.');
    }
  };
  const record = (type: 'delegation.created' | 'delegation.deleted', { id, toAgentId, fromAgentId }: Delegation, actor: AuditActor) =>
    audit.record({ type, actor, resource: id, agentId: toAgentId, action: `${fromAgentId} ${toAgentId}` });
  const check = async (input: unknown): Promise<CheckedDelegation> => {
    const { from, to, scopes, until, impersonation, ...rest } = readNewDelegation(input, clock.now());
    await checkAgents({ from, to });
    const identifiers = await Promise.all(rest.resources.map(canonical));
    const detailTypes = [...new Set(rest.authorization_details_types)];
    const unknown = detailTypes.find((name) => types.find(name) === undefined) ?? (await deps.useTypes(detailTypes));
    if (unknown !== undefined) throw invalid('authorization_details_types', 'A type of authorization details is not known here.');
    const lists = { resources: [...new Set(identifiers)], scopes: [...new Set(scopes)], detailTypes };
    return { from, to, ...lists, until: new Date(until), hidesActor: impersonation };
  };
  const createChecked = async ({ from, to, ...rest }: CheckedDelegation, by: AuditActor): Promise<Delegation> => {
    const made = { createdBy: by.id, createdAt: clock.now(), endedAt: undefined, endedBy: undefined };
    const delegation: Delegation = { id: ids.next('dlg'), fromAgentId: from, toAgentId: to, ...rest, ...made };
    await store.insert(delegation);
    await record('delegation.created', delegation, by);
    return delegation;
  };
  return {
    inForce: store.inForce,
    get,
    async list(filter) {
      const found = await store.list({ ...filter, limit: filter.limit + 1 });
      const delegations = found.slice(0, filter.limit);
      return { delegations, nextCursor: found.length > filter.limit ? delegations.at(-1)?.id : undefined };
    },
    check,
    createChecked,
    create: (input, by) => db.transaction(async () => createChecked(await check(input), by)),
    end: (id, by) =>
      db.transaction(async () => {
        const delegation = await get(id);
        if (!(await store.end(id, { id: by.id, at: clock.now() }))) throw new AppError('conflict', 'The delegation has ended already.');
        await record('delegation.deleted', delegation, by);
        return get(id);
      }),
  };
}
