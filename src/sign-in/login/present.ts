import { secondsAfter } from '../../platform/clock.ts';
import { type Moment, momentOf } from '../../platform/http/moment.ts';

/** A thing to mend, as the pages show it; `field` names the input it belongs to. */
export interface Fault {
  readonly field?: string;
  readonly message: string;
}

/** One sentence for every way in which a first step fails, so that nobody learns who has an account. */
export const WRONG_PASSWORD: Fault = { message: 'Email and password do not belong together.' };
export const WRONG_CODE: Fault = { field: 'code', message: 'This code is not right, or it is too old. Type the one shown now.' };
export const WRONG_PASSKEY: Fault = { message: 'The passkey was not accepted. Try again, or choose another way.' };

/** Too many tries: how long to wait. */
export interface SlowDown {
  readonly words: string;
  readonly until: Moment;
}

/** The time to wait in words a person would use. */
export function slowDownOf(retryAfterSeconds: number, now: Date): SlowDown {
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds));
  const minutes = Math.ceil(seconds / 60);
  const words = seconds < 90 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : `${minutes} minutes`;
  return { words, until: momentOf(secondsAfter(now, seconds), now) };
}
