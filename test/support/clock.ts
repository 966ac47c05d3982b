/** Moves the time of this test file: ours, the engine's and every library's, because all of them read Date. */
const RealDate = Date;
let offsetMs = 0;

class MovedDate extends RealDate {
  constructor(...args: [] | [number | string | Date]) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...(args as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

/** The clock on the wall of the test. `reset` it after each test that moved it. */
export const clock = {
  /** Lets `ms` milliseconds pass at once. */
  advance(ms: number): void {
    offsetMs += ms;
    globalThis.Date = MovedDate as DateConstructor;
  },
  reset(): void {
    offsetMs = 0;
    globalThis.Date = RealDate;
  },
};

/** Milliseconds, for `clock.advance`. */
export const seconds = (count: number): number => count * 1000;
export const minutes = (count: number): number => seconds(60 * count);
export const hours = (count: number): number => minutes(60 * count);
