import { z } from 'zod';
import { momentOf } from '../../platform/http/moment.ts';
import type { Sent } from '../../platform/http/operation.ts';
import type { Namer } from '../present.ts';
import { findingChanges, type Trial, type TrialFinding, trialStates } from './trial.ts';

const findingBody = z
  .object({
    change: z.enum(findingChanges),
    agent_id: z.string().nullable(),
    client_id: z.string(),
    subject_id: z.string().nullable(),
    resource: z.string().nullable(),
    before: z.string(),
    after: z.string(),
    count: z.int(),
    decision_id: z.string(),
  })
  .meta({ id: 'PolicyTrialFinding' });

/** A trial as the interface answers with it; its findings in pages. */
export const trialBody = z
  .object({
    id: z.string(),
    state: z.enum(trialStates),
    progress: z.number().min(0).max(1),
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    base_version: z.int(),
    draft: z.array(z.object({ id: z.string(), text: z.string() })),
    seen: z.int(),
    newly_refused: z.int(),
    newly_allowed: z.int(),
    otherwise_refused: z.int(),
    not_judged: z.int(),
    is_cut: z.boolean(),
    items: z.array(findingBody),
    next_cursor: z.string().optional(),
  })
  .meta({ id: 'PolicyTrial' });

/** The most frequent first; of equals the newest. */
function sorted(findings: readonly TrialFinding[]): readonly TrialFinding[] {
  return [...findings].sort((left, right) => right.count - left.count || (left.decisionId < right.decisionId ? 1 : -1));
}

/** How much of the period was looked at, 0 to 1: ids of decisions begin with their time. */
export function progressOf({ state, since, until, position }: Pick<Trial, 'state' | 'since' | 'until' | 'position'>): number {
  if (state === 'done') return 1;
  const at = Number.parseInt(position.slice(4, 16), 16);
  const share = (at - since.getTime()) / Math.max(1, until.getTime() - since.getTime());
  return Math.min(1, Math.max(0, share));
}

function presentFinding({
  change,
  agentId,
  clientId,
  subjectId,
  resource,
  before,
  after,
  count,
  decisionId,
}: TrialFinding): Sent<typeof findingBody> {
  const parties = { agent_id: agentId ?? null, client_id: clientId, subject_id: subjectId ?? null, resource: resource ?? null };
  return { change, ...parties, before, after, count, decision_id: decisionId };
}

/** A page of what a trial found; a cursor is the number of findings before it. */
export interface FindingsPage {
  readonly from: number;
  readonly limit: number;
}

/** A record in the form of `trialBody`. */
export function presentTrial(trial: Trial, { from, limit }: FindingsPage): Sent<typeof trialBody> {
  const { id, state, since, until, baseVersion, draft, result } = trial;
  const all = sorted(result.findings);
  const next = from + limit;
  return {
    id,
    state,
    progress: Math.round(progressOf(trial) * 100) / 100,
    since: since.toISOString(),
    until: until.toISOString(),
    base_version: baseVersion,
    draft: draft.map(({ id: name, text }) => ({ id: name, text })),
    seen: result.seen,
    newly_refused: result.newlyRefused,
    newly_allowed: result.newlyAllowed,
    otherwise_refused: result.otherwiseRefused,
    not_judged: result.notJudged,
    is_cut: result.isCut,
    items: all.slice(from, next).map(presentFinding),
    ...(next < all.length ? { next_cursor: Buffer.from(String(next)).toString('base64url') } : {}),
  };
}

const CHANGES = {
  newly_refused: { word: 'Would be refused', tone: 'stop' },
  newly_allowed: { word: 'Would be allowed', tone: 'yes' },
  otherwise_refused: { word: 'Refused by another', tone: 'wait' },
} as const;

const requests = (count: number) => (count === 1 ? 'one request' : `${count} requests`);

function headingOf({ state, result }: Trial): string {
  if (state === 'failed') return 'The trial could not be finished';
  if (state === 'running') return `Looking: ${requests(result.seen)} so far`;
  const { newlyRefused, newlyAllowed } = result;
  if (newlyRefused + newlyAllowed === 0) return 'It would have changed nothing';
  const parts = [
    ...(newlyRefused === 0 ? [] : [`refused ${requests(newlyRefused)}`]),
    ...(newlyAllowed === 0 ? [] : [`allowed ${requests(newlyAllowed)}`]),
  ];
  return `It would have ${parts.join(' and ')}`;
}

/** What pages know beside a trial. */
interface Around extends FindingsPage {
  readonly base: string;
  readonly now: Date;
  readonly nameOf: Namer;
  /** Whether the policy that was tried is there already. */
  readonly isKnown: (id: string) => boolean;
}

/** The policy that decided; none did when it was allowed. */
const ruleWords = (rule: string) => (rule.startsWith('policy:') ? rule.slice('policy:'.length) : 'allowed');

async function lineOf(finding: TrialFinding, { base, nameOf }: Around) {
  const { agentId, clientId, subjectId, resource, before, after, count, decisionId, change } = finding;
  const nameFor = async (id: string | undefined) => (id === undefined ? undefined : ((await nameOf(id)) ?? id));
  const [agent, subject] = await Promise.all([nameFor(agentId), nameFor(subjectId === agentId ? undefined : subjectId)]);
  const parties = [subject, agent ?? clientId, resource].filter((name) => name !== undefined);
  return {
    state: CHANGES[change],
    words: parties.join(' → '),
    count: requests(count),
    rules: `${ruleWords(before)} before, ${ruleWords(after)} then`,
    href: `${base}/console/decisions/${decisionId}`,
  };
}

/** The model of views/console/policy-trial.eta. */
export async function presentPage(trial: Trial, around: Around): Promise<object> {
  const { base, now, from, limit, isKnown } = around;
  const { id, state, since, until, result, draft, baseVersion } = trial;
  const all = sorted(result.findings);
  const next = from + limit;
  const [only] = draft;
  const saves =
    only === undefined || draft.length > 1 || state !== 'done'
      ? {}
      : {
          save: {
            action: isKnown(only.id) ? `${base}/console/policies/rules/${only.id}` : `${base}/console/policies/new`,
            text: only.text,
            version: String(baseVersion),
          },
        };
  return {
    heading: headingOf(trial),
    state,
    percent: Math.round(progressOf(trial) * 100),
    since: momentOf(since, now),
    until: momentOf(until, now),
    seen: requests(result.seen),
    notJudged: result.notJudged,
    isCut: result.isCut,
    draft: draft.map(({ id: name, text }) => ({ id: name, text })),
    findings: await Promise.all(all.slice(from, next).map((finding) => lineOf(finding, around))),
    here: `${base}/console/policies/what-if/${id}`,
    ...saves,
    ...(next < all.length
      ? {
          pager: {
            words: `${from + 1} to ${next} of ${all.length}`,
            nextHref: `${base}/console/policies/what-if/${id}?cursor=${Buffer.from(String(next)).toString('base64url')}`,
          },
        }
      : {}),
  };
}
