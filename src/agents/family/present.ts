import { countOf, type Frame, stateOf } from '../present.ts';
import type { Agent } from '../agent.ts';
import type { State } from '../surroundings.ts';
import type { Room } from './line.ts';
import type { Descendant } from './store.ts';

/** What the page of an agent shows of its line and its tree. */
export interface Family {
  /** Those above it, nearest first. */
  readonly above: readonly Agent[];
  readonly below: readonly Descendant[];
  /** How many stand below it, shown or not. */
  readonly total: number;
  readonly room: Room;
  /** How many below it would act again with it. */
  readonly stoppedWith: number;
}

/** A relative as the page shows it; `level` 1 stands directly below. */
export interface ShownRelative {
  readonly name: string;
  readonly href: string;
  readonly state: State;
  readonly level: number;
}

const MOST_LEVELS = 6;

function roomWords({ children, depth }: Room): string {
  if (depth === 0) return 'It may enrol no agents below itself.';
  const deep = depth === 1 ? 'who enrol nobody' : `${depth} generations deep`;
  return children === 0
    ? 'It may enrol no more agents below itself.'
    : `It may enrol ${countOf(children, 'more agent')} below itself, ${deep}.`;
}

/** The model of views/partials/family.eta. */
export function presentFamily({ above, below, total, room, stoppedWith }: Family, { now, base }: Frame) {
  const shown = (one: Pick<Agent, 'id' | 'displayName' | 'status' | 'validUntil'>, level: number): ShownRelative => ({
    name: one.displayName,
    href: `${base}/console/agents/${one.id}`,
    state: stateOf(one, { now }),
    level: Math.min(level, MOST_LEVELS),
  });
  const hidden = total - below.length;
  return {
    above: above.toReversed().map((one) => shown(one, 0)),
    below: below.map((one) => shown(one, one.depth)),
    ...(hidden > 0 ? { more: `and ${hidden.toLocaleString('en-GB')} more` } : {}),
    room: roomWords(room),
    ...(stoppedWith === 0 ? {} : { again: againWords(stoppedWith) }),
  };
}

function againWords(count: number): string {
  return count === 1
    ? 'Let the agent below it, stopped with it, act again'
    : `Let the ${count.toLocaleString('en-GB')} agents below it, stopped with it, act again`;
}

/** What is told after an agent was let act with those below it. */
export function resumedWords({ name, resumed, left }: { name: string; resumed: number; left: number }): string {
  const below = resumed === 0 ? '' : `, and ${countOf(resumed, 'agent')} below it`;
  return `${name} may act${below}.${left === 0 ? '' : ` ${countOf(left, 'agent')} below it cannot be let act by you, or not yet.`}`;
}
