import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { type App, createApp } from './app.ts';
import type { Command } from './capability.ts';
import { issuerOf } from './oidc/index.ts';
import { failed, type Finding, fine, report } from './operations/index.ts';
import { systemClock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import { isDatabaseUnavailable } from './platform/db/availability.ts';
import { clientConfigOf, type Connection, createDb, type Db } from './platform/db/db.ts';
import { joinEmbeddedPostgres, startEmbeddedPostgres } from './platform/db/embedded-postgres.ts';
import { WrongMasterKeyError } from './platform/db/key-check.ts';
import { migrate, MigrationError, pendingMigrations } from './platform/db/migrate.ts';
import { type HttpServer, startHttpServer } from './platform/http/server.ts';
import { randomIds } from './platform/ids.ts';
import type { Logger } from './platform/log.ts';
import { masterKeyFile } from './platform/master-key.ts';
import { createVault } from './platform/vault.ts';

/** The folder that holds views/, migrations/ and node_modules/, from src/ and from dist/ alike. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MIGRATIONS = `${ROOT}migrations`;
const RETRY_MS = 1_000;
const DRAIN_MS = 8_000;

interface Console {
  readonly log: Logger;
  readonly out: (line: string) => void;
}

interface OpenDatabase {
  readonly connection: Connection;
  readonly migrationConnection: Connection;
  stop(): Promise<void>;
}

/** The database the configuration names, or our own in the data folder. */
async function openDatabase(config: Config, log: Logger, embed = startEmbeddedPostgres): Promise<OpenDatabase> {
  const { databaseUrl } = config;
  if (databaseUrl !== undefined) {
    return { connection: databaseUrl, migrationConnection: config.migrationDatabaseUrl ?? databaseUrl, stop: async () => undefined };
  }
  const embedded = await embed({ dataDir: config.dataDir, log, ids: randomIds });
  return { connection: embedded.connection, migrationConnection: embedded.connection, stop: () => embedded.stop() };
}

/** Answers 503 on the server's own address for as long as the database cannot be reached. */
async function answerUnavailable(config: Config): Promise<() => Promise<void>> {
  const server = http.createServer((request, response) => {
    const isAlive = request.url === '/healthz';
    response.writeHead(isAlive ? 200 : 503, { 'content-type': 'application/json', 'retry-after': '2', 'cache-control': 'no-store' });
    response.end(
      JSON.stringify(
        isAlive ? { status: 'ok' } : { error: 'temporarily_unavailable', error_description: 'The server waits for its database.' },
      ),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}

/** Runs the migrations, waiting for a database that is not there yet. */
async function migrateWhenReachable(config: Config, database: OpenDatabase, log: Logger): Promise<string[]> {
  let release: (() => Promise<void>) | undefined;
  for (;;) {
    try {
      const applied = await migrate(clientConfigOf(database.migrationConnection), { dir: MIGRATIONS, log, clock: systemClock });
      await release?.();
      return applied;
    } catch (error) {
      if (!isDatabaseUnavailable(error)) throw error;
      release ??= await answerUnavailable(config);
      log.warn({ code: (error as { code?: string }).code }, 'the database cannot be reached; trying again');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** `behalf migrate`: returns the names of the migrations that were applied. */
export async function migrateDatabase(config: Config, log: Logger): Promise<string[]> {
  const database = await openDatabase(config, log, joinEmbeddedPostgres);
  try {
    return await migrate(clientConfigOf(database.migrationConnection), { dir: MIGRATIONS, log, clock: systemClock });
  } finally {
    await database.stop();
  }
}

interface Assembled {
  readonly app: App;
  readonly db: Db;
}

async function assemble(config: Config, database: OpenDatabase, { log, out }: Console): Promise<Assembled> {
  const master =
    config.masterKey === undefined ? masterKeyFile(config.dataDir, randomIds) : { key: config.masterKey, createdAt: undefined };
  if (master.createdAt !== undefined)
    out(`Made a master key: ${master.createdAt}. Back this file up; without it the database cannot be opened.`);
  const vault = createVault({ masterKey: master.key, previousMasterKey: config.previousMasterKey, ids: randomIds });
  const db = createDb({ connection: database.connection, log });
  try {
    return { db, app: await createApp({ config, root: ROOT, db, vault, clock: systemClock, ids: randomIds, log }) };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Runs one verb of a capability on an assembled but silent server; `tell` hears what is not the verb's answer. Returns the exit code. */
export async function runVerb(
  config: Config,
  verb: { name: string; log: Logger; tell: Console['out']; options: Parameters<Command['run']>[0] },
): Promise<number> {
  const database = await openDatabase(config, verb.log, joinEmbeddedPostgres);
  try {
    await migrate(clientConfigOf(database.migrationConnection), { dir: MIGRATIONS, log: verb.log, clock: systemClock });
    const { app, db } = await assemble(config, database, { log: verb.log, out: verb.tell });
    try {
      const command = app.capabilities.flatMap((capability) => capability.commands ?? []).find(({ name }) => name === verb.name);
      if (command === undefined) throw new Error(`behalf ${verb.name} is not part of this server.`);
      const { correlation } = app.parts.audit;
      return await correlation.run(randomIds.next('req'), () => command.run(verb.options));
    } finally {
      await app.stop();
      await db.close();
    }
  } finally {
    await database.stop();
  }
}

/** Why the database cannot be worked with, as far as that can be told without touching it; undefined: it can be. */
async function examineDatabase(config: Config, database: OpenDatabase): Promise<Finding | undefined> {
  try {
    const pending = await pendingMigrations(clientConfigOf(database.migrationConnection), MIGRATIONS);
    if (pending.length === 0) return undefined;
    return failed('migrations', `The database lacks ${pending.join(', ')}.`, 'Run behalf migrate, or start the server.');
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (error instanceof MigrationError) return failed('migrations', words, 'Run the version of Behalf that fits the database.');
    const where = config.databaseUrl === undefined ? 'Look at the data folder.' : 'Look at DATABASE_URL and at the database itself.';
    return failed('database', `The database cannot be reached: ${words || 'no answer'}.`, where);
  }
}

async function examineParts(config: Config, database: OpenDatabase, to: Console): Promise<readonly Finding[]> {
  try {
    const { app, db } = await assemble(config, database, { log: to.log, out: () => undefined });
    try {
      return [fine('master key', 'It belongs to this database.'), ...(await app.parts.operations.examine())];
    } finally {
      await app.stop();
      await db.close();
    }
  } catch (error) {
    if (!(error instanceof WrongMasterKeyError)) throw error;
    return [failed('master key', error.message, 'Start with the right key.')];
  }
}

/** `behalf doctor`: looks, migrates nothing, waits for nothing, also beside a running server. Returns the exit code. */
export async function runDoctor(config: Config, { log, out, json }: Console & { readonly json: boolean }): Promise<number> {
  const findings = [fine('configuration', 'Every setting is valid.')];
  let database: OpenDatabase;
  try {
    database = await openDatabase(config, log, joinEmbeddedPostgres);
  } catch (error) {
    findings.push(failed('database', error instanceof Error ? error.message : String(error), 'Look at the data folder.'));
    return report(findings, { json, out });
  }
  try {
    const trouble = await examineDatabase(config, database);
    if (trouble !== undefined) findings.push(trouble);
    else findings.push(fine('migrations', 'The database is up to date.'), ...(await examineParts(config, database, { log, out })));
    return report(findings, { json, out });
  } finally {
    await database.stop();
  }
}

/** A server that answers. */
export interface RunningServer {
  readonly issuer: string;
  /** Drains: stop accepting → end event streams → finish requests → jobs → pool → database. Safe to call twice. */
  stop(): Promise<void>;
}

function greet(out: Console['out'], issuer: string, lines: readonly string[]): void {
  out(`Behalf serves ${issuer}`);
  for (const line of lines) out(line);
  out(`For an MCP server, name it in the protected resource metadata: "authorization_servers": ["${issuer}"]`);
}

/** Ends the process once the server has drained. Ctrl-C reaches npm and us at once: two signals within a second are one. */
function stopOnSignals(stop: () => Promise<void>, log: Logger): void {
  let firstAt: number | undefined;
  const onSignal = () => {
    const at = systemClock.now().getTime();
    if (firstAt !== undefined) {
      if (at - firstAt > 1_000) process.exit(1);
      return;
    }
    firstAt = at;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the server did not drain');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** `behalf start`: database, migrations, server; returns when it listens and ends the process on SIGTERM or Ctrl-C. */
export async function startServer(config: Config, { log, out }: Console): Promise<RunningServer> {
  const database = await openDatabase(config, log);
  let assembled: Assembled | undefined;
  let server: HttpServer | undefined;
  let figures: { close(): Promise<void> } | undefined;
  let stopping: Promise<void> | undefined;
  const drain = async () => {
    await server?.drain({ graceMs: DRAIN_MS });
    await figures?.close();
    await assembled?.app.stop();
    await assembled?.db.close();
    await database.stop();
  };
  const stop = () => {
    stopping ??= drain();
    return stopping;
  };
  stopOnSignals(stop, log);
  const issuer = issuerOf(config.issuer);
  try {
    await migrateWhenReachable(config, database, log);
    assembled = await assemble(config, database, { log, out });
    const { app } = assembled;
    const lines = await app.start();
    if (config.metrics.port !== undefined) figures = await app.metrics?.listen(config.metrics.port);
    server = await startHttpServer(app.http, { port: config.port, host: config.host });
    greet(out, issuer, lines);
  } catch (error) {
    await stop();
    throw error;
  }
  return { issuer, stop };
}
