import type { By } from './account.ts';

/** What this capability writes to the audit trail: ids and words, never an address, a name or a secret. */
export interface AccountEvent {
  readonly type:
    | 'account.created'
    | 'account.updated'
    | 'account.disabled'
    | 'account.deleted'
    | 'account.successor_named'
    | 'account.password_changed'
    | 'account.role_changed'
    | 'account.credential_added'
    | 'account.credential_removed'
    | 'sign_in.succeeded'
    | 'sign_in.failed'
    | 'sign_in.blocked'
    | 'group.created'
    | 'group.renamed'
    | 'group.deleted'
    | 'group.member_added'
    | 'group.member_removed'
    | 'group.agent_added'
    | 'group.agent_removed'
    | 'setup.completed';
  readonly actor: By | { readonly kind: 'anonymous'; readonly id: string };
  readonly subjectId?: string;
  /** An agent that joined or left a group. */
  readonly agentId?: string;
  /** The record beside the account: a group, a passkey. */
  readonly resource?: string;
  readonly action?: string;
  readonly cause?: string;
}

/** Where events go: the audit trail, in the transaction under way. */
export interface AccountEvents {
  record(event: AccountEvent): Promise<unknown>;
  /** The same for many at once. */
  recordMany(events: readonly AccountEvent[]): Promise<unknown>;
}
