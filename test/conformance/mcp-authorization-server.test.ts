import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { createHome, type Home } from '../support/program.ts';
import { LOOPBACK_CLIENT, selfRegistered } from '../support/self-registered.ts';
import { freePort } from '../support/test-server.ts';

const RUNNER = 'node_modules/@modelcontextprotocol/conformance/dist/index.js';
const RESOURCE = 'https://notes.acme.test/mcp';

let server: InhabitedServer;
let home: Home;
beforeAll(async () => {
  [server, home] = await Promise.all([createInhabitedServer(), createHome()]);
  await server.resource(RESOURCE, ['notes:read', 'notes:write']);
}, 60_000);
afterAll(async () => {
  await home.remove();
  await server.close();
});

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** What the runner wrote down, by scenario. */
async function resultsIn(folder: string): Promise<Readonly<Record<string, readonly Check[]>>> {
  const entries = await readdir(folder);
  const read = async (entry: string) => {
    const scenario = /^authorization-server-(.+)-\d{4}-\d\d-\d\dT/.exec(entry)?.[1] ?? entry;
    return [scenario, JSON.parse(await readFile(join(folder, entry, 'checks.json'), 'utf8')) as Check[]] as const;
  };
  return Object.fromEntries(await Promise.all(entries.map(read)));
}

/** Runs every scenario for authorization servers, with software that registered by itself and a person who says yes. */
async function runAll(name: string, options: Readonly<Record<string, string>>) {
  const port = await freePort();
  const redirect_uris = [`http://127.0.0.1:${port}/callback`];
  const software = await selfRegistered(server, { ...LOOPBACK_CLIENT, client_name: `Conformance ${name}`, redirect_uris });
  const folder = join(home.path, name);
  const settings = { url: server.issuer, 'client-id': software.clientId, port: String(port), 'output-dir': folder, ...options };
  const args = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, value]);
  const runner = home.start({ script: RUNNER, args: ['authorization', ...args] });
  const [address] = await runner.says(/^http\S+\?response_type=code\S+(?=\n)/m);
  const callback = await server.anotherBrowser().authorize(address);
  await fetch(callback);
  const code = await runner.ended();
  return { code, results: await resultsIn(folder), address: new URL(address) };
}

const METADATA = 'authorization-server-metadata-endpoint';
const CODE = 'authorization-code-grant';
/** Check, verdict and what the runner says of it. */
const verdicts = (results: Readonly<Record<string, readonly Check[]>>) =>
  Object.fromEntries(
    Object.entries(results).map(([scenario, checks]) => [
      scenario,
      checks.map(({ id, status, errorMessage }) => [id, status, errorMessage ?? ''].join(' ').trim()),
    ]),
  );

describe('@modelcontextprotocol/conformance authorization', () => {
  test.each([
    ['without a resource', {}],
    ['with a resource', { resource: RESOURCE }],
  ])('every scenario passes, %s', async (name, options) => {
    const { code, results, address } = await runAll(name.replaceAll(' ', '-'), options);
    expect(address.searchParams.get('resource')).toBe('resource' in options ? options.resource : null);
    expect(verdicts(results)).toEqual({
      [METADATA]: ['authorization-server-metadata SUCCESS', 'authorization-server-metadata-cimd SUCCESS'],
      [CODE]: ['authorization-code-grant SUCCESS'],
    });
    expect(code).toBe(0);
  });
});
