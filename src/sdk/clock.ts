/** Where this package reads the time; a caller may hand in another (tests, replays of recorded traffic). */
export interface SdkClock {
  /** The current instant. */
  now(): Date;
}

/** The machine's own clock. */
export const machineClock: SdkClock = { now: () => new Date() };

/** Whole seconds since 1970 (RFC 7519 NumericDate). */
export function epochSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

/** The instant a NumericDate names (RFC 7519 §2). */
export function fromEpochSeconds(seconds: number): Date {
  return new Date(seconds * 1000);
}
