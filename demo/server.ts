import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A server of its own for one telling of the story: nothing of it stays. */
export interface ThrowawayServer {
  readonly issuer: string;
  readonly administrator: { readonly email: string; readonly password: string };
  /** The client that the environment names: what a pipeline would use to set things up. */
  readonly bootstrapClient: { readonly clientId: string; readonly clientSecret: string };
  /** Ends the server, waits for its database, and removes its folder. */
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START_MS = 60_000;
const STOP_MS = 15_000;

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}

function start(environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--no-warnings', 'src/main.ts', 'start'], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ready = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server did not start:\n${output}`)), START_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('Behalf serves')) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then((code) => {
      clearTimeout(late);
      reject(new Error(`the server ended with ${code}:\n${output}`));
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(forced);
  };
  return { ready, stop };
}

/** Starts `behalf start` on a free port with an embedded database in a temporary folder. @throws with its output when it does not serve. */
export async function startThrowawayServer(): Promise<ThrowawayServer> {
  const [folder, port] = await Promise.all([mkdtemp(join(tmpdir(), 'behalf-demo-')), freePort()]);
  const administrator = { email: 'ada@acme.example', password: randomBytes(18).toString('base64url') };
  const bootstrapClient = { clientId: 'setup-pipeline', clientSecret: randomBytes(32).toString('base64url') };
  const server = start({
    PORT: String(port),
    BEHALF_DATA_DIR: folder,
    BEHALF_ADMIN_EMAIL: administrator.email,
    BEHALF_ADMIN_PASSWORD: administrator.password,
    BEHALF_BOOTSTRAP_CLIENT_ID: bootstrapClient.clientId,
    BEHALF_BOOTSTRAP_CLIENT_SECRET: bootstrapClient.clientSecret,
    BEHALF_LOG_LEVEL: 'warn',
  });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { issuer: `http://localhost:${port}`, administrator, bootstrapClient, stop };
}
