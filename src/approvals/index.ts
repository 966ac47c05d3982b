/**
 * Questions of agents to people, and the answers. Owns the record of what was asked, exactly what was shown, who decided and under
 * which sign-in, with a signed receipt; CIBA (poll) at the engine; the inbox of a person and the console's list. Does not own who may sign in, what
 * policy allows or the tokens: the answer becomes a grant of the engine, and the token endpoint goes its usual way.
 */
import type { Provider } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import type { Capability } from '../capability.ts';
import type { ArtifactStore } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import type { EventStreams } from '../platform/http/event-stream.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { Question } from './approval.ts';
import { createCompletion } from './completion.ts';
import type { AskingAgent, Directory } from './directory.ts';
import { createFeed } from './feed.ts';
import { createLoginHints } from './login-hint.ts';
import { approvalsOidc, type IssuanceNotes } from './oidc.ts';
import { titleOf } from './present.ts';
import { createReceipts, type ReceiptDeps } from './receipts/service.ts';
import { approvalRoutes } from './routes.ts';
import { type ApprovalService, APPROVALS_CHANNEL, createApprovalService } from './service.ts';
import type { Assurance } from './assured.ts';
import { createApprovalStore } from './store.ts';

export { type Approval, type ApprovalStatus, type Decision, type Question, reasonNotToDecide } from './approval.ts';
export type { AskedResource, AskingAgent, Directory, Person } from './directory.ts';
export type { IssuanceNotes } from './oidc.ts';
export type { Assurance, Deciding } from './assured.ts';
export type { Answer, ApprovalPage, ApprovalService } from './service.ts';
export type { Described, Shown } from './shown.ts';

/** The approvals as the rest of the house sees them. */
export interface Approvals extends ApprovalService {
  /** What waits for anybody, for the console's overview: the soonest to run out last. */
  waiting(limit: number): Promise<readonly WaitingLine[]>;
  readonly capability: Capability;
}

/** One question that waits, in a line. */
export interface WaitingLine {
  readonly id: string;
  readonly title: string;
  readonly agentName: string;
  readonly personName: string;
  readonly resourceName: string | undefined;
  readonly expiresAt: Date;
}

/** What approvals stand on. */
export interface ApprovalsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Pick<Vault, 'fingerprint'>;
  readonly proofs: ReceiptDeps['proofs'];
  readonly policyVersion: ReceiptDeps['policyVersion'];
  readonly resourcesOfClient: (clientId: string) => Promise<readonly string[]>;
  readonly log: Pick<Logger, 'error'>;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  readonly artifacts: Pick<ArtifactStore, 'amend' | 'listOf'>;
  /** The engine in force; asked when a decision is finished. */
  readonly provider: () => Provider;
  readonly notifications: Pick<Notifications, 'notify' | 'on' | 'onReconnect'>;
  readonly eventStreams: Pick<EventStreams, 'open'>;
  readonly directory: Directory;
  readonly assurance: Assurance;
  readonly issuanceOf: (ctx: object) => IssuanceNotes;
  /** Whether policy marks a question strong (R12), beside money and the first yes to an agent, which always are. */
  readonly isStrong?: (question: Question) => Promise<boolean>;
  /** Whether policy lets this agent ask this person (R11), beside its owners and those who consented to it. */
  readonly isNamedByPolicy?: (agent: AskingAgent | undefined, accountId: string) => Promise<boolean>;
}

/** Puts the approvals together. */
export function createApprovals(deps: ApprovalsDeps): Approvals {
  const { directory, notifications } = deps;
  const store = createApprovalStore(deps);
  const completion = createCompletion({ ...deps, store });
  const receipts = createReceipts(deps);
  const service = createApprovalService({ ...deps, store, completion, receipts });
  const hints = createLoginHints(deps);
  const feed = createFeed();
  notifications.on(APPROVALS_CHANNEL, (accountId) => feed.tell(accountId));
  notifications.onReconnect(() => feed.tellAll());
  return {
    ...service,
    async waiting(limit) {
      const { items } = await service.list({ statuses: ['pending'], limit });
      const now = deps.clock.now();
      const described = await Promise.all(items.filter(({ expiresAt }) => expiresAt > now).map((approval) => service.describe(approval)));
      return described.map(({ approval, shown }) => ({
        id: approval.id,
        title: titleOf(shown),
        agentName: shown.agentName,
        personName: shown.personName,
        resourceName: shown.resourceName ?? undefined,
        expiresAt: approval.expiresAt,
      }));
    },
    capability: {
      name: 'approvals',
      oidc: approvalsOidc({ ...deps, store, service, hints, directory }),
      routes: approvalRoutes({ ...deps, detailTypes: directory.detailTypes, service, receipts, feed, base: basePathOf(deps.issuer) }),
      jobs: [
        { name: 'approvals-expire', everySeconds: 5, run: async () => void (await service.expire()) },
        { name: 'approvals-finish', everySeconds: 5, run: () => service.finishDecided() },
      ],
    },
  };
}
