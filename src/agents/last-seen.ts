import type { Clock } from '../platform/clock.ts';
import type { AgentStore } from './store.ts';

/** When agents were last seen, gathered in memory: a token request must not wait for a write that nobody depends on. */
export interface LastSeen {
  /** Notes that the agent acts now; costs no statement. */
  touch(agentId: string): void;
  /** Writes what was noted: one statement for all, at most one write a minute for an agent. */
  flush(): Promise<void>;
}

const MINUTE_MS = 60_000;
const MAX_NOTED = 50_000;

/** One per server: each notes what it sees, the newest time wins in the database. */
export function createLastSeen({ clock, store }: { readonly clock: Clock; readonly store: Pick<AgentStore, 'setLastSeen'> }): LastSeen {
  const written = new Map<string, number>();
  let noted = new Map<string, Date>();

  const forgetOld = (now: number) => {
    for (const [id, at] of written) if (now - at >= MINUTE_MS) written.delete(id);
  };
  return {
    touch(agentId) {
      const now = clock.now();
      const before = written.get(agentId);
      const isRecent = before !== undefined && now.getTime() - before < MINUTE_MS;
      if (isRecent || (noted.size >= MAX_NOTED && !noted.has(agentId))) return;
      noted.set(agentId, now);
    },
    async flush() {
      const batch = noted;
      noted = new Map();
      forgetOld(clock.now().getTime());
      if (batch.size === 0) return;
      for (const [id, at] of batch) written.set(id, at.getTime());
      await store.setLastSeen([...batch].map(([id, at]) => ({ id, at })));
    },
  };
}
