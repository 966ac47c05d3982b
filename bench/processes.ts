import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/** A server of the bench in a process of its own. */
export interface Started {
  readonly pid: number;
  /** Milliseconds from the start of the process until it said that it serves. */
  readonly startMs: number;
  /** Asks it to end and waits until it has. */
  end(): Promise<void>;
}

/** What to start: arguments of node, the environment, and the words that it prints once it serves. */
export interface Program {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly says: string;
}

/** Resources a process has used so far. */
export interface Usage {
  /** Seconds of processor time, all threads, user and system. */
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** The most memory it ever had. */
  readonly peakMb: number;
}

/** As `npm start` runs it, with its memory settings (docs/decisions/0011). */
const START = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }).scripts.start;

/** Arguments of node for a command of the server. */
export function commandOf(...args: readonly string[]): readonly string[] {
  return [...(START.match(/--(max-semi-space-size|heap-growing-percent)=\d+/g) ?? []), 'dist/main.js', ...args];
}

const CLOCK_TICKS = 100;
const LONGEST_START_MS = 60_000;
const LONGEST_END_MS = 15_000;

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-c', '0', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Whether processes can be pinned to cores here; if not, everything runs where the system puts it. */
export const isPinned = hasTaskset();

/** Moves this process, and what it starts from now on, to one core. */
export function pinSelf(core: number): void {
  if (isPinned) execFileSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)], { stdio: 'ignore' });
}

function waitFor(child: ChildProcess, says: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => fail('took too long'), LONGEST_START_MS);
    const fail = (how: string) => {
      clearTimeout(late);
      reject(new Error(`A server of the bench ${how}:\n${text}`));
    };
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.includes(says)) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => fail(`ended with ${code}`));
  });
}

function spawnOnCore({ args, env }: Pick<Program, 'args' | 'env'>) {
  const node = [process.execPath, '--no-warnings', ...args];
  const [command = '', ...rest] = isPinned ? ['taskset', '-c', '0', ...node] : node;
  return spawn(command, rest, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** How a program came to its end. */
export interface Ended {
  readonly code: number | null;
  readonly text: string;
  readonly lifeMs: number;
  /** The most memory it ever had; undefined where the system does not tell. */
  readonly peakMb: number | undefined;
}

const WATCH_MS = 50;

/** Runs a program on core 0 to its end. */
export async function runToEnd(program: Pick<Program, 'args' | 'env'>): Promise<Ended> {
  const at = performance.now();
  const child = spawnOnCore(program);
  let [text, peakMb]: [string, number | undefined] = ['', undefined];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const watch = setInterval(() => {
    peakMb = usageOf(child.pid ?? 0)?.peakMb || peakMb;
  }, WATCH_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(watch);
  return { code, text, lifeMs: performance.now() - at, peakMb };
}

/** Starts a program on core 0 and waits until it serves. */
export async function start({ args, env = {}, says }: Program): Promise<Started> {
  const at = performance.now();
  const child = spawnOnCore({ args, env });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_END_MS);
    await ended;
    clearTimeout(late);
  };
  try {
    await waitFor(child, says);
  } catch (error) {
    await end();
    throw error;
  }
  return { pid: child.pid ?? 0, startMs: performance.now() - at, end };
}

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a server for as long as `work` takes. */
export async function during<T>(program: Program, work: (server: Started) => Promise<T>): Promise<T> {
  const server = await start(program);
  try {
    return await work(server);
  } finally {
    await server.end();
  }
}

/** What a process has used; undefined where the system does not tell. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    return { cpuSeconds, rssMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
  } catch {
    return undefined;
  }
}
