import type { AuthorizationDetail } from '../authorization-details/index.ts';

/** How an approval stands. Only `pending` moves; each other state is final. */
export const APPROVAL_STATUSES = ['pending', 'approved', 'denied', 'expired', 'withdrawn'] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** What was decided, by whom and how they had signed in. */
export interface Decision {
  readonly at: Date;
  readonly by: string;
  readonly sessionUid: string;
  readonly authTime: Date | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
}

/** What an agent asks a person to allow. */
export interface Question {
  readonly clientId: string;
  readonly agentId: string;
  /** Whose authority is asked for: the `sub` of the token. */
  readonly accountId: string;
  /** Undefined: only who the person is. */
  readonly resource: string | undefined;
  /** Scopes of the resource, space-separated. */
  readonly scope: string;
  /** Scopes about the person's identity (`openid` …), space-separated. */
  readonly identityScope: string;
  readonly details: readonly AuthorizationDetail[];
  readonly bindingMessage: string | undefined;
}

/** One question and what became of it. */
export interface Approval extends Question {
  readonly id: string;
  readonly status: ApprovalStatus;
  /** SHA-256 of the `auth_req_id`; the value itself is with the client alone. */
  readonly authReqHash: Buffer;
  /** `sha-256:…` of the details (contract.md "Tokens"). */
  readonly detailsHash: string;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
  readonly decision: Decision | undefined;
  readonly approvedUntil: Date | undefined;
  readonly maxUses: number | undefined;
  readonly completedAt: Date | undefined;
  /** What was asked, where less of it was approved: `details` and `scope` are then what was granted. */
  readonly asked: Pick<Question, 'details' | 'scope'> | undefined;
  /** Whether there is a signed receipt of the decision. */
  readonly hasReceipt: boolean;
}

/** How long a yes holds, in seconds: the longest life of the token and of everything that comes from it. */
export const APPROVED_SECONDS = 300;
/** How many questions of one agent may wait for one person (R11); the database keeps it. */
export const MAX_PENDING = 3;
/** How old the sign-in of whoever approves may be, in seconds (R12). */
export const FRESH_SECONDS = 900;

const EXPIRY = { least: 30, usual: 300, most: 3_600 } as const;

/** For how many seconds a question waits: what the client wished (CIBA Core §7.1 `requested_expiry`), inside our bounds. */
export function waitingSeconds(requested: unknown): number {
  const wish = Number(requested);
  if (requested === undefined || !Number.isSafeInteger(wish)) return EXPIRY.usual;
  return Math.min(Math.max(wish, EXPIRY.least), EXPIRY.most);
}

/** Whether a question can still be answered. */
export function isWaiting(approval: Pick<Approval, 'status' | 'expiresAt'>, now: Date): boolean {
  return approval.status === 'pending' && approval.expiresAt > now;
}

/** The state a reader sees: what ran out is expired even before the job has noted it. */
export function statusAt(approval: Pick<Approval, 'status' | 'expiresAt'>, now: Date): ApprovalStatus {
  return approval.status === 'pending' && approval.expiresAt <= now ? 'expired' : approval.status;
}

/** Who must decide: the person whose authority is asked for (CIBA), or anyone but them and the agent's owners (four eyes). */
export type Decider = 'subject' | 'other';

/**
 * Why somebody may not decide, or undefined when they may (R8). With `subject` only the person themselves decides; with `other`
 * neither they nor anybody who answers for the agent.
 */
export function reasonNotToDecide(who: {
  readonly decider: Decider;
  readonly accountId: string;
  readonly subjectId: string;
  readonly ownsAgent: boolean;
}): string | undefined {
  const isSubject = who.accountId === who.subjectId;
  if (who.decider === 'subject') return isSubject ? undefined : 'Only the person it is asked of decides this.';
  if (isSubject) return 'Somebody else than the person it is for must decide this.';
  return who.ownsAgent ? 'Nobody decides for an agent they answer for.' : undefined;
}
