// Makes a fresh clone runnable: installs, generates the database client, builds. Runs before start, test, demo and bench;
// needs nothing but Node >= 20.19 and npm, and costs a few milliseconds when there is nothing to do.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LOCK = '.setup.lock';
const STAMPS = join('node_modules', '.behalf');
const HEARTBEAT_MS = 2_000;
const STALE_AFTER_MS = 20_000;

const say = (message) => process.stderr.write(`setup: ${message}\n`);

/** Every file below a folder, sorted, without what the build itself writes. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !file.startsWith(join('src', 'generated')))
    .sort();
}

/** What a step depends on, as one digest: file names, their content, and the platform the programs are for. */
function digestOf(files) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\0`);
  for (const file of files) hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** Runs a program quietly: its output is shown only when it fails. */
function run(program, args, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}\n${Buffer.concat(output)}`));
    });
  });
}

function npmInstall() {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // The Node that runs npm, not the pinned one in node_modules: npm ci deletes that one while it works.
  if (npm?.endsWith('.js')) return run(process.env.npm_node_execpath ?? process.execPath, [npm, ...args]);
  return run('npm', args);
}

/** The pinned Node once it is installed, so that generating and building do not depend on what the machine has. */
function pinnedNode() {
  const pinned = join('node_modules', 'node', 'bin', 'node');
  return existsSync(pinned) ? pinned : process.execPath;
}

function generateClient() {
  // No engine is needed to generate, but Prisma insists on a path to one: any existing file keeps it from downloading.
  return run(pinnedNode(), [join('node_modules', 'prisma', 'build', 'index.js'), 'generate'], {
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  });
}

async function build() {
  rmSync('dist', { recursive: true, force: true });
  const compiler = join('node_modules', 'typescript-7', 'bin', 'tsc');
  await run(pinnedNode(), [compiler, '-p', 'tsconfig.json']);
  chmodSync(join('dist', 'main.js'), 0o755);
  if (existsSync(join('src', 'sdk'))) await run(pinnedNode(), [compiler, '-p', 'tsconfig.sdk.json']);
}

const schema = () => ['package-lock.json', 'prisma.config.ts', ...filesBelow('prisma')];
const steps = [
  {
    name: 'install',
    doing: 'installing packages, this takes a minute',
    inputs: () => ['package-lock.json'],
    result: 'node_modules',
    work: npmInstall,
  },
  { name: 'generate', doing: 'generating the database client', inputs: schema, result: 'node_modules', work: generateClient },
  {
    name: 'build',
    doing: 'building',
    inputs: () => [...schema(), 'tsconfig.json', 'tsconfig.sdk.json', ...filesBelow('src')],
    result: 'dist',
    work: build,
  },
];

/** The digest to remember for a step that has to run; undefined when its last success still holds. */
function pendingDigest(step) {
  const digest = digestOf(step.inputs());
  const stamp = join(STAMPS, step.name);
  const isDone = existsSync(step.result) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
  return isDone ? undefined : digest;
}

async function perform(step) {
  const digest = pendingDigest(step);
  if (digest === undefined) return;
  const since = performance.now();
  say(`${step.doing} …`);
  rmSync(join(STAMPS, step.name), { force: true });
  await step.work();
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(join(STAMPS, step.name), digest);
  say(`${step.name} done in ${((performance.now() - since) / 1000).toFixed(1)} s`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** The content of a lock whose owner died or stopped beating; undefined while someone is at work. */
function staleLock() {
  try {
    const content = readFileSync(LOCK, 'utf8');
    const isSilent = Date.now() - statSync(LOCK).mtimeMs > STALE_AFTER_MS;
    const isOrphaned = content !== '' && !isAlive(Number(content));
    return isSilent || isOrphaned ? content : undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a stale lock unless another process took it over since it was read: then it is put back. */
function breakLock(content) {
  const aside = `${LOCK}.${process.pid}`;
  try {
    renameSync(LOCK, aside);
    if (readFileSync(aside, 'utf8') !== content) linkSync(aside, LOCK);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
}

function tryLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs `work` while no other setup runs in this folder. */
async function exclusively(work) {
  for (let isTold = false; !tryLock(); await pause(200)) {
    const stale = staleLock();
    if (stale !== undefined) breakLock(stale);
    else if (!isTold) {
      say('another setup is at work in this folder, waiting for it');
      isTold = true;
    }
  }
  const heartbeat = setInterval(() => utimesSync(LOCK, new Date(), new Date()), HEARTBEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(LOCK, { force: true });
  }
}

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
if (steps.some((step) => pendingDigest(step) !== undefined)) {
  try {
    await exclusively(async () => {
      for (const step of steps) await perform(step);
    });
  } catch (error) {
    say(error.message);
    process.exitCode = 1;
  }
}
