/**
 * The one place that knows what time it is.
 *
 * The engine and jose read `Date.now` themselves, so a clock that only our code listened to would let the two drift apart in
 * a test: tests move `Date.now` of the whole process (test/support/clock.ts) and this clock follows.
 */
export interface Clock {
  /** The current instant. */
  now(): Date;
  /** Whole seconds since 1970 (RFC 7519 NumericDate). */
  epochSeconds(): number;
}

/** The clock every part of a running server shares. */
export const systemClock: Clock = {
  now: () => new Date(),
  epochSeconds: () => Math.floor(Date.now() / 1000),
};

/** `at` moved by a number of seconds, which may be negative. */
export function secondsAfter(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}
