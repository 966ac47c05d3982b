import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { DatabaseConnection } from '../../src/platform/db/embedded-postgres.ts';

/** A database of a test's own. */
export interface TestDatabase {
  readonly connection: DatabaseConnection;
  /** Removes it, ending every connection to it. */
  drop(): Promise<void>;
}

/** An own database with every migration applied: a copy of the run's template. */
export function freshDatabase(): Promise<TestDatabase> {
  return createDatabase(`TEMPLATE ${template().database}`);
}

/** An own database without a table. */
export function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase('');
}

async function createDatabase(clause: string): Promise<TestDatabase> {
  const database = `test_${process.env['JEST_WORKER_ID']}_${randomUUID().slice(0, 8)}`;
  await asAdministrator(`CREATE DATABASE "${database}" ${clause}`);
  return {
    connection: { ...template(), database },
    drop: () => asAdministrator(`DROP DATABASE "${database}" WITH (FORCE)`),
  };
}

async function asAdministrator(sql: string): Promise<void> {
  const client = new pg.Client({ ...template(), database: 'postgres' });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function template(): DatabaseConnection {
  const text = process.env['BEHALF_TEST_DATABASE'];
  if (text === undefined) throw new Error('the test run has no database: start tests with npm test');
  return JSON.parse(text) as DatabaseConnection;
}
