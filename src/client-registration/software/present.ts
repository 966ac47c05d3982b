import type { Moment } from '../../platform/http/moment.ts';
import { momentOf } from '../../platform/http/moment.ts';
import { initialsOf } from '../../platform/http/pages.ts';
import { isProven, type Proof, type Software } from './software.ts';
import type { Instances } from './store.ts';

/** The agent that some software acts as, as the registry describes it. */
export interface SoftwareAgent {
  readonly id: string;
  readonly displayName: string;
  readonly status: 'proposed' | 'active' | 'underReview' | 'suspended' | 'retired';
  /** Undefined: the server's own, because people let it in by themselves. */
  readonly ownerName: string | undefined;
}

const PROOF_WORDS: Readonly<Record<Proof, string>> = {
  document: 'by the address of its metadata document',
  statement: 'by a signed statement',
  redirect_host: 'by where its answers go',
  claimed: 'only by what it says of itself',
};

const WAITS = { word: 'Waits for you', tone: 'wait' };
const STATES: Readonly<Record<SoftwareAgent['status'], { word: string; tone: string }>> = {
  proposed: WAITS,
  active: { word: 'Let in by people', tone: 'info' },
  underReview: { word: 'Under review', tone: 'wait' },
  suspended: { word: 'Stopped', tone: 'stop' },
  retired: { word: 'Ended', tone: 'stop' },
};

function stateOf({ refusedAt }: Software, agent: SoftwareAgent | undefined) {
  if (refusedAt !== undefined) return { word: 'Refused', tone: 'stop' };
  if (agent === undefined) return { word: 'New', tone: 'info' };
  return agent.status === 'active' && agent.ownerName !== undefined ? { word: 'Adopted', tone: 'yes' } : STATES[agent.status];
}

/** What the key says, for a person. */
function keyWords({ key, proof }: Software): string {
  return key.slice(proof.length + 1);
}

const count = (number: number, one: string, many: string) => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

function instanceWords(instances: Instances | undefined): string {
  const { admitted = 0, waiting = 0 } = instances ?? {};
  return waiting === 0
    ? count(admitted, 'connection', 'connections')
    : `${count(admitted, 'connection', 'connections')}, ${waiting} not let in`;
}

/** A line of views/console/software.eta. */
export function presentInList(
  software: Software,
  around: { agent: SoftwareAgent | undefined; instances: Instances | undefined; now: Date },
) {
  const { agent, instances, now } = around;
  return {
    id: software.id,
    name: software.name,
    known: PROOF_WORDS[software.proof],
    connections: instanceWords(instances),
    owner: agent?.ownerName ?? 'Nobody here',
    state: stateOf(software, agent),
    lastSeen: momentOf(software.lastSeenAt, now),
  };
}

/** What the page of one kind of software is made of. */
export interface SoftwarePage {
  readonly agent: SoftwareAgent | undefined;
  readonly instances: Instances | undefined;
  readonly base: string;
  readonly now: Date;
  readonly mayDecide: boolean;
  readonly owners: readonly { readonly value: string; readonly words: string }[];
}

interface Shown {
  readonly label: string;
  readonly value: string | Moment;
}

/** The model of views/console/one-software.eta. */
export function presentSoftware(software: Software, page: SoftwarePage) {
  const { agent, instances, base, now, mayDecide } = page;
  const isWaiting = agent?.status === 'proposed';
  const isStopped = software.refusedAt !== undefined || agent?.status === 'suspended' || agent?.status === 'retired';
  const facts: Shown[] = [
    { label: 'Recognised', value: PROOF_WORDS[software.proof] },
    { label: 'As', value: keyWords(software) },
    { label: 'Connections', value: instanceWords(instances) },
    { label: 'Registered', value: count(software.registrations, 'time', 'times') },
  ];
  return {
    software: {
      id: { short: software.id.slice(0, 12), full: software.id },
      name: software.name,
      state: stateOf(software, agent),
      words: wordsOf(software, agent),
      facts,
      firstSeen: momentOf(software.firstSeenAt, now),
      lastSeen: momentOf(software.lastSeenAt, now),
    },
    ...(agent === undefined
      ? {}
      : {
          agent: {
            kind: 'agent',
            name: agent.displayName,
            initials: initialsOf(agent.displayName),
            href: `${base}/console/agents/${agent.id}`,
          },
          owner: agent.ownerName ?? 'Nobody here: people let it in by themselves',
        }),
    ...(isProven(software) ? {} : { warning: warningOf(software) }),
    may: {
      letIn: mayDecide && isWaiting && !isStopped,
      adopt: mayDecide && agent !== undefined && !isStopped,
      bind: software.proof === 'redirect_host',
      limit: mayDecide,
      refuse: mayDecide && !isStopped,
      allow: mayDecide && isStopped,
    },
    owners: page.owners,
    risks: [
      { value: 'low', words: 'Little' },
      { value: 'medium', words: 'Something that can be undone' },
      { value: 'high', words: 'A lot: money, other people’s data, production' },
    ],
    values: { owner: '', riskLevel: 'medium', isBound: software.isBound, resources: (software.resources ?? []).join('\n') },
  };
}

function warningOf({ proof }: Software): string {
  if (proof === 'redirect_host')
    return 'Its answers all go to one host. Bind that host when you adopt it, and whatever comes from there later is this agent too.';
  return 'Nothing proves who it is: any program can call itself by this name. What you give to this agent, later registrations of the same name do not get.';
}

function wordsOf(software: Software, agent: SoftwareAgent | undefined): string {
  if (software.refusedAt !== undefined) return 'It cannot register, and nobody can let it in.';
  if (agent === undefined) return 'It registered, and nobody has let it act for them yet.';
  if (agent.status === 'proposed') return 'Somebody asked you to let it in. Until then it may do nothing.';
  if (agent.status === 'active' && agent.ownerName === undefined)
    return 'People let it act for them. It gets nothing of high risk and nothing for itself until you adopt it.';
  return agent.status === 'active' ? `${agent.ownerName} answers for it.` : 'It may do nothing now.';
}
