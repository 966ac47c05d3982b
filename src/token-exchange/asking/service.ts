import type { AuditActor, AuditRecorder } from '../../audit/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { parseWith } from '../../platform/http/body.ts';
import type { Ids } from '../../platform/ids.ts';
import type { DelegationService } from '../service.ts';
import { type DelegationRequest, newDelegationRequest, reasonNotToDecide, stateOf } from './delegation-request.ts';
import { createRequestStore, type RequestFilter } from './store.ts';

/** What an agent asks for when it was refused. */
export interface AskedFor {
  readonly from: string;
  readonly to: string;
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  readonly authorization_details_types: readonly string[];
  readonly reason: string;
}

/** Who would decide. */
export interface Decider {
  readonly accountId: string;
  readonly role: string;
}

/** The use cases around requests for delegations. */
export interface DelegationRequestService {
  /**
   * An agent asks, out of an exchange that is about to be refused: kept whatever becomes of that request. Returns the id of the
   * request, or of the one that asks for the same already; undefined when there is nothing to ask for, or the two have three open.
   */
  ask(wish: AskedFor, by: AuditActor): Promise<string | undefined>;
  /** The owner of the receiving agent asks. @throws {AppError} `invalid_input`, `conflict` at the fourth open one of a pair. */
  askAsOwner(input: unknown, accountId: string): Promise<DelegationRequest>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<DelegationRequest>;
  list(filter: RequestFilter): Promise<readonly DelegationRequest[]>;
  /** Open ones about agents of this person that would hand on. */
  waitingFor(accountId: string): Promise<readonly DelegationRequest[]>;
  /** The newest that would let an agent of this person take over, whatever became of them. */
  askedFor(accountId: string, limit: number): Promise<readonly DelegationRequest[]>;
  /** Why this person may not decide; undefined when they may. */
  reasonNotToDecide(request: DelegationRequest, decider: Decider): Promise<string | undefined>;
  /** Makes the delegation. @throws {AppError} `not_found`, `forbidden` (R8), `conflict` when it is answered or ran out, `invalid_input` */
  approve(id: string, decider: Decider): Promise<DelegationRequest>;
  /** @throws {AppError} `not_found`, `forbidden`, `conflict` */
  decline(id: string, decider: Decider): Promise<DelegationRequest>;
  /** Ends what nobody answered in time; returns how many. Safe to repeat. */
  lapse(): Promise<number>;
  /** Forgets what is long over, at most 500; returns how many went. */
  purge(): Promise<number>;
}

/** What the service stands on. */
export interface DelegationRequestDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly delegations: Pick<DelegationService, 'check' | 'createChecked'>;
  readonly ownership: {
    /** Whether somebody answers for an agent, alone or in a group. */
    ownsAgent(accountId: string, agentId: string): Promise<boolean>;
    ownedBy(accountId: string): Promise<readonly { readonly id: string }[]>;
    isSoleAdministrator(accountId: string): Promise<boolean>;
  };
}

const DAY = 86_400;
/** What an agent asks for would hold this long, and waits this long for an answer. */
const HOLDS_DAYS = 30;
const WAITS_DAYS = 7;
const MOST_OPEN = 3;
const LAPSE_BATCH = 100;
const PURGE_BATCH = 500;

const sameList = (a: readonly string[], b: readonly string[]) =>
  JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...new Set(b)].sort());

function asksForSame(one: DelegationRequest, other: DelegationRequest): boolean {
  return (['resources', 'scopes', 'detailTypes'] as const).every((list) => sameList(one[list], other[list]));
}

/** The requests over their store. */
export function createDelegationRequestService(deps: DelegationRequestDeps): DelegationRequestService {
  const { db, clock, ids, audit, delegations, ownership } = deps;
  const store = createRequestStore(deps);
  const get = async (id: string) => {
    const found = await store.find(id);
    if (found === undefined) throw new AppError('not_found', 'There is no such request.');
    return found;
  };
  const record = (
    type: 'delegation.requested' | 'delegation.declined' | 'delegation.lapsed',
    { id, fromAgentId, toAgentId }: DelegationRequest,
    actor: AuditActor,
  ) => audit.record({ type, actor, resource: id, agentId: toAgentId, action: `${fromAgentId} ${toAgentId}` });
  /** Undefined: the two have as many open as they may. @throws {AppError} `invalid_input` */
  const keep = async (input: unknown, by: AuditActor): Promise<DelegationRequest | undefined> => {
    const { reason, ...asked } = parseWith(newDelegationRequest, input);
    const { from, to, resources, scopes, detailTypes, until } = await delegations.check(asked);
    await store.holdPair({ from, to });
    const now = clock.now();
    const wish = { fromAgentId: from, toAgentId: to, resources, scopes, detailTypes, until, reason, requestedBy: by.id };
    const open = { outcome: undefined, decidedBy: undefined, decidedAt: undefined, delegationId: undefined };
    const expiresAt = secondsAfter(now, WAITS_DAYS * DAY);
    const request: DelegationRequest = { id: ids.next('dlr'), ...wish, requestedAt: now, expiresAt, ...open };
    const others = await store.openBetween({ from, to });
    const same = others.find((other) => asksForSame(other, request));
    if (same !== undefined) return same;
    if (others.length >= MOST_OPEN) return undefined;
    await store.insert(request);
    await record('delegation.requested', request, by);
    return request;
  };
  const reasonAgainst = async (request: DelegationRequest, { accountId, role }: Decider) => {
    const isAdministrator = role === 'admin';
    const [ownsFrom, ownsTo, isSole] = await Promise.all([
      ownership.ownsAgent(accountId, request.fromAgentId),
      ownership.ownsAgent(accountId, request.toAgentId),
      isAdministrator ? ownership.isSoleAdministrator(accountId) : false,
    ]);
    return reasonNotToDecide(request, { accountId, isAdministrator, isSole, ownsFrom, ownsTo });
  };
  const decidable = async (id: string, decider: Decider) => {
    const request = await get(id);
    const reason = await reasonAgainst(request, decider);
    if (reason !== undefined) throw new AppError('forbidden', reason);
    if (stateOf(request, clock.now()) !== 'pending') throw new AppError('conflict', 'This was answered already, or it ran out.');
    return request;
  };
  const answer = async (request: DelegationRequest, decider: Decider, delegationId: string | undefined) => {
    const outcome = delegationId === undefined ? 'declined' : 'approved';
    if (!(await store.answer({ id: request.id, outcome, decidedBy: decider.accountId, delegationId })))
      throw new AppError('conflict', 'This was answered already, or it ran out.');
    return get(request.id);
  };
  const agentsOf = async (accountId: string) => (await ownership.ownedBy(accountId)).map(({ id }) => id);
  const byDecider = ({ accountId }: Decider) => ({ kind: 'account', id: accountId }) as const;
  return {
    get,
    list: store.list,
    reasonNotToDecide: reasonAgainst,
    waitingFor: async (accountId) => store.openFrom(await agentsOf(accountId)),
    askedFor: async (accountId, limit) => store.askedFor(await agentsOf(accountId), limit),
    async ask(wish, by) {
      const until = secondsAfter(clock.now(), HOLDS_DAYS * DAY).toISOString();
      try {
        return (await db.detached(() => db.transaction(() => keep({ ...wish, until }, by))))?.id;
      } catch (error) {
        // what could not be a delegation is not asked for: the refusal of the exchange says enough
        if (error instanceof AppError && error.code === 'invalid_input') return undefined;
        throw error;
      }
    },
    askAsOwner: (input, accountId) =>
      db.transaction(async () => {
        const { to } = parseWith(newDelegationRequest, input);
        if (!(await ownership.ownsAgent(accountId, to)))
          throw new AppError('invalid_input', 'You ask for agents that you answer for.', { member: 'to' });
        const request = await keep(input, { kind: 'account', id: accountId });
        if (request === undefined)
          throw new AppError('conflict', 'Three questions between these two agents wait already.', { member: 'from' });
        return request;
      }),
    approve: (id, decider) =>
      db.transaction(async () => {
        const request = await decidable(id, decider);
        const { fromAgentId: from, toAgentId: to, resources, scopes, detailTypes, until } = request;
        const wish = { from, to, resources: [...resources], scopes: [...scopes], until: until.toISOString() };
        const checked = await delegations.check({ ...wish, authorization_details_types: [...detailTypes] });
        const made = await delegations.createChecked(checked, byDecider(decider));
        const answered = await answer(request, decider, made.id);
        const about = { resource: id, agentId: to, cause: made.id, action: `${from} ${to}` };
        await audit.record({ type: 'delegation.approved', actor: byDecider(decider), outcome: 'approved', ...about });
        return answered;
      }),
    decline: (id, decider) =>
      db.transaction(async () => {
        const answered = await answer(await decidable(id, decider), decider, undefined);
        await record('delegation.declined', answered, byDecider(decider));
        return answered;
      }),
    purge: () => store.purge(PURGE_BATCH),
    lapse: () =>
      db.transaction(async () => {
        const lapsed = await store.lapse(LAPSE_BATCH);
        for (const request of lapsed) await record('delegation.lapsed', request, { kind: 'system', id: 'delegation-requests' });
        return lapsed.length;
      }),
  };
}
