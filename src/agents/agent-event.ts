import type { LifecycleParty } from './lifecycle.ts';

/** Who changes an agent: whom the audit names, and in which part. */
export interface AgentEditor {
  readonly kind: 'account' | 'agent' | 'service' | 'client' | 'system' | 'anonymous';
  /** The typed id, the client_id, or the name of a part of the server. */
  readonly id: string;
  readonly party: LifecycleParty;
}

/** What this capability writes to the audit trail. */
export interface AgentEvent {
  readonly type:
    | 'agent.proposed'
    | 'agent.activated'
    | 'agent.reviewed'
    | 'agent.suspended'
    | 'agent.retired'
    | 'agent.updated'
    | 'agent.owner_changed'
    | 'agent.deleted'
    | 'agent.card_changed'
    | 'agent.drifted'
    | 'agent.drift_accepted';
  readonly actor: Pick<AgentEditor, 'kind' | 'id'>;
  readonly agentId: string;
  /** The owner, where the event is about ownership. */
  readonly subjectId?: string;
  readonly clientId?: string;
  /** The names of the members that changed. */
  readonly action?: string;
  readonly cause?: string;
  /** The id of what was presented. */
  readonly resource?: string;
  readonly remedy?: string;
}

/** What certification writes: about a campaign, or about the answer to it for one agent. */
export interface CertificationEvent {
  readonly type:
    | 'certification.started'
    | 'certification.extended'
    | 'certification.cancelled'
    | 'certification.closed'
    | 'agent.confirmed'
    | 'agent.declined';
  readonly actor: Pick<AgentEditor, 'kind' | 'id'>;
  /** The campaign. */
  readonly resource: string;
  readonly agentId?: string;
  /** The owner, when somebody answers in their place. */
  readonly subjectId?: string;
  readonly action?: string;
  readonly cause?: string;
}

/** The audit trail as certification writes it. */
export interface CertificationAudit {
  record(event: CertificationEvent): Promise<void>;
}

/** An event of the trail, as far as the page of an agent shows it. */
export interface RecordedEvent {
  readonly id: string;
  readonly type: string;
  readonly occurredAt: Date;
  readonly resource?: string;
  readonly action?: string;
  readonly cause?: string;
  readonly outcome?: string;
}

/** The audit trail: written in the transaction under way, read newest first. */
export interface AgentAudit {
  record(event: AgentEvent): Promise<void>;
  /** The same for many at once. */
  recordMany(events: readonly AgentEvent[]): Promise<void>;
  list(filter: {
    readonly agentId: string;
    readonly limit: number;
  }): Promise<{ readonly events: readonly { readonly event: RecordedEvent }[] }>;
}

/** Records what an editor did. */
export function recordBy(
  { record }: Pick<AgentAudit, 'record'>,
  { kind, id }: AgentEditor,
  event: Omit<AgentEvent, 'actor'>,
): Promise<void> {
  return record({ actor: { kind, id }, ...event });
}
