import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../src/platform/errors.ts';
import { parseFilter, parseSort } from '../../src/scim/filter.ts';
import { matchesFilter } from '../../src/scim/filter-match.ts';
import { compileFilter, sortExpressionOf } from '../../src/scim/filter-sql.ts';
import { lampDescription as lamp, lampExtension, lampSchema } from './lamps.ts';

const hall = {
  id: 'lamp-1',
  name: 'Hall',
  serial: 'S1',
  active: true,
  watts: -5,
  tags: ['old', 'Brass'],
  place: { room: 'back\\slash "q"', floor: 1 },
  lastLitAt: '2026-02-01T01:00:00+01:00',
  meta: { resourceType: 'Lamp' },
  owners: [
    { value: 'u1', type: 'User' },
    { value: 'g1', type: 'Group' },
  ],
  [lampExtension]: { status: 'active', fuses: [{ value: 'F1', amps: 10.5 }] },
};

const matching = [
  'name eq "hall"',
  'NAME EQ "HALL"',
  'serial eq "S1"',
  'not (serial eq "s1")',
  'name ne "porch"',
  'name co "AL"',
  'name sw "ha"',
  'name ew "LL"',
  'name pr',
  'not (externalId pr)',
  'externalId ne "x"',
  'externalId eq null',
  'name ne null',
  'active eq true',
  'active eq "True"',
  'watts eq -5',
  'watts gt -6 and watts lt 0',
  '(watts ge -5)',
  'watts le -5 or name eq "x"',
  'lastLitAt eq "2026-02-01T00:00:00Z"',
  'lastLitAt gt "2026-01-31T23:59:59Z"',
  'name gt "GA" and name le "hall"',
  'place.room eq "back\\\\slash \\"q\\""',
  'place.room co "\\u0022q"',
  `${lampSchema}:name eq "Hall"`,
  `${lampExtension}:status eq "ACTIVE"`,
  `${lampExtension}:fuses[amps ge 1.05e1]`,
  'owners eq "u1"',
  'owners.type eq "group"',
  'owners[value eq "u1" and type eq "User"]',
  'not (owners[value eq "u1" and type eq "Group"])',
  'owners[not (type eq "User")]',
  'tags eq "brass"',
  'tags[value sw "o"]',
  'tags pr',
  'meta.resourceType eq "Lamp"',
  'name eq "x" and name eq "y" or name eq "hall"',
  'name eq "hall" or name eq "x" and name eq "y"',
  'not (name eq "x") and not (name eq "y")',
];

const invalid: [string, string][] = [
  ['an unknown attribute', 'colour eq "red"'],
  ['an unknown sub-attribute', 'place.street eq "x"'],
  ['an unknown schema', 'urn:x:y:name eq "x"'],
  ['an inherited name', 'constructor pr'],
  ['an inherited operator', 'name pr constructor name pr'],
  ['no operator', 'name'],
  ['an unknown operator', 'name xx "1"'],
  ['nothing', ''],
  ['an unclosed string', 'name eq "x'],
  ['a bad escape', 'name eq "\\x"'],
  ['an unclosed bracket', '(name pr'],
  ['a stray bracket', 'name pr)'],
  ['an ordering of booleans', 'active gt true'],
  ['a substring of a number', 'watts co 1'],
  ['a string for a number', 'watts eq "many"'],
  ['a number for a string', 'name eq 5'],
  ['a word for a boolean', 'active eq "perhaps"'],
  ['a bad dateTime', 'lastLitAt gt "yesterday"'],
  ['a complex attribute compared', 'place eq "x"'],
  ['a value path on a single value', 'place[room eq "x"]'],
  ['an attribute that is never returned', 'secret sw "a"'],
  ['null in an ordering', 'name gt null'],
  ['NUL', 'name eq "\\u0000"'],
  ['more than 2,000 characters', `name eq "${'x'.repeat(2000)}"`],
  ['more than 10 brackets', `${'('.repeat(11)}name pr${')'.repeat(11)}`],
  ['more than 10 negations', `${'not '.repeat(11)}name pr`],
];

function refusalOf(action: () => unknown): AppError | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return undefined;
}

describe('RFC 7644 §3.4.2.2 filters', () => {
  test.each(matching)('%s', (text) => {
    expect(matchesFilter(parseFilter(lamp, text), hall)).toBe(true);
    expect(matchesFilter({ op: 'not', filter: parseFilter(lamp, text) }, hall)).toBe(false);
  });

  test.each(invalid)('§3.12 invalidFilter: %s', (_title, text) => {
    expect(refusalOf(() => parseFilter(lamp, text))).toMatchObject({ code: 'invalid_input', details: { scimType: 'invalidFilter' } });
  });

  test('brackets inside strings do not count as depth', () => {
    expect(matchesFilter(parseFilter(lamp, `name ne "${'(['.repeat(50)}"`), hall)).toBe(true);
  });

  test('arbitrary text parses or is refused, and never takes the parser down', () => {
    const words = fc.constantFrom(
      'name',
      'owners',
      'eq',
      'co',
      'pr',
      'and',
      'or',
      'not',
      '(',
      ')',
      '[',
      ']',
      '"x"',
      '5',
      '-5',
      'true',
      'null',
      '.',
      ' ',
      '__proto__',
      'constructor',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(words, { maxLength: 40 }).map((parts) => parts.join(' ')),
      fc.array(words, { maxLength: 400 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (each) => {
        const refusal = refusalOf(() => matchesFilter(parseFilter(lamp, each), hall));
        expect(refusal?.details.scimType ?? 'invalidFilter').toBe('invalidFilter');
      }),
      { numRuns: 1500 },
    );
  });
});

describe('compileFilter', () => {
  const columns = { name: { column: 'l.name', type: 'text' }, watts: { column: 'l.watts', type: 'number' } } as const;

  test('binds every value and numbers on from the first parameter', () => {
    const { sql, params } = compileFilter(parseFilter(lamp, 'name sw "50%_\\\\" and watts gt 3'), columns, 4);
    expect(sql).toBe(
      `((l.name IS NOT NULL AND lower(l.name) LIKE lower($4) ESCAPE '\\') AND (l.watts IS NOT NULL AND l.watts > $5::numeric))`,
    );
    expect(params).toEqual(['50\\%\\_\\\\%', 3]);
  });

  test('§3.12 invalidFilter: an attribute the store does not map', () => {
    expect(refusalOf(() => compileFilter(parseFilter(lamp, 'serial pr'), columns))?.details.scimType).toBe('invalidFilter');
    expect(refusalOf(() => compileFilter(parseFilter(lamp, 'owners[value pr]'), columns))?.details.scimType).toBe('invalidFilter');
    expect(refusalOf(() => sortExpressionOf(parseSort(lamp, 'serial', undefined), columns))?.details.scimType).toBe('invalidFilter');
  });

  test('§3.4.2.3 sorts with case folded and absent values last, or first when descending', () => {
    expect(sortExpressionOf(parseSort(lamp, 'NAME', undefined), columns)).toEqual({
      sql: 'lower(l.name) COLLATE "C"',
      type: 'text',
      isAscending: true,
      isNullable: true,
    });
    expect(sortExpressionOf(parseSort(lamp, 'watts', 'descending'), columns)).toMatchObject({ sql: 'l.watts', isAscending: false });
    expect(refusalOf(() => parseSort(lamp, 'name', 'upwards'))?.details.scimType).toBe('invalidValue');
    expect(refusalOf(() => parseSort(lamp, 'colour', undefined))?.details.scimType).toBe('invalidPath');
  });
});
