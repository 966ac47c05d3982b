import { AsyncLocalStorage } from 'node:async_hooks';

/** Tells which request or job the code that asks belongs to, however deep it stands. */
export interface Correlation {
  /** Runs `work`; every event recorded in it carries `id`. */
  run<T>(id: string, work: () => Promise<T>): Promise<T>;
  current(): string | undefined;
}

/** One per server: two servers in one process do not see each other's requests. */
export function createCorrelation(): Correlation {
  const storage = new AsyncLocalStorage<string>();
  return { run: (id, work) => storage.run(id, work), current: () => storage.getStore() };
}
