import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseFilter, type ScimFilter } from '../../src/scim/filter.ts';
import { matchesFilter } from '../../src/scim/filter-match.ts';
import { type ScimColumns, compileFilter } from '../../src/scim/filter-sql.ts';
import { lampDescription as lamp, lampExtension } from './lamps.ts';
import { startPostgres } from './postgres.ts';

const columns: ScimColumns = {
  name: { column: 'l.name', type: 'text' },
  serial: { column: 'l.serial', type: 'text' },
  active: { column: 'l.active', type: 'boolean' },
  watts: { column: 'l.watts', type: 'number' },
  [`${lampExtension}:checkedAt`]: { column: 'l.checked_at', type: 'timestamp' },
  owners: {
    rows: 'SELECT 1 FROM owner o WHERE o.lamp_id = l.id',
    columns: { value: { column: 'o.value', type: 'text' }, type: { column: 'o.type', type: 'text' } },
  },
  tags: { rows: 'SELECT 1 FROM tag t WHERE t.lamp_id = l.id', columns: { value: { column: 't.value', type: 'text' } } },
};

const textValues = ['a', 'A', 'ab', 'aB', '%', 'a%b', 'a_b', 'a\\b', '"', 'é', 'É', "'; DROP TABLE lamp; --", '\u{1f4a1}', '\uffee'];
const pick = (index: number): string | undefined => (index % 5 === 4 ? undefined : textValues[(index * 7) % textValues.length]);

const lamps = Array.from({ length: 40 }, (_, index) => ({
  id: `lamp-${index}`,
  name: pick(index),
  serial: pick(index + 2),
  active: [true, false, undefined][index % 3],
  watts: [-1, 0, 1.5, 7, undefined][index % 5],
  tags: index % 4 === 0 ? undefined : Array.from({ length: index % 4 }, (_each, at) => textValues[(index + at) % textValues.length] ?? ''),
  owners:
    index % 3 === 0
      ? undefined
      : Array.from({ length: index % 3 }, (_each, at) => ({
          value: textValues[(index * 3 + at) % textValues.length],
          type: [undefined, 'User', 'Group'][(index + at) % 3],
        })),
  [lampExtension]: { checkedAt: [undefined, '2026-01-01T00:00:00Z', '2026-06-01T02:00:00+02:00'][index % 3] },
}));

let database: Awaited<ReturnType<typeof startPostgres>>;

beforeAll(async () => {
  database = await startPostgres();
  await database.client.query(`CREATE TABLE lamp (id text PRIMARY KEY, name text, serial text, active boolean, watts numeric, checked_at timestamptz);
    CREATE TABLE owner (lamp_id text, value text, type text); CREATE TABLE tag (lamp_id text, value text)`);
  for (const {
    id,
    name,
    serial,
    active,
    watts,
    tags = [],
    owners = [],
    [lampExtension]: { checkedAt },
  } of lamps) {
    await database.client.query('INSERT INTO lamp VALUES ($1, $2, $3, $4, $5, $6)', [id, name, serial, active, watts, checkedAt]);
    for (const { value, type } of owners) await database.client.query('INSERT INTO owner VALUES ($1, $2, $3)', [id, value, type]);
    for (const tag of tags) await database.client.query('INSERT INTO tag VALUES ($1, $2)', [id, tag]);
  }
}, 60_000);

afterAll(() => database.stop());

const quoted = fc.constantFrom(...textValues, '').map((text) => JSON.stringify(text));
const comparisons = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'];
const anyCase = (text: string) => fc.constantFrom(text, text.toUpperCase(), text.slice(0, 1).toUpperCase() + text.slice(1));
const textual = (name: string) =>
  fc.tuple(anyCase(name), fc.constantFrom(...comparisons).chain(anyCase), quoted).map((parts) => parts.join(' '));
const ordering = fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le');
/** Present, or compared with nothing: RFC 7644 §3.4.2.2 says `pr`, clients also say `ne null`. */
const presence = (...names: readonly string[]) =>
  fc.tuple(fc.constantFrom(...names), fc.constantFrom('pr', 'eq null', 'ne null')).map(([name, op]) => `${name} ${op}`);
/** Leaves joined in every way there is, with and without the brackets that the precedence makes needless. */
const nested = (leaf: fc.Arbitrary<string>, maxDepth: number): fc.Arbitrary<string> =>
  fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth },
      leaf,
      fc.tuple(tie('tree'), fc.constantFrom('and', 'or', 'OR'), tie('tree')).map(([left, op, right]) => `(${left}) ${op} (${right})`),
      fc.tuple(leaf, fc.constantFrom('and', 'or'), leaf, fc.constantFrom('and', 'or'), leaf).map((parts) => parts.join(' ')),
      tie('tree').map((inner) => `not (${inner})`),
    ),
  })).tree;

const ownerFilter = nested(fc.oneof(textual('value'), textual('type'), presence('value', 'type')), 2);
const tagFilter = nested(fc.oneof(textual('value'), presence('value')), 2);
const leaf = fc.oneof(
  ...['name', 'serial', 'owners.value', 'owners.type', 'owners', 'tags'].map(textual),
  tagFilter.map((inner) => `tags[${inner}]`),
  ownerFilter.map((inner) => `owners[${inner}]`),
  presence('name', 'serial', 'active', 'watts', 'owners', 'tags', 'owners.value', 'owners.type', `${lampExtension}:checkedAt`),
  fc.constantFrom('active eq true', 'active ne true', 'active eq false', 'active eq "True"'),
  fc.tuple(ordering, fc.constantFrom('-1', '0', '1.5', '2')).map(([op, value]) => `watts ${op} ${value}`),
  fc
    .tuple(ordering, fc.constantFrom('2026-01-01T00:00:00Z', '2026-06-01T00:00:00Z', '2026-06-01T01:00:00+01:00'))
    .map(([op, value]) => `${lampExtension}:checkedAt ${op} "${value}"`),
);
const filterText = nested(leaf, 3);

/** Every operator and shape of a parsed filter, as words. */
function shapesOf(filter: ScimFilter, inside = ''): string[] {
  const own = `${inside}${filter.op}`;
  if (filter.op === 'and' || filter.op === 'or') return [own, ...filter.filters.flatMap((each) => shapesOf(each, inside))];
  if (filter.op === 'not') return [own, ...shapesOf(filter.filter, inside)];
  if (filter.op === 'where') return [own, ...shapesOf(filter.filter, `${filter.target.path}: `)];
  return [own];
}

describe('RFC 7644 §3.4.2.2 in SQL', () => {
  test('PostgreSQL finds exactly the resources that match in memory', async () => {
    const shapes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(filterText, async (text) => {
        const filter = parseFilter(lamp, text);
        for (const shape of shapesOf(filter)) shapes.add(shape);
        const { sql, params } = compileFilter(filter, columns);
        const { rows } = await database.client.query<{ id: string }>(`SELECT l.id FROM lamp l WHERE ${sql}`, [...params]);
        const expected = lamps.filter((each) => matchesFilter(filter, each)).map(({ id }) => id);
        expect(rows.map(({ id }) => id).sort()).toEqual(expected.sort());
      }),
      { numRuns: 1500 },
    );
    const operators = [...comparisons, 'pr', 'and', 'or', 'not'];
    const expected = ['', 'owners: ', 'tags: '].flatMap((inside) => operators.map((op) => `${inside}${op}`));
    expect([...shapes].sort()).toEqual([...expected, 'where'].sort());
  });
});
