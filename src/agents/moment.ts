/** A time as pages print it: relative in the text, exact on hover. */
export interface Moment {
  readonly text: string;
  readonly exact: string;
  readonly iso: string;
  /** Kept true by script while the page stands. */
  readonly keep?: 'ago' | 'left';
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const exactFormat = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'medium', timeStyle: 'medium' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'medium' });

function span(seconds: number): string {
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  return seconds < DAY ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / DAY)} d`;
}

/** `at` seen from `now`: minutes, hours and days within a month, the day beyond. */
export function momentOf(at: Date, now: Date): Moment {
  const seconds = Math.floor((now.getTime() - at.getTime()) / 1000);
  const named = { exact: `${exactFormat.format(at)} UTC`, iso: at.toISOString() };
  if (Math.abs(seconds) >= 30 * DAY) return { text: dayFormat.format(at), ...named };
  if (Math.abs(seconds) < MINUTE) return { text: 'just now', ...named, keep: seconds < 0 ? 'left' : 'ago' };
  return seconds > 0 ? { text: `${span(seconds)} ago`, ...named, keep: 'ago' } : { text: `${span(-seconds)} left`, ...named, keep: 'left' };
}
