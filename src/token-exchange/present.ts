import { z } from 'zod';
import { type Moment, momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import { type Delegation, isInForce } from './delegation.ts';

/** A delegation as the interface answers with it. */
export const delegationBody = z
  .object({
    id: z.string(),
    from: z.string(),
    to: z.string(),
    resources: z.array(z.string()),
    scopes: z.array(z.string()),
    authorization_details_types: z.array(z.string()),
    until: z.iso.datetime(),
    created_by: z.string(),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
    ended_by: z.string().nullable(),
    impersonation: z.boolean(),
  })
  .meta({ id: 'Delegation' });

/** A record in the form of `delegationBody`. */
export function presentDelegation(delegation: Delegation): Sent<typeof delegationBody> {
  const { id, fromAgentId, toAgentId, resources, scopes, detailTypes, until, hidesActor } = delegation;
  const { createdBy, createdAt, endedAt, endedBy } = delegation;
  return {
    id,
    from: fromAgentId,
    to: toAgentId,
    resources,
    scopes,
    authorization_details_types: detailTypes,
    until: until.toISOString(),
    impersonation: hidesActor,
    created_by: createdBy,
    created_at: createdAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
    ended_by: endedBy ?? null,
  };
}

/** What an id or identifier is called; undefined when the record is gone. */
export interface DelegationNames {
  agent(id: string): Promise<string | undefined>;
  resource(identifier: string): Promise<string | undefined>;
}

/** One entry of views/console/delegations.eta. */
export interface DelegationCard {
  readonly id: string;
  readonly chain: readonly { readonly kind: 'agent' | 'resource'; readonly name: string; readonly initials: string; readonly now?: true }[];
  readonly limits: string;
  readonly until: Moment;
  readonly state: { readonly word: string; readonly tone: string };
  readonly mayEnd: boolean;
}

function stateOf({ endedAt }: Delegation, inForce: boolean): DelegationCard['state'] {
  if (inForce) return { word: 'In force', tone: 'yes' };
  return endedAt === undefined ? { word: 'Over', tone: '' } : { word: 'Ended', tone: 'stop' };
}

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function limitsOf({ scopes, detailTypes, resources, hidesActor }: Delegation): string {
  const what = [...(scopes.length === 0 ? [] : [scopes.join(', ')]), ...(detailTypes.length === 0 ? [] : [detailTypes.join(', ')])];
  const where = resources.length > 1 ? [`at ${counted(resources.length, 'resource server')}`] : [];
  return [...what, ...where, ...(hidesActor ? ['without being named'] : [])].join(' · ');
}

/** A delegation for a person: from whom, to whom, for what. */
export async function cardOf(
  delegation: Delegation,
  about: { names: DelegationNames; now: Date; mayChange: boolean },
): Promise<DelegationCard> {
  const { names, now, mayChange } = about;
  const agent = async (id: string) => {
    const name = (await names.agent(id)) ?? id;
    return { kind: 'agent', name, initials: name.slice(0, 2).toUpperCase() } as const;
  };
  const [resource = ''] = delegation.resources;
  const place = { kind: 'resource', name: (await names.resource(resource)) ?? resource, initials: '↗' } as const;
  const inForce = isInForce(delegation, now);
  const [from, to] = await Promise.all([agent(delegation.fromAgentId), agent(delegation.toAgentId)]);
  return {
    id: delegation.id,
    chain: [from, { ...to, now: true }, place],
    limits: limitsOf(delegation),
    until: momentOf(delegation.until, now),
    state: stateOf(delegation, inForce),
    mayEnd: inForce && mayChange,
  };
}

/** The heading of the list: the answer before the table. */
export function headingOf(inForce: number): string {
  if (inForce === 0) return 'No agent may hand on to another';
  return inForce === 1 ? 'One delegation in force' : `${inForce} delegations in force`;
}
