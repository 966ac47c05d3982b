import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AppError } from '../../src/platform/errors.ts';
import type { ScimResource } from '../../src/scim/index.ts';
import { acceptRepresentation } from '../../src/scim/schema-validation.ts';
import { patchResource, presentResource } from '../../src/scim/service.ts';
import { createLamps, lampDescription as lamp, lampExtension, lampSchema } from './lamps.ts';
import { baseUrl } from './server.ts';

const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

const text = fc.constantFrom('Hall', 'x', '', 'true', 'active', 'User', 'u1', 'x'.repeat(120), '2026-01-01T00:00:00Z');
const scalar = fc.oneof(text, fc.constantFrom(true, false, 'False', 0, -1, 1.5, 1e300, null));
const owner = fc.record(
  { value: text, type: fc.constantFrom('User', 'group', 'Robot'), primary: fc.boolean(), display: text },
  { requiredKeys: [] },
);
const place = fc.record({ room: scalar, FLOOR: fc.constantFrom(1, 2, 'up') }, { requiredKeys: [] });
const value = fc.oneof(
  scalar,
  owner,
  place,
  fc.array(owner, { maxLength: 3 }),
  fc.array(text, { maxLength: 6 }),
  fc.array(fc.record({ value: text, amps: fc.constantFrom(1, 2.5, 'many') }, { requiredKeys: [] }), { maxLength: 2 }),
);
const path = fc.constantFrom(
  ...[
    'name',
    'NAME',
    'serial',
    'active',
    'watts',
    'secret',
    'manual',
    'lastLitAt',
    'maker',
    'parts',
    'id',
    'meta',
    'schemas',
    'externalId',
  ],
  ...['tags', 'tags[value eq "x"]', 'place', 'place.room', 'Place.Floor', 'owners', 'owners.type', 'owners[value eq "u1"]'],
  ...['owners[type eq "User"].primary', 'owners[primary eq true].value', 'owners[not (type pr)].display', 'owners[value eq "new"].type'],
  ...[`${lampExtension}:status`, `${lampExtension}:checkedAt`, `${lampExtension}:fuses[amps gt 1]`, lampExtension, `${lampSchema}:name`],
  ...['colour', '__proto__', 'owners[', 'owners[colour pr]', 'name.first'],
);
const members = fc.dictionary(fc.oneof(path, fc.constant('owners.value')), value, { maxKeys: 3 });
const operation = fc.record(
  { op: fc.constantFrom('add', 'Add', 'replace', 'remove'), path: fc.option(path, { nil: undefined }), value: fc.oneof(value, members) },
  { requiredKeys: ['op'] },
);
/** Changes that mostly fit, so that patches are also applied. */
const fitting = fc.oneof(
  fc.record({
    op: fc.constant('add'),
    path: fc.constantFrom('tags', 'manual', 'place.room', `${lampExtension}:fuses`),
    value: fc.constant('x'),
  }),
  fc.record({ op: fc.constantFrom('add', 'replace'), path: fc.constant('owners'), value: fc.array(owner, { maxLength: 3 }) }),
  fc.record({ op: fc.constant('add'), path: fc.constant('owners[type eq "User"].primary'), value: fc.boolean() }),
  fc.record({ op: fc.constant('remove'), path: fc.constantFrom('tags', 'owners', 'active', lampExtension, 'owners[value eq "u1"]') }),
  fc.record({ op: fc.constant('replace'), value: fc.record({ active: fc.boolean(), watts: fc.integer() }, { requiredKeys: [] }) }),
);
const patches = fc.array(fc.array(fc.oneof(operation, { arbitrary: fitting, weight: 3 }), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 6,
});

const shown = (resource: ScimResource) => presentResource(lamp, resource, { baseUrl, wanted: {} });
const asArray = (each: unknown): readonly Record<string, unknown>[] => (Array.isArray(each) ? each : []);

/** What must be true of a lamp whatever was done to it. */
function assertValid(before: ScimResource, after: ScimResource): void {
  const representation = shown(after);
  // The resource is one that a client could have sent: complete, of the right types, within all bounds.
  const input = acceptRepresentation(lamp, representation);
  expect(acceptRepresentation(lamp, { ...representation, ...input })).toEqual(input);
  expect(after['name']).toEqual(expect.stringMatching(/^.{0,100}$/s));
  expect([after.id, after['lastLitAt'], after['maker'], after['parts']]).toEqual([before.id, undefined, undefined, undefined]);
  if (before['serial'] !== undefined) expect(after['serial']).toBe(before['serial']);
  expect(asArray(after['owners']).filter(({ primary }) => primary === true).length).toBeLessThan(2);
  expect(asArray(after['tags']).length).toBeLessThan(6);
}

describe('RFC 7644 §3.5.2', () => {
  test('a lamp stays a lamp under any sequence of patches; a refused patch changes nothing', async () => {
    const seen = { applied: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(patches, async (sequence) => {
        const lamps = createLamps();
        const start = acceptRepresentation(lamp, { name: 'Hall', serial: 'S1', tags: ['x'], owners: [{ value: 'u1', type: 'User' }] });
        const { id } = await lamps.create(start, 'ada');
        for (const Operations of sequence) {
          const before = await lamps.get(id, 'ada');
          try {
            const after = await patchResource(lamps, { id, body: { schemas: [patchSchema], Operations } }, 'ada');
            assertValid(before, after);
            expect(await lamps.get(id, 'ada')).toEqual(after);
            seen.applied += 1;
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            expect([error.code, error.details.scimType]).toEqual(['invalid_input', expect.any(String)]);
            expect(await lamps.get(id, 'ada')).toEqual(before);
            seen.refused += 1;
          }
        }
      }),
      { numRuns: 1500 },
    );
    // Neither is a rarity, or the property would say nothing.
    expect(Math.min(seen.applied, seen.refused)).toBeGreaterThan(500);
    expect(Object.prototype).toEqual({});
  });
});
