import { expect, test } from '@jest/globals';
import { createDb } from '../../../src/platform/db/db.ts';
import { keySet, keysOf, rowSet, rowsOf } from '../../../src/platform/db/row-set.ts';
import { freshDatabase } from '../../support/database.ts';

const TEXTS = ['plain', 'C:\\udata', 'pair \u{1f600}', 'half \ud800', '{"a":1}'];

test('whatever text a caller sends arrives; half a surrogate pair as U+FFFD, not as an error', async () => {
  const database = await freshDatabase();
  const db = createDb({ connection: database.connection, log: { warn: () => undefined } });
  const wanted = TEXTS.map((text) => text.toWellFormed());
  try {
    const rows = await db.rows<{ text: string }>({
      name: 'rows',
      text: `SELECT given.text FROM ${rowsOf('$1', [['text', 'text']], 'given')}`,
      values: [rowSet(TEXTS.map((text) => ({ text })))],
    });
    expect(rows.map(({ text }) => text)).toEqual(wanted);
    const keys = await db.rows<{ keys: string[] }>({ name: 'keys', text: `SELECT ${keysOf('$1')} AS keys`, values: [keySet(TEXTS)] });
    expect(keys[0]?.keys).toEqual(wanted);
  } finally {
    await db.close();
    await database.drop();
  }
});
