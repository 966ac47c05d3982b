import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { PrismaClient } from '../../generated/prisma/client.ts';
import type { Logger } from '../log.ts';
import type { DatabaseConnection } from './embedded-postgres.ts';
import { RequestPool } from './request-pool.ts';
import { type AskForMany, together } from './together.ts';

/** Where a PostgreSQL answers: a URL, or the parts an embedded one was started with. */
export type Connection = string | DatabaseConnection;

/** A prepared statement: the name makes PostgreSQL keep its plan, so it must be unique for its text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * The one handle on the database. Prisma's API and raw statements go through the same pool, and both join the unit of work
 * (transaction) they are called in, so a use case and everything it calls commit together or not at all.
 */
export interface Db {
  readonly prisma: PrismaClient;
  /** Runs one prepared statement and returns its rows. */
  rows<Row extends object>(statement: Statement): Promise<Row[]>;
  /** The first row, if there is one. */
  row<Row extends object>(statement: Statement): Promise<Row | undefined>;
  /** Runs `work` in one transaction; inside another one it joins that. Rolled back when `work` throws. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work` outside the transaction under way: what it writes stays even if that one is rolled back. */
  detached<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Makes one statement of what many requests ask at the same time (together.ts), committed at once. A request that has written
   * already asks alone, in its transaction. For reads, and for the only write of a request: what follows it may still fail, so
   * it must be true by itself.
   */
  together<Key, Value>(ask: AskForMany<Key, Value>): (key: Key) => Promise<Value>;
  /** Decides that the transaction under way will be rolled back although nothing throws. */
  rollback(): void;
  afterCommit(work: () => Promise<void> | void): void;
  afterRollback(work: () => Promise<void> | void): void;
  /** A connection of its own outside all transactions, for LISTEN and session locks; release it yourself. */
  dedicated(): Promise<pg.PoolClient>;
  /** How many connections there are, how many of them rest, and how many requests wait for one. */
  connections(): { readonly total: number; readonly idle: number; readonly waiting: number };
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** A connection holds prepared plans: after a pause the first requests would pay for sign-in and planning on each of them. */
const IDLE_CONNECTION_MS = 600_000;

/** How `pg` takes a connection. */
export function clientConfigOf(connection: Connection): pg.ClientConfig {
  return typeof connection === 'string' ? { connectionString: connection } : connection;
}

function poolConfig(connection: Connection, size: number): pg.PoolConfig {
  const limits = `-c statement_timeout=${STATEMENT_TIMEOUT_MS} -c lock_timeout=${LOCK_TIMEOUT_MS} -c idle_in_transaction_session_timeout=${IDLE_IN_TRANSACTION_MS}`;
  // the statement of a token looks costly and is short: compiling it, each time anew, would take a hundred times as long
  const planner = '-c jit=off';
  return {
    ...clientConfigOf(connection),
    max: size,
    options: `${limits} ${planner}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    application_name: 'behalf',
  };
}

/** Opens the pool; connects at the first statement. `poolSize` counts connections. */
export function createDb(deps: { connection: Connection; log: Pick<Logger, 'warn'>; poolSize?: number }): Db {
  const pool = new RequestPool(poolConfig(deps.connection, deps.poolSize ?? 10));
  // an idle connection that breaks is replaced at the next statement; without a listener it would end the process
  pool.on('error', (error: Error & { code?: string }) => deps.log.warn({ code: error.code }, 'an idle database connection broke'));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool as unknown as pg.Pool) });
  const rows = async <Row extends object>(statement: Statement) => {
    const result = await pool.query({ name: statement.name, text: statement.text, values: [...statement.values] });
    return result.rows as Row[];
  };
  return {
    prisma,
    rows,
    row: async <Row extends object>(statement: Statement) => (await rows<Row>(statement))[0],
    transaction: (work) => pool.unit(work),
    detached: (work) => pool.detached(work),
    together<Key, Value>(ask: AskForMany<Key, Value>) {
      const asked = together<Key, Value>((keys) => pool.detached(() => ask(keys)));
      return async (key: Key) => (pool.isFree ? asked(key) : ((await ask([key]))[0] as Value));
    },
    rollback: () => pool.rollbackUnit(),
    afterCommit: (work) => pool.afterCommit(work),
    afterRollback: (work) => pool.afterRollback(work),
    dedicated: () => pool.detached(() => pool.connect() as unknown as Promise<pg.PoolClient>),
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
