import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Account, By, Departure, OwnerRef } from '../account.ts';
import type { AccountEvents } from '../account-event.ts';
import { keepingAnAdministrator } from '../administrators.ts';
import type { Links } from '../enrolment/links.ts';
import type { SecondFactors } from '../second-factor/second-factor.ts';
import type { AccountStore } from '../store.ts';
import type { Throttle } from '../throttle/throttle.ts';
import { createLeavingStore } from './store.ts';

/** Who ends somebody's time here, why, and who takes over; without `successorId` the one the person named. */
export interface LeavingRequest {
  readonly by: By;
  readonly reason: string;
  readonly successorId?: string | undefined;
}

/** How people leave, and who answers for their agents then. */
export interface Leaving {
  /**
   * Who takes over what a person answers for when they leave; undefined: nobody, and their agents go under review.
   * @throws {AppError} `not_found`; `invalid_input` with member `successor` unless that is somebody else who is alive.
   */
  nameSuccessor(id: string, successorId: string | undefined, by: By): Promise<Account>;
  /**
   * Shuts somebody out: no sign-in, no token, and what they own moves on, in one transaction. Nothing happens if they are.
   * @throws {AppError} `not_found`, `conflict` for the last administrator, `invalid_input` as `nameSuccessor`.
   */
  disable(id: string, how: LeavingRequest): Promise<Account>;
  /** The same, and they are forgotten but for their id: in no list, never back. @throws as `disable`. */
  remove(id: string, how: LeavingRequest): Promise<void>;
  /** Whether an owner is alive; if so they stay it until the transaction under way ends. */
  holdOwner(owner: OwnerRef): Promise<boolean>;
}

/** What leaving stands on; the hooks run in the transaction under way. */
export interface LeavingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly links: Pick<Links, 'removeOf'>;
  readonly throttle: Pick<Throttle, 'forgetDevices'>;
  readonly secondFactors: Pick<SecondFactors, 'removeAll'>;
  readonly onDisabled: (accountId: string) => Promise<void>;
  readonly onRemoved: (accountId: string) => Promise<void>;
  readonly onOwnerGone: (departure: Departure) => Promise<void>;
  readonly get: (id: string) => Promise<Account>;
}

const MAX_REASON = 300;

const causeOf = (reason: string): string => reason.trim().slice(0, MAX_REASON) || 'no reason given';

/** The use cases over the store. */
export function createLeaving(deps: LeavingDeps): Leaving {
  const { db, clock, audit, store } = deps;
  const leaving = createLeavingStore(db);

  /** Held before anything else: whoever lets an agent of theirs run has finished by now, or waits and finds them gone. */
  const held = async (id: string) => (await store.lock(id)) ?? deps.get(id);
  const assertMaySucceed = async (id: string, successorId: string) => {
    if (successorId !== id && (await leaving.hold({ kind: 'user', id: successorId }))) return;
    throw new AppError('invalid_input', 'Whoever takes over is somebody else who may sign in.', { member: 'successor' });
  };
  const successorOf = async ({ id, successorId: named }: Account, chosen: string | undefined) => {
    if (chosen !== undefined) {
      await assertMaySucceed(id, chosen);
      return chosen;
    }
    return named !== undefined && (await leaving.hold({ kind: 'user', id: named })) ? named : undefined;
  };
  const shutOut = async ({ id }: Account) => {
    await store.setStatus(id, 'disabled', clock.now());
    await deps.links.removeOf(id);
    await deps.throttle.forgetDevices(id);
    await deps.onDisabled(id);
  };
  /** What they answered for themselves moves on, then what only they answered for through groups. */
  const handOn = async (account: Account, { by, successorId }: LeavingRequest, happened: Departure['happened']) => {
    const groupIds = await leaving.lockGroupsOf(account.id);
    const heir = await successorOf(account, successorId);
    await deps.onOwnerGone({ owner: { kind: 'user', id: account.id }, happened, successorId: heir, by });
    for (const id of await leaving.emptied(groupIds)) {
      await deps.onOwnerGone({ owner: { kind: 'group', id }, happened: 'group emptied', successorId: undefined, by });
    }
  };
  return {
    holdOwner: leaving.hold,
    nameSuccessor: (id, successorId, by) =>
      db.transaction(async () => {
        const account = await held(id);
        if (account.successorId === successorId) return account;
        if (successorId !== undefined) await assertMaySucceed(id, successorId);
        await leaving.setSuccessor(id, successorId, clock.now());
        const named = successorId === undefined ? { action: 'nobody' } : { action: 'named', resource: successorId };
        await audit.record({ type: 'account.successor_named', actor: by, subjectId: id, ...named });
        return { ...account, successorId };
      }),
    disable: (id, how) =>
      keepingAnAdministrator(deps, async () => {
        const account = await held(id);
        if (account.status === 'disabled') return account;
        await shutOut(account);
        await audit.record({ type: 'account.disabled', actor: how.by, subjectId: id, cause: causeOf(how.reason) });
        await handOn(account, how, 'person shut out');
        return { ...account, status: 'disabled' as const };
      }),
    remove: (id, how) =>
      keepingAnAdministrator(deps, async () => {
        const account = await held(id);
        if (account.status === 'active') await shutOut(account);
        await audit.record({ type: 'account.deleted', actor: how.by, subjectId: id, cause: causeOf(how.reason) });
        await handOn(account, how, 'person removed');
        await deps.secondFactors.removeAll(id, how.by);
        await leaving.erase(id, clock.now());
        await deps.onRemoved(id);
      }),
  };
}
