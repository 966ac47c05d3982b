import autocannon from 'autocannon';
import { usageOf } from './processes.ts';

/** A request of the load; each call makes the next one. */
export interface Shot {
  /** A form, or an object that is sent as JSON. */
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: object;
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
const AWAKE_SECONDS = 1;
const MOST_PER_SECOND = 8_000;

interface Ready {
  readonly body: string;
  readonly headers: Record<string, string>;
}

/** As many contents as the load can use, encoded. What is not single-use goes round. */
function prepare(next: Target['next'], seconds: number): () => Ready {
  const made: Ready[] = [];
  const make = (): Ready => {
    const { form, json, headers } = next();
    if (json !== undefined) return { body: JSON.stringify(json), headers: { 'content-type': 'application/json', ...headers } };
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

/** One load, after a second that does not count: the process has rested while the others had their turn. Throws when an answer was not a success: such a figure means nothing. */
async function load({ url, pid, next }: Target, seconds: number): Promise<Figure> {
  await fire(url, prepare(next, AWAKE_SECONDS), AWAKE_SECONDS);
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

/** The middle of several values; undefined when one is missing. */
function middleOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return known.length < values.length ? undefined : known[Math.floor(known.length / 2)];
}

/** What several loads say together: the middle of each figure, and the most memory. */
function middle(figures: readonly Figure[]): Figure {
  const of = (member: keyof Figure) => middleOf(figures.map((figure) => figure[member]));
  const rssMb = figures.map((figure) => figure.rssMb).filter((value) => value !== undefined);
  return {
    perSecond: of('perSecond') ?? Number.NaN,
    p50: of('p50') ?? Number.NaN,
    p99: of('p99') ?? Number.NaN,
    cpuMicros: of('cpuMicros'),
    rssMb: rssMb.length === 0 ? undefined : Math.max(...rssMb),
  };
}

/** How long each target is loaded, and how often. */
export interface Turns {
  readonly seconds: number;
  readonly rounds: number;
}

/**
 * Loads all targets in turn, several times over, after warming each up: the first thousand requests of a process cost a multiple of
 * the later ones, and a machine that others use is faster in one minute than in the next. `say` is told what is going on.
 */
export async function measureInTurn<Name extends string>(
  targets: Readonly<Record<Name, Target>>,
  { seconds, rounds }: Turns,
  say: (what: string) => void,
): Promise<Record<Name, Figure>> {
  const all = Object.entries(targets) as [Name, Target][];
  const figures = new Map<Name, Figure[]>(all.map(([name]) => [name, []]));
  for (const [name, { url, next }] of all) {
    say(`warming up: ${name}`);
    await fire(url, prepare(next, WARM_UP_SECONDS), WARM_UP_SECONDS);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const [name, target] of all) {
      say(`round ${round} of ${rounds}: ${name}`);
      figures.get(name)?.push(await load(target, seconds));
    }
  }
  return Object.fromEntries([...figures].map(([name, several]) => [name, middle(several)])) as Record<Name, Figure>;
}
