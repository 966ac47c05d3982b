import { spawn } from 'node:child_process';
import http from 'node:http';
import { join } from 'node:path';
import type { DatabaseConnection } from '../../src/platform/db/embedded-postgres.ts';

/** A server in a process of its own, started as `behalf start` starts it. */
export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends a signal and waits for the end; returns the exit code, null after a kill. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

/** What a program of ours needs of this one's environment; what it compiled serves the next one of the run too, which then starts in two thirds of the time. */
export function programEnvironment(): Record<string, string> {
  const compiled = join(process.env['BEHALF_TEST_FOLDER'] ?? '', 'compiled');
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_COMPILE_CACHE: compiled };
}

/** The environment that makes a server use a test's database. */
export function databaseEnvironment(connection: DatabaseConnection, masterKey: Buffer): Record<string, string> {
  const { user, password, database, host } = connection;
  const url = `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}`;
  return { DATABASE_URL: url, BEHALF_MASTER_KEY: masterKey.toString('base64') };
}

const START_MS = 30_000;

/** Starts a server without waiting for it. */
export function spawnServer(port: number, env: Record<string, string>): ServerProcess & { readonly ready: Promise<void> } {
  const child = spawn(process.execPath, ['--no-warnings', 'src/main.ts', 'start'], {
    env: { ...programEnvironment(), BEHALF_LOG_LEVEL: 'warn', ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Behalf serves')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then((code) => reject(new Error(`the server ended with ${code}:\n${text}`)));
  });
  ready.catch(() => undefined);
  const end = (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    return ended;
  };
  return { port, pid: child.pid ?? 0, output: () => text, end, ready };
}

/** Starts a server and waits until it says that it serves. Throws with its output when it ends instead, or takes too long. */
export async function startServerProcess(port: number, env: Record<string, string>): Promise<ServerProcess> {
  const server = spawnServer(port, env);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the server did not start:\n${server.output()}`)), START_MS);
  });
  try {
    await Promise.race([server.ready, late]);
    return server;
  } catch (error) {
    await server.end('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  json(): Record<string, unknown>;
}

/** What is sent; a form is sent as such, anything else as JSON. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string> | URLSearchParams;
  readonly json?: unknown;
}

/**
 * Asks the server on a port for a path, under the host name of the issuer: several servers of one issuer then answer side by
 * side, as behind a load balancer. `fetch` cannot set Host.
 */
export function ask(where: { readonly port: number; readonly issuer: string }, path: string, what: Ask = {}): Promise<Answer> {
  const isForm = what.form !== undefined;
  const body = isForm ? new URLSearchParams(what.form).toString() : what.json === undefined ? undefined : JSON.stringify(what.json);
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const headers = {
    host: new URL(where.issuer).host,
    ...(body === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
    ...what.headers,
  };
  const method = what.method ?? (body === undefined ? 'GET' : 'POST');
  return new Promise((resolve, reject) => {
    const request = http.request({ host: 'localhost', port: where.port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: () => JSON.parse(text) as Record<string, unknown>,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
