import { createHash } from 'node:crypto';
import { secondsAfter } from '../../platform/clock.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Cards that were added together are not read together for ever. */
const SPREAD = HOUR / 2;
const FIRST_TRY = 900;

/** When a card is read again that could be read: about an hour later, each at its own pace. */
export function nextReading(agentId: string, at: Date): Date {
  const share = createHash('sha256').update(agentId).digest().readUInt16BE() / 0xffff;
  return secondsAfter(at, HOUR - SPREAD / 2 + Math.floor(share * SPREAD));
}

/** When one is tried again that could not be read: after 15 minutes, then twice as long each time, at last once a day. */
export function nextTry(failuresBefore: number, at: Date): Date {
  return secondsAfter(at, Math.min(FIRST_TRY * 2 ** Math.min(failuresBefore, 10), DAY));
}
