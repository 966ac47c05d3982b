import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v1 } from '../agents/agent-card-sample.ts';
import { programEnvironment, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

interface Report {
  readonly healthy: boolean;
  readonly findings: readonly { readonly check: string; readonly state: string; readonly words: string; readonly next?: string }[];
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let port: number;

/** Runs `behalf …` on the data folder of this file. */
function behalf(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, ['--no-warnings', 'src/main.ts', ...args], {
    env: { ...programEnvironment(), BEHALF_DATA_DIR: folder.path, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

/** A card at an address of this machine. */
async function servedCard(): Promise<{ url: string; close(): void }> {
  const site = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(v1));
  });
  const at = await freePort();
  await new Promise<void>((resolve) => site.listen(at, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${at}/card.json`, close: () => void site.close() };
}

/** A list of several batches, twice. */
async function importsAListTwice(): Promise<void> {
  const rows = Array.from({ length: 1_200 }, (_each, index) => `${index},Agent ${index},ada@acme.test,active,Does its work`);
  const list = join(folder.path, 'list.csv');
  await writeFile(list, ['externalId,displayName,owner,status,purpose', ...rows].join('\n'));
  for (const said of ['1200 created, 0 changed', '0 created, 0 changed, 1200 unchanged'])
    expect(await behalf(['import', 'agents', list, '--source', 'list'])).toEqual({ code: 0, output: expect.stringContaining(said) });
}

/** The doctor of what connects: an address and a client_id, in words and as JSON. */
async function walksToATokenAndBack(): Promise<void> {
  const unknown = await behalf(['doctor', `http://127.0.0.1:${await freePort()}/mcp`, '--json']);
  const { kind, healthy, findings } = JSON.parse(unknown.output) as Report & { kind: string };
  expect([unknown.code, kind, healthy]).toEqual([1, 'mcp_server', false]);
  expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual(
    expect.arrayContaining(['challenge failed', 'server metadata ok', 'resource server failed', 'call not_tried']),
  );
  const client = await behalf(['doctor', 'cli_0000']);
  expect([client.code, client.output]).toEqual([
    1,
    expect.stringMatching(/FAILED +registration: No client has this id.*\n +→ Let the software/),
  ]);
  expect(await behalf(['doctor', 'two words'])).toMatchObject({ code: 1, output: expect.stringContaining('no address or client_id') });
}

const doctor = async (env: Record<string, string> = {}) => {
  const { code, output } = await behalf(['doctor', '--json'], env);
  const report = JSON.parse(output) as Report;
  return { code, report, of: (check: string) => report.findings.find((finding) => finding.check === check) };
};

beforeAll(async () => {
  [folder, port] = await Promise.all([temporaryFolder(), freePort()]);
});
afterAll(() => folder.remove());

describe('the command line', () => {
  test('explains itself and its verbs', async () => {
    const [all, one] = await Promise.all([behalf(['--help']), behalf(['account', 'reset-link', '--help'])]);
    expect([all.code, one.code]).toEqual([0, 0]);
    expect((await behalf(['doctor', '--help'])).output).toContain('address of an MCP server');
    for (const verb of ['start', 'migrate', 'doctor', 'audit', 'account', 'import']) expect(all.output).toContain(verb);
    expect(one.output).toContain('<email>');
    const imports = await behalf(['import', 'agents', '--help']);
    for (const word of ['--source', '--format', '--rejects', '--dry-run', 'never changed by an import'])
      expect(imports.output).toContain(word);
    expect(await behalf(['import', 'agents', 'x.csv'])).toMatchObject({ code: 64, output: expect.stringContaining('--source') });
  });

  test('the doctor names a database that lacks its migrations and leaves it so; migrate brings it up to date, once', async () => {
    const before = await doctor();
    expect([before.code, before.of('migrations')?.state, before.of('migrations')?.next]).toEqual([
      1,
      'failed',
      'Run behalf migrate, or start the server.',
    ]);
    expect((await behalf(['migrate'])).output).toContain('Applied 20261121000100_oidc');
    expect(await behalf(['migrate'])).toEqual({ code: 0, output: 'The database is up to date.\n' });
  }, 60_000);

  test('audit verify, reset-link, import and the doctor work beside a running server', async () => {
    const administrator = { BEHALF_ADMIN_EMAIL: 'ada@acme.test', BEHALF_ADMIN_PASSWORD: 'correct horse battery' };
    const server: ServerProcess = await startServerProcess(port, { BEHALF_DATA_DIR: folder.path, ...administrator });
    try {
      const verified = await behalf(['audit', 'verify', '--json']);
      expect([verified.code, JSON.parse(verified.output)]).toEqual([0, expect.objectContaining({ intact: true })]);
      const link = await behalf(['account', 'reset-link', 'ada@acme.test']);
      expect([link.code, link.output]).toEqual([0, expect.stringContaining(`http://localhost:${port}/`)]);
      expect(await behalf(['account', 'reset-link', 'nobody@acme.test'])).toMatchObject({ code: 1 });
      const card = await servedCard();
      const made = await behalf(['import', 'agent-card', card.url, '--owner', 'ada@acme.test', '--json']);
      card.close();
      expect([made.code, JSON.parse(made.output)]).toMatchObject([0, { outcome: 'created', status: 'proposed', url: card.url }]);
      expect((await behalf(['import', 'agent-card', 'https://10.0.0.7/card.json'])).code).toBe(1);
      await importsAListTwice();
      const file = join(folder.path, 'agents.csv');
      await writeFile(file, 'externalId,displayName,owner,status\n1,Bot,ada@acme.test,active\n2,Other,nobody@acme.test,\n');
      const imported = await behalf(['import', 'agents', file, '--source', 'hr', '--json']);
      expect([imported.code, JSON.parse(imported.output)]).toEqual([1, expect.objectContaining({ created: 1, refused: 1 })]);
      const { code, report, of } = await doctor();
      await walksToATokenAndBack();
      expect([code, report.healthy]).toEqual([0, true]);
      expect(of('master key')?.state).toBe('ok');
      expect(of('signing keys')?.words).toContain('ES256');
      expect(of('administrators')).toMatchObject({ state: 'warning', words: expect.stringContaining('ada@acme.test') });
    } finally {
      expect(await server.end('SIGTERM')).toBe(0);
    }
  }, 240_000);

  test('the doctor tells every fault of the configuration, a foreign master key and a database out of reach', async () => {
    const faulty = await doctor({ PORT: 'many', BEHALF_LOG_LEVEL: 'loud' });
    expect([faulty.code, faulty.report.findings.length]).toEqual([1, 2]);
    const key = await doctor({ BEHALF_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') });
    expect([key.code, key.of('master key')?.state]).toEqual([1, 'failed']);
    const away = { DATABASE_URL: 'postgresql://a:b@127.0.0.1:1/behalf', BEHALF_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') };
    const out = await doctor(away);
    expect([out.code, out.of('database')?.state]).toEqual([1, 'failed']);
    const verified = await behalf(['audit', 'verify'], away);
    expect([verified.code, verified.output]).toEqual([69, expect.stringMatching(/^The database cannot be reached: .*behalf doctor/)]);
  }, 60_000);

  test('a setting in words nobody offers is refused with help', async () => {
    const { code, output } = await behalf(['dance']);
    expect([code, output]).toEqual([64, expect.stringContaining('unknown command')]);
  });
});
