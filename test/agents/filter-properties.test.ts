import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agentDefinition } from '../../src/agents/scim-extension.ts';
import { columnsOf, matchesFilter, type ScimResource, type ScimResourceType } from '../../src/scim/index.ts';
import { leafOf, resolveAttributePath } from '../../src/scim/attribute-path.ts';
import { parseFilter } from '../../src/scim/filter.ts';
import type { ApiCaller } from '../../src/platform/http/web.ts';
import { openPopulatedRegistry, type PopulatedRegistry } from './populated-registry.ts';

let registry: PopulatedRegistry;
let agents: ScimResourceType<ApiCaller>;
let resources: readonly ScimResource[];
const caller = {} as ApiCaller;

beforeAll(async () => {
  registry = await openPopulatedRegistry(40);
  const type = registry.agents.capability.scim?.find(({ name }) => name === 'Agent');
  if (type === undefined) throw new Error('no type Agent');
  agents = type;
  resources = (await agents.list({ page: { by: 'index', startIndex: 1, count: 200 } }, caller)).resources;
}, 60_000);

afterAll(() => registry.close());

/** A path that a filter may name, as the storage of the definition says; `within` is the attribute whose value has it. */
interface Place {
  readonly path: string;
  readonly within?: { readonly path: string; readonly name: string };
}
const places: readonly Place[] = Object.entries(columnsOf(agentDefinition)).flatMap(([path, column]): readonly Place[] =>
  'rows' in column ? Object.keys(column.columns).map((name) => ({ path: `${path}.${name}`, within: { path, name } })) : [{ path }],
);
const ordering = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const operators: Readonly<Record<string, readonly string[]>> = {
  string: [...ordering, 'co', 'sw', 'ew'],
  reference: [...ordering, 'co', 'sw', 'ew'],
  integer: ordering,
  dateTime: ordering,
  boolean: ['eq', 'ne'],
  binary: ['eq', 'ne'],
  complex: [],
};
const noise: Readonly<Record<string, readonly unknown[]>> = {
  string: ['', 'e', 'Z', '%', '_', '\\', 'É', 'z', '東', '\u{1f680}', 'constructor'],
  reference: ['', 'https://', 'HTTPS'],
  integer: [-1, 0, 1.5, 9, 99_999_999_999, 1e300],
  dateTime: ['2026-06-01T12:10:00Z', '1999-01-01T00:00:00+02:00', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z'],
  boolean: [true, false, 'True'],
  binary: ['AAAA'],
};

function valuesAt(value: unknown, names: readonly string[]): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, names));
  const [name, ...rest] = names;
  // The values of a simple attribute are named `value` and are it themselves.
  if (name === undefined || typeof value !== 'object' || value === null) return [value];
  return valuesAt((value as Readonly<Record<string, unknown>>)[name], rest);
}

const typeAt = (path: string) => {
  const target = resolveAttributePath(agentDefinition, path);
  if (target === undefined) throw new Error(`${path} is stored and not defined`);
  return { target, leaf: leafOf(target) };
};

/** What is compared with: values that agents have, the same in capitals, their beginnings, and others. */
function literalsFor(path: string): readonly unknown[] {
  const { target, leaf } = typeAt(path);
  const names = [target.extension, target.attribute.name, target.subAttribute?.name].filter((name) => name !== undefined);
  const known = [...new Set(resources.flatMap((resource) => valuesAt(resource, names)))].slice(0, 12);
  const texts = known.filter((value) => typeof value === 'string' && leaf.type !== 'dateTime') as string[];
  const parts = leaf.type === 'binary' ? [] : texts.flatMap((text) => [text.toUpperCase(), text.slice(1, 4)]);
  return [...known, ...parts, ...(noise[leaf.type] ?? [])];
}

/** `path op value`, `path pr`, or the same inside brackets. */
function comparisonAt({ path, within }: Place): fc.Arbitrary<string> {
  const { leaf } = typeAt(path);
  const compared = (name: string) => {
    const present = fc.constantFrom(`${name} pr`, `not (${name} pr)`);
    const comparing = operators[leaf.type] ?? [];
    if (comparing.length === 0) return present;
    const literal = fc.constantFrom(...literalsFor(path)).map((value) => JSON.stringify(value));
    const compare = fc.tuple(fc.constantFrom(...comparing), literal).map(([op, value]) => `${name} ${op} ${value}`);
    const nothing = fc.constantFrom(`${name} eq null`, `${name} ne null`);
    return fc.oneof({ weight: 6, arbitrary: compare }, present, nothing);
  };
  if (within === undefined) return compared(path);
  const inside = compared(within.name).map((filter) => `${within.path}[${filter}]`);
  return fc.oneof(compared(path), inside, fc.constant(`${within.path} pr`));
}

const filters = () =>
  fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.constantFrom(...places).chain(comparisonAt),
      fc.tuple(tie('filter'), fc.constantFrom('and', 'or'), tie('filter')).map(([left, op, right]) => `(${left}) ${op} (${right})`),
      tie('filter').map((inner) => `not (${inner})`),
    ),
  })).filter;

async function expectSameRows(text: string): Promise<void> {
  const filter = parseFilter(agentDefinition, text);
  const { resources: found } = await agents.list({ filter, page: { by: 'index', startIndex: 1, count: 200 } }, caller);
  const expected = resources.filter((resource) => matchesFilter(filter, resource)).map(({ id }) => id);
  expect(found.map(({ id }) => id).sort()).toEqual(expected.sort());
}

describe('RFC 7644 §3.4.2.2: filters on agents', () => {
  test('every stored attribute is defined, and some agents have it and some do not', () => {
    const always = places.filter(({ path }) => valuesFor(path).length === resources.length).map(({ path }) => path);
    const never = places.filter(({ path }) => valuesFor(path).length === 0).map(({ path }) => path);
    expect(never).toEqual([]);
    expect(places.length).toBeGreaterThan(always.length * 2);
  });

  test('SQL finds what the reference finds, for each attribute by itself', async () => {
    for (const place of places) await fc.assert(fc.asyncProperty(comparisonAt(place), expectSameRows), { numRuns: 15 });
  }, 120_000);

  test('SQL finds what the reference finds, for random filters over all attributes', async () => {
    await fc.assert(fc.asyncProperty(filters(), expectSameRows), { numRuns: 300 });
  }, 120_000);
});

function valuesFor(path: string): readonly ScimResource[] {
  const { target } = typeAt(path);
  return resources.filter((resource) => matchesFilter({ op: 'pr', target }, resource));
}
