/** What this capability writes to the audit trail: ids and words only. Tries to sign in are recorded where they are judged, by accounts. */
export interface SignInEvent {
  readonly type: 'session.ended' | 'consent.granted' | 'consent.denied';
  readonly actor: { readonly kind: 'account'; readonly id: string };
  readonly subjectId: string;
  readonly clientId?: string;
  readonly agentId?: string;
  readonly resource?: string;
  readonly action?: string;
  readonly detailsHash?: string;
  readonly cause?: string;
}

/** Where events go: the audit trail, in the transaction under way. */
export interface SignInAudit {
  record(event: SignInEvent): Promise<unknown>;
}
