import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../src/platform/errors.ts';
import { applyPatch } from '../../src/scim/patch.ts';
import { acceptRepresentation } from '../../src/scim/schema-validation.ts';
import { lampDescription as lamp, lampExtension, lampSchema } from './lamps.ts';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const meta = { created: '2026-01-01T00:00:00Z', lastModified: '2026-01-01T00:00:00Z', version: 'W/"1"' };
const stored = {
  id: 'lamp-1',
  meta,
  name: 'Hall',
  serial: 'S1',
  active: true,
  maker: { value: 'Acme' },
  parts: [{ value: 'p1' }],
  tags: ['old', 'brass'],
  place: { room: 'hall', floor: 1 },
  owners: [
    { value: 'u1', type: 'User', display: 'One', primary: true },
    { value: 'g1', type: 'Group', display: 'Two' },
  ],
  [lampExtension]: { status: 'active', fuses: [{ value: 'F1', amps: 10 }] },
};

const patch = (...operations: unknown[]) => applyPatch(lamp, stored, { schemas: [patchSchema], Operations: operations });

function scimTypeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof AppError) return error.details.scimType ?? error.code;
    throw error;
  }
  return 'accepted';
}

const owners = stored.owners;
const accepted: [string, unknown[], object][] = [
  [
    '§3.5.2.1 add without a path merges an object',
    [{ op: 'add', value: { watts: 5, place: { floor: 2 } } }],
    { watts: 5, place: { room: 'hall', floor: 2 } },
  ],
  [
    '§3.5.2.1 add appends to a multi-valued attribute and skips what is there',
    [{ op: 'add', path: 'owners', value: [{ value: 'u1', type: 'User', primary: true }, { value: 'u2' }] }],
    { owners: [...owners, { value: 'u2' }] },
  ],
  [
    '§3.5.2.1 add takes a single value of a multi-valued attribute',
    [{ op: 'add', path: 'tags', value: 'new' }],
    { tags: ['old', 'brass', 'new'] },
  ],
  [
    '§3.5.2.1 add to one selected value',
    [{ op: 'add', path: 'owners[value eq "g1"].primary', value: true }],
    {
      owners: [
        { ...owners[0], primary: false },
        { ...owners[1], primary: true },
      ],
    },
  ],
  [
    '§3.5.2.1 add with a filter that selects nothing makes the value it describes (Entra)',
    [{ op: 'Add', path: 'owners[value eq "u9" and type eq "user"].primary', value: 'False' }],
    { owners: [...owners, { value: 'u9', type: 'user', primary: false }] },
  ],
  [
    '§3.5.2 a new primary value takes it from the others',
    [{ op: 'add', path: 'owners', value: { value: 'u2', primary: true } }],
    { owners: [{ ...owners[0], primary: false }, owners[1], { value: 'u2', primary: true }] },
  ],
  ['§3.5.2.2 remove an attribute', [{ op: 'remove', path: 'place' }], { place: undefined }],
  ['§3.5.2.2 remove a sub-attribute', [{ op: 'remove', path: 'place.room' }], { place: { floor: 1 } }],
  ['§3.5.2.2 remove selected values', [{ op: 'remove', path: 'owners[type eq "group"]' }], { owners: [owners[0]] }],
  ['§3.5.2.2 removing the last value unassigns the attribute', [{ op: 'remove', path: 'owners[value pr]' }], { owners: undefined }],
  ['§3.5.2.2 remove selected values of a simple attribute', [{ op: 'remove', path: 'tags[value sw "br"]' }], { tags: ['old'] }],
  [
    '§3.5.2.2 remove names its values in value (Entra) and removes only those',
    [{ op: 'Remove', path: 'owners', value: [{ value: 'u1' }] }],
    { owners: [owners[1]] },
  ],
  ['§3.5.2.3 replace a whole multi-valued attribute', [{ op: 'replace', path: 'tags', value: ['x'] }], { tags: ['x'] }],
  [
    '§3.5.2.3 replace merges a complex attribute',
    [{ op: 'replace', path: 'place', value: { floor: 3 } }],
    { place: { room: 'hall', floor: 3 } },
  ],
  [
    '§3.5.2.3 replace selected values as a whole',
    [{ op: 'replace', path: 'owners[value eq "g1"]', value: { value: 'g2' } }],
    { owners: [owners[0], { value: 'g2' }] },
  ],
  [
    '§3.5.2.3 replace a sub-attribute of selected values',
    [{ op: 'replace', path: 'owners[value eq "g1"].type', value: 'user' }],
    { owners: [owners[0], { ...owners[1], type: 'User' }] },
  ],
  [
    '§3.10 names in any case, with the URN of the core schema',
    [{ op: 'REPLACE', path: `${lampSchema.toUpperCase()}:NAME`, value: 'Porch' }],
    { name: 'Porch' },
  ],
  [
    '§3.10 the URN of an extension',
    [{ op: 'replace', path: `${lampExtension}:fuses[value eq "F1"].amps`, value: 16 }],
    { [lampExtension]: { status: 'active', fuses: [{ value: 'F1', amps: 16 }] } },
  ],
  [
    '§3.5.2 an extension as path',
    [{ op: 'add', path: lampExtension, value: { status: 'retired' } }],
    { [lampExtension]: { status: 'retired', fuses: [{ value: 'F1', amps: 10 }] } },
  ],
  ['§3.5.2 removing an extension removes its attributes', [{ op: 'remove', path: lampExtension }], { [lampExtension]: undefined }],
  [
    '§3.5.2 paths as names of an object without a path (Entra)',
    [{ op: 'replace', value: { 'place.room': 'attic', [`${lampExtension}:status`]: 'retired' } }],
    { place: { room: 'attic', floor: 1 }, [lampExtension]: { status: 'retired', fuses: [{ value: 'F1', amps: 10 }] } },
  ],
  ['§3.5.2 booleans as strings (Entra)', [{ op: 'Replace', path: 'active', value: 'False' }], { active: false }],
  ['§3.5.2 null unassigns', [{ op: 'replace', path: 'active', value: null }], { active: undefined }],
  ['§3.5.2 a readOnly attribute may be repeated as it is', [{ op: 'replace', value: { id: 'lamp-1', active: false } }], { active: false }],
  [
    '§3.5.2 operations apply in order',
    [
      { op: 'add', path: 'tags', value: 'a' },
      { op: 'remove', path: 'tags[value eq "a"]' },
      { op: 'replace', path: 'watts', value: 1 },
    ],
    { watts: 1 },
  ],
];

const refused: [string, unknown, string][] = [
  ['§3.5.2 unknown attributes: invalidPath', { op: 'add', path: 'colour', value: 1 }, 'invalidPath'],
  ['§3.5.2 unknown sub-attributes: invalidPath', { op: 'add', path: 'place.street', value: 'x' }, 'invalidPath'],
  ['§3.5.2 malformed paths: invalidPath', { op: 'add', path: 'owners[value eq "x"', value: 1 }, 'invalidPath'],
  ['§3.5.2 inherited names: invalidPath', { op: 'add', path: '__proto__.polluted', value: 'x' }, 'invalidPath'],
  ['§3.5.2 filter on a single-valued attribute: invalidPath', { op: 'add', path: 'place[room eq "x"]', value: {} }, 'invalidPath'],
  ['§3.12 malformed value filters: invalidFilter', { op: 'remove', path: 'owners[value xx "1"]' }, 'invalidFilter'],
  ['§3.5.2 unknown operations: invalidSyntax', { op: 'move', path: 'name', value: 'x' }, 'invalidSyntax'],
  ['§3.5.2.1 add without a value: invalidValue', { op: 'add', path: 'name' }, 'invalidValue'],
  ['§3.5.2.2 remove without a path: noTarget', { op: 'remove' }, 'noTarget'],
  [
    '§3.5.2.3 replace where the filter selects nothing: noTarget',
    { op: 'replace', path: 'owners[value eq "zz"].type', value: 'User' },
    'noTarget',
  ],
  ['§3.5.2.2 remove where the filter selects nothing: noTarget', { op: 'remove', path: 'owners[value eq "zz"]' }, 'noTarget'],
  [
    '§3.5.2.1 add where the filter does not describe a value: noTarget',
    { op: 'add', path: 'owners[value sw "zz"].type', value: 'User' },
    'noTarget',
  ],
  ['§3.5.2 readOnly: mutability', { op: 'replace', path: 'lastLitAt', value: '2026-01-01T00:00:00Z' }, 'mutability'],
  ['§3.5.2 readOnly id: mutability', { op: 'replace', value: { id: 'other' } }, 'mutability'],
  ['§3.5.2 readOnly meta.version: mutability', { op: 'replace', path: 'meta.version', value: 'W/"9"' }, 'mutability'],
  ['§3.5.2 readOnly sub-attribute: mutability', { op: 'replace', path: 'owners[value eq "u1"].display', value: 'x' }, 'mutability'],
  ['§3.5.2 sub-attribute of a readOnly attribute: mutability', { op: 'replace', path: 'maker.value', value: 'x' }, 'mutability'],
  ['§3.5.2 value of a readOnly attribute: mutability', { op: 'add', path: 'parts[value eq "p1"].value', value: 'p2' }, 'mutability'],
  ['§3.5.2 immutable once set: mutability', { op: 'replace', path: 'serial', value: 'S2' }, 'mutability'],
  ['§3.5.2 immutable is not removed: mutability', { op: 'remove', path: 'serial' }, 'mutability'],
  ['§3.5.2.2 removing a required attribute: mutability', { op: 'remove', path: 'name' }, 'mutability'],
  ['§3.5.2.2 removing a required sub-attribute: mutability', { op: 'remove', path: 'owners[value eq "u1"].value' }, 'mutability'],
  ['§3.12 wrong type: invalidValue', { op: 'replace', path: 'watts', value: 'many' }, 'invalidValue'],
  [
    '§3.12 more values than the attribute has room for: invalidValue',
    { op: 'add', path: 'tags', value: ['1', '2', '3', '4'] },
    'invalidValue',
  ],
];

describe('RFC 7644 §3.5.2 PATCH', () => {
  test.each(accepted)('%s', (_title, operations, expected) => {
    const wanted: Record<string, unknown> = { ...stored, ...expected };
    for (const name of Object.keys(wanted)) if (wanted[name] === undefined) delete wanted[name];
    expect(patch(...operations)).toStrictEqual(wanted);
  });

  test.each(refused)('%s', (_title, operation, scimType) => {
    expect(scimTypeOf(() => patch(operation))).toBe(scimType);
  });

  test('§3.5.2 the resource that was read is left as it is', () => {
    const before = structuredClone(stored);
    patch({ op: 'replace', path: 'owners[value eq "u1"].type', value: 'Group' }, { op: 'add', path: 'place.floor', value: 9 });
    expect(stored).toStrictEqual(before);
  });

  test('§3.5.2 needs its schema and 1 to 100 operations', () => {
    const add = { op: 'add', path: 'watts', value: 1 };
    expect(scimTypeOf(() => applyPatch(lamp, stored, { Operations: [add] }))).toBe('invalidSyntax');
    expect(scimTypeOf(() => patch())).toBe('invalidSyntax');
    expect(scimTypeOf(() => patch(...Array(100).fill(add)))).toBe('accepted');
    expect(scimTypeOf(() => patch(...Array(101).fill(add)))).toBe('too_large');
  });
});

const paths = fc.oneof(
  fc.constantFrom(
    'name',
    'owners',
    'owners.type',
    'owners[value eq "u1"]',
    'owners[type eq "User"].primary',
    'tags',
    'tags[value pr]',
    'place',
    'place.room',
    lampExtension,
    `${lampExtension}:status`,
    'id',
    '__proto__',
    'constructor.prototype',
    'meta',
  ),
  fc.string(),
);
const operation = fc.record({
  op: fc.constantFrom('add', 'Replace', 'remove'),
  path: fc.option(paths, { nil: undefined }),
  value: fc.oneof(fc.jsonValue(), fc.constant({ value: 'u1' }), fc.dictionary(paths, fc.jsonValue())),
});

describe('PATCH, whatever it is sent', () => {
  test('either refuses with 400/413 or yields a resource of known attributes whose readOnly ones are unchanged', () => {
    const known = new Set(['id', 'meta', 'externalId', ...lamp.schema.attributes.map(({ name }) => name), lampExtension]);
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 4 }), (operations) => {
        try {
          const patched = patch(...operations);
          expect(Object.keys(patched).filter((name) => !known.has(name))).toEqual([]);
          expect({ id: patched['id'], meta: patched['meta'], serial: patched['serial'] }).toStrictEqual({
            id: stored.id,
            meta,
            serial: 'S1',
          });
          acceptRepresentation(lamp, patched);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
        expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test('adding what is there and removing what was added change nothing', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{3,9}$/), { minLength: 1, maxLength: 3 }), (tags) => {
        const twice = patch({ op: 'add', path: 'tags', value: tags }, { op: 'add', path: 'tags', value: tags });
        expect(twice).toStrictEqual(patch({ op: 'add', path: 'tags', value: tags }));
        const fresh = tags.filter((tag) => !stored.tags.includes(tag));
        expect(patch({ op: 'add', path: 'tags', value: fresh }, { op: 'remove', path: 'tags', value: fresh })).toStrictEqual(stored);
      }),
    );
  });
});
