import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';

/** A program that we did not write, in a process and a home folder of its own. */
export interface Program {
  /** Everything it printed so far, errors too. */
  output(): string;
  /** Standard output alone. */
  answer(): string;
  /** The first match in what it prints. @throws with its output when it ends, or takes longer than `LONGEST_MS`. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for its end; the exit code. @throws with its output when it takes longer than `LONGEST_MS`. */
  ended(): Promise<number | null>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** What runs: a script of an installed package. */
export interface Script {
  /** From the root of the repository. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A command line with its whole environment. */
export interface Command {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

/** A home folder for programs, as a person has one: what they keep stays, and their browser hands its addresses to the test. */
export interface Home {
  readonly path: string;
  start(what: Script): Program;
  /** How something else has to start it, to live in this home. */
  commandOf(what: Script): Command;
  /** The address that a program opened in the browser, the oldest that was not asked for. */
  openedAddress(): Promise<string>;
  /** Ends what still runs and removes the folder. */
  remove(): Promise<void>;
}

const LONGEST_MS = 25_000;
const EVERY_MS = 20;
/** Whatever is not on this machine is asked of a proxy that nobody runs: nothing leaves. */
const NOWHERE = 'http://127.0.0.1:9';
const OFFLINE = {
  NODE_USE_ENV_PROXY: '1',
  HTTP_PROXY: NOWHERE,
  HTTPS_PROXY: NOWHERE,
  NO_PROXY: 'localhost,127.0.0.1',
  DO_NOT_TRACK: '1',
};

async function until<T>(find: () => T | undefined, fail: () => Error): Promise<T> {
  for (let waited = 0; waited < LONGEST_MS; waited += EVERY_MS) {
    const found = find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  throw fail();
}

function watch(child: ChildProcess, name: string): Program {
  const printed = { all: '', answer: '' };
  const state: { code?: number | null } = {};
  child.stdout?.on('data', (chunk: Buffer) => {
    printed.all += chunk.toString();
    printed.answer += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    printed.all += chunk.toString();
  });
  const closed = new Promise<void>((resolve) =>
    child.once('close', (code) => {
      state.code = code;
      resolve();
    }),
  );
  const fail = (what: string) => () => new Error(`${name} ${what}:\n${printed.all}`);
  return {
    output: () => printed.all,
    answer: () => printed.answer,
    async says(pattern) {
      const seen = () => pattern.exec(printed.all) ?? undefined;
      const found = await until(() => seen() ?? (state.code === undefined ? undefined : null), fail(`did not say ${pattern}`));
      if (found === null) throw fail(`ended with ${state.code} and did not say ${pattern}`)();
      return found;
    },
    ended: () => until(() => state.code, fail('did not end')),
    async stop() {
      if (state.code === undefined) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await closed;
      clearTimeout(late);
    },
  };
}

/** The programs that others ask to open a browser on Linux and macOS; each writes the address down. */
async function installBrowser(folder: string, log: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const script = `#!/bin/sh\nfor last; do :; done\nprintf '%s\\n' "$last" >> '${log}'\n`;
  for (const name of ['xdg-open', 'open', 'browser']) {
    await writeFile(join(folder, name), script);
    await chmod(join(folder, name), 0o755);
  }
}

/** Makes an empty one. */
export async function createHome(): Promise<Home> {
  const folder = await temporaryFolder();
  const [programs, log] = [join(folder.path, 'bin'), join(folder.path, 'opened')];
  await installBrowser(programs, log);
  const started: Program[] = [];
  const state = { opened: 0 };
  // whole lines only: the file is there before its first line is
  const opened = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [])[state.opened];
  const PATH = [programs, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
  const commandOf = ({ script, args, env }: Script): Command => ({
    command: process.execPath,
    args: ['--no-warnings', script, ...args],
    env: { PATH, HOME: folder.path, BROWSER: join(programs, 'browser'), ...OFFLINE, ...env },
  });
  return {
    path: folder.path,
    commandOf,
    start(what) {
      const { command, args, env } = commandOf(what);
      const program = watch(spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }), what.script);
      started.push(program);
      return program;
    },
    async openedAddress() {
      const output = () => started.map((program) => program.output()).join('\n');
      const address = await until(opened, () => new Error(`no browser was opened:\n${output()}`));
      state.opened += 1;
      return address;
    },
    async remove() {
      await Promise.all(started.map((program) => program.stop()));
      await folder.remove();
    },
  };
}
