import { durationWords, endOf, type Moment, momentOf } from '../platform/http/moment.ts';
import type { Agent } from './agent.ts';
import type { RecordedEvent } from './agent-event.ts';
import type { ApplicationLink } from './applications/application.ts';
import { type DriftNotice, noticeWords } from './drift/service.ts';
import { type AgentStatus, isStoppedByOwner } from './lifecycle.ts';
import type { BudgetLine, CredentialLine, DelegationShown, Falling, ReachLine, State } from './surroundings.ts';
import { presentEvent } from './trail.ts';

/** An owner as pages name it. */
export interface ShownOwner {
  readonly name: string;
  readonly isAlive: boolean;
}

/** What pages are made against: the time, and the path that links begin with. */
export interface Frame {
  readonly now: Date;
  /** The issuer's path without a slash at its end. */
  readonly base: string;
}

const states = {
  proposed: { word: 'Proposed', tone: 'info' },
  active: { word: 'Active', tone: 'yes' },
  underReview: { word: 'Under review', tone: 'wait' },
  suspended: { word: 'Suspended', tone: 'stop' },
  retired: { word: 'Retired', tone: '' },
} as const satisfies Record<AgentStatus, State>;

const risks = {
  low: { word: 'Low risk', tone: '' },
  medium: { word: 'Medium risk', tone: 'wait' },
  high: { word: 'High risk', tone: 'stop' },
} as const satisfies Record<Agent['riskLevel'], State>;

const autonomyWords = { interactive: 'while a person is there', background: 'alone, in the background' } as const;

/** `1 agent`, `3 agents`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${numberOf(count)} ${count === 1 ? one : many}`;
}

/** The state of an agent in one word; one that may not act although it is active says why. */
export function stateOf(agent: Pick<Agent, 'status' | 'validUntil'>, { owner, now }: { owner?: ShownOwner | undefined; now: Date }): State {
  if (agent.status !== 'active') return states[agent.status];
  if (agent.validUntil !== undefined && agent.validUntil <= now) return { word: 'Ended', tone: 'stop' };
  return owner?.isAlive === false ? { word: 'Owner gone', tone: 'stop' } : states.active;
}

/** A number as people write it: `12,480`. */
export function numberOf(count: number): string {
  return count.toLocaleString('en-GB');
}

/** The words for a risk, for filters. */
export function riskWord(risk: Agent['riskLevel']): string {
  return risks[risk].word;
}

/** The word for a status, for filters. */
export function statusWord(status: AgentStatus): string {
  return states[status].word;
}

/** An identifier, short enough to read. */
export function presentId(full: string): { readonly short: string; readonly full: string } {
  return { short: full.length > 16 ? `${full.slice(0, 8)}…${full.slice(-4)}` : full, full };
}

/** A digest, short enough to read and to compare: the algorithm is always the same. */
export function presentDigest(full: string): { readonly short: string; readonly full: string } {
  const bare = full.replace(/^sha-256:/, '');
  return { short: bare.length > 9 ? `${bare.slice(0, 5)}…${bare.slice(-3)}` : bare, full };
}

/** A line of the list of agents. */
export function presentRow(agent: Agent, owner: ShownOwner | undefined, { now }: Frame) {
  return {
    id: agent.id,
    name: agent.displayName,
    initials: [...agent.displayName][0] ?? '',
    purpose: agent.purpose,
    owner: owner?.name ?? 'nobody yet',
    state: stateOf(agent, { owner, now }),
    risk: risks[agent.riskLevel],
    ...(agent.lastSeenAt === undefined ? {} : { lastSeen: momentOf(agent.lastSeenAt, now) }),
  };
}

/** An agent as its owner sees it at /me. */
export interface OwnedAgent {
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly state: State;
  /** Its page in the console, for those who may open it. */
  readonly href: string;
}

/** One of a person's own agents. */
export function presentOwned(agent: Agent, { now, base }: Frame): OwnedAgent {
  const { id, displayName, purpose } = agent;
  return { id, name: displayName, purpose, state: stateOf(agent, { now }), href: `${base}/console/agents/${id}` };
}

/** What falls with an agent, in words; said before anything is stopped. */
export function presentFalls({ tokens, handedOn, approvals, people, below }: Falling): {
  readonly headline: string;
  readonly words: readonly string[];
} {
  const words = [
    below > 0 ? `${countOf(below, 'agent')} below it ${below === 1 ? 'stops' : 'stop'} with it.` : '',
    handedOn > 0 ? `${countOf(handedOn, 'agent')} further down the chain ${handedOn === 1 ? 'loses' : 'lose'} what it handed on.` : '',
    approvals > 0 ? `${countOf(approvals, 'waiting approval')} ${approvals === 1 ? 'is' : 'are'} withdrawn.` : '',
    people > 0 ? `${countOf(people, 'person', 'people')} would notice.` : '',
  ].filter((line) => line !== '');
  if (tokens === 0 && words.length === 0) return { headline: 'Nothing', words: ['It holds no live token.'] };
  return { headline: tokens === 0 ? 'No live token' : countOf(tokens, 'live token'), words };
}

/** Where a record came from, in words; what no page knows stays as it is. */
function sourceWords(source: string): string {
  if (source === 'console') return 'the console';
  if (source === 'registration') return 'its software, which registered';
  if (source.startsWith('a2a:')) return 'its agent card';
  return source.startsWith('scim:') ? 'an identity provider' : source;
}

function factsOf({ agent, certified, applications }: AgentContent, { base }: Frame) {
  const { environment, autonomy, model, manifestDigest, maxDelegationDepth, dataClasses, externalId, source, ttlMinutes } = agent;
  const modelWords = [model?.provider, model?.name, model?.version].filter((part) => part !== undefined).join(' ');
  const said = [
    { label: 'Environment', value: environment ?? '' },
    { label: 'Works', value: autonomyWords[autonomy] },
    { label: 'Model', value: modelWords },
    ...(manifestDigest === undefined ? [] : [{ label: 'Manifest', id: presentDigest(manifestDigest), value: manifestDigest }]),
    {
      label: 'May hand on',
      value:
        maxDelegationDepth === undefined ? '' : maxDelegationDepth === 0 ? 'nothing' : `to ${countOf(maxDelegationDepth, 'more agent')}`,
    },
    { label: 'Was made for', value: ttlMinutes === undefined ? '' : durationWords(ttlMinutes * 60) },
    { label: 'Data', value: dataClasses.join(', ') },
    // an agent that came from a card is known by the address of the card, which its page shows
    { label: 'Known elsewhere as', value: source.startsWith('a2a:') ? '' : (externalId ?? '') },
    { label: 'Came from', value: sourceWords(source) },
  ].filter(({ value }) => value !== '');
  const belonging = applications.map(({ id, name }) => ({ label: 'Belongs to', value: name, href: `${base}/console/applications/${id}` }));
  return [...certified, ...said, ...belonging];
}

/** Everything the page of an agent shows. */
export interface AgentContent {
  readonly agent: Agent;
  readonly owner: ShownOwner | undefined;
  readonly applications: readonly ApplicationLink[];
  /** As family/present.ts makes it. */
  readonly family: object;
  /** The name of whoever moved it last. */
  readonly changedBy: string | undefined;
  readonly falls: Falling;
  readonly reach: readonly ReachLine[];
  readonly credentials: readonly CredentialLine[];
  readonly budgets: readonly BudgetLine[];
  readonly delegation: DelegationShown | undefined;
  /** Who confirmed it last, and whether somebody is asked to. */
  readonly certified: readonly { readonly label: string; readonly value: string; readonly href?: string }[];
  readonly events: readonly RecordedEvent[];
  /** Whether the person may change agents, and let this one run (not their own, security rule R8). */
  readonly mayManage: boolean;
  readonly mayStart: boolean;
  /** What is to be said of what it runs. */
  readonly drift: DriftNotice | undefined;
}

/** Why an agent does not act, and since when; undefined for one that acts or was not let run yet. */
export function stoppedWords({ agent, changedBy }: Pick<AgentContent, 'agent' | 'changedBy'>, now: Date): string | undefined {
  const { status, statusReason, statusChangedAt, actsUnderReview } = agent;
  if (status === 'active' || status === 'proposed') return undefined;
  const who = changedBy === undefined ? '' : ` by ${changedBy}`;
  const why = statusReason === undefined ? '' : `: ${statusReason.replace(/\.$/, '')}`;
  return `${states[status].word}${who} ${momentOf(statusChangedAt, now).text}${why}. ${
    actsUnderReview ? 'It still gets tokens meanwhile.' : 'It gets no token, and those it had are refused.'
  }`;
}

function mayOf({ agent, mayManage, mayStart, drift }: AgentContent) {
  const { status } = agent;
  return {
    edit: mayManage && status !== 'retired',
    suspend: mayManage && (status === 'active' || status === 'proposed' || status === 'underReview' || isStoppedByOwner(agent)),
    retire: mayManage && status !== 'retired',
    // what differs is read before it is let run: its own page has that button
    activate: mayManage && mayStart && (status === 'proposed' || (status === 'underReview' && drift !== 'differs')),
    resume: mayManage && mayStart && status === 'suspended',
  };
}

/** The model of views/console/agent.eta. */
export function presentAgent(all: AgentContent, frame: Frame): object {
  const { agent, owner, delegation } = all;
  const { now, base } = frame;
  const stopped = stoppedWords(all, now);
  const used = (line: CredentialLine): { lastUsed?: Moment } =>
    line.lastUsedAt === undefined ? {} : { lastUsed: momentOf(line.lastUsedAt, now) };
  const ends = agent.validUntil === undefined ? {} : { ends: endOf(agent.validUntil, now) };
  return {
    agent: {
      id: presentId(agent.id),
      name: agent.displayName,
      state: stateOf(agent, { owner, now }),
      risk: risks[agent.riskLevel],
      purpose: agent.purpose === '' ? 'Nobody said what it is for' : agent.purpose,
      ...ends,
      facts: factsOf(all, frame),
    },
    owner: {
      name: owner?.name ?? 'nobody yet',
      ...(agent.owner === undefined
        ? {}
        : { href: `${base}/console/${agent.owner.kind === 'user' ? 'people' : 'groups'}/${agent.owner.id}` }),
    },
    ...(stopped === undefined ? {} : { stopped }),
    ...(all.drift === undefined
      ? {}
      : { drift: { words: noticeWords[all.drift], isOpen: all.drift === 'differs', href: `${base}/console/agents/${agent.id}/drift` } }),
    may: mayOf(all),
    family: all.family,
    ...(delegation === undefined
      ? {}
      : { delegation: { hops: delegation.hops, token: presentId(delegation.tokenId), when: momentOf(delegation.at, now) } }),
    reach: all.reach,
    budgets: all.budgets,
    credentials: all.credentials.map((line) => ({
      name: line.name,
      detail: line.detail,
      ...used(line),
      href: `${base}/console/clients/${encodeURIComponent(line.clientId)}`,
    })),
    falls: presentFalls(all.falls),
    did: all.events.map((event) => presentEvent(event, frame)),
    ...(agent.description === undefined ? {} : { says: agent.description }),
  };
}
