import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Stands in for npm: takes a moment, and brings the two programs that setup runs next. */
const NPM = `
  const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
  appendFileSync('steps.log', 'install ' + process.argv.slice(2).join(' ') + '\\n');
  if (existsSync('broken')) { console.error('the registry is away'); process.exit(1); }
  mkdirSync('node_modules/prisma/build', { recursive: true });
  mkdirSync('node_modules/typescript-7/bin', { recursive: true });
  writeFileSync('node_modules/prisma/build/index.js', "require('node:fs').appendFileSync('steps.log', 'generate\\\\n')");
  writeFileSync('node_modules/typescript-7/bin/tsc', "require('node:fs').appendFileSync('steps.log', 'build\\\\n'); require('node:fs').mkdirSync('dist'); require('node:fs').writeFileSync('dist/main.js', '')");
  setTimeout(() => {}, 400);
`;
const ALL_STEPS = ['install ci --include=dev --no-audit --no-fund --loglevel=error', 'generate', 'build'];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'scripts'));
  await mkdir(join(folder.path, 'src'));
  await copyFile('scripts/setup.mjs', join(folder.path, 'scripts', 'setup.mjs'));
  for (const file of ['package-lock.json', 'prisma.config.ts', 'tsconfig.json', 'tsconfig.sdk.json']) await write(file, '{}');
  await write('npm.js', NPM);
});

afterEach(() => folder.remove());

const write = (file: string, text: string) => writeFile(join(folder.path, file), text);

function setup(): Promise<{ code: number; said: string }> {
  const env = { ...process.env, npm_execpath: join(folder.path, 'npm.js'), npm_node_execpath: process.execPath };
  return new Promise((done) => {
    execFile(process.execPath, [join(folder.path, 'scripts', 'setup.mjs')], { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), said: `${stdout}${stderr}` });
    });
  });
}

/** The steps taken since the last call. */
async function steps(): Promise<string[]> {
  const log = join(folder.path, 'steps.log');
  const text = await readFile(log, 'utf8').catch(() => '');
  await rm(log, { force: true });
  return text.split('\n').filter((line) => line !== '');
}

test('runs each step once, and afterwards only what a change makes necessary', async () => {
  expect((await setup()).code).toBe(0);
  expect(await steps()).toEqual(ALL_STEPS);
  expect((await stat(join(folder.path, 'dist', 'main.js'))).mode & 0o111).toBe(0o111);
  expect(await setup()).toEqual({ code: 0, said: '' });
  expect(await steps()).toEqual([]);
  await write('src/main.ts', 'export {};');
  await setup();
  expect(await steps()).toEqual(['build']);
  await write('package-lock.json', '{ "changed": true }');
  await setup();
  expect(await steps()).toEqual(ALL_STEPS);
});

test('two setups at once: one works, the other waits for it', async () => {
  const outcomes = await Promise.all([setup(), setup()]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
  expect(outcomes.some(({ said }) => said.includes('another setup is at work'))).toBe(true);
  expect(await steps()).toEqual(ALL_STEPS);
});

test('takes over from a setup that was killed', async () => {
  await write('.setup.lock', '999999999');
  expect((await setup()).code).toBe(0);
  expect(await steps()).toEqual(ALL_STEPS);
});

test('a failed installation is shown, counts as none, and does not lock the folder', async () => {
  await write('broken', '');
  const failed = await setup();
  expect(failed).toEqual({ code: 1, said: expect.stringContaining('the registry is away') });
  await rm(join(folder.path, 'broken'));
  await steps();
  expect((await setup()).code).toBe(0);
  expect(await steps()).toEqual(ALL_STEPS);
});
