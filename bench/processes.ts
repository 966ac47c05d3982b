import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

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

/** Starts a program on core 0 and waits until it serves. */
export async function start({ args, env = {}, says }: Program): Promise<Started> {
  const node = [process.execPath, '--no-warnings', ...args];
  const [command = '', ...rest] = isPinned ? ['taskset', '-c', '0', ...node] : node;
  const at = performance.now();
  const child = spawn(command, rest, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
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

/** What a process has used; undefined where the system does not tell. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rss = /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS, rssMb: Number(rss) / 1024 };
  } catch {
    return undefined;
  }
}
