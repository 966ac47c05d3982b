import { expect, test } from '@jest/globals';
import { createDb } from '../../../src/platform/db/db.ts';
import { freshDatabase } from '../../support/database.ts';

test('a connection bounds every statement and lock, and compiles nothing', async () => {
  const database = await freshDatabase();
  const db = createDb({ connection: database.connection, log: { warn: () => undefined } });
  try {
    const rows = await db.rows<{ name: string; setting: string }>({
      name: 'settings',
      text: 'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
      values: [['jit', 'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']],
    });
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      jit: 'off',
      lock_timeout: '5000',
      statement_timeout: '10000',
      idle_in_transaction_session_timeout: '30000',
    });
  } finally {
    await db.close();
    await database.drop();
  }
});
