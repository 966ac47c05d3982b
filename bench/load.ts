import autocannon from 'autocannon';
import { usageOf } from './processes.ts';

/** A request of the load; each call makes the next one. */
export interface Shot {
  readonly form: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where the load goes. */
export interface Target {
  readonly url: string;
  /** The process that answers. */
  readonly pid: number;
  /** Makes one request's content. Made before the clock runs, so that it costs the load nothing. */
  readonly next: () => Shot;
}

/** What one load measured. */
export interface Figure {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server per request, in µs; undefined where the system does not tell. */
  readonly cpuMicros: number | undefined;
  /** Memory of the server right after the load. */
  readonly rssMb: number | undefined;
}

const CONNECTIONS = 16;
const WARM_UP_SECONDS = 4;
const MOST_PER_SECOND = 8_000;

interface Ready {
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** As many contents as the load can use, encoded. What is not single-use goes round. */
function prepare(next: Target['next'], seconds: number): () => Ready {
  const made: Ready[] = [];
  const make = (): Ready => {
    const { form, headers } = next();
    return { body: new URLSearchParams(form).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } };
  };
  // two thirds of a second of signing for each second of load; what is missing is made on the way
  const until = performance.now() + seconds * 700;
  while (performance.now() < until && made.length < seconds * MOST_PER_SECOND) made.push(make());
  return () => made.pop() ?? make();
}

function fire(url: string, take: () => Ready, seconds: number): Promise<autocannon.Result> {
  const requests = [{ method: 'POST' as const, setupRequest: (request: autocannon.Request) => ({ ...request, ...take() }) }];
  return new Promise((resolve, reject) => {
    autocannon({ url, connections: CONNECTIONS, duration: seconds, requests }, (error, result) =>
      error === null || error === undefined ? resolve(result) : reject(error as Error),
    );
  });
}

/** Loads a target, after warming it up: the first thousand requests of a process cost a multiple of the later ones. Throws when an answer was not a success: such a figure means nothing. */
export async function measure({ url, pid, next }: Target, seconds: number): Promise<Figure> {
  await fire(url, prepare(next, WARM_UP_SECONDS), WARM_UP_SECONDS);
  const take = prepare(next, seconds);
  const before = usageOf(pid);
  const result = await fire(url, take, seconds);
  const after = usageOf(pid);
  if (result.non2xx + result.errors > 0 || result['2xx'] === 0)
    throw new Error(`${url}: ${result['2xx']} successes, ${result.non2xx} refusals, ${result.errors} errors. Nothing was measured.`);
  const cpu = before === undefined || after === undefined ? undefined : after.cpuSeconds - before.cpuSeconds;
  return {
    perSecond: result['2xx'] / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpuMicros: cpu === undefined ? undefined : (cpu * 1e6) / result['2xx'],
    rssMb: after?.rssMb,
  };
}
