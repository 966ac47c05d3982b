import type { AuditEvent, AuditEventType } from './event.ts';

/** A type of event for people: what whoever did it did, and the word that stands for it in a list. */
export interface EventWords {
  /** Follows the name of the actor: `suspended an agent`. */
  readonly did: string;
  readonly word: string;
  /** Green may or happened, amber waits, red stopped, blue to note. */
  readonly tone: '' | 'yes' | 'wait' | 'stop' | 'info';
}

const words = {
  'account.created': { did: 'added a person', word: 'Added', tone: 'yes' },
  'account.updated': { did: 'changed a person', word: 'Changed', tone: '' },
  'account.disabled': { did: 'shut a person out', word: 'Shut out', tone: 'stop' },
  'account.deleted': { did: 'removed a person', word: 'Removed', tone: 'stop' },
  'account.successor_named': { did: 'said who takes over from a person', word: 'Successor', tone: 'info' },
  'account.password_changed': { did: 'changed a password', word: 'Changed', tone: 'info' },
  'account.role_changed': { did: 'changed a role', word: 'Changed', tone: 'info' },
  'account.credential_added': { did: 'added a way to sign in', word: 'Added', tone: 'info' },
  'account.credential_removed': { did: 'removed a way to sign in', word: 'Removed', tone: 'info' },
  'group.created': { did: 'made a group', word: 'Made', tone: 'yes' },
  'group.renamed': { did: 'renamed a group', word: 'Renamed', tone: '' },
  'group.deleted': { did: 'deleted a group', word: 'Deleted', tone: 'stop' },
  'group.member_added': { did: 'put a person into a group', word: 'Joined', tone: 'info' },
  'group.member_removed': { did: 'took a person out of a group', word: 'Left', tone: 'info' },
  'group.agent_added': { did: 'put an agent into a group', word: 'Joined', tone: 'info' },
  'group.agent_removed': { did: 'took an agent out of a group', word: 'Left', tone: 'info' },
  'sign_in.succeeded': { did: 'signed in', word: 'Signed in', tone: 'yes' },
  'sign_in.failed': { did: 'failed to sign in', word: 'Failed', tone: 'stop' },
  'sign_in.blocked': { did: 'was kept from signing in', word: 'Blocked', tone: 'stop' },
  'session.ended': { did: 'ended a session', word: 'Ended', tone: '' },
  'setup.completed': { did: 'set this server up', word: 'Set up', tone: 'yes' },
  'agent.proposed': { did: 'proposed an agent', word: 'Proposed', tone: 'wait' },
  'agent.activated': { did: 'activated an agent', word: 'Active', tone: 'yes' },
  'agent.reviewed': { did: 'put an agent under review', word: 'Under review', tone: 'wait' },
  'agent.suspended': { did: 'suspended an agent', word: 'Suspended', tone: 'stop' },
  'agent.retired': { did: 'retired an agent', word: 'Retired', tone: 'stop' },
  'agent.updated': { did: 'changed an agent', word: 'Changed', tone: '' },
  'agent.owner_changed': { did: 'changed who owns an agent', word: 'New owner', tone: 'info' },
  'agent.deleted': { did: 'removed an agent', word: 'Removed', tone: 'stop' },
  'application.created': { did: 'added an application', word: 'Added', tone: 'yes' },
  'application.updated': { did: 'changed an application', word: 'Changed', tone: '' },
  'application.deleted': { did: 'removed an application', word: 'Removed', tone: 'stop' },
  'agent.confirmed': { did: 'confirmed that an agent is still needed', word: 'Confirmed', tone: 'yes' },
  'agent.declined': { did: 'said that an agent is no longer needed', word: 'Declined', tone: 'stop' },
  'certification.started': { did: 'asked owners to confirm their agents', word: 'Asked', tone: 'wait' },
  'certification.extended': { did: 'gave owners more time to confirm their agents', word: 'Extended', tone: 'info' },
  'certification.cancelled': { did: 'cancelled a certification', word: 'Cancelled', tone: 'stop' },
  'certification.closed': { did: 'closed a certification', word: 'Closed', tone: '' },
  'agent.card_changed': { did: 'found another agent card than before', word: 'Changed', tone: 'wait' },
  'agent.drifted': { did: 'runs something else than was agreed', word: 'Differs', tone: 'wait' },
  'agent.drift_accepted': { did: 'agreed to what an agent runs', word: 'Agreed', tone: 'yes' },
  'client.registered': { did: 'registered a client', word: 'Registered', tone: 'yes' },
  'client.updated': { did: 'changed a client', word: 'Changed', tone: '' },
  'client.document_changed': { did: 'says something else in its metadata document', word: 'Changed', tone: 'wait' },
  'client.deleted': { did: 'removed a client', word: 'Removed', tone: 'stop' },
  'client.secret_rotated': { did: 'renewed the secret of a client', word: 'Renewed', tone: 'info' },
  'client.reaped': { did: 'cleared away registrations that nobody uses', word: 'Cleared', tone: '' },
  'client.revived': { did: 'came back as a client that was put away', word: 'Back', tone: 'info' },
  'software.noticed': { did: 'came here for the first time', word: 'New', tone: 'info' },
  'software.admitted': { did: 'let software act for them', word: 'Let in', tone: 'yes' },
  'software.updated': { did: 'decided about software', word: 'Decided', tone: 'info' },
  'client.registration_refused': { did: 'was refused a registration', word: 'Refused', tone: 'stop' },
  'client.authentication_failed': { did: 'failed to authenticate', word: 'Failed', tone: 'stop' },
  'initial_access_token.created': { did: 'made an enrolment token', word: 'Made', tone: 'info' },
  'initial_access_token.revoked': { did: 'revoked an enrolment token', word: 'Revoked', tone: 'stop' },
  'provisioning_token.created': { did: 'made a provisioning token', word: 'Made', tone: 'info' },
  'provisioning_token.revoked': { did: 'ended a provisioning token', word: 'Ended', tone: 'stop' },
  'provisioning_token.refused': { did: 'was refused with a provisioning token', word: 'Refused', tone: 'stop' },
  'resource_server.created': { did: 'registered a resource server', word: 'Registered', tone: 'yes' },
  'resource_server.updated': { did: 'changed a resource server', word: 'Changed', tone: '' },
  'resource_server.deleted': { did: 'removed a resource server', word: 'Removed', tone: 'stop' },
  'detail_type.created': { did: 'added a type of authorization detail', word: 'Added', tone: 'yes' },
  'detail_type.updated': { did: 'changed a type of authorization detail', word: 'Changed', tone: '' },
  'detail_type.deleted': { did: 'removed a type of authorization detail', word: 'Removed', tone: 'stop' },
  'delegation.created': { did: 'allowed a delegation', word: 'Allowed', tone: 'yes' },
  'delegation.deleted': { did: 'ended a delegation', word: 'Ended', tone: 'stop' },
  'delegation.requested': { did: 'asked for a delegation', word: 'Asked', tone: 'wait' },
  'delegation.approved': { did: 'approved a delegation that was asked for', word: 'Approved', tone: 'yes' },
  'delegation.declined': { did: 'declined a delegation that was asked for', word: 'Declined', tone: 'stop' },
  'delegation.lapsed': { did: 'let a question for a delegation lapse', word: 'Lapsed', tone: '' },
  'scope_mapping.created': { did: 'let a scope give another elsewhere', word: 'Added', tone: 'yes' },
  'scope_mapping.deleted': { did: 'removed a scope mapping', word: 'Removed', tone: 'stop' },
  'policy.created': { did: 'added a policy', word: 'Added', tone: 'info' },
  'policy.updated': { did: 'changed a policy', word: 'Changed', tone: 'info' },
  'policy.deleted': { did: 'removed a policy', word: 'Removed', tone: 'stop' },
  'policy.tried': { did: 'tried a draft of the policies on what was decided before', word: 'Tried', tone: '' },
  'policy.restored': { did: 'put an earlier version of the policies back', word: 'Put back', tone: 'info' },
  'trust_provider.created': { did: 'trusted a provider', word: 'Trusted', tone: 'info' },
  'trust_provider.updated': { did: 'changed a trusted provider', word: 'Changed', tone: 'info' },
  'trust_provider.deleted': { did: 'stopped trusting a provider', word: 'Removed', tone: 'stop' },
  'assertion.accepted': { did: 'was let in on the word of a trusted provider', word: 'Let in', tone: 'yes' },
  'assertion.refused': { did: 'was not let in on the word of somebody else', word: 'Refused', tone: 'stop' },
  'subject.linked': { did: 'found the account of somebody that an identity provider knows', word: 'Linked', tone: 'info' },
  'consent.granted': { did: 'allowed a client to act', word: 'Allowed', tone: 'yes' },
  'consent.denied': { did: 'did not allow a client to act', word: 'Denied', tone: 'stop' },
  'grant.revoked': { did: 'ended what a client may do', word: 'Ended', tone: 'stop' },
  'token.issued': { did: 'got a token', word: 'Issued', tone: 'yes' },
  'token.impersonated': { did: 'got a token that does not name it', word: 'Impersonates', tone: 'wait' },
  'token.refused': { did: 'was refused a token', word: 'Refused', tone: 'stop' },
  'token.revoked': { did: 'ended a token', word: 'Ended', tone: 'stop' },
  'token.replayed': { did: 'presented something that was used before', word: 'Replayed', tone: 'stop' },
  'refresh_token.replayed': {
    did: 'used a refresh token that had been replaced, and its connection was ended',
    word: 'Replayed',
    tone: 'stop',
  },
  'budget.exceeded': { did: 'was asked for more than a budget has left', word: 'Refused', tone: 'stop' },
  'budget.changed': { did: 'lowered or ended a budget', word: 'Changed', tone: 'info' },
  'decision.made': { did: 'was judged by policy', word: 'Decided', tone: 'info' },
  'approval.requested': { did: 'asked for approval', word: 'Waits', tone: 'wait' },
  'approval.decided': { did: 'decided an approval', word: 'Decided', tone: 'info' },
  'approval.expired': { did: 'let an approval run out', word: 'Ran out', tone: '' },
  'approval.withdrawn': { did: 'withdrew an approval', word: 'Withdrawn', tone: 'stop' },
  'key.created': { did: 'made a signing key', word: 'Made', tone: 'info' },
  'key.activated': { did: 'began to sign with a key', word: 'In use', tone: 'yes' },
  'key.retired': { did: 'retired a signing key', word: 'Retired', tone: '' },
  'audit.checkpoint_signed': { did: 'signed a checkpoint of the audit', word: 'Signed', tone: 'yes' },
  'audit.exported': { did: 'exported audit events', word: 'Exported', tone: 'info' },
  'server.restored': { did: 'was restored from a backup', word: 'Restored', tone: 'stop' },
} as const satisfies Record<AuditEventType, EventWords>;

const outcomes = {
  permitted: { did: 'was permitted by policy', word: 'Permitted', tone: 'yes' },
  refused: { did: 'was refused by policy', word: 'Refused', tone: 'stop' },
  approved: { did: 'approved a request', word: 'Approved', tone: 'yes' },
  denied: { did: 'denied a request', word: 'Denied', tone: 'stop' },
  deferred: { did: 'has to wait for approval', word: 'Waits', tone: 'wait' },
} as const satisfies Record<NonNullable<AuditEvent['outcome']>, EventWords>;

/** What an event says to people; where its outcome says more than its type, the outcome speaks. */
export function eventWords(event: Pick<AuditEvent, 'type' | 'outcome'>): EventWords {
  const isAboutOutcome = event.type === 'decision.made' || event.type === 'approval.decided';
  return isAboutOutcome && event.outcome !== undefined ? outcomes[event.outcome] : words[event.type];
}

/** Groups of types for the filter of the audit page; `refused` is everything that was asked and not given. */
export const eventKinds = {
  refused: [
    'token.refused',
    'token.replayed',
    'refresh_token.replayed',
    'client.registration_refused',
    'client.authentication_failed',
    'assertion.refused',
    'provisioning_token.refused',
    'budget.exceeded',
    'sign_in.failed',
    'sign_in.blocked',
  ],
  agents: [...typesOf('agent.'), ...typesOf('application.'), ...typesOf('certification.')],
  tokens: [...typesOf('token.'), ...typesOf('refresh_token.')],
  approvals: typesOf('approval.'),
  consent: [...typesOf('consent.'), ...typesOf('grant.')],
  decisions: typesOf('decision.'),
  clients: [...typesOf('client.'), ...typesOf('initial_access_token.'), ...typesOf('provisioning_token.'), ...typesOf('assertion.')],
  people: [
    ...typesOf('account.'),
    ...typesOf('group.'),
    ...typesOf('sign_in.'),
    ...typesOf('session.'),
    ...typesOf('setup.'),
    ...typesOf('subject.'),
  ],
  rules: [
    ...typesOf('resource_server.'),
    ...typesOf('detail_type.'),
    ...typesOf('delegation.'),
    ...typesOf('scope_mapping.'),
    ...typesOf('policy.'),
    ...typesOf('trust_provider.'),
  ],
  server: [...typesOf('key.'), ...typesOf('audit.'), ...typesOf('server.')],
} as const satisfies Record<string, readonly AuditEventType[]>;

/** The name of a group of types. */
export type EventKind = keyof typeof eventKinds;

/** Whether a text from outside names a group. */
export function isEventKind(text: string): text is EventKind {
  return Object.hasOwn(eventKinds, text);
}

function typesOf(prefix: string): readonly AuditEventType[] {
  return (Object.keys(words) as AuditEventType[]).filter((type) => type.startsWith(prefix));
}
