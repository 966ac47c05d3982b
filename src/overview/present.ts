import { eventWords, type StoredAuditEvent } from '../audit/index.ts';
import { secondsAfter } from '../platform/clock.ts';
import { dayWords, momentOf } from '../platform/http/moment.ts';
import type { AgentCounts, GrantedScope, LiveCounts, RunningCertification, WaitingQuestion } from './counts.ts';

/** Everything the page says, gathered at one time. */
export interface OverviewFacts {
  readonly now: Date;
  readonly base: string;
  readonly agents: AgentCounts;
  /** Products that came by themselves within a week. */
  readonly newSoftware: number;
  readonly live: LiveCounts;
  readonly scopes: readonly GrantedScope[];
  readonly grants: number;
  readonly certifications: readonly RunningCertification[];
  readonly waiting: readonly WaitingQuestion[];
  readonly waitingCount: number;
  readonly refused: readonly (StoredAuditEvent & { readonly who: string })[];
  readonly refusedCount: number;
  /** Tokens issued in each of the last hours, the oldest first. */
  readonly issuedByHour: readonly number[];
  readonly decidedToday: number;
  readonly lastAt: Date | undefined;
  readonly unsealed: number;
}

const count = (number: number, one: string, many: string): string => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** Members of a sentence that say something. */
function listed(parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join(' · ');
}

function barOf({ active, proposed, underReview, suspended }: AgentCounts) {
  const all = active + proposed + underReview + suspended;
  if (all === 0) return {};
  const sizes = [
    { size: (active / all) * 100, tone: 'yes' },
    { size: ((proposed + underReview) / all) * 100, tone: 'wait' },
    { size: (suspended / all) * 100, tone: 'stop' },
  ];
  let from = 0;
  const parts = sizes.map(({ size, tone }) => {
    const part = { from: Math.round(from * 10) / 10, size: Math.round(size * 10) / 10, tone };
    from += size;
    return part;
  });
  const label = `${active} active, ${proposed + underReview} waiting, ${suspended} suspended`;
  return { bar: { label, parts: parts.filter(({ size }) => size > 0) } };
}

function sparkOf(byHour: readonly number[]) {
  const most = Math.max(...byHour, 0);
  if (most === 0 || byHour.length < 2) return {};
  const points = byHour.map((value, index) => `${Math.round((index / (byHour.length - 1)) * 300)},${Math.round(38 - (value / most) * 36)}`);
  return { spark: { label: `Tokens an hour over the last ${byHour.length} hours, ${most} at most`, points: points.join(' ') } };
}

function whoExists({ agents, base }: OverviewFacts) {
  return {
    question: 'Which agents exist?',
    answer: `${agents.active.toLocaleString('en')} active`,
    words:
      listed([
        agents.proposed > 0 && `${agents.proposed} proposed`,
        agents.underReview > 0 && `${agents.underReview} under review`,
        agents.suspended > 0 && `${agents.suspended} suspended`,
        agents.retired > 0 && `${agents.retired} retired`,
      ]) || 'An agent appears here when its software registers or you add it.',
    next: { href: `${base}/console/agents`, words: 'See the agents' },
    ...barOf(agents),
  };
}

function whoOwns({ agents, newSoftware, base }: OverviewFacts) {
  const words =
    agents.unowned === 0
      ? 'Somebody answers for every agent.'
      : `${count(agents.unowned, 'agent has', 'agents have')} no living owner and cannot act.`;
  return {
    question: 'Who owns them?',
    answer: count(agents.owners, 'owner', 'owners'),
    words:
      newSoftware === 0
        ? words
        : `${words} ${count(newSoftware, 'product', 'products')} came ${newSoftware === 1 ? 'by itself' : 'by themselves'} this week.`,
    next:
      newSoftware > 0
        ? { href: `${base}/console/software`, words: 'See what is new' }
        : { href: `${base}/console/people`, words: 'See people and groups' },
  };
}

function whatTheyCan({ live, scopes, base }: OverviewFacts) {
  const most = scopes.map(({ scope, resourceName, tokens }) => `${scope} on ${resourceName} (${tokens})`);
  return {
    question: 'What can they do?',
    answer: `${count(live.resources, 'resource', 'resources')} open`,
    words: most.length === 0 ? 'No token is alive: nobody can do anything now.' : `Most granted: ${most.join(', ')}.`,
    next: { href: `${base}/console/tokens`, words: 'See live tokens' },
  };
}

function whyTheyMay({ grants, decidedToday, waitingCount, base }: OverviewFacts) {
  return {
    question: 'Why may they?',
    answer: count(grants, 'consent', 'consents'),
    words: listed([`${count(decidedToday, 'approval', 'approvals')} decided today`, waitingCount > 0 && `${waitingCount} waiting`]),
    next: { href: `${base}/console/approvals`, words: 'See approvals' },
  };
}

function whatTheyDid({ issuedByHour, refusedCount, lastAt, now, base }: OverviewFacts) {
  const issued = issuedByHour.reduce((sum, value) => sum + value, 0);
  return {
    question: 'What have they done?',
    answer: `${count(issued, 'token', 'tokens')} today`,
    words: listed([
      `${count(refusedCount, 'refusal', 'refusals')}`,
      lastAt === undefined ? 'nothing has happened yet' : `last activity ${momentOf(lastAt, now).text}`,
    ]),
    next: { href: `${base}/console/audit`, words: 'Read the audit' },
    ...sparkOf(issuedByHour),
  };
}

function howToStop({ live, base }: OverviewFacts) {
  return {
    question: 'How do I stop them?',
    answer: 'One step',
    words:
      live.tokens === 0
        ? 'Suspend an agent on its page. Nothing is alive now that would fall.'
        : `Suspend an agent on its page. Stopping all would end ${count(live.tokens, 'token', 'tokens')} of ${count(live.agents, 'agent', 'agents')} for ${count(live.people, 'person', 'people')}.`,
    next: { href: `${base}/console/agents?status=active`, words: 'Choose what to stop' },
  };
}

const SOON_SECONDS = 7 * 86_400;

/** Certifications whose date is near while somebody has not answered. */
function dueSoon({ certifications, now, base }: OverviewFacts) {
  const near = certifications.filter(({ open, dueAt }) => open > 0 && dueAt <= secondsAfter(now, SOON_SECONDS));
  return near.map(({ id, name, open, dueAt }) => ({
    href: `${base}/console/certifications/${id}`,
    name,
    words: `${count(open, 'agent is', 'agents are')} not confirmed and will be suspended after ${dayWords(dueAt)}.`,
  }));
}

function headingOf({ waitingCount, agents }: OverviewFacts): string {
  const needing = waitingCount + agents.unowned + agents.proposed + agents.underReview;
  if (needing === 0) return 'Everything is under control';
  return needing === 1 ? 'One thing needs you' : `${needing} things need you`;
}

/** The page (views/console/overview.eta). */
export function presentOverview(facts: OverviewFacts) {
  const { base, now, agents, waiting, waitingCount, refused, unsealed } = facts;
  return {
    heading: headingOf(facts),
    words: listed([
      waitingCount > 0 && `${count(waitingCount, 'approval waits', 'approvals wait')}`,
      agents.proposed > 0 && `${count(agents.proposed, 'agent', 'agents')} proposed`,
      agents.underReview > 0 && `${count(agents.underReview, 'agent', 'agents')} under review`,
      agents.unowned > 0 && `${count(agents.unowned, 'agent', 'agents')} without an owner`,
      unsealed === 0 ? 'audit sealed' : `${count(unsealed, 'event', 'events')} about to be sealed`,
    ]),
    questions: [whoExists, whoOwns, whatTheyCan, whyTheyMay, whatTheyDid, howToStop].map((tell) => tell(facts)),
    due: dueSoon(facts),
    ...(agents.active === 0 ? {} : { stopHref: `${base}/console/agents?status=active` }),
    waiting: waiting.map(({ id, title, agentName, personName, resourceName, expiresAt }) => ({
      href: `${base}/console/approvals/${id}`,
      title,
      chain: [personName, agentName, ...(resourceName === undefined ? [] : [resourceName])].join(' → '),
      approver: personName,
      left: momentOf(expiresAt, now),
    })),
    refused: refused.map(({ event, who }) => ({
      href: `${base}/console/audit/${event.id}`,
      title: `${who} ${eventWords(event).did}`,
      words: event.cause ?? eventWords(event).word,
      when: momentOf(event.occurredAt, now),
    })),
  };
}
