/** Who made a change, as the audit trail names them. */
export interface ChangedBy {
  readonly kind: 'account' | 'agent' | 'service' | 'client' | 'system' | 'anonymous';
  readonly id: string;
}

/** Runs in the transaction that stops a client. */
export type OnStopped = (clientId: string, reason: { readonly cause: string; readonly by: ChangedBy }) => Promise<void>;

/** Where registrations and changes of clients are told, in the transaction they happen in. */
export interface RegistrationAudit {
  record(event: {
    readonly type:
      | 'client.registered'
      | 'client.updated'
      | 'client.document_changed'
      | 'client.deleted'
      | 'client.secret_rotated'
      | 'client.reaped'
      | 'client.revived'
      | 'software.noticed'
      | 'software.admitted'
      | 'software.updated'
      | 'initial_access_token.created'
      | 'initial_access_token.revoked'
      | 'provisioning_token.created'
      | 'provisioning_token.revoked'
      | 'provisioning_token.refused';
    readonly actor: ChangedBy;
    readonly agentId?: string;
    readonly subjectId?: string;
    readonly clientId?: string;
    readonly resource?: string;
    readonly action?: string;
    readonly cause?: string;
  }): Promise<unknown>;
}
