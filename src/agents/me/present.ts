import { endOf, momentOf } from '../../platform/http/moment.ts';
import type { Agent } from '../agent.ts';
import { type DriftNotice, noticeWords } from '../drift/service.ts';
import { isStartedByOwner } from '../lifecycle.ts';
import { type Frame, presentFalls, type ShownOwner, stateOf, stoppedWords } from '../present.ts';
import type { Falling, ReachLine } from '../surroundings.ts';

/** Everything an owner sees of an agent of theirs. */
export interface OwnContent {
  readonly agent: Agent;
  readonly owner: ShownOwner | undefined;
  /** The name of whoever moved it last. */
  readonly changedBy: string | undefined;
  readonly falls: Falling;
  readonly reach: readonly ReachLine[];
  readonly accountId: string;
  /** What is to be said of what it runs. */
  readonly drift: DriftNotice | undefined;
  readonly hasChangedCard: boolean;
}

/** What an owner may do now: stop it, start it alone, or know who starts it. */
function mayOf(agent: Agent, accountId: string) {
  const { status } = agent;
  const start = isStartedByOwner(agent, accountId);
  const stop = status === 'active' || status === 'underReview';
  const waits = !start && (status === 'proposed' || status === 'underReview' || status === 'suspended');
  return { start, stop, ...(waits ? { waits: 'An administrator who does not answer for it can let it run.' } : {}) };
}

/** What there is to look at before anything else. */
function looksOf({ agent: { status }, drift, hasChangedCard }: OwnContent, here: string) {
  if (status === 'retired') return [];
  return [
    ...(drift === undefined ? [] : [{ words: noticeWords[drift], href: `${here}/drift` }]),
    ...(hasChangedCard ? [{ words: 'Its agent card changed', href: `${here}/card` }] : []),
  ];
}

/** The model of views/me/agent.eta. */
export function presentOwn(content: OwnContent, { now, base }: Frame) {
  const { agent, owner, changedBy, falls, reach, accountId } = content;
  const here = `${base}/me/agents/${agent.id}`;
  const stopped = stoppedWords({ agent, changedBy }, now);
  const isTheirs = agent.owner?.kind === 'user';
  return {
    agent: {
      name: agent.displayName,
      state: stateOf(agent, { owner, now }),
      purpose: agent.purpose === '' ? 'Nobody said what it is for' : agent.purpose,
      answers: isTheirs ? 'You answer for it' : `You answer for it with ${owner?.name ?? 'your group'}`,
      ...(agent.validUntil === undefined || agent.status === 'retired' ? {} : { ends: endOf(agent.validUntil, now) }),
      ...(agent.lastSeenAt === undefined ? {} : { lastSeen: momentOf(agent.lastSeenAt, now) }),
    },
    ...(stopped === undefined ? {} : { stopped }),
    reach,
    falls: presentFalls(falls),
    may: mayOf(agent, accountId),
    looks: looksOf(content, here),
    here,
  };
}
