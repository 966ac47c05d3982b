/** An instant as templates print it (views/partials/time.eta). */
export interface Moment {
  readonly text: string;
  readonly exact: string;
  readonly iso: string;
  /** Lets the browser keep a relative text true. */
  readonly keep?: 'ago' | 'left' | 'in';
}

/** When something ends or ended, as the end of a sentence: `ends` and `in 20 minutes`. */
export interface End {
  readonly verb: 'ends' | 'ended';
  readonly time: Moment;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Farther away than this a date says more than a distance. */
const NEAR_SECONDS = 30 * DAY;

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const timeFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZone: 'UTC',
});

/** `31 Jan 2027`: the day of an instant, in UTC. */
export function dayWords(at: Date): string {
  return dayFormat.format(at);
}

/** `45 s`, `2 min`, `3 h`, `1 day`, `9 days`: the largest unit that fits, rounded down. */
export function durationWords(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  const days = Math.floor(seconds / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/** `at` seen from `now`: `2 min ago`, `4 min left`, or the date when it is more than 30 days away. */
export function momentOf(at: Date, now: Date): Moment {
  const exact = `${dayWords(at)}, ${timeFormat.format(at)} UTC`;
  const iso = at.toISOString();
  const seconds = (at.getTime() - now.getTime()) / 1000;
  if (Math.abs(seconds) > NEAR_SECONDS) return { text: dayWords(at), exact, iso };
  if (seconds > 0) return { text: `${durationWords(seconds)} left`, exact, iso, keep: 'left' };
  return { text: -seconds < 10 ? 'just now' : `${durationWords(-seconds)} ago`, exact, iso, keep: 'ago' };
}

const UNITS = [
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
] as const;

function aheadWords(seconds: number): string {
  for (const [size, unit] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count > 0) return `in ${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return 'in less than a minute';
}

/** An end seen from `now`: `ends in 20 minutes`, `ends 31 Jan 2027` when that is more than 30 days away, `ended 2 h ago`. */
export function endOf(at: Date, now: Date): End {
  const time = momentOf(at, now);
  if (at <= now) return { verb: 'ended', time };
  if (time.keep === undefined) return { verb: 'ends', time };
  return { verb: 'ends', time: { ...time, text: aheadWords((at.getTime() - now.getTime()) / 1000), keep: 'in' } };
}
