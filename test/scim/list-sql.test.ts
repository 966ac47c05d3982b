import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createListing } from '../../src/scim/index.ts';
import { parseFilter, parseSort } from '../../src/scim/filter.ts';
import type { ScimListQuery } from '../../src/scim/resource-type.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { lampDescription as lamp, lampExtension } from './lamps.ts';

const ROWS = { select: 'lamp.id', from: 'lamp', where: 'lamp.is_there', id: 'lamp.id' };
const columns = {
  id: { column: 'lamp.id', type: 'text', isAlwaysSet: true },
  name: { column: 'lamp.name', type: 'text', isAlwaysSet: true },
  serial: { column: 'lamp.serial', type: 'text' },
  watts: { column: 'lamp.watts', type: 'number' },
  active: { column: 'lamp.active', type: 'boolean' },
  [`${lampExtension}:checkedAt`]: { column: 'lamp.checked_at', type: 'timestamp' },
} as const;
const sorts = ['id', 'name', 'serial', 'watts', 'active', `${lampExtension}:checkedAt`];

let database: TestDatabase;
let db: Db;
let list: ReturnType<typeof createListing<{ id: string }>>;

beforeAll(async () => {
  database = await freshDatabase();
  db = createDb({ connection: database.connection, log: { warn: () => undefined } });
  const run = (text: string) => db.rows({ name: '', text, values: [] });
  await run(
    'CREATE TABLE lamp (id text PRIMARY KEY, name text NOT NULL, serial text, watts numeric, active boolean, checked_at timestamptz(3), is_there boolean)',
  );
  // few different values and many without one, so that ties and gaps are everywhere
  await run(`INSERT INTO lamp SELECT 'lamp-' || lpad(n::text, 3, '0'), (ARRAY['a', 'A', 'b', 'é', 'Z', '_'])[n % 6 + 1], (ARRAY['x', 'y', NULL])[n % 3 + 1],
    (ARRAY[1, 2.5, -3, NULL])[n % 4 + 1], (ARRAY[true, false, NULL])[n % 3 + 1], CASE WHEN n % 5 > 0 THEN timestamptz '2026-01-01' + n % 5 * interval '1.001 hour' END, n % 10 > 0
    FROM generate_series(1, 100) AS n`);
  list = createListing<{ id: string }>({ db, rows: ROWS, columns });
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

const idsOf = ({ rows }: { rows: readonly { id: string }[] }) => rows.map(({ id }) => id);

/** The whole list, page by page. */
async function walk(query: Omit<ScimListQuery, 'page'>, count: number): Promise<string[]> {
  const ids: string[] = [];
  let position: string | undefined;
  do {
    const found = await list({ ...query, page: { by: 'position', count, ...(position === undefined ? {} : { position }) } });
    ids.push(...idsOf(found));
    position = found.nextPosition;
  } while (position !== undefined);
  return ids;
}

describe('RFC 9865 §2', () => {
  test('a walk by cursor sees what a list by index shows, each resource once, whatever the sort', async () => {
    const sort = fc.option(fc.tuple(fc.constantFrom(...sorts), fc.constantFrom('ascending', 'descending')), { nil: undefined });
    const filter = fc.constantFrom(undefined, 'name eq "a"', 'serial pr', 'not (watts gt 0)');
    await fc.assert(
      fc.asyncProperty(sort, filter, fc.integer({ min: 1, max: 40 }), async (sorted, text, count) => {
        const query = {
          ...(sorted === undefined ? {} : { sort: parseSort(lamp, ...sorted) }),
          ...(text === undefined ? {} : { filter: parseFilter(lamp, text) }),
        };
        const whole = await list({ ...query, page: { by: 'index', startIndex: 1, count: 200 } });
        const walked = await walk(query, count);
        expect(walked).toEqual(idsOf(whole));
        expect(walked.length).toBe(whole.totalResults);
      }),
      { numRuns: 150 },
    );
  });

  test('§2.1 only the first page counts, and a position of another query is 400 invalidCursor', async () => {
    const sort = parseSort(lamp, 'active', 'ascending');
    const first = await list({ sort, page: { by: 'position', count: 10 } });
    expect(first).toMatchObject({ totalResults: 90, nextPosition: expect.any(String) });
    const { nextPosition: position = '' } = first;
    expect(await list({ sort, page: { by: 'position', count: 10, position } })).not.toHaveProperty('totalResults');
    const text = parseSort(lamp, 'name', 'ascending');
    for (const query of [{}, { sort: text }]) {
      await expect(list({ ...query, page: { by: 'position', count: 10, position } })).rejects.toMatchObject({
        details: { scimType: 'invalidCursor' },
      });
    }
    for (const broken of ['', '["lamp-001","x"]', '[]', '[5, 5]', '["lamp-001", {}]', '{"a":1}', '["lamp-001","2026"]']) {
      await expect(list({ sort, page: { by: 'position', count: 10, position: broken } })).rejects.toMatchObject({
        details: { scimType: 'invalidCursor' },
      });
    }
    const [named, dated] = [text, parseSort(lamp, `${lampExtension}:checkedAt`, 'ascending')];
    for (const [wanted, position] of [
      [named, String.raw`["lamp-001","\u0000"]`],
      [named, String.raw`["\u0000","a"]`],
      [named, String.raw`["lamp-001","\ud800"]`],
      [dated, '["lamp-001","+275760-09-13T00:00:00.000Z"]'],
    ] as const) {
      await expect(list({ sort: wanted, page: { by: 'position', count: 10, position } })).rejects.toMatchObject({
        details: { scimType: 'invalidCursor' },
      });
    }
  });
});

test('RFC 7644 §3.12: a query that takes longer than the database may is 400 tooMany', async () => {
  const slow = createListing<{ id: string }>({ db, rows: { ...ROWS, from: 'lamp, generate_series(1, 1000000000) AS n' }, columns });
  const asked = db.transaction(async () => {
    await db.rows({ name: '', text: `SET LOCAL statement_timeout = '50ms'`, values: [] });
    return slow({ page: { by: 'index', startIndex: 1, count: 5 }, sort: parseSort(lamp, 'watts', 'ascending') });
  });
  await expect(asked).rejects.toMatchObject({ code: 'invalid_input', details: { scimType: 'tooMany' } });
});
