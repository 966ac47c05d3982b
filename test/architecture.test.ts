import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { temporaryFolder } from './support/temporary-folder.ts';

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a tool of node_modules/.bin to its end. */
function runTool(name: string, args: string[], cwd = '.'): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', NODE_OPTIONS: '' };
  return new Promise((done) => {
    execFile(resolve('node_modules/.bin', name), args, { cwd, env, maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}`.trim() });
    });
  });
}

async function expectClean(name: string, args: string[]): Promise<void> {
  const { code, output } = await runTool(name, args);
  if (code !== 0) throw new Error(`${name} ${args.join(' ')}\n${output}`);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.filter((file) => !file.startsWith(join('src', 'generated')));
}

/** A small project whose files hold nothing but the given text, with our packages beside them. */
async function projectOf(files: Record<string, string>): Promise<Awaited<ReturnType<typeof temporaryFolder>>> {
  const folder = await temporaryFolder();
  await symlink(resolve('node_modules'), join(folder.path, 'node_modules'));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), text);
  }
  return folder;
}

/** The tools read the whole project; a busy machine takes its time. */
const SLOW_MS = 240_000;

describe('the tools find nothing', () => {
  test('biome', () => expectClean('biome', ['check', '--error-on-warnings', '--max-diagnostics=50']), SLOW_MS);
  test('TypeScript', () => expectClean('node', ['node_modules/typescript-7/bin/tsc', '-p', 'test/tsconfig.json']), SLOW_MS);
  test('dependency-cruiser', () => expectClean('depcruise', ['src']), SLOW_MS);
  test('knip', () => expectClean('knip', ['--no-config-hints']), SLOW_MS);
});

describe('the shape of the house', () => {
  test('no file of src/ is longer than 300 lines, none of test/ longer than 400', async () => {
    const longest = { src: 300, test: 400 };
    const tooLong: string[] = [];
    for (const [folder, limit] of Object.entries(longest)) {
      for (const file of (await filesBelow(folder)).filter((name) => extname(name) === '.ts')) {
        const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').length;
        if (lines > limit) tooLong.push(`${file}: ${lines} lines`);
      }
    }
    expect(tooLong).toEqual([]);
  });

  test('no file or folder has a name that says nothing', async () => {
    const empty = /^(?:utils?|helpers?|common|shared|misc|types|constants|lib|manager)$/;
    const files = [...(await filesBelow('src')), ...(await filesBelow('test'))];
    const named = files.filter((file) =>
      dirname(file)
        .split('/')
        .concat(basename(file).split('.')[0] ?? '')
        .some((part) => empty.test(part)),
    );
    expect(named).toEqual([]);
  });
});

describe('the rules themselves hold', () => {
  test('every import rule refuses what it is there to refuse', async () => {
    const fronts = ['accounts', 'agents', 'approvals', 'audit', 'authorization-details', 'oidc', 'policy', 'scim', 'sdk', 'sign-in'];
    const folder = await projectOf({
      ...Object.fromEntries(fronts.map((name) => [`src/${name}/index.ts`, 'export {};'])),
      'package.json': await readFile('package.json', 'utf8'),
      'tsconfig.json': await readFile('tsconfig.json', 'utf8'),
      '.dependency-cruiser.cjs': await readFile('.dependency-cruiser.cjs', 'utf8'),
      'src/platform/clock.ts': 'export {};',
      'src/agents/service.ts': 'export {};',
      'src/app.ts': "import './agents/service.ts';",
      'src/capability.ts': "import './agents/index.ts';",
      'test/support/tool.ts': 'export {};',
      'src/gizmo/gizmo.ts': "import '../platform/clock.ts';",
      'src/platform/http.ts': "import '../audit/index.ts';",
      'src/sdk/verify.ts': "import '../platform/clock.ts';",
      'src/oidc/compose.ts': "import '../scim/index.ts'; import '../agents/index.ts';",
      'src/policy/decide.ts': "import '../sign-in/index.ts';",
      'src/authorization-details/covers.ts': "import '../policy/index.ts';",
      'src/agents/agent.ts': "import '../policy/index.ts'; import '../accounts/index.ts'; import './cycle.ts';",
      'src/agents/cycle.ts': "import './agent.ts';",
      'src/sign-in/service.ts': [
        "import '../approvals/index.ts'; import '../agents/service.ts'; import '../app.ts'; import '../sdk/index.ts'; import './nowhere.ts';",
        "import '../../test/support/tool.ts'; import 'jest'; import 'koa'; import 'argon2'; import 'pg'; import 'undici';",
        "import 'oidc-provider/lib/helpers/grants.js';",
      ].join('\n'),
    });
    const { output } = await runTool('depcruise', ['src', '--output-type', 'json'], folder.path);
    await folder.remove();
    const report = JSON.parse(output) as { summary: { violations: { rule: { name: string } }[] } };
    const fired = new Set(report.summary.violations.map(({ rule }) => rule.name));
    const config = createRequire(import.meta.url)(resolve('.dependency-cruiser.cjs')) as { forbidden: { name: string }[] };
    expect([...fired].sort()).toEqual(config.forbidden.map(({ name }) => name).sort());
  });

  test('what a capability may import is let through', async () => {
    const folder = await projectOf({
      'package.json': await readFile('package.json', 'utf8'),
      'tsconfig.json': await readFile('tsconfig.json', 'utf8'),
      '.dependency-cruiser.cjs': await readFile('.dependency-cruiser.cjs', 'utf8'),
      'src/platform/clock.ts': 'export {};',
      'src/capability.ts': "import './oidc/contribution.ts';",
      'src/oidc/contribution.ts': "import '../platform/clock.ts'; import 'oidc-provider';",
      'src/oidc/grant-helpers.ts': "import 'oidc-provider/lib/helpers/grants.js';",
      'src/audit/index.ts': 'export {};',
      'src/agents/index.ts': "import './store.ts'; import './routes.ts'; import '../audit/index.ts'; import '../capability.ts';",
      'src/agents/store.ts': "import '@prisma/client'; import '../generated/prisma/client.ts';",
      'src/agents/routes.ts': "import type Koa from 'koa'; export type Context = Koa.Context;",
      'src/generated/prisma/client.ts': "import '@prisma/client'; import './nowhere.ts';",
      'src/policy/index.ts': "import '../authorization-details/index.ts'; import '../agents/index.ts';",
      'src/authorization-details/index.ts': 'export {};',
      'src/sign-in/index.ts': "import '../policy/index.ts'; import '../oidc/contribution.ts'; import 'zod';",
      'src/app.ts': "import './sign-in/index.ts';",
      'src/main.ts': "import './app.ts';",
    });
    const { code, output } = await runTool('depcruise', ['src'], folder.path);
    await folder.remove();
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('no dependency violations found') });
  });

  test('biome refuses clock, randomness and environment outside their files', async () => {
    const uses = ['Date.now()', 'new Date()', 'Math.random()', 'randomBytes(4)', 'crypto.randomUUID()', "process.env['HOME']"];
    const source = uses.map((use, index) => `export const use${index} = ${use};\n`).join('');
    const folder = await projectOf({
      'biome.json': await readFile('biome.json', 'utf8'),
      'lint/clock.grit': await readFile('lint/clock.grit', 'utf8'),
      'src/agents/service.ts': source,
      'src/platform/clock.ts': 'export const now = () => Date.now();\n',
      'src/platform/config.ts': "export const home = process.env['HOME'];\n",
      'test/time.ts': 'export const now = () => Date.now();\n',
    });
    const { output } = await runTool('biome', ['lint', '--max-diagnostics=50', '--reporter=github'], folder.path);
    await folder.remove();
    const refused = [...output.matchAll(/file=[^,]*\/([^/,]+),line=(\d+)/g)].map(([, file, line]) => `${file}:${line}`);
    expect(refused.sort()).toEqual(uses.map((_use, index) => `service.ts:${index + 1}`));
  });
});
