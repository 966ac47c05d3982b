import { z } from 'zod';
import { momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import type { StoredDecision } from './decision.ts';

const forAgent = {
  id: z.string(),
  effect: z.enum(['permit', 'deny', 'approval', 'step_up']),
  rule: z.string(),
  reason: z.string(),
  remedy: z.string(),
};

/** A decision as the interface answers with it (RFC 9457 members are not used: a decision is no error). */
export const decisionBody = z
  .object({
    ...forAgent,
    at: z.iso.datetime(),
    client_id: z.string(),
    agent_id: z.string().nullable(),
    subject_id: z.string().nullable(),
    resource: z.string().nullable(),
    action: z.string(),
    input: z.record(z.string(), z.unknown()),
    policy_version: z.string(),
  })
  .meta({ id: 'Decision' });

/** The whole, or what the agent it is about may read. */
export const readableDecision = z.union([decisionBody, z.object(forAgent)]);

/** A decision in the form of `decisionBody`. */
export function presentDecision(decision: StoredDecision): Sent<typeof decisionBody> {
  const { id, at, effect, rule, reason, remedy, clientId, agentId, subjectId, resource, action, input, policyVersion } = decision;
  return {
    id,
    at: at.toISOString(),
    effect,
    rule,
    reason,
    remedy,
    client_id: clientId,
    agent_id: agentId ?? null,
    subject_id: subjectId ?? null,
    resource: resource ?? null,
    action,
    input,
    policy_version: policyVersion,
  };
}

/** What the agent itself may read of a decision about it: why, and what would allow it (security rule R24). */
export function presentForAgent({ id, effect, rule, reason, remedy }: StoredDecision): Sent<typeof readableDecision> {
  return { id, effect, rule, reason, remedy };
}

/** What an id means to a person; undefined when the record is gone. */
export type Namer = (id: string) => Promise<string | undefined>;

interface Party {
  readonly kind: 'person' | 'agent' | 'service' | 'resource';
  readonly name: string;
  readonly initials: string;
  readonly now?: true;
}

const EFFECTS: Readonly<Record<StoredDecision['effect'], { word: string; tone: string }>> = {
  permit: { word: 'Allowed', tone: 'yes' },
  deny: { word: 'Refused', tone: 'stop' },
  approval: { word: 'Waits for an approval', tone: 'wait' },
  step_up: { word: 'Waits for a fresh sign-in', tone: 'wait' },
};

function kindOf(id: string): Party['kind'] {
  if (id.startsWith('usr_')) return 'person';
  return id.startsWith('svc_') ? 'service' : 'agent';
}

function party(id: string, name: string): Party {
  return { kind: kindOf(id), name, initials: name.slice(0, 2).toUpperCase() };
}

async function chainOf({ subjectId, agentId, resource }: StoredDecision, nameOf: Namer): Promise<Party[]> {
  const ids = [...new Set([subjectId, agentId].filter((id) => id !== undefined))];
  const named = await Promise.all(ids.map(async (id) => party(id, (await nameOf(id)) ?? id)));
  const acting = named.map((one, index) => (index === named.length - 1 ? { ...one, now: true as const } : one));
  return resource === undefined ? acting : [...acting, { kind: 'resource', name: resource, initials: '↗' }];
}

/** The page of one decision (views/console/decision.eta). */
export async function presentPage(decision: StoredDecision, about: { nameOf: Namer; now: Date }): Promise<object> {
  const { id, at, effect, rule, reason, remedy, clientId, agentId, resource, action, input } = decision;
  const who = agentId === undefined ? clientId : ((await about.nameOf(agentId)) ?? agentId);
  const verb = effect === 'permit' ? 'may' : 'may not';
  const saw = [
    { label: 'Client', value: clientId },
    ...(agentId === undefined ? [] : [{ label: 'Agent', value: who }]),
    ...(resource === undefined ? [] : [{ label: 'Resource', value: resource }]),
    ...sawOf(input),
    { label: 'Rule', value: rule },
  ];
  return {
    heading: `${await subjectOfHeading(decision, who, about.nameOf)} ${verb} ${deedOf(action)}`,
    state: EFFECTS[effect],
    when: momentOf(at, about.now),
    chain: await chainOf(decision, about.nameOf),
    refusal: { rule: reason, saw, change: remedy, who: whoChanges(remedy), decision: { short: id.slice(0, 12), full: id, value: id } },
    exact: JSON.stringify(presentDecision(decision), null, 2),
  };
}

function sawOf(input: Readonly<Record<string, unknown>>): { label: string; value: string }[] {
  const labels = { grant_type: 'Grant', scope: 'Scopes' } as const;
  return Object.entries(labels).flatMap(([name, label]) => {
    const value = input[name];
    return typeof value === 'string' && value !== '' ? [{ label, value }] : [];
  });
}

function whoChanges(remedy: string): string {
  return remedy.startsWith('An administrator')
    ? 'Only an administrator can make this change.'
    : 'Whoever runs the client can make this change.';
}

/** What was asked for, in words: a token, a sign-in, or a single access by the name its resource server gave it. */
function deedOf(action: string): string {
  if (action === 'authenticate') return 'sign in as a client';
  return action === 'issue_token' ? 'have this token' : `do this: ${action}`;
}

/** Who it is about: for an access the agent, else the person; the client there is the resource server that asked. */
async function subjectOfHeading({ action, agentId, subjectId }: StoredDecision, who: string, nameOf: Namer): Promise<string> {
  const isAccess = action !== 'authenticate' && action !== 'issue_token';
  if (!isAccess || agentId !== undefined) return who;
  return subjectId === undefined ? 'Somebody who is not known here' : ((await nameOf(subjectId)) ?? subjectId);
}
