import { secondsAfter } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import type { Agent, AgentDetails, NewAgent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';

/** How long an ephemeral agent may live: 30 days. */
export const MAX_TTL_MINUTES = 30 * 24 * 60;

const endOfTtl = (createdAt: Date, ttlMinutes: number): Date => secondsAfter(createdAt, ttlMinutes * 60);

/** The end of a new agent: of its time to live and a date that was given, the earlier. @throws {AppError} `invalid_input` with member `ttlMinutes`. */
export function endOfNew(
  { validUntil }: Pick<AgentDetails, 'validUntil'>,
  { ttlMinutes }: Pick<NewAgent, 'ttlMinutes'>,
  createdAt: Date,
): Pick<AgentDetails, 'validUntil'> {
  if (ttlMinutes === undefined) return { validUntil };
  if (!Number.isInteger(ttlMinutes) || ttlMinutes < 1 || ttlMinutes > MAX_TTL_MINUTES) {
    throw new AppError('invalid_input', 'ttlMinutes is a whole number of minutes, from 1 to 43200 (30 days).', { member: 'ttlMinutes' });
  }
  const end = endOfTtl(createdAt, ttlMinutes);
  return { validUntil: validUntil !== undefined && validUntil < end ? validUntil : end };
}

/**
 * An ephemeral agent always has an end, and only an administrator moves it beyond its time to live.
 * @throws {AppError} `invalid_input` or `forbidden` with member `validUntil`.
 */
export function assertEnd(before: Agent, after: Agent, by: Pick<AgentEditor, 'party'>): void {
  const { ttlMinutes, createdAt, validUntil: was } = before;
  const { validUntil: wanted } = after;
  if (ttlMinutes === undefined || wanted?.getTime() === was?.getTime()) return;
  if (wanted === undefined) {
    throw new AppError('invalid_input', 'An agent that was made for a while keeps an end.', { member: 'validUntil' });
  }
  const isLater = was === undefined || wanted > was;
  if (!isLater || wanted <= endOfTtl(createdAt, ttlMinutes) || by.party === 'administrator') return;
  throw new AppError('forbidden', 'This agent was made for a while: moving its end beyond that takes an administrator.', {
    member: 'validUntil',
  });
}
