import type { Clock } from './clock.ts';

/** Something that can be seen. */
export interface Seen {
  readonly id: string;
}

/** When things were last seen, gathered in memory: a request must not wait for a write that nobody depends on. */
export interface LastSeen<What extends Seen> {
  /** Notes that it is there now; costs no statement. */
  touch(what: What): void;
  /** Writes what was noted: one statement for all, at most one write a minute for each. */
  flush(): Promise<void>;
}

/** What notes are kept by. */
export interface LastSeenDeps<What extends Seen> {
  readonly clock: Pick<Clock, 'now'>;
  /** Writes them; a newer time in the database stays. */
  readonly write: (seen: readonly (What & { readonly at: Date })[]) => Promise<void>;
}

const MINUTE_MS = 60_000;
const MAX_NOTED = 50_000;

/** One per server: each notes what it sees, the newest time wins in the database. */
export function createLastSeen<What extends Seen>({ clock, write }: LastSeenDeps<What>): LastSeen<What> {
  const written = new Map<string, number>();
  let noted = new Map<string, What & { readonly at: Date }>();

  const forgetOld = (now: number) => {
    for (const [id, at] of written) if (now - at >= MINUTE_MS) written.delete(id);
  };
  return {
    touch(what) {
      const at = clock.now();
      const before = written.get(what.id);
      const isRecent = before !== undefined && at.getTime() - before < MINUTE_MS;
      if (isRecent || (noted.size >= MAX_NOTED && !noted.has(what.id))) return;
      noted.set(what.id, { ...what, at });
    },
    async flush() {
      const batch = noted;
      noted = new Map();
      forgetOld(clock.now().getTime());
      if (batch.size === 0) return;
      for (const [id, { at }] of batch) written.set(id, at.getTime());
      await write([...batch.values()]);
    },
  };
}
