import { z } from 'zod';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import { momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import { largestAmounts } from './cedar/amounts.ts';
import type { StoredDecision } from './decision.ts';
import type { ChangedBy } from './explanation/changes.ts';
import type { Explanation } from './explanation/service.ts';

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

const explanationBody = z
  .object({
    policies_version: z.int(),
    in_the_way: z.array(z.string()),
    changes: z.array(z.object({ by: z.enum(['client', 'person', 'owner', 'administrator']), words: z.string() })),
    policy: z.object({ id: z.string(), text: z.string() }).optional(),
  })
  .meta({ id: 'DecisionExplanation' });

/** The whole with why policies decided so, when they had a say; or what the agent it is about may read. */
export const readableDecision = z.union([
  decisionBody.extend({ explanation: explanationBody.optional() }).meta({ id: 'ExplainedDecision' }),
  z.object(forAgent).meta({ id: 'DecisionForAgent' }),
]);

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

/**
 * Why the policies decided so, as the interface answers with it, and what would have been enough. The policy as it was written then is for
 * those who may read policies: it may speak of others.
 */
export function presentExplanation(
  { version, policy, inTheWay, changes }: Explanation,
  { mayReadPolicies }: { readonly mayReadPolicies: boolean },
): Sent<typeof explanationBody> {
  return { policies_version: version, in_the_way: inTheWay, changes, ...(mayReadPolicies && policy !== undefined ? { policy } : {}) };
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

const WHO: Readonly<Record<ChangedBy, string>> = {
  client: 'Whoever runs the client can make this change.',
  person: 'A person has to do this.',
  owner: 'Whoever answers for the agent can look into this.',
  administrator: 'Only an administrator can make this change.',
};

/** What would have allowed it: what was tried and is enough, else what the rule says. */
function changeOf({ remedy }: StoredDecision, explanation: Explanation | undefined) {
  const [first, ...others] = explanation?.changes ?? [];
  if (first !== undefined) return { change: first.words, who: WHO[first.by], others: others.map(({ words }) => words) };
  const count = explanation?.inTheWay.length ?? 0;
  if (count > 1)
    return {
      change: `No single change is enough: ${explanation?.inTheWay.join(', ')} stand in the way.`,
      who: WHO.administrator,
      others: [],
    };
  return { change: remedy, who: whoChanges(remedy), others: [] };
}

/** The policy that decided, with a way to it for those who may look. */
function policyOf(explanation: Explanation | undefined, base: string | undefined) {
  if (explanation?.policy === undefined || base === undefined) return {};
  const { policy, version } = explanation;
  const [policyHref, versionHref] = [`${base}/console/policies/rules/${policy.id}`, `${base}/console/policies/versions/${version}`];
  return { policy: policy.text, policyId: policy.id, policyVersion: version, policyHref, versionHref };
}

/** What the page of a decision needs beside it; `base`: the reader may look at policies. */
export interface AroundDecision {
  readonly nameOf: Namer;
  readonly now: Date;
  readonly explanation: Explanation | undefined;
  readonly base: string | undefined;
}

/** The page of one decision (views/console/decision.eta). */
export async function presentPage(decision: StoredDecision, about: AroundDecision): Promise<object> {
  const { id, at, effect, rule, reason, clientId, agentId, resource, action, input } = decision;
  const who = agentId === undefined ? clientId : ((await about.nameOf(agentId)) ?? agentId);
  const { others, ...change } = changeOf(decision, about.explanation);
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
    refusal: { rule: reason, saw, ...change, decision: { short: id.slice(0, 12), full: id, value: id } },
    others,
    ...policyOf(about.explanation, about.base),
    exact: JSON.stringify(presentDecision(decision), null, 2),
  };
}

type Kept = Readonly<Record<string, unknown>>;

const part = (kept: Kept, name: string): Kept => (typeof kept[name] === 'object' && kept[name] !== null ? (kept[name] as Kept) : {});

/** What the rules saw, in words; what nobody said is left out. */
function sawOf(input: Kept): { label: string; value: string }[] {
  const question = part(input, 'question');
  const [agent, context] = [part(question, 'agent'), part(question, 'context')];
  const actors = Array.isArray(question['actors']) ? question['actors'].length : 0;
  const details = Array.isArray(question['details']) ? (question['details'] as readonly AuthorizationDetail[]) : [];
  const amounts = [...largestAmounts(details)].map(([currency, amount]) => `${amount.replace(/\.?0+$/, '')} ${currency}`);
  const facts: readonly (readonly [label: string, value: unknown])[] = [
    ['Grant', input['grant_type']],
    ['Scopes', input['scope']],
    ['Largest amount', amounts.join(', ')],
    ['Risk of the agent', agent['riskLevel']],
    ['Environment', agent['environment']],
    ['Agents in the chain', actors > 1 ? String(actors) : undefined],
    ['Asked at', context['at']],
    ['Asked from', context['network']],
    ['Signed in by', context['acr']],
    ['Approved', context['isApproved'] === true ? 'yes' : undefined],
  ];
  return facts.flatMap(([label, value]) => (typeof value === 'string' && value !== '' ? [{ label, value }] : []));
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
