import type { Agent } from '../agent.ts';
import type { ClientReach } from './reach.ts';

/** An agent of a line of descent, with what its own clients may ask for. */
export interface Elder extends Agent {
  /** Active, and somebody alive answers for it; whether its time is over is compared with the clock. */
  readonly isLive: boolean;
  readonly reach: readonly ClientReach[];
}

/** What may still come below an agent. */
export interface Room {
  /** How many more agents may stand directly below it; 0 as well when no generation may. */
  readonly children: number;
  /** How many generations may. */
  readonly depth: number;
}

/** The first of a line that may not act now; undefined when all may. */
export function firstAtRest<One extends Pick<Elder, 'isLive' | 'validUntil'>>(line: readonly One[], now: Date): One | undefined {
  return line.find(({ isLive, validUntil }) => !isLive || (validUntil !== undefined && validUntil <= now));
}

/** How many generations may stand below the first of a line (nearest first), by its own record and by those above it. Pure. */
export function depthBelow(line: readonly Pick<Agent, 'maxChildDepth'>[]): number {
  return Math.max(0, Math.min(...line.map(({ maxChildDepth }, index) => (maxChildDepth ?? 0) - index)));
}

/** What is left below the first of a line that has `living` agents directly below it already. Pure. */
export function roomBelow(line: readonly Pick<Agent, 'maxChildDepth' | 'maxChildren'>[], living: number): Room {
  const depth = depthBelow(line);
  const most = depth === 0 ? 0 : (line[0]?.maxChildren ?? 0);
  return { depth, children: Math.max(0, most - living) };
}

/** The least of what is said; undefined when nobody says anything. */
export function leastOf(values: readonly (number | undefined)[]): number | undefined {
  const said = values.filter((value) => value !== undefined);
  return said.length === 0 ? undefined : Math.min(...said);
}

/** The earliest end of a line; undefined: none ends by itself. */
export function earliestOf(times: readonly (Date | undefined)[]): Date | undefined {
  const least = leastOf(times.map((time) => time?.getTime()));
  return least === undefined ? undefined : new Date(least);
}
