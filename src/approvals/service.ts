import type { Confirmation, ConfirmationOptions } from '../accounts/index.ts';
import type { AuditRecorder } from '../audit/index.ts';
import { detailsHash } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { constantTimeEqual } from '../platform/vault.ts';
import { type Approval, type ApprovalStatus, APPROVED_SECONDS, isWaiting, type Question, reasonNotToDecide, statusAt } from './approval.ts';
import { type Assurance, type Assured, createAssured, type Deciding } from './assured.ts';
import type { Completion } from './completion.ts';
import type { Directory } from './directory.ts';
import { isLess, type Less, lessOf } from './less/less.ts';
import { keepLess } from './less/store.ts';
import type { Receipts } from './receipts/service.ts';
import { describe, type Described, maxUsesOf } from './shown.ts';
import type { ApprovalStore } from './store.ts';

/** Word between servers that an approval of this account changed. */
export const APPROVALS_CHANNEL = 'approvals';

/** An answer to a question, with the hash of exactly what was shown (R12). */
export interface Answer {
  readonly approvalId: string;
  readonly decision: 'approve' | 'deny';
  readonly shown: string;
  readonly session: Deciding;
  /** What was given at the click; left out where nothing can be given, as with a token. */
  readonly confirmation?: Confirmation | undefined;
  /** Less than was asked; left out: all of it. */
  readonly less?: Less | undefined;
}

/** A page of approvals; `nextCursor` is set when there are more. */
export interface ApprovalPage {
  readonly items: readonly Approval[];
  readonly nextCursor: string | undefined;
}

/** What the use cases stand on. */
export interface ApprovalServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly notifications: Pick<Notifications, 'notify'>;
  readonly log: Pick<Logger, 'error'>;
  readonly store: ApprovalStore;
  readonly completion: Completion;
  readonly receipts: Pick<Receipts, 'make'>;
  readonly directory: Directory;
  readonly assurance: Assurance;
  readonly isStrong?: (question: Question) => Promise<boolean>;
}

/** Questions to people and their answers. Every change is an audit event in the same transaction. */
export interface ApprovalService {
  /** Keeps a question in the transaction under way; undefined when the agent has as many waiting for this person as it may (R11). */
  open(question: Question & { readonly authReqHash: Buffer; readonly expiresAt: Date }): Promise<Approval | undefined>;
  /** The same answer whether it does not exist or is somebody else's. @throws {AppError} `not_found` */
  getOwn(id: string, accountId: string): Promise<Described>;
  /** For those who see all of them. @throws {AppError} `not_found` */
  get(id: string): Promise<Described>;
  describe(approval: Approval): Promise<Described>;
  /** A person's own question with less in it, to be shown and decided. @throws {AppError} `not_found`, `invalid_input` for what is not less. */
  describeLess(id: string, accountId: string, choose: (approval: Approval) => Less): Promise<Described>;
  countAnswers(approval: Approval): Promise<{ approved: number; denied: number }>;
  list(filter: {
    accountId?: string;
    statuses: readonly ApprovalStatus[];
    cursor?: string | undefined;
    limit: number;
  }): Promise<ApprovalPage>;
  countByStatus(): Promise<ReadonlyMap<ApprovalStatus, number>>;
  countWaiting(accountId: string): Promise<number>;
  /** How many questions of these agents wait: what their suspension withdraws. */
  countOpen(agentIds: readonly string[]): Promise<number>;
  /** What approving takes at the click: undefined when a sign-in is enough, or when the person has nothing stronger. */
  confirmationFor(described: Described): Promise<ConfirmationOptions | undefined>;
  /**
   * Answers a question, once: of any number of people or clicks one wins.
   * @throws {AppError} `not_found`, `forbidden` (not theirs, sign-in too old; member `confirmation`: not confirmed), `conflict` (answered, over, or no
   * longer what was shown).
   */
  decide(answer: Answer): Promise<Described>;
  /** Takes back everything an agent asked, in the transaction under way; for its suspension. `cause` is an event id or a word. */
  withdrawOf(agentIds: readonly string[], cause: string): Promise<void>;
  /** Notes what ran out; returns how many. */
  expire(): Promise<number>;
  /** Finishes what a crash left between decision and completion. */
  finishDecided(): Promise<void>;
}

const FINISH_BATCH = 100;
function gone(): AppError {
  return new AppError('not_found', 'There is no such question, or it is not for you.');
}

function stateWords(approval: Approval, now: Date): string {
  const status = statusAt(approval, now);
  if (status === 'expired') return 'This ran out before it was decided.';
  if (status === 'withdrawn') return 'This was withdrawn.';
  return `This was ${status} already.`;
}

/** The use cases over their store. */
export function createApprovalService(deps: ApprovalServiceDeps): ApprovalService {
  const { db, clock, ids, audit, notifications, store, completion, receipts, directory, log } = deps;
  const tell = (accountId: string) => notifications.notify(APPROVALS_CHANNEL, accountId);

  const noteExpired = async (gonePast: readonly { id: string; accountId: string }[]) => {
    for (const { id, accountId } of gonePast) {
      await audit.record({ type: 'approval.expired', actor: { kind: 'system', id: 'approvals' }, approvalId: id, subjectId: accountId });
      await tell(accountId);
    }
  };
  const get = async (id: string) => {
    const approval = await store.find(id);
    if (approval === undefined) throw gone();
    return describe(directory, approval);
  };
  const getOwn = async (id: string, accountId: string) => {
    const approval = await store.find(id);
    if (approval?.accountId !== accountId) throw gone();
    return describe(directory, approval);
  };
  const { confirmationFor, assured } = createAssured(deps);
  const recordDecision = (approval: Approval, outcome: 'approved' | 'denied', by: string) =>
    audit.record({
      type: 'approval.decided',
      actor: { kind: 'account', id: by },
      approvalId: approval.id,
      agentId: approval.agentId,
      subjectId: approval.accountId,
      clientId: approval.clientId,
      outcome,
      detailsHash: approval.detailsHash,
      ...(approval.resource === undefined ? {} : { resource: approval.resource }),
      ...(approval.scope === '' ? {} : { action: approval.scope }),
    });

  const describeLess: ApprovalService['describeLess'] = async (id, accountId, choose) => {
    const { approval } = await getOwn(id, accountId);
    return describe(directory, lessOf(approval, choose(approval), directory.detailTypes()));
  };
  const withLess = async (decided: Approval, { details, detailsHash: hash, scope }: Approval): Promise<Approval> => {
    if (decided.status !== 'approved' || !isLess(decided, { details, scope })) return decided;
    const granted = { ...decided, details, detailsHash: hash, scope, asked: { details: decided.details, scope: decided.scope } };
    await keepLess({ db }, granted);
    return granted;
  };
  const settle = ({ approvalId, decision }: Answer, { described, session, assertion }: { described: Described } & Assured) =>
    db.transaction(async () => {
      const now = clock.now();
      const outcome = decision === 'approve' ? 'approved' : 'denied';
      const decided = await store.decide({
        id: approvalId,
        status: outcome,
        at: now,
        by: session.accountId,
        sessionUid: session.sessionUid,
        authTime: session.authTime,
        acr: session.acr,
        amr: session.amr ?? [],
        approvedUntil: outcome === 'approved' ? secondsAfter(now, APPROVED_SECONDS) : undefined,
        maxUses: outcome === 'approved' ? maxUsesOf(described.approval.details) : undefined,
      });
      if (decided === undefined) {
        const found = await store.find(approvalId);
        throw new AppError('conflict', found === undefined ? 'This is gone.' : stateWords(found, now));
      }
      const granted = await withLess(decided, described.approval);
      await receipts.make(granted, { ...described, assertion });
      await recordDecision(granted, outcome, session.accountId);
      await tell(granted.accountId);
      return { ...granted, hasReceipt: true };
    });

  return {
    async open(question) {
      const now = clock.now();
      const { agentId, accountId } = question;
      await noteExpired(await store.expire(now, { agentId, accountId }));
      const approval = { ...question, id: ids.next('apr'), detailsHash: detailsHash(question.details), requestedAt: now };
      if (!(await store.insert(approval))) return undefined;
      await audit.record({
        type: 'approval.requested',
        actor: { kind: 'agent', id: agentId },
        approvalId: approval.id,
        agentId,
        subjectId: accountId,
        clientId: question.clientId,
        detailsHash: approval.detailsHash,
        ...(question.resource === undefined ? {} : { resource: question.resource }),
        ...(question.scope === '' ? {} : { action: question.scope }),
      });
      await tell(accountId);
      return store.find(approval.id);
    },
    getOwn,
    get,
    describe: (approval) => describe(directory, approval),
    describeLess,
    countAnswers: ({ agentId, accountId }) => store.countAnswers(agentId, accountId),
    async list({ cursor, limit, ...filter }) {
      const rows = await store.list({ ...filter, after: cursor, limit: limit + 1 });
      const items = rows.slice(0, limit);
      return { items, nextCursor: rows.length > limit ? items.at(-1)?.id : undefined };
    },
    countByStatus: () => store.countByStatus(clock.now()),
    countWaiting: (accountId) => store.countWaiting(accountId, clock.now()),
    countOpen: (agentIds) => store.countOpen(agentIds, clock.now()),
    confirmationFor,
    async decide(answer) {
      const { approvalId, session, shown } = answer;
      const { less } = answer;
      const described =
        less === undefined || answer.decision === 'deny'
          ? await getOwn(approvalId, session.accountId)
          : await describeLess(approvalId, session.accountId, () => less);
      const { approval, isOwnAgent } = described;
      const who = { accountId: session.accountId, subjectId: approval.accountId, ownsAgent: isOwnAgent };
      const reason = reasonNotToDecide({ decider: 'subject', ...who });
      if (reason !== undefined) throw new AppError('forbidden', reason);
      if (!isWaiting(approval, clock.now())) throw new AppError('conflict', stateWords(approval, clock.now()));
      if (!constantTimeEqual(shown, described.hash))
        throw new AppError('conflict', 'The question is not what you were shown. Read it again before you decide.', { member: 'shown' });
      const sure = answer.decision === 'approve' ? await assured(described, answer) : { session };
      const decided = await settle(answer, { described, ...sure });
      // the decision stands whatever becomes of the engine's side: the job finishes it
      await completion
        .finish(decided.id)
        .catch((error: unknown) => log.error({ err: error, approvalId }, 'a decision is not finished yet'));
      return describe(directory, decided);
    },
    async withdrawOf(agentIds, cause) {
      for (const { id, accountId, agentId } of await store.withdraw(agentIds)) {
        const actor = { kind: 'system', id: 'approvals' } as const;
        await audit.record({ type: 'approval.withdrawn', actor, approvalId: id, agentId, subjectId: accountId, cause });
        await tell(accountId);
      }
    },
    expire: () =>
      db.transaction(async () => {
        const ranOut = await store.expire(clock.now());
        await noteExpired(ranOut);
        return ranOut.length;
      }),
    async finishDecided() {
      for (const id of await store.unfinished(FINISH_BATCH)) await completion.finish(id);
    },
  };
}
