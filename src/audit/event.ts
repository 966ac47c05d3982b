import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { AppError } from '../platform/errors.ts';

/** The parties an act is attributed to. */
export interface AuditActor {
  readonly kind: 'account' | 'agent' | 'service' | 'client' | 'system' | 'anonymous';
  /** The typed id (`usr_…`, `agt_…`, `svc_…`), the client_id, or a name of a part of the server. */
  readonly id: string;
}

/**
 * What happened, once. The members are those that AIMS demands of an audit record: agent, delegated subject, resource or tool,
 * action and decision, time and correlation id, attestation and risk state, remediation and cause. Ids and digests only: no
 * token, code, hint or personal text ever stands here (R19).
 */
export interface AuditEvent {
  readonly id: string;
  readonly type: AuditEventType;
  readonly occurredAt: Date;
  readonly actor: AuditActor;
  /** The request or job this belongs to; events of one request share it. */
  readonly correlationId: string;
  readonly agentId?: string;
  /** On whose behalf: the account or agent that is the `sub`. */
  readonly subjectId?: string;
  /** The act chain, newest actor first. */
  readonly chain?: readonly { readonly iss: string; readonly sub: string }[];
  readonly clientId?: string;
  /** The resource indicator, or the id of the record that was changed. */
  readonly resource?: string;
  /** The tool, operation or scopes: one word or a space-separated list. */
  readonly action?: string;
  /** `sha-256:…` of the granted or decided details. */
  readonly detailsHash?: string;
  readonly decisionId?: string;
  readonly approvalId?: string;
  readonly tokenId?: string;
  /** What decided it: `permitted`, `refused`, `approved`, `denied`, `deferred`. */
  readonly outcome?: 'permitted' | 'refused' | 'approved' | 'denied' | 'deferred';
  /** How far the acting software was attested, and the risk it was judged at. */
  readonly attestation?: string;
  readonly risk?: 'low' | 'medium' | 'high';
  /** Why: the id of the event that led here, or an error code. */
  readonly cause?: string;
  /** What would allow it, or what was done about it. */
  readonly remedy?: string;
}

/** A member of an event that a type may demand. */
type OptionalField = Exclude<keyof AuditEvent, 'id' | 'type' | 'occurredAt' | 'actor' | 'correlationId'>;

/** The closed list of event types, each with the members it must have to be of use to an auditor. */
const requiredFields = {
  'account.created': ['subjectId'],
  'account.updated': ['subjectId'],
  'account.disabled': ['subjectId', 'cause'],
  'account.deleted': ['subjectId', 'cause'],
  'account.successor_named': ['subjectId', 'action'],
  'account.password_changed': ['subjectId'],
  'account.role_changed': ['subjectId', 'action'],
  'account.credential_added': ['subjectId', 'action'],
  'account.credential_removed': ['subjectId', 'action'],
  'group.created': ['resource'],
  'group.renamed': ['resource'],
  'group.deleted': ['resource'],
  'group.member_added': ['resource', 'subjectId'],
  'group.member_removed': ['resource', 'subjectId'],
  'group.agent_added': ['resource', 'agentId'],
  'group.agent_removed': ['resource', 'agentId'],
  'sign_in.succeeded': ['subjectId'],
  'sign_in.failed': ['cause'],
  'sign_in.blocked': ['cause'],
  'session.ended': ['subjectId'],
  'setup.completed': ['subjectId'],
  'agent.proposed': ['agentId'],
  'agent.activated': ['agentId'],
  'agent.reviewed': ['agentId', 'cause'],
  'agent.suspended': ['agentId', 'cause'],
  'agent.retired': ['agentId'],
  'agent.updated': ['agentId', 'action'],
  'agent.owner_changed': ['agentId', 'subjectId'],
  'agent.deleted': ['agentId'],
  'application.created': ['resource'],
  'application.updated': ['resource', 'action'],
  'application.deleted': ['resource'],
  'agent.confirmed': ['agentId', 'resource'],
  'agent.declined': ['agentId', 'resource'],
  'certification.started': ['resource'],
  'certification.extended': ['resource', 'action'],
  'certification.cancelled': ['resource', 'cause'],
  'certification.closed': ['resource'],
  'agent.card_changed': ['agentId', 'action'],
  'agent.drifted': ['agentId', 'clientId', 'resource', 'action', 'cause'],
  'agent.drift_accepted': ['agentId', 'resource', 'cause', 'remedy'],
  'client.registered': ['clientId'],
  'client.updated': ['clientId'],
  'client.document_changed': ['clientId', 'action', 'cause'],
  'client.deleted': ['clientId'],
  'client.secret_rotated': ['clientId'],
  'client.reaped': ['action'],
  'client.revived': ['clientId'],
  'software.noticed': ['resource', 'action'],
  'software.admitted': ['resource', 'clientId', 'subjectId'],
  'software.updated': ['resource', 'action'],
  'client.registration_refused': ['cause'],
  'client.authentication_failed': ['cause'],
  'initial_access_token.created': ['resource'],
  'initial_access_token.revoked': ['resource'],
  'provisioning_token.created': ['clientId', 'resource'],
  'provisioning_token.revoked': ['clientId', 'resource'],
  'provisioning_token.refused': ['clientId', 'resource', 'cause'],
  'resource_server.created': ['resource'],
  'resource_server.updated': ['resource'],
  'resource_server.deleted': ['resource'],
  'detail_type.created': ['resource'],
  'detail_type.updated': ['resource'],
  'detail_type.deleted': ['resource'],
  'delegation.created': ['resource'],
  'delegation.deleted': ['resource'],
  'delegation.requested': ['resource', 'agentId', 'action'],
  'delegation.approved': ['resource', 'agentId', 'cause'],
  'delegation.declined': ['resource', 'agentId'],
  'delegation.lapsed': ['resource', 'agentId'],
  'scope_mapping.created': ['resource', 'action'],
  'scope_mapping.deleted': ['resource', 'action'],
  'policy.created': ['resource'],
  'policy.updated': ['resource'],
  'policy.deleted': ['resource'],
  'policy.restored': ['resource', 'action', 'cause'],
  'policy.tried': ['resource', 'action'],
  'trust_provider.created': ['resource'],
  'trust_provider.updated': ['resource'],
  'trust_provider.deleted': ['resource'],
  'assertion.accepted': ['resource', 'clientId', 'subjectId'],
  'assertion.refused': ['cause'],
  'subject.linked': ['subjectId', 'resource'],
  'consent.granted': ['subjectId', 'clientId'],
  'consent.denied': ['subjectId', 'clientId'],
  'grant.revoked': ['subjectId', 'clientId', 'cause'],
  'token.issued': ['clientId', 'subjectId', 'resource', 'tokenId'],
  'token.impersonated': ['clientId', 'agentId', 'subjectId', 'resource', 'tokenId', 'cause'],
  'token.refused': ['clientId', 'cause'],
  'token.revoked': ['tokenId', 'cause'],
  'token.replayed': ['clientId', 'cause'],
  'refresh_token.replayed': ['clientId', 'subjectId', 'remedy'],
  'budget.exceeded': ['subjectId', 'clientId', 'resource', 'tokenId', 'cause'],
  'budget.changed': ['resource', 'action'],
  'decision.made': ['decisionId', 'outcome', 'action', 'resource'],
  'approval.requested': ['approvalId', 'agentId', 'subjectId', 'detailsHash'],
  'approval.decided': ['approvalId', 'subjectId', 'outcome', 'detailsHash'],
  'approval.expired': ['approvalId'],
  'approval.withdrawn': ['approvalId', 'cause'],
  'key.created': ['resource'],
  'key.activated': ['resource'],
  'key.retired': ['resource'],
  'audit.checkpoint_signed': ['resource'],
  'audit.exported': ['action'],
  'server.restored': ['cause'],
} as const satisfies Record<string, readonly OptionalField[]>;

/** The name of an event: what happened to what, past tense, dotted. */
export type AuditEventType = keyof typeof requiredFields;

/** All names, for filters and documentation. */
export const auditEventTypes: readonly AuditEventType[] = Object.keys(requiredFields).filter(isAuditEventType);

const maxTextLength = 2000;
const maxChainLength = 16;

/** Whether a text from outside (a filter, an import) names an event type. */
export function isAuditEventType(text: string): text is AuditEventType {
  return Object.hasOwn(requiredFields, text);
}

/**
 * Returns the event, frozen, when it is fit to be kept; throws AppError `invalid_input` (with `member`) when the type is
 * unknown, a member that the type demands is missing, a text is empty or longer than 2,000 characters, or the time is invalid.
 * An event that cannot be kept fails the act it describes: nothing happens unrecorded.
 */
export function checkAuditEvent(event: AuditEvent): AuditEvent {
  if (!isAuditEventType(event.type)) throw invalid('type');
  if (Number.isNaN(event.occurredAt.getTime())) throw invalid('occurredAt');
  const required: readonly OptionalField[] = requiredFields[event.type];
  for (const name of required) if (event[name] === undefined) throw invalid(name);
  const texts = Object.entries({ ...event, 'actor.kind': event.actor.kind, 'actor.id': event.actor.id });
  for (const [name, value] of texts) if (typeof value === 'string' && (value === '' || value.length > maxTextLength)) throw invalid(name);
  if ((event.chain?.length ?? 0) > maxChainLength) throw invalid('chain');
  return Object.freeze({ ...event });
}

function invalid(member: string): AppError {
  return new AppError('invalid_input', `The audit event cannot be kept: ${member} is missing or not valid.`, { member });
}

/**
 * `sha-256:` and the base64url SHA-256 of the JCS form (RFC 8785) of the event, the time in milliseconds as ISO 8601. Absent
 * members do not count, so an event read back from its row has the digest it was written with.
 */
export function digest(event: AuditEvent): string {
  const text = canonicalize({ ...event, occurredAt: event.occurredAt.toISOString() });
  if (text === undefined) throw new TypeError('the event is not JSON');
  return `sha-256:${createHash('sha256').update(text, 'utf8').digest('base64url')}`;
}
