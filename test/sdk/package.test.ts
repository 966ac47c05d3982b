import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';
import { type LocalIssuer, startLocalIssuer } from './local-issuer.ts';

test('the package imports itself, jose, Node, and CEL for those who map calls', async () => {
  const folder = resolve('src/sdk');
  const imported = new Set<string>();
  for (const file of await readdir(folder)) {
    const source = await readFile(join(folder, file), 'utf8');
    for (const [, name = ''] of source.matchAll(/(?:from|import\(?)\s*'([^']+)'/g)) imported.add(name);
  }
  const others = [...imported].filter((name) => !/^(?:\.\/[a-z-]+\.ts|node:[a-z/]+)$/.test(name));
  expect(others.sort()).toEqual(['@bufbuild/cel', 'jose']);
});

describe('the guide', () => {
  let issuer: LocalIssuer;
  let started: ChildProcess | undefined;
  beforeAll(async () => {
    issuer = await startLocalIssuer();
  });
  afterEach(async () => {
    const ended = new Promise((done) => started?.once('exit', done));
    if (started?.kill()) await ended;
  });
  afterAll(() => issuer.close());

  const invoices = `
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
    import { authorizationOf } from 'behalf/resource-server';
    export function createInvoices() {
      const mcp = new McpServer({ name: 'invoices', version: '1.0.0' });
      const answer = (extra) => ({ content: [{ type: 'text', text: 'invoices of ' + authorizationOf(extra.authInfo).subject }] });
      mcp.registerTool('read_invoices', { description: 'Lists invoices' }, answer);
      return mcp;
    }`;

  async function firstExample(): Promise<string> {
    const guide = await readFile('docs/guides/protect-an-mcp-server.md', 'utf8');
    return /```ts\n(.*?)```/s.exec(guide)?.[1] ?? '';
  }

  /** Runs the example as a reader would, with the packages it names installed; answers its address. */
  async function start(example: string, folder: string): Promise<string> {
    const port = await freePort();
    const resource = `http://127.0.0.1:${port}/mcp`;
    await mkdir(join(folder, 'node_modules'));
    await symlink(resolve('.'), join(folder, 'node_modules', 'behalf'));
    await symlink(resolve('node_modules/@modelcontextprotocol'), join(folder, 'node_modules', '@modelcontextprotocol'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'invoices.ts'), invoices);
    const settled = example
      .replace('https://auth.example.com', issuer.issuer)
      .replace('https://mcp.example.com/mcp', resource)
      .replace('listen(4000)', `listen(${port})`);
    await writeFile(join(folder, 'server.ts'), settled);
    started = spawn(process.execPath, ['--no-warnings', 'server.ts'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    for (let attempt = 0; attempt < 200 && started.exitCode === null; attempt += 1) {
      if ((await fetch(resource).catch(() => undefined)) !== undefined) return resource;
      await pause(50);
    }
    throw new Error('the example did not start');
  }

  test('protects an MCP server in ten lines that run as they stand', async () => {
    const example = await firstExample();
    expect(example.trimEnd().split('\n')).toHaveLength(10);
    const folder = await temporaryFolder();
    const resource = await start(example, folder.path);
    const call = (name: string, token?: string) =>
      fetch(resource, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(token && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
      });
    expect((await call('read_invoices')).headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/mcp');
    const token = await issuer.token({ aud: resource });
    expect(await (await call('read_invoices', token)).text()).toContain('invoices of usr_1');
    expect((await call('pay_invoice', token)).status).toBe(403);
    expect((await call('read_invoices', await issuer.token())).status).toBe(401);
    await folder.remove();
  });
});
