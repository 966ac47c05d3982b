import { momentOf } from '../platform/http/moment.ts';
import type { RecordedEvent } from './agent-event.ts';
import type { State } from './surroundings.ts';

/** What an event of the trail says about an agent. */
const eventWords: Readonly<Record<string, string>> = {
  'agent.proposed': 'Was added',
  'agent.activated': 'Was let run',
  'agent.reviewed': 'Was put under review',
  'agent.suspended': 'Was suspended',
  'agent.retired': 'Was retired',
  'agent.updated': 'Was changed',
  'agent.owner_changed': 'Got another owner',
  'agent.deleted': 'Was deleted',
  'agent.confirmed': 'Was confirmed as still needed',
  'agent.declined': 'Was said to be no longer needed',
  'agent.card_changed': 'Its agent card says something else',
  'agent.drifted': 'Runs something else than was agreed',
  'agent.drift_accepted': 'Somebody agreed to what it runs',
  'client.registered': 'Its software registered',
  'token.issued': 'Got a token',
  'token.refused': 'Was refused a token',
  'token.revoked': 'A token of its was ended',
  'refresh_token.replayed': 'Somebody used a refresh token of its that had been replaced: that connection was ended',
  'decision.made': 'Asked what it may do',
  'approval.requested': 'Asked a person',
  'approval.decided': 'Was answered by a person',
  'approval.expired': 'Got no answer',
  'approval.withdrawn': 'Its question was withdrawn',
  'delegation.created': 'A delegation names it',
  'delegation.deleted': 'A delegation that named it ended',
  'grant.revoked': 'What somebody allowed it was ended',
  'consent.granted': 'A person let it act',
  'consent.denied': 'A person did not let it act',
};

const eventStates: Readonly<Record<string, State>> = {
  permitted: { word: 'Allowed', tone: 'yes' },
  approved: { word: 'Approved', tone: 'yes' },
  refused: { word: 'Refused', tone: 'stop' },
  denied: { word: 'Denied', tone: 'stop' },
  deferred: { word: 'Asked', tone: 'wait' },
  'token.issued': { word: 'Issued', tone: 'yes' },
  'token.refused': { word: 'Refused', tone: 'stop' },
  'refresh_token.replayed': { word: 'Ended', tone: 'stop' },
  'agent.suspended': { word: 'Stopped', tone: 'stop' },
  'agent.retired': { word: 'Stopped', tone: 'stop' },
  'agent.activated': { word: 'Started', tone: 'yes' },
  'agent.confirmed': { word: 'Confirmed', tone: 'yes' },
  'agent.declined': { word: 'Declined', tone: 'stop' },
};

/** Identifiers stand on the event's own page; here they would only be noise. */
function isForPeople(part: string | undefined): part is string {
  return part !== undefined && !/(^|\s)(?:[a-z]{3}_[0-9a-f]{20,}|sha-256:)/.test(part) && !/^[\w-]{40,}$/.test(part);
}

/** Members of the record as the pages call them. */
const memberWords: Readonly<Record<string, string>> = {
  displayName: 'name',
  manifestDigest: 'manifest',
  'model.provider': 'maker of the model',
  'model.name': 'model',
  'model.version': 'version of the model',
  riskLevel: 'risk',
  dataClasses: 'data',
  validUntil: 'end',
  maxDelegationDepth: 'agents behind it',
  maxChildren: 'agents below it',
  maxChildDepth: 'generations below it',
  parentId: 'agent above it',
  externalId: 'what its source calls it',
  client_linked: 'a client was linked to it',
  client_unlinked: 'a client was taken from it',
};

/** What was changed, in the words of the form. */
function changedWords(action: string): string {
  const words = action.split(' ').map((part) => memberWords[part] ?? part);
  return words.join(', ');
}

/** Types whose action is a list of members. */
const CHANGES = new Set(['agent.updated', 'agent.card_changed', 'agent.drifted']);

/** An event of the audit trail as a line of the agent's page. */
export function presentEvent(
  { id, type, occurredAt, outcome, resource, action, cause }: RecordedEvent,
  { now, base }: { readonly now: Date; readonly base: string },
) {
  const detail = [action !== undefined && CHANGES.has(type) ? changedWords(action) : action, resource, cause]
    .filter(isForPeople)
    .join(' · ');
  return {
    when: momentOf(occurredAt, now),
    state: eventStates[outcome ?? type] ?? eventStates[type] ?? { word: 'Noted', tone: '' },
    words: eventWords[type] ?? 'Was named in an event',
    ...(detail === '' ? {} : { detail }),
    href: `${base}/console/audit/${id}`,
  };
}
