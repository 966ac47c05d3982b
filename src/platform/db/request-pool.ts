import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

type Work = () => Promise<void> | void;
type AnyQuery = (...args: unknown[]) => Promise<pg.QueryResult>;
type AnyConnect = (...args: unknown[]) => Promise<pg.PoolClient>;

const ASIDE_CONNECTIONS = 3;

/**
 * One unit of work: until its first write it is only a note that a transaction is wanted, and its reads go to the pool. So a
 * request that fetches something from outside first, or only reads, holds no connection while it waits.
 */
interface Unit {
  state: 'idle' | 'open' | 'ended';
  client: pg.PoolClient | undefined;
  /** The engine calls adapters in `Promise.all`, a connection takes one statement at a time: they queue here. */
  tail: Promise<unknown>;
  savepoints: number;
  rollbackOnly: boolean;
  readonly afterCommit: Work[];
  readonly afterRollback: Work[];
}

/** What is not certainly a plain read opens the transaction: an unknown statement counts as a write. */
function isPlainRead(text: string): boolean {
  return (
    /^\s*(select|show|explain)\b/i.test(text) &&
    !/\bfor\s+(update|share|no\s+key\s+update|key\s+share)\b/i.test(text) &&
    !/\bpg_(notify|(try_)?advisory_xact)/i.test(text)
  );
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  return (query as { text?: string }).text ?? '';
}

/** Turns the transaction statements of Prisma's interactive transactions into savepoints of the unit. */
function asSavepoint(text: string, name: string): string {
  if (/^\s*begin/i.test(text)) return `SAVEPOINT ${name}`;
  if (/^\s*commit/i.test(text)) return `RELEASE SAVEPOINT ${name}`;
  if (/^\s*rollback/i.test(text)) return `ROLLBACK TO SAVEPOINT ${name}`;
  if (/^\s*set transaction/i.test(text)) return 'SELECT 1';
  return text;
}

/**
 * A `pg.Pool` that looks for the unit of work it is called in. Everything that holds this pool (Prisma's API, nested writes,
 * raw statements) therefore joins the same transaction without being handed a connection.
 */
export class RequestPool extends pg.Pool {
  readonly #units = new AsyncLocalStorage<Unit>();
  /**
   * Connections for what a unit does outside itself while it holds one of ours. From the same pool it would wait for units that
   * wait for it: twenty uses of one code hold every connection until the first of them, which needs a second one, is through.
   */
  readonly #aside: pg.Pool;
  readonly #isAside = new AsyncLocalStorage<boolean>();

  constructor(config: pg.PoolConfig) {
    super(config);
    this.#aside = new pg.Pool({ ...config, max: ASIDE_CONNECTIONS });
    this.#aside.on('error', (error, client) => this.emit('error', error, client));
    // a connection that breaks while it is held between two statements has no listener of the pool, and would end the process;
    // the next statement on it fails and tells
    for (const pool of [this, this.#aside]) pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** The unit of work this call runs in, unless it has ended. */
  get #current(): Unit | undefined {
    const unit = this.#units.getStore();
    return unit === undefined || unit.state === 'ended' ? undefined : unit;
  }

  /** The pool's own method, past the unit under way. */
  #direct(method: 'query' | 'connect'): AnyQuery | AnyConnect {
    if (this.#isAside.getStore() === true) return this.#aside[method].bind(this.#aside) as unknown as AnyQuery | AnyConnect;
    return super[method].bind(this) as unknown as AnyQuery | AnyConnect;
  }

  override async end(): Promise<void> {
    await Promise.all([this.#aside.end(), super.end()]);
  }

  override query(...args: unknown[]): Promise<pg.QueryResult> {
    const unit = this.#current;
    const direct = this.#direct('query') as AnyQuery;
    if (unit === undefined) return direct(...args);
    if (unit.state === 'idle' && isPlainRead(textOf(args[0]))) return direct(...args);
    return this.#inUnit(unit, (client) => (client.query as unknown as AnyQuery)(...args));
  }

  override connect(...args: unknown[]): Promise<pg.PoolClient> {
    const unit = this.#current;
    const direct = this.#direct('connect') as AnyConnect;
    if (unit === undefined || args.length > 0) return direct(...args);
    unit.savepoints += 1;
    const name = `s${unit.savepoints}`;
    const query = (statement: unknown, ...rest: unknown[]) => {
      const mapped =
        typeof statement === 'string'
          ? asSavepoint(statement, name)
          : { ...(statement as object), text: asSavepoint(textOf(statement), name) };
      return this.#inUnit(unit, (client) => (client.query as unknown as AnyQuery)(mapped, ...rest));
    };
    const ignore = () => undefined;
    return Promise.resolve({
      query,
      release: ignore,
      on: ignore,
      once: ignore,
      off: ignore,
      removeListener: ignore,
    } as unknown as pg.PoolClient);
  }

  /** Queues `run` on the unit's connection, which the first call opens. */
  #inUnit<T>(unit: Unit, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const step = async () => run(await this.#open(unit));
    const result = unit.tail.then(step, step);
    unit.tail = result.catch(() => undefined);
    return result;
  }

  async #open(unit: Unit): Promise<pg.PoolClient> {
    if (unit.client !== undefined) return unit.client;
    if (unit.state === 'ended') throw new Error('This unit of work has ended.');
    const client = await (this.#direct('connect') as AnyConnect)();
    try {
      await client.query('BEGIN');
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
    unit.client = client;
    unit.state = 'open';
    return client;
  }

  /** Runs `work` as one unit: committed when it returns, rolled back when it throws or was marked. Joins a unit already under way. */
  async unit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#current !== undefined) return work();
    const unit: Unit = {
      state: 'idle',
      client: undefined,
      tail: Promise.resolve(),
      savepoints: 0,
      rollbackOnly: false,
      afterCommit: [],
      afterRollback: [],
    };
    try {
      const result = await this.#units.run(unit, work);
      await this.#end(unit, unit.rollbackOnly ? 'ROLLBACK' : 'COMMIT');
      return result;
    } catch (error) {
      await this.#end(unit, 'ROLLBACK');
      throw error;
    }
  }

  async #end(unit: Unit, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (unit.state === 'ended') return;
    await unit.tail;
    unit.state = 'ended';
    const { client } = unit;
    if (client !== undefined) await endTransaction(client, how);
    for (const work of how === 'COMMIT' ? unit.afterCommit : unit.afterRollback) await work();
  }

  /** Runs `work` outside the unit it is called in: what it writes stays, whatever becomes of the unit. */
  detached<T>(work: () => Promise<T>): Promise<T> {
    const isHolding = this.#current?.state === 'open';
    return this.#units.exit(() => (isHolding ? this.#isAside.run(true, work) : work()));
  }

  /** Whether what is asked here needs neither the unit's connection nor one set aside: anybody may ask it for us. */
  get isFree(): boolean {
    return this.#isAside.getStore() !== true && this.#current?.state !== 'open';
  }

  /** Decides that the unit under way will be rolled back although nothing throws. */
  rollbackUnit(): void {
    if (this.#current !== undefined) this.#current.rollbackOnly = true;
  }

  /** Runs once the unit is committed; at once when there is none. */
  afterCommit(work: Work): void {
    const unit = this.#current;
    if (unit !== undefined) unit.afterCommit.push(work);
    else void work();
  }

  /** Runs once the unit was rolled back, outside of it. */
  afterRollback(work: Work): void {
    this.#current?.afterRollback.push(work);
  }
}

async function endTransaction(client: pg.PoolClient, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  const outcome = await client.query(how).catch((error: Error) => error);
  if (outcome instanceof Error) {
    client.release(outcome);
    if (how === 'COMMIT') throw outcome;
    return;
  }
  client.release();
  // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK instead of an error: nothing was saved
  if (outcome.command !== how) throw new Error('The transaction had failed and was rolled back.');
}
