import type { Authentication, Confirmation, ConfirmationOptions, PasskeyAssertion } from '../accounts/index.ts';
import type { AuditRecorder } from '../audit/index.ts';
import { detailsHash } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import { AppError } from '../platform/errors.ts';
import type { BrowserSession } from '../platform/http/web.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { constantTimeEqual } from '../platform/vault.ts';
import {
  type Approval,
  type ApprovalStatus,
  APPROVED_SECONDS,
  FRESH_SECONDS,
  isWaiting,
  type Question,
  reasonNotToDecide,
  statusAt,
} from './approval.ts';
import type { Completion } from './completion.ts';
import type { Directory } from './directory.ts';
import type { Receipts } from './receipts/service.ts';
import { describe, type Described, maxUsesOf } from './shown.ts';
import type { ApprovalStore } from './store.ts';

/** Word between servers that an approval of this account changed. */
export const APPROVALS_CHANNEL = 'approvals';

/** How whoever decides has signed in. A token tells no acr: its bearer cannot give a strong approval. */
export type Deciding = Pick<BrowserSession, 'accountId' | 'sessionUid'> & Partial<Pick<BrowserSession, 'authTime' | 'acr' | 'amr'>>;

/** An answer to a question, with the hash of exactly what was shown (R12). */
export interface Answer {
  readonly approvalId: string;
  readonly decision: 'approve' | 'deny';
  readonly shown: string;
  readonly session: Deciding;
  /** What was given at the click; left out where nothing can be given, as with a token. */
  readonly confirmation?: Confirmation | undefined;
}

/** A page of approvals; `nextCursor` is set when there are more. */
export interface ApprovalPage {
  readonly items: readonly Approval[];
  readonly nextCursor: string | undefined;
}

/** How somebody confirms at the click that it is they who say yes (R12); accounts do it as they are. */
export type Assurance = Pick<Authentication, 'beginConfirmation' | 'confirm'>;

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
  /** Whether policy marks a question strong (R12); added to our own rule that money always is. */
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

/** Who decides, and what their passkey signed. */
interface Assured {
  readonly session: Deciding;
  readonly assertion?: PasskeyAssertion | undefined;
}

const FINISH_BATCH = 100;
/** What a page looks at to ask again. */
const CONFIRMATION = { member: 'confirmation' } as const;

/** The bytes that a passkey signs: the hash of exactly what is shown. */
function digestOf(hash: string): Buffer {
  return Buffer.from(hash.replace('sha-256:', ''), 'base64url');
}

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
  const { db, clock, ids, audit, notifications, store, completion, receipts, directory, assurance, log } = deps;
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
  const isFirstTime = async ({ agentId, accountId }: Approval) => (await store.countAnswers(agentId, accountId)).approved === 0;
  const confirmationFor = async ({ approval, shown, hash }: Described) => {
    const isMoney = shown.details.some(({ amount }) => amount !== undefined);
    if (!isMoney && !(await isFirstTime(approval)) && (await deps.isStrong?.(approval)) !== true) return undefined;
    return assurance.beginConfirmation(approval.accountId, digestOf(hash));
  };
  /** Who says yes, as sure as it has to be (R12): a confirmation is a sign-in of this moment. */
  const assured = async (described: Described, { session, confirmation }: Answer): Promise<Assured> => {
    const { authTime } = session;
    if (authTime !== undefined && secondsAfter(authTime, FRESH_SECONDS) < clock.now())
      throw new AppError('forbidden', 'Sign in again before you approve: your sign-in is older than 15 minutes.');
    if ((await confirmationFor(described)) === undefined) return { session };
    const { approval, hash } = described;
    if (confirmation === undefined)
      throw new AppError('forbidden', 'Approving this takes your passkey or a code of your app. Decide in the browser.', CONFIRMATION);
    const given = await assurance.confirm(approval.accountId, digestOf(hash), confirmation);
    if (given.ok) return { session: { ...session, ...given.assurance, authTime: clock.now() }, assertion: given.assertion };
    if (given.retryAfterSeconds !== undefined)
      throw new AppError('too_many_requests', 'Too many wrong codes. Wait a little.', CONFIRMATION);
    throw new AppError('forbidden', 'That did not hold, so nothing was approved. Try again.', CONFIRMATION);
  };
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
      await receipts.make(decided, { ...described, assertion });
      await recordDecision(decided, outcome, session.accountId);
      await tell(decided.accountId);
      return { ...decided, hasReceipt: true };
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
      const described = await getOwn(approvalId, session.accountId);
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
