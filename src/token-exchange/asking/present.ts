import { z } from 'zod';
import { initialsOf } from '../../platform/http/pages.ts';
import { type Moment, momentOf } from '../../platform/http/moment.ts';
import type { Sent } from '../../platform/http/operation.ts';
import type { DelegationNames } from '../present.ts';
import { type DelegationRequest, REQUEST_STATES, type RequestState, stateOf } from './delegation-request.ts';

/** A request as the interface answers with it. */
export const requestBody = z
  .object({
    id: z.string(),
    from: z.string(),
    to: z.string(),
    resources: z.array(z.string()),
    scopes: z.array(z.string()),
    authorization_details_types: z.array(z.string()),
    until: z.iso.datetime(),
    reason: z.string(),
    state: z.enum(REQUEST_STATES),
    requested_by: z.string(),
    requested_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    decided_by: z.string().nullable(),
    decided_at: z.iso.datetime().nullable(),
    delegation: z.string().nullable(),
  })
  .meta({ id: 'DelegationRequest' });

/** A record in the form of `requestBody`. */
export function presentRequest(request: DelegationRequest, now: Date): Sent<typeof requestBody> {
  const { id, fromAgentId, toAgentId, resources, scopes, detailTypes, until, reason } = request;
  const { requestedBy, requestedAt, expiresAt, decidedBy, decidedAt, delegationId } = request;
  return {
    id,
    from: fromAgentId,
    to: toAgentId,
    resources,
    scopes,
    authorization_details_types: detailTypes,
    until: until.toISOString(),
    reason,
    state: stateOf(request, now),
    requested_by: requestedBy,
    requested_at: requestedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    decided_by: decidedBy ?? null,
    decided_at: decidedAt?.toISOString() ?? null,
    delegation: delegationId ?? null,
  };
}

const STATES: Readonly<Record<RequestState, { word: string; tone: string }>> = {
  pending: { word: 'Waits', tone: 'wait' },
  approved: { word: 'Approved', tone: 'yes' },
  declined: { word: 'Declined', tone: 'stop' },
  expired: { word: 'Ran out', tone: '' },
};

/** What names the parties of a request; `anybody` also knows people. */
export interface RequestNames extends DelegationNames {
  anybody(id: string): Promise<string | undefined>;
}

interface Party {
  readonly kind: 'agent' | 'resource';
  readonly name: string;
  readonly initials: string;
  readonly now?: true;
}

/** A request for a person: who asks, who would hand what to whom, until when. */
export interface RequestCard {
  readonly id: string;
  readonly chain: readonly Party[];
  /** The sentence the page begins with. */
  readonly heading: string;
  readonly limits: string;
  readonly reason: string;
  readonly asker: string;
  readonly askedAt: Moment;
  readonly until: Moment;
  readonly expiresAt: Moment;
  readonly state: { readonly word: string; readonly tone: string };
}

/** One entry of views/console/delegations.eta and views/me/delegations.eta, and the whole of a page of one. */
export async function requestCard(
  request: DelegationRequest,
  about: { readonly names: RequestNames; readonly now: Date },
): Promise<RequestCard> {
  const { names, now } = about;
  const { id, fromAgentId, toAgentId, resources, scopes, detailTypes, requestedBy } = request;
  const [from, to, asker, ...places] = await Promise.all([
    names.agent(fromAgentId),
    names.agent(toAgentId),
    names.anybody(requestedBy),
    ...resources.map((uri) => names.resource(uri)),
  ]);
  const [fromName, toName] = [from ?? fromAgentId, to ?? toAgentId];
  const resourceNames = places.map((name, index) => name ?? resources[index] ?? '');
  return {
    id,
    chain: [
      { kind: 'agent', name: fromName, initials: initialsOf(fromName) },
      { kind: 'agent', name: toName, initials: initialsOf(toName), now: true },
      ...resourceNames.map((name) => ({ kind: 'resource', name, initials: '↗' }) as const),
    ],
    heading: `May ${toName} take over from ${fromName}?`,
    limits: [scopes.join(', '), detailTypes.join(', ')].filter((text) => text !== '').join(' · '),
    reason: request.reason,
    asker: asker ?? requestedBy,
    askedAt: momentOf(request.requestedAt, now),
    until: momentOf(request.until, now),
    expiresAt: momentOf(request.expiresAt, now),
    state: STATES[stateOf(request, now)],
  };
}
